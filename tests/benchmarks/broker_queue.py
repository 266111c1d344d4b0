"""What a Mosquitto with our configuration holds for an absent collector, and what it loses when it is killed.

Run: ``python -m tests.benchmarks.broker_queue memory`` (200,000 messages wait) and ``... kill`` (kill -9 under load).
The figures stand in docs/durability.md and deploy/mosquitto/mosquitto.conf.
"""

import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ingest.accounts import COLLECTOR, make_password
from ingest.mqtt import Broker
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.usage import read_resident_bytes
from tests.benchmarks.lean_publisher import LeanPublisher, open_publisher
from tests.mqtt_clients import broker_settings, impatient_broker, run, wait_until

PAYLOAD_BYTES = 120
PROBE_S = 0.01
app = typer.Typer(help=__doc__)


def make_payload(number: int, size: int = PAYLOAD_BYTES) -> bytes:
    """Return a payload with a number in it, by default of the size of an indoor-climate sensor's."""
    head = b'{"seq":%d,' % number
    return head + b'"x":"' + b"x" * (size - len(head) - 7) + b'"}'


def read_number(payload: bytes) -> int:
    """Return the number in a payload of ``make_payload``."""
    return int(payload.split(b'"seq":')[1].split(b",")[0])


@asynccontextmanager
async def attend(broker: Mosquitto) -> AsyncIterator[Broker]:
    """Be the collector until the block ends; what waits comes before the broker says that it is ready."""
    async with run(impatient_broker(broker_settings(broker), broker.accounts[COLLECTOR]), ready=False) as collector:
        yield collector


@asynccontextmanager
async def run_broker(folder: Path) -> AsyncIterator[Mosquitto]:
    """Run a broker as it ships, at which the collector has a session and is away."""
    async with run_mosquitto(folder / "mosquitto", {COLLECTOR: make_password()}) as broker:
        async with attend(broker) as collector:
            await collector.ready()
        yield broker


async def publish_steadily(publisher: LeanPublisher, per_s: float, seconds: float) -> None:
    """Publish at a rate, a hundred times a second, until the time is up or the connection ends."""
    began_s = time.monotonic()
    while (passed_s := time.monotonic() - began_s) < seconds and not publisher.ended.is_set():
        while publisher.sent < passed_s * per_s:
            publisher.publish(make_payload(publisher.sent))
        await asyncio.sleep(0.01)


async def fill_queue(publisher: LeanPublisher, total: int, payload_bytes: int) -> None:
    """Publish as fast as the broker acknowledges."""
    while publisher.sent < total:
        for _ in range(500):
            publisher.publish(make_payload(publisher.sent, payload_bytes))
        await publisher.wait_acknowledged(but=2_000)
    await publisher.wait_acknowledged()


async def probe(publisher: LeanPublisher, stop: asyncio.Event) -> list[float]:
    """Publish one message at a time, and return the milliseconds that each waited for its PUBACK."""
    waited_ms = []
    while not stop.is_set():
        began_s = time.monotonic()
        publisher.publish(make_payload(publisher.sent))
        await publisher.wait_acknowledged()
        waited_ms.append((time.monotonic() - began_s) * 1000)
        await asyncio.sleep(PROBE_S)
    return waited_ms


def read_change(file: Path) -> int:
    """Return when a file was renewed, in nanoseconds; 0 before there is one."""
    return file.stat().st_mtime_ns if file.exists() else 0


async def watch_saves(file: Path, count: int) -> list[float]:
    """Return when the file of a broker was renewed, so many times, in monotonic seconds."""
    moments: list[float] = []
    seen = read_change(file)
    while len(moments) < count:
        await asyncio.sleep(0.005)
        now = read_change(file)
        if now != seen:
            seen = now
            moments.append(time.monotonic())
    return moments


@app.command()
def memory(
    messages: Annotated[int, typer.Option(help="How many wait.")] = 200_000,
    payload_bytes: Annotated[int, typer.Option(help="Of each.")] = PAYLOAD_BYTES,
) -> None:
    """Memory of a waiting message, size of a save, and what publishers feel of it."""
    asyncio.run(_measure_memory(messages, payload_bytes))


async def _measure_memory(messages: int, payload_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with run_broker(Path(folder)) as broker, open_publisher(broker, "filler") as filler:
            pid = broker.pid or 0
            empty = read_resident_bytes(pid)
            for part in range(1, 5):
                await fill_queue(filler, messages * part // 4, payload_bytes)
                each = (read_resident_bytes(pid) - empty) / filler.sent
                typer.echo(f"{filler.sent} messages wait: {each:.0f} bytes of memory each")
            file = Path(folder) / "mosquitto" / "data" / "mosquitto.db"
            async with open_publisher(broker, "prober") as prober:
                stop = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    probing = group.create_task(probe(prober, stop), name="probe")
                    saves = await watch_saves(file, 4)
                    stop.set()
            size = await asyncio.to_thread(lambda: file.stat().st_size)
            gaps = ", ".join(f"{b - a:.1f}" for a, b in itertools.pairwise(saves))
            waited = sorted(probing.result())
            typer.echo(f"a save: {size / 1e6:.1f} MB, {size / (filler.sent + prober.sent):.0f} bytes a message")
            typer.echo(f"seconds between saves: {gaps}")
            typer.echo(
                f"a publisher waited for its PUBACK: median {statistics.median(waited):.1f} ms, "
                f"the four longest {', '.join(f'{ms:.0f}' for ms in waited[-4:])} ms"
            )
            typer.echo(f"memory of the broker: {read_resident_bytes(pid) / 1e6:.0f} MB")
            for name, change in (("an orderly stop", broker.stop), ("a start with that queue", broker.start)):
                began_s = time.monotonic()
                await change()
                typer.echo(f"{name} took {time.monotonic() - began_s:.2f} s")


@app.command()
def kill(
    repetitions: Annotated[int, typer.Option(help="How often.")] = 7,
    per_s: Annotated[float, typer.Option(help="Messages per second.")] = 2_000,
    *,
    present: Annotated[bool, typer.Option(help="The collector is connected and takes everything.")] = False,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 1,
) -> None:
    """What was acknowledged to a publisher and is gone after kill -9, in messages."""
    dice = random.Random(seed)  # noqa: S311 - moments to kill at, no secrets
    lost = []
    for number in range(repetitions):
        count = asyncio.run(_kill_once(per_s, dice.uniform(13, 24), present=present))
        lost.append(count)
        typer.echo(f"{number}: lost {count} ({count / per_s:.2f} s)")
    typer.echo(f"min {min(lost)}, median {statistics.median(lost):.0f}, max {max(lost)}")


async def _kill_once(per_s: float, seconds: float, *, present: bool) -> int:
    acknowledged, received = set[int](), set[int]()
    with tempfile.TemporaryDirectory() as folder:
        async with run_broker(Path(folder)) as broker:
            # The first message has packet identifier 1; no more than PACKET_IDS are published.
            async with (
                _taking(broker, received) if present else nullcontext(),
                open_publisher(broker, "filler", lambda packet_id: acknowledged.add(packet_id - 1)) as filler,
            ):
                publishing = asyncio.create_task(publish_steadily(filler, per_s, seconds + 5), name="publish")
                await asyncio.sleep(seconds)
                await broker.kill()
                await publishing
            await broker.start()
            async with asyncio.timeout(60):
                await _take_rest(broker, received)
    return len(acknowledged - received)


@asynccontextmanager
async def _taking(broker: Mosquitto, received: set[int]) -> AsyncIterator[None]:
    """Take everything until the block ends, and then what the collector had read or could still read."""

    async def take(collector: Broker) -> None:
        while True:
            messages = await collector.receive(5_000, age_s=0.05)
            received.update(read_number(message.payload) for message in messages)
            collector.acknowledge(messages)

    async with attend(broker) as collector:
        taking = asyncio.create_task(take(collector), name="take")
        yield
        await wait_until(lambda: not collector.status.connected and not collector.status.waiting)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def _take_rest(broker: Mosquitto, received: set[int]) -> None:
    """Take what waits, up to a last message that is published now."""
    last = 10**9
    async with attend(broker) as collector, open_publisher(broker, "last") as publisher:
        publisher.publish(make_payload(last))
        while last not in received:
            messages = await collector.receive(5_000, age_s=0.05)
            received.update(read_number(message.payload) for message in messages)
            collector.acknowledge(messages)


if __name__ == "__main__":
    app()
