"""Rota: who is on call when, by the local calendar. Pure."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ingest.local_time import LOCAL

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class Turn(NamedTuple):
    """In which order contacts take over from a day on.

    Attributes:
        begins: The local day of the first handover. Before its time of day, the Turn before counts.
        contacts: Keys; after the last comes the first.
        days: How many days each has: 1 or 7.
    """

    begins: date
    contacts: tuple[str, ...]
    days: int


class StandIn(NamedTuple):
    """Who is on call whatever the Turns say.

    Attributes:
        from_ms: From when on, milliseconds since 1970 in UTC.
        to_ms: Until when, not included.
        contact: Key.
    """

    from_ms: int
    to_ms: int
    contact: str


class Rota(NamedTuple):
    """Who is on call when.

    Attributes:
        key: Name in the configuration.
        at_min: Time of day of the handover, minutes since local midnight.
        turns: In order of time.
        stand_ins: The first that fits counts.
    """

    key: str
    at_min: int
    turns: tuple[Turn, ...]
    stand_ins: tuple[StandIn, ...] = ()

    @property
    def members(self) -> frozenset[str]:
        """Keys of all who are ever on call."""
        return frozenset(
            {key for turn in self.turns for key in turn.contacts} | {one.contact for one in self.stand_ins}
        )


def find_on_call(rota: Rota, time_ms: int) -> str | None:
    """Return the key of the Contact that is on call at a moment; None before the first Turn."""
    stand_in = next((one.contact for one in rota.stand_ins if one.from_ms <= time_ms < one.to_ms), None)
    if stand_in is not None:
        return stand_in
    day = _find_handover_day(rota.at_min, _EPOCH + timedelta(milliseconds=time_ms))
    turn = next((turn for turn in reversed(rota.turns) if turn.begins <= day), None)
    if turn is None:
        return None
    return turn.contacts[(day - turn.begins).days // turn.days % len(turn.contacts)]


def _find_handover_day(at_min: int, moment: datetime) -> date:
    """Return the local day of the last possible handover.

    Compared in UTC, for the hour that autumn has twice would hand over twice.
    """
    day = moment.astimezone(LOCAL).date()
    handover = datetime(day.year, day.month, day.day, at_min // 60, at_min % 60, tzinfo=LOCAL)
    return day if handover.astimezone(UTC) <= moment else day - _DAY
