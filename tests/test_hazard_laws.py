"""What goes wrong in every format, held against all of them at once; what goes wrong in one has its test there."""

import dataclasses

import pytest

from devices import load_device_types
from ingest.batch import Batch
from ingest.codec import Observation, SchemaError, check_observation
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.message import Message
from ingest.model import Model, Take, translate
from ingest.models import load_models
from ingest.source import Plain, Said
from schemas.reason import Reason
from schemas.validation import build_validator
from simulators.bench.case import Case
from simulators.bench.source_case import GENERAL, make_source_cases, make_source_processor
from tests.format_samples import RECEIVED_MS, SAMPLES
from tests.test_source_laws import make_source_processor as make_bare_processor
from tests.told_value import VALUE_FORMATS, Value, hear_value

CLIMATE = load_device_types()["indoor_climate"]
DAYS_MS = 2 * 86_400_000
CASES = {case.name: case for case in make_source_cases(1) if case.name != GENERAL}
TIMELESS = ("esphome", "han", "homie", "plain")
EVERY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
NUMBERED = "sparkplug"  # a second message of a number is a gap there, which has tests of its own
EVERY_TIMED = pytest.mark.parametrize("key", [key for key in CASES if key not in TIMELESS])
EVERY_VALUE = pytest.mark.parametrize("key", VALUE_FORMATS)


def make_observation(key: str, told: Value, *, unit: str = "", states: bool = False) -> Observation:
    """Return what a climate sensor says, unchecked, of which a Format tells one value."""
    said, member = hear_value(key, "value", told)
    takes = {member: Take("presence", states={"on": True, "off": False}) if states else Take("temperature", unit)}
    (observation,) = translate(Model("x", CLIMATE.key, (key,), takes, ()), CLIMATE, said, {}, RECEIVED_MS)
    return observation


def deliver(case: Case, **changes: object) -> Batch:
    """Return what becomes of the message of a case that comes changed."""
    processor = make_source_processor()
    processor.process(case.earlier)
    (message,) = case.messages
    return processor.process([message._replace(**changes)])  # type: ignore[arg-type]


def test_there_is_a_case_of_every_format_that_tells_values() -> None:
    assert set(CASES) == {NATIVE, *load_formats()} - {"homeassistant"}
    assert {*VALUE_FORMATS, "han", "homeassistant"} == set(load_formats())


@pytest.mark.hazard("type-drift", "ams", "chirpstack", "esphome", "homie", "plain", "senml", "shelly", "sparkplug")
@pytest.mark.hazard("type-drift", "tasmota", "tts", "zigbee2mqtt")
@EVERY_VALUE
def test_a_number_is_a_float_whether_it_comes_with_a_fraction_without_one_or_as_text(key: str) -> None:
    for told in (21, 21.0, "21", "21.0"):
        (value,) = make_observation(key, told).values.values()
        assert (value, type(value)) == (21.0, float)
    observation = make_observation(key, told=True)
    assert observation.values == {}
    assert [one.reason for one in observation.refusals] == [Reason.WRONG_TYPE]


@pytest.mark.hazard("type-drift", "native")
@pytest.mark.hazard("number-as-text", "native")
def test_a_number_of_the_native_format_is_a_float_and_never_a_truth() -> None:
    read = CODEC.prepare(CLIMATE)
    for told in (b"21", b"21.0", b"2.1e1"):
        (observation,) = read(b'{"time":"2026-01-15T12:00:00Z","temperature":%s}' % told)
        assert (observation.values["temperature"], type(observation.values["temperature"])) == (21.0, float)
    for wrong in (b"true", b'"21"', b'"2799 mm"', b'"No Sensor"', b"null"):
        with pytest.raises(SchemaError) as error:
            read(b'{"time":"2026-01-15T12:00:00Z","temperature":%s}' % wrong)
        assert error.value.reason is Reason.WRONG_TYPE


@pytest.mark.hazard("number-as-text", "ams", "chirpstack", "esphome", "homie", "plain", "senml", "shelly", "sparkplug")
@pytest.mark.hazard("number-as-text", "tasmota", "tts", "zigbee2mqtt")
@EVERY_VALUE
def test_a_number_as_text_is_converted_by_the_unit_in_it_and_words_are_refused(key: str) -> None:
    for told, value in (("21.4", 21.4), ("-12.50", -12.5), ("25 ℃", 25.0), ("300 K", 26.85)):
        assert make_observation(key, told).values == {"temperature": value}
    for wrong, reason in (
        ("No Sensor", Reason.WRONG_TYPE),
        ("read failed", Reason.WRONG_TYPE),
        ("FALSE", Reason.WRONG_TYPE),
        ("24 hours", Reason.WRONG_UNIT),
        ("15 mm", Reason.WRONG_UNIT),
    ):
        observation = make_observation(key, wrong)
        assert observation.values == {}
        assert [one.reason for one in observation.refusals] == [reason]


@pytest.mark.hazard("sentinel", "ams", "chirpstack", "esphome", "homie", "plain", "senml", "shelly", "sparkplug")
@pytest.mark.hazard("sentinel", "tasmota", "tts", "zigbee2mqtt", "native")
@pytest.mark.parametrize("key", [*VALUE_FORMATS, NATIVE])
@pytest.mark.parametrize("told", [-127.0, 327.67])
def test_a_number_that_says_that_there_is_none_is_refused(key: str, told: float) -> None:
    observation = Observation({"temperature": told}) if key == NATIVE else make_observation(key, told)
    with pytest.raises(SchemaError) as error:
        check_observation(CLIMATE, build_validator(CLIMATE), observation._replace(time_ms=0))
    assert error.value.reason is Reason.SENTINEL


@pytest.mark.hazard("word-as-truth", "ams", "chirpstack", "esphome", "homie", "plain", "senml", "shelly", "sparkplug")
@pytest.mark.hazard("word-as-truth", "tasmota", "tts", "zigbee2mqtt")
@EVERY_VALUE
@pytest.mark.parametrize("word", ["no", "NO", "on", "off", "yes", "y", "n"])
def test_a_word_stays_a_word_until_a_model_says_what_it_means(key: str, word: str) -> None:
    said, member = hear_value(key, "value", word)
    assert said.members[member] == word
    observation = make_observation(key, word, states=True)
    assert observation.values == ({"presence": word == "on"} if word in ("on", "off") else {})


@pytest.mark.hazard("word-as-truth", "native")
def test_a_word_is_no_truth_of_the_native_format() -> None:
    for word in (b'"no"', b'"on"', b'"true"', b"1"):
        (observation,) = CODEC.prepare(CLIMATE)(
            b'{"time":"2026-01-15T12:00:00Z","temperature":21,"presence":%s}' % word
        )
        assert observation.values == {"temperature": 21.0}
        assert [(one.member, one.reason) for one in observation.refusals] == [("presence", Reason.WRONG_TYPE)]


@pytest.mark.hazard("dotted-name", "ams", "chirpstack", "plain", "senml", "shelly", "sparkplug")
@pytest.mark.hazard("dotted-name", "tasmota", "tts", "zigbee2mqtt")
@pytest.mark.parametrize("key", [key for key in VALUE_FORMATS if key not in ("esphome", "homie")])
def test_a_name_with_a_dot_in_it_is_a_name_like_any_other(key: str) -> None:
    said, member = hear_value(key, "pm2.5", 7.5)
    assert member.endswith("pm2.5")
    assert said.members[member] == 7.5
    take = {member: Take("pm2_5", "ug/m3")}
    (observation,) = translate(Model("x", CLIMATE.key, (key,), take, ()), CLIMATE, said, {}, RECEIVED_MS)
    assert observation.values == {"pm2_5": 7.5}


@pytest.mark.hazard("dotted-name", "native")
def test_no_field_has_a_dot_in_its_name() -> None:
    assert not [name for one in load_device_types().values() for name in one.fields if "." in name]


@pytest.mark.hazard("retained", "ams", "chirpstack", "esphome", "han", "homie", "plain", "senml", "shelly")
@pytest.mark.hazard("retained", "sparkplug", "tasmota", "tts", "zigbee2mqtt", "native")
@EVERY_CASE
def test_what_was_retained_is_stored_at_its_own_time_or_not_at_all(case: Case) -> None:
    (message,) = case.messages
    batch = deliver(case, retain=True, received_ms=message.received_ms + DAYS_MS)
    if case.name in TIMELESS:
        assert (batch.ledger.informational, batch.ledger.produced, batch.lines) == (1, 0, [])
        return
    assert batch.ledger.accepted == 1
    told_ms = {int(line.rsplit(b" ", 1)[1]) for line in batch.lines}
    assert told_ms == {message.received_ms - 50}


@pytest.mark.hazard("retained", "homeassistant")
@pytest.mark.hazard("duplicate", "homeassistant")
def test_a_description_that_comes_again_informs_again() -> None:
    processor, _ = make_bare_processor("homeassistant")
    told = SAMPLES["homeassistant"].told[0]
    for retain in (True, True, False):
        batch = processor.process([Message(told.topic, told.payload, RECEIVED_MS, retain)])
        assert (batch.ledger.informational, batch.ledger.produced) == (1, 0)


@pytest.mark.hazard("duplicate", "ams", "chirpstack", "esphome", "han", "homie", "plain", "senml", "shelly")
@pytest.mark.hazard("duplicate", "sparkplug", "tasmota", "tts", "zigbee2mqtt", "native")
@EVERY_CASE
def test_what_the_broker_delivers_again_is_one_reading(case: Case) -> None:
    processor = make_source_processor()
    processor.process(case.earlier)
    (message,) = case.messages
    assert processor.process([message]).ledger.accepted == 1
    again = processor.process([message._replace(redelivered=True, received_ms=message.received_ms + 1_000)])
    assert (again.ledger.duplicate_messages + again.ledger.duplicate_readings, again.ledger.accepted) == (1, 0)


@pytest.mark.hazard("duplicate", "ams", "chirpstack", "senml", "shelly", "tasmota", "tts", "zigbee2mqtt", "native")
@pytest.mark.parametrize("key", [key for key in CASES if key not in (*TIMELESS, NUMBERED)])
def test_the_same_of_the_same_time_in_another_message_is_one_reading(key: str) -> None:
    case = CASES[key]
    processor = make_source_processor()
    processor.process(case.earlier)
    (message,) = case.messages
    assert processor.process([message]).ledger.accepted == 1
    other = message._replace(packet_id=(message.packet_id or 0) + 1, received_ms=message.received_ms + 1_000)
    again = processor.process([other])
    assert (again.ledger.duplicate_readings, again.ledger.accepted, again.ledger.balances()) == (1, 0, True)


@pytest.mark.hazard("clock-wrong", "chirpstack", "senml", "shelly", "sparkplug", "tasmota", "tts", "zigbee2mqtt")
@pytest.mark.hazard("clock-wrong", "ams", "native")
@EVERY_TIMED
def test_a_clock_that_is_days_ahead_is_never_believed(key: str) -> None:
    (message,) = CASES[key].messages
    batch = deliver(CASES[key], received_ms=message.received_ms - DAYS_MS)
    assert batch.ledger.accepted == 0
    assert [one.reason for one in batch.quarantined] == [Reason.FUTURE_TIME]
    assert batch.lines == []


@pytest.mark.hazard("partial-update", "esphome", "homie", "plain", "senml")
@pytest.mark.parametrize("key", ["esphome", "homie", "plain", "senml"])
def test_one_value_is_a_reading_of_a_type_that_requires_more(key: str) -> None:
    heat = load_device_types()["heat_meter"]
    assert sum(field.required for field in heat.fields.values()) > 1
    assert load_formats()[key].is_partial
    said, member = hear_value(key, "energy", 48_000.5)
    relaxed = {name: dataclasses.replace(field, required=False) for name, field in heat.fields.items()}
    model = Model("x", heat.key, (key,), {member: Take("energy")}, ())
    (observation,) = translate(model, heat, said, {}, RECEIVED_MS)
    device_type = dataclasses.replace(heat, fields=relaxed)
    checked = check_observation(device_type, build_validator(device_type), observation._replace(time_ms=0))
    assert checked.values == {"energy": 48_000.5}


def observe(model_key: str, members: dict[str, Plain]) -> dict[str, object]:
    """Return the values that a Model makes of members."""
    model = load_models()[model_key]
    device_type = load_device_types()[model.device_type]
    (observation,) = translate(model, device_type, Said("0", members), model.complete_parameters({}), RECEIVED_MS)
    assert not observation.refusals
    return observation.values


@pytest.mark.hazard("other-name", "shelly", "tasmota", "zigbee2mqtt")
@pytest.mark.parametrize(
    ("model_key", "names", "told", "expected"),
    [
        ("shelly_plug", ("switch:0.apower", "pm1:0.apower"), 42.7, {"power": 42.7}),
        ("tasmota_plug", ("POWER", "POWER1"), "ON", {"on": True}),
        ("zigbee_plug", ("energy", "consumption"), 1.5, {"energy": 1.5}),
        ("zigbee_plug", ("device_temperature", "temperature"), 28, {"temperature": 28.0}),
    ],
)
def test_names_of_every_product_and_version_mean_the_same(
    model_key: str, names: tuple[str, ...], told: Plain, expected: dict[str, object]
) -> None:
    assert [observe(model_key, {name: told}) for name in names] == [expected] * len(names)


@pytest.mark.hazard("other-unit", "zigbee2mqtt")
def test_a_voltage_is_of_a_battery_in_millivolts_and_of_the_mains_in_volts() -> None:
    assert observe("zigbee_climate", {"voltage": 3045}) == {"voltage": 3.045}
    assert observe("zigbee_plug", {"voltage": 232.8}) == {"voltage": 232.8}
