"""Cases: readings that ``process`` meets beside the load's, and that may cost more or less.

Of each DeviceType the first example that is accepted, again and again, a second apart. Then heat meters' readings that
are not as they should be. Each is of one device, so the memory that it touches is in the processor's caches: compare
them with the case ``heat_meter``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from devices import load_device_types
from ingest.codecs.native import CODEC
from ingest.event_time import format_time
from ingest.inventory import OPEN_END_MS, Category, Device, Inventory, Placement, Site, Zone
from ingest.message import Message
from ingest.route import RouteTable
from schemas.device_type import Clock, DeviceType
from simulators.bench.load import PACKET_IDS, TYPE
from simulators.bench.stage_material import DELAY_MS, FIRST_MS, INTERVAL_MS

SITE = "examples"
ZONE = "first"
OFFSET_MS = 3_600_000


class Case(NamedTuple):
    """Readings of one kind.

    Attributes:
        name: Of the kind.
        earlier: What comes before, so that the device is known.
        messages: What is measured.
    """

    name: str
    earlier: Sequence[Message]
    messages: Sequence[Message]


def make_routes() -> RouteTable:
    """Return the routes of an inventory with one device of each DeviceType, named after it."""
    types = load_device_types()
    placements = (Placement(0, OPEN_END_MS, SITE, ZONE),)
    site = Site(SITE, "Examples", Category.OFFICE, 60.8, 10.7, 1000.0, {ZONE: Zone(ZONE, "1. etasje")}, ())
    devices = {key: Device(key, key, "+A=360.001-RT001", placements) for key in types}
    return RouteTable(Inventory({SITE: site}, devices, ZoneInfo("Europe/Oslo")), types, CODEC, "gjovik")


def make_cases(readings: int) -> list[Case]:
    """Return every case with so many messages, 1 or more.

    Raises:
        LookupError: A DeviceType has no example that is accepted.
    """
    types = load_device_types()
    return [*(_make_type_case(one, readings) for one in types.values()), *_make_odd_cases(types[TYPE], readings)]


def _make_type_case(device_type: DeviceType, readings: int) -> Case:
    messages = make_messages(device_type, readings + 2)
    return Case(device_type.key, messages[:2], messages[2:])


def _make_odd_cases(device_type: DeviceType, readings: int) -> list[Case]:
    """Return the cases of readings that are not as they should be."""
    messages = make_messages(device_type, readings + 2)
    earlier, rest, newest = messages[:2], messages[2:], messages[-1:]

    def change(name: str, payload: Callable[[bytes], bytes]) -> Case:
        changed = [one._replace(payload=payload(one.payload)) for one in rest]
        return Case(f"{device_type.key}, {name}", earlier, changed)

    return [
        change("its time with an offset", _give_offset),
        Case(f"{device_type.key}, older than the newest", [*newest, *newest], messages[:-2]),
        change("a field unknown", lambda payload: payload[:-1] + b',"colour":1}'),
        change("a field out of range", lambda payload: payload.replace(b'"flow":', b'"flow":-')),
        change("no JSON", lambda payload: payload[:-1]),
    ]


def make_messages(device_type: DeviceType, readings: int) -> list[Message]:
    """Return a DeviceType's first example that is accepted, again and again, a second apart.

    Raises:
        LookupError: It has none.
    """
    payload = next((one.payload for one in device_type.examples if one.fields is not None), None)
    if payload is None:
        raise LookupError(f"{device_type.key} has no example that is accepted; add one to devices/{device_type.key}.py")
    (example,) = CODEC.decode(payload.encode())
    topic = f"gjovik/{SITE}/{device_type.key}/reading"
    messages = []
    for number in range(readings):
        time_ms = FIRST_MS + INTERVAL_MS * number
        observation = example._replace(time_ms=time_ms) if device_type.clock is Clock.DEVICE else example
        packet_id = 1 + number % PACKET_IDS
        encoded = CODEC.encode(observation)
        messages.append(Message(topic, encoded, time_ms + DELAY_MS, packet_id=packet_id, connection=1))
    return messages


def _give_offset(payload: bytes) -> bytes:
    """Return a payload that says the same time in Norwegian winter time."""
    (observation,) = CODEC.decode(payload)
    time_ms = observation.time_ms or 0
    local = format_time(time_ms + OFFSET_MS).replace("Z", "+01:00")
    return payload.replace(format_time(time_ms).encode(), local.encode())
