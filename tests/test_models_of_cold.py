"""Simulated cold rooms, freezers and medicine refrigerators: cold until something goes wrong."""

from itertools import groupby, pairwise
from statistics import median

import pytest

from simulators.model import Sensor
from simulators.refrigeration import ROOM
from simulators.stories import Story
from tests.model_sensors import DAY_MS, HOUR_MS, MINUTE_MS, local_ms, make_sensor

LIMITS = {"cold_room": (0.5, 4.0), "freezer": (-30.0, -18.0), "medicine_refrigerator": (2.0, 8.0)}
"""Between which temperatures each is to be, in degrees Celsius."""


def list_hours_outside(sensor: Sensor, key: str, days: int) -> list[float]:
    """Return how long each time lasted in which it was too warm or too cold, in hours."""
    start, step = local_ms("2026-02-02"), 5 * MINUTE_MS
    low, high = LIMITS[key]
    outside = (not low <= sensor(time)["temperature"] <= high for time in range(start, start + days * DAY_MS, step))
    return [len(list(run)) * step / HOUR_MS for is_outside, run in groupby(outside) if is_outside]


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("device", ["device-1", "device-2", "device-3"])
def test_cold_is_kept_but_for_a_door_that_is_forgotten_once_in_two_months(key: str, device: str) -> None:
    sensor = make_sensor(key, "nursing_home", device=device)
    assert len([hours for hours in list_hours_outside(sensor, key, 60) if hours > 0.75]) < 5
    low, high = LIMITS[key]
    assert low < median(sensor(local_ms("2026-02-02") + hour * HOUR_MS)["temperature"] for hour in range(200)) < high


def test_a_worn_freezer_thaws_for_hours_and_freezes_again() -> None:
    worn = make_sensor("freezer", "nursing_home", story=Story.WORN_COMPRESSOR)
    long = [hours for hours in list_hours_outside(worn, "freezer", 60) if hours > 3.0]
    assert 5 < len(long) < 25
    assert max(long) < 14.0
    times = range(local_ms("2026-02-02"), local_ms("2026-04-02"), 5 * MINUTE_MS)
    assert -12.0 < max(worn(time_ms)["temperature"] for time_ms in times) < 0.0


def test_a_door_that_does_not_close_shows_as_open_while_the_cold_room_warms() -> None:
    room = make_sensor("cold_room", "nursing_home", story=Story.DOOR_LEFT_OPEN)
    times = range(local_ms("2026-02-02"), local_ms("2026-03-04"), 5 * MINUTE_MS)
    readings = [room(time_ms) for time_ms in times]
    runs = [list(run) for is_open, run in groupby(readings, lambda reading: reading["door_open"]) if is_open]
    forgotten = [run for run in runs if len(run) >= 6]
    assert 5 < len(forgotten) < 16
    for run in forgotten:
        warmth = [float(reading["temperature"]) for reading in run]
        assert warmth[-1] > 8.0
        assert warmth[-1] - warmth[0] > 4.0
        assert max(warmth) < ROOM
        assert all(after > before - 1.0 for before, after in pairwise(warmth))


def test_doors_are_opened_at_meals_and_not_at_night() -> None:
    room = make_sensor("cold_room", "nursing_home", device="device-2")

    def count_open(first_hour: int, hours: int) -> int:
        return sum(
            bool(room(local_ms("2026-02-02") + day * DAY_MS + first_hour * HOUR_MS + second * 20_000)["door_open"])
            for day in range(5)
            for second in range(hours * 180)
        )

    assert count_open(11, 2) > 60
    assert count_open(1, 3) < 10


def test_a_cold_room_of_a_school_is_opened_on_school_days_alone() -> None:
    room = make_sensor("cold_room", "school", device="device-3")
    opened = [
        sum(bool(room(local_ms(day) + 8 * HOUR_MS + second * 20_000)["door_open"]) for second in range(7 * 180))
        for day in ("2026-01-14", "2026-01-17")
    ]
    assert opened[0] > 20
    assert opened[1] == 0
