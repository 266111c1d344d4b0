"""Cases of Sources: a documented message of each Format, again and again, as ``process`` meets it from a bound device.

Beside them the native format, down its lane and the general way, which everything of Sources goes. A message has one
reading. They differ in how much they tell, as real ones do: compare a Format with itself, and with native for the order
of magnitude.
"""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.event_time import format_time
from ingest.inventory import OPEN_END_MS, Category, Device, Inventory, Placement, Site, Zone
from ingest.local_time import LOCAL
from ingest.memory import Memory
from ingest.message import Message
from ingest.models import load_models
from ingest.payloads.sparkplug_payload import PayloadMessage
from ingest.process import Processor
from ingest.route import RouteTable
from ingest.source import Source
from ingest.source_table import SourceTable
from simulators.bench.case import Case
from simulators.bench.load import PACKET_IDS
from simulators.bench.stage_material import DELAY_MS, FIRST_MS, INTERVAL_MS, LIMITS

GENERAL = "native, the general way"
NATIVE_TYPE = "indoor_climate"
STAYING, MOVING = "staying", "moving"
"""Native devices; the second will be at another site one day, so that it has no lane."""
MOVED_MS = OPEN_END_MS - 1
PATTERN = "hage/{address}/{member}"
SITE, OTHER_SITE, ZONE = "examples", "elsewhere", "first"
EUI = "24E124136B502011"
AM319 = bytes.fromhex("0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000")
"""TheThingsNetwork/lorawan-devices, am319-codec.yaml."""
KAIFA_LIST_1 = bytes.fromhex("7EA027010201105A87E6E7000F40000000090C07E5031702131A3AFF80000002010600000BF35B057E")
"""amshan, tests/test_kaifa.py."""
_MILLISECONDS = 1_000


class _Told(NamedTuple):
    """What is told of a device.

    Attributes:
        model: Key of its Model.
        address: Of the device at the Source.
        topic: Of its messages.
        write: A number of a message and its event time in milliseconds since 1970 in UTC to the payload.
        earlier: Topics and payloads of what makes sense of it.
    """

    model: str
    address: str
    topic: str
    write: Callable[[int, int], bytes]
    earlier: Sequence[tuple[str, bytes]] = ()


def _encode(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()


def _write_tts(number: int, time_ms: int) -> bytes:
    """After "Data Formats" of The Things Stack's documentation, with a Milesight AM319's frame."""
    gateway = {
        "gateway_ids": {"gateway_id": "gtw1", "eui": "9C5C8E00001A05C4"},
        "time": format_time(time_ms),
        "timestamp": 2463457000,
        "rssi": -35,
        "channel_rssi": -35,
        "snr": 5,
        "channel_index": 2,
    }
    uplink = {
        "session_key_id": "AXA50tHUGUucuzS/bCGMNw==",
        "f_cnt": number,
        "f_port": 85,
        "frm_payload": base64.b64encode(AM319).decode(),
        "rx_metadata": [gateway],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}},
            "coding_rate": "4/6",
            "frequency": "868300000",
        },
        "consumed_airtime": "0.056576s",
        "version_ids": {"brand_id": "milesight-iot", "model_id": "am319"},
        "network_ids": {"net_id": "000013", "tenant_id": "tenant1", "cluster_id": "nam1"},
        "received_at": format_time(time_ms),
    }
    ids = {"device_id": "dev1", "application_ids": {"application_id": "app1"}, "dev_eui": EUI, "dev_addr": "00BCB929"}
    return _encode({"end_device_ids": ids, "received_at": format_time(time_ms), "uplink_message": uplink})


def _write_chirpstack(number: int, time_ms: int) -> bytes:
    """After "Event types" of ChirpStack's documentation, with the same frame."""
    return _encode(
        {
            "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
            "time": format_time(time_ms),
            "deviceInfo": {"tenantName": "ChirpStack", "deviceProfileName": "AM319", "devEui": EUI.lower()},
            "devAddr": "00189440",
            "dr": 1,
            "fCnt": number,
            "fPort": 85,
            "data": base64.b64encode(AM319).decode(),
            "rxInfo": [{"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5}],
            "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11}}},
        }
    )


def _write_zigbee(_: int, time_ms: int) -> bytes:
    """After Zigbee2MQTT's documentation, with ``last_seen`` as we ask for it."""
    return _encode({"temperature": 27.34, "humidity": 44.72, "linkquality": 99, "last_seen": format_time(time_ms)})


def _write_tasmota(_: int, time_ms: int) -> bytes:
    """Of Tasmota's documentation, "Teleinfo", with ``SetOption52 1``."""
    energy = {"TotalStartTime": "2021-10-25T15:22:04", "Total": 9098.245, "Yesterday": 6822.685, "Today": 2275.560,
              "Period": 9, "Power": 170, "Current": 1.000, "Load": 6}  # fmt: skip
    return _encode({"Time": format_time(time_ms), "ENERGY": energy, "ESP32": {"Temperature": 36.1}, "TempUnit": "C"})


def _write_shelly(_: int, time_ms: int) -> bytes:
    """A recorded ``switch:0`` (fixture of aioshelly) in a notification as Shelly's documentation has it."""
    switch = {"aenergy": {"by_minute": [0.0, 0.0, 0.0], "minute_ts": 1707326934, "total": 110.046}, "apower": 0.0,
              "current": 0.0, "id": 0, "output": False, "temperature": {"tC": 30.3, "tF": 86.6},
              "voltage": 232.8}  # fmt: skip
    params = {"ts": time_ms / _MILLISECONDS, "switch:0": switch}
    return _encode({"src": "plug", "dst": "plug/events", "method": "NotifyStatus", "params": params})


def _write_ams(_: int, time_ms: int) -> bytes:
    """A recorded list 2 of an Aidon 6525; what identifies the reader and the meter is replaced."""
    data = {"lv": "AIDON_V0001", "meterId": "7359990000000000", "type": "6525", "P": 1028, "Q": 0, "PO": 0, "QO": 1026,
            "I1": 4.80, "I2": 0.00, "I3": -2.80, "U1": 240.70, "U2": 240.30, "U3": 239.90}  # fmt: skip
    realtime = {"h": 0.42, "d": 26.0, "t": 5, "x": 4.19, "he": 0.00, "de": 0.0}
    head = {"id": "58:CF:79:00:00:01", "name": "iot-ams-home", "up": 686591, "t": time_ms // _MILLISECONDS}
    return _encode({**head, "vcc": 3.268, "rssi": -70, "temp": -127.00, "data": data, "realtime": realtime})


def _write_sparkplug(number: int, time_ms: int) -> bytes:
    """Ten metrics by their aliases, as chapter 6 of the specification has NDATA."""
    metrics = [{"alias": alias, "timestamp": time_ms, "double_value": 20.0 + alias} for alias in range(10)]
    return _serialize(timestamp=time_ms, seq=(number + 1) % 256, metrics=metrics)


def _serialize(**members: object) -> bytes:
    encoded: bytes = PayloadMessage(**members).SerializeToString()
    return encoded


def _write_birth() -> bytes:
    names = ["Supply Temperature", "Extract Temperature", "Outdoor Temperature", "Supply Fan", "Extract Fan",
             "Filter Pressure", "Heat Recovery", "Setpoint", "Damper", "Valve"]  # fmt: skip
    metrics: list[dict[str, object]] = [{"name": "bdSeq", "datatype": 4, "long_value": 0, "timestamp": FIRST_MS}]
    metrics += [
        {"name": name, "alias": alias, "datatype": 10, "double_value": 20.0, "timestamp": FIRST_MS}
        for alias, name in enumerate(names)
    ]
    return _serialize(timestamp=FIRST_MS, seq=0, metrics=metrics)


def _write_senml(_: int, time_ms: int) -> bytes:
    """After RFC 8428, 5.1.5."""
    base = {"bn": "urn:dev:ow:10e2073a01080063:", "bt": time_ms / _MILLISECONDS}
    pack = [{**base, "n": "temperature", "u": "Cel", "v": 23.1}, {"n": "humidity", "u": "%RH", "v": 67}]
    return json.dumps(pack, separators=(",", ":")).encode()


_DEVICES = b'[{"ieee_address":"0x00169a00022256da","friendly_name":"my_sensor","type":"EndDevice"}]'
_TOLD: Mapping[str, _Told] = {
    "tts": _Told("milesight_am319", EUI, "v3/app1@tenant1/devices/dev1/up", _write_tts),
    "chirpstack": _Told("milesight_am319", EUI, f"application/a/device/{EUI.lower()}/event/up", _write_chirpstack),
    "senml": _Told("fields_indoor_climate", "urn:dev:ow:10e2073a01080063", "senml/x", _write_senml),
    "zigbee2mqtt": _Told(
        "zigbee_climate",
        "0x00169a00022256da",
        "zigbee2mqtt/my_sensor",
        _write_zigbee,
        (("zigbee2mqtt/bridge/devices", _DEVICES),),
    ),
    "tasmota": _Told("tasmota_plug", "plugg-1", "tele/plugg-1/SENSOR", _write_tasmota),
    "shelly": _Told("shelly_plug", "plug", "shelly/plug/events/rpc", _write_shelly),
    "ams": _Told("ams_reader", "rektor", "amsleser/rektor", _write_ams),
    "han": _Told("ams_reader", "rektor", "han/rektor", lambda _number, _time_ms: KAIFA_LIST_1),
    "sparkplug": _Told(
        "sparkplug_ventilation",
        "Hall/AHU",
        "spBv1.0/Hall/NDATA/AHU",
        _write_sparkplug,
        (("spBv1.0/Hall/NBIRTH/AHU", _write_birth()),),
    ),
    "homie": _Told(
        "fields_indoor_climate",
        "super-car",
        "homie/5/super-car/sensor/temperature",
        lambda number, _time_ms: b"%.1f" % (20 + number % 10 / 10),
    ),
    "esphome": _Told(
        "fields_indoor_climate",
        "stue",
        "esphome/stue/sensor/temperature/state",
        lambda number, _time_ms: b"%.1f" % (20 + number % 10 / 10),
    ),
    "plain": _Told(
        "fields_indoor_climate",
        "bed-1",
        "hage/bed-1/temperature",
        lambda number, _time_ms: b"%.1f" % (20 + number % 10 / 10),
    ),
}
"""By the key of the Format; Home Assistant's discovery messages are no readings."""


def make_source_cases(readings: int) -> list[Case]:
    """Return two cases of the native format and one of each Format that has readings, of so many messages."""
    return [*_make_native_cases(readings), *(_make_case(key, told, readings) for key, told in _TOLD.items())]


def _make_case(key: str, told: _Told, readings: int) -> Case:
    first = [
        _make_message(topic, payload, FIRST_MS - INTERVAL_MS, number)
        for number, (topic, payload) in enumerate(told.earlier)
    ]
    rest = []
    for number in range(readings + 2):
        time_ms = FIRST_MS + INTERVAL_MS * number
        rest.append(_make_message(told.topic, told.write(number, time_ms), time_ms, len(first) + number))
    return Case(key, [*first, *rest[:2]], rest[2:])


def _make_native_cases(readings: int) -> list[Case]:
    """Return the same readings of four fields twice, from a device that has a lane and from one that has none."""
    cases = []
    for name, device in ((NATIVE, STAYING), (GENERAL, MOVING)):
        messages = []
        for number in range(readings + 2):
            time_ms = FIRST_MS + INTERVAL_MS * number
            written = format_time(time_ms).encode()
            values = b'"seq":%d,"temperature":21.4,"humidity":38.5,"co2":612,"presence":true' % number
            payload = b'{"time":"%s",%s}' % (written, values)
            messages.append(_make_message(f"gjovik/{SITE}/{device}/reading", payload, time_ms, number))
        cases.append(Case(name, messages[:2], messages[2:]))
    return cases


def _make_message(topic: str, payload: bytes, time_ms: int, number: int) -> Message:
    return Message(topic, payload, time_ms + DELAY_MS, packet_id=1 + number % PACKET_IDS, connection=1)


def make_source_processor() -> Processor:
    """Return a Processor with a Source of each Format and a device bound to it, and a native one; without rules."""
    types, models = load_device_types(), load_models()
    placements = (Placement(0, OPEN_END_MS, SITE, ZONE),)
    site = Site(SITE, "Examples", Category.OFFICE, 60.8, 10.7, 1000.0, {ZONE: Zone(ZONE, "1. etasje")}, ())
    later = (Placement(0, MOVED_MS, SITE, ZONE), Placement(MOVED_MS, OPEN_END_MS, OTHER_SITE, ZONE))
    devices = {
        key: Device(key, NATIVE_TYPE, "+A=360.001-RT001", placed)
        for key, placed in ((STAYING, placements), (MOVING, later))
    }
    for key, told in _TOLD.items():
        model = models[told.model]
        devices[key] = Device(
            key,
            model.device_type,
            "+A=360.001-RT002",
            placements,
            source=key,
            address=told.address,
            model=told.model,
            parameters=model.complete_parameters({}),
        )
    inventory = Inventory({SITE: site, OTHER_SITE: dataclasses.replace(site, key=OTHER_SITE)}, devices, LOCAL)
    sources = {key: _make_source(key) for key in _TOLD}
    routes = RouteTable(inventory, types, CODEC, "gjovik")
    return Processor(routes, Memory(), AlertBook({}), LIMITS, SourceTable(sources, inventory, types))


def _make_source(key: str) -> Source:
    root = load_formats()[key].root
    patterns = () if root else (PATTERN,)
    return Source(key=key, format_key=key, root=root, patterns=patterns, zone_info=LOCAL)
