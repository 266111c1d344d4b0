"""The stages of the path from the broker's bytes to its acknowledgement, each by itself.

Each calls the very function of ``ingest`` that the collector calls, on readings that are all there before the clock
starts (``simulators.bench.stage_material``). ``simulators.bench.stage_costs`` measures them.

A stage that names another in ``within`` is a part of it. The parts are called one at a time, so they need not add up to
the whole.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from pydantic_core import from_json

from ingest.batch import Batch
from ingest.codec import collect_fields
from ingest.event_time import parse_time
from ingest.inbox import Inbox
from ingest.inventory import OPEN_END_MS, Placement
from ingest.lane import Lane, make_lane
from ingest.line import finish_lines
from ingest.memory import Memory, digest_payload, digest_topic
from ingest.message import Message
from ingest.mqtt_packets import split
from ingest.mqtt_protocol import Connection
from ingest.name_sets import NameSets
from ingest.sample import Samplers, make_samplers
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from ingest.store_marks import pack_marks
from ingest.store_outbox import pack_lines
from simulators.bench.load import TYPE
from simulators.bench.stage_material import (
    BATCH,
    DIGEST,
    FIRST_MS,
    LIMITS,
    SMALL_BATCH,
    Material,
    cut,
    feed,
    find_device,
    make_connection,
    make_processor,
)

Run = Callable[[], object]
"""The measured part: all readings once."""


PLACEMENT = Placement(0, OPEN_END_MS, "site", "zone")
"""Where the devices of the stage "alerts" are; no rule asks."""


class Stage(NamedTuple):
    """A stage of the path.

    Attributes:
        name: What it does.
        within: Name of the stage that it is a part of; empty for one that stands for itself.
        open: Prepares it for one round, and clears up after it.
    """

    name: str
    within: str
    open: Callable[[Material], AbstractContextManager[Run]]


async def _connect(inbox: Inbox) -> Connection:
    return make_connection(inbox)


async def _receive(connection: Connection, inbox: Inbox, chunks: Sequence[bytes]) -> None:
    for chunk in chunks:
        feed(connection, chunk)
        await inbox.take(BATCH, 0)


@contextmanager
def open_receive(material: Material) -> Iterator[Run]:
    """Bytes of the socket to Messages, taken from the Inbox after each read."""
    inbox = Inbox(most=2 * len(material.messages))
    with asyncio.Runner() as runner:
        connection = runner.run(_connect(inbox))
        yield lambda: runner.run(_receive(connection, inbox, material.chunks))


@contextmanager
def open_split(material: Material) -> Iterator[Run]:
    """Bytes to packets."""
    stream = b"".join(material.chunks)
    views = [memoryview(stream)[begin:end] for begin, end in pairwise(_list_bounds(material, stream))]

    def run() -> None:
        for view in views:
            split(view)

    yield run


def _list_bounds(material: Material, stream: bytes) -> list[int]:
    """Return bounds of pieces of whole packets, about as many as there are chunks; all packets have one length."""
    packet = len(stream) // len(material.messages)
    step = max(1, len(material.chunks[0]) // packet) * packet
    return [*range(0, len(stream), step), len(stream)]


@contextmanager
def open_process(material: Material) -> Iterator[Run]:
    """Messages to Batches."""
    processor = make_processor(material.routes, material.rules)
    processor.process(material.earlier)
    batches = cut(material.messages, BATCH)

    def run() -> None:
        for messages in batches:
            processor.process(messages)

    yield run


@contextmanager
def open_digest(material: Material) -> Iterator[Run]:
    """A message's checksum."""
    given = [(digest_topic(message.topic), message.payload) for message in material.messages]

    def run() -> None:
        for topic_digest, payload in given:
            digest_payload(topic_digest, payload)

    yield run


@contextmanager
def open_lane(material: Material) -> Iterator[Run]:
    """Everything between the look-up of a topic and the lines."""
    batches = _choose_lanes(material)

    def run() -> None:
        for messages in batches:
            batch = Batch()
            for lane, message in messages:
                lane.take(message, DIGEST, material.alerts, batch)

    yield run


def _choose_lanes(material: Material) -> list[list[tuple[Lane, Message]]]:
    """Return the messages in batches, each with the Lane of its topic in a memory of its own."""
    processor = make_processor(material.routes, material.rules)
    processor.process(material.earlier)
    lanes: dict[str, Lane] = {}
    samplers = _make_samplers(material, processor.memory.sets)
    for message in material.earlier:
        route = material.routes.find(message.topic)
        doubted = processor.doubts.recall(route.device.id, route.device_type)
        lane = make_lane(route, processor.memory, LIMITS, samplers, doubted)
        if lane is not None:  # a heat meter has a clock, and is where its topic says
            lanes[message.topic] = lane
    return [[(lanes[message.topic], message) for message in messages] for messages in cut(material.messages, BATCH)]


@contextmanager
def open_validate(material: Material) -> Iterator[Run]:
    """Payload to a Sample, the event time included."""
    sample = _make_samplers(material, NameSets()).whole

    def run() -> None:
        for message in material.messages:
            sample(message.payload)

    yield run


def _make_samplers(material: Material, sets: NameSets) -> Samplers:
    route = material.routes.find(material.messages[0].topic)
    samplers = None if route.codec is None else make_samplers(route.device_type, route.codec, sets)
    if samplers is None:
        raise ValueError(f"payloads of {TYPE} have no quick way")
    return samplers


def _sample(material: Material) -> list[Struct]:
    sample = _make_samplers(material, NameSets()).whole
    return [sample(message.payload)[0] for message in material.messages]


@contextmanager
def open_event_time(material: Material) -> Iterator[Run]:
    """RFC 3339 text to milliseconds."""
    texts = [from_json(message.payload)["time"] for message in material.messages]

    def run() -> None:
        for text in texts:
            parse_time(text)

    yield run


@contextmanager
def open_alerts(material: Material) -> Iterator[Run]:
    """Values against three rules, none of which they break."""
    is_quiet = material.alerts.is_quiet
    given = [(find_device(message), one) for message, one in zip(material.messages, _sample(material), strict=True)]

    def run() -> None:
        for device, sample in given:
            is_quiet(TYPE, device, sample, PLACEMENT, FIRST_MS)

    yield run


@contextmanager
def open_remember(material: Material) -> Iterator[Run]:
    """What deduplication remembers of a reading."""
    memory = Memory()
    given = [
        (
            memory.recall(find_device(message)),
            one.time_ms or 0,
            memory.sets[tuple(collect_fields(one))],
            message.payload,
        )
        for message, one in zip(material.messages, material.observations, strict=True)
    ]

    def run() -> None:
        for device, time_ms, number, payload in given:
            device.advance(time_ms, DIGEST, number, payload)

    yield run


@contextmanager
def open_note_packets(material: Material) -> Iterator[Run]:
    """What deduplication remembers of the messages of a batch."""
    memory = Memory()
    batches = [{message.packet_id or 0: DIGEST for message in messages} for messages in cut(material.messages, BATCH)]

    def run() -> None:
        for digests in batches:
            memory.note_packets(digests)

    yield run


@contextmanager
def open_lines(material: Material) -> Iterator[Run]:
    """Values to line protocol, a batch at a time."""
    batches = []
    for messages in _choose_lanes(material):
        batch = Batch()
        for lane, message in messages:
            lane.take(message, DIGEST, material.alerts, batch)
        batches.append(batch.drafts)

    def run() -> None:
        for drafts in batches:
            finish_lines(drafts)

    yield run


@contextmanager
def open_commit(material: Material, *, size: int) -> Iterator[Run]:
    """A batch to disk in one transaction, as the collector does it: with the shard of the memory that is due.

    The store is new, so each of the first commits brings a shard; with 100,000 devices that is more than later ones do.
    """
    memory = material.memory
    with _open_store() as store:

        def run() -> None:
            for batch in material.batches[size]:
                due = store.wants_shard()
                store.commit(batch, FIRST_MS, None if due is None else memory.copy_shard(due))

        yield run


@contextmanager
def open_remove(material: Material) -> Iterator[Run]:
    """What is in the outbox out of it again, entry by entry, as after requests that InfluxDB answered."""
    with _open_store() as store:
        for batch in material.batches[BATCH]:
            store.commit(batch, FIRST_MS)

        def run() -> None:
            while entries := store.oldest(1):
                store.remove([entry.id for entry in entries])

        yield run


@contextmanager
def _open_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(StoreSettings(folder=Path(folder), reserve_bytes=0))
        try:
            yield store
        finally:
            store.close()


@contextmanager
def open_pack_lines(material: Material) -> Iterator[Run]:
    """Lines to one gzip member a batch."""

    def run() -> None:
        for batch in material.batches[BATCH]:
            pack_lines(batch.lines)

    yield run


@contextmanager
def open_pack_marks(material: Material) -> Iterator[Run]:
    """Marks to one blob a batch."""

    def run() -> None:
        for batch in material.batches[BATCH]:
            pack_marks(batch.marks)

    yield run


@contextmanager
def open_acknowledge(material: Material) -> Iterator[Run]:
    """PUBACKs of what was received, written a batch at a time."""
    inbox = Inbox(most=2 * len(material.messages))
    batches = cut(material.messages, BATCH)
    with asyncio.Runner() as runner:
        connection = runner.run(_connect(inbox))
        runner.run(_receive(connection, inbox, material.chunks))

        def run() -> None:
            for messages in batches:
                connection.acknowledge(messages)

        yield run


COMMIT = f"commit, batches of {BATCH:,}"
SMALL_COMMIT = f"commit, batches of {SMALL_BATCH:,}"
STAGES = (
    Stage("receive", "", open_receive),
    Stage("split packets", "receive", open_split),
    Stage("process", "", open_process),
    Stage("digest", "process", open_digest),
    Stage("lane", "process", open_lane),
    Stage("validate", "lane", open_validate),
    Stage("event time", "validate", open_event_time),
    Stage("alerts", "lane", open_alerts),
    Stage("remember", "lane", open_remember),
    Stage("note packets", "process", open_note_packets),
    Stage("lines", "process", open_lines),
    Stage(COMMIT, "", partial(open_commit, size=BATCH)),
    Stage("pack lines", COMMIT, open_pack_lines),
    Stage("pack marks", COMMIT, open_pack_marks),
    Stage(SMALL_COMMIT, "", partial(open_commit, size=SMALL_BATCH)),
    Stage("acknowledge", "", open_acknowledge),
    Stage("remove from the outbox", "", open_remove),
)
"""Every stage, in order of the path."""
