"""A run ends in order when it is told to, and all the same when the broker is gone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.inventory_files import load_inventory
from simulators.publisher import BrokerAddress
from simulators.recording import Sample
from simulators.replay import Replay, cast_part, make_messages
from simulators.stop import Stop, stopped_by_signals
from simulators.tally import Outcome, Tally
from simulators.testbed.mosquitto import Mosquitto
from simulators.town import render_recordings
from tests.mqtt_clients import wait_until

DEVICE = "opptak-ute"
SAMPLES = [Sample(2 + number, 1_400_000_000_000 + number * 60_000, 10.0) for number in range(5_000)]
SOON_S = 5.0


@asynccontextmanager
async def replay_without_broker(folder: Path, mosquitto: Mosquitto) -> AsyncIterator[tuple[Replay, Tally]]:
    """Run a replay whose broker has just gone, and which waits for answers and for room; it must end by itself."""
    (folder / "opptak.toml").write_text(render_recordings(), encoding="utf-8")
    types = load_device_types()
    part = cast_part(load_inventory(folder, types), types, DEVICE, "temperature", "Cel", "gjovik")
    (password,) = (await mosquitto.add_accounts([DEVICE])).values()
    tally = Tally()
    replay = Replay(list(make_messages(part, SAMPLES)), SAMPLES, 60_000.0, tally)
    address = BrokerAddress(mosquitto.host, mosquitto.port)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(replay.run(address, DEVICE, DEVICE, password))
        await wait_until(lambda: tally.counts[Outcome.ACKNOWLEDGED] > 5)
        await mosquitto.stop()
        await wait_until(lambda: tally.counts[Outcome.WAITING] > 5)
        yield replay, tally
        async with asyncio.timeout(SOON_S):
            await running


async def test_a_replay_ends_when_answers_take_too_long(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.stop.DRAIN_S", 0.3)
    async with replay_without_broker(tmp_path, mosquitto) as (replay, tally):
        replay.stop()
    report = tally.report(1.0)
    assert report.unanswered > 5
    assert report.published == report.acknowledged + report.unanswered < len(SAMPLES)


async def test_a_replay_ends_at_once_when_it_is_given_up(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with replay_without_broker(tmp_path, mosquitto) as (replay, tally):
        replay.stop()
        replay.abandon()
    assert tally.report(1.0).unanswered > 5


async def test_the_first_signal_asks_and_the_further_ones_give_up() -> None:
    called: list[str] = []
    with stopped_by_signals(lambda: called.append("stop"), lambda: called.append("abandon")):
        for number, signal_number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGINT), start=1):
            os.kill(os.getpid(), signal_number)
            await wait_until(lambda number=number: len(called) == number)  # type: ignore[misc]  # bound at once
    assert called == ["stop", "abandon", "abandon"]


async def test_what_takes_too_long_by_itself_is_not_taken_for_the_end_of_a_drain() -> None:
    with pytest.raises(TimeoutError):
        async with Stop().bounded():
            raise TimeoutError


async def test_the_drain_is_limited_also_when_the_end_was_asked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.stop.DRAIN_S", 0.05)
    stop, reached = Stop(), False
    stop.ask()
    async with asyncio.timeout(SOON_S), stop.bounded():
        await asyncio.Event().wait()
        reached = True
    assert not reached
    assert await stop.wait(SOON_S)
