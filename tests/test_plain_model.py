"""Models of devices that name their values as the fields of a DeviceType, in every format that they may come in."""

import pytest

from devices import load_device_types
from ingest.codec import check_observation
from ingest.codecs.esphome import FORMAT as ESPHOME
from ingest.codecs.homie import FORMAT as HOMIE
from ingest.codecs.plain import FORMAT as PLAIN
from ingest.codecs.senml import FORMAT as SENML
from ingest.line import format_value
from ingest.local_time import LOCAL
from ingest.model import translate
from ingest.plain_model import make_plain_model, make_plain_models
from ingest.source import Format, Said, Source
from schemas.reason import Reason
from schemas.validation import build_validator

TYPES = load_device_types()
CLIMATE, DOOR = make_plain_model(TYPES["indoor_climate"]), make_plain_model(TYPES["door_contact"])


def take(format_of: Format, *messages: tuple[str, bytes], type_key: str = "indoor_climate") -> dict[str, float | bool]:
    """Return what becomes of the messages of one device, by field."""
    source = Source(
        key="x", format_key="x", root=format_of.root, patterns=("hage/{address}/{member}",), zone_info=LOCAL
    )
    if format_of is not PLAIN:
        source = Source(key="x", format_key="x", root=format_of.root, zone_info=LOCAL)
    interpreter = format_of.open(source)
    said = [one for topic, payload in messages for one in interpreter.read(topic, payload, 0).said]
    model = make_plain_model(TYPES[type_key])
    values: dict[str, float | bool] = {}
    for one in said:
        for observation in translate(model, TYPES[type_key], one, {}, 0):
            assert observation.refusals == ()
            values |= observation.values
    return values


def test_there_is_one_for_each_type() -> None:
    models = make_plain_models(TYPES)
    assert set(models) == {f"fields_{key}" for key in TYPES}
    assert all(model.key == key and model.examples for key, model in models.items())


@pytest.mark.parametrize("key", sorted(TYPES))
def test_the_example_of_a_type_gives_its_fields(key: str) -> None:
    device_type, model = TYPES[key], make_plain_model(TYPES[key])
    (example,) = model.examples
    (observation,) = translate(model, device_type, Said("0", example.members), {}, 0)
    checked = check_observation(device_type, build_validator(device_type), observation._replace(time_ms=1))
    values = checked.values
    assert ",".join(f"{name}={format_value(values[name])}" for name in device_type.fields if name in values) == (
        example.fields
    )
    assert checked.refusals == ()


@pytest.mark.hazard("other-name", "esphome")
def test_esphome() -> None:
    assert take(
        ESPHOME,
        ("esphome/stue/sensor/temperature/state", b"21.4"),
        ("esphome/stue/sensor/co2/state", b"612"),
        ("esphome/stue/binary_sensor/presence/state", b"ON"),
        ("esphome/stue/number/temperature/state", b"19"),
        ("esphome/stue/sensor/humidity/state", b"nan"),
        ("esphome/stue/sensor/uptime/state", b"100"),
    ) == {"temperature": 21.4, "co2": 612.0, "presence": True}


@pytest.mark.hazard("other-unit", "homie")
def test_homie_with_and_without_units() -> None:
    declared = b'{"nodes":{"sensor":{"properties":{"temperature":{"datatype":"float","unit":"\xc2\xb0F"}}}}}'
    assert take(HOMIE, ("homie/5/stue/$description", declared), ("homie/5/stue/sensor/temperature", b"68")) == {
        "temperature": 20.0
    }
    assert take(HOMIE, ("homie/stue/sensor/pm2-5", b"7"), ("homie/stue/sensor/presence", b"true")) == {
        "pm2_5": 7.0,
        "presence": True,
    }


@pytest.mark.hazard("other-name", "senml")
def test_senml_with_and_without_names() -> None:
    named = b'[{"bn":"urn:dev:ow:1:","n":"temperature","u":"K","v":293.15},{"n":"pressure","u":"Pa","v":101325}]'
    assert take(SENML, ("senml/x", named)) == {"temperature": 20.0, "pressure": 1013.25}
    nameless = b'[{"bn":"urn:dev:ow:1","u":"Cel","v":20},{"u":"%RH","v":40},{"u":"%EL","v":90}]'
    assert take(SENML, ("senml/x", nameless)) == {"temperature": 20.0, "humidity": 40.0, "battery": 90.0}


@pytest.mark.hazard("other-name", "plain")
def test_plain() -> None:
    assert take(PLAIN, ("hage/bed-1/temperature", b"21.4"), ("hage/bed-1/illuminance", b"320 lux")) == {
        "temperature": 21.4,
        "illuminance": 320.0,
    }


@pytest.mark.hazard("type-drift", "esphome", "homie", "plain", "senml")
@pytest.mark.parametrize("payload", [b"true", b"1", b"ON", b"on", b'"ON"', b"TRUE", b"1.0"])
def test_states_have_many_words(payload: bytes) -> None:
    assert take(PLAIN, ("hage/d/door_open", payload), type_key="door_contact") == {"door_open": True}


@pytest.mark.hazard("word-as-truth", "esphome", "homie", "plain", "senml")
@pytest.mark.parametrize("value", ["open", 2, "", "yes"])
def test_a_state_in_another_word_is_refused(value: str | float) -> None:
    (observation,) = translate(DOOR, TYPES["door_contact"], Said("0", {"door_open": value}), {}, 0)
    assert (observation.values, [one.reason for one in observation.refusals]) == ({}, [Reason.WRONG_TYPE])


def test_a_value_that_two_fields_could_have_is_nobodys() -> None:
    takes = make_plain_model(TYPES["heat_pump"]).takes
    assert "Cel" not in takes
    assert "Cel" in CLIMATE.takes
