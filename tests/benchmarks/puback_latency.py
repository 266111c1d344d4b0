"""How long a reading waits between a publisher's send and the collector's PUBACK, with everything behind it running.

A tap stands between broker and collector and notes when the PUBACK of each reading passes. Publishers and tap share
this process, so what they cost is in the figures: they are an upper bound.

Run: ``python -m tests.benchmarks.puback_latency``; with ``--help`` it says what can be varied.
"""

import asyncio
import re
import statistics
import struct
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from ingest.accounts import COLLECTOR, make_password
from simulators.testbed.collector import CollectorProcess, Setup, Value, run_collector_process
from simulators.testbed.influxd import run_influxd
from simulators.testbed.mosquitto import run_mosquitto
from simulators.testbed.port import LOOPBACK, free_port
from tests.benchmarks.lean_publisher import SITE, LeanPublisher, open_publisher
from tests.mqtt_clients import wait_until
from tests.stand import INVENTORY, climate

RULES = Path(__file__).parents[2] / "deploy" / "rules"
TICK_S = 0.01
WARM_UP_S = 5.0
_PUBLISH, _PUBACK = 0x30, 0x40
_SENT = re.compile(rb'"seq": ?([0-9]+)')
app = typer.Typer(help=__doc__)


class Tap:
    """Passes bytes between a collector and its broker, and notes when each reading's PUBACK passes.

    Attributes:
        port: Where the collector connects.
        acknowledged: By reading (number of the device, sequence number), when its PUBACK passed, in monotonic seconds.
    """

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self.acknowledged: dict[tuple[int, int], float] = {}
        self._broker_port = broker_port
        self._readings: dict[int, tuple[int, int]] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take the collector's connection until the block ends."""
        server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near, far = await asyncio.open_connection(LOOPBACK, self._broker_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, far, is_up=True), name="tap up")
                group.create_task(self._pass_on(near, writer, is_up=False), name="tap down")
        finally:
            far.transport.abort()
            writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_up: bool) -> None:
        rest = b""
        while data := await source.read(256 * 1024):
            sink.write(data)
            rest = self._note_packets(rest + data, is_up=is_up)
        sink.close()

    def _note_packets(self, data: bytes, *, is_up: bool) -> bytes:
        """Note the packets in the data; return what is the beginning of the next."""
        now_s, position = time.monotonic(), 0
        while (end := find_end(data, position)) is not None:
            head = data[position] & 0xF0
            if is_up and head == _PUBACK:
                reading = self._readings.pop(struct.unpack_from(">H", data, position + 2)[0], None)
                if reading is not None:
                    self.acknowledged[reading] = now_s
            elif not is_up and head == _PUBLISH:
                self._note_publish(data[position:end])
            position = end
        return data[position:]

    def _note_publish(self, packet: bytes) -> None:
        topic_at = 2 if packet[1] < 128 else 3
        (length,) = struct.unpack_from(">H", packet, topic_at)
        topic = packet[topic_at + 2 : topic_at + 2 + length]
        (packet_id,) = struct.unpack_from(">H", packet, topic_at + 2 + length)
        if found := _SENT.search(packet):
            self._readings[packet_id] = (int(topic.split(b"/")[2].split(b"-")[1]), int(found[1]))


def find_end(data: bytes, position: int) -> int | None:
    """Return where the packet that begins at a position ends; None when the data ends before it."""
    length, shift, at = 0, 0, position + 1
    while at < len(data):
        length |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return at + length if at + length <= len(data) else None
    return None


def write_inventory(folder: Path, devices: int) -> None:
    """Write an inventory of so many climate sensors."""
    site = INVENTORY.split("[[device]]")[0]
    folder.mkdir()
    text = [
        f'[[device]]\nid = "climate-{number}"\ntype = "indoor_climate"\ncomponent = "+A=360.001-RT{number:03}"\n'
        f'placements = [{{ from = 2024-01-01, site = "{SITE}", zone = "first" }}]\n'
        for number in range(devices)
    ]
    (folder / "hall.toml").write_text(site + "\n".join(text), encoding="utf-8")


async def publish(publishers: list[LeanPublisher], per_s: float, seconds: float) -> dict[tuple[int, int], float]:
    """Publish at a rate by all devices in turn; return when each reading was sent, in monotonic seconds."""
    sent: dict[tuple[int, int], float] = {}
    began_s, began_ms, count = time.monotonic(), time.time_ns() // 1_000_000, 0
    while (passed_s := time.monotonic() - began_s) < seconds:
        while count < passed_s * per_s:
            seq, number = divmod(count, len(publishers))
            payload = climate(began_ms + round(count / per_s * 1000), seq, humidity=41.5, co2=612.0).encode()
            sent[number, seq] = time.monotonic()
            publishers[number].publish(payload)
            count += 1
        await asyncio.sleep(TICK_S - (time.monotonic() - began_s) % TICK_S)
    return sent


@app.command()
def measure(
    per_s: Annotated[float, typer.Option(help="Readings per second.")] = 5_000,
    seconds: Annotated[float, typer.Option(help="How long, without the warm-up.")] = 25,
    devices: Annotated[int, typer.Option(help="How many publish, each over its own connection.")] = 100,
    batch_age_ms: Annotated[
        int | None, typer.Option(help="Setting of the collector; its default when left out.")
    ] = None,
    batch_messages: Annotated[int | None, typer.Option(help="Likewise.")] = None,
) -> None:
    """Print the median, the 99th percentile and the longest wait for the collector's PUBACK."""
    given = {"batch_age_ms": batch_age_ms, "batch_messages": batch_messages}
    ingest: dict[str, Value] = {name: value for name, value in given.items() if value is not None}
    asyncio.run(_measure(per_s, seconds + WARM_UP_S, devices, ingest))


async def _measure(per_s: float, seconds: float, devices: int, ingest: dict[str, Value]) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = await stack.enter_async_context(run_mosquitto(folder / "mosquitto", {COLLECTOR: make_password()}))
        influxd = await stack.enter_async_context(run_influxd(folder / "influxd"))
        await influxd.create_database("sensors")
        write_inventory(folder / "inventory", devices)
        tap = Tap(broker.port)
        await stack.enter_async_context(tap.listening())
        setup = Setup(folder / "inventory", RULES, ingest=ingest, mqtt={"port": tap.port})
        collector = await stack.enter_async_context(run_collector_process(folder / "collector", broker, influxd, setup))
        await broker.add_accounts([f"climate-{number}" for number in range(devices)])
        publishers = [
            await stack.enter_async_context(open_publisher(broker, f"climate-{number}")) for number in range(devices)
        ]
        cpu_s = read_cpu_s(collector)
        sent = await publish(publishers, per_s, seconds)
        await wait_until(lambda: len(tap.acknowledged) >= len(sent), deadline_s=30)
        describe(sent, tap.acknowledged, (read_cpu_s(collector) - cpu_s) / len(sent))


def read_cpu_s(collector: CollectorProcess) -> float:
    """Return the processor time that a collector has used (proc(5), stat, fields 14 and 15 in ticks of 10 ms)."""
    stat = Path(f"/proc/{collector.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100


def describe(sent: dict[tuple[int, int], float], acknowledged: dict[tuple[int, int], float], cpu_s: float) -> None:
    """Print the figures, without the warm-up."""
    first_s = min(sent.values()) + WARM_UP_S
    waited = sorted((acknowledged[reading] - at_s) * 1000 for reading, at_s in sent.items() if at_s >= first_s)
    p99, p999 = (waited[int(len(waited) * share)] for share in (0.99, 0.999))
    typer.echo(
        f"{len(waited)} readings: median {statistics.median(waited):.0f} ms, p99 {p99:.0f} ms, p99.9 {p999:.0f} ms, "
        f"longest {waited[-1]:.0f} ms; collector {cpu_s * 1e6:.1f} us of CPU a reading"
    )


if __name__ == "__main__":
    app()
