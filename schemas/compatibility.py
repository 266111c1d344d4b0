"""Compatibility: what a changed DeviceType breaks for those who rely on its committed JSON Schema. Pure.

Two sides rely on a version of a type. Devices do: what was taken of them must stay taken. Who reads the points does,
rules and dashboards: a name must go on meaning the same, in the same unit, and what always came must still come. So
both are held to what was committed, and what would break either is a new version (``schemas.version``).
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import MsgspecError, Struct, field
from msgspec.json import decode

from schemas.device_type import RESERVED_MEMBERS, DeviceType, Privacy
from schemas.json_schema import render_json_schema
from schemas.version import is_misnumbered, join_key, split_key

_KINDS = {"number": "a number", "boolean": "true or false"}


class Break(NamedTuple):
    """One thing that a change breaks.

    Attributes:
        key: Of the DeviceType.
        file: What was changed, as a path below the project's folder.
        member: Field that it is about; empty for the type as a whole.
        message: What broke, for whom, and what to do.
    """

    key: str
    file: str
    member: str
    message: str

    def __str__(self) -> str:
        """Return ``file: member: message`` without the member where there is none."""
        return ": ".join(part for part in self[1:] if part)


class _Member(Struct, frozen=True, gc=False):
    """A property of a JSON Schema, as far as it is compared."""

    type: str
    quantity: str = field(name="x-quantity", default="")
    kind: str = field(name="x-kind", default="")
    unit: str = field(name="x-unit", default="")
    minimum: float = -math.inf
    maximum: float = math.inf
    privacy: Privacy | None = field(name="x-privacy", default=None)
    ahead_s: float = field(name="x-ahead-seconds", default=0.0)

    @property
    def measured(self) -> str:
        """Quantity and unit, for people."""
        return f"{self.quantity} in {self.unit}" if self.unit else self.quantity


class _Contract(Struct, frozen=True, gc=False):
    """A JSON Schema, as far as it is compared."""

    properties: dict[str, _Member]
    required: tuple[str, ...]
    privacy: Privacy = field(name="x-privacy")

    @property
    def fields(self) -> dict[str, _Member]:
        return {name: one for name, one in self.properties.items() if name not in RESERVED_MEMBERS}

    def privacy_of(self, name: str) -> Privacy:
        return self.properties[name].privacy or self.privacy


def find_breaks(committed: Mapping[str, str], types: Mapping[str, DeviceType]) -> list[Break]:
    """Return everything that present DeviceTypes break of what was committed, in order of the keys.

    What is fine: a new optional field, wider bounds, other titles, examples, sentinels and intervals, more privacy, and
    whatever makes a value doubtful: such a value is stored all the same.

    Args:
        committed: Texts of JSON Schemas by the DeviceTypes' keys.
        types: DeviceTypes by key.
    """
    newest: dict[str, int] = {}
    for name, version in map(split_key, (*committed, *types)):
        newest[name] = max(version, newest.get(name, 1))
    found: list[Break] = []
    for key, text in sorted(committed.items()):
        name, _ = split_key(key)
        found += _find_in_type(key, text, types.get(key), join_key(name, newest[name] + 1))
    return found


def _find_in_type(key: str, text: str, device_type: DeviceType | None, next_key: str) -> Iterator[Break]:
    """Yield what one DeviceType breaks."""
    schema, file = f"schemas/json/{key}.json", f"devices/{key}.py"
    if device_type is None:
        message = (
            f"its device type is gone: its devices would be unknown. Bring {file} back, or, where no device is of this "
            f"type any more, delete {schema} too"
        )
        yield Break(key, schema, "", message)
        return
    try:
        before = decode(text, type=_Contract)
    except MsgspecError as error:
        message = f"cannot be compared with {file}: {error}. Restore the one that was committed"
        yield Break(key, schema, "", message)
        return
    after = decode(render_json_schema(device_type), type=_Contract)
    remedy = f"Make devices/{next_key}.py for the change, or take it back"
    for member, happened in (*_compare_types(before, after), *_compare_fields(before, after)):
        yield Break(key, file, member, f"{happened}. {remedy}")


def _compare_types(before: _Contract, after: _Contract) -> Iterator[tuple[str, str]]:
    """Yield what broke of a type as a whole: member and sentence."""
    if not after.privacy.covers(before.privacy):
        yield "", f"was {before.privacy} and is {after.privacy}: more people would see it than were told"
    clocks = ["time" in one.required for one in (before, after)]
    if clocks == [True, False]:
        yield "", "the event time was the device's own and is that of receipt: what a device kept would move in time"
    elif clocks == [False, True]:
        yield "", "the event time was that of receipt and is the device's own: payloads without time would be refused"
    elif "time" in after.properties and "time" in before.properties:
        ahead, allowed = before.properties["time"].ahead_s, after.properties["time"].ahead_s
        if allowed < ahead:
            yield "", f"a time was good up to {ahead:g} s ahead and is up to {allowed:g} s: good readings are refused"


def _compare_fields(before: _Contract, after: _Contract) -> Iterator[tuple[str, str]]:
    """Yield what broke of each field: its name and a sentence."""
    is_opened = not after.privacy.covers(before.privacy)
    for name, old in before.fields.items():
        new = after.properties.get(name)
        if new is None:
            yield name, "is gone: it would be refused as unknown, and rules and dashboards would wait for it"
            continue
        if new.type != old.type:
            was, now = (_KINDS.get(one.type, one.type) for one in (old, new))
            yield name, f"was {was} and is {now}: InfluxDB refuses points whose field changes its type"
        else:
            yield from ((name, sentence) for sentence in _compare_meaning(old, new))
        if name in after.required and name not in before.required:
            yield name, "was optional and is required: devices that do not send it would be refused"
        elif name in before.required and name not in after.required:
            yield name, "was required and is optional: a rule on it would wait for a value, and no silence would tell"
        # Where the whole type was opened, that is told once.
        if not after.privacy_of(name).covers(before.privacy_of(name)) and not (is_opened and new.privacy is None):
            was_seen, is_seen = before.privacy_of(name), after.privacy_of(name)
            yield name, f"was {was_seen} and is {is_seen}: more people would see it than were told"
    for name in after.fields:
        if name not in before.properties and name in after.required:
            yield name, "is new and required: devices that are there do not send it and would be refused"


def _compare_meaning(old: _Member, new: _Member) -> Iterator[str]:
    """Yield what broke of what a field of one type measures."""
    if old.measured != new.measured:
        yield f"was {old.measured} and is {new.measured}: values from before and after would be one series"
    elif old.kind != new.kind:
        yield f"was a {old.kind} and is a {new.kind}: what is computed of it would be wrong before or after"
    elif new.minimum > old.minimum or new.maximum < old.maximum:
        was, now = (f"{one.minimum:.12g} to {one.maximum:.12g}" for one in (old, new))
        yield f"was {was} and is {now}: readings that were good would be refused"


def find_version_faults(types: Mapping[str, DeviceType]) -> list[str]:
    """Return in sentences what is wrong with the versions of DeviceTypes; nothing where all is right.

    Versions of a type follow one another, so one that is missing in between was misspelt; only the oldest are retired.
    A version keeps the area, and is at least as private as the one before, field by field too: what is to be seen by
    more people is a type of another name.
    """
    faults = [
        f"devices/{key}.py: a version ends in _v2, _v3 and so on; version 1 has no ending"
        for key in types
        if is_misnumbered(key)
    ]
    versions: dict[str, list[int]] = {}
    for name, version in sorted(map(split_key, types)):
        versions.setdefault(name, []).append(version)
    for name, numbers in versions.items():
        for older, version in itertools.pairwise(numbers):
            key, before = join_key(name, version), join_key(name, older)
            if version != older + 1:
                faults.append(f"devices/{key}.py: there is no version {version - 1} of {name}, but version {older}")
            faults += [f"devices/{key}.py: {one}" for one in _compare_versions(types[before], types[key])]
    return faults


def _compare_versions(before: DeviceType, after: DeviceType) -> Iterator[str]:
    """Yield in sentences what a version may not change."""
    if after.area is not before.area:
        yield f"its area is {after.area}, that of {before.key} is {before.area}; versions of a type share it"
    hint = f"a version is at least as private as the one before; a type of another name than {before.name} need not be"
    if not after.privacy.covers(before.privacy):
        yield f"it is {after.privacy}, {before.key} is {before.privacy}; {hint}"
    for name in after.fields:
        if name in before.fields and not after.privacy_of(name).covers(before.privacy_of(name)):
            yield f"{name} is {after.privacy_of(name)}, that of {before.key} is {before.privacy_of(name)}; {hint}"
