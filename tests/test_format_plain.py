"""Plain values: topics by patterns, numbers, texts, truths and JSON, and what goes wrong with them."""

import pytest

from devices import load_device_types
from ingest.codec import CodecError
from ingest.codecs.plain import FORMAT
from ingest.local_time import LOCAL
from ingest.model import Model, Take, translate
from ingest.source import Plain, Said, Source
from schemas.reason import Reason

BOTH = "hage/{address}/{member}"


def open_source(*patterns: str) -> Source:
    """Return a Source of plain values."""
    return Source(key="plain", format_key="plain", root="", patterns=patterns, zone_info=LOCAL)


def say(payload: bytes, topic: str = "hage/bed-1/temperature", *patterns: str) -> Said:
    """Return what a message says."""
    heard = FORMAT.open(open_source(*patterns or (BOTH,))).read(topic, payload, 0)
    assert not heard.events
    (said,) = heard.said
    return said


def refuse(payload: bytes, topic: str = "hage/bed-1/temperature") -> Reason:
    """Return why a message is refused."""
    with pytest.raises(CodecError) as error:
        say(payload, topic)
    return error.value.reason


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"21.4", 21.4),
        (b" 21.4\r\n", 21.4),
        (b"-3", -3),
        (b"1e3", 1000.0),
        (b"true", True),
        (b"false", False),
        (b"null", None),
        (b'"open"', "open"),
        (b"open", "open"),
        (b"ON", "ON"),
        (b"2799 mm", "2799 mm"),
        ("21,4 °C".encode(), "21,4 °C"),
        (b"nan", "nan"),
        (b"NaN", "NaN"),
        (b"007", "007"),
    ],
)
def test_a_payload_is_what_json_says_or_a_text(payload: bytes, value: Plain) -> None:
    said = say(payload)
    assert said == Said("bed-1", {"temperature": value})
    assert type(said.members["temperature"]) is type(value)


def test_two_values_of_one_path_are_refused_for_nothing_says_which_is_meant() -> None:
    assert refuse(b'{"pm2.5":1,"pm2":{"5":2}}') is Reason.UNRECOGNISED_PAYLOAD
    assert say(b'{"pm2.5":1,"pm2":{"6":2}}').members == {"temperature.pm2.5": 1, "temperature.pm2.6": 2}


def test_a_topic_without_a_member_is_called_value() -> None:
    assert say(b"21.4", "regn/hage", "regn/{address}") == Said("hage", {"value": 21.4})
    assert say(b'{"a":1}', "regn/hage", "regn/{address}") == Said("hage", {"a": 1})


def test_the_first_pattern_that_fits_counts() -> None:
    patterns = ("bygg/{member}/av/{address}", "bygg/{address}/{member}/nå", "{address}/x.y+z")
    assert say(b"1", "bygg/co2/av/rom-1", *patterns) == Said("rom-1", {"co2": 1})
    assert say(b"1", "bygg/rom-1/co2/nå", *patterns) == Said("rom-1", {"co2": 1})
    assert say(b"1", "rom-1/x.y+z", *patterns) == Said("rom-1", {"value": 1})
    source = open_source(*patterns, patterns[0])
    assert FORMAT.list_filters(source) == ("bygg/+/av/+", "bygg/+/+/nå", "+/x.y+z")
    assert FORMAT.list_filters(open_source()) == ()


@pytest.mark.parametrize(
    "topic", ["hage/bed-1", "hage/bed-1/a/b", "hage//a", "hage/bed-1/", "Hage/bed-1/a", "hage/b\n", ""]
)
def test_other_topics_are_none_of_ours(topic: str) -> None:
    assert refuse(b"1", topic) is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.hazard("dotted-name", "plain")
def test_an_object_has_its_paths_behind_the_member() -> None:
    payload = b'{"temp":{"v":21.4,"u":"C"},"pm2.5":7,"l":[1,true],"none":null}'
    assert say(payload, "hage/bed-1/air").members == {
        "air.temp.v": 21.4,
        "air.temp.u": "C",
        "air.pm2.5": 7,
        "air.l.0": 1,
        "air.l.1": True,
        "air.none": None,
    }


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY_PAYLOAD),
        (b"\xff", Reason.INVALID_UTF8),
        (b'{"a":1', Reason.MALFORMED_JSON),
        (b' [1,"a', Reason.MALFORMED_JSON),
        (b'{"a":NaN}', Reason.MALFORMED_JSON),
        (b"{}", Reason.UNRECOGNISED_PAYLOAD),
        (b'{"a":{"b":[]}}', Reason.UNRECOGNISED_PAYLOAD),
        (b"[" + b"1," * 1_001 + b"1]", Reason.UNRECOGNISED_PAYLOAD),
    ],
)
def test_broken_payloads_say_what_is_broken(payload: bytes, reason: Reason) -> None:
    assert refuse(payload) is reason


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(depth: int) -> None:
    refuse(b"[" * depth + b"1" + b"]" * depth)
    refuse(b'{"a":' * depth + b"1" + b"}" * depth)


@pytest.mark.hazard("number-as-text", "plain")
@pytest.mark.hazard("other-unit", "plain")
def test_numbers_that_come_as_texts_with_a_unit_are_numbers() -> None:
    model = Model("x", "level_sensor", ("plain",), {"distance": Take("distance")}, ())
    for payload in (b"2799 mm", b'"2799 mm"', b"2.799"):
        said = say(payload, "hage/bed-1/distance")
        (observation,) = translate(model, load_device_types()["level_sensor"], said, {}, 0)
        assert observation.values == {"distance": 2.799}


@pytest.mark.hazard("time-missing", "plain")
def test_there_is_no_time() -> None:
    assert say(b'{"time":"2026-01-15T12:00:00Z","t":1}').time_ms is None
    assert not FORMAT.is_lossless
