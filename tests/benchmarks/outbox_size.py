"""Bytes that a line takes in the outbox, by the size of its batch, and how long the shipped bound lasts at a rate.

The lines are those of the simulated fleet on the shipped inventory; they go through the collector's own core and store.
Run: ``python -m tests.benchmarks.outbox_size``.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import typer

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.batch import Batch
from ingest.capacity import BROKER_MESSAGE_BYTES
from ingest.codecs.native import CODEC
from ingest.inventory_files import load_inventory
from ingest.lane import Limits
from ingest.memory import Memory
from ingest.message import Message
from ingest.process import Processor
from ingest.route import RouteTable
from ingest.settings import Settings, Store
from ingest.store import Store as OpenStore
from simulators.device import choose_devices, make_fleet
from simulators.models import load_models

INVENTORY = Path(__file__).parents[2] / "deploy" / "inventory"
BEGIN_MS = 1_768_478_400_000  # 2026-01-15T12:00:00Z
LINES = 50_000
RATES = (10, 100, 250, 500, 2_000, 5_000)
"""Readings per second."""


def list_lines() -> tuple[list[bytes], float]:
    """Return the lines of a fleet in the order in which they come, and the mean size of its payloads in bytes."""
    inventory, types = load_inventory(INVENTORY, load_device_types()), load_device_types()
    models = load_models()
    fleet = make_fleet(choose_devices(inventory, models, None, BEGIN_MS), inventory, types, models, 1, "gjovik")
    routes = RouteTable(inventory, types, CODEC, "gjovik")
    processor = Processor(routes, Memory(), AlertBook({}), Limits(True, 65_536, 65_536))  # noqa: FBT003 - one of three limits
    messages: list[Message] = []
    for number in range(-(-LINES // len(fleet))):
        for place, device in enumerate(fleet):
            time_ms = BEGIN_MS + number * 60_000 + place * 60_000 // len(fleet)
            made = device.make_message(time_ms, number)
            if made is not None:
                messages.append(Message(made.topic, made.payload, time_ms + 37, packet_id=1))
    lines = processor.process(messages).lines
    return lines, sum(len(message.payload) for message in messages) / len(messages)


def measure_store(lines: list[bytes], batch: int) -> float:
    """Return the bytes of a store's file that a line takes in batches of a size."""
    with tempfile.TemporaryDirectory() as folder:
        store = OpenStore.open(Store(folder=Path(folder), reserve_bytes=0))
        try:
            empty = store.usage().database_bytes
            for part in divide(lines, batch):
                store.commit(Batch(lines=part), BEGIN_MS)
            return (store.usage().database_bytes - empty) / len(lines)
        finally:
            store.close()


def divide(lines: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield the lines in batches."""
    for begin in range(0, len(lines), size):
        yield lines[begin : begin + size]


def main() -> None:
    """Print a row for each rate."""
    settings = Settings()
    lines, payload_bytes = list_lines()
    raw = sum(map(len, lines)) / len(lines) + 1
    typer.echo(f"{len(lines)} lines of {raw:.0f} bytes on average; payloads of {payload_bytes:.0f} bytes")
    typer.echo("per_s  batch  bytes_a_line  outbox_hours  broker_hours")
    for per_s in RATES:
        batch = max(1, round(per_s * settings.ingest.batch_age_ms / 1000))
        size = measure_store(lines[: min(len(lines), 2_000 * batch)], batch)
        outbox_h = settings.store.most_bytes / size / per_s / 3600
        broker_h = settings.mqtt.broker_memory_bytes / (BROKER_MESSAGE_BYTES + payload_bytes) / per_s / 3600
        typer.echo(f"{per_s:5}  {batch:5}  {size:12.1f}  {outbox_h:12.1f}  {broker_h:12.2f}")


if __name__ == "__main__":
    typer.run(main)
