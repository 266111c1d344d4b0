"""The reader of Adeunis' pulse counters."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.frames.adeunis import read_pulse
from ingest.model import translate
from ingest.models import load_models
from ingest.source import Frame, Said
from schemas.reason import Reason

HISTORY = bytes.fromhex("5A6700000127000100020003000414ABA3E9")
HISTORY_MS = 1_703_791_337_000  # 2023-12-28T19:22:17Z, as the maker's decoder says that its clock is
HOUR_MS = 3_600_000


def refuse(body: str) -> str:
    """Return why a frame is refused."""
    with pytest.raises(CodecError) as caught:
        read_pulse(Frame(1, bytes.fromhex(body)))
    assert caught.value.reason is Reason.BROKEN_FRAME
    return caught.value.detail


def test_a_counter_and_those_before_it() -> None:
    moments = read_pulse(Frame(1, HISTORY))
    assert [one.members["counter"] for one in moments] == [295, 294, 292, 289, 285]
    assert [one.periods for one in moments] == [0, 1, 2, 3, 4]
    assert {one.time_ms for one in moments} == {None}


@pytest.mark.parametrize("has_time", [True, False])
def test_each_counter_gets_the_time_that_the_devices_period_gives_it(has_time: bool) -> None:  # noqa: FBT001 - a case
    body = HISTORY if has_time else bytes.fromhex("5A63") + HISTORY[2:-4]
    model = load_models()["adeunis_pulse"]
    parameters = {"litres_per_pulse": 10.0, "start": 0.0, "period": 3600.0}
    said = Said("0", time_ms=HISTORY_MS, seq=7, frame=Frame(1, body))
    found = translate(model, load_device_types()["water_meter"], said, parameters, HISTORY_MS + 5)
    assert [(one.time_ms, one.values["volume"]) for one in found] == [
        (HISTORY_MS - 4 * HOUR_MS, 2.85),
        (HISTORY_MS - 3 * HOUR_MS, 2.89),
        (HISTORY_MS - 2 * HOUR_MS, 2.92),
        (HISTORY_MS - HOUR_MS, 2.94),
        (HISTORY_MS, 2.95),
    ]
    assert [one.seq for one in found] == [None, None, None, None, 7]


@pytest.mark.parametrize("key", ["adeunis_pulse", "adeunis_pulse_energy"])
def test_where_nobody_says_the_period_the_counter_now_alone_is_taken(key: str) -> None:
    model = load_models()[key]
    parameters = model.complete_parameters({"litres_per_pulse": 10.0, "pulses_per_kwh": 100.0})
    said = Said("0", time_ms=HISTORY_MS, seq=7, frame=Frame(1, HISTORY))
    (found,) = translate(model, load_device_types()[model.device_type], said, parameters, HISTORY_MS + 5)
    assert (found.time_ms, found.seq) == (HISTORY_MS, 7)
    assert 2.95 in found.values.values()


def test_of_a_frame_that_was_cut_each_counter_keeps_its_period() -> None:
    whole = read_pulse(Frame(1, HISTORY))
    for end in range(len(HISTORY)):
        with contextlib.suppress(CodecError):
            found = read_pulse(Frame(1, HISTORY[:end]))
            assert found == whole[: len(found)]


def test_a_growth_of_a_frame_that_was_cut_is_not_taken_for_the_clock() -> None:
    # The last growth is 5,291 pulses; as the first half of a clock it is a day of December 2023.
    found = read_pulse(Frame(1, bytes.fromhex("5A67 0000A127 0001 14AB 14AB")))
    assert found == read_pulse(Frame(1, bytes.fromhex("5A63 0000A127 0001")))


def test_a_clock_that_was_never_set_costs_no_reading() -> None:
    (found,) = read_pulse(Frame(1, bytes.fromhex("466700000127000000020000 1234")))
    assert found.members == {"counter": 295}


def test_a_counter_that_would_have_been_negative_is_refused() -> None:
    assert "would have been -1" in refuse("5A63000000010002")


def test_an_unknown_code_is_refused() -> None:
    assert "code 0x5c" in refuse("5C6300000001")


@pytest.mark.parametrize("code", ["10", "20", "30", "33", "47", "5B"])
def test_frames_about_the_device_or_the_other_channel_are_no_readings(code: str) -> None:
    assert read_pulse(Frame(1, bytes.fromhex(f"{code}63000001270001"))) == []


@pytest.mark.parametrize("key", ["adeunis_pulse", "adeunis_pulse_energy"])
def test_channel_b_alone_is_not_taken_for_channel_a(key: str) -> None:
    model = load_models()[key]
    said = Said("0", {"bytes.type": "0x5b Pulse 4 data - channel B", "bytes.counterValues.0": 295})
    parameters = {"litres_per_pulse": 1.0, "pulses_per_kwh": 1.0, "start": 0.0, "period": 3600.0}
    (found,) = translate(model, load_device_types()[model.device_type], said, parameters, 0)
    assert found.values == {}


@given(body=st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"\x5a\x63" + rest))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(CodecError):
        for one in read_pulse(Frame(1, body)):
            counter = one.members["counter"]
            assert isinstance(counter, int)
            assert 0 <= counter < 2**32
