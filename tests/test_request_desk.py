"""The desk: requests in pieces, on a real store, with readings between."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.batch import Batch, Quarantined
from ingest.configuration import read_configuration
from ingest.quarantine_filter import Filter
from ingest.request import Answer, Outcome, Progress, Reloaded, Request, RequestError, RequestKind, WrongRequestError
from ingest.request_alert import Reload
from ingest.request_alone import Bench, ask_or_do
from ingest.request_desk import RequestDesk
from ingest.request_socket import SOCKET, ask, serve_requests
from ingest.settings import Settings
from ingest.settings import Store as StoreSettings
from ingest.store_file import StoreInUseError
from ingest.store_reader import open_reader
from ingest.store_requests import MOST_REQUESTS, PastRequest
from ingest.store_thread import StoreThread, open_store
from schemas.reason import Level, Reason
from tests.mqtt_clients import wait_until
from tests.small_town import make_configuration, make_inventory, make_processor
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
    return RequestDesk(Bench(make_processor(inventory), store, make_configuration(inventory)), store, folder, piece=3)


async def test_what_is_repaired_leaves_in_pieces_and_is_written_at_its_time(store: StoreThread, tmp_path: Path) -> None:
    answers = [answer async for answer in make_desk(store, tmp_path).perform(REPROCESS, "kari")]
    assert answers == [Progress(3, 7), Progress(6, 7), Progress(7, 7), Outcome(7, 7, {})]
    moves, depth = await store.moves(), await store.depth()
    assert (moves.quarantined, moves.reprocessed, depth.lines) == (7, 7, 7)
    assert not await store.quarantine()


async def test_only_who_names_the_reason_says_that_our_clock_was_behind(store: StoreThread, tmp_path: Path) -> None:
    entry = make_entry(7)
    ahead = entry._replace(received_ms=entry.received_ms - 200 * 24 * HOUR_MS, reason=Reason.FUTURE_TIME)
    await store.commit(Batch(quarantined=[ahead]), 0)
    desk = make_desk(store, tmp_path)
    answers = [answer async for answer in desk.perform(REPROCESS, "kari")]
    assert answers[-1] == Outcome(8, 7, {Reason.FUTURE_TIME: 1})
    named = Request(RequestKind.REPROCESS, Filter(reason=Reason.FUTURE_TIME))
    answers = [answer async for answer in desk.perform(named, "kari")]
    assert answers[-1] == Outcome(1, 1, {})


class Reading:
    """A Reloader that finds files as they should be, or wrong."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    async def reload(self) -> Reloaded:
        """Tell of seven devices."""
        if self.wrong:
            raise WrongRequestError(self.wrong)
        return Reloaded(7, 1)


@pytest.mark.parametrize(
    ("reloader", "came"),
    [
        (Reading(), "7 devices and 1 rules are in use"),
        (Reading("town.toml:3: wrong"), "town.toml:3: wrong"),
        (None, "Nothing runs here that could take a new inventory into use; ask the collector."),
    ],
)
async def test_who_asked_for_a_reload_is_remembered_with_what_came_of_it(
    store: StoreThread, tmp_path: Path, reloader: Reading | None, came: str
) -> None:
    bench = Bench(make_processor(), store, make_configuration())
    desk = RequestDesk(bench, store, tmp_path, reloader=reloader)
    with suppress(RequestError):
        assert [answer async for answer in desk.perform(Reload("Kari"), "kari")] == [Reloaded(7, 1)]
    with open_reader(tmp_path) as reader:
        (request,) = reader.requests(5)
    assert (request.kind, request.author, request.login, request.outcome) == ("reload", "Kari", "kari", came)


async def test_what_still_fails_stays_with_its_reason(store: StoreThread, tmp_path: Path) -> None:
    desk = make_desk(store, tmp_path, is_repaired=False)
    answers = [answer async for answer in desk.perform(REPROCESS, "kari")]
    assert answers[-1] == Outcome(7, 0, {Reason.UNKNOWN_DEVICE: 7})
    assert (await store.quarantine())[Reason.UNKNOWN_DEVICE] == 7
    assert (await store.moves()).reprocessed == 0


async def test_who_stops_in_between_leaves_every_entry_done_or_as_it_was(store: StoreThread, tmp_path: Path) -> None:
    desk = make_desk(store, tmp_path)
    async with aclosing(desk.perform(REPROCESS, "kari")) as answers:
        assert await anext(answers) == Progress(3, 7)
    assert (await store.moves()).reprocessed == 3
    assert sum((await store.quarantine()).values()) == 4
    assert [answer async for answer in desk.perform(REPROCESS, "kari")][-1] == Outcome(4, 4, {})
    assert (await store.depth()).lines == 7


@pytest.mark.parametrize("request_", [REPROCESS, DISCARD])
async def test_entries_that_come_meanwhile_are_not_part_of_it(
    store: StoreThread, tmp_path: Path, request_: Request
) -> None:
    answers = []
    async for answer in make_desk(store, tmp_path, is_repaired=False).perform(request_, "kari"):
        await store.commit(Batch(quarantined=[make_entry(number) for number in range(10, 20)]), 0)
        answers.append(answer)
    assert answers[-2] == Progress(7, 7)
    assert isinstance(answers[-1], Outcome)
    assert answers[-1].matched == 7


async def test_what_comes_is_not_discarded_in_the_place_of_what_was_meant_and_has_left(
    store: StoreThread, tmp_path: Path
) -> None:
    answers = list[Answer]()
    async for answer in make_desk(store, tmp_path).perform(DISCARD, "kari"):
        if not answers:
            # Of what was meant one leaves otherwise, and others come.
            assert await store.discard(Filter(ids=(5,)), 1) == 1
            await store.commit(Batch(quarantined=[make_entry(number) for number in range(10, 13)]), 0)
        answers.append(answer)
    assert answers[-1] == Outcome(6, 6, {})
    assert [row.id for row in await store.read_quarantine(Filter(), 0, 10)] == [8, 9, 10]


@pytest.mark.parametrize("asked", [REPROCESS, DISCARD])
async def test_only_what_a_person_has_seen_is_meant(store: StoreThread, tmp_path: Path, asked: Request) -> None:
    answers = [one async for one in make_desk(store, tmp_path).perform(asked._replace(where=Filter(last_id=2)), "kari")]
    assert answers == [Progress(2, 2), Outcome(2, 2, {})]


async def test_large_payloads_make_small_pieces(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.store_quarantine.CHUNK_BYTES", 1)
    answers = [answer async for answer in make_desk(store, tmp_path).perform(REPROCESS, "kari")]
    assert answers == [*(Progress(done, 7) for done in range(1, 8)), Outcome(7, 7, {})]
    assert (await store.depth()).lines == 7


async def test_what_expires_in_the_middle_of_a_piece_is_not_waited_for(store: StoreThread, tmp_path: Path) -> None:
    class Gone(Bench):
        @asynccontextmanager
        async def exclusive(self) -> AsyncIterator[None]:
            """Have the last entry leave just before its turn."""
            await store.discard(Filter(ids=(3, 7)), 2)
            yield

    desk = RequestDesk(Gone(make_processor(), store, make_configuration()), store, tmp_path, piece=3)
    answers = [answer async for answer in desk.perform(REPROCESS, "kari")]
    assert answers[-1] == Outcome(5, 5, {})
    moves = await store.moves()
    assert (moves.reprocessed, moves.discarded, (await store.depth()).lines) == (5, 2, 5)


async def test_two_who_reprocess_the_same_at_once_write_it_once(store: StoreThread, tmp_path: Path) -> None:
    serving = asyncio.create_task(serve_requests(tmp_path, make_desk(store, tmp_path)), name="requests")
    await wait_until((tmp_path / SOCKET).exists)

    async def ask_for(author: str) -> list[Answer]:
        return [answer async for answer in ask(tmp_path, REPROCESS._replace(author=author))]

    both = await asyncio.gather(ask_for("kari"), ask_for("ola"))
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    outcomes = [answers[-1] for answers in both]
    assert sorted(one.left for one in outcomes if isinstance(one, Outcome)) == [0, 7]
    moves = await store.moves()
    assert (moves.quarantined, moves.reprocessed, (await store.depth()).lines) == (7, 7, 7)
    told = {(one.author, one.outcome) for one in read_requests(tmp_path)}
    assert len(told) == 2
    assert {outcome for _, outcome in told} == {"of 7 entries 7 were accepted and left, 0 stay", "no entry matched"}


def read_requests(folder: Path) -> list[PastRequest]:
    """Return what the store remembers, the newest first."""
    with open_reader(folder) as reader:
        return reader.requests(100)


async def test_who_asked_for_what_is_remembered_however_it_ended(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(store, tmp_path)
    asked = REPROCESS._replace(author="Kari")
    async with aclosing(desk.perform(asked, "kn")) as answers:
        await anext(answers)
        assert read_requests(tmp_path)[0].outcome == ""
    _ = [answer async for answer in desk.perform(asked._replace(where=Filter(ids=(4, 5))), "kn")]

    async def is_full() -> object:
        return full

    full = (await store.usage())._replace(is_held=True)
    monkeypatch.setattr(store, "usage", is_full)
    with pytest.raises(RequestError):
        _ = [answer async for answer in desk.perform(asked, "kn")]
    third, second, first = read_requests(tmp_path)
    assert {(one.kind, one.author, one.login) for one in (first, second, third)} == {("reprocess", "Kari", "kn")}
    assert (first.meant, first.outcome) == ("everything", "broken off after 3 of 7")
    assert (second.meant, second.outcome) == ("entries 4, 5", "of 2 entries 2 were accepted and left, 0 stay")
    assert third.outcome.startswith("broken off before its first piece: The store takes nothing")
    assert first.begun_ms <= second.begun_ms <= third.begun_ms


async def test_only_the_last_requests_are_kept(store: StoreThread, tmp_path: Path) -> None:
    for number in range(MOST_REQUESTS + 3):
        await store.begin_request(PastRequest(0, number, "discard", "kari", "kn", "everything", ""))
    kept = [one.begun_ms for one in read_requests(tmp_path)]
    assert kept == list(range(MOST_REQUESTS + 2, MOST_REQUESTS - 98, -1))
    with open_reader(tmp_path) as reader:
        assert len(reader.requests(10 * MOST_REQUESTS)) == MOST_REQUESTS


async def test_only_what_is_meant_is_discarded(store: StoreThread, tmp_path: Path) -> None:
    await store.commit(Batch(quarantined=[make_entry(number, "other") for number in range(2)]), 0)
    desk = make_desk(store, tmp_path)
    answers = [answer async for answer in desk.perform(DISCARD._replace(where=Filter(device="other")), "kari")]
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
        _ = [answer async for answer in make_desk(store, tmp_path).perform(REPROCESS, "kari")]
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
