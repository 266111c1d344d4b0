"""Laws over every DeviceType and its fields."""

import json
from collections import Counter, defaultdict
from datetime import timedelta

import jsonschema
import pytest
from hypothesis import given

from devices import load_device_types
from ingest.codec import RefusedError, compose_reader
from ingest.codecs.native import CODEC
from schemas.device_type import RESERVED_MEMBERS, Area, Clock, DeviceType, Example, Field, Privacy
from schemas.json_schema import build_json_schema
from schemas.quantities import QUANTITIES, Kind
from schemas.reason import Level, Reason, explain
from schemas.units import find_unit
from tests.near_payloads import near_payloads
from tests.small_town import RECEIVED_MS, make_message, make_processor

TYPES = load_device_types()
DOUBTS = ("x-steepness-per-hour", "x-stuck-after-seconds", "x-rollovers")
EXAMPLES = [
    pytest.param(device_type, example, id=f"{key}-{number}")
    for key, device_type in TYPES.items()
    for number, example in enumerate(device_type.examples)
]
FIRST_EIGHT = {
    "indoor_climate",
    "electricity_meter",
    "heat_meter",
    "water_meter",
    "street_light",
    "road_weather",
    "cycle_pedestrian_counter",
    "traffic_counter",
}


def test_the_first_eight_device_types_exist() -> None:
    assert set(TYPES) >= FIRST_EIGHT


ASKED_FOR = {
    Area.BUILDINGS: "indoor_climate sound_level room_occupancy desk_occupancy door_contact window_contact "
    "leak_detector radiator_valve refrigerator heat_pump ventilation_unit electricity_meter sub_meter heat_meter "
    "ams_meter solar_inverter ev_charger",
    Area.INFRASTRUCTURE: "water_meter street_light manhole_level river_level rain_gauge water_zone water_pressure "
    "waste_bin soil_moisture road_surface snow_depth noise air_quality radon flood bathing_water lake_level",
    Area.MOBILITY: "bicycle_counter pedestrian_counter people_counter traffic_counter travel_time parking_bay car_park "
    "charging_station bus_stop_display bicycle_pump",
    Area.WELFARE: "room_presence dwelling_door medicine_refrigerator safety_alarm",
    Area.LEARNING: "classroom_climate weather_station",
}


@pytest.mark.parametrize("area", ASKED_FOR)
def test_every_kind_of_sensor_that_was_asked_for_has_a_device_type(area: Area) -> None:
    assert set(ASKED_FOR[area].split()) <= {key for key, one in TYPES.items() if one.area is area}


def test_there_are_device_types_for_every_area() -> None:
    areas = Counter(device_type.area for device_type in TYPES.values())
    assert areas.total() >= 45
    assert set(areas) == set(Area)
    assert all(areas[area] >= 2 for area in Area)


@pytest.mark.parametrize("device_type", TYPES.values(), ids=TYPES.keys())
def test_a_device_type_is_complete(device_type: DeviceType) -> None:
    assert device_type.fields
    assert not RESERVED_MEMBERS & set(device_type.fields)
    assert device_type.interval.total_seconds() > 0
    assert len(device_type.examples) >= 3
    assert any(example.fields for example in device_type.examples)
    assert any(example.reason or example.refused for example in device_type.examples)
    for field in device_type.fields.values():
        low, high = field.bounds
        assert field.measures.low <= low < high <= field.measures.high or field.is_state


@pytest.mark.parametrize("device_type", TYPES.values(), ids=TYPES.keys())
def test_a_sentinel_is_never_taken_and_is_named(device_type: DeviceType) -> None:
    whole = next(json.loads(example.payload) for example in device_type.examples if example.fields)
    for name, field in device_type.fields.items():
        for sentinel in field.every_sentinel:
            payload = json.dumps(whole | {name: sentinel}).encode()
            check_both_ways(device_type.key, payload)
            try:
                (observation,) = CODEC.prepare(device_type)(payload)
                refused = {refusal.member: refusal.reason for refusal in observation.refusals}
            except RefusedError as error:
                refused = {name: error.reason}
                alone = not set(whole) & set(device_type.fields) - {name}
                assert field.required or alone, (name, sentinel)
            assert refused[name] is Reason.SENTINEL, (name, sentinel)


@pytest.mark.parametrize(
    ("quantity", "bounds", "sentinel"),
    [
        ("temperature", {}, 85.0),
        ("temperature", {"high": 60.0}, 60.0),
        ("temperature", {"low": -130.0}, 200.0),  # the quantity's own -127 is within
        ("temperature", {}, float("nan")),
        ("temperature", {}, float("inf")),
        ("presence", {}, 255.0),
    ],
)
def test_a_sentinel_that_could_be_measured_is_refused(quantity: str, bounds: dict[str, float], sentinel: float) -> None:
    with pytest.raises(ValueError, match=r"^Verdi: (a state|sentinel)"):
        Field(quantity, "Verdi", low=bounds.get("low"), high=bounds.get("high"), sentinels=(sentinel,))


def test_a_value_that_is_a_sentinel_elsewhere_is_only_out_of_range() -> None:
    (observation,) = CODEC.prepare(TYPES["indoor_climate"])(
        b'{"time":"2026-01-15T12:00:00Z","temperature":20,"humidity":85.5,"co2":-127,"battery":-127}'
    )
    assert {refusal.member: refusal.reason for refusal in observation.refusals} == {
        "co2": Reason.OUT_OF_RANGE,
        "battery": Reason.OUT_OF_RANGE,
    }


def test_a_sentinel_is_told_in_words() -> None:
    with pytest.raises(RefusedError, match="temperature is -127: that says that there is no value"):
        CODEC.prepare(TYPES["freezer"])(b'{"time":"2026-01-15T12:00:00Z","temperature":-127.00}')


PRIVATE = {
    ("asset_tracker", Privacy.PERSONAL): {"latitude", "longitude", "speed", "heading", "moving"},
    ("desk_occupancy", Privacy.PERSONAL): {"presence"},
    ("dwelling_door", Privacy.PERSONAL): {"door_open", "openings"},
    ("dwelling_electricity", Privacy.PERSONAL): set(TYPES["ams_meter"].fields),
    ("room_presence", Privacy.HEALTH): {"presence", "motion"},
    ("safety_alarm", Privacy.HEALTH): {"alarm", "worn"},
}
"""What is of one person; whoever adds to it thinks of that."""


def test_what_is_personal_is_known() -> None:
    found: dict[tuple[str, Privacy], set[str]] = defaultdict(set)
    for key, device_type in TYPES.items():
        for name in device_type.fields:
            privacy = device_type.privacy_of(name)
            if privacy in {Privacy.PERSONAL, Privacy.HEALTH}:
                found[key, privacy].add(name)
    assert found == PRIVATE


def make_type(privacy: Privacy, field: Privacy | None) -> DeviceType:
    fields = {"temperature": Field("temperature", "Temperatur", privacy=field), "battery": Field("battery", "Batteri")}
    return DeviceType("Måler", Area.WELFARE, fields, timedelta(minutes=5), privacy, ())


@pytest.mark.parametrize("privacy", Privacy)
@pytest.mark.parametrize("field", [None, *Privacy])
def test_a_field_is_as_private_as_its_type_or_more_open(privacy: Privacy, field: Privacy | None) -> None:
    order = ["public", "internal", "personal", "health"]
    if field is not None and order.index(field) > order.index(privacy):
        with pytest.raises(ValueError, match=f"'temperature' is {field}, its device type only {privacy}"):
            make_type(privacy, field)
        return
    made = make_type(privacy, field)
    assert [made.privacy_of(name) for name in ("temperature", "battery", "")] == [field or privacy, privacy, privacy]


def test_a_field_name_has_one_type_in_every_device_type() -> None:
    # Queries across measurements would otherwise mix numbers and booleans under one name.
    kinds: dict[str, bool] = {}
    for device_type in TYPES.values():
        for name, field in device_type.fields.items():
            assert kinds.setdefault(name, field.is_state) is field.is_state, name


@pytest.mark.parametrize(("device_type", "example"), EXAMPLES)
def test_an_example_gives_exactly_its_line_or_its_reason(device_type: DeviceType, example: Example) -> None:
    batch = make_processor().process([make_message(device_type.key, example.payload)])
    assert batch.ledger.balances()
    if example.fields is None:
        assert [entry.reason for entry in batch.quarantined] == [example.reason]
        assert batch.lines == []
        return
    assert example.reason is None
    own_time = device_type.clock is Clock.DEVICE
    observation = CODEC.decode(example.payload.encode())[0]
    time_ms = observation.time_ms if own_time and observation.time_ms else RECEIVED_MS
    delay = (RECEIVED_MS - time_ms) / 1000
    key = device_type.key
    line = f"{key},device={key},site=hall,type={key},zone=first {example.fields},delay={delay!r} {time_ms}"
    assert [*batch.lines, *batch.health_lines] == [line.encode()]
    assert {reason: batch.ledger.reasons[reason] for reason in batch.ledger.reasons} == _count(example)


def _count(example: Example) -> dict[Reason, int]:
    reasons = list(example.refused.values())
    return {reason: reasons.count(reason) for reason in reasons}


@pytest.mark.parametrize("name", ["supply temperature", "1st", "a,b", "effekt_på", ""])
def test_a_name_of_a_field_that_would_have_to_be_escaped_is_refused(name: str) -> None:
    field = Field("temperature", "Temperatur")
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        DeviceType("Måler", Area.BUILDINGS, {name: field}, timedelta(minutes=5), Privacy.PUBLIC, ())


READERS = {key: (CODEC.prepare(one), compose_reader(CODEC, one)) for key, one in TYPES.items()}


def check_both_ways(key: str, payload: bytes) -> None:
    """Hold the fast way of reading a payload against the general one."""
    outcomes: list[list[object]] = []
    for read in READERS[key]:
        try:
            outcomes.append([(*one, [type(value) for value in one.values.values()]) for one in read(payload)])
        except RefusedError as error:
            outcomes.append([(error.reason, error.detail)])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("device_type", "example"), EXAMPLES)
def test_both_ways_of_reading_agree(device_type: DeviceType, example: Example) -> None:
    check_both_ways(device_type.key, example.payload.encode())


@given(near_payloads())
def test_both_ways_agree_on_what_is_nearly_right(key_and_payload: tuple[str, bytes]) -> None:
    check_both_ways(*key_and_payload)


@pytest.mark.parametrize(
    "member",
    [
        *('"seq":5.0', '"seq":5e0', '"seq":-1', '"seq":9007199254740992', '"seq":true', '"seq":null', '"seq":"5"'),
        *('"simulated":1', '"simulated":null', '"simulated":"true"', '"battery":5', '"battery":-0', '"battery":1E1'),
        *('"battery":null', '"battery":true', '"battery":"5"', '"battery":NaN', '"battery":1e400', '"battery":101'),
        *('"battery":5,"battery":6', '"battery":500,"battery":6', '"battery":6,"battery":500', '"batt\\u0065ry":5'),
        *('"battery":0.1000000000000000055511151231257827021181583404541015625', '"battery":1e-400', '"battery":05'),
        *('"presence":1', '"presence":null', '"presence":"true"', '"presence":true', '"x":{"y":[1,2]}', '"x":1'),
        *('"time":5', '"time":null', '"time":""', '"time":"2026-01-15T12:00:00.5Z"', '"time":"\\ud800"'),
        *('"x":"\\ud800"', '"":1', "", '"battery" :\t5\n', "null", '"battery":5}', '"battery":5} ', '"battery":5}{'),
        *("'battery':5", '"battery":5,', '"battery":123456789012345678901234567890', '"temperature":1' + "0" * 400),
        '"temperature":21,"temperature":"x"',
    ],
)
def test_both_ways_agree_on_odd_members(member: str) -> None:
    end = "" if member.rstrip().endswith("}") else "}"
    text = f'{{"time":"2026-01-15T12:00:00Z","temperature":21.5,{member}{end}'
    for payload in (text.encode(), text.replace(",", " ,\r\n", 1).encode(), b"\xef\xbb\xbf" + text.encode()):
        check_both_ways("indoor_climate", payload)


@pytest.mark.parametrize("device_type", TYPES.values(), ids=TYPES.keys())
def test_json_schema_says_the_same_as_the_collector(device_type: DeviceType) -> None:
    schema = build_json_schema(device_type)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for example in device_type.examples:
        if example.reason in {Reason.FUTURE_TIME, Reason.INVALID_TIME, Reason.NOT_FINITE}:
            continue  # no word of JSON Schema forbids these; the collector does
        taken_whole = example.reason is None and not example.refused
        assert validator.is_valid(json.loads(example.payload)) is taken_whole, example.payload


@pytest.mark.parametrize("device_type", TYPES.values(), ids=TYPES.keys())
def test_json_schema_tells_who_may_see_it_and_what_says_that_there_is_none(device_type: DeviceType) -> None:
    schema = build_json_schema(device_type)
    for name, field in device_type.fields.items():
        described = schema["properties"][name]
        assert described.get("x-privacy", schema["x-privacy"]) == device_type.privacy_of(name)
        assert tuple(described.get("x-sentinels", ())) == field.every_sentinel


@pytest.mark.parametrize("device_type", TYPES.values(), ids=TYPES.keys())
def test_json_schema_tells_what_makes_a_value_doubtful(device_type: DeviceType) -> None:
    schema = build_json_schema(device_type)
    for name, field in device_type.fields.items():
        described = {key: value for key, value in schema["properties"][name].items() if key in DOUBTS}
        stuck_s = None if field.stuck_after is None else field.stuck_after.total_seconds()
        rollovers = None if field.rollovers is None else list(field.rollovers)
        declared = zip(DOUBTS, (field.steepness, stuck_s, rollovers), strict=True)
        assert described == {key: value for key, value in declared if value is not None}


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=QUANTITIES.keys())
def test_a_quantity_has_a_known_unit_and_a_range(quantity: object) -> None:
    measured = QUANTITIES[getattr(quantity, "key", "")]
    assert find_unit(measured.unit)
    assert measured.low < measured.high
    assert not any(measured.low <= sentinel <= measured.high for sentinel in measured.sentinels)
    assert measured.kind in Kind


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_says_what_happened_and_what_to_do(reason: Reason) -> None:
    explanation = explain(reason)
    assert explanation.level in Level
    for sentence in (explanation.happened, explanation.remedy):
        assert sentence
        assert not sentence.endswith(".")
