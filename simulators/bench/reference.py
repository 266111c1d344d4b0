"""The obvious Python stack as a program, to measure the collector against: ``python -m simulators.bench.reference``.

What a good engineer writes in an afternoon with aiomqtt (asyncio-mqtt under its present name), pydantic and
influxdb-client, and no slower than that: a persistent session with QoS 1, a model that checks the types and ranges of
every field, a ``Point`` with tags and fields, and batches of 1,000 lines or of what has come within a second, which are
written while the next ones are gathered. It stores every reading that it gets. What it does without: an inventory,
alerts, deduplication, a quarantine, and a disk: paho acknowledges a message when it has been read from the socket, so
what waits in memory is lost with the process.

Chosen, where the libraries leave a choice:
    - ``max_queued_incoming_messages`` stays unlimited, and so is our own queue: aiomqtt throws away what its queue has
      no room for, and cannot be told to stop reading.
    - MQTT 3.1.1, aiomqtt's own choice: with MQTT 5 paho makes an object of the properties of every message, even of
      none, and a reading costs twice as much (165 instead of 85 us). ``--protocol 5`` takes it.
    - ``model_validate_json``, which parses and validates in one pass, and a model without needless validators.
    - The time goes to the Point as the datetime that pydantic made, in nanoseconds, its default: in milliseconds it
      divides floats, and one time in eight comes out a millisecond early, on top of the reading before.
    - Bodies are not compressed, which is influxdb-client's default; ``--gzip`` does it as that client would.
    - influxdb-client's own writer posts to ``/api/v2/write``, which InfluxDB 1.6.7 does not have. So lines are made by
      ``Point.to_line_protocol`` and posted to ``/write`` with aiohttp, the client that influxdb-client's asynchronous
      half uses; the batches are as large, and as old, as its batching half makes them by default.
"""

import argparse
import asyncio
import gzip
import logging
import signal
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import aiomqtt
from influxdb_client.client.write.point import Point
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

TOPICS = "gjovik/+/+/reading"
SUBSCRIBED = "subscribed to"
"""Logged when readings come."""
BATCH_LINES = 1_000
BATCH_S = 1.0
SESSION_EXPIRY_S = 7 * 24 * 3600
RECONNECT_S = 1.0
TRIES = 5

log = logging.getLogger("reference")


class HeatMeterReading(BaseModel):
    """Payload of a heat meter; the ranges are those of ``devices/heat_meter.py``."""

    time: AwareDatetime
    seq: int = Field(ge=0)
    simulated: bool = False
    energy: float = Field(ge=0, le=1e10)
    volume: float = Field(ge=0, le=1e10)
    power: float = Field(ge=0, le=1e7)
    flow: float = Field(ge=0, le=1_000)
    supply_temperature: float = Field(ge=0, le=160)
    return_temperature: float = Field(ge=0, le=160)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the program is told.

    Attributes:
        host: Of the broker.
        port: Of the broker.
        username: Account at the broker, and client identifier.
        password: Of the account.
        protocol: Of MQTT.
        url: Of InfluxDB, without a slash at the end.
        database: Where it writes.
        influx_username: Account at InfluxDB.
        influx_password: Of the account.
        gzip: Whether bodies are compressed.
    """

    host: str
    port: int
    username: str
    password: str
    protocol: aiomqtt.ProtocolVersion
    url: str
    database: str
    influx_username: str
    influx_password: str
    gzip: bool


def make_line(topic: str, payload: bytes) -> str:
    """Return the line of a reading.

    Raises:
        ValidationError: The payload is no reading of a heat meter.
    """
    _, site, device, _ = topic.split("/")
    reading = HeatMeterReading.model_validate_json(payload)
    point = (
        Point("heat_meter")  # type: ignore[no-untyped-call]  # it has no types
        .tag("device", device)
        .tag("site", site)
        .field("seq", float(reading.seq))
        .field("energy", reading.energy)
        .field("volume", reading.volume)
        .field("power", reading.power)
        .field("flow", reading.flow)
        .field("supply_temperature", reading.supply_temperature)
        .field("return_temperature", reading.return_temperature)
        .time(reading.time)
    )
    if reading.simulated:
        point.tag("simulated", "true")
    line: str = point.to_line_protocol()
    return line


class Batches:
    """Lines on their way to InfluxDB, in batches."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._waiting: asyncio.Queue[list[str]] = asyncio.Queue()

    def add(self, line: str) -> None:
        """Add a line."""
        self._lines.append(line)
        if len(self._lines) >= BATCH_LINES:
            self.close()

    def close(self) -> None:
        """Have what there is make a batch."""
        if self._lines:
            self._waiting.put_nowait(self._lines)
            self._lines = []

    async def close_often(self) -> None:
        """Do that every second, until cancelled."""
        while True:
            await asyncio.sleep(BATCH_S)
            self.close()

    async def write(self, session: aiohttp.ClientSession, options: Options) -> None:
        """Write the batches in order, until cancelled.

        Raises:
            aiohttp.ClientError: InfluxDB does not take one.
        """
        while True:
            lines = await self._waiting.get()
            await _post("\n".join(lines).encode(), session, options)
            self._waiting.task_done()

    async def drain(self) -> None:
        """Return when everything is written."""
        self.close()
        await self._waiting.join()


async def _post(body: bytes, session: aiohttp.ClientSession, options: Options) -> None:
    """Write a body, and try again while the server is away or busy.

    Raises:
        aiohttp.ClientError: It is refused, or was tried ``TRIES`` times.
    """
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if options.gzip:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    for attempt in range(1, TRIES + 1):
        try:
            async with session.post(
                f"{options.url}/write",
                params={"db": options.database, "precision": "ns"},
                data=body,
                headers=headers,
            ) as response:
                response.raise_for_status()
                return
        except aiohttp.ClientError as error:
            refused = isinstance(error, aiohttp.ClientResponseError) and error.status < 500  # noqa: PLR2004 - HTTP: 5xx may heal
            if refused or attempt == TRIES:
                raise
            log.warning("InfluxDB: %s; trying again", error)
            await asyncio.sleep(2**attempt)


async def receive(options: Options, batches: Batches) -> None:
    """Take readings as they come, until cancelled; connect again when the connection is lost."""
    while True:
        try:
            async with _connect(options) as client:
                await client.subscribe(TOPICS, qos=1)
                log.info("%s %s", SUBSCRIBED, TOPICS)
                async for message in client.messages:
                    try:
                        line = make_line(message.topic.value, message.payload)
                    except ValidationError as error:
                        log.warning("%s: %s", message.topic, error)
                    else:
                        batches.add(line)
        except aiomqtt.MqttError as error:
            log.warning("%s; connecting again in %g s", error, RECONNECT_S)
            await asyncio.sleep(RECONNECT_S)


def _connect(options: Options) -> aiomqtt.Client:
    """Return a client whose session the broker keeps."""
    is_v5 = options.protocol is aiomqtt.ProtocolVersion.V5
    properties = None
    if is_v5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
    return aiomqtt.Client(
        *(options.host, options.port),
        username=options.username,
        password=options.password,
        identifier=options.username,
        protocol=options.protocol,
        clean_session=None if is_v5 else False,
        clean_start=False if is_v5 else MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
    )


async def run(options: Options) -> None:
    """Collect until SIGTERM or SIGINT, then write what is left.

    Raises:
        aiohttp.ClientError: InfluxDB does not take a batch.
    """
    batches, stop = Batches(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    login = aiohttp.encode_basic_auth(options.influx_username, options.influx_password)
    async with (
        aiohttp.ClientSession(headers={"Authorization": login}) as session,
        asyncio.TaskGroup() as group,
    ):
        writing = group.create_task(batches.write(session, options), name="write")
        others = [
            group.create_task(receive(options, batches), name="receive"),
            group.create_task(batches.close_often(), name="close"),
        ]
        await stop.wait()
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        await batches.drain()
        writing.cancel()


def read_options(arguments: list[str] | None = None) -> Options:
    """Return what the command line says; ``None`` stands for this process's own."""
    parser = argparse.ArgumentParser(description="Heat meters' readings from MQTT to InfluxDB, the obvious way.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--username", default="collector")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--protocol", choices=("3.1.1", "5"), default="3.1.1")
    parser.add_argument("--url", default="http://127.0.0.1:8086")
    parser.add_argument("--database", default="sensors")
    parser.add_argument("--influx-username", default="collector")
    parser.add_argument("--influx-password-file", type=Path, required=True)
    parser.add_argument("--gzip", action="store_true")
    told = parser.parse_args(arguments)
    return Options(
        host=told.host,
        port=told.port,
        username=told.username,
        password=told.password_file.read_text(encoding="utf-8").strip(),
        protocol=aiomqtt.ProtocolVersion.V5 if told.protocol == "5" else aiomqtt.ProtocolVersion.V311,
        url=told.url,
        database=told.database,
        influx_username=told.influx_username,
        influx_password=told.influx_password_file.read_text(encoding="utf-8").strip(),
        gzip=told.gzip,
    )


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(read_options()))
