"""What people ask about incidents, on a real store: one transaction each, by the collector or without one."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ingest.incidents.act import Act, ActKind
from ingest.incidents.incident import IncidentState, StepKind
from ingest.incidents.maintenance import Maintenance, MaintenanceState
from ingest.notify.delivery import Delivery, DeliveryState, Stage, StageKind, Telling
from ingest.request import Performed, RequestError, RequestKind, WrongRequestError
from ingest.request_alert import (
    ActRequest,
    AlertRequest,
    BeginMaintenance,
    ContactTest,
    EndMaintenance,
    RetryDeliveries,
)
from ingest.request_alone import Bench, ask_or_do
from ingest.request_desk import Messenger, RequestDesk
from ingest.request_socket import SOCKET, ask, find_login, serve_requests
from ingest.request_transaction import perform_request
from ingest.settings import Settings
from ingest.settings import Store as StoreSettings
from ingest.store_deliveries import add_deliveries, bury_delivery
from ingest.store_file import FILE, transaction
from ingest.store_incidents import IncidentFilter
from ingest.store_reader import open_reader
from ingest.store_thread import StoreThread, open_store
from ingest.toml_file import ConfigurationError
from schemas.rule import Change, Severity
from tests.incident_rows import DAY_MS, NOW_MS, make_transition, note, open_tables
from tests.mqtt_clients import wait_until
from tests.small_town import make_configuration, make_processor

ROOT = Path(__file__).parent.parent
LOGIN = find_login(os.getuid())
ACK = ActRequest(Act(ActKind.ACKNOWLEDGE, "på vei"), (1, 2), "Kari")
HOUR_MS = 3_600_000


class Post:
    """A messenger that reaches everybody."""

    async def test(self, contact: str, author: str) -> Performed:
        """Reach them."""
        return Performed({contact or "vakt": f"reached for {author}"}, {})


class Strike:
    """A messenger that reaches nobody."""

    async def test(self, contact: str, author: str) -> Performed:
        """Fail."""
        raise RequestError(f"{author} cannot reach {contact}")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreThread]:
    """A store with one incident that fires and one that has cleared."""
    async with open_store(StoreSettings(folder=tmp_path, reserve_bytes=0)) as opened:
        note(tmp_path, [make_transition(), make_transition(device="b"), make_transition(Change.CLEARED, "b")])
        yield opened


@asynccontextmanager
async def serving(folder: Path, store: StoreThread, messenger: Messenger | None = None) -> AsyncIterator[None]:
    """Serve requests at a real socket until the block ends."""
    configuration = make_configuration(contacts=("vakt",) if messenger else ())
    desk = RequestDesk(Bench(make_processor(), store, configuration), store, folder, messenger=messenger)
    task = asyncio.create_task(serve_requests(folder, desk), name="requests")
    await wait_until((folder / SOCKET).exists)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ask_for(folder: Path, request: AlertRequest) -> Performed:
    """Return what came of a request to the socket of a folder."""
    (answer,) = [answer async for answer in ask(folder, request)]
    assert isinstance(answer, Performed)
    return answer


def plan(from_ms: int = NOW_MS, hours: int = 2) -> Maintenance:
    """Return a maintenance of site hall."""
    to_ms = from_ms + hours * HOUR_MS
    return Maintenance(0, frozenset({"hall"}), frozenset(), frozenset(), "rørlegger", "", from_ms, to_ms)


async def test_an_act_is_done_with_its_step_and_who_asked_is_remembered(store: StoreThread, tmp_path: Path) -> None:
    async with serving(tmp_path, store):
        performed = await ask_for(tmp_path, ACK._replace(incidents=(1, 9, 2, 1)))
        again = await ask_for(tmp_path, ACK._replace(author="Ola", act=Act(ActKind.ACKNOWLEDGE)))
    assert performed == Performed({"1": "acknowledged", "2": "acknowledged"}, {"9": "there is no such incident"})
    assert again.done["1"].startswith(f"was acknowledged already, by Kari ({LOGIN}) at ")
    with open_reader(tmp_path) as reader:
        second, first = reader.requests(9)
        found = reader.incident(1)
    assert (first.kind, first.author, first.login) == (RequestKind.ACKNOWLEDGE, "Kari", LOGIN)
    assert first.meant == "incidents 1, 9, 2, 1: på vei"
    assert first.outcome == "done: 1 acknowledged, 2 acknowledged; refused: 9: there is no such incident"
    assert (second.author, second.begun_ms >= first.begun_ms) == ("Ola", True)
    assert found is not None
    incident, steps = found
    assert incident.acknowledged_by == f"Kari ({LOGIN})"
    assert [(step.kind, step.author, step.text) for step in steps[1:]] == [
        (StepKind.ACKNOWLEDGED, f"Kari ({LOGIN})", "på vei")
    ]


async def test_maintenance_begins_and_ends_with_its_author_and_keeps_its_row(
    store: StoreThread, tmp_path: Path
) -> None:
    now_ms = NOW_MS + 60_000
    begun = await store.act(BeginMaintenance(plan(), "Kari"), "kn", now_ms)
    assert begun.done == {"1": "active until 2026-01-15 15:00:02: site hall; 2 open incidents are of it"}
    refused = await store.act(BeginMaintenance(plan(hours=31 * 24), "Kari"), "kn", now_ms)
    assert list(refused.refused) == ["site hall"]
    ended = await store.act(EndMaintenance(1, "Ola"), "ola", now_ms + 1)
    assert ended == Performed({"1": "ended: site hall"}, {})
    twice = await store.act(EndMaintenance(1, "Per"), "per", now_ms + 2)
    assert twice.refused == {"1": "it ended at 2026-01-15 13:01:02, by Ola (ola)"}
    assert (await store.act(EndMaintenance(2), "per", now_ms)).refused == {"2": "there is no such maintenance"}
    with open_reader(tmp_path) as reader:
        (kept,) = reader.maintenance(9)
        assert reader.present_maintenance(now_ms + 1) == []
    assert (kept.author, kept.ended_by, kept.ended_ms) == ("Kari (kn)", "Ola (ola)", now_ms + 1)
    assert kept.find_state(now_ms + 1) is MaintenanceState.ENDED


async def test_a_test_is_sent_by_the_messenger_and_remembered(store: StoreThread, tmp_path: Path) -> None:
    async with serving(tmp_path, store):
        with pytest.raises(RequestError, match="No contacts are in the settings"):
            await ask_for(tmp_path, ContactTest("vakt", "Kari"))
    async with serving(tmp_path, store, Post()):
        assert (await ask_for(tmp_path, ContactTest("", "Kari"))).done == {"vakt": f"reached for Kari ({LOGIN})"}
    async with serving(tmp_path, store, Strike()):
        with pytest.raises(RequestError, match="cannot reach vakt"):
            await ask_for(tmp_path, ContactTest("vakt", "Kari"))
    with open_reader(tmp_path) as reader:
        asked = [(one.kind, one.meant, one.outcome) for one in reader.requests(9)]
    assert asked == [
        ("test", "contact vakt", f"Kari ({LOGIN}) cannot reach vakt"),
        ("test", "every contact", f"done: vakt reached for Kari ({LOGIN})"),
    ]


def put_dead(folder: Path, *contacts: str) -> None:
    """Put messages of incident 1 into a store that were given up, one to each contact."""
    telling = (Telling(1, Stage(StageKind.FIRST, Severity.WARNING)),)
    made = [Delivery(one, "route", one, telling, Severity.WARNING, "x", "x", NOW_MS, NOW_MS) for one in contacts]
    with open_tables(folder / FILE) as connection, transaction(connection):
        add_deliveries(connection, made)
        for one in range(1, len(contacts) + 1):
            bury_delivery(connection, one, "no such mailbox", in_doubt=False)


async def test_a_message_whose_contact_is_gone_is_not_sent_to_die_again(store: StoreThread, tmp_path: Path) -> None:
    put_dead(tmp_path, "vakt", "kari")
    async with serving(tmp_path, store, Post()):
        performed = await ask_for(tmp_path, RetryDeliveries((1, 2, 3), "Ola"))
    assert performed.done == {"1": "waits to be sent again"}
    assert performed.refused["2"].startswith("its contact kari is not in the file of contacts any longer")
    assert "put kari back, have the collector reload, and retry" in performed.refused["2"]
    assert performed.refused["3"] == "there is no such message that was given up"
    with open_reader(tmp_path) as reader:
        states = [(one.contact, one.state) for one in reader.deliveries(frozenset(DeliveryState), 0, 9)]
    assert states == [("vakt", DeliveryState.WAITING), ("kari", DeliveryState.DEAD)]


async def test_a_misspelt_name_is_refused_before_anything_is_done(store: StoreThread, tmp_path: Path) -> None:
    planned = plan()._replace(sites=frozenset({"hal"}), devices=frozenset({"indoor_climat", "hall:first", "x:"}))
    async with serving(tmp_path, store, Post()):
        with pytest.raises(WrongRequestError) as refused:
            await ask_for(tmp_path, BeginMaintenance(planned._replace(rules=frozenset({"cold"})), "Kari"))
        with pytest.raises(WrongRequestError, match='There is no contact "vkt"; did you mean vakt'):
            await ask_for(tmp_path, ContactTest("vkt", "Kari"))
    assert str(refused.value) == (
        'There is no site "hal"; did you mean hall? '
        'There is no device "indoor_climat"; did you mean indoor_climate or classroom_climate? '
        'There is no group "x:"; a group is named by its site, such as hall: or hall:zone. '
        'There is no rule "cold"; name one that is configured.'
    )
    with open_reader(tmp_path) as reader:
        assert (reader.maintenance(9), reader.requests(9)) == ([], [])


async def test_a_failing_statement_leaves_neither_acts_nor_who_asked_for_them(
    store: StoreThread, tmp_path: Path
) -> None:
    assert (await store.depth()).lines == 0
    with open_tables(tmp_path / FILE) as connection:
        connection.execute("CREATE TRIGGER stop BEFORE INSERT ON requests BEGIN SELECT raise(ABORT, 'the disk'); END")
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.Error, match="the disk"), transaction(connection):
            perform_request(connection, ACK, "kn", NOW_MS)
        assert list(connection.iterdump()) == before
        connection.execute("DROP TRIGGER stop")
    assert (await store.act(ACK, "kn", NOW_MS)).refused == {}


def choose(folder: Path) -> Settings:
    """Return settings of a store whose inventory is not even there."""
    return Settings(
        inventory=folder / "missing", rules=folder / "missing", store=StoreSettings(folder=folder, reserve_bytes=0)
    )


async def test_without_a_collector_the_command_does_it_itself_whatever_the_inventory_is(tmp_path: Path) -> None:
    settings = choose(tmp_path)
    async with open_store(settings.store):
        note(tmp_path, [make_transition()])
    answers = [answer async for answer in ask_or_do(tmp_path, ACK._replace(incidents=(1,)), settings)]
    assert answers == [Performed({"1": "acknowledged"}, {})]
    with open_reader(tmp_path) as reader:
        assert [one.author for one in reader.requests(9)] == ["Kari"]
    with pytest.raises(RequestError, match="No collector runs"):
        _ = [answer async for answer in ask_or_do(tmp_path, ContactTest("vakt"), settings)]
    with pytest.raises(RequestError, match="--settings"):
        _ = [answer async for answer in ask_or_do(tmp_path, ACK, None)]


async def test_without_a_collector_names_are_held_against_the_files(tmp_path: Path) -> None:
    settings = choose(tmp_path)
    async with open_store(settings.store):
        note(tmp_path, [make_transition()])
        put_dead(tmp_path, "vakt", "kari")
    contacts = tmp_path / "notify.toml"
    contacts.write_text('[[contact]]\nkey = "vakt"\ntitle = "Vakt"\naddress_env = "NOT_SET_HERE"\n')
    told = settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"contacts": contacts})})
    (performed,) = [answer async for answer in ask_or_do(tmp_path, RetryDeliveries((1, 2)), told)]
    assert isinstance(performed, Performed)
    assert (list(performed.done), list(performed.refused)) == (["1"], ["2"])
    contacts.write_text("contact = 1")
    with pytest.raises(ConfigurationError, match="contact"):
        _ = [answer async for answer in ask_or_do(tmp_path, RetryDeliveries((2,)), told)]
    town = settings.model_copy(update={"inventory": ROOT / "deploy/inventory", "rules": ROOT / "deploy/rules"})
    with pytest.raises(WrongRequestError, match='no site "hall"'):
        _ = [answer async for answer in ask_or_do(tmp_path, BeginMaintenance(plan()), town)]


async def test_incidents_survive_a_restart_and_end_in_the_next_process(tmp_path: Path) -> None:
    settings = choose(tmp_path)
    async with open_store(settings.store) as store:
        note(tmp_path, [make_transition()])
        await store.act(ACK._replace(incidents=(1,)), "kn", NOW_MS)
    async with open_store(settings.store) as store:
        note(tmp_path, [make_transition(Change.CLEARED)], NOW_MS + DAY_MS)
        await store.act(ActRequest(Act(ActKind.CLOSE), (1,), "kn"), "kn", NOW_MS + DAY_MS)
    with open_reader(tmp_path) as reader:
        found = reader.incident(1)
        assert reader.incidents(IncidentFilter(frozenset({IncidentState.CLOSED})), 9)[0].id == 1
    assert found is not None
    kinds = [step.kind for step in found[1]]
    assert kinds == [StepKind.FIRED, StepKind.ACKNOWLEDGED, StepKind.CLEARED, StepKind.CLOSED]
