"""SenML: the examples of RFC 8428 and their resolved forms, and what goes wrong with packs."""

import base64
import contextlib
import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.codecs.senml import FORMAT, SUM_UNITS, UNITS, split_name
from ingest.local_time import LOCAL
from ingest.model import Model, Take, translate
from ingest.payloads.senml import NOW_S, read_pack, resolve
from ingest.source import Heard, Said, Source
from schemas.reason import Reason
from schemas.units import find_unit
from tests.lorawan_payloads import JSON, RECEIVED_MS, list_paths

DEVICE = "urn:dev:ow:10e2073a01080063"

# RFC 8428, 5.1.1.
ONE = [{"n": DEVICE, "u": "Cel", "v": 23.1}]
# 5.1.2, the second; in it the device lacks a digit.
SEVERAL: list[dict[str, Any]] = [
    {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09,
     "bu": "A", "bver": 5, "n": "voltage", "u": "V", "v": 120.1},
    {"n": "current", "t": -5, "v": 1.2},
    {"n": "current", "t": -4, "v": 1.3},
    {"n": "current", "t": -3, "v": 1.4},
    {"n": "current", "t": -2, "v": 1.5},
    {"n": "current", "t": -1, "v": 1.6},
    {"n": "current", "v": 1.7},
]  # fmt: skip
# 6: the same in CBOR.
SEVERAL_CBOR = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a"
    "22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e06"
    "6666666666a3006763757272656e74062402fb3ff3333333333333a300676375"
    "7272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3f"
    "f6666666666666a3006763757272656e74062102f93e00a3006763757272656e"
    "74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333"
    "333333"
)
# 5.1.3: humidity and places of one nameless thing; its resolved form is 5.1.4.
PLACES: list[dict[str, Any]] = [
    {"bn": DEVICE, "bt": 1.320067464e09, "bu": "%RH", "v": 20},
    {"u": "lon", "v": 24.30621},
    {"u": "lat", "v": 60.07965},
    {"t": 60, "v": 20.3},
    {"u": "lon", "t": 60, "v": 24.30622},
    {"u": "lat", "t": 60, "v": 60.07965},
    {"t": 120, "v": 20.7},
    {"u": "lon", "t": 120, "v": 24.30623},
    {"u": "lat", "t": 120, "v": 60.07966},
    {"u": "%EL", "t": 150, "v": 98},
    {"t": 180, "v": 21.2},
    {"u": "lon", "t": 180, "v": 24.30628},
    {"u": "lat", "t": 180, "v": 60.07967},
]
# 5.1.5.
KINDS = [
    {"bn": f"{DEVICE}:", "n": "temp", "u": "Cel", "v": 23.1},
    {"n": "label", "vs": "Machine Room"},
    {"n": "open", "vb": False},
    {"n": "nfc-reader", "vd": "aGkgCg"},
]
# 5.1.6.
COLLECTION = [
    {"bn": "2001:db8::2/", "bt": 1.320078429e09, "n": "temperature", "u": "Cel", "v": 25.2},
    {"n": "humidity", "u": "%RH", "v": 30},
    {"bn": "2001:db8::1/", "n": "temperature", "u": "Cel", "v": 12.3},
    {"n": "humidity", "u": "%RH", "v": 67},
]
# 5.1.7, the first two.
SETTING = [
    {"bn": f"{DEVICE}:"},
    {"n": "temp", "u": "Cel", "v": 23.1},
    {"n": "heat", "u": "/", "v": 1},
    {"n": "fan", "u": "/", "v": 0},
]
LIGHTS = [
    {"bt": 1.320078429e09, "bu": "/", "n": "2001:db8::3", "v": 1},
    {"n": "2001:db8::4", "v": 1},
]
PACKS: list[Any] = [ONE, SEVERAL, PLACES, KINDS, COLLECTION, SETTING, LIGHTS]
LABELS = {
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
    "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}  # fmt: skip


def open_source(*patterns: str) -> Source:
    """Return a Source of packs."""
    return Source(key="senml", format_key="senml", root="senml", patterns=patterns, zone_info=LOCAL)


def hear(pack: object, topic: str = "senml/x", *patterns: str) -> Heard:
    """Return what a pack says, of JSON values or of bytes."""
    payload = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    return FORMAT.open(open_source(*patterns)).read(topic, payload, RECEIVED_MS)


def say(pack: object) -> Said:
    """Return the one thing that a pack says."""
    (said,) = hear(pack).said
    return said


def refuse(pack: object) -> tuple[Reason, str]:
    """Return why a pack is refused."""
    with pytest.raises(CodecError) as error:
        hear(pack)
    return error.value.reason, error.value.detail


def encode(pack: list[dict[str, Any]]) -> bytes:
    """Return a pack in CBOR, its labels as the RFC has them."""
    return cbor2.dumps(
        [
            {
                LABELS[label]: base64.urlsafe_b64decode(f"{one}==") if label == "vd" else one
                for label, one in each.items()
            }
            for each in pack
        ]
    )


def test_one_value() -> None:
    assert say(ONE) == Said(DEVICE, {"Cel": 23.1}, {"Cel": "Cel"})


def test_several_values_are_told_by_time() -> None:
    said = hear(SEVERAL).said
    assert {one.address for one in said} == {"urn:dev:ow:10e2073a0108006"}
    assert [one.time_ms for one in said] == [1_276_020_071_001 + 1000 * second for second in range(6)]
    assert [one.members["current"] for one in said] == [1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    assert said[-1].members == {"voltage": 120.1, "current": 1.7}
    assert said[-1].units == {"voltage": "V", "current": "A"}


def test_cbor_says_the_same() -> None:
    assert hear(SEVERAL_CBOR) == hear(SEVERAL)
    for pack in (*PACKS, [{"bn": "a:", "n": "b", "vd": "aGkgCg"}], [{"n": "a:b", "bv": 1.5, "s": 2, "ut": 3, "v": 4}]):
        assert hear(encode(pack)) == hear(pack)


def test_one_device_says_several_things_without_a_name() -> None:
    said = hear(PLACES).said
    assert [one.time_ms for one in said] == [1_320_067_464_000 + 1000 * second for second in (0, 60, 120, 150, 180)]
    assert said[0].members == {"%RH": 20, "lon": 24.30621, "lat": 60.07965}
    assert said[0].units == {"%RH": "%", "lon": "deg", "lat": "deg"}
    assert said[3] == Said(DEVICE, {"%EL": 98}, {"%EL": "%"}, time_ms=1_320_067_614_000)


def test_values_are_numbers_texts_truths_and_data() -> None:
    said = say(KINDS)
    assert said.address == DEVICE
    assert said.members == {"temp": 23.1, "label": "Machine Room", "open": False, "nfc-reader": "aGkgCg"}
    assert said.units == {"temp": "Cel"}
    assert said.time_ms is None


def test_a_collection_of_devices_has_one_base_time() -> None:
    assert hear(COLLECTION).said == [
        Said(
            f"2001:db8::{number}",
            {"temperature": temperature, "humidity": humidity},
            {"temperature": "Cel", "humidity": "%"},
            time_ms=1_320_078_429_000,
        )
        for number, temperature, humidity in ((2, 25.2, 30), (1, 12.3, 67))
    ]


def test_a_record_of_base_fields_alone_says_nothing_itself() -> None:
    assert say(SETTING).members == {"temp": 23.1, "heat": 1, "fan": 0}
    assert hear([{"bn": DEVICE, "bt": 5}]) == Heard(said=[])


@pytest.mark.parametrize("pack", PACKS)
def test_a_resolved_pack_says_the_same(pack: Any) -> None:  # noqa: ANN401 - JSON
    resolved = [
        {
            "n": record.name,
            **({"u": record.unit} if record.unit else {}),
            "t": 0 if record.time_ms is None else record.time_ms / 1000,
            {float: "v", bool: "vb", str: "vd" if record.name.endswith("nfc-reader") else "vs"}[type(record.value)]: (
                record.value
            ),
        }
        for record in resolve(pack, RECEIVED_MS)
    ]
    assert hear(resolved) == hear(pack)


@pytest.mark.parametrize(
    ("name", "device", "member"),
    [
        (DEVICE, DEVICE, ""),
        (f"{DEVICE}:voltage", DEVICE, "voltage"),
        (f"{DEVICE}:", DEVICE, ""),
        (f"{DEVICE}:line1:voltage", DEVICE, "line1:voltage"),
        (f"{DEVICE}/voltage", DEVICE, "voltage"),
        ("urn:dev:ow:264437f5000000ed_humidity", "urn:dev:ow:264437f5000000ed", "humidity"),
        ("urn:dev:mac:0024beffff804ff1", "urn:dev:mac:0024beffff804ff1", ""),
        ("urn:dev:os:32473-my_device:temp", "urn:dev:os:32473-my_device", "temp"),
        ("URN:DEV:DEVEUI:0059AC0000000000:temp", "URN:DEV:DEVEUI:0059AC0000000000", "temp"),
        ("urn:uuid:3b6d:x", "urn:uuid:3b6d", "x"),
        ("2001:db8::2/temperature", "2001:db8::2", "temperature"),
        ("2001:db8::3", "2001:db8::3", ""),
        ("2001:db8::", "2001:db8::", ""),
        ("aa:bb:cc:00:11:22", "aa:bb:cc:00:11:22", ""),
        ("aa:bb:cc:00:11:22:co2", "aa:bb:cc:00:11:22", "co2"),
        ("skole/rom-1/co2", "skole/rom-1", "co2"),
        ("rom-1:co2", "rom-1", "co2"),
        ("rom-1", "rom-1", ""),
    ],
)
def test_a_name_is_of_a_device_and_a_member(name: str, device: str, member: str) -> None:
    assert split_name(name) == (device, member)


def test_a_pattern_names_the_device_in_the_topic() -> None:
    def say_at(name: str) -> Said:
        (said,) = hear([{"n": name, "u": "Cel", "v": 1}], "bygg/rom-1/senml", "bygg/{address}/senml").said
        assert said.address == "rom-1"
        return said

    for name, member in (
        ("temp", "temp"),
        ("a/b:temp", "b:temp"),
        ("a:temp", "temp"),
        ("rom-1", "Cel"),
        (DEVICE, "Cel"),
    ):
        assert say_at(name).members == {member: 1}
    with pytest.raises(CodecError, match="the topic is not of the form bygg/"):
        hear(ONE, "bygg/rom-1/other", "bygg/{address}/senml")
    assert FORMAT.list_filters(open_source("bygg/{address}/senml")) == ("bygg/+/senml",)
    assert FORMAT.list_filters(open_source()) == ("senml/#",)


@pytest.mark.hazard("time-form", "senml")
@pytest.mark.hazard("time-missing", "senml")
@pytest.mark.parametrize(
    ("seconds", "time_ms"),
    [
        (0, None),
        (-5, RECEIVED_MS - 5_000),
        (-0.25, RECEIVED_MS - 250),
        (NOW_S - 1, RECEIVED_MS + (NOW_S - 1) * 1000),
        (NOW_S, NOW_S * 1000),
        (-NOW_S, RECEIVED_MS - NOW_S * 1000),
        (1_768_478_400.5, 1_768_478_400_500),
    ],
)
def test_times_below_two_to_the_28th_are_relative(seconds: float, time_ms: int | None) -> None:
    assert say([{"n": "a:b", "v": 1, "t": seconds}]).time_ms == time_ms
    assert say([{"bn": "a:", "bt": seconds + 7}, {"n": "b", "v": 1, "t": -7}]).time_ms == time_ms


@pytest.mark.hazard("zero-omitted", "senml")
def test_base_value_and_base_sum_are_added() -> None:
    pack = [{"bn": "a:", "bv": 20, "bs": 100, "bu": "W", "n": "b", "v": 1.5, "s": 5}, {"n": "c"}, {"n": "d", "s": 1}]
    assert say(pack).members == {"b": 21.5, "b.sum": 105, "c": 20, "c.sum": 100, "d.sum": 101}
    assert say(pack).units == {"b": "W", "b.sum": "J", "c": "W", "c.sum": "J", "d.sum": "J"}
    assert say([{"n": "a:b", "s": 3, "u": "Cel"}]) == Said("a", {"b.sum": 3}, {"b.sum": "Cel.s"})


def test_a_base_holds_until_it_is_replaced() -> None:
    pack = [{"bn": "a:", "bu": "V", "n": "x", "v": 1}, {"bu": "A", "n": "y", "v": 2}, {"bn": "b:", "n": "x", "v": 3}]
    assert [(one.address, one.units) for one in hear(pack).said] == [("a", {"x": "V", "y": "A"}), ("b", {"x": "A"})]


@pytest.mark.hazard("duplicate", "senml")
def test_what_is_said_twice_of_one_time_is_told_twice() -> None:
    first, second = hear([{"n": "a:b", "v": 1}, {"n": "a:b", "v": 2}, {"n": "a:c", "v": 3}]).said
    assert (first.members, second.members) == ({"b": 1}, {"b": 2, "c": 3})


@pytest.mark.parametrize("version", [1, 5, 10, 26])
def test_versions_up_to_the_rfc_are_read_and_secondary_units(version: int) -> None:
    assert say([{"bver": version, **ONE[0]}, {"bver": version, "n": f"{DEVICE}:b", "v": 1}]).members["b"] == 1


@pytest.mark.parametrize("ucum", sorted({*UNITS.values(), *SUM_UNITS.values()}))
def test_units_are_known_to_the_platform(ucum: str) -> None:
    assert find_unit(ucum).ucum == ucum


@pytest.mark.hazard("other-unit", "senml")
def test_a_unit_that_is_not_known_is_no_other_unit() -> None:
    said = say([{"n": "a:flow", "u": "kg", "v": 2}])
    assert said.units == {"flow": "kg"}
    model = Model("x", "water_zone", ("senml",), {"flow": Take("flow")}, ())
    (observation,) = translate(model, load_device_types()["water_zone"], said, {}, RECEIVED_MS)
    assert (observation.values, [one.reason for one in observation.refusals]) == ({}, [Reason.WRONG_UNIT])


@pytest.mark.hazard("type-drift", "senml")
def test_numbers_are_floats_whatever_they_look_like() -> None:
    first, second = say([{"n": "a:b", "v": 21}]).members["b"], say([{"n": "a:b", "v": 21.0}]).members["b"]
    assert (type(first), type(second)) == (float, float)


@given(data=st.data(), pack=st.sampled_from(PACKS), value=JSON)
def test_any_value_anywhere_is_understood_or_refused(data: st.DataObject, pack: Any, value: object) -> None:  # noqa: ANN401
    changed = json.loads(json.dumps(pack))
    *outer, name = data.draw(st.sampled_from(list_paths(changed)))
    target = changed
    for one in outer:
        target = target[one]
    target[name] = value
    for payload in (json.dumps(changed).encode(), cbor2.dumps(changed)):
        with contextlib.suppress(CodecError):
            resolve(read_pack(payload), RECEIVED_MS)
            hear(payload)
