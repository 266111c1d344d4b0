"""A backtest as people and programs read it. Pure: values in, texts and plain values out."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from ingest.alerts.backtest import Outcome, PastFiring
from ingest.alerts.outcome_comparison import Comparison, Event, Kind
from ingest.alerts.words import Language, write_number
from ingest.event_time import format_time
from ingest.local_time import format_local, format_span

SUBJECT_HEADINGS = ("Device", "Site", "Firings", "In all", "Longest", "Severity", "Flapping")
FIRING_HEADINGS = ("Device", "Site", "Severity", "Fired", "Cleared", "Lasted", "Value", "Remarks")
EVENT_HEADINGS = ("Difference", "Device", "As it is", "Other version", "Longer by")
_NAMED = 10
"""Devices that a sentence names; the rest is counted."""


def render_subjects(outcome: Outcome) -> Iterator[Sequence[str]]:
    """Yield a row for each subject that fired, the longest first, under ``SUBJECT_HEADINGS``."""
    sites = {one.name: one.site for one in outcome.subjects}
    for name in outcome.list_worst(len(outcome.tallies)):
        tally = outcome.tallies[name]
        yield (
            name,
            sites[name],
            str(tally.firings),
            _format_length(tally.lasted_ms),
            _format_length(tally.longest_ms),
            tally.severity,
            str(tally.flapping) if tally.flapping else "",
        )


def render_firing(firing: PastFiring, outcome: Outcome) -> Sequence[str]:
    """Return the cells of a firing, under ``FIRING_HEADINGS``."""
    remarks = [word for word, holds in (("flapping", firing.flapping), ("device fell silent", firing.silent)) if holds]
    return (
        firing.device,
        firing.site,
        firing.severity,
        format_local(firing.fired_ms),
        "" if firing.cleared_ms is None else format_local(firing.cleared_ms),
        _format_length(firing.find_end(outcome.period.to_ms) - firing.fired_ms),
        write_number(firing.value, outcome.rule.unit, Language.EN),
        ", ".join(remarks),
    )


def render_event(event: Event, end_ms: int) -> Sequence[str]:
    """Return the cells of a difference, under ``EVENT_HEADINGS``."""
    sign = "-" if event.more_ms < 0 else ""
    longer = sign + _format_length(abs(event.more_ms)) if event.more_ms else ""
    told = (_tell_firings(some, end_ms) for some in (event.before, event.after))
    return event.kind, event.device, *told, longer


def conclude(outcome: Outcome) -> list[str]:
    """Return what came out, in a few sentences."""
    period, count = outcome.period, outcome.count
    whole = f"{outcome.rule.key}, {format_local(period.from_ms)} to {format_local(period.to_ms)}: "
    readings = sum(outcome.readings.values())
    heard = (
        f"{readings} {_name(readings, 'reading')} of {len(outcome.readings)} {_name(len(outcome.readings), 'device')}."
    )
    if not count:
        sentences = [f"{whole}it would never have fired. {heard}"]
    else:
        days = period.length_ms / 86_400_000
        told = (
            f"{whole}it would have fired {count} {_name(count, 'time')} ({count / days:.2g} a day), "
            f"for {_format_length(outcome.lasted_ms)} in all, at {len(outcome.tallies)} of {len(outcome.subjects)} "
            f"{'devices' if outcome.rule.group is None else 'groups'}. {heard}"
        )
        sentences = [told]
    heard_of = {one.name for one in outcome.subjects if one.members & set(outcome.readings)}
    if count and (calm := [name for name in outcome.calm if name in heard_of]):
        sentences.append(f"Never: {_enumerate(calm)}.")
    if outcome.unheard:
        sentences.append(f"Without any reading: {_enumerate(outcome.unheard)}.")
    if outcome.left_out:
        sentences.append(f"Too many to list: {outcome.left_out} more firings are counted, and not shown or compared.")
    return sentences


def conclude_comparison(comparison: Comparison) -> str:
    """Return in a sentence what the other version does otherwise."""
    counted = ", ".join(f"{comparison.count(kind)} {kind}" for kind in Kind)
    more_ms = comparison.after.lasted_ms - comparison.before.lasted_ms
    sign = "longer" if more_ms > 0 else "shorter"
    length = f"{_format_length(abs(more_ms))} {sign} in all" if more_ms else "as long in all"
    return (
        f"The other version fires {comparison.after.count} times instead of {comparison.before.count}, {length}: "
        f"{counted}."
    )


def to_plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for ``json.dumps``."""
    return {
        "rule": outcome.rule.key,
        "from": format_time(outcome.period.from_ms),
        "to": format_time(outcome.period.to_ms),
        "unit": outcome.rule.unit,
        "readings": sum(outcome.readings.values()),
        "count": outcome.count,
        "lasted_s": outcome.lasted_ms / 1000,
        "firings_left_out": outcome.left_out,
        "devices": {
            name: {
                "firings": tally.firings,
                "lasted_s": tally.lasted_ms / 1000,
                "longest_s": tally.longest_ms / 1000,
                "flapping": tally.flapping,
                "severity": tally.severity,
            }
            for name, tally in sorted(outcome.tallies.items())
        },
        "never": outcome.calm,
        "unheard": outcome.unheard,
        "firings": [to_plain_firing(one, outcome.period.to_ms) for one in outcome.firings],
    }


def to_plain_firing(firing: PastFiring, end_ms: int) -> dict[str, Any]:
    """Return a firing for ``json.dumps``."""
    return {
        "device": firing.device,
        "site": firing.site,
        "zone": firing.zone,
        "severity": firing.severity,
        "since": format_time(firing.since_ms),
        "fired": format_time(firing.fired_ms),
        "cleared": None if firing.cleared_ms is None else format_time(firing.cleared_ms),
        "lasted_s": (firing.find_end(end_ms) - firing.fired_ms) / 1000,
        "value": firing.value if isfinite(firing.value) else None,
        "flapping": firing.flapping,
        "silent": firing.silent,
    }


def to_plain_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison for ``json.dumps``."""
    end_ms = comparison.before.period.to_ms
    return {
        "other": to_plain(comparison.after),
        "counts": {kind: comparison.count(kind) for kind in Kind},
        "differences": [
            {
                "kind": one.kind,
                "device": one.device,
                "before": [to_plain_firing(firing, end_ms) for firing in one.before],
                "after": [to_plain_firing(firing, end_ms) for firing in one.after],
                "longer_s": one.more_ms / 1000,
            }
            for one in comparison.differences
        ],
    }


def _tell_firings(firings: Sequence[PastFiring], end_ms: int) -> str:
    return "; ".join(
        f"{format_local(one.fired_ms)} for {_format_length(one.find_end(end_ms) - one.fired_ms)}" for one in firings
    )


def _format_length(length_ms: int) -> str:
    return format_span(length_ms / 1000)


def _name(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _enumerate(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
