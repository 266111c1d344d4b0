"""Capacity: rates that do not jump, and how long the room lasts."""

import pytest

from ingest.capacity import BROKER_MESSAGE_BYTES, WINDOW_S, Counted, Flow, Meter, Room, state_capacity

GIB = 1024**3
ROOM = Room(used_bytes=GIB // 2, most_bytes=GIB, disk_free_bytes=10 * GIB, broker_bytes=GIB)
FLOW = Flow(messages=1_000, payload_bytes=88_000, lines=1_000, disk_bytes=40_000, gone=1_000)


def test_capacity_is_the_store_and_then_the_broker() -> None:
    capacity = state_capacity(ROOM, FLOW, FLOW, lines=100, age_s=0.1)
    assert capacity.store_hours == pytest.approx(GIB / 2 / 40_000 / 3_600)
    assert capacity.broker_hours == pytest.approx(GIB / (88_000 + 1_000 * BROKER_MESSAGE_BYTES) / 3_600)
    assert capacity.hours == pytest.approx(3.728 + 0.611, abs=0.01)


def test_a_disk_with_less_room_than_the_bound_is_the_bound() -> None:
    capacity = state_capacity(ROOM._replace(disk_free_bytes=144_000_000), FLOW, FLOW, lines=0, age_s=0)
    assert capacity.store_hours == pytest.approx(1.0)


def test_a_store_that_is_held_has_no_room_and_the_broker_still_has() -> None:
    capacity = state_capacity(ROOM._replace(is_held=True), FLOW, FLOW._replace(lines=0, gone=0), lines=9, age_s=99)
    assert (capacity.store_hours, capacity.hours) == (0.0, capacity.broker_hours)


@pytest.mark.parametrize("arriving", [None, Flow()])
def test_nothing_is_promised_while_nothing_comes(arriving: Flow | None) -> None:
    capacity = state_capacity(ROOM, arriving, FLOW, lines=0, age_s=0)
    assert (capacity.store_hours, capacity.broker_hours, capacity.hours) == (None, None, None)


@pytest.mark.parametrize(
    ("lines", "age_s", "committed", "gone", "empty_in_s"),
    [
        (0, 0.0, 1_000, 1_000, 0.0),
        (500, 0.3, 1_000, 1_000, 0.5),  # on its way: it leaves as fast as it comes
        (900_000, 600.0, 1_000, 10_000, 100.0),  # catching up
        (900_000, 600.0, 1_000, 1_000, None),  # it stays as it is
        (900_000, 600.0, 1_000, 0, None),  # the database is away
    ],
)
def test_the_time_until_the_outbox_is_empty(
    lines: int, age_s: float, committed: float, gone: float, empty_in_s: float | None
) -> None:
    passing = FLOW._replace(lines=committed, gone=gone)
    assert state_capacity(ROOM, FLOW, passing, lines, age_s).empty_in_s == empty_in_s


def test_a_rate_needs_some_seconds_and_then_follows_the_last_minute() -> None:
    meter = Meter()
    for second in range(3):
        meter.add(second, Counted(messages=second * 10))
    assert meter.flow() is None
    for second in range(3, 200):
        meter.add(second, Counted(messages=min(second, 100) * 10))
        if second <= 100:
            assert meter.flow() == Flow(messages=10.0)
    assert meter.flow() == Flow()


def test_one_busy_second_hardly_moves_a_rate() -> None:
    meter = Meter()
    for second in range(100):
        meter.add(second, Counted(lines=second * 100))
    meter.add(100, Counted(lines=99 * 100 + 1_000))
    flow = meter.flow()
    assert flow is not None
    assert flow.lines == pytest.approx(100 + 900 / WINDOW_S)


def test_a_pause_keeps_the_rate_and_is_no_part_of_the_next() -> None:
    meter = Meter()
    for second in range(10):
        meter.add(second, Counted(messages=second * 10))
    meter.pause()
    assert meter.flow() == Flow(messages=10.0)
    for second in range(5):
        meter.add(1_000 + second, Counted(messages=90 + second * 30))
        assert meter.flow() == (Flow(messages=10.0) if second < 3 else Flow(messages=30.0))
