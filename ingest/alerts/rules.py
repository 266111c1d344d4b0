"""Alert rules as people write them: TOML files, one a rule, read and checked against the DeviceTypes.

The file's name is the rule's key. The format is described in ``docs/rules.md``. A rule's examples are run whenever it
is read: a rule that does not do what its author says is as wrong as one with an unknown field.
"""

import functools
import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import ingest.alerts.derivations
from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.duration import PATTERNS as DURATION_PATTERNS
from ingest.alerts.duration import count_ms
from ingest.alerts.rule_examples import run_example
from ingest.alerts.rule_limits import LimitReader, Scale, make_scale
from ingest.alerts.rule_privacy import check_privacy, choose_privacy
from ingest.alerts.rule_subjects import check_subjects
from ingest.alerts.rule_tables import AgainstTable, ExceptTable, RuleTable, SubjectsTable
from ingest.alerts.schedule import ScheduleTable
from ingest.event_time import parse_time
from ingest.inventory import Inventory
from ingest.inventory_tables import PATTERNS as CLOCK_PATTERNS
from ingest.toml_file import ConfigurationError, Mistake, TomlFile, TomlPath, read_toml_folder
from ingest.toml_table import read_table, show
from schemas.derivation import Derivation, Given
from schemas.device_type import DeviceType, Field
from schemas.quantities import Kind
from schemas.registry import load_registry
from schemas.rule import Aggregate, Flapping, Group, Level, Override, Reference, Rule, RuleExample, Subjects, Together
from schemas.schedule import ALWAYS, Schedule

RESERVED_RULES = frozenset({"reading"})
"""Rule keys that are the last segment of other topics of the platform."""
LOCAL = ZoneInfo("Europe/Oslo")
"""Of schedules, where the inventory's is not known yet."""

EXAMPLE_START_MS = parse_time("2026-01-12T00:00:00+01:00")
"""Where an example has no ``start``: midnight in Norway, before an ordinary Monday."""

_PLACES = frozenset({"{value}", "{unit}", "{limit}"})
_PLACE = re.compile(r"\{[^{}]*\}")
_LINK = re.compile(r"(https?://[^\s/]+|/)\S*")
PATTERNS = DURATION_PATTERNS | CLOCK_PATTERNS
"""What each regular expression of a rule's file asks for, in words."""
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MISSING_GROUP = Group(by=Together.SITE, aggregate=Aggregate.MEAN, fresh_ms=0)
"""Of a rule about the share of silent devices: those of a site; of their values nothing is made."""
_SILENCE = Scale("silence", "1", 0.0)
_MISSING = Scale("the share of silent devices", "%", 0.0, 100.0)


def load_rules(
    folder: Path,
    types: Mapping[str, DeviceType],
    zone_info: ZoneInfo = LOCAL,
    inventory: Inventory | None = None,
) -> dict[str, Rule]:
    """Read the rules of a folder.

    Args:
        folder: Holds the TOML files.
        types: DeviceTypes by key.
        zone_info: The municipality's local time.
        inventory: What rules may name; None where that is not looked at.

    Returns:
        Rules by key.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is.
    """
    rules, mistakes = read_rules(folder, types, zone_info, inventory)
    if mistakes:
        raise ConfigurationError(mistakes)
    return rules


def read_rules(
    folder: Path,
    types: Mapping[str, DeviceType],
    zone_info: ZoneInfo = LOCAL,
    inventory: Inventory | None = None,
) -> tuple[dict[str, Rule], list[Mistake]]:
    """Return the rules that are right, and everything that is wrong with the others.

    The arguments are those of ``load_rules``.
    """
    files, mistakes = read_toml_folder(folder)
    rules: dict[str, Rule] = {}
    for file in files:
        found = read_rule(file, types, zone_info, inventory)
        if isinstance(found, Rule):
            rules[found.key] = found
        else:
            mistakes += found
    keys = {file.path.stem for file in files}
    for file in files:
        mistakes += _check_inhibitors(file, rules, keys)
    mistakes.sort(key=lambda mistake: mistake[:2])
    return rules, mistakes


def read_rule(
    file: TomlFile,
    types: Mapping[str, DeviceType],
    zone_info: ZoneInfo = LOCAL,
    inventory: Inventory | None = None,
) -> Rule | list[Mistake]:
    """Return the rule of a file, or everything that is wrong with it. The other arguments: see ``load_rules``."""
    mistakes = _check_key(file)
    schedule = _read_schedule(file)
    if isinstance(schedule, list):
        mistakes += schedule
        schedule = ALWAYS
    table = read_table(file, (), file.values, RuleTable, PATTERNS)
    if isinstance(table, list):
        return mistakes + table
    mistakes += _check_examples(file, table) + _check_words(file, table)
    if inventory is not None:
        mistakes += check_subjects(file, table, inventory)
    derivation = _read_derivation(file, table, zone_info)
    if isinstance(derivation, list):
        return mistakes + derivation
    scale = _find_scale(file, table, types, derivation)
    if isinstance(scale, list):
        return mistakes + scale
    mistakes += _check_unit(file, table, scale)
    reader = LimitReader(file, scale)
    levels = reader.read_all(
        [((), table, table.severity), *((("level", at), one, one.severity) for at, one in enumerate(table.level))],
        table.hold,
    )
    mistakes += _check_group(file, table) + check_privacy(file, table, types[table.device_type])
    overrides = [_read_override(reader, at, one, levels, table.hold) for at, one in enumerate(table.otherwise)]
    mistakes += reader.mistakes + _check_series(file, table, scale)
    if mistakes or not levels:
        return mistakes
    found = [one for one in overrides if one is not None]
    made = _make_rule(file.path.stem, table, types[table.device_type], derivation, levels)
    rule = replace(made, schedule=schedule, overrides=tuple(found))
    mistakes += [
        file.mistake(("example", index), problem)
        for index, example in enumerate(rule.examples)
        if (problem := run_example(rule, example, zone_info))
    ]
    return mistakes or rule


def _check_key(file: TomlFile) -> list[Mistake]:
    key, mistakes = file.path.stem, []
    if not _SLUG.fullmatch(key):
        mistakes.append(
            file.mistake((), "the file's name is the rule's key: lower-case letters a-z, digits and single hyphens")
        )
    if key in RESERVED_RULES:
        mistakes.append(file.mistake((), f'a rule must not be called "{key}": it is a segment of other topics'))
    return mistakes


def _check_inhibitors(file: TomlFile, rules: Mapping[str, Rule], keys: Collection[str]) -> list[Mistake]:
    """Refuse a rule that is inhibited by one that does not exist, or in the end by itself: nobody would be told."""
    rule = rules.get(file.path.stem)
    if rule is None:
        return []
    mistakes = []
    for at, key in enumerate(rule.inhibited_by):
        if key not in keys:
            mistakes.append(file.mistake(("inhibited_by", at), f"no rule is called {show(key)}"))
        elif rule.key in _list_inhibitors(key, rules):
            mistakes.append(
                file.mistake(("inhibited_by", at), f"{key} is inhibited by {rule.key}: nobody would be told")
            )
    return mistakes


def _list_inhibitors(key: str, rules: Mapping[str, Rule]) -> set[str]:
    """Return a rule and all that inhibit it, be it through others."""
    found, waiting = set[str](), [key]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += rules[one].inhibited_by if one in rules else ()
    return found


def _read_derivation(file: TomlFile, table: RuleTable, zone_info: ZoneInfo) -> Derivation | list[Mistake]:
    """Return what is made of the field's values."""
    if table.derive is None:
        return Given()
    kinds = _load_kinds()
    kind = table.derive.get("kind")
    model = kinds.get(kind) if isinstance(kind, str) else None
    if model is None or not issubclass(model, DerivationTable):
        return [file.mistake(("derive", "kind"), f"{show(kind)} does not exist; there are {', '.join(sorted(kinds))}")]
    found = read_table(file, ("derive",), table.derive, model, PATTERNS)
    if isinstance(found, list):
        return found
    try:
        return found.build(zone_info)
    except ValueError as error:
        return [file.mistake(("derive",), str(error))]


def _read_schedule(file: TomlFile) -> Schedule | list[Mistake]:
    """Return when the rule is watched; read by itself, so that its mistakes come with those of the rest."""
    if "when" not in file.values:
        return ALWAYS
    found = read_table(file, ("when",), file.values["when"], ScheduleTable, PATTERNS)
    return found if isinstance(found, list) else found.build()


@functools.cache
def _load_kinds() -> Mapping[str, type]:
    """Return the tables of all kinds of derivations."""
    return load_registry(ingest.alerts.derivations, "DERIVATION", type)


def _find_scale(
    file: TomlFile, table: RuleTable, types: Mapping[str, DeviceType], derivation: Derivation
) -> Scale | list[Mistake]:
    """Return what the limits are held against; refuse a rule about something that does not exist."""
    device_type = types.get(table.device_type)
    if device_type is None:
        message = f"device type {show(table.device_type)} does not exist; there are {', '.join(sorted(types))}"
        return [file.mistake(("device_type",), message)]
    if table.watch != "values":
        return _find_timed_scale(file, table)
    field = device_type.fields.get(table.field)
    if field is None:
        names = ", ".join(device_type.fields)
        message = f"{table.device_type} has no field {show(table.field)}; its fields are {names}"
        return [file.mistake(("field",), message)]
    return _find_field_scale(file, table, field, derivation)


def _find_timed_scale(file: TomlFile, table: RuleTable) -> Scale | list[Mistake]:
    """Return what the limits of a rule about silence are held against."""
    given = [key for key in ("field", "derive", "group", "against", "doubtful") if key in file.values]
    if given:
        return [file.mistake((given[0],), f"is not known where a rule watches {table.watch}")]
    return _SILENCE if table.watch == "silence" else _MISSING


def _find_field_scale(file: TomlFile, table: RuleTable, field: Field, derivation: Derivation) -> Scale | list[Mistake]:
    """Return what the limits of a rule about a field are held against."""
    is_given = isinstance(derivation, Given)
    if is_given and field.measures.kind is Kind.TOTAL:
        message = (
            f"{table.field} is a register that only grows; an alert on it would never clear: derive something of it"
        )
        return [file.mistake(("field",), message)]
    if getattr(derivation, "of_register", False) and field.measures.kind is not Kind.TOTAL:
        return [file.mistake(("derive",), f"{table.field} is no register: {derivation.kind} needs one that only grows")]
    try:
        unit = derivation.find_unit(field.measures.unit)
    except ValueError as error:
        return [file.mistake(("derive",), f"{table.field}: {error}")]
    is_own = is_given and table.group is None and table.against is None
    return make_scale(table.field, field, unit, is_given=is_own)


def _check_unit(file: TomlFile, table: RuleTable, scale: Scale) -> list[Mistake]:
    if table.unit == scale.unit:
        return []
    message = f"{scale.name} is in {scale.unit}; give the limits in it, not in {table.unit}"
    return [file.mistake(("unit",), message)]


def _check_words(file: TomlFile, table: RuleTable) -> list[Mistake]:
    """Refuse texts that say nothing or have unknown places, links that are none, and exceptions for nobody."""
    mistakes: list[Mistake] = []
    for key, text in (("text", table.text), ("text_en", table.text_en)):
        if text is None:
            continue
        if not text.strip() or not text.isprintable():
            mistakes.append(file.mistake((key,), "must say something in one line, without control characters"))
        unknown = set(_PLACE.findall(text)) - _PLACES
        if unknown or "{" in _PLACE.sub("", text):
            named = ", ".join(sorted(unknown)) or "{"
            mistakes.append(file.mistake((key,), f"{named} is not known; there are {', '.join(sorted(_PLACES))}"))
    if table.link and not _LINK.fullmatch(table.link):
        mistakes.append(
            file.mistake(("link",), 'must begin with "https://" or "http://", or with "/" for the dashboards')
        )
    mistakes += [
        file.mistake(("except", at), "must say for which sites, categories, devices or tags")
        for at, one in enumerate(table.otherwise)
        if not (one.sites or one.categories or one.devices or one.tags)
    ]
    return mistakes


def _check_group(file: TomlFile, table: RuleTable) -> list[Mistake]:
    """Refuse limits for single devices where they are judged together."""
    if table.group is None and table.watch != "missing":
        return []
    if table.watch == "missing" and table.only is not None and (table.only.devices or table.only.tags):
        key = "devices" if table.only.devices else "tags"
        return [file.mistake(("only", key), "all devices of a site count; choose them by sites or categories")]
    wrong = [at for at, one in enumerate(table.otherwise) if (one.devices or one.tags) and one.watched]
    return [
        file.mistake(("except", at, "devices"), "a group has one limit; give it by sites or categories") for at in wrong
    ]


def _read_override(
    reader: LimitReader, index: int, table: ExceptTable, levels: tuple[Level, ...], hold: str | None
) -> Override | None:
    """Return what is otherwise for some devices: the mildest Level is another one, those above it are left out."""
    subjects = _make_subjects(table)
    if not table.watched:
        return Override(subjects, ())
    if not levels:
        return None
    level = reader.read(("except", index), table, levels[0].severity, hold)
    return None if level is None else Override(subjects, (level,))


def _make_subjects(table: SubjectsTable | ExceptTable | None) -> Subjects:
    if table is None:
        return Subjects()
    return Subjects(*(frozenset(keys or ()) for keys in (table.sites, table.categories, table.devices, table.tags)))


def _make_rule(
    key: str,
    table: RuleTable,
    device_type: DeviceType,
    derivation: Derivation,
    levels: tuple[Level, ...],
) -> Rule:
    return Rule(
        key=key,
        device_type=table.device_type,
        field=table.field,
        unit=table.unit,
        derivation=derivation,
        group=_make_group(table),
        reference=_make_reference(table.against),
        doubtful=table.doubtful or getattr(derivation, "of_doubtful", False),
        levels=levels,
        clear_ms=count_ms(table.clear_for),
        least=table.readings,
        keep_ms=count_ms(table.keep),
        flapping=Flapping(table.flapping.times, count_ms(table.flapping.within)) if table.flapping else None,
        subjects=_make_subjects(table.only),
        inhibited_by=tuple(table.inhibited_by),
        privacy=choose_privacy(table, device_type),
        is_apart=device_type.is_apart,
        text=table.text,
        text_en=table.text_en or "",
        link=table.link,
        examples=tuple(
            RuleExample(
                tuple((minute, value) for minute, value in example.series),
                example.fires,
                example.clears,
                EXAMPLE_START_MS if example.start is None else parse_time(example.start),
            )
            for example in table.example
        ),
    )


def _make_group(table: RuleTable) -> Group | None:
    if table.watch == "missing":
        return MISSING_GROUP
    group = table.group
    return None if group is None else Group(group.by, group.of, count_ms(group.fresh))


def _make_reference(table: AgainstTable | None) -> Reference | None:
    return None if table is None else Reference(table.device, count_ms(table.fresh))


def _check_series(file: TomlFile, table: RuleTable, scale: Scale) -> list[Mistake]:
    """Refuse values in examples that no device could measure."""
    return [
        file.mistake(("example", index, "series", number), f"{value:g} is not plausible: {scale.describe()}")
        for index, example in enumerate(table.example)
        for number, (_, value) in enumerate(example.series)
        if not scale.low <= value <= scale.high
    ]


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
        if example.start is not None:
            try:
                parse_time(example.start)
            except ValueError as error:
                mistakes.append(file.mistake((*path, "start"), str(error)))
    if not any(example.fires is not None and example.clears is not None for example in table.example):
        mistakes.append(file.mistake(("example",), "one example must have both fires and clears"))
    return mistakes
