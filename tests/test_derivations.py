"""Derivations: what each kind makes of a series."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.alerts.derivations.mean import Mean
from ingest.alerts.duration import PATTERNS
from ingest.local_time import parse_local
from tests.derivation_series import (
    ALL,
    HOUR_MS,
    MARCH,
    MINUTE_MS,
    OCTOBER,
    Sample,
    build,
    list_told,
    list_values,
    make_steady,
    series,
)

# mean


def find_mean(samples: Sequence[Sample], window_ms: int) -> float | None:
    """Return the mean of the window that ends with the last sample, in one go over all of them."""
    now_ms = samples[-1][0]
    area, known_ms = 0.0, 0
    for (begin_ms, value), (end_ms, _) in itertools.pairwise(samples):
        until_ms = min(end_ms, begin_ms + window_ms // 2)
        span_ms = max(0, until_ms - max(begin_ms, now_ms - window_ms))
        area, known_ms = area + value * span_ms, known_ms + span_ms
    return area / known_ms if 2 * known_ms >= window_ms else None


@given(series(st.floats(-100.0, 100.0)))
def test_a_mean_is_that_of_the_whole_series_where_readings_are_slow(samples: list[Sample]) -> None:
    slow = [
        sample for number, sample in enumerate(samples) if not number or sample[0] - samples[number - 1][0] > 20_000
    ]
    for number, value in enumerate(list_values(build("mean", window="20m"), slow), start=1):
        assert value == pytest.approx(find_mean(slow[:number], 20 * MINUTE_MS), abs=1e-9)


@given(st.lists(st.floats(0.0, 100.0), min_size=40, max_size=90), st.integers(1, 11_999))
def test_a_mean_of_fast_readings_is_off_by_a_sixtieth_at_most(values: list[float], step_ms: int) -> None:
    samples = [(MARCH + number * step_ms, value) for number, value in enumerate(values * 3)]
    mean = Mean(window_ms=100 * step_ms)
    for number, value in enumerate(list_values(mean, samples), start=1):
        expected = find_mean(samples[:number][-110:], mean.window_ms)
        assert (value is None) == (expected is None)
        assert value is None or abs(value - (expected or 0.0)) <= 100.0 / 60 + 1e-9


def test_a_mean_says_nothing_before_half_of_its_window() -> None:
    values = list_values(build("mean", window="20m"), make_steady(MARCH, 30, 1, start=900.1))
    assert values == [None] * 10 + [900.1] * 21


def test_a_mean_forgets_what_lies_before_its_window() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 400.0 if minute < 20 else 1200.0) for minute in range(41)]
    values = list_values(build("mean", window="20m"), samples)
    assert (values[20], values[30], values[40]) == (400.0, 800.0, 1200.0)


def test_a_mean_is_not_shaken_for_ever_by_one_absurd_value() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 1e300 if minute == 5 else 20.0) for minute in range(60)]
    assert list_values(build("mean", window="20m"), samples)[-1] == 20.0


def test_a_value_counts_for_half_a_window_at_most() -> None:
    samples = [(MARCH, 100.0), (MARCH + 60 * MINUTE_MS, 0.0), (MARCH + 70 * MINUTE_MS, 0.0)]
    assert list_values(build("mean", window="20m"), samples) == [None, None, 0.0]


def test_a_direction_has_neither_mean_nor_rate() -> None:
    for kind in ("mean", "rate"):
        with pytest.raises(ValueError, match="direction"):
            ALL[kind].find_unit("deg")


def test_over_is_the_share_of_time_above_the_limit() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 1200.0 if minute < 15 else 1000.0) for minute in range(61)]
    over = build("over", limit=1000.0, window="1h")
    values = list_values(over, samples)
    assert values[29] is None
    assert [values[30], values[60]] == pytest.approx([50.0, 25.0])
    assert over.find_unit("[ppm]") == "%"


# rate, unchanged, matches


def test_a_rate_is_per_hour_and_negative_where_it_falls() -> None:
    rate = build("rate", window="1h")
    assert rate.find_unit("Cel") == "Cel/h"
    for slope in (-3.0, 12.0):
        values = list_values(rate, make_steady(MARCH, 120, 10, slope=slope, start=20.0))
        assert values[:3] == [None] * 3
        assert values[3:] == [pytest.approx(slope)] * 10


def test_a_rate_sees_no_further_than_its_window() -> None:
    samples = [*make_steady(MARCH, 60, 1), *make_steady(MARCH + 61 * MINUTE_MS, 60, 1, start=2.0)]
    values = list_values(build("rate", window="1h"), samples)
    assert (values[60], values[61], values[-1]) == (0.0, 2.0, 0.0)


def test_a_rate_says_nothing_after_a_gap() -> None:
    samples = [(MARCH, 1.0), (MARCH + 5 * HOUR_MS, 9.0), (MARCH + 5 * HOUR_MS + 30 * MINUTE_MS, 10.0)]
    assert list_values(build("rate", window="1h"), samples) == [None, None, 2.0]


def test_unchanged_counts_minutes_since_the_value_was_another() -> None:
    values = [5.0, 5.0, 5.0, 5.1, 5.1]
    samples = [(MARCH + number * 10 * MINUTE_MS, value) for number, value in enumerate(values)]
    assert list_values(build("unchanged"), samples) == [0.0, 10.0, 20.0, 0.0, 10.0]


@pytest.mark.parametrize(("wanted", "values"), [(True, [0.0, 1.0]), (False, [1.0, 0.0]), (0, [1.0, 0.0])])
def test_matches_is_one_where_the_value_is_the_one(wanted: float, values: list[float]) -> None:
    assert list_values(build("matches", value=wanted), [(MARCH, 0.0), (MARCH + 1, 1.0)]) == values


# hours of a register


@given(st.lists(st.tuples(st.integers(1, 119), st.floats(0.0, 50.0)), min_size=1, max_size=100))
def test_hours_of_energy_add_up_to_the_register(steps: list[tuple[int, float]]) -> None:
    samples = [(MARCH, 1000.0)]
    for minutes, used in steps:
        minutes_left = min(minutes, 60)  # further apart, hours between them are not told
        samples.append((samples[-1][0] + minutes_left * MINUTE_MS, samples[-1][1] + used))
    told = list_told(build("hour_energy"), samples)
    last_ms = samples[-1][0] // HOUR_MS * HOUR_MS
    after = next(number for number, (time_ms, _) in enumerate(samples) if time_ms >= last_ms)
    if after == 0:
        assert not told
        return
    (before_ms, before), (time_ms, value) = samples[after - 1], samples[after]
    at_last = before + (value - before) * (last_ms - before_ms) / (time_ms - before_ms)
    assert len(told) == (last_ms - MARCH) // HOUR_MS
    assert sum(used for _, used in told) == pytest.approx(at_last - 1000.0, abs=1e-6)


def test_the_register_at_the_full_hour_lies_between_its_samples() -> None:
    samples = [
        (MARCH + minute * MINUTE_MS, value) for minute, value in ((50, 10.0), (70, 12.0), (110, 20.0), (130, 30.0))
    ]
    assert list_told(build("hour_energy"), samples) == [(MARCH + 130 * MINUTE_MS, 25.0 - 11.0)]


def test_of_the_hours_in_a_gap_the_last_is_told() -> None:
    samples = [(MARCH + 30 * MINUTE_MS, 10.0), (MARCH + 130 * MINUTE_MS, 30.0)]
    assert list_told(build("hour_energy"), samples) == [(MARCH + 130 * MINUTE_MS, 12.0)]


def test_a_swapped_meter_starts_over() -> None:
    old = make_steady(MARCH, 90, 10, slope=6.0, start=5000.0)
    new = make_steady(MARCH + 100 * MINUTE_MS, 150, 10, slope=6.0)
    told = list_told(build("hour_energy"), old + new)
    assert [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in told] == [60, 180, 240]
    assert [used for _, used in told] == pytest.approx([6.0] * 3)


def test_a_long_gap_says_nothing_of_its_hours() -> None:
    samples = make_steady(MARCH, 60, 30, slope=4.0) + make_steady(
        MARCH + 190 * MINUTE_MS, 120, 10, slope=4.0, start=12.7
    )
    times = [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in list_told(build("hour_energy"), samples)]
    assert times == [60, 300]


def test_a_forecast_is_what_was_used_and_the_slope_for_the_rest() -> None:
    calm = make_steady(MARCH, 90, 1, slope=10.0)
    busy = make_steady(MARCH + 91 * MINUTE_MS, 29, 1, slope=40.0, start=15.0 + 40 / 60)
    values = list_values(build("hour_forecast"), calm + busy)
    assert values[:5] == [None] * 5
    assert values[5:60] == [pytest.approx(10.0)] * 55
    assert values[60:65] == [None] * 5
    assert values[65:91] == [pytest.approx(10.0)] * 26
    assert values[100:120] == [pytest.approx(25.0)] * 20  # half an hour at 10 and half an hour at 40
    assert 10.0 < (values[95] or 0.0) < 25.0


def test_a_forecast_knows_the_slope_of_slow_registers_too() -> None:
    samples = make_steady(MARCH, 60, 15, slope=8.0) + make_steady(
        MARCH + 75 * MINUTE_MS, 45, 15, slope=16.0, start=12.0
    )
    values = list_values(build("hour_forecast"), samples)
    assert values == [None, 8.0, 8.0, 8.0, None, 16.0, 16.0, 16.0, None]


def test_a_forecast_needs_the_beginning_of_its_hour() -> None:
    samples = make_steady(MARCH + 20 * MINUTE_MS, 100, 1, slope=8.0)
    times = [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in list_told(build("hour_forecast"), samples)]
    assert times == list(range(65, 120))


@pytest.mark.parametrize("kind", ["hour_energy", "hour_forecast", "night_use"])
def test_only_a_register_has_hours_and_nights_of_use(kind: str) -> None:
    assert ALL[kind].find_unit("kW.h") == "kW.h"
    assert ALL[kind].find_unit("m3") == "m3"
    with pytest.raises(ValueError, match="register"):
        ALL[kind].find_unit("Cel")


# nights


@pytest.mark.parametrize(("day_ms", "hours"), [(MARCH, (3, 2, 3)), (OCTOBER, (3, 4, 3))])
def test_use_of_the_nights_when_the_clocks_change(day_ms: int, hours: tuple[int, ...]) -> None:
    samples = make_steady(day_ms + 7 * MINUTE_MS, 3 * 24 * 60, 17, slope=5.0, start=300.0)
    told = list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)
    assert [used for _, used in told] == [pytest.approx(5.0 * hour) for hour in hours]


def test_use_of_a_night_is_told_once_after_its_end() -> None:
    samples = make_steady(MARCH, 24 * 60, 10, slope=1.0)
    told = list_told(build("night_use", **{"from": "22:00", "to": "23:00"}), samples)
    assert [time_ms for time_ms, _ in told] == [MARCH + 23 * HOUR_MS]
    assert told[0][1] == pytest.approx(1.0)


@pytest.mark.parametrize("hole", [(40, 170), (200, 330)])
def test_use_of_a_night_whose_begin_or_end_was_missed_is_not_told(hole: tuple[int, int]) -> None:
    samples = [
        sample
        for sample in make_steady(MARCH, 300, 10, slope=1.0)
        if not hole[0] <= (sample[0] - MARCH) // MINUTE_MS <= hole[1]
    ]
    assert not list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)


def test_use_of_a_night_with_a_new_meter_is_not_told() -> None:
    samples = make_steady(MARCH, 120, 10, slope=1.0, start=900.0) + make_steady(
        MARCH + 130 * MINUTE_MS, 27 * 60, 10, slope=1.0
    )
    told = list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)
    assert [time_ms for time_ms, _ in told] == [parse_local("2026-03-29T04:00")]  # only the next one
    assert told[0][1] == pytest.approx(2.0)


@pytest.mark.parametrize(("dip_min", "least"), [(59, 0.4), (60, 0.0), (150, 0.0), (239, 0.0), (240, 0.4)])
def test_the_least_flow_of_a_night_is_that_within_it(dip_min: int, least: float) -> None:
    dip_ms = MARCH + dip_min * MINUTE_MS
    samples = [(time_ms, 0.0 if time_ms == dip_ms else 0.4) for time_ms, _ in make_steady(MARCH, 24 * 60, 1)]
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00"}), samples)
    assert told == [(MARCH + 4 * HOUR_MS, least)]


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_the_least_flow_is_told_at_the_local_end_of_the_nights_when_the_clocks_change(night: str) -> None:
    samples = make_steady(parse_local(f"{night} 00:00"), 24 * 60, 10, start=0.4)
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00"}), samples)
    assert told == [(parse_local(f"{night} 04:00"), 0.4)]


@pytest.mark.parametrize(
    ("night", "missing_min", "is_told"),
    [  # from 01:00 to 04:00 it is two hours in March, four in October
        ("2026-03-29", 20, True),
        ("2026-03-29", 30, False),
        ("2026-10-25", 45, True),
        ("2026-10-25", 55, False),
    ],
)
def test_a_night_with_too_much_missing_is_not_told(night: str, missing_min: int, *, is_told: bool) -> None:
    hole_ms = parse_local(f"{night} 01:00") + 10 * MINUTE_MS
    samples = [
        sample
        for sample in make_steady(parse_local(night), 20 * 60, 5, start=0.4)
        if not hole_ms < sample[0] < hole_ms + missing_min * MINUTE_MS
    ]
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00", "gap": "10m"}), samples)
    assert len(told) == is_told


# tables


@pytest.mark.parametrize(
    ("kind", "keys", "says"),
    [
        ("mean", {"window": "0m"}, "window must be longer than 0"),
        ("night_use", {"from": "01:00", "to": "01:00"}, "from and to"),
        ("night_least", {"from": "24:00", "to": "01:00"}, "before"),
        ("night_least", {"from": "01:00", "to": "04:00", "gap": "0s"}, "gap must be longer"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(kind: str, keys: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(kind, **keys)


def test_a_table_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        build("mean", window="20 minutes")
    assert caught.value.errors()[0]["ctx"]["pattern"] in PATTERNS
    with pytest.raises(ValidationError):
        build("mean", window="20m", gap="1m")
