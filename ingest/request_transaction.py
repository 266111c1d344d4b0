"""What a request about incidents changes in the store: all of it in one transaction, which the caller has.

With what is done goes who asked for it: after ``kill -9`` either both are on disk or neither.
"""

import sqlite3
from collections.abc import Iterable

from ingest.incidents.act import Acted, Refused, act
from ingest.incidents.maintenance import MaintenanceState, begin, describe_matcher, end
from ingest.local_time import format_local
from ingest.notify.delivery import Delivery, DeliveryState
from ingest.request import Performed
from ingest.request_alert import (
    ActRequest,
    BeginMaintenance,
    EndMaintenance,
    RetryDeliveries,
    StoreRequest,
    describe_asked,
    describe_ending,
    name_author,
)
from ingest.store_deliveries import read_deliveries, retry_delivery
from ingest.store_incidents import add_steps, find_incident, put_incident, read_open
from ingest.store_maintenance import find_maintenance, insert_maintenance, note_end
from ingest.store_requests import PastRequest, insert_request


def perform_request(connection: sqlite3.Connection, request: StoreRequest, login: str, now_ms: int) -> Performed:
    """Do what a person asks, as far as it is not refused, and write down who asked and what came of it.

    Args:
        connection: To the store.
        request: What is asked.
        login: Who asks, as the system knows it.
        now_ms: By the collector's clock, milliseconds since 1970 in UTC.
    """
    author = name_author(request.author, login)
    match request:
        case ActRequest():
            performed = _act(connection, request, author, now_ms)
        case BeginMaintenance():
            performed = _begin(connection, request, author, now_ms)
        case EndMaintenance():
            performed = _end(connection, request, author, now_ms)
        case RetryDeliveries():
            performed = _retry(connection, request, now_ms)
    meant, came = describe_asked(request), describe_ending(request.kind, performed)
    insert_request(connection, PastRequest(0, now_ms, request.kind, request.author or login, login, meant, came))
    return performed


def _act(connection: sqlite3.Connection, request: ActRequest, author: str, now_ms: int) -> Performed:
    done: dict[str, str] = {}
    refused: dict[str, str] = {}
    for incident_id in _list_once(request.incidents):
        incident = find_incident(connection, incident_id)
        if incident is None:
            refused[str(incident_id)] = "there is no such incident"
            continue
        match act(request.act, incident, author, now_ms):
            case Refused(why):
                refused[str(incident_id)] = why
            case Acted(changed, step, told):
                if step is not None:
                    put_incident(connection, changed)
                    add_steps(connection, [step])
                done[str(incident_id)] = told
    return Performed(done, refused)


def _begin(connection: sqlite3.Connection, request: BeginMaintenance, author: str, now_ms: int) -> Performed:
    planned = begin(request.planned._replace(author=author), now_ms)
    if isinstance(planned, Refused):
        return Performed({}, {describe_matcher(request.planned) or "of everything": planned.why})
    begun = insert_maintenance(connection, planned)
    covered = sum(begun.matches(incident) for incident in read_open(connection))
    told = f"{begun.find_state(now_ms)} until {format_local(begun.until_ms)}: {describe_matcher(begun)}"
    if begun.find_state(now_ms) is MaintenanceState.ACTIVE:
        told += f"; {covered} open {'incident is' if covered == 1 else 'incidents are'} of it"
    return Performed({str(begun.id): told}, {})


def _end(connection: sqlite3.Connection, request: EndMaintenance, author: str, now_ms: int) -> Performed:
    name = str(request.maintenance)
    found = find_maintenance(connection, request.maintenance)
    if found is None:
        return Performed({}, {name: "there is no such maintenance"})
    ended = end(found, author, now_ms)
    if isinstance(ended, Refused):
        return Performed({}, {name: ended.why})
    note_end(connection, ended)
    return Performed({name: f"ended: {describe_matcher(ended)}"}, {})


def _retry(connection: sqlite3.Connection, request: RetryDeliveries, now_ms: int) -> Performed:
    done: dict[str, str] = {}
    refused: dict[str, str] = {}
    for one in _list_once(request.deliveries):
        delivery = _find_dead(connection, one)
        if delivery is None:
            refused[str(one)] = "there is no such message that was given up"
        elif request.contacts is not None and delivery.contact not in request.contacts:
            refused[str(one)] = (
                f"its contact {delivery.contact} is not in the file of contacts any longer, and nobody would get it; "
                f"put {delivery.contact} back, have the collector reload, and retry; or tell people yourself"
            )
        elif retry_delivery(connection, one, now_ms):
            done[str(one)] = "waits to be sent again"
    return Performed(done, refused)


def _find_dead(connection: sqlite3.Connection, delivery: int) -> Delivery | None:
    """Return a message that was given up; None where there is none with this id."""
    found = read_deliveries(connection, (DeliveryState.DEAD,), delivery - 1, 1)
    return next((one for one in found if one.id == delivery), None)


def _list_once(ids: Iterable[int]) -> list[int]:
    """Return ids in order, each once: whoever names one twice means it once."""
    return list(dict.fromkeys(ids))
