"""Missed uplinks: what the frame counters of a session say was lost, whatever order the rest comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.payloads.lorawan import LATE_KNOWN, Sessions, Uplink
from ingest.source import Frame

DEVICE = "0004A30B001C0530"
KEY = "00BCB929"


def list_missed(*uplinks: tuple[int, int]) -> list[int | None]:
    """Return what each uplink of one session says of those before it; each an FCnt and a time."""
    sessions = Sessions()
    return [sessions.take(DEVICE, KEY, number, time_ms)[1] for number, time_ms in uplinks]


@pytest.mark.parametrize(
    ("uplinks", "missed"),
    [
        pytest.param([(900, 1), (901, 2), (902, 3)], [None, 0, 0], id="nothing"),
        pytest.param([(900, 1), (903, 2), (904, 3)], [None, 2, 0], id="a gap"),
        pytest.param([(900, 1), (903, 4), (902, 3), (904, 5)], [None, 2, -1, 0], id="a late one fills its gap"),
        pytest.param([(900, 1), (903, 4), (902, 3), (902, 3)], [None, 2, -1, None], id="a late one comes twice"),
        pytest.param([(900, 1), (901, 2), (901, 3), (900, 4)], [None, 0, None, None], id="one comes again"),
        pytest.param([(900, 5), (899, 4), (901, 6)], [None, None, 0], id="of before the first nothing is known"),
        pytest.param([(900, 1), (0, 2), (3, 3)], [None, None, 2], id="a counter that was set to zero"),
        pytest.param([(65_530, 1), (3, 2), (4, 3)], [None, 8, 0], id="a counter of 16 bits goes on from its end"),
        pytest.param([(65_535, 1), (0, 2)], [None, 0], id="a counter of 16 bits goes on, and nothing is missing"),
        pytest.param([(65_535, 1), (65_536, 2), (65_538, 3)], [None, 0, 1], id="a counter of 32 bits goes on"),
        pytest.param([(10, 1), (10_000_000, 2)], [None, 9_999_989], id="a long outage"),
        pytest.param([(10, 1), (500, 9), (435, 8), (436, 7)], [None, 489, None, -1], id="too late to know"),
    ],
)
def test_what_is_missing_is_counted_once(uplinks: list[tuple[int, int]], missed: list[int | None]) -> None:
    assert list_missed(*uplinks) == missed


def test_a_session_that_is_new_has_missed_nothing() -> None:
    sessions = Sessions()
    sessions.take(DEVICE, KEY, 900, 1)
    assert sessions.take(DEVICE, "01497ECC", 5, 2)[1] is None
    sessions.rejoin(DEVICE, "01497ECC", 3)
    assert sessions.take(DEVICE, "01497ECC", 2, 4)[1] is None
    assert sessions.take(DEVICE, "01497ECC", 4, 5)[1] == 1


def test_an_uplink_of_mac_commands_only_is_heard_and_is_no_gap() -> None:
    sessions = Sessions()
    sessions.hear(Uplink(DEVICE, KEY, 1, 1, Frame(1, b"a")), 0)
    (event,) = sessions.hear(Uplink(DEVICE, KEY, 3, 2), 0).events
    assert event.uplink is not None
    assert (event.uplink.missed, event.uplink.time_ms) == (1, 2)
    (said,) = sessions.hear(Uplink(DEVICE, KEY, 4, 3, Frame(1, b"a")), 0).said
    assert said.missed == 0


def test_a_simulated_uplink_says_nothing_of_what_is_missing() -> None:
    sessions = Sessions()
    sessions.hear(Uplink(DEVICE, KEY, 1, 1, Frame(1, b"a")), 0)
    (said,) = sessions.hear(Uplink(DEVICE, KEY, 9, 2, Frame(1, b"a"), simulated=True), 0).said
    assert said.missed is None


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=60), st.integers(0, 60))
def test_what_changed_is_all_that_a_restart_must_know(uplinks: list[tuple[int, int]], cut: int) -> None:
    whole, before, after = Sessions(), Sessions(), Sessions()
    said = [whole.take(DEVICE, KEY, *one) for one in uplinks]
    assert [before.take(DEVICE, KEY, *one) for one in uplinks[:cut]] == said[:cut]
    after.restore(before.take_changed())
    assert before.take_changed() == {}
    assert [after.take(DEVICE, KEY, *one) for one in uplinks[cut:]] == said[cut:]
    assert dict(after) == dict(whole)


def test_of_more_sessions_than_are_remembered_the_latest_are_restored() -> None:
    sessions, fewer = Sessions(), Sessions(most=2)
    for number, device in enumerate("bca"):
        sessions.take(device, KEY, number, number)
    fewer.restore(dict(sessions))
    assert [address for address, _ in fewer] == ["c", "a"]


@given(st.data())
def test_the_sum_is_what_is_missing_between_the_first_and_the_greatest_number(data: st.DataObject) -> None:
    """However late what is late comes, and how often, as long as it is not later than is remembered."""
    numbers = data.draw(st.lists(st.integers(0, LATE_KNOWN), min_size=1, max_size=80))
    total = sum(missed or 0 for missed in list_missed(*((number, number) for number in numbers)))
    first, greatest = numbers[0], max(numbers)
    assert total == len(set(range(first, greatest + 1)) - set(numbers))
