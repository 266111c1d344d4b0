"""AlertBook: where every Rule stands for every subject, and what changed.

Invariants:
    - Only what is not OK is kept, and what derivations remember; while all is well a reading costs a few look-ups.
    - Between two firings of a Rule for a subject there is a clearing.
    - Late readings, older than the newest of their Device, are not judged, so they neither fire nor clear: whoever has
      the readings does not give them to it. It refuses itself only what is older than the state that it would change.
    - The same readings in the same order give the same transitions, whether or not the process was restarted between.
    - Each reading is heard once: by ``is_quiet`` where that says yes, else by ``judge_reading``.

When rules or devices are replaced, an alert is withdrawn (it clears without a reading) if its Rule has vanished or now
watches another type or field, or if its Device has vanished, is of another type, or is not meant any more. Otherwise
it stands, and the next reading is judged by the new limits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple, Protocol

from msgspec import UNSET, Struct

from ingest.alerts.hearing import Know, find_good, hear
from ingest.alerts.machine import Judged, begin_record, fall_silent, judge, list_changes
from ingest.alerts.schedule import is_watched
from ingest.alerts.standing import Standing
from ingest.alerts.subject import is_member
from ingest.alerts.watch import NOWHERE, Watch, choose_levels, digest_watch, find_limits, is_plain
from ingest.alerts.watch_table import WatchTable
from ingest.batch import AlertRecord, RuleState
from ingest.inventory import Inventory, Placement
from schemas.reading import Reading
from schemas.rule import AlertPhase, Change, Level, Rule, Transition
from schemas.schedule import ALWAYS


class Withdrawal(NamedTuple):
    """An alert that cleared because nothing watches it any longer.

    Attributes:
        transition: Its clearing; time is that of the withdrawal, value is the one that made it fire.
        rule: The Rule that had fired; None when it vanished while no collector ran.
    """

    transition: Transition
    rule: Rule | None


class Quiet(Protocol):
    """A device that has not been heard for too long; see ``ingest.health.Silence``."""

    @property
    def device(self) -> str:
        """Id in the inventory."""

    @property
    def type_key(self) -> str:
        """Key of its DeviceType."""

    @property
    def site(self) -> str:
        """Where it is placed now."""

    @property
    def zone(self) -> str:
        """Part of the site."""

    @property
    def seconds(self) -> float:
        """Since its last message."""

    @property
    def intervals(self) -> float:
        """The same, in intervals of its type."""


class AlertBook:
    """Judges readings by rules, and remembers what is pending and firing.

    Args:
        rules: By key.
        inventory: What is installed; None where rules speak of every device of their type, wherever it is.
    """

    def __init__(self, rules: Mapping[str, Rule], inventory: Inventory | None = None) -> None:
        self._rules = dict(rules)
        self._inventory = inventory
        self._standings = {key: Standing(digest_watch(rule)) for key, rule in rules.items()}
        self._table = WatchTable(self._rules, self._standings, inventory)
        self._changed: dict[tuple[str, str], AlertRecord] = {}

    def find_rule(self, key: str) -> Rule:
        """Return a Rule by its key.

        Raises:
            KeyError: There is none.
        """
        return self._rules[key]

    def describe(self, key: str, device: str) -> Rule | None:
        """Return a Rule with the Levels that it has for a device; None when it has vanished."""
        rule = self._rules.get(key)
        if rule is None or not rule.overrides or self._inventory is None or device not in self._inventory.devices:
            return rule
        found = self._inventory.devices[device]
        site = self._inventory.sites.get(found.placements[-1].site, NOWHERE)
        return replace(rule, levels=choose_levels(rule, found, site) or rule.levels)

    def list_firing(self) -> list[AlertRecord]:
        """Return the alerts that fire, by rule in order of firing."""
        found = (record for standing in self._standings.values() for record in standing.records.values())
        return [record for record in found if record.phase.is_active]

    @property
    def judges_shares(self) -> bool:
        """Whether a Rule speaks of the share of devices that are silent."""
        return any(not rule.field and rule.group is not None for rule in self._rules.values())

    def list_records(self) -> list[AlertRecord]:
        """Return where rules stand that are not OK, or were not long ago."""
        return [record for standing in self._standings.values() for record in standing.records.values()]

    # What the store keeps.

    def take_changed(self) -> list[AlertRecord]:
        """Return every state that changed since the last call, the latest of each once; for the store."""
        if not self._changed:
            return []
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def take_states(self) -> list[RuleState]:
        """Return what derivations remember more since the last call; for the store, see ``ingest.alerts.standing``."""
        taken: list[RuleState] = []
        for rule, standing in self._standings.items():
            taken += standing.take_states(rule)
        return taken

    def copy_states(self, shard: int) -> list[RuleState]:
        """Return all that derivations remember of the subjects of a shard; see ``ingest.shard``."""
        return [state for rule, standing in self._standings.items() for state in standing.copy_states(rule, shard)]

    def restore(self, records: Iterable[AlertRecord], states: Iterable[RuleState] = ()) -> None:
        """Take note again of what an earlier process had stored; ``replace_rules`` withdraws what is stale in it.

        Args:
            records: Stored states; those that are OK say nothing.
            states: What derivations remember, in order; that of another derivation is left out.
        """
        for record in records:
            if record.phase is not AlertPhase.OK or record.firings_ms:
                self._standings.setdefault(record.rule, Standing()).records[record.device] = record
        for key, subject, said, digest in states:
            if key in self._rules and digest == self._standings[key].digest:
                rule = self._rules[key]
                self._standings[key].restore(rule.derivation, subject, said, find_limits(rule.levels))

    # What is judged.

    def is_quiet(self, type_key: str, device: str, sample: Struct, placement: Placement, time_ms: int) -> bool:
        """Whether a Sample of a Device changes nothing: all is and was well. Where it is, it has been heard.

        Args:
            type_key: Key of its DeviceType.
            device: Id.
            sample: Newer than all before.
            placement: Where it is.
            time_ms: Event time.
        """
        watches = self._table.find(type_key, device)
        for field, low, high, records in watches.plain:
            value = getattr(sample, field, UNSET)
            if value is not UNSET and not low <= value <= high:
                return False
            if device in records:
                return False
        for timed in watches.timed:
            if device in timed.standing.records:
                return False
        listen = watches.listen
        return listen is None or listen(device, sample, placement, time_ms)

    def judge_reading(self, reading: Reading, know: Know | None = None) -> Sequence[Transition]:
        """Return what a reading changes, in order of the rules.

        Args:
            reading: Not older than the newest of its Device.
            know: Returns event time and values of the reading before it; asked where an alert may begin.
        """
        transitions: list[Transition] = []
        for watch in self._table.find(reading.type_key, reading.device).all:
            if not watch.rule.field:
                self._hear_again(watch, reading, transitions)
                continue
            value = _find_value(watch.rule, reading)
            if value is None:
                continue
            place = (reading.site, reading.zone)
            subject, told = hear(watch, reading.device, place, reading.time_ms, float(value))
            if told is not None:
                judged = _tell(reading, told)
                if know is not None and subject not in watch.standing.records and is_plain(watch.rule):
                    judged = judged._replace(last_good=find_good(watch, told, know))
                self._judge(watch, subject, judged, transitions)
        return transitions

    def _hear_again(self, watch: Watch, reading: Reading, transitions: list[Transition]) -> None:
        """Have a rule about silence know that its device was heard."""
        if reading.device in watch.standing.records:
            self._judge(watch, reading.device, _tell(reading, 0.0), transitions)

    def list_late(self, reading: Reading) -> list[tuple[Rule, Level, float]]:
        """Return the rules that a late reading is beyond the limit of, with Level and value: it pages nobody."""
        found: list[tuple[Rule, Level, float]] = []
        for watch in self._table.find(reading.type_key, reading.device).all:
            rule, value = watch.rule, reading.values.get(watch.rule.field)
            if value is None or not is_plain(rule):
                continue
            beyond = [level for level in watch.levels if level.is_beyond(float(value))]
            if beyond and self._is_watched(rule, _tell(reading, float(value))):
                found.append((rule, beyond[-1], float(value)))
        return found

    def judge_silence(self, quiet: Iterable[Quiet], now_ms: int) -> Sequence[Transition]:
        """Return what the silence of devices changes: rules about it, and alerts whose device is dead.

        Args:
            quiet: Every device that has been silent too long, and no other.
            now_ms: Milliseconds since 1970 in UTC.
        """
        transitions: list[Transition] = []
        for one in quiet:
            watches = self._table.find(one.type_key, one.device)
            judged = Judged(now_ms, one.intervals, one.site, one.zone)
            for watch in watches.timed:
                if watch.rule.group is None:
                    self._judge(watch, one.device, judged, transitions)
            for watch in watches.all:
                record = watch.standing.records.get(one.device)
                if record is None or not watch.rule.field:
                    continue
                after = fall_silent(record)
                if after != record:
                    # Since when, not when it was noticed: what a backlog brings later must be later in time, too.
                    silent_ms = max(record.time_ms + 1, now_ms - round(1000 * one.seconds))
                    self._note_change(watch, record, after, transitions, silent_ms)
        return transitions

    def judge_shares(self, shares: Mapping[tuple[str, str], float], now_ms: int) -> Sequence[Transition]:
        """Return what the share of silent devices changes.

        Args:
            shares: Percent of the devices of a type at a site that are silent, by type and site; 0 where all are heard.
            now_ms: Milliseconds since 1970 in UTC.
        """
        transitions: list[Transition] = []
        for (type_key, site), share in shares.items():
            for watch in self._table.list_shared(type_key, site):
                self._judge(watch, f"{site}:", Judged(now_ms, share, site, ""), transitions)
        return transitions

    def _judge(self, watch: Watch, subject: str, judged: Judged, transitions: list[Transition]) -> None:
        """Move one Rule for one subject on, and add what there is to tell."""
        rule = watch.rule
        known = watch.standing.records.get(subject)
        if known is not None and judged.time_ms < known.time_ms:
            return
        if known is None and not watch.levels[0].is_beyond(judged.value):
            return
        before = known or begin_record(subject, rule)
        if all(level.severity is not before.severity for level in watch.levels):
            before = _take_level(before, watch.levels[0])  # the rule was changed since
        watched = judged if rule.schedule is ALWAYS else judged._replace(is_watched=self._is_watched(rule, judged))
        after = judge(rule, watch.levels, before, watched)
        if after != before:
            self._note_change(watch, before, after, transitions, judged.time_ms)

    def _is_watched(self, rule: Rule, judged: Judged) -> bool:
        if self._inventory is None:
            return True
        site = self._inventory.sites.get(judged.site, NOWHERE)
        return is_watched(rule.schedule, site.opening_hours, judged.time_ms, self._inventory.zone_info)

    def _note_change(
        self, watch: Watch, before: AlertRecord, after: AlertRecord, transitions: list[Transition], time_ms: int
    ) -> None:
        """Keep a state, and add what there is to tell."""
        self._note(watch.standing, after)
        changes = list_changes(watch.rule, before, after)
        transitions += [_make_transition(before, after, change, time_ms) for change in changes]

    def _note(self, standing: Standing, record: AlertRecord) -> None:
        """Keep a state, unless it says nothing, and remember that it changed."""
        if record.phase is AlertPhase.OK and not record.firings_ms:
            standing.records.pop(record.device, None)
        else:
            standing.records[record.device] = record
        self._changed[record.rule, record.device] = record

    # What is replaced.

    def replace_rules(self, rules: Mapping[str, Rule], inventory: Inventory, now_ms: int) -> list[Withdrawal]:
        """Judge by other rules from now on; also to be called when the inventory changed, and after ``restore``.

        Args:
            rules: By key.
            inventory: What is installed.
            now_ms: Milliseconds since 1970 in UTC; the time at which stale alerts clear.

        Returns:
            The alerts that had fired and are withdrawn; what was only pending goes without a word.
        """
        old_rules, standings = self._rules, self._standings
        self._rules, self._inventory = dict(rules), inventory
        self._standings = {key: standings.get(key, Standing()) for key in rules}
        for key, rule in rules.items():
            self._standings[key].become(digest_watch(rule))
        self._table = WatchTable(self._rules, self._standings, inventory)
        withdrawals: list[Withdrawal] = []
        for key, standing in standings.items():
            old, new = old_rules.get(key), rules.get(key)
            for record in list(standing.records.values()):
                if new is not None and _is_same_watch(old, new) and self._watches(new, record):
                    continue
                # After the firing, also where the device's clock was ahead: the later transition is what counts.
                cleared_ms = max(now_ms, record.time_ms + 1)
                cleared = record._replace(phase=AlertPhase.OK, since_ms=0, time_ms=cleared_ms, firings_ms=())
                self._note(standing, cleared)
                if record.phase.is_active:
                    transition = _make_transition(record, cleared, Change.WITHDRAWN, cleared_ms)
                    withdrawals.append(Withdrawal(transition, old))
        return withdrawals

    def _watches(self, rule: Rule, record: AlertRecord) -> bool:
        """Whether a Rule speaks of the subject of a record."""
        if self._inventory is None:
            return True
        if rule.group is None:
            found = self._inventory.devices.get(record.device)
            devices = [] if found is None else [found]
        else:
            devices = [one for one in self._inventory.devices.values() if is_member(rule.group, one, record.device)]
        return any(
            watch.rule is rule
            for device in devices
            if device.type_key == rule.device_type
            for watch in self._table.find(device.type_key, device.id).all
        )


def _take_level(record: AlertRecord, level: Level) -> AlertRecord:
    """Return an alert whose severity the Rule does not have any more with that of a Level."""
    worst = level.severity if level.severity.rank > record.worst.rank else record.worst
    return record._replace(severity=level.severity, worst=worst)


def _find_value(rule: Rule, reading: Reading) -> float | bool | None:
    """Return the value that a Rule judges; None where the reading has none for it."""
    value = reading.values.get(rule.field)
    return reading.doubtful.get(rule.field) if value is None and rule.doubtful else value


def _tell(reading: Reading, value: float) -> Judged:
    return Judged(reading.time_ms, value, reading.site, reading.zone, reading.simulated)


def _is_same_watch(old: Rule | None, new: Rule) -> bool:
    """Whether a Rule still watches the same thing; a Rule that was not known before is taken at its word."""
    return old is None or (
        (old.device_type, old.field, old.derivation, old.group, old.reference)
        == (new.device_type, new.field, new.derivation, new.group, new.reference)
        and (old.levels[0].low == -inf, old.levels[0].high == inf)
        == (new.levels[0].low == -inf, new.levels[0].high == inf)
    )


def _make_transition(before: AlertRecord, after: AlertRecord, change: Change, time_ms: int) -> Transition:
    has_ended = change in {Change.CLEARED, Change.WITHDRAWN}
    # A device that is heard again is told before what it says.
    severity = before.worst if has_ended else (before if change is Change.HEARD else after).severity
    return Transition(
        device=after.device,
        site=after.site,
        zone=after.zone,
        rule=after.rule,
        phase=after.phase,
        time_ms=time_ms,
        since_ms=before.since_ms if has_ended else after.since_ms,
        value=after.value,
        simulated=after.simulated,
        severity=severity,
        change=change,
        is_apart=after.is_apart,
    )
