"""What values are believed by is on disk while a collector runs: it is killed, and doubts as it did before."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ingest.doubt import DoubtRow
from ingest.event_time import format_time
from ingest.shard import PACKET_SHARD
from ingest.store_doubts import read_doubts
from ingest.store_file import FILE, open_readonly
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.small_town import RECEIVED_MS
from tests.stand import ROOT, Stand, run_stand

HOUR_MS = 3_600_000
FIRST_MS = RECEIVED_MS - 2_000 * HOUR_MS
READINGS = 400
"""Each is a batch of its own here, and every shard's turn comes after as many batches as there are shards."""
SPIKE = 3.0
EVERY = 10
METERS = "".join(
    f"""
[[device]]
id = "meter-{number}"
type = "water_meter"
component = "+A=310.001-OE00{number}"
placements = [{{ from = 2024-01-01, site = "hall", zone = "first" }}]
"""
    for number in (1, 2)
)
AT_ONCE = """
import ingest.collector

ingest.collector.DOUBTS_S = 0.0
"""
"""Python runs this before the command: a shard goes to disk with each batch, where it would with one a minute."""


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    hurry = tmp_path / "hurry"
    hurry.mkdir()
    (hurry / "sitecustomize.py").write_text(AT_ONCE)
    environment = {"PYTHONPATH": os.pathsep.join([str(hurry), str(ROOT)])}
    async with run_stand(
        tmp_path, mosquitto, influxd, database, {"batch_messages": 1}, devices=METERS, environment=environment
    ) as stand:
        yield stand


def list_volumes(hours: range) -> list[float]:
    """Return what a meter shows in each hour; now and then nothing of it is true."""
    return [SPIKE if hour % EVERY == EVERY - 1 else 500.0 + hour for hour in hours]


def write_payloads(first_hour: int, volumes: Sequence[float]) -> list[str]:
    """Return a reading of each hour from one on."""
    return [
        json.dumps({"time": format_time(FIRST_MS + hour * HOUR_MS), "seq": hour, "volume": volume})
        for hour, volume in enumerate(volumes, start=first_hour)
    ]


def read_rows(stand: Stand) -> dict[str, DoubtRow]:
    """Return what is on disk, by device."""
    with closing(open_readonly(stand.collector.store / FILE)) as connection:
        return {row.device: row for row in read_doubts(connection)}


async def read_points(stand: Stand, device: str) -> list[tuple[object, ...]]:
    """Return number, believed and doubtful volume of each point of a device."""
    rows = await stand.select("SELECT device, seq, volume, volume_doubtful FROM water_meter")
    return [row[2:] for row in rows if row[1] == device]


def expect(hours: range) -> list[tuple[object, ...]]:
    volumes = zip(hours, list_volumes(hours), strict=True)
    return [(hour, None, one) if one == SPIKE else (hour, one, None) for hour, one in volumes]


async def test_a_collector_that_is_killed_in_the_middle_doubts_what_it_would_have_doubted(stand: Stand) -> None:
    await stand.publish("meter-1", write_payloads(0, list_volumes(range(READINGS))))
    await stand.wait_received(2 * PACKET_SHARD)
    await stand.collector.kill()
    kept = read_rows(stand)["meter-1"]
    (value, time_ms, *_) = kept.known["volume"]
    hour = round((time_ms - FIRST_MS) / HOUR_MS)
    assert value == 500.0 + hour  # it was believed, and is of that very reading
    assert kept.newest_ms - time_ms in {0, HOUR_MS}
    await stand.collector.start()
    await stand.wait_received(READINGS)
    await stand.wait_stored()
    assert await read_points(stand, "meter-1") == expect(range(READINGS))
    ledger = stand.collector.read_status()["ledger"]
    assert (ledger["accepted"], ledger["doubtful_values"]) == (READINGS, READINGS // EVERY)


async def test_what_is_on_disk_is_what_the_first_reading_after_a_kill_is_held_against(stand: Stand) -> None:
    await stand.publish("meter-1", write_payloads(0, [500.0 + hour for hour in range(2 * PACKET_SHARD)]))
    await stand.wait_received(2 * PACKET_SHARD)
    await stand.collector.kill()
    assert set(read_rows(stand)) == {"meter-1"}
    await stand.collector.start()
    # Of two meters the same is heard: one was known, and was swapped; of the other it is the first word ever.
    volumes = [1.0, 1.5, 2.0, 2.5, 3.0]
    for meter in ("meter-1", "meter-2"):
        await stand.publish(meter, write_payloads(2 * PACKET_SHARD, volumes))
    await stand.wait_received(2 * PACKET_SHARD + 2 * len(volumes))
    await stand.wait_stored()
    swapped = (await read_points(stand, "meter-1"))[2 * PACKET_SHARD :]
    assert [row[1:] for row in swapped] == [(None, 1.0), (None, 1.5), (2.0, None), (2.5, None), (3.0, None)]
    assert [row[1:] for row in await read_points(stand, "meter-2")] == [(volume, None) for volume in volumes]


async def test_a_swap_that_a_kill_falls_into_is_believed_after_at_most_two_readings_more(stand: Stand) -> None:
    begun = 2 * PACKET_SHARD
    await stand.publish("meter-1", write_payloads(0, [500.0 + hour for hour in range(begun)] + [1.0, 1.5]))
    await stand.wait_received(begun + 2)
    await stand.collector.kill()
    await stand.collector.start()
    await stand.publish("meter-1", write_payloads(begun + 2, [2.0, 2.5, 3.0]))
    await stand.wait_received(begun + 5)
    await stand.wait_stored()
    after = [row[1:] for row in (await read_points(stand, "meter-1"))[begun:]]
    assert after[:2] == [(None, 1.0), (None, 1.5)]
    assert after[-1] == (3.0, None)
    believed = [volume is not None for volume, _ in after]
    assert believed == sorted(believed)  # once it is believed it stays so
    assert await stand.select("SELECT count(delay) FROM water_meter") == [(0, begun + 5)]
