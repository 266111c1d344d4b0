"""A Zigbee network as Zigbee2MQTT's documentation and tests tell of it, and who listens to it."""

import json
from typing import Any

from ingest.codecs.zigbee2mqtt import FORMAT
from ingest.source import EventKind, Said
from tests.lorawan_payloads import Listener

PLUG, BULB, SENSOR = "0x00158d00018255df", "0x90fd9ffffe6494fc", "0x00169a00022256da"

# "MQTT topics and messages" of Zigbee2MQTT's documentation; what it leaves out with dots is written out as one entry.
DEVICES: list[dict[str, Any]] = [
    {
        "ieee_address": PLUG,
        "type": "Router",
        "network_address": 29159,
        "supported": True,
        "friendly_name": "my_plug",
        "definition": {
            "model": "ZNCZ02LM",
            "vendor": "Xiaomi",
            "description": "Mi power plug ZigBee",
            "options": [],
            "exposes": [
                {"type": "switch", "features": [{"name": "state", "property": "state", "access": 7}]},
                {"type": "numeric", "name": "power", "property": "power", "unit": "W", "access": 5},
            ],
        },
        "power_source": "Mains (single phase)",
        "model_id": "lumi.plug",
        "interviewing": False,
        "interview_completed": True,
    },
    {
        "ieee_address": BULB,
        "type": "Router",
        "network_address": 57440,
        "supported": True,
        "friendly_name": "my_bulb",
        "definition": {"model": "LED1624G9", "vendor": "IKEA", "options": [], "exposes": []},
        "model_id": "TRADFRI bulb E27 CWS opal 600lm",
    },
    {
        "ieee_address": SENSOR,
        "type": "Router",
        "network_address": 22160,
        "supported": False,
        "friendly_name": "my_sensor",
        "definition": None,
        "model_id": None,
    },
    {
        "ieee_address": "0x00124b00120144ae",
        "type": "Coordinator",
        "network_address": 0,
        "supported": False,
        "friendly_name": "Coordinator",
        "definition": None,
    },
]
GROUPS = [{"id": 1, "friendly_name": "my_group", "members": [{"ieee_address": BULB, "endpoint": 1}]}]
JOINED = b'{"type":"device_joined","data":{"friendly_name":"0x90fd9ffffe6494fc","ieee_address":"0x90fd9ffffe6494fc"}}'
ANNOUNCED = (
    b'{"type":"device_announce","data":{"friendly_name":"0x90fd9ffffe6494fc","ieee_address":"0x90fd9ffffe6494fc"}}'
)
INTERVIEWED = (
    b'{"type":"device_interview","data":{"friendly_name":"0x90fd9ffffe6494fc","status":"successful",'
    b'"ieee_address":"0x90fd9ffffe6494fc","supported":true,"definition":{"model":"LED1624G9","vendor":"IKEA",'
    b'"description":"TRADFRI LED bulb E14/E26/E27 600 lumen, dimmable, color, opal white"}}}'
)
INTERVIEW_FAILED = (
    b'{"type":"device_interview","data":{"friendly_name":"0x90fd9ffffe6494fc","status":"failed",'
    b'"ieee_address":"0x90fd9ffffe6494fc"}}'
)
LEFT = b'{"type":"device_leave","data":{"ieee_address":"0x90fd9ffffe6494fc","friendly_name":"my_bulb"}}'
CLIMATE = b'{"temperature":27.34,"humidity":44.72}'
LEAK = b'{"battery":"100.00","voltage":3045,"linkquality":99,"water_leak":false}'


class Network:
    """A Zigbee network that is listened to."""

    def __init__(self) -> None:
        self._listener = Listener(FORMAT, "zigbee2mqtt", "")
        self.event, self.refusal, self.hear = self._listener.event, self._listener.refusal, self._listener.hear

    def describe(self, devices: object) -> list[tuple[EventKind, str, str]]:
        """Tell which devices there are, and return what is new."""
        heard = self.hear(json.dumps(devices).encode(), "zigbee2mqtt/bridge/devices")
        return [(one.kind, one.address, one.detail) for one in heard.events]

    def said(self, payload: bytes, name: str) -> Said:
        """Return the one reading of a message."""
        heard = self.hear(payload, f"zigbee2mqtt/{name}")
        assert not heard.events
        (said,) = heard.said
        return said

    def kind(self, payload: bytes, path: str) -> tuple[EventKind, str]:
        """Return the one event of a message, and of whom it is."""
        event = self.event(payload, f"zigbee2mqtt/{path}")
        return event.kind, event.address


def open_known() -> Network:
    """Return what has heard which devices and groups there are."""
    network = Network()
    network.describe(DEVICES)
    network.hear(json.dumps(GROUPS).encode(), "zigbee2mqtt/bridge/groups")
    return network
