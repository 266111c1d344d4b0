"""The alert machine: where a Rule stands for a subject after one more value. Pure, in event time.

::

    OK ──beyond a limit──> PENDING ──held, and often enough──> FIRING <────beyond──── RECOVERING
     ^                        │                                │  ^ └────good again────────^ │
     ├───no longer beyond─────┘                                │  └─a reading─┐              │
     │                                        the device falls silent ──> SILENT             │
     └──────────────────────────good for clear_ms, and fired for keep_ms─────────────────────┘

- A Level of more severity is reached within FIRING (escalation in place), and left when its own clear level is reached.
- Between limit and clear level nothing changes (hysteresis).
- An alert that fired ``times`` within ``within_ms`` flaps: it clears only when it was good for all of ``within_ms``.
- A dead sensor ends nothing: SILENT still fires.
- Only readings are evidence: two readings beyond the limit with silence between them count as held, because nothing
  says otherwise.
- While a Rule is not watched (its schedule), a value is good, whatever it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ingest.batch import AlertRecord
from schemas.rule import AlertPhase, Change, Level, Rule, Severity


class Judged(NamedTuple):
    """A value that is held against a Rule.

    Attributes:
        time_ms: Event time, milliseconds since 1970 in UTC; not before that of the value judged last.
        value: In the rule's unit.
        site: Where it was measured.
        zone: Part of the site.
        simulated: Whether it says that it is simulated.
        is_watched: Whether the Rule's schedule watches that time.
        last_good: Event time and value of the reading before, where it was good and is known.
    """

    time_ms: int
    value: float
    site: str
    zone: str
    simulated: bool = False
    is_watched: bool = True
    last_good: tuple[int, float] | None = None


def begin_record(device: str, rule: Rule) -> AlertRecord:
    """Return where a Rule stands for a subject of which nothing is known."""
    return AlertRecord(
        device,
        rule.key,
        AlertPhase.OK,
        0,
        0,
        0.0,
        "",
        "",
        simulated=False,
        severity=rule.severity,
        is_apart=rule.is_apart,
    )


def judge(rule: Rule, levels: Sequence[Level], before: AlertRecord, judged: Judged) -> AlertRecord:
    """Return where a Rule stands after a value.

    Args:
        rule: The condition.
        levels: Its Levels for this subject.
        before: Where it stood.
        judged: The value.
    """
    begun_ms = _list_begun(levels, before, judged)
    if before.phase.is_active:
        # Since when the mildest Level has held says nothing any more: it does not change.
        begun_ms = (*(before.begun_ms[:1] or (None,)), *begun_ms[1:])
        return _judge_active(rule, levels, before, judged, begun_ms)
    if begun_ms[0] is None:
        return _rest(rule, before, judged)
    beyond = min(before.beyond + 1, rule.least)
    last_good = judged.last_good if before.phase is AlertPhase.OK else before.last_good
    # ``begun_ms`` of the mildest is the earliest: each Level is beyond the one before.
    pending = before._replace(
        phase=AlertPhase.PENDING,
        since_ms=begun_ms[0],
        begun_ms=begun_ms,
        beyond=beyond,
        severity=levels[0].severity,
        last_good=last_good,
    )
    ready = _find_ready(levels, begun_ms, judged.time_ms)
    if ready is None or beyond < rule.least:
        return _note(before, pending, judged)
    severity = levels[ready].severity
    firing = pending._replace(
        phase=AlertPhase.FIRING,
        severity=severity,
        worst=severity,
        beyond=0,
        firings_ms=(*_list_recent(rule, before, judged.time_ms), judged.time_ms),
    )
    return _note(before, firing, judged)


def fall_silent(before: AlertRecord) -> AlertRecord:
    """Return where an alert stands when its device says nothing any more."""
    return before._replace(phase=AlertPhase.SILENT) if before.phase.is_active else before


def is_flapping(rule: Rule, record: AlertRecord) -> bool:
    """Whether an alert that fires is held because it fired so often."""
    flapping = rule.flapping
    if flapping is None or not record.phase.is_active or len(record.firings_ms) < flapping.times:
        return False
    return record.firings_ms[-1] - record.firings_ms[-flapping.times] <= flapping.within_ms


def list_changes(rule: Rule, before: AlertRecord, after: AlertRecord) -> list[Change]:
    """Return what people may want to hear of between two states, in order."""
    if not before.phase.is_active:
        if not after.phase.is_active:
            return []
        return [Change.FIRED, Change.FLAPPING] if is_flapping(rule, after) else [Change.FIRED]
    if not after.phase.is_active:
        return [Change.CLEARED]
    changes: list[Change] = []
    if AlertPhase.SILENT in (before.phase, after.phase) and before.phase is not after.phase:
        changes.append(Change.SILENT if after.phase is AlertPhase.SILENT else Change.HEARD)
    if before.severity is not after.severity:
        changes.append(Change.ESCALATED if after.severity.rank > before.severity.rank else Change.EASED)
    return changes


def _judge_active(
    rule: Rule, levels: Sequence[Level], before: AlertRecord, judged: Judged, begun_ms: tuple[int | None, ...]
) -> AlertRecord:
    """Return where an alert that fires stands after a value."""
    if not judged.is_watched or levels[0].is_clear(judged.value):
        began_ms = judged.time_ms if before.good_ms is None else before.good_ms
        fired_ms = before.firings_ms[-1] if before.firings_ms else before.since_ms
        needed_ms = rule.clear_ms
        if rule.flapping is not None and is_flapping(rule, before):
            needed_ms = max(needed_ms, rule.flapping.within_ms)
        if judged.time_ms - began_ms >= needed_ms and judged.time_ms - fired_ms >= rule.keep_ms:
            return _rest(rule, before, judged)._replace(severity=before.worst, worst=before.worst)
        recovering = before._replace(phase=AlertPhase.RECOVERING, good_ms=began_ms, begun_ms=begun_ms)
        return _note(before, recovering, judged)
    phase: AlertPhase = AlertPhase.FIRING
    good_ms: int | None = None
    if before.good_ms is not None and not levels[0].is_beyond(judged.value):
        phase, good_ms = AlertPhase.RECOVERING, before.good_ms  # between limit and clear level nothing changes
    severity = _find_severity(levels, before, begun_ms, judged)
    worst = severity if severity.rank > before.worst.rank else before.worst
    after = before._replace(phase=phase, good_ms=good_ms, severity=severity, begun_ms=begun_ms, worst=worst)
    # The value that counts is the one that made it what it is, not one between limit and clear level.
    if (phase, severity) == (before.phase, before.severity):
        return before if after == before else after
    return _note(before, after, judged)


def _find_severity(
    levels: Sequence[Level], before: AlertRecord, begun_ms: Sequence[int | None], judged: Judged
) -> Severity:
    """Return the severity of an alert that fires: the highest Level that has held for long enough, or is not clear."""
    ready = _find_ready(levels, begun_ms, judged.time_ms) or 0
    present = next((at for at, level in enumerate(levels) if level.severity is before.severity), 0)
    while present > ready and levels[present].is_clear(judged.value):
        present -= 1
    return levels[max(present, ready)].severity


def _list_begun(levels: Sequence[Level], before: AlertRecord, judged: Judged) -> tuple[int | None, ...]:
    """Return since when each Level holds; None where it does not."""
    # A Rule may have got more Levels since, or fewer.
    earlier = (*before.begun_ms, *(None,) * len(levels))[: len(levels)]
    return tuple(
        (judged.time_ms if began_ms is None else began_ms)
        if judged.is_watched and level.is_beyond(judged.value)
        else None
        for level, began_ms in zip(levels, earlier, strict=True)
    )


def _find_ready(levels: Sequence[Level], begun_ms: Sequence[int | None], time_ms: int) -> int | None:
    """Return the index of the most severe Level that has held for long enough; None where none has."""
    held = [
        at
        for at, (level, began_ms) in enumerate(zip(levels, begun_ms, strict=True))
        if began_ms is not None and time_ms - began_ms >= level.hold_ms
    ]
    return held[-1] if held else None


def _rest(rule: Rule, before: AlertRecord, judged: Judged) -> AlertRecord:
    """Return that all is well; firings are remembered for as long as they may count."""
    recent = _list_recent(rule, before, judged.time_ms)
    if before.phase is AlertPhase.OK and recent == before.firings_ms:
        return before
    resting = before._replace(
        phase=AlertPhase.OK, since_ms=0, begun_ms=(), beyond=0, good_ms=None, firings_ms=recent, last_good=None
    )
    return _note(before, resting, judged)


def _list_recent(rule: Rule, before: AlertRecord, time_ms: int) -> tuple[int, ...]:
    """Return the firings that may still count for flapping."""
    if rule.flapping is None:
        return ()
    kept = [fired_ms for fired_ms in before.firings_ms if time_ms - fired_ms <= rule.flapping.within_ms]
    return tuple(kept[-rule.flapping.times :])


def _note(before: AlertRecord, after: AlertRecord, judged: Judged) -> AlertRecord:
    """Return a state with the value that made it so; what changes nothing leaves no trace, on disk neither."""
    if after == before:
        return before
    return after._replace(
        time_ms=judged.time_ms, value=judged.value, site=judged.site, zone=judged.zone, simulated=judged.simulated
    )
