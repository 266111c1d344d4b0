"""``gjovik quarantine``, ``status`` and ``store backup`` as people run them, on real servers."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ingest import request_socket
from ingest.quarantine_filter import Filter
from ingest.request import Progress, Request, RequestError, RequestKind
from ingest.request_desk import PIECE
from ingest.request_socket import LONGEST_LINE, SOCKET
from ingest.store_reader import open_reader
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.stand import INVENTORY, ROOT, Stand, climate, run_stand

SECOND_DEVICE = """
[[device]]
id = "climate-2"
type = "indoor_climate"
component = "+A=360.001-RT002"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
"""


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    """A collector over a small inventory, for one test."""
    async with run_stand(tmp_path, mosquitto, influxd, database) as running:
        yield running


async def gjovik(stand: Stand, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the collector's settings, as a process."""
    settings = stand.collector.store.parent / "collector.toml"
    command = [sys.executable, "-m", "gjovik", *words, "--settings", str(settings)]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


async def ask(stand: Stand, *words: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON of a command that ends with a code."""
    ended = await gjovik(stand, *words, "--json")
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


async def quarantine_repairable(stand: Stand, now_ms: int, count: int = 40) -> list[int]:
    """Have readings of a device refused that no inventory names; return their times."""
    times = [now_ms - 3_600_000 + 1000 * seq for seq in range(count)]
    before = stand.collector.read_status()["ledger"]["received"]
    await stand.publish("climate-2", [climate(time_ms, seq) for seq, time_ms in enumerate(times)])
    await stand.wait_received(before + count)
    return times


def mend_inventory(stand: Stand) -> None:
    """Give the inventory the device that was missing."""
    (stand.inventory / "hall.toml").write_text(INVENTORY + SECOND_DEVICE)


async def select_times(stand: Stand, device: str) -> list[int]:
    """Return the times of a device's points, in order."""
    asked_ms = time.time_ns() // 1_000_000
    # An earlier status does not know what has just been reprocessed.
    await stand.collector.wait_until(lambda status: status["time_ms"] > asked_ms, "tell how it is now")
    await stand.wait_stored()
    rows = await stand.select("SELECT seq, device FROM indoor_climate")
    return [time_ms for time_ms, _, name in rows if name == device]


def check_moves(stand: Stand) -> None:
    """Every entry that ever came is held or left as something."""
    with open_reader(stand.collector.store) as reader, reader.snapshot():
        moves, held = reader.moves(), reader.reasons().total()
    assert moves.quarantined == held + moves.reprocessed + moves.discarded + moves.expired


async def test_a_repair_is_reprocessed_through_the_running_collector_while_readings_flow(
    stand: Stand, now_ms: int
) -> None:
    times = await quarantine_repairable(stand, now_ms)
    assert (await ask(stand, "quarantine", "reprocess", code=1))["kept"] == {"unknown_device": len(times)}
    mend_inventory(stand)
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: status["devices"] == 3, "take the inventory")
    flow = [climate(now_ms - 60_000 + seq, seq) for seq in range(1_000)]
    flowing = asyncio.create_task(stand.publish("climate-1", flow), name="flow")
    done = await gjovik(stand, "quarantine", "reprocess", "--device", "climate-2", "--author", "Kari")
    assert done.returncode == 0, done.stderr
    assert f"Of {len(times)} entries {len(times)} were accepted and left, 0 stay." in done.stdout
    await flowing
    await stand.wait_received(len(times) + len(flow))
    assert await select_times(stand, "climate-2") == times
    assert len(await select_times(stand, "climate-1")) == len(flow)
    log = stand.collector.log.read_text()
    assert "reprocess by Kari (login " in log
    assert "ERROR" not in log
    check_moves(stand)


async def test_a_collector_is_asked_by_two_people_at_once_and_attacked_and_goes_on(stand: Stand, now_ms: int) -> None:
    times = await quarantine_repairable(stand, now_ms)
    path = stand.collector.store / SOCKET

    async def attack(data: bytes) -> None:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    for data in (b"\x00\xff\n", b'{"kind":"disc', b"", b"x" * (8 * LONGEST_LINE), b'{"kind":"discard","where":{}}'):
        await attack(data)
    mend_inventory(stand)
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: status["devices"] == 3, "take the inventory")
    ids = [str(entry["id"]) for entry in (await ask(stand, "quarantine", "list"))["entries"]]
    first, second = await asyncio.gather(
        ask(stand, "quarantine", "reprocess", *ids[:30]), ask(stand, "quarantine", "discard", "--yes", *ids[20:])
    )
    # Whoever came second found nothing more of what both had named.
    assert first["reprocessed"] + second["discarded"] == len(times)
    assert (first["reprocessed"], second["discarded"]) in {(30, 10), (20, 20)}
    await stand.publish("climate-1", [climate(now_ms, 0)])
    await stand.wait_received(len(times) + 1)
    assert await select_times(stand, "climate-2") == times[: first["reprocessed"]]
    assert await select_times(stand, "climate-1") == [now_ms]
    check_moves(stand)
    well = await gjovik(stand, "status")
    assert (well.returncode, "All is well." in well.stdout) == (0, True), well.stdout + well.stderr


async def test_a_collector_that_is_killed_while_it_reprocesses_loses_and_doubles_nothing(
    stand: Stand, now_ms: int
) -> None:
    times = await quarantine_repairable(stand, now_ms, count=3_000)
    mend_inventory(stand)
    stand.collector.hang_up()
    await stand.collector.wait_until(lambda status: status["devices"] == 3, "take the inventory")
    request = Request(RequestKind.REPROCESS, Filter(), "Kari")
    async with aclosing(request_socket.ask(stand.collector.store, request)) as answers:
        assert await anext(answers) == Progress(PIECE, len(times))
        await stand.collector.kill()
        with pytest.raises(RequestError, match="ended before it was done"):
            _ = [answer async for answer in answers]
    check_moves(stand)
    with open_reader(stand.collector.store) as reader:
        moves, held = reader.moves(), reader.reasons().total()
        assert [(one.author, one.outcome) for one in reader.requests(9)] == [("Kari", "")]
    # In whole pieces: the one that was told of, and perhaps the next.
    assert PIECE <= moves.reprocessed < len(times)
    assert moves.reprocessed % PIECE == 0
    assert moves.reprocessed + held == len(times)
    await stand.collector.start()
    assert (await ask(stand, "quarantine", "reprocess"))["reprocessed"] == held
    assert await select_times(stand, "climate-2") == times
    assert stand.collector.read_status()["ledger"]["received"] == len(times)
    check_moves(stand)


async def test_a_collector_that_is_stopped_is_not_needed(stand: Stand, now_ms: int, tmp_path: Path) -> None:
    times = await quarantine_repairable(stand, now_ms)
    await stand.publish("climate-1", ["{"])
    await stand.wait_received(len(times) + 1)
    await stand.collector.stop()
    mend_inventory(stand)
    reprocessed, discarded = await asyncio.gather(
        ask(stand, "quarantine", "reprocess", "--reason", "unknown_device"),
        ask(stand, "quarantine", "discard", "--yes", "--reason", "malformed_json"),
    )
    assert (reprocessed["reprocessed"], discarded["discarded"]) == (len(times), 1)
    await stand.collector.start()
    assert await select_times(stand, "climate-2") == times
    check_moves(stand)
    copy = tmp_path / "copy" / "store.sqlite"
    copy.parent.mkdir()
    backup = await gjovik(stand, "store", "backup", str(copy))
    assert backup.returncode == 0, backup.stderr
    with open_reader(copy.parent) as reader:
        assert reader.moves().reprocessed == len(times)
