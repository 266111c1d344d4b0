"""Devices that only describe themselves: which they are, what they may be, and what cannot be read."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.description import read_descriptions
from tests.test_home_assistant import AMSREADER, ZIGBEE2MQTT, ZIGBEE2MQTT_TOPIC

TYPES = load_device_types()
HUMIDITY = ZIGBEE2MQTT | {
    "unit_of_measurement": "%",
    "device_class": "humidity",
    "value_template": '{{ value_json["humidity"] }}',
    "unique_id": "0x0017880104e45522_humidity_zigbee2mqtt",
}
HUMIDITY_TOPIC = ZIGBEE2MQTT_TOPIC.replace("temperature", "humidity")


def write_lines(*lines: tuple[str, object]) -> bytes:
    """Return messages as ``mosquitto_sub -v`` writes them."""
    return b"".join(f"{topic} {json.dumps(payload)}\n".encode() for topic, payload in lines)


def test_what_a_device_tells_in_several_messages_is_one_device_with_proposals() -> None:
    data = write_lines((ZIGBEE2MQTT_TOPIC, ZIGBEE2MQTT), (HUMIDITY_TOPIC, HUMIDITY))
    (device,), wrong = read_descriptions(data, TYPES)
    assert wrong == ()
    assert (device.id, device.name) == ("zigbee2mqtt_0x0017880104e45522", "weather_sensor")
    assert device.product == "Aqara WSDCGQ11LM"
    best = device.proposals[0]
    assert best.missing == ()
    assert {name: (one.topic, one.member) for name, one in best.fields.items()} == {
        "temperature": ("zigbee2mqtt/weather_sensor", "temperature"),
        "humidity": ("zigbee2mqtt/weather_sensor", "humidity"),
    }


def test_devices_stand_in_the_order_of_their_first_message_and_a_node_is_a_level_more() -> None:
    data = write_lines(("homeassistant/sensor/ams-1234_P/config", AMSREADER), (ZIGBEE2MQTT_TOPIC, ZIGBEE2MQTT))
    found, wrong = read_descriptions(data, TYPES)
    assert [one.id for one in found] == ["ams-1234", "zigbee2mqtt_0x0017880104e45522"]
    assert wrong == ()


def test_a_description_that_was_taken_back_and_an_empty_line_are_passed_over() -> None:
    assert read_descriptions(b"\nhomeassistant/sensor/a/config \n\n", TYPES) == ((), ())


def test_what_is_no_description_is_named_by_its_line_and_costs_no_other() -> None:
    good = write_lines((ZIGBEE2MQTT_TOPIC, ZIGBEE2MQTT))
    found, wrong = read_descriptions(b"zigbee2mqtt/x {}\n" + good + b"homeassistant/sensor/a/config {\n", TYPES)
    assert len(found) == 1
    assert [one.line for one in wrong] == [1, 3]
    assert "no topic of discovery" in wrong[0].why


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_devices_or_named_lines(lines: list[bytes]) -> None:
    data = b"\n".join(b"homeassistant/sensor/a/config " + line for line in lines)
    found, wrong = read_descriptions(data, TYPES)
    assert all(one.values for one in found)
    assert all(one.why for one in wrong)


def test_the_command_shows_a_table_or_json_and_ends_with_1_where_a_line_could_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "described.txt"
    file.write_bytes(write_lines((ZIGBEE2MQTT_TOPIC, ZIGBEE2MQTT)))
    runner = CliRunner()
    shown = runner.invoke(gjovik.app, ["devices", "described", str(file)], env={"COLUMNS": "250"})
    assert shown.exit_code == 0
    assert "WSDCGQ11LM" in shown.stdout
    file.write_bytes(file.read_bytes() + b"what is this\n")
    told = runner.invoke(gjovik.app, ["devices", "described", str(file), "--json"])
    assert told.exit_code == 1
    plain = json.loads(told.stdout)
    assert [one["id"] for one in plain["devices"]] == ["zigbee2mqtt_0x0017880104e45522"]
    assert plain["devices"][0]["proposals"][0]["fields"]["temperature"]["unit"] == "Cel"
    assert [one["line"] for one in plain["not_read"]] == [2]


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    ended = CliRunner().invoke(gjovik.app, ["devices", "described", str(tmp_path / "none")])
    assert ended.exit_code == 2
    assert "cannot be read" in ended.stderr
