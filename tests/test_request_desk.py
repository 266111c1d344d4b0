"""The desk: requests in pieces, on a real store, with readings between."""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.batch import Batch, Quarantined
from ingest.configuration import read_configuration
from ingest.quarantine_filter import Filter
from ingest.request import Outcome, Progress, Request, RequestError, RequestKind
from ingest.request_alone import Bench, ask_or_do
from ingest.request_desk import RequestDesk
from ingest.settings import Settings
from ingest.settings import Store as StoreSettings
from ingest.store_file import StoreInUseError
from ingest.store_thread import StoreThread, open_store
from schemas.reason import Level, Reason
from tests.small_town import make_inventory, make_processor
from tests.stand import COLD, INVENTORY, climate

REPROCESS = Request(RequestKind.REPROCESS, Filter())
DISCARD = Request(RequestKind.DISCARD, Filter())
HOUR_MS = 3_600_000


def make_entry(number: int, device: str = "indoor_climate", now_ms: int = 1_768_478_402_000) -> Quarantined:
    """Return a good payload that was refused while its device was in no inventory."""
    time_ms = now_ms - HOUR_MS + number * 1000
    payload = climate(time_ms, number).encode()
    topic = f"gjovik/hall/{device}/reading"
    return Quarantined(
        *(time_ms + 100, Level.MESSAGE, Reason.UNKNOWN_DEVICE, topic, "", device, payload, len(payload)),
        hashlib.sha256(payload).digest(),
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    """A store with seven entries that can be repaired."""
    async with open_store(StoreSettings(folder=tmp_path, reserve_bytes=0)) as opened:
        await opened.commit(Batch(quarantined=[make_entry(number) for number in range(7)]), 0)
        yield opened


def make_desk(store: StoreThread, folder: Path, *, is_repaired: bool = True) -> RequestDesk:
    """Return a desk of pieces of three, with a town that has the device, or has it not yet."""
    inventory = make_inventory()
    if not is_repaired:
        inventory = replace(inventory, devices={})
    return RequestDesk(Bench(make_processor(inventory), store), store, folder, piece=3)


async def test_what_is_repaired_leaves_in_pieces_and_is_written_at_its_time(store: StoreThread, tmp_path: Path) -> None:
    answers = [answer async for answer in make_desk(store, tmp_path).perform(REPROCESS)]
    assert answers == [Progress(3, 7), Progress(6, 7), Progress(7, 7), Outcome(7, 7, {})]
    moves, depth = await store.moves(), await store.depth()
    assert (moves.quarantined, moves.reprocessed, depth.lines) == (7, 7, 7)
    assert not await store.quarantine()


async def test_what_still_fails_stays_with_its_reason(store: StoreThread, tmp_path: Path) -> None:
    desk = make_desk(store, tmp_path, is_repaired=False)
    answers = [answer async for answer in desk.perform(REPROCESS)]
    assert answers[-1] == Outcome(7, 0, {Reason.UNKNOWN_DEVICE: 7})
    assert (await store.quarantine())[Reason.UNKNOWN_DEVICE] == 7
    assert (await store.moves()).reprocessed == 0


async def test_who_stops_in_between_leaves_every_entry_done_or_as_it_was(store: StoreThread, tmp_path: Path) -> None:
    desk = make_desk(store, tmp_path)
    async with aclosing(desk.perform(REPROCESS)) as answers:
        assert await anext(answers) == Progress(3, 7)
    assert (await store.moves()).reprocessed == 3
    assert sum((await store.quarantine()).values()) == 4
    assert [answer async for answer in desk.perform(REPROCESS)][-1] == Outcome(4, 4, {})
    assert (await store.depth()).lines == 7


@pytest.mark.parametrize("request_", [REPROCESS, DISCARD])
async def test_entries_that_come_meanwhile_are_not_part_of_it(
    store: StoreThread, tmp_path: Path, request_: Request
) -> None:
    answers = []
    async for answer in make_desk(store, tmp_path, is_repaired=False).perform(request_):
        await store.commit(Batch(quarantined=[make_entry(number) for number in range(10, 20)]), 0)
        answers.append(answer)
    assert answers[-2] == Progress(7, 7)
    assert isinstance(answers[-1], Outcome)
    assert answers[-1].matched == 7


async def test_only_what_is_meant_is_discarded(store: StoreThread, tmp_path: Path) -> None:
    await store.commit(Batch(quarantined=[make_entry(number, "other") for number in range(2)]), 0)
    desk = make_desk(store, tmp_path)
    answers = [answer async for answer in desk.perform(DISCARD._replace(where=Filter(device="other")))]
    assert answers == [Progress(2, 2), Outcome(2, 2, {})]
    moves = await store.moves()
    assert (moves.discarded, sum((await store.quarantine()).values())) == (2, 7)


async def test_nothing_is_tried_while_the_store_takes_nothing(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = await store.usage()

    async def is_full() -> object:
        return usage._replace(is_held=True)

    monkeypatch.setattr(store, "usage", is_full)
    with pytest.raises(RequestError, match="room"):
        _ = [answer async for answer in make_desk(store, tmp_path).perform(REPROCESS)]
    assert (await store.moves()).reprocessed == 0


def make_settings(folder: Path) -> Settings:
    """Return settings over the small inventory."""
    for name, text in (("inventory", INVENTORY), ("rules", COLD)):
        (folder / name).mkdir()
        (folder / name / "room-too-cold.toml").write_text(text)
    return Settings(
        inventory=folder / "inventory",
        rules=folder / "rules",
        store=StoreSettings(folder=folder / "store", reserve_bytes=0),
    )


async def test_without_a_collector_the_command_does_it_itself(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    assert len(read_configuration(settings).inventory.devices) == 2
    async with open_store(settings.store) as store:
        await store.commit(Batch(quarantined=[make_entry(number, "climate-1") for number in range(7)]), 0)
    answers = [answer async for answer in ask_or_do(settings.store.folder, REPROCESS, settings)]
    assert answers[-1] == Outcome(7, 7, {})
    # What was done is remembered: the same payloads again are duplicates, and add no line.
    async with open_store(settings.store) as store:
        await store.commit(Batch(quarantined=[make_entry(number, "climate-1") for number in range(7)]), 0)
    answers = [answer async for answer in ask_or_do(settings.store.folder, REPROCESS, settings)]
    assert answers[-1] == Outcome(7, 7, {})
    async with open_store(settings.store) as store:
        assert ((await store.depth()).lines, (await store.moves()).reprocessed) == (7, 14)


async def test_without_a_collector_and_without_settings_nothing_is_done(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--settings"):
        _ = [answer async for answer in ask_or_do(tmp_path, REPROCESS, None)]


async def test_a_store_that_somebody_holds_is_waited_for_and_then_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path)
    monkeypatch.setattr("ingest.request_alone.PATIENCE_S", 0.3)
    async with open_store(settings.store):
        began_s = time.monotonic()
        with pytest.raises(StoreInUseError):
            _ = [answer async for answer in ask_or_do(settings.store.folder, DISCARD, settings)]
        assert time.monotonic() - began_s >= 0.3
    answers = [answer async for answer in ask_or_do(settings.store.folder, DISCARD, settings)]
    assert answers == [Outcome(0, 0, {})]
