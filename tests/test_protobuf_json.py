"""The JSON mapping of Protocol Buffers: what is left out is the default, and of everything else the kind is checked."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.payloads.protobuf_json import Part
from schemas.reason import Reason


@pytest.mark.hazard("zero-omitted", "tts", "chirpstack")
@pytest.mark.parametrize("members", [{}, {"x": None}])
def test_what_is_left_out_or_null_is_the_default(members: dict[str, None]) -> None:
    part = Part(members)
    assert "x" not in part
    assert (part.text("x"), part.whole("x", 9), part.truth("x"), part.octets("x")) == ("", 0, False, b"")
    assert (part.struct("x"), part.parts("x"), part.part("x").members) == ({}, [], {})
    assert (part.number("x"), part.time_ms("x")) == (None, None)


WRONG = [("text", 1), ("truth", 1), ("truth", "true"), ("struct", []), ("part", "x"), ("parts", {}), ("parts", [1])]


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_what_is_of_another_kind_is_refused_by_its_path(kind: str, value: object) -> None:
    with pytest.raises(CodecError, match=r"outer\.x (is|holds)") as error:
        getattr(Part({"outer": {"x": value}}).part("outer"), kind)("x")
    assert error.value.reason is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("value", [-1, 10, 1.5, 1.0, True, "1", [], {}])
def test_what_is_no_such_whole_number_is_refused(value: object) -> None:
    with pytest.raises(CodecError, match="not a whole number from 0 to 9"):
        Part({"x": value}).whole("x", 9)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-36", True, [], float("inf"), float("nan")])
def test_what_is_no_number_counts_as_none(value: object) -> None:
    assert Part({"x": value}).number("x") is None


@pytest.mark.parametrize("value", [12, "2022-07-18", "2022-07-18T09:34:15", "", "2022-13-18T09:34:15Z", [], {}, True])
def test_what_is_no_moment_is_an_invalid_time(value: object) -> None:
    with pytest.raises(CodecError, match=r"x is .*not RFC 3339") as error:
        Part({"x": value}).time_ms("x")
    assert error.value.reason is Reason.INVALID_TIME


@given(st.binary(max_size=60))
def test_bytes_come_back(octets: bytes) -> None:
    assert Part({"x": base64.b64encode(octets).decode()}).octets("x") == octets


@given(st.text(max_size=20))
def test_any_other_text_is_no_base64(text: str) -> None:
    with contextlib.suppress(CodecError):
        assert base64.b64encode(Part({"x": text}).octets("x")).decode() == text


@pytest.mark.parametrize("text", ["gkH", "gkHe=", "qh==", "qg=", "q", "gk He", "qg==qg==", "-_8=", "æøå="])
def test_base64_that_lost_its_end_or_has_another_alphabet_is_refused(text: str) -> None:
    with pytest.raises(CodecError, match="not base64") as error:
        Part({"x": text}).octets("x")
    assert error.value.reason is Reason.MALFORMED_PAYLOAD
