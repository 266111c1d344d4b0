"""What the stages of ``simulators.bench.stages`` are fed: readings of heat meters, made before the clock starts.

Every device has been heard of before, no rule fires, and every reading is newer than the one before it of its device:
the ordinary case, which is nearly all that a collector ever sees.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from devices import load_device_types
from ingest.accounts import COLLECTOR
from ingest.alerts.book import AlertBook
from ingest.alerts.rules import load_rules
from ingest.batch import Batch
from ingest.codec import Observation
from ingest.codecs.native import CODEC
from ingest.inbox import Inbox
from ingest.inventory_files import load_inventory
from ingest.lane import Limits
from ingest.memory import Memory
from ingest.message import Message
from ingest.mqtt_protocol import Connection
from ingest.process import Processor
from ingest.route import RouteTable
from schemas.rule import Rule
from simulators.bench.load import Load, write_inventory
from simulators.bench.rules import write_rules

FIRST_MS = 1_768_478_400_000  # 2026-01-15T12:00:00Z
INTERVAL_MS = 1_000
"""Event time between two readings of a device, about."""
DELAY_MS = 50
"""From event time to receipt."""
CHUNK_BYTES = 64 * 1024
"""What a read of the socket brings: about so much waits after a rest at 30,000 readings a second."""
BATCH = 1_000
"""Readings of a batch at full load."""
SMALL_BATCH = 200
"""Readings of a batch at 5,000 a second."""
MOST_PAYLOAD_BYTES = 65_536
LIMITS = Limits(accept_simulated=True, max_payload_bytes=MOST_PAYLOAD_BYTES, kept_payload_bytes=MOST_PAYLOAD_BYTES)
DIGEST = 1 << 59
"""Stands for a checksum: as large as one."""


class Material(NamedTuple):
    """What the stages are fed.

    Attributes:
        routes: Of all devices.
        rules: Three of the type.
        earlier: One reading of every device, from before.
        messages: The readings that are measured, device after device in turn.
        observations: What they say.
        chunks: They as packets, in pieces as a socket gives them.
        batches: What ``process`` makes of them, by the size of the batches.
        memory: What is remembered after them.
        alerts: Where the rules stand.
    """

    routes: RouteTable
    rules: Mapping[str, Rule]
    earlier: Sequence[Message]
    messages: Sequence[Message]
    observations: Sequence[Observation]
    chunks: Sequence[bytes]
    batches: Mapping[int, Sequence[Batch]]
    memory: Memory
    alerts: AlertBook


def prepare_material(devices: int, readings: int) -> Material:
    """Return the first readings of a Load.

    Args:
        devices: Which take turns, 1 or more.
        readings: Beside one of each device from before, 1 or more.
    """
    routes, rules = _read_configuration(devices)
    stream = _make_packets(devices, devices + readings)
    received = asyncio.run(_receive(stream))
    observations = [one for message in received for one in routes.find(message.topic).read(message.payload)]
    every = [
        message._replace(received_ms=(one.time_ms or 0) + DELAY_MS)
        for message, one in zip(received, observations, strict=True)
    ]
    earlier, messages = every[:devices], every[devices:]
    batches = {}
    for size in (BATCH, SMALL_BATCH):
        processor = make_processor(routes, rules)
        processor.process(earlier)
        batches[size] = [processor.process(some) for some in cut(messages, size)]
    begin = len(stream) // len(every) * devices  # all packets have one length
    return Material(
        routes=routes,
        rules=rules,
        earlier=earlier,
        messages=messages,
        observations=observations[devices:],
        chunks=[stream[start : start + CHUNK_BYTES] for start in range(begin, len(stream), CHUNK_BYTES)],
        batches=batches,
        memory=processor.memory,
        alerts=processor.alerts,
    )


def cut(messages: Sequence[Message], size: int) -> list[Sequence[Message]]:
    """Return messages in batches of a size; the last may have fewer."""
    return [messages[start : start + size] for start in range(0, len(messages), size)]


def make_processor(routes: RouteTable, rules: Mapping[str, Rule]) -> Processor:
    """Return a Processor that remembers nothing and takes simulated readings."""
    return Processor(routes, Memory(), AlertBook(rules), LIMITS)


def find_device(message: Message) -> str:
    """Return the id of the Device that a message is from."""
    return message.topic.split("/")[-2]


def _read_configuration(devices: int) -> tuple[RouteTable, dict[str, Rule]]:
    """Return routes and rules of the load as the collector reads them."""
    types = load_device_types()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("inventory", "rules"):
            (folder / part).mkdir()
        write_inventory(folder / "inventory", devices)
        write_rules(folder / "rules")
        inventory = load_inventory(folder / "inventory", types, {COLLECTOR})
        return RouteTable(inventory, types, CODEC, "gjovik"), load_rules(folder / "rules", types)


def _make_packets(devices: int, count: int) -> bytes:
    """Return so many packets; in a turn of all devices ``INTERVAL_MS`` of event time pass."""
    load = Load(devices)
    packets = []
    while load.made < count:
        now_ms = FIRST_MS + INTERVAL_MS * (load.made // devices)
        packets.append(load.make(min(load.ready, count - load.made), now_ms))
    return b"".join(packets)


async def _receive(stream: bytes) -> list[Message]:
    inbox = Inbox()
    feed(make_connection(inbox), stream)
    return await inbox.take(len(inbox), 0)


class _Wire(asyncio.Transport):
    """A transport without a socket: what is written to it is gone."""

    def write(self, data: object) -> None:
        """Take it."""

    def pause_reading(self) -> None:
        """Go on: bytes come when they are given."""

    def resume_reading(self) -> None:
        """Go on."""

    def is_closing(self) -> bool:
        """Return False."""
        return False


def make_connection(inbox: Inbox) -> Connection:
    """Return the collector's connection without a socket; ``feed`` gives it bytes. In an event loop."""
    connection = Connection(1, inbox)
    connection.connection_made(_Wire())
    return connection


def feed(connection: Connection, stream: bytes) -> None:
    """Have a connection read bytes, as many at a time as it has room for."""
    while stream:
        room = connection.get_buffer(len(stream))
        size = min(len(room), len(stream))
        room[:size] = stream[:size]
        connection.buffer_updated(size)
        stream = stream[size:]
