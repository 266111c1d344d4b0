"""Hearing: what a reading that changes no alert leaves behind in derivations. Pure but for what they remember."""

from collections.abc import Callable, Mapping

from msgspec import UNSET, Struct

from ingest.alerts.subject import Said, hear
from ingest.alerts.watch import Heard, Watch, Watches
from ingest.inventory import Placement

Know = Callable[[], tuple[int | None, Mapping[str, float | bool | None]]]
"""Returns event time and values of a device's newest reading; None for what is not known."""


def hear_quietly(watches: Watches, device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
    """Have derivations hear a Sample, unless that would change an alert: then nothing changes."""
    heard: list[Heard] = []
    for field, low, high, records, states, moved, derive in watches.alone:
        value = getattr(sample, field, UNSET)
        if value is UNSET:
            continue
        derived = derive(states.get(device), time_ms, float(value))
        made = derived[1]
        if device in records or (made is not None and not low <= made <= high):
            return False
        heard.append((states, moved, device, derived[0]))
    for watch in watches.joint:
        value = getattr(sample, watch.rule.field, UNSET)
        if value is UNSET:
            continue
        said = hear(watch, device, (placement.site, placement.zone), time_ms, float(value))
        if said.subject in watch.standing.records:
            return False
        if said.value is not None and not watch.low <= said.value <= watch.high:
            return False
        heard.append((watch.standing.states, watch.standing.moved, said.subject, said.state))
    for states, moved, subject, state in heard:
        if state is not None:
            states[subject] = state
            moved[subject] = None
    return True


def find_good(watch: Watch, value: float, know: Know) -> tuple[int, float] | None:
    """Return event time and value of the reading before one that is beyond a limit, if that was good."""
    if watch.low <= value <= watch.high:
        return None
    time_ms, values = know()
    before = values.get(watch.rule.field)
    if time_ms is None or before is None or not watch.low <= before <= watch.high:
        return None
    return time_ms, float(before)


def remember(watch: Watch, said: Said) -> None:
    """Keep what a derivation remembers from now on."""
    if said.state is not None:
        watch.standing.states[said.subject] = said.state
        watch.standing.moved[said.subject] = None
