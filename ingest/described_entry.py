"""Inventory entries of devices that describe themselves: Source, address, type and Model, as far as they can be told.

A description names topics and members of payloads, in Home Assistant's words. Which Source a topic is of, and what that
calls the device, its own Format says: it is given a payload with the members that are described, made up here, and
read as if it came. So nothing of a Format is known here but one thing: the address of a Zigbee device is its IEEE
address, which is in the identifier and not in the topic.

Type and Model are told where the Source's name of the product means one, or one fits what the device tells better than
all others. Else they are left empty, which an import refuses, and the note says what may be written there. Pure.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from devices import load_device_types
from ingest.adoption import name_device
from ingest.codec import CodecError
from ingest.codecs import list_filters, load_formats
from ingest.decode import guess_models
from ingest.description import DescribedDevice
from ingest.inventory import Device, Placement
from ingest.model import Model, Take, list_takes
from ingest.models import load_models
from ingest.payloads.home_assistant import Described
from ingest.source import Source
from ingest.topic_filter import compile_filter
from ingest.type_proposal import SWITCHES, count_products, is_convertible, list_missing
from schemas.device_type import Field
from schemas.units import UNITS
from schemas.validation import shorten

MEASURING = ("sensor", *SWITCHES)
"""Kinds of entities that tell what is; others tell what somebody wishes."""
MOST_NAMED = 4
"""Types that a note names."""
MOST_VALUES = 12
"""Values that a note names."""
_IEEE = re.compile(r"0x[0-9a-f]{16}")
_ZIGBEE = "zigbee2mqtt"


class Entry(NamedTuple):
    """An entry that is proposed.

    Attributes:
        device: As far as it can be told: without a type and a Model where several fit, without a Source where none has
            its topics.
        note: What the device tells of itself, and what else it may be; in Norwegian, for those who complete it.
    """

    device: Device
    note: str


class Entries(NamedTuple):
    """What became of the devices that describe themselves.

    Attributes:
        proposed: Entries.
        known: How many devices the inventory has already.
        silent: Names of those that tell nothing that is measured, such as lamps, or the bridge itself.
    """

    proposed: tuple[Entry, ...]
    known: int
    silent: tuple[str, ...]


class _Heard(NamedTuple):
    """What a device tells at a Source.

    Attributes:
        source: The Source.
        address: What it calls the device.
        values: What the device tells, by the names that its Format gives.
    """

    source: Source
    address: str
    values: dict[str, Described]


class _Fit(NamedTuple):
    """A Model that takes what a device tells."""

    model: Model
    taken: int
    missing: int


def propose_entries(
    found: Iterable[DescribedDevice],
    sources: Mapping[str, Source],
    present: Iterable[Device],
    placement: Placement,
    type_key: str = "",
) -> Entries:
    """Return inventory entries of devices that describe themselves.

    Args:
        found: Who describes itself.
        sources: That are configured, by key.
        present: Devices of the inventory; those are left out.
        placement: Where all of them are; site and zone may be empty.
        type_key: Of the DeviceType that is meant where several fit equally; empty for none.
    """
    bound = {(one.source, one.address.lower()) for one in present}
    told: dict[tuple[str, str], tuple[DescribedDevice, _Heard]] = {}
    entries, silent = [], []
    for device in found:
        measuring = [one for one in device.values if one.component in MEASURING]
        heard, unheard = _hear(measuring, sources)
        for one in heard:
            key = one.source.key, one.address.lower()
            told.setdefault(key, (device, one))[1].values.update(one.values)
        if unheard and not heard:
            entries.append(_make_unheard(device, measuring, unheard, placement))
        elif not heard:
            silent.append(device.name or device.id)
    new = [one for key, one in told.items() if key not in bound]
    entries = [*(_make_entry(*one, placement, type_key) for one in new), *entries]
    return Entries(tuple(entries), len(told) - len(new), tuple(silent))


def _hear(values: Iterable[Described], sources: Mapping[str, Source]) -> tuple[list[_Heard], str]:
    """Return what a device tells at each Source and address, and a topic that is of no Source; empty for none."""
    topics: dict[str, list[Described]] = {}
    for one in values:
        topics.setdefault(one.topic, []).append(one)
    heard: dict[tuple[str, str], _Heard] = {}
    unheard = ""
    for topic, some in topics.items():
        source = _find_source(topic, sources)
        if source is None:
            unheard = unheard or topic
            continue
        for address, members in _rehearse(source, topic, some):
            told = heard.setdefault((source.key, address.lower()), _Heard(source, address, {}))
            told.values.update(members)
    return list(heard.values()), unheard


def _find_source(topic: str, sources: Mapping[str, Source]) -> Source | None:
    return next(
        (one for one in sources.values() if any(_compile(each).fullmatch(topic) for each in list_filters(one))), None
    )


@cache
def _compile(topic_filter: str) -> re.Pattern[str]:
    return compile_filter(topic_filter)


def _rehearse(source: Source, topic: str, values: list[Described]) -> Iterator[tuple[str, dict[str, Described]]]:
    """Yield whom a Format takes a message on a topic to be of, and what of it is called how."""
    by_path = {one.member: one for one in values if one.member is not None}
    if not by_path:
        return
    try:
        heard = load_formats()[source.format_key].open(source).read(topic, _make_payload(by_path), 0)
    except CodecError:
        return
    for said in heard.said:
        address = said.address
        if source.format_key == _ZIGBEE:
            match = _IEEE.search(values[0].device.lower())
            if match is None:  # a group, or the bridge
                continue
            address = match[0]
        alone = next(iter(by_path.values())) if len(by_path) == 1 else None
        named = {name: by_path.get(name, alone) for name in said.members}
        members = {name: one for name, one in named.items() if one is not None}
        if members:
            yield address, members


def _make_payload(values: Mapping[str, Described]) -> bytes:
    """Return a payload that tells values of paths, joined with dots; of the path that is empty, the value itself."""
    if "" in values:
        return b"ON" if values[""].component in SWITCHES else b"1"
    whole: dict[str, Any] = {}
    for path, one in values.items():
        *outer, last = path.split(".")
        inside = whole
        for step in outer:
            inside = inside.setdefault(step, {}) if isinstance(inside.get(step, {}), dict) else {}
        inside[last] = True if one.component in SWITCHES else 1
    return json.dumps(whole).encode()


def _make_entry(device: DescribedDevice, heard: _Heard, placement: Placement, type_key: str) -> Entry:
    fits = _list_fits(device.product, heard)
    chosen = _choose(fits, type_key)
    source, address = heard.source.key, heard.address
    entry = Device(
        id=name_device(source, address),
        type_key=chosen.device_type if chosen else "",
        component="",
        placements=(placement,),
        source=source,
        address=address,
        model=chosen.key if chosen else "",
    )
    told = _write_told(device, heard.values.values())
    others = [f"{one.model.device_type} ({one.model.key})" for one in fits if one.model is not chosen]
    if chosen is None and not others:
        return Entry(entry, f"{told}; ingen modell kjenner verdiene: skriv type og modell")
    more = f" og {len(others) - MOST_NAMED} til" if len(others) > MOST_NAMED else ""
    listed = ", ".join(others[:MOST_NAMED]) + more
    if chosen is None:
        return Entry(entry, f"{told}; skriv type og modell, det kan være {listed}")
    return Entry(entry, f"{told}; kan også være {listed}" if others else told)


def _make_unheard(device: DescribedDevice, values: Iterable[Described], topic: str, placement: Placement) -> Entry:
    entry = Device(name_device("", device.id), "", "", (placement,))
    told = _write_told(device, values)
    return Entry(entry, f"{told}; ingen kilde har emnet {shorten(topic)}: sett opp kilden, og lag fila på nytt")


def _list_fits(product: str, heard: _Heard) -> list[_Fit]:
    """Return the Models that a device may be: those of its product, or those that fit what it tells the best."""
    format_key = heard.source.format_key
    models = load_models()
    called = guess_models(product, format_key)
    among = called or [key for key, one in models.items() if format_key in one.formats]
    fits = [_fit(models[key], heard.values) for key in among]
    if len(called) != 1:
        fits = [one for one in fits if one.taken]
    best = max((one.taken - one.missing for one in fits), default=0)
    counts = count_products()
    equal = [one for one in fits if one.taken - one.missing == best]
    return sorted(equal, key=lambda one: (-counts.get(one.model.device_type, 0), one.model.key))


def _fit(model: Model, values: Mapping[str, Described]) -> _Fit:
    device_type = load_device_types()[model.device_type]
    taken = {
        take.field
        for name, take in list_takes(model, values)
        if _may_take(take, device_type.fields[take.field], values[name])
    }
    return _Fit(model, len(taken), len(list_missing(device_type, taken)))


def _may_take(take: Take, field: Field, value: Described) -> bool:
    if take.states or field.is_state:
        return not value.unit
    return value.component not in SWITCHES and (not value.unit or is_convertible(value.unit, field))


def _choose(fits: Collection[_Fit], type_key: str) -> Model | None:
    """Return the Model that is meant: the only one, or the only one of a type that is said."""
    models = [one.model for one in fits]
    if len(models) > 1 and type_key:
        models = [one for one in models if one.device_type == type_key]
    return models[0] if len(models) == 1 else None


def _write_told(device: DescribedDevice, values: Iterable[Described]) -> str:
    """Return what a device tells of itself: its name, its product, and its values with their units."""
    named = ", ".join(filter(None, (device.name or device.id, device.product)))
    written = [(one.member or one.entity) + (f" ({_display(one.unit)})" if one.unit else "") for one in values]
    more = f" og {len(written) - MOST_VALUES} til" if len(written) > MOST_VALUES else ""
    return f"{shorten(named)}: {', '.join(map(shorten, written[:MOST_VALUES]))}{more}"


def _display(unit: str) -> str:
    return UNITS[unit].display if unit in UNITS else unit
