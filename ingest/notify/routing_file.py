"""Who is told, from ``deploy/notify.toml``: every mistake with its file, line and field, and never an address.

The address of a Contact is secret: it comes from a file or an environment variable.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from ingest.alerts.duration import count_ms
from ingest.notify.contact import Contact
from ingest.notify.rota import Rota, StandIn, Turn
from ingest.notify.routing import Route, Routing
from ingest.notify.routing_bounds import MOST_STAND_IN_MS, check_begin, check_route
from ingest.notify.routing_tables import (
    PATTERNS,
    ContactTable,
    MessageRouteTable,
    PublicTable,
    RotaTable,
    RoutingTable,
    StandInTable,
)
from ingest.settings import VARIABLE_PREFIX
from ingest.toml_file import ConfigurationError, Mistake, TomlFile, TomlPath, read_toml
from ingest.toml_table import explain_unknown, read_table, show
from ingest.written_time import to_minutes, to_ms

_DAYS_OF = {"day": 1, "week": 7}


class Known(NamedTuple):
    """What a Route may name.

    Attributes:
        sites: Keys of Sites.
        rules: Keys of Rules.
        environ: Environment variables.
        check_address: Returns what is wrong with an address, without repeating it; empty for nothing.
        today: The local day, from which on somebody must be on call before long.
    """

    sites: Collection[str]
    rules: Collection[str]
    environ: Mapping[str, str]
    check_address: Callable[[str], str]
    today: date


def load_routing(path: Path, known: Known) -> Routing:
    """Read who is told.

    Args:
        path: Of the TOML file. A relative ``address_file`` starts at its folder.
        known: What it may name.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is.
    """
    routing, mistakes = read_routing(path, known)
    if mistakes:
        raise ConfigurationError(mistakes)
    return routing


def read_routing(path: Path, known: Known) -> tuple[Routing, list[Mistake]]:
    """Return who is told, and everything that is wrong; with mistakes it is not to be used."""
    try:
        file = read_toml(path)
    except ConfigurationError as error:
        return Routing(), list(error.mistakes)
    table = read_table(file, (), file.values, RoutingTable, PATTERNS)
    if isinstance(table, list):
        return Routing(), table
    return _Reader(file, table, known).read()


class _Reader:
    """Reads the tables of one file, and collects what is wrong."""

    def __init__(self, file: TomlFile, table: RoutingTable, known: Known) -> None:
        self._file = file
        self._table = table
        self._known = known
        self._mistakes: list[Mistake] = []
        self._contacts = {one.key for one in table.contact}
        self._targets = self._contacts | {one.key for one in table.rota}

    def read(self) -> tuple[Routing, list[Mistake]]:
        """Return what the tables say, and what is wrong with them."""
        table = self._table
        public = table.public or PublicTable()
        self._refuse_repeated("contact", [one.key for one in table.contact], set())
        self._refuse_repeated("rota", [one.key for one in table.rota], self._contacts)
        self._refuse_repeated("route", [one.key for one in table.route], set())
        routing = Routing(
            contacts={one.key: self._read_contact(("contact", index), one) for index, one in enumerate(table.contact)},
            rotas={one.key: self._read_rota(("rota", index), one) for index, one in enumerate(table.rota)},
            routes={one.key: self._read_route(("route", index), one) for index, one in enumerate(table.route)},
            link=public.link.rstrip("/"),
            desk=public.desk or "",
        )
        self._mistakes.sort(key=lambda mistake: mistake[:2])
        return routing, self._mistakes

    def _refuse(self, path: TomlPath, message: str) -> None:
        self._mistakes.append(self._file.mistake(path, message))

    def _refuse_repeated(self, kind: str, keys: Iterable[str], taken: Collection[str]) -> None:
        seen = set(taken)
        for index, key in enumerate(keys):
            if key in seen:
                self._refuse(
                    (kind, index, "key"), f"{show(key)} is there already; each contact, rota and route has its own"
                )
            seen.add(key)

    def _refuse_unknown(self, path: TomlPath, keys: Iterable[str], known: Collection[str]) -> None:
        for index, key in enumerate(keys):
            if key not in known:
                self._refuse((*path, index), f"{show(key)} {explain_unknown(key, sorted(known))}")

    def _read_contact(self, path: TomlPath, table: ContactTable) -> Contact:
        address = self._read_address(path, table)
        if address and (problem := self._known.check_address(address)):
            source = "address_file" if table.address_file is not None else "address_env"
            self._refuse((*path, source), problem)
        return Contact(table.key, table.title, table.language, SecretStr(address))

    def _read_address(self, path: TomlPath, table: ContactTable) -> str:
        """Return the address; empty where there is none, which is then a mistake."""
        if table.address_file is None and table.address_env is None:
            message = "is missing: name a file that holds the address, or in address_env a variable that does"
            self._refuse((*path, "address_file"), message)
            return ""
        if table.address_file is not None and table.address_env is not None:
            self._refuse((*path, "address_env"), "must not stand beside address_file: remove one of the two")
            return ""
        if table.address_env is not None:
            if table.address_env.upper().startswith(VARIABLE_PREFIX):
                message = (
                    f"must not begin with {VARIABLE_PREFIX}: those are settings, and others are refused at the start"
                )
                self._refuse((*path, "address_env"), message)
                return ""
            address = self._known.environ.get(table.address_env, "").strip()
            if not address:
                self._refuse((*path, "address_env"), f"the variable {table.address_env} is not set, or empty")
            return address
        return self._read_address_file((*path, "address_file"), self._file.path.parent / (table.address_file or ""))

    def _read_address_file(self, path: TomlPath, named: Path) -> str:
        try:
            address = named.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            self._refuse(path, f"{named} cannot be read: it is not UTF-8 text")
            return ""
        except (OSError, ValueError) as error:  # a name with a null byte is no name
            why = error.strerror if isinstance(error, OSError) else "that is no name of a file"
            self._refuse(path, f"{named} cannot be read: {why}")
            return ""
        if not address or not address.isprintable():
            self._refuse(path, f"{named} must hold the address in one line and nothing else")
            return ""
        return address

    def _read_rota(self, path: TomlPath, table: RotaTable) -> Rota:
        turns: list[Turn] = []
        for index, one in enumerate(table.turns):
            here = (*path, "turns", index)
            self._refuse_unknown((*here, "contacts"), one.contacts, self._contacts)
            if isinstance(one.begins, datetime):
                self._refuse(
                    (*here, "from"), "must be a day such as 2026-01-05; the time of day is the rota's handover"
                )
                continue
            if turns and one.begins <= turns[-1].begins:
                self._refuse((*here, "from"), "must be after the turn before it")
            if problem := check_begin(one.begins, self._known.today, is_first=not turns):
                self._refuse((*here, "from"), problem)
            turns.append(Turn(one.begins, tuple(one.contacts), _DAYS_OF[one.every]))
        if table.handover == "24:00":
            self._refuse((*path, "handover"), 'must be before "24:00"; midnight is "00:00"')
            return Rota(table.key, 0, tuple(turns))
        found = [self._read_stand_in((*path, "overrides", index), one) for index, one in enumerate(table.overrides)]
        stand_ins = tuple(one for one in found if one is not None)
        return Rota(table.key, to_minutes(table.handover), tuple(turns), stand_ins)

    def _read_stand_in(self, path: TomlPath, table: StandInTable) -> StandIn | None:
        if table.contact not in self._contacts:
            self._refuse(
                (*path, "contact"), f"{show(table.contact)} {explain_unknown(table.contact, sorted(self._contacts))}"
            )
        try:
            from_ms, to_end_ms = to_ms(table.begins), to_ms(table.ends)
        except ValueError as error:
            self._refuse(path, str(error))
            return None
        if to_end_ms <= from_ms:
            self._refuse((*path, "to"), "must be after from")
        elif to_end_ms - from_ms > MOST_STAND_IN_MS:
            self._refuse((*path, "to"), "must be at most a year after from; who is on call for longer has a turn")
        return StandIn(from_ms, to_end_ms, table.contact)

    def _read_route(self, path: TomlPath, table: MessageRouteTable) -> Route:
        self._refuse_unknown((*path, "to"), table.to, self._targets)
        for index, keys in enumerate(table.escalate_to or ()):
            self._refuse_unknown((*path, "escalate_to", index), keys, self._targets)
        self._refuse_unknown((*path, "sites"), table.sites, self._known.sites)
        self._refuse_unknown((*path, "rules"), table.rules, self._known.rules)
        if (table.escalate_to is None) != (table.escalate_after is None):
            self._refuse((*path, "escalate_after"), "and escalate_to belong together: one is missing")
        for key, problem in check_route(table):
            self._refuse((*path, key), problem)
        return Route(
            key=table.key,
            to=tuple(table.to),
            severities=frozenset(table.severities),
            sites=frozenset(table.sites),
            categories=frozenset(table.categories),
            rules=frozenset(table.rules),
            schedule=table.times.build(),
            escalate_after_ms=self._count_ms(table.escalate_after),
            escalate_to=tuple(tuple(keys) for keys in table.escalate_to or ()),
            remind_every_ms=self._count_ms(table.remind_every),
            group_within_ms=self._count_ms(table.group_within),
            most_per_hour=table.most_per_hour,
            say_cleared=table.say_cleared,
        )

    def _count_ms(self, duration: str | None) -> int:
        return 0 if duration is None else count_ms(duration)
