"""Alert rules as people write them: TOML files, one a rule, read and checked against the DeviceTypes.

The file's name is the rule's key. The format is described in ``docs/rules.md``. A rule's examples are run whenever it
is read: a rule that does not do what its author says is as wrong as one with an unknown field.
"""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from ingest.alerts.book import AlertBook
from ingest.toml_file import ConfigurationError, Mistake, TomlFile, TomlPath, read_toml_folder
from ingest.toml_table import Table, read_table, show
from schemas.device_type import DeviceType
from schemas.device_type import Field as DeviceField
from schemas.quantities import Kind
from schemas.reading import Reading
from schemas.rule import AlertPhase, Direction, Rule, RuleExample, Severity

RESERVED_RULES = frozenset({"reading"})
"""Rule keys that are the last segment of other topics of the platform."""

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DURATION = r"^[0-9]{1,6}(s|m|h|d)$"
_PATTERNS = {_DURATION: 'must be a duration such as "30s", "10m", "2h" or "1d"'}
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

Number = Annotated[float, Field(allow_inf_nan=False)]


class ExampleTable(Table):
    """``[[example]]``: minutes and values, and when the rule fires and clears."""

    series: Annotated[list[Annotated[list[Number], Field(min_length=2, max_length=2)]], Field(min_length=1)]
    fires: Number | None = None
    clears: Number | None = None


class RuleTable(Table):
    """A rule's file."""

    device_type: str
    field: str
    unit: str
    above: Number | None = None
    below: Number | None = None
    clear: Number
    hold: Annotated[str, StringConstraints(pattern=_DURATION), Field(alias="for")]
    severity: Annotated[Severity, Field(strict=False)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    example: Annotated[list[ExampleTable], Field(min_length=1)]


def load_rules(folder: Path, types: Mapping[str, DeviceType]) -> dict[str, Rule]:
    """Read the rules of a folder.

    Args:
        folder: Holds the TOML files.
        types: DeviceTypes by key.

    Returns:
        Rules by key.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is.
    """
    rules, mistakes = read_rules(folder, types)
    if mistakes:
        raise ConfigurationError(mistakes)
    return rules


def read_rules(folder: Path, types: Mapping[str, DeviceType]) -> tuple[dict[str, Rule], list[Mistake]]:
    """Return the rules that are right, and everything that is wrong with the others.

    The arguments are those of ``load_rules``.
    """
    files, mistakes = read_toml_folder(folder)
    rules: dict[str, Rule] = {}
    for file in files:
        found = read_rule(file, types)
        if isinstance(found, Rule):
            rules[found.key] = found
        else:
            mistakes += found
    mistakes.sort(key=lambda mistake: mistake[:2])
    return rules, mistakes


def read_rule(file: TomlFile, types: Mapping[str, DeviceType]) -> Rule | list[Mistake]:
    """Return the rule of a file, or everything that is wrong with it."""
    key = file.path.stem
    mistakes: list[Mistake] = []
    if not _SLUG.fullmatch(key):
        mistakes.append(
            file.mistake((), "the file's name is the rule's key: lower-case letters a-z, digits and single hyphens")
        )
    if key in RESERVED_RULES:
        mistakes.append(file.mistake((), f'a rule must not be called "{key}": it is a segment of other topics'))
    table = read_table(file, (), file.values, RuleTable, _PATTERNS)
    if isinstance(table, list):
        return mistakes + table
    mistakes += _check_subject(file, table, types) + _check_examples(file, table)
    found = _find_limit(table)
    if mistakes or found is None:
        return mistakes
    rule = _make_rule(key, table, *found)
    mistakes += [
        file.mistake(("example", index), problem)
        for index, example in enumerate(rule.examples)
        if (problem := run_example(rule, example))
    ]
    return mistakes or rule


def _make_rule(key: str, table: RuleTable, direction: Direction, limit: float) -> Rule:
    return Rule(
        key=key,
        device_type=table.device_type,
        field=table.field,
        unit=table.unit,
        direction=direction,
        limit=limit,
        clear=table.clear,
        hold_ms=int(table.hold[:-1]) * _UNIT_MS[table.hold[-1]],
        severity=table.severity,
        text=table.text,
        examples=tuple(
            RuleExample(tuple((minute, value) for minute, value in example.series), example.fires, example.clears)
            for example in table.example
        ),
    )


def _check_subject(file: TomlFile, table: RuleTable, types: Mapping[str, DeviceType]) -> list[Mistake]:
    """Refuse a rule about something that does not exist, or that has no limit to cross."""
    device_type = types.get(table.device_type)
    if device_type is None:
        message = f"device type {show(table.device_type)} does not exist; there are {', '.join(sorted(types))}"
        return [file.mistake(("device_type",), message)]
    field = device_type.fields.get(table.field)
    if field is None:
        names = ", ".join(device_type.fields)
        message = f"{table.device_type} has no field {show(table.field)}; its fields are {names}"
        return [file.mistake(("field",), message)]
    if field.is_state:
        return [file.mistake(("field",), f"{table.field} is true or false; a rule needs a field with numbers")]
    if field.measures.kind is Kind.TOTAL:
        message = f"{table.field} is a register that only grows; an alert on it would never clear"
        return [file.mistake(("field",), message)]
    return _check_levels(file, table, field)


def _find_limit(table: RuleTable) -> tuple[Direction, float] | None:
    """Return the side and the limit; None unless there is exactly one of above and below."""
    limits = [(Direction.ABOVE, table.above), (Direction.BELOW, table.below)]
    given = [(direction, limit) for direction, limit in limits if limit is not None]
    return given[0] if len(given) == 1 else None


def _check_levels(file: TomlFile, table: RuleTable, field: DeviceField) -> list[Mistake]:
    """Refuse a unit that is not the field's, and levels that cannot be crossed or cleared."""
    mistakes: list[Mistake] = []
    unit, (low, high) = field.measures.unit, field.bounds
    plausible = f"{table.field} is from {low:g} to {high:g} {unit}"
    if table.unit != unit:
        message = f"{table.field} is in {unit}; give above or below, clear and the examples in it, not in {table.unit}"
        mistakes.append(file.mistake(("unit",), message))
    found = _find_limit(table)
    if found is None:
        key = "above" if table.below is None else "below"
        return [*mistakes, file.mistake((key,), "exactly one of above and below must be there")]
    direction, limit = found
    is_above = direction is Direction.ABOVE
    if not (low <= limit < high if is_above else low < limit <= high):
        mistakes.append(file.mistake((direction.value,), f"no plausible value is {direction} it: {plausible}"))
    if not (table.clear <= limit if is_above else table.clear >= limit):
        side = "at or below" if is_above else "at or above"
        mistakes.append(file.mistake(("clear",), f"must be {side} the limit, or the alert would clear while it holds"))
    elif not low <= table.clear <= high:
        mistakes.append(file.mistake(("clear",), f"no plausible value reaches it: {plausible}"))
    mistakes += [
        file.mistake(("example", index, "series", number), f"{value:g} is not plausible: {plausible}")
        for index, example in enumerate(table.example)
        for number, (_, value) in enumerate(example.series)
        if not low <= value <= high
    ]
    return mistakes


def _check_examples(file: TomlFile, table: RuleTable) -> list[Mistake]:
    """Refuse examples that make no sense, and a rule of which none shows that it fires and clears."""
    mistakes: list[Mistake] = []
    for index, example in enumerate(table.example):
        path: TomlPath = ("example", index)
        minutes = [minute for minute, _ in example.series]
        mistakes += [
            file.mistake((*path, "series", number), "minutes must grow")
            for number, (before, minute) in enumerate(itertools.pairwise(minutes), start=1)
            if minute <= before
        ]
        if example.clears is not None and example.fires is None:
            mistakes.append(file.mistake((*path, "clears"), "an alert that does not fire cannot clear; add fires"))
    if not any(example.fires is not None and example.clears is not None for example in table.example):
        mistakes.append(file.mistake(("example",), "one example must have both fires and clears"))
    return mistakes


def run_example(rule: Rule, example: RuleExample) -> str:
    """Return in what an example does not behave as it says; nothing when it does."""
    book = AlertBook({rule.key: rule})
    happened: list[tuple[AlertPhase, float | None]] = []
    for minute, value in example.series:
        reading = Reading("example", rule.device_type, "", "", round(minute * _UNIT_MS["m"]), 0.0, {rule.field: value})
        happened += [(transition.phase, minute) for transition in book.judge_reading(reading)]
    stated = [(AlertPhase.FIRING, example.fires), (AlertPhase.OK, example.clears)]
    if happened == [pair for pair in stated if pair[1] is not None]:
        return ""
    return f"does not behave as it says: {_tell(happened)}"


def _tell(happened: list[tuple[AlertPhase, float | None]]) -> str:
    """Return transitions as a sentence: ``it fires at minute 30 and clears at minute 60``."""
    if not happened:
        return "it does not fire"
    verbs = (
        f"{'fires' if phase is AlertPhase.FIRING else 'clears'} at minute {minute:g}" for phase, minute in happened
    )
    return f"it {' and '.join(verbs)}"
