"""Why an alert is in its state, in sentences for operators. Pure: what is known in, sentences out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

from ingest.alerts.explain_words import SENTENCES, Sentences
from ingest.alerts.machine import is_flapping
from ingest.alerts.schedule import is_watched
from ingest.alerts.subject import name_group
from ingest.alerts.subjects import is_watched_by
from ingest.alerts.watch import NOWHERE, choose_levels
from ingest.alerts.words import Language, write_moment, write_number, write_span
from ingest.batch import AlertRecord
from ingest.configuration import Configuration
from ingest.incidents.incident import Incident, Step
from ingest.incidents.maintenance import Maintenance
from ingest.inventory import Device, Site
from schemas.derivation import Given
from schemas.device_type import Field, Privacy
from schemas.rule import AlertPhase, Change, Level, Rule
from schemas.schedule import ALWAYS

_AHEAD_MS = 8 * 24 * 3_600_000
"""So far it is looked for when a rule is watched again: a week, and a day for a holiday."""
_QUARTER_MS = 15 * 60_000
_STEPS = 6
"""The last changes that are told."""
_PRIVATE = frozenset({Privacy.PERSONAL, Privacy.HEALTH})
_CHANGES = {str(change): change for change in Change}


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that an explanation looks at.

    Attributes:
        subject: Id of the device, or what names the group.
        rule: Key of the Rule.
        configuration: Device types, inventory and rules.
        records: Where rules stand that are not OK; those of other subjects matter at the same site.
        incident: The last Incident of this subject and Rule that is not closed; None where there is none.
        steps: Of the last Incidents of this subject and Rule, in order of time.
        maintenance: Planned and active ones.
        silent_s: For how long the device has been silent, in seconds; 0 where it is heard, None where nobody knows.
        now_ms: Milliseconds since 1970 in UTC.
    """

    subject: str
    rule: str
    configuration: Configuration
    records: Sequence[AlertRecord] = ()
    incident: Incident | None = None
    steps: Sequence[Step] = ()
    maintenance: Sequence[Maintenance] = ()
    silent_s: float | None = None
    now_ms: int


def explain(case: Case, language: Language) -> list[str]:
    """Return why an alert is in its state, in sentences, the most important first."""
    rule = case.configuration.rules.get(case.rule)
    words = SENTENCES[language]
    case = replace(case, subject=name_subject(case.configuration, case.subject, case.rule, case.now_ms))
    if rule is None:
        return [words.no_rule.format(case.rule)]
    device = case.configuration.inventory.devices.get(case.subject)
    if device is None and ":" not in case.subject:
        return [words.no_device.format(case.subject)]
    return list(_Explainer(case, rule, device, language).tell())


def name_subject(configuration: Configuration, name: str, rule: str, now_ms: int) -> str:
    """Return of whom a Rule speaks when a device is meant: of it, or of the group in which it is.

    Args:
        configuration: Device types, inventory and rules.
        name: Id of the device; what names a group already stays as it is.
        rule: Key of the Rule.
        now_ms: Milliseconds since 1970 in UTC.
    """
    found, device = configuration.rules.get(rule), configuration.inventory.devices.get(name)
    if found is None or found.group is None or device is None:
        return name
    if not is_watched_by(found, device, configuration.inventory):
        return name
    placement = device.find_placement(now_ms) or device.placements[-1]
    return name_group(found.group, placement.site, placement.zone)


class _Explainer:
    """Tells one case in one language."""

    def __init__(self, case: Case, rule: Rule, device: Device | None, language: Language) -> None:
        self._case, self._rule, self._device, self._language = case, rule, device, language
        self._words: Sentences = SENTENCES[language]
        found = (one for one in case.records if (one.device, one.rule) == (case.subject, rule.key))
        self._record = next(found, None)
        self._site = self._find_site()
        self._levels = rule.levels if device is None else choose_levels(rule, device, self._site)

    def tell(self) -> Iterator[str]:
        """Yield the sentences."""
        if self._device is not None and not self._watches(self._device):
            yield self._tell_unwatched(self._device)
            return
        yield from self._tell_state()
        yield from self._tell_silence()
        yield from self._tell_schedule()
        yield from self._tell_people()
        yield from self._tell_rule()
        yield from self._tell_steps()

    def _find_site(self) -> Site:
        """Return the Site of the device now, or of the group."""
        if self._device is None:
            key = self._case.subject.partition(":")[0]
        else:
            placement = self._device.find_placement(self._case.now_ms) or self._device.placements[-1]
            key = placement.site
        return self._case.configuration.inventory.sites.get(key, NOWHERE)

    def _watches(self, device: Device) -> bool:
        return is_watched_by(self._rule, device, self._case.configuration.inventory)

    def _tell_unwatched(self, device: Device) -> str:
        plain = replace(self._rule, overrides=())
        is_excepted = not self._levels and device.type_key == plain.device_type
        is_excepted = is_excepted and bool(choose_levels(plain, device, self._site))
        return (self._words.excepted if is_excepted else self._words.not_meant).format(device.id)

    def _tell_state(self) -> Iterator[str]:
        record, words = self._record, self._words
        phase = AlertPhase.OK if record is None else record.phase
        since = "" if record is None else self._moment(record.since_ms)
        yield words.phase[phase].format(since)
        if record is None:
            yield words.unknown
            return
        if phase is AlertPhase.PENDING:
            yield from self._tell_pending(record)
        elif phase.is_active:
            yield from self._tell_firing(record)
        yield words.measured.format(self._value(record.value), self._moment(record.time_ms))
        if record.simulated:
            yield words.simulated

    def _tell_pending(self, record: AlertRecord) -> Iterator[str]:
        words = self._words
        begun = zip(self._levels, record.begun_ms, strict=False)
        due_ms = min((began_ms + level.hold_ms for level, began_ms in begun if began_ms is not None), default=0)
        if due_ms > self._case.now_ms:
            yield words.pending_until.format(self._moment(due_ms))
        elif record.beyond >= self._rule.least:
            yield words.pending_next
        if self._rule.least > 1:
            yield words.pending_readings.format(record.beyond, self._rule.least)

    def _tell_firing(self, record: AlertRecord) -> Iterator[str]:
        words, rule = self._words, self._rule
        if record.firings_ms:
            yield words.fired.format(self._moment(record.firings_ms[-1]))
        yield words.severity.format(words.severities[record.severity])
        if is_flapping(rule, record) and rule.flapping is not None:
            yield words.held.format(len(record.firings_ms), self._span(rule.flapping.within_ms))
        if record.phase is AlertPhase.RECOVERING and record.good_ms is not None:
            needed_ms = rule.clear_ms
            if rule.flapping is not None and is_flapping(rule, record):
                needed_ms = max(needed_ms, rule.flapping.within_ms)
            yield words.good_since.format(self._moment(record.good_ms), self._span(needed_ms))
        elif record.phase is AlertPhase.FIRING and not self._is_state and (rule.field or rule.group is not None):
            # All that is known: what comes between limit and clear level changes nothing, and leaves no trace.
            yield words.not_clear
        if record.firings_ms and (kept_ms := record.firings_ms[-1] + rule.keep_ms) > self._case.now_ms:
            yield words.kept_until.format(self._moment(kept_ms))

    def _tell_silence(self) -> Iterator[str]:
        if self._device is None or self._case.silent_s is None:
            return
        span = write_span(self._case.silent_s, self._language)
        yield self._words.silent_now.format(span) if self._case.silent_s > 0 else self._words.not_silent

    def _tell_schedule(self) -> Iterator[str]:
        if self._rule.schedule is ALWAYS:
            return
        now_ms = self._case.now_ms
        if self._is_awake(now_ms):
            yield self._words.awake
            return
        yield self._words.asleep
        first_ms = now_ms - now_ms % _QUARTER_MS + _QUARTER_MS
        ahead = range(first_ms, now_ms + _AHEAD_MS, _QUARTER_MS)
        if (again_ms := next(filter(self._is_awake, ahead), None)) is not None:
            yield self._words.asleep_until.format(self._moment(again_ms))

    def _is_awake(self, time_ms: int) -> bool:
        zone_info = self._case.configuration.inventory.zone_info
        return is_watched(self._rule.schedule, self._site.opening_hours, time_ms, zone_info)

    def _tell_people(self) -> Iterator[str]:
        """Yield what people did about it, and why nobody is told of it."""
        words, incident, now_ms = self._words, self._case.incident, self._case.now_ms
        yield from self._tell_inhibition()
        if incident is None:
            return
        for one in self._case.maintenance:
            if one.covers(incident, now_ms):
                yield words.maintenance.format(self._moment(one.until_ms), one.id, one.reason, one.author)
        if incident.acknowledged_ms is not None:
            yield words.acknowledged.format(incident.acknowledged_by, self._moment(incident.acknowledged_ms))
        if incident.assigned:
            yield words.assigned.format(incident.assigned)
        if incident.snoozed_until_ms > now_ms:
            yield words.snoozed.format(self._moment(incident.snoozed_until_ms))

    def _tell_inhibition(self) -> Iterator[str]:
        here = {one.rule for one in self._case.records if one.phase.is_active and one.site == self._site.key}
        rules = self._case.configuration.rules
        for key in self._rule.inhibited_by:
            # Two rules that inhibit each other inhibit nothing.
            if key in rules and self._rule.key not in rules[key].inhibited_by:
                is_quiet = key in here and self._record is not None and self._record.phase.is_active
                yield (self._words.inhibited if is_quiet else self._words.inhibited_not).format(key)

    def _tell_rule(self) -> Iterator[str]:
        """Yield what the Rule says, with the limits that apply here."""
        words, rule, levels = self._words, self._rule, self._levels
        if levels is not rule.levels:
            yield words.override.format(self._case.subject)
        conditions = words.level.join(dict.fromkeys(map(self._describe_level, levels)))
        if rule.field:
            yield words.watches.format(rule.key, self._describe_watched(), conditions)
        else:
            yield (words.watches_silence if rule.group is None else words.watches_missing).format(rule.key, conditions)
        suffix = words.clear_for.format(self._span(rule.clear_ms)) if rule.clear_ms else ""
        clears = self._describe_range(levels[0].clear_low, levels[0].clear_high)
        if self._is_state or not clears:
            yield words.clears_when.format(suffix)
        else:
            yield words.clears.format(clears, suffix)
        if rule.least > 1:
            yield words.least.format(rule.least)
        if rule.keep_ms:
            yield words.keep.format(self._span(rule.keep_ms))
        yield from self._tell_doubts()
        if rule.privacy in _PRIVATE:
            yield words.private

    def _tell_doubts(self) -> Iterator[str]:
        """Yield which values of the field are doubtful, and what that means for the alert."""
        field = self._field
        if field is None or not field.is_doubted:
            return
        words = self._words
        reasons = []
        if field.steepness is not None:
            steepness = write_number(field.steepness, field.measures.unit, self._language)
            reasons.append(words.doubtful_rate.format(steepness))
        if field.rollovers is not None:
            reasons.append(words.doubtful_step)
        if field.stuck_after is not None:
            stuck = write_span(field.stuck_after.total_seconds(), self._language)
            reasons.append(words.doubtful_stuck.format(stuck))
        yield words.doubtful.format(words.field.format(field.title), words.doubtful_or.join(reasons))
        yield words.doubtful_heard if self._rule.doubtful else words.doubtful_left

    def _tell_steps(self) -> Iterator[str]:
        told = [step for step in self._case.steps if step.kind in _CHANGES]
        for step in told[-_STEPS:]:
            yield self._words.last.format(self._moment(step.time_ms), self._words.change[_CHANGES[step.kind]])

    @property
    def _field(self) -> Field | None:
        """What the Rule looks at; None where that is whether devices are silent."""
        return self._case.configuration.types[self._rule.device_type].fields.get(self._rule.field)

    @property
    def _is_state(self) -> bool:
        """Whether what is judged is on or off."""
        field = self._field
        return field is not None and field.is_state and isinstance(self._rule.derivation, Given)

    def _describe_watched(self) -> str:
        """Return what the limits are held against."""
        rule, words = self._rule, self._words
        device_type = self._case.configuration.types[rule.device_type]
        text = words.field.format(device_type.fields[rule.field].title)
        if not isinstance(rule.derivation, Given):
            kind = rule.derivation.kind
            text = words.derived.get(kind, words.derived_otherwise).format(text, kind)
        if rule.reference is not None:
            text = words.reference.format(text, rule.reference.device)
        return text if rule.group is None else words.group[rule.group.aggregate].format(text)

    def _describe_level(self, level: Level) -> str:
        words = self._words
        if self._is_state:
            condition = words.is_on if level.high < inf else words.is_off
        elif level.low > -inf and level.high < inf:
            condition = words.outside.format(self._value(level.low), self._value(level.high))
        elif level.low > -inf:
            condition = words.below.format(self._value(level.low))
        elif not self._rule.field and self._rule.group is None:
            condition = self._value(level.high)  # for so long a device is silent
        else:
            condition = words.above.format(self._value(level.high))
        severity = words.severities[level.severity]
        if not level.hold_ms:
            return words.at_once.format(condition, severity)
        return words.for_long.format(condition, self._span(level.hold_ms), severity)

    def _describe_range(self, low: float, high: float) -> str:
        """Return between which values an alert clears; empty where any value does, or a device that is heard."""
        if not self._rule.field and self._rule.group is None:
            return ""
        words = self._words
        if isfinite(low) and isfinite(high):
            return words.within.format(self._value(low), self._value(high))
        if isfinite(low):
            return words.at_least.format(self._value(low))
        return words.at_most.format(self._value(high)) if isfinite(high) else ""

    def _value(self, value: float) -> str:
        if not self._rule.field and self._rule.group is None:
            interval = self._case.configuration.types[self._rule.device_type].interval
            return write_span(value * interval.total_seconds(), self._language)
        if self._is_state:
            return self._words.is_on if value else self._words.is_off
        return write_number(value, self._rule.unit, self._language)

    def _moment(self, time_ms: int) -> str:
        return write_moment(time_ms, self._language)

    def _span(self, length_ms: float) -> str:
        return write_span(length_ms / 1000, self._language)
