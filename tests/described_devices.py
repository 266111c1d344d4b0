"""What real devices tell of themselves by Home Assistant discovery, in the forms of three programs.

Sources: Zigbee2MQTT's own tests of its Home Assistant extension; what Tasmota 7 and 8 logged (SetOption19); ESPHome's
"MQTT Client Component", and its topics.
"""

import json
from collections.abc import Iterable
from typing import Any

Description = tuple[str, dict[str, Any]]

TEMPERATURE = {"device_class": "temperature", "unit_of_measurement": "°C"}
HUMIDITY = {"device_class": "humidity", "unit_of_measurement": "%"}
BATTERY = {"device_class": "battery", "unit_of_measurement": "%"}
DOOR = {"device_class": "door", "payload_on": False, "payload_off": True}
ROOM, DOORS = "0x00158d0001a2b3c4", "0x00158d0001a2b3c6"


def tell_zigbee(
    ieee: str, name: str, product: str, member: str, component: str = "sensor", **others: object
) -> Description:
    """Return what Zigbee2MQTT tells of one value of a device."""
    maker, _, model = product.partition(" ")
    told = {
        "state_topic": f"zigbee2mqtt/{name}",
        "unique_id": f"{ieee}_{member}_zigbee2mqtt",
        "value_template": f"{{{{ value_json.{member} }}}}",
        "availability": [{"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"}],
        "device": {
            "identifiers": [f"zigbee2mqtt_{ieee}"],
            "name": name,
            "manufacturer": maker,
            "model": "what it is in words",
            "model_id": model,
            "via_device": "zigbee2mqtt_bridge_0x00124b00120144ae",
        },
    }
    return f"homeassistant/{component}/{ieee}/{member}/config", told | others


def tell_tasmota(mac: str, topic: str, place: str, unit: str, device_class: str = "") -> Description:
    """Return what Tasmota tells of one value of a device, abbreviated, with its base topic."""
    steps = "".join(f"['{step}']" for step in place.split("."))
    name = place.replace(".", "_")
    told = {
        "name": f"{topic} {name}",
        "stat_t": "~SENSOR",
        "avty_t": "~LWT",
        "uniq_id": f"{mac}_{name}",
        "device": {"identifiers": [mac]},
        "~": f"tele/{topic}/",
        "unit_of_meas": unit,
        "val_tpl": f"{{{{value_json{steps}}}}}",
    }
    return f"homeassistant/sensor/{mac}_{name}/config", told | ({"dev_cla": device_class} if device_class else {})


def tell_relay(mac: str, topic: str, product: str) -> Description:
    """Return what Tasmota tells of a relay, and of the device itself."""
    told = {
        "name": topic,
        "stat_t": f"tele/{topic}/STATE",
        "cmd_t": f"cmnd/{topic}/POWER",
        "val_tpl": "{{value_json.POWER}}",
        "uniq_id": f"{mac}_RL_1",
        "dev": {"ids": [mac], "name": topic, "mdl": product, "mf": "Tasmota", "sw": "8.5.1(tasmota)"},
    }
    return f"homeassistant/switch/{mac}_RL_1/config", told


def tell_node(node: str, name: str, device_class: str, unit: str) -> Description:
    """Return what ESPHome tells of one sensor of a node."""
    told = {
        "dev_cla": device_class,
        "unit_of_meas": unit,
        "stat_cla": "measurement",
        "name": name.title(),
        "stat_t": f"esphome/{node}/sensor/{name}/state",
        "avty_t": f"esphome/{node}/status",
        "uniq_id": f"ESPsensor{name}",
        "dev": {"ids": "6055f97b55e0", "name": node, "sw": "esphome v2024.4.1", "mdl": "esp32-c3", "mf": "espressif"},
    }
    return f"homeassistant/sensor/{node}/{name}/config", told


CLIMATE = (
    tell_zigbee(ROOM, "radhuset/rom 12", "Aqara WSDCGQ11LM", "temperature", **TEMPERATURE),
    tell_zigbee(ROOM, "radhuset/rom 12", "Aqara WSDCGQ11LM", "humidity", **HUMIDITY),
    tell_zigbee(ROOM, "radhuset/rom 12", "Aqara WSDCGQ11LM", "battery", **BATTERY),
)
CONTACT = (
    tell_zigbee(DOORS, "dør", "Noname YY1", "contact", "binary_sensor", **DOOR),
    tell_zigbee(DOORS, "dør", "Noname YY1", "battery", **BATTERY),
)
BRIDGE = (
    "homeassistant/binary_sensor/1221051039810110150109113116116_0x00124b00120144ae/connection_state/config",
    {
        "device_class": "connectivity",
        "state_topic": "zigbee2mqtt/bridge/state",
        "value_template": "{{ value_json.state }}",
        "unique_id": "bridge_0x00124b00120144ae_connection_state_zigbee2mqtt",
        "device": {"identifiers": ["zigbee2mqtt_bridge_0x00124b00120144ae"], "name": "Zigbee2MQTT Bridge"},
    },
)
CELLAR = (
    tell_tasmota("68AABB", "kjeller", "BME280.Temperature", "°C", "temperature"),
    tell_tasmota("68AABB", "kjeller", "BME280.Humidity", "%", "humidity"),
    tell_tasmota("68AABB", "kjeller", "BME280.DewPoint", "°C"),
)
PLUG = (
    tell_relay("04504D", "varmtvann", "Sonoff Pow R2"),
    tell_tasmota("04504D", "varmtvann", "ENERGY.Power", "W", "power"),
    tell_tasmota("04504D", "varmtvann", "ENERGY.Total", "kWh", "power"),
    tell_tasmota("04504D", "varmtvann", "ENERGY.Voltage", "V"),
)
NODE = (
    tell_node("stue", "temperature", "temperature", "°C"),
    tell_node("stue", "humidity", "humidity", "%"),
    tell_node("stue", "co2", "carbon_dioxide", "ppm"),
)


def write_lines(messages: Iterable[tuple[str, object]]) -> bytes:
    """Return messages as ``mosquitto_sub -v`` writes them."""
    return b"".join(f"{topic} {json.dumps(payload)}\n".encode() for topic, payload in messages)
