"""Hearing: what a reading leaves behind in derivations, and what it says. Pure but for what they remember."""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from msgspec import UNSET, Struct

from ingest.alerts.subject import Said, hear_together
from ingest.alerts.watch import Watch, is_joint
from ingest.inventory import Placement
from schemas.derivation import Steady, Waiting

Know = Callable[[], tuple[int | None, Mapping[str, float | bool | None]]]
"""Returns event time and values of a device's newest reading; None for what is not known."""
Listen = Callable[[str, Struct, Placement, int], bool]
"""Has Watches hear the Sample of a device at a placement and event time. Where that would change an alert, it returns
False, and no Watch has heard it."""


def make_listen(watches: Sequence[Watch]) -> Listen | None:
    """Return what has some Watches hear a Sample; None where there are none.

    Each of them first asks whether it says anything, then has the next one hear it, and remembers it only when that
    one did: so either all remember it, or none.
    """
    joint = [watch for watch in watches if is_joint(watch.rule)]
    listen = _make_listen_together(joint) if joint else None
    for watch in reversed(watches):
        if not is_joint(watch.rule):
            listen = _make_listen_to_each(watch, listen)
    return listen


def _make_listen_to_each(watch: Watch, others: Listen | None) -> Listen:
    """Return what has a Watch hear what is made of each device alone, and others, too, in the quickest way there is."""
    ask = _make_listen_alone(watch, others)
    derivation = watch.rule.derivation
    if isinstance(derivation, Waiting):
        return _make_listen_waiting(watch, ask, others)
    if isinstance(derivation, Steady):
        return _make_listen_calm(watch, derivation, ask, others)
    return ask


def _make_listen_waiting(watch: Watch, ask: Listen, others: Listen | None) -> Listen:
    """Return what has a Watch hear a register while its derivation waits; ``ask`` hears all other values."""
    field, standing = watch.rule.field, watch.standing
    records, states, heard = standing.records, standing.states, standing.heard

    def listen(device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        value = getattr(sample, field, UNSET)
        state = states.get(device)
        if value is UNSET or state is None or time_ms >= state[0] or (records and device in records):
            return ask(device, sample, placement, time_ms)
        value = float(value)
        if not 0.0 <= value - state[-1] < inf:  # has_grown, without the call
            return ask(device, sample, placement, time_ms)
        if others is not None and not others(device, sample, placement, time_ms):
            return False
        state[-2] = time_ms
        state[-1] = value
        heard.append((device, time_ms, value))
        return True

    return listen


def _make_listen_calm(watch: Watch, derivation: Steady, ask: Listen, others: Listen | None) -> Listen:
    """Return what has a Watch hear values of devices that are calm, and others, too; ``ask`` hears all other values.

    What ``Calm`` says of a device takes the place of two calls, ``tell`` and ``hear``, and of a look at ``records``.
    """
    field, calms, heard = watch.rule.field, watch.standing.calms, watch.standing.heard
    of_register, apart_ms = derivation.of_register, derivation.apart_ms
    ask = _make_listen_to_restless(watch, derivation, ask)

    def listen(device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        value = getattr(sample, field, UNSET)
        if value is UNSET:
            return others is None or others(device, sample, placement, time_ms)
        value = float(value)
        calm = calms.get(device)
        if calm is None or not calm.least <= value <= calm.most or time_ms >= calm.until_ms:
            return ask(device, sample, placement, time_ms)
        state = calm.state
        if len(state) >= calm.full or (of_register and value < state[-1]):
            return ask(device, sample, placement, time_ms)
        if others is not None and not others(device, sample, placement, time_ms):
            return False
        if apart_ms and time_ms - state[-2] < apart_ms:
            return True
        state += (time_ms, value if calm.kept is None else calm.kept)
        heard.append((device, time_ms, value))
        return True

    return listen


def _make_listen_to_restless(watch: Watch, derivation: Steady, ask: Listen) -> Listen:
    """Return what has a Watch hear a value, and finds whether its device is calm after it."""
    states, calms = watch.standing.states, watch.standing.calms

    def listen(device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        if not ask(device, sample, placement, time_ms):
            return False
        calm = derivation.find_calm(states[device], watch.low, watch.high)
        if calm is None:
            calms.pop(device, None)
        else:
            calms[device] = calm
        return True

    return listen


def _make_listen_alone(watch: Watch, others: Listen | None) -> Listen:
    """Return what has a Watch hear what is made of each device alone, and others, too.

    Every reading that is not heard in a quicker way goes through it: it does what ``Standing.hear`` does itself, which
    takes 0.14 us less than the call.
    """
    rule, low, high, standing = watch.rule, watch.low, watch.high, watch.standing
    field, tell, remember = rule.field, rule.derivation.tell, rule.derivation.hear
    records, states, begun, heard = standing.records, standing.states, standing.begun, standing.heard

    def listen(device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        value = getattr(sample, field, UNSET)
        if value is UNSET:
            return others is None or others(device, sample, placement, time_ms)
        value = float(value)
        before = states.get(device)
        told = tell(before, time_ms, value, low, high)
        if (told is not None and not low <= told <= high) or (records and device in records):
            return False
        if others is not None and not others(device, sample, placement, time_ms):
            return False
        after = remember(before, time_ms, value, low, high)
        if after is not None:
            if after is not before:
                if before is None:
                    begun[device] = None
                states[device] = after
            heard.append((device, time_ms, value))
        return True

    return listen


def _make_listen_together(watches: Sequence[Watch]) -> Listen:
    """Return what has Watches hear what is made of several devices."""

    def listen(device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        place = (placement.site, placement.zone)
        heard: list[tuple[Watch, Said]] = []
        for watch in watches:
            value = getattr(sample, watch.rule.field, UNSET)
            if value is UNSET:
                continue
            said = hear_together(watch, device, place, time_ms, float(value))
            if said.subject in watch.standing.records:
                return False
            if said.value is not None and not watch.low <= said.value <= watch.high:
                return False
            heard.append((watch, said))
        for watch, said in heard:
            _keep(watch, said)
        return True

    return listen


def hear(watch: Watch, device: str, place: tuple[str, str], time_ms: int, value: float) -> tuple[str, float | None]:
    """Have a Watch hear a value, and return of whom it says what; None while nothing can be said.

    Args:
        watch: To whom.
        device: Id of the device that measured it.
        place: Its site and zone.
        time_ms: Event time.
        value: Of the Rule's field.
    """
    if is_joint(watch.rule):
        said = hear_together(watch, device, place, time_ms, value)
        _keep(watch, said)
        return said.subject, said.value
    derivation, standing = watch.rule.derivation, watch.standing
    told = derivation.tell(standing.states.get(device), time_ms, value)
    standing.hear(derivation, device, (time_ms, value), (watch.low, watch.high))
    return device, told


def _keep(watch: Watch, said: Said) -> None:
    if said.state is not None:
        watch.standing.keep(said.subject, said.state)


def find_good(watch: Watch, value: float, know: Know) -> tuple[int, float] | None:
    """Return event time and value of the reading before one that is beyond a limit, if that was good."""
    if watch.low <= value <= watch.high:
        return None
    time_ms, values = know()
    before = values.get(watch.rule.field)
    if time_ms is None or before is None or not watch.low <= before <= watch.high:
        return None
    return time_ms, float(before)
