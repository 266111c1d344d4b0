"""LoRaWAN in its neutral form: which session an uplink is of, and how well it was heard."""

import base64
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.payloads.lorawan import (
    MOST_OCTETS,
    Moment,
    Reception,
    Sessions,
    Uplink,
    judge_radio,
    read_frame,
)
from ingest.payloads.protobuf_json import Part
from ingest.source import Counter, EventKind, Frame, Radio

DEVICE = "0004A30B001C0530"
KEY = "00BCB929"
MINUTE_MS = 60_000


def count_all(sessions: Sessions, *uplinks: tuple[int, int]) -> list[Counter]:
    """Count uplinks of one device and one key; each an FCnt and a minute."""
    return [sessions.take(DEVICE, KEY, number, minute * MINUTE_MS)[0] for number, minute in uplinks]


def test_a_session_is_called_as_the_network_server_calls_it() -> None:
    assert count_all(Sessions(), (0, 1), (1, 2), (7, 3)) == [Counter(KEY, 0), Counter(KEY, 1), Counter(KEY, 7)]


def test_a_rejoin_is_another_session() -> None:
    sessions = Sessions()
    sessions.take(DEVICE, KEY, 900, 1)
    assert sessions.take(DEVICE, "01497ECC", 0, 2)[0] == Counter("01497ECC", 0)


@pytest.mark.parametrize(("last", "number"), [(5_000, 0), (5_000, 40), (100, 60), (5, 0), (3, 1), (1, 0)])
def test_a_counter_that_was_set_to_zero_begins_a_session_under_the_same_key(last: int, number: int) -> None:
    first, reset, later = count_all(Sessions(), (last, 1), (number, 2), (number + 1, 3))
    assert first == Counter(KEY, last)
    assert reset == Counter(f"{KEY}.{2 * MINUTE_MS}", number)
    assert later == Counter(reset.session, number + 1)


def test_every_reset_has_a_name_of_its_own() -> None:
    told = count_all(Sessions(), (9, 1), (0, 2), (9, 3), (0, 4))
    assert len({one.session for one in told}) == 3


@pytest.mark.parametrize(("last", "number"), [(100, 100), (100, 99), (100, 90), (5, 4)])
def test_a_small_step_back_is_a_late_uplink_and_no_reset(last: int, number: int) -> None:
    assert {one.session for one in count_all(Sessions(), (last, 1), (number, 2), (last + 1, 3))} == {KEY}


@pytest.mark.hazard("duplicate", "tts", "chirpstack")
def test_what_is_delivered_again_is_no_reset_however_far_it_goes_back() -> None:
    uplinks = [(number, number) for number in range(200)]
    sessions = Sessions()
    assert count_all(sessions, *uplinks) == count_all(sessions, *uplinks)


def test_what_comes_late_of_the_session_before_a_reset_is_counted_there() -> None:
    told = count_all(Sessions(), (5_000, 10), (0, 20), (4_999, 9), (1, 21))
    assert [one.session for one in told] == [KEY, f"{KEY}.{20 * MINUTE_MS}", KEY, f"{KEY}.{20 * MINUTE_MS}"]


def test_what_comes_late_of_a_session_between_two_resets_is_counted_there() -> None:
    told = count_all(Sessions(), (900, 1), (0, 10), (50, 12), (0, 20), (49, 11))
    assert told[-1] == Counter(f"{KEY}.{10 * MINUTE_MS}", 49)


def test_a_device_that_never_gets_beyond_its_first_uplink_begins_each_time_again() -> None:
    told = count_all(Sessions(), (0, 0), (0, 1), (0, 5), (0, 9))
    assert [one.session for one in told] == [KEY, KEY, f"{KEY}.{5 * MINUTE_MS}", f"{KEY}.{9 * MINUTE_MS}"]


def test_a_join_that_keeps_the_name_of_the_session_begins_another_and_is_heard_once() -> None:
    sessions = Sessions()
    sessions.take(DEVICE, KEY, 3, 1)
    sessions.rejoin(DEVICE, KEY, 2)
    assert sessions.take(DEVICE, KEY, 2, 3)[0] == Counter(f"{KEY}.2", 2)
    sessions.take_changed()
    sessions.rejoin(DEVICE, KEY, 2)
    assert sessions.take_changed() == {}
    assert sessions.take(DEVICE, KEY, 3, 4)[0] == Counter(f"{KEY}.2", 3)
    sessions.rejoin("another", KEY, 9)
    assert sessions.take("another", KEY, 0, 10)[0] == Counter(KEY, 0)


def test_what_is_remembered_is_bounded_and_who_was_silent_longest_is_forgotten() -> None:
    sessions = Sessions(most=2)
    sessions.take("a", KEY, 900, 1)
    sessions.take("b", KEY, 900, 1)
    sessions.take("a", KEY, 901, 2)
    sessions.take("c", KEY, 900, 3)
    assert sessions.take("a", KEY, 0, 4)[0].session == f"{KEY}.4"
    assert sessions.take("b", KEY, 0, 4)[0].session == KEY


def test_a_copy_remembers_and_tells_nothing_back() -> None:
    sessions = Sessions()
    sessions.take(DEVICE, KEY, 900, 1)
    copied = copy.deepcopy(sessions)
    assert copied.take(DEVICE, KEY, 0, 2)[0].session == f"{KEY}.2"
    assert sessions.take(DEVICE, KEY, 901, 3)[0].session == KEY


@pytest.mark.hazard("duplicate", "tts", "chirpstack")
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(-(10**15), 10**15)), max_size=30))
def test_the_same_uplink_again_is_the_same_uplink(uplinks: list[tuple[int, int]]) -> None:
    sessions = Sessions()
    for number, time_ms in uplinks:
        first = sessions.take(DEVICE, KEY, number, time_ms)[0]
        assert first.number == number
        assert sessions.take(DEVICE, KEY, number, time_ms)[0] == first


@given(st.lists(st.none() | st.integers(1, 500), max_size=60))
def test_no_two_uplinks_of_a_device_that_begins_again_at_zero_are_taken_for_one(steps: list[int | None]) -> None:
    number, uplinks = 0, []
    for turn, step in enumerate(steps):
        number = 0 if step is None else number + step
        uplinks.append((number, 2 * turn))
    assert len(set(count_all(Sessions(), *uplinks))) == len(uplinks)


def test_simulated_uplinks_say_nothing_of_the_counter() -> None:
    sessions = Sessions()
    sessions.hear(Uplink(DEVICE, KEY, 900, 1, Frame(1, b"a")), 0)
    (said,) = sessions.hear(Uplink(DEVICE, KEY, 0, 2, Frame(1, b"a"), simulated=True), 0).said
    assert (said.counter, said.seq, said.simulated) == (None, None, True)
    (said,) = sessions.hear(Uplink(DEVICE, KEY, 901, 3, Frame(1, b"a")), 0).said
    assert said.counter == Counter(KEY, 901)


def test_of_several_moments_the_last_is_the_uplink() -> None:
    moments = (Moment({"x": 1.0}, 10), Moment({"x": 2.0}, 20))
    first, last = Sessions().hear(Uplink(DEVICE, KEY, 4, 20, Frame(1, b"a"), moments, Radio(-90.0)), 0).said
    assert (first.time_ms, first.members, first.counter, first.frame, first.seq) == (10, {"x": 1.0}, None, None, None)
    assert (last.time_ms, last.counter, last.frame) == (20, Counter(KEY, 4), Frame(1, b"a"))
    assert (last.seq, last.radio) == (4, Radio(-90.0))


def test_an_uplink_of_mac_commands_only_is_counted_and_is_no_reading() -> None:
    heard = Sessions().hear(Uplink(DEVICE, KEY, 4, 20, radio=Radio(-90.0, 5.0, 7, 2, "gtw1")), 0)
    assert heard.said == ()
    (event,) = heard.events
    assert (event.kind, event.address) == (EventKind.STATUS, DEVICE)
    assert event.members == {
        "session": KEY,
        "frame_counter": 4,
        "rssi": -90.0,
        "snr": 5.0,
        "spreading_factor": 7,
        "gateways": 2,
    }


@pytest.mark.hazard("time-missing", "tts", "chirpstack")
def test_an_uplink_without_a_time_is_counted_by_when_it_was_received() -> None:
    sessions = Sessions()
    sessions.hear(Uplink(DEVICE, KEY, 900, None, Frame(1, b"a")), 1_000)
    (said,) = sessions.hear(Uplink(DEVICE, KEY, 0, None, Frame(1, b"a")), 2_000).said
    assert (said.counter, said.time_ms) == (Counter(f"{KEY}.2000", 0), None)


def test_a_server_whose_clock_was_once_years_ahead_does_not_hide_the_next_reset() -> None:
    sessions = Sessions()
    now_ms, year_ms = 1_768_478_402_000, 31_536_000_000
    sessions.hear(Uplink("A", "k", 500, now_ms, Frame(1, b"x")), now_ms)
    sessions.hear(Uplink("A", "k", 501, now_ms + 50 * year_ms, Frame(1, b"x")), now_ms + 1_000)
    (said,) = sessions.hear(Uplink("A", "k", 0, now_ms + 2_000, Frame(1, b"x")), now_ms + 2_000).said
    assert said.counter == Counter(f"k.{now_ms + 2_000}", 0)


def test_radio_is_that_of_the_strongest_signal_and_antennas_are_no_gateways() -> None:
    receptions = [
        Reception("gtw1", -100.0, 9.0),
        Reception("gtw2", -90.0, -3.0),
        Reception("gtw2", -95.0, -2.0),
        Reception("gtw3", None, 12.0),
        Reception("", None, None),
        Reception("", None, None),
    ]
    assert judge_radio(receptions, 7) == Radio(-90.0, -3.0, 7, 5, "gtw2")


def test_of_gateways_that_hear_equally_strong_the_one_with_the_least_noise_is_told() -> None:
    receptions = [Reception("gtw1", -90.0, -3.0), Reception("gtw2", -90.0, 4.0), Reception("gtw3", -90.0, None)]
    assert judge_radio(receptions, 7) == Radio(-90.0, 4.0, 7, 3, "gtw2")


@pytest.mark.parametrize("factor", [None, 4, 13, 7.5, float("inf")])
def test_what_is_no_spreading_factor_counts_as_none(factor: float | None) -> None:
    radio = judge_radio([Reception("gtw1", None, None)], factor)
    assert radio == Radio(None, None, None, 1, "gtw1")


@pytest.mark.parametrize("octets", [0, 1, MOST_OCTETS, MOST_OCTETS + 1, 100_000])
def test_a_frame_is_no_longer_than_a_packet_of_lora(octets: int) -> None:
    part = Part({"data": base64.b64encode(bytes(octets)).decode(), "fPort": 6})
    if octets <= MOST_OCTETS:
        assert read_frame(part, "data", "fPort") == (Frame(6, bytes(octets)) if octets else None)
        return
    with pytest.raises(CodecError, match=f"data has {octets} bytes, more than a frame of LoRaWAN"):
        read_frame(part, "data", "fPort")


def test_without_gateways_there_is_no_radio() -> None:
    assert judge_radio([], 7) is None
