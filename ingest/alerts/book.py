"""AlertBook: where every Rule stands for every Device, and what changed.

Invariants:
    - Only what is not OK is kept; while all is well a reading costs a few look-ups and allocates nothing.
    - Between two firings of a Rule for a Device there is a clearing.
    - Late readings, older than the newest of their Device, are not judged, so they neither fire nor clear: whoever has
      the readings does not give them to it. It refuses itself only what is older than the state that it would change.
    - The same readings in the same order give the same transitions, whether or not the process was restarted between.

When rules or devices are replaced, an alert is withdrawn (it clears without a reading) if its Rule has vanished or now
watches another type, field or direction, or if its Device has vanished or is now of another type. Otherwise it stands,
and the next reading is judged by the new limits.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from msgspec import UNSET, Struct

from ingest.alerts.machine import judge
from ingest.batch import AlertRecord
from ingest.inventory import Device
from schemas.reading import Reading
from schemas.rule import AlertPhase, Direction, Rule, Transition


class Withdrawal(NamedTuple):
    """An alert that cleared because nothing watches it any longer.

    Attributes:
        transition: Its clearing; time is that of the withdrawal, value is the one that made it fire.
        rule: The Rule that had fired; None when it vanished while no collector ran.
    """

    transition: Transition
    rule: Rule | None


_Watch = tuple[str, float, float, dict[str, AlertRecord], Rule]
"""A Rule prepared for the hot path: field, between which values, these included, it is not beyond its limit, where
the Rule stands for each Device that is not OK, the Rule. A plain tuple: one with names takes three times as long to
take apart."""


class AlertBook:
    """Judges readings by rules, and remembers what is pending and firing.

    Args:
        rules: By key.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)
        self._records: dict[str, dict[str, AlertRecord]] = {key: {} for key in rules}
        self._watches = self._prepare()
        self._changed: dict[tuple[str, str], AlertRecord] = {}

    def _prepare(self) -> dict[str, tuple[_Watch, ...]]:
        """Return the watches by key of the DeviceType."""
        watches: dict[str, tuple[_Watch, ...]] = {}
        for key, rule in self._rules.items():
            low, high = (-inf, rule.limit) if rule.direction is Direction.ABOVE else (rule.limit, inf)
            watch = (rule.field, low, high, self._records[key], rule)
            watches[rule.device_type] = (*watches.get(rule.device_type, ()), watch)
        return watches

    def find_rule(self, key: str) -> Rule:
        """Return a Rule by its key.

        Raises:
            KeyError: There is none.
        """
        return self._rules[key]

    def get_rule(self, key: str) -> Rule | None:
        """Return a Rule by its key; None when it has vanished."""
        return self._rules.get(key)

    def list_firing(self) -> list[AlertRecord]:
        """Return the alerts that fire, by rule in order of firing."""
        found = (record for records in self._records.values() for record in records.values())
        return [record for record in found if record.phase is AlertPhase.FIRING]

    def take_changed(self) -> list[AlertRecord]:
        """Return every state that changed since the last call, the latest of each once; for the store."""
        if not self._changed:
            return []
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def restore(self, records: Iterable[AlertRecord]) -> None:
        """Take note again of what an earlier process had stored; ``replace_rules`` withdraws what is stale in it.

        Args:
            records: Stored states; those that are OK say nothing.
        """
        for record in records:
            if record.phase is not AlertPhase.OK:
                self._records.setdefault(record.rule, {})[record.device] = record

    def is_quiet(self, type_key: str, device: str, sample: Struct) -> bool:
        """Whether ``judge_reading`` would do nothing with a Sample of a Device: all is and was well."""
        for field, low, high, records, _ in self._watches.get(type_key, ()):
            value = getattr(sample, field, UNSET)
            if value is not UNSET and (not low <= value <= high or device in records):
                return False
        return True

    def judge_reading(self, reading: Reading) -> Sequence[Transition]:
        """Return what a reading makes fire or clear, in order of the rules.

        Args:
            reading: Not older than the newest of its Device.
        """
        transitions: list[Transition] = []
        for field, _, _, records, rule in self._watches.get(reading.type_key, ()):
            value, record = reading.values.get(field), records.get(reading.device)
            if value is None or (record is not None and reading.time_ms < record.time_ms):
                continue
            transition = self._judge_value(rule, records, record, reading, value)
            if transition is not None:
                transitions.append(transition)
        return transitions

    def _judge_value(
        self, rule: Rule, records: dict[str, AlertRecord], record: AlertRecord | None, reading: Reading, value: float
    ) -> Transition | None:
        """Move one Rule for one Device on, and return its transition if it fired or cleared."""
        before, since_ms = (AlertPhase.OK, 0) if record is None else (record.phase, record.since_ms)
        phase = judge(rule, before, since_ms, reading.time_ms, value)
        if phase is before:
            return None
        began_ms = reading.time_ms if before is AlertPhase.OK else since_ms
        changed = AlertRecord(
            device=reading.device,
            rule=rule.key,
            phase=phase,
            since_ms=0 if phase is AlertPhase.OK else began_ms,
            time_ms=reading.time_ms,
            value=value,
            site=reading.site,
            zone=reading.zone,
            simulated=reading.simulated,
        )
        self._note(records, changed)
        if AlertPhase.FIRING not in (before, phase):
            return None
        return _make_transition(changed, began_ms)

    def _note(self, records: dict[str, AlertRecord], record: AlertRecord) -> None:
        """Keep a state, unless it is OK, and remember that it changed."""
        if record.phase is AlertPhase.OK:
            records.pop(record.device, None)
        else:
            records[record.device] = record
        self._changed[record.rule, record.device] = record

    def replace_rules(self, rules: Mapping[str, Rule], devices: Mapping[str, Device], now_ms: int) -> list[Withdrawal]:
        """Judge by other rules from now on; also to be called when the inventory changed, and after ``restore``.

        Args:
            rules: By key.
            devices: Of the inventory, by id.
            now_ms: Milliseconds since 1970 in UTC; the time at which stale alerts clear.

        Returns:
            The alerts that had fired and are withdrawn; what was only pending goes without a word.
        """
        withdrawals: list[Withdrawal] = []
        for key, records in self._records.items():
            old, new = self._rules.get(key), rules.get(key)
            for record in list(records.values()):
                if new is not None and _is_same_watch(old, new) and _is_watched(new, devices.get(record.device)):
                    continue
                # After the firing, also where the device's clock was ahead: the later transition is what counts.
                cleared_ms = max(now_ms, record.time_ms + 1)
                cleared = record._replace(phase=AlertPhase.OK, since_ms=0, time_ms=cleared_ms)
                self._note(records, cleared)
                if record.phase is AlertPhase.FIRING:
                    transition = _make_transition(cleared, record.since_ms)
                    withdrawals.append(Withdrawal(transition, old))
        self._rules = dict(rules)
        self._records = {key: self._records.get(key, {}) for key in rules}
        self._watches = self._prepare()
        return withdrawals


def _is_same_watch(old: Rule | None, new: Rule) -> bool:
    """Whether a Rule still watches the same thing; a Rule that was not known before is taken at its word."""
    return old is None or (old.device_type, old.field, old.direction) == (new.device_type, new.field, new.direction)


def _is_watched(rule: Rule, device: Device | None) -> bool:
    return device is not None and device.type_key == rule.device_type


def _make_transition(record: AlertRecord, since_ms: int) -> Transition:
    return Transition(
        device=record.device,
        site=record.site,
        zone=record.zone,
        rule=record.rule,
        phase=record.phase,
        time_ms=record.time_ms,
        since_ms=since_ms,
        value=record.value,
        simulated=record.simulated,
    )
