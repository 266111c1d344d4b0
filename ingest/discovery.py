"""Discovery: who sends what no inventory knows, and what it may be. Pure: entries of the quarantine in, guesses out.

A guess has grounds. Where the Source calls the product by name, the Models of that name are meant, and among several
those that what it says fits best. Else it is what it says alone: of a native payload the DeviceTypes that take all of
it, of a Source's the Models of which every required field came and the most are taken; and where no Model fits,
DeviceTypes that measure the same (``ingest.type_proposal``). Guesses that fit equally well are all told.

What a Source tells of its devices but once, as Sparkplug B in a birth, stands in none of the newest readings: where
these cannot be understood alone the oldest are looked at, of which the first was the birth if all is held yet.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from pydantic_core import SchemaValidator

from devices import load_device_types
from ingest.batch import Quarantined, QuarantineRow
from ingest.bound_device import find_index, require_nothing
from ingest.codec import CodecError, Observation, RefusedError, check_observation
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.decode import decode_native, guess_models
from ingest.model import Model, translate
from ingest.models import load_models
from ingest.payloads.home_assistant import Described
from ingest.source import Said, Source
from ingest.store_groups import Group
from ingest.type_proposal import propose_types
from ingest.unknown_device import find_product
from schemas.device_type import Clock, DeviceType
from schemas.validation import build_validator, shorten

LOOKED_AT = 3
"""Newest entries of a sender that a guess is made of, and oldest ones where those cannot be understood alone."""
UNKEPT = "its source is private, or keeps no payloads, or nobody could strip them"
"""Why nothing is known of a sender but how much it sent, and when."""
LATEST_DELAY_MS = 7 * 24 * 3_600_000
"""A reading that says it is older when it comes is not believed: many clocks begin in 1970."""


class Grounds(StrEnum):
    """Why a guess is made."""

    PRODUCT = "product"  # the Source calls it so
    MEMBERS = "members"  # what it says fits
    NONE = "none"


class Guess(NamedTuple):
    """What a device may be.

    Attributes:
        type_key: Of the DeviceType.
        model: Key of the Model; empty where it is native, or only the type can be told.
    """

    type_key: str
    model: str = ""


class Discovered(NamedTuple):
    """A device that sends, and that no inventory has.

    Attributes:
        id: Source and address with a colon between; of a native device what its topic has in the place of the id.
        source: Key of the Source; empty for a native device.
        address: What the Source calls the device; likewise.
        format_key: Key of the Format; empty where the Source is not configured any longer.
        site: That the topic of a native device names.
        product: What the Source calls it; empty where it does not say.
        guesses: What it may be, all equally likely.
        grounds: Why.
        first_ms: When the first entry that is held was received, milliseconds since 1970 in UTC.
        last_ms: Likewise the last.
        entries: How many are held.
        says: What the newest says, shortened.
        note: Why nothing is guessed, in words; empty where something is.
    """

    id: str
    source: str
    address: str
    format_key: str
    site: str
    product: str
    guesses: tuple[Guess, ...]
    grounds: Grounds
    first_ms: int
    last_ms: int
    entries: int
    says: str
    note: str


class _Fit(NamedTuple):
    """How well a Model fits what was said; the smaller, the better."""

    missing: int
    refused: int
    not_taken: int


def discover(
    group: Group,
    rows: Sequence[QuarantineRow],
    sources: Mapping[str, Source],
    oldest: Sequence[QuarantineRow] = (),
) -> Discovered:
    """Return what can be told of a sender.

    Args:
        group: Its entries of Reason ``UNKNOWN_DEVICE``.
        rows: The newest of them, the newest first, at least one; ``LOOKED_AT`` are enough.
        sources: That are configured, by key.
        oldest: The oldest of them, in the order in which they came; likewise.
    """
    newest = rows[0].quarantined
    key, _, address = newest.device.partition(":")
    source = sources.get(key)
    found = Discovered(
        id=group.sender,
        source=key,
        address=address,
        format_key=NATIVE if not key else "" if source is None else source.format_key,
        site="" if key else _find_site(newest.topic),
        product=next(filter(None, (find_product(row.quarantined.detail) for row in rows)), ""),
        guesses=(),
        grounds=Grounds.NONE,
        first_ms=group.oldest_ms,
        last_ms=group.newest_ms,
        entries=group.entries,
        says=_render_payload(newest),
        note=_find_hindrance(newest, source),
    )
    if found.note:
        return found
    if source is None:
        return _guess_native(found, [row.quarantined for row in rows])
    said = list_said(source, reversed(rows)) or list_said(source, oldest)
    return _guess_told(found, source, said, newest.received_ms)


def _find_hindrance(newest: Quarantined, source: Source | None) -> str:
    """Return why an entry cannot be read; empty for nothing."""
    if newest.length and not newest.payload:
        return f"{UNKEPT}, so look at its label for type and model"
    if len(newest.payload) < newest.length:
        return f"only the first {len(newest.payload)} of its {newest.length} bytes were kept"
    if newest.device and source is None:
        return "its source is not configured"
    return ""


def _find_site(topic: str) -> str:
    levels = topic.rsplit("/", 3)
    return levels[-3] if len(levels) > 2 else ""  # noqa: PLR2004 - site, device, "reading"


def _render_payload(kept: Quarantined) -> str:
    try:
        return shorten(kept.payload.decode())
    except UnicodeDecodeError:
        return shorten(kept.payload.hex())


def list_said(source: Source, rows: Iterable[QuarantineRow]) -> list[Said]:
    """Return what entries say of their device, as far as they can be read without what came before them.

    Args:
        source: That told of it.
        rows: In the order in which they came.
    """
    interpreter = load_formats()[source.format_key].open(source)
    said = []
    for _, kept in rows:
        try:
            heard = interpreter.read(kept.topic, kept.payload, kept.received_ms).said
        except CodecError:
            continue
        index = 0 if kept.part is None else find_index(kept.part)
        if index < len(heard):
            said.append(heard[index])
    return said


def takes_nothing(model: Model, source: Source, rows: Sequence[QuarantineRow]) -> bool:
    """Return whether a Model takes nothing of what entries say, so that nothing of them would be stored.

    Frames are not looked at: those that are not of the Model are refused, and stay in quarantine.

    Args:
        model: That the device is to have.
        source: That tells of it.
        rows: Of one device, in the order in which they came.
    """
    said = [one for one in list_said(source, rows) if one.frame is None]
    return bool(said) and _fit(model, source, said, rows[-1].quarantined.received_ms) is None


def find_earliest(rows: Iterable[QuarantineRow], source: Source | None) -> int | None:
    """Return the earliest time that entries tell of, milliseconds since 1970 in UTC; None of no entries.

    That is when it was measured where an entry tells that and it can be believed, else when it came.

    Args:
        rows: Of one device, in the order in which they came.
        source: That tells of it; None where it is native, or the source is not configured.
    """
    return min((_find_time(row, source) for row in rows), default=None)


def _find_time(row: QuarantineRow, source: Source | None) -> int:
    kept = row.quarantined
    times = [kept.received_ms]
    if kept.device:
        times += [] if source is None else [one.time_ms or 0 for one in list_said(source, [row])]
    else:
        times += [one.time_ms or 0 for one in _decode(kept)]
    return min(one for one in times if one >= kept.received_ms - LATEST_DELAY_MS)


def _decode(kept: Quarantined) -> Sequence[Observation]:
    try:
        return CODEC.decode(kept.payload)
    except RefusedError:
        return ()


def _guess_native(found: Discovered, entries: Sequence[Quarantined]) -> Discovered:
    """Return it with the DeviceTypes that take all that it says."""
    observations = [one for kept in entries for one in _decode(kept)]
    if not observations:
        return found._replace(note="its payload is not of the native format")
    found = found._replace(says=_render_members(observations[0].values) or found.says)
    guesses = tuple(
        Guess(key) for key, one in load_device_types().items() if _may_be(one, observations) and _takes(one, entries)
    )
    if not guesses:
        return found._replace(note="no device type takes all that it says")
    return found._replace(guesses=guesses, grounds=Grounds.MEMBERS)


def _may_be(device_type: DeviceType, observations: Sequence[Observation]) -> bool:
    """Return whether the names alone may be of a DeviceType: to check values takes longer."""
    fields = device_type.fields
    required = {name for name, one in fields.items() if one.required}
    return all(required <= one.values.keys() <= fields.keys() for one in observations)


def _takes(device_type: DeviceType, entries: Iterable[Quarantined]) -> bool:
    return not any(decode_native(kept.payload, device_type, kept.received_ms).has_refusal for kept in entries)


def _guess_told(found: Discovered, source: Source, said: Sequence[Said], received_ms: int) -> Discovered:
    """Return it with the Models that it may be, by what its Source says."""
    if not said:
        return found._replace(note="it says nothing that can be understood alone")
    product = next((one.model for one in reversed(said) if one.model), found.product)
    found = found._replace(product=product, says=_render_said(said[-1]) or found.says)
    models = load_models()
    called = guess_models(found.product, source.format_key)
    if len(called) == 1:
        return _tell(found, called, Grounds.PRODUCT)
    if called:
        fits = {key: _fit(models[key], source, said, received_ms) for key in called}
        return _tell(found, _list_best(fits) or called, Grounds.PRODUCT)
    among = [key for key, model in models.items() if source.format_key in model.formats]
    fits = {key: _fit(models[key], source, said, received_ms) for key in among}
    best = _list_best({key: fit for key, fit in fits.items() if fit is not None and not fit.missing})
    if best:
        return _tell(found, best, Grounds.MEMBERS)
    types = _propose(said)
    if types:
        return found._replace(guesses=tuple(map(Guess, types)), grounds=Grounds.MEMBERS)
    return found._replace(note="no model of its format fits what it says")


def _tell(found: Discovered, models: Iterable[str], grounds: Grounds) -> Discovered:
    guesses = tuple(Guess(load_models()[key].device_type, key) for key in models)
    return found._replace(guesses=guesses, grounds=grounds)


def _list_best(fits: Mapping[str, _Fit | None]) -> tuple[str, ...]:
    known = {key: fit for key, fit in fits.items() if fit is not None}
    return tuple(key for key, fit in known.items() if fit == min(known.values()))


def _fit(model: Model, source: Source, said: Sequence[Said], received_ms: int) -> _Fit | None:
    """Return how well a Model fits; None where it takes nothing, or its frames are not of it."""
    device_type = load_device_types()[model.device_type]
    # Of parameters that the inventory must give any number will do: what is taken does not depend on them.
    parameters = dict.fromkeys(model.parameters, 1.0) | model.complete_parameters({})
    taken, refused = set[str](), 0
    for one in said:
        try:
            observations = translate(model, device_type, one, parameters, received_ms)
        except CodecError:
            return None
        for observation in observations:
            taken |= observation.values.keys()
            refused += len(observation.refusals) + _count_refused(device_type, observation)
    if not taken:
        return None
    is_partial = load_formats()[source.format_key].is_partial
    missing = 0 if is_partial else sum(one.required for name, one in device_type.fields.items() if name not in taken)
    return _Fit(missing, refused, -len(taken))


def _count_refused(device_type: DeviceType, observation: Observation) -> int:
    """Return how many values a DeviceType refuses, whatever is missing."""
    relaxed, validator = _relax(device_type.key)
    try:
        return len(check_observation(relaxed, validator, observation._replace(refusals=())).refusals)
    except RefusedError:
        return len(observation.values)


@functools.cache
def _relax(type_key: str) -> tuple[DeviceType, SchemaValidator]:
    """Return a DeviceType that requires neither a time nor any field, and its validator."""
    relaxed = replace(require_nothing(load_device_types()[type_key]), clock=Clock.RECEIVED)
    return relaxed, build_validator(relaxed)


def _propose(said: Sequence[Said]) -> list[str]:
    """Return the DeviceTypes that measure what is said, those that take the most of it."""
    described = {
        name: Described(
            *("", "", "", ""),
            component="binary_sensor" if isinstance(value, bool) else "sensor",
            entity=name,
            topic="",
            member=name,
            unit=one.units.get(name, ""),
        )
        for one in said
        for name, value in one.members.items()
    }
    whole = [one for one in propose_types(tuple(described.values()), load_device_types()) if not one.missing]
    return [one.type_key for one in whole if len(one.fields) == len(whole[0].fields)]


def _render_said(said: Said) -> str:
    if said.members:
        return _render_members(said.members)
    return "" if said.frame is None else shorten(f"port {said.frame.port}: {said.frame.body.hex()}")


def _render_members(members: Mapping[str, object]) -> str:
    return shorten(", ".join(f"{name}={value}" for name, value in members.items()))
