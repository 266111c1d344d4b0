"""SenML packs that are no packs: what breaks a rule of RFC 8428 is refused, and never a fault."""

import contextlib
import json
from typing import Any

import cbor2
import pytest

from ingest.codec import CodecError
from ingest.source import Said
from schemas.reason import Reason
from tests.test_format_senml import DEVICE, ONE, SEVERAL_CBOR, hear, refuse, say


@pytest.mark.parametrize("version", [0, 11, 27, -1, 10.5, "10", True, None, [], 2**70])
def test_other_versions_are_refused(version: object) -> None:
    reason, detail = refuse([{"bver": version, **ONE[0]}])
    assert (reason, "bver" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)


def test_all_records_have_one_version() -> None:
    assert "different versions" in refuse([{**ONE[0]}, {"bver": 5, **ONE[0]}])[1]
    assert "different versions" in refuse([{"bver": 5, **ONE[0]}, {"bver": 10, **ONE[0]}])[1]


def test_unknown_labels_are_ignored_unless_they_must_be_understood() -> None:
    assert say([{**ONE[0], "ct": "60", "x": {"y": [1]}, "bx": 1}]) == say(ONE)
    for label in ("ct_", "x_", "_"):
        assert f"{label} must be understood" in refuse([{**ONE[0], label: 1}])[1]
    assert say(cbor2.dumps([{0: DEVICE, 1: "Cel", 2: 23.1, 99: 1, "ct": 60}])) == say(ONE)
    assert "ct_ must be understood" in refuse(cbor2.dumps([{0: DEVICE, 2: 23.1, "ct_": 60}]))[1]


@pytest.mark.parametrize("name", ["", "-a", "_a", ":a", "/a", "a b", "a#", "rom/ø", "a\n", "a?"])
def test_names_have_few_characters(name: str) -> None:
    assert "is no name" in refuse([{"n": name, "v": 1}])[1]
    assert "is no name" in refuse([{"bn": name[:1], "n": name[1:], "v": 1}])[1]


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"n": "a"}, "neither a value nor a sum"),
        ({"n": "a", "v": 1, "vs": "1"}, "v and vs"),
        ({"n": "a", "v": "1"}, "v is '1', not a number"),
        ({"n": "a", "v": None}, "v is None"),
        ({"n": "a", "v": True}, "v is True"),
        ({"n": "a", "v": [1]}, "v is an array"),
        ({"n": "a", "vb": 1}, "vb is 1"),
        ({"n": "a", "vs": 1}, "vs is 1"),
        ({"n": 1, "v": 1}, "n is 1"),
        ({"n": "a", "v": 1, "u": 1}, "u is 1"),
        ({"n": "a", "v": 1, "t": "now"}, "t is 'now'"),
        ({"n": "a", "v": 1, "ut": "soon"}, "ut is 'soon'"),
        ({"n": "a", "v": 1, "bt": {}}, "bt is an object"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(record: dict[str, Any], complaint: str) -> None:
    reason, detail = refuse([{"n": "z", "v": 1}, record])
    assert (reason, complaint in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)


@pytest.mark.parametrize("data", ["a", "aGkgC", "aGk+Cg", "aGkgCh!", "æ", "aGkg=Cg"])
def test_data_are_base64url(data: str) -> None:
    assert refuse([{"n": "a", "vd": data}])[0] is Reason.MALFORMED_PAYLOAD
    assert say([{"n": "a", "vd": "aGkgCg=="}]) == say([{"n": "a", "vd": "aGkgCg"}])


@pytest.mark.hazard("clock-wrong", "senml")
@pytest.mark.parametrize("seconds", [1e12, -1e12, 1e300])
def test_times_that_no_calendar_has_are_refused(seconds: float) -> None:
    assert refuse([{"n": "a", "v": 1, "t": seconds}])[0] is Reason.INVALID_TIME


@pytest.mark.parametrize("payload", [b"{}", b"1", b'"a"', b"[1]", b"[[]]", b"[]", b"null", b"[{},1]"])
def test_what_is_no_pack_is_refused(payload: bytes) -> None:
    assert refuse(payload)[0] is Reason.UNRECOGNISED_PAYLOAD
    assert refuse(cbor2.dumps(json.loads(payload)))[0] in (Reason.UNRECOGNISED_PAYLOAD, Reason.MALFORMED_JSON)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY_PAYLOAD),
        (b'[{"n":"a","v":NaN}]', Reason.MALFORMED_JSON),
        (b'[{"n":"a","v":1}', Reason.MALFORMED_JSON),
        (b'[{"n":"\xff","v":1}]', Reason.INVALID_UTF8),
        (SEVERAL_CBOR[:-1], Reason.MALFORMED_PAYLOAD),
        (SEVERAL_CBOR + b"\x00", Reason.MALFORMED_PAYLOAD),
        (b"\x81\xa2\x00\x61a\x00\x61b", Reason.MALFORMED_PAYLOAD),  # a name twice
        (cbor2.dumps([{0: "a", 8: "aGkgCg"}]), Reason.UNRECOGNISED_PAYLOAD),  # data are bytes
        (cbor2.dumps([{0: "a", 2: cbor2.CBORTag(35, "(a+)+")}]), Reason.MALFORMED_PAYLOAD),  # a regular expression
        (b"\x81\xa2\x00\x61a\x02\xc2\x41\x01", Reason.MALFORMED_PAYLOAD),  # a number without end
        (cbor2.dumps([{0: "a", 2: 1, "v": 2}]), Reason.UNRECOGNISED_PAYLOAD),  # a label in both ways
        (b"\x81\xa2\x00\x61a\x02\xf7", Reason.UNRECOGNISED_PAYLOAD),  # undefined
    ],
)
def test_broken_payloads_say_what_is_broken(payload: bytes, reason: Reason) -> None:
    assert refuse(payload)[0] is reason


def test_decimal_fractions_and_lengthless_arrays_are_read() -> None:
    assert say(b"\x9f\xbf\x00\x63a:b\x02\xc4\x82\x20\x18\xd5\xff\xff") == Said("a", {"b": 21.3})
    assert hear(b"\x81\xa2\x00\x63a:b\x02\xc4\x82\x19\x03\xe7\x01").said[0].members == {"b": float("inf")}
    assert refuse(b"\x81\xa2\x00\x63a:b\x06\xf9\x7c\x00")[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(depth: int) -> None:
    deep = "[" * depth + "1" + "]" * depth
    for label in ("x", "v", "bver", "bn", "t", "vd"):
        with contextlib.suppress(CodecError):
            hear(f'[{{"n":"a","{label}":{deep}}}]'.encode())
    refuse(deep.encode())
    assert refuse(b"\x81" * depth + b"\x01")[0] is Reason.MALFORMED_PAYLOAD
    assert refuse(b"\x81" + b"\xc4" * depth + b"\x01")[0] is Reason.MALFORMED_PAYLOAD


def test_too_many_records_are_refused() -> None:
    assert "1001 records" in refuse([{"n": "a", "v": 1}] * 1_001)[1]
    assert len(hear([{"n": "a", "v": 1}] * 1_000).said) == 1_000
