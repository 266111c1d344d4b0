"""Hints: what a routing says that works, and is perhaps not meant so. Pure; mistakes are of ``routing_file``."""

from collections.abc import Iterator

from ingest.notify.rota import Rota, find_on_call
from ingest.notify.routing import Routing
from schemas.rule import Severity


def list_routing_hints(routing: Routing, now_ms: int) -> list[str]:
    """Return what is perhaps not meant, in sentences.

    Args:
        routing: Who is told.
        now_ms: Milliseconds since 1970 in UTC.
    """
    return [*_list_unused(routing), *_list_empty(routing, now_ms), *_list_uncovered(routing)]


def _list_unused(routing: Routing) -> Iterator[str]:
    """Yield contacts and rotas by which nobody is ever told."""
    named = {key for route in routing.routes.values() for keys in (route.to, *route.escalate_to) for key in keys}
    members = {key for rota in routing.rotas.values() if rota.key in named for key in rota.members}
    yield from (f"rota {key} is in no route." for key in routing.rotas if key not in named)
    yield from (
        f"contact {key} is told of nothing: it is in no route, nor in a rota of one."
        for key in routing.contacts
        if key not in named | members
    )


def _list_empty(routing: Routing, now_ms: int) -> Iterator[str]:
    """Yield rotas in which nobody is on call yet."""
    for rota in routing.rotas.values():
        if rota.turns and find_on_call(rota, now_ms) is None:
            yield f"nobody is on call in rota {rota.key} before {_write_begin(rota)}."


def _write_begin(rota: Rota) -> str:
    begin = rota.turns[0].begins
    return f"{begin} {rota.at_min // 60:02}:{rota.at_min % 60:02}"


def _list_uncovered(routing: Routing) -> Iterator[str]:
    """Yield severities of which no Route tells anybody."""
    for severity in Severity if routing.routes else ():
        if not any(not route.severities or severity in route.severities for route in routing.routes.values()):
            yield f"nobody is told of what is {severity}: no route is for it."
