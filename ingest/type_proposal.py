"""Proposals: which DeviceTypes a device may be, after what it tells of its values. Pure; people decide.

A value fits a field in a unit of the same thing that is called the same, or that known products (``ingest.models``)
call so; else one that measures what its class says. Of several fields that measure the same, only one that is called so
is meant: of a heat pump's two temperatures nothing else says which is which.

The likeliest come first, by what each of these says in turn:

1. How many of a DeviceType's fields the device tells, less those that it lacks and that make the type what it is: the
   required ones, or the first where none is required. A plug may tell a temperature, and a thermometer is no plug. One
   that is found by its class alone, and not called as the field or a known product's value, counts half.
2. How many of them are called so.
3. How many known products are of the type: of what temperature and humidity alone fit, indoor climate is the usual.
4. How few fields more the type has.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from ingest.model import list_takes
from ingest.models import load_models
from ingest.payloads.home_assistant import Described
from ingest.plain_model import PREFIX
from schemas.device_type import DeviceType, Field
from schemas.quantities import QUANTITIES, Kind
from schemas.units import UnitError, convert

SENSOR_CLASSES: Mapping[str, tuple[str, ...]] = {
    "aqi": ("index",),
    "atmospheric_pressure": ("pressure",),
    "battery": ("battery",),
    "carbon_dioxide": ("co2",),
    "conductivity": ("conductivity",),
    "current": ("current",),
    "distance": ("distance", "level", "snow_depth"),
    "duration": ("duration", "uptime", "travel_time"),
    "energy": ("energy",),
    "frequency": ("frequency",),
    "humidity": ("relative_humidity",),
    "illuminance": ("illuminance",),
    "irradiance": ("irradiance",),
    "moisture": ("soil_moisture",),
    "ph": ("ph",),
    "pm1": ("mass_concentration",),
    "pm10": ("mass_concentration",),
    "pm25": ("mass_concentration",),
    "pm4": ("mass_concentration",),
    "power": ("power",),
    "power_factor": ("power_factor",),
    "precipitation": ("precipitation_total", "precipitation"),
    "precipitation_intensity": ("precipitation_intensity",),
    "pressure": ("pressure", "water_pressure", "differential_pressure"),
    "reactive_energy": ("reactive_energy",),
    "reactive_power": ("reactive_power",),
    "sound_pressure": ("sound_level",),
    "speed": ("speed",),
    "temperature": ("temperature",),
    "voltage": ("voltage",),
    "volume": ("volume",),
    "volume_flow_rate": ("flow",),
    "water": ("volume",),
    "wind_direction": ("wind_direction",),
    "wind_speed": ("wind_speed",),
}
"""Quantities by the class of a sensor, as Home Assistant has them ("Sensor", device class)."""
BINARY_CLASSES: Mapping[str, tuple[str, ...]] = {
    "door": ("opening",),
    "garage_door": ("opening",),
    "moisture": ("fault",),
    "motion": ("presence",),
    "moving": ("switch",),
    "occupancy": ("presence",),
    "opening": ("opening",),
    "plug": ("switch",),
    "power": ("switch",),
    "presence": ("presence",),
    "problem": ("fault",),
    "running": ("switch",),
    "safety": ("fault",),
    "tamper": ("fault",),
    "window": ("opening",),
}
"""Likewise, of a binary sensor; its battery's class says that it is low, which no field does."""
_OTHER_NAMES = {"pm25": "pm2_5", "pm1_0": "pm1", "carbon_dioxide": "co2", "linkquality": ""}
MOST_REMEMBERED = 10_000
"""Pairs of unit and quantity; what devices write for units may be anything."""
SWITCHES = ("binary_sensor", "switch")
"""Kinds of entities whose values are true or false."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A DeviceType that a device may be.

    Attributes:
        type_key: Of the DeviceType.
        fields: What its fields come from.
        missing: Fields that make the type what it is, and that nothing was told of: required ones, or the first where
            none is required.
        named: How many of ``fields`` are called so.
    """

    type_key: str
    fields: Mapping[str, Described]
    missing: tuple[str, ...]
    named: int

    @property
    def weight(self) -> float:
        """How much speaks for it: fields that were told, by their class alone half, less what is missing."""
        return (len(self.fields) + self.named) / 2 - len(self.missing)


class _Products(NamedTuple):
    """What known products say of DeviceTypes.

    Attributes:
        names: Fields by what products call them, in lower case, by DeviceType.
        counts: How many products there are, likewise.
    """

    names: Mapping[str, Mapping[str, frozenset[str]]]
    counts: Mapping[str, int]


class _Value(NamedTuple):
    """What there is to say of a value, whatever the DeviceType.

    Attributes:
        described: The value.
        names: What it is called, as fields are: by its member and its own name.
        written: Its member and the last step of that, in lower case, as products have them.
        word: Its class, likewise.
        quantities: What it measures by its class and in its unit; nothing where it has no class, or another unit.
    """

    described: Described
    names: frozenset[str]
    written: tuple[str, str]
    word: str
    quantities: tuple[str, ...]


def propose_types(described: Sequence[Described], types: Mapping[str, DeviceType]) -> list[Proposal]:
    """Return the DeviceTypes that a device may be, the likeliest first.

    Args:
        described: What one device tells.
        types: Every DeviceType by key.
    """
    products = _know_products()
    values = [_read_value(one) for one in described]
    found = [_propose(key, device_type, values, products) for key, device_type in types.items()]

    def rank(one: Proposal) -> tuple[float, int, int, int, str]:
        key = one.type_key
        return -one.weight, -one.named, -products.counts.get(key, 0), len(types[key].fields), key

    return sorted((one for one in found if one.fields), key=rank)


def list_missing(device_type: DeviceType, told: Iterable[str]) -> tuple[str, ...]:
    """Return the fields that make a DeviceType what it is and that are not told; see ``Proposal.missing``."""
    required = [name for name, one in device_type.fields.items() if one.required]
    return tuple(name for name in required or [*device_type.fields][:1] if name not in told)


def is_convertible(unit: str, field: Field) -> bool:
    """Return whether a value in a unit, a UCUM code or none, may be one of a field."""
    return _measures_in(unit, field.quantity)


@functools.lru_cache(MOST_REMEMBERED)
def _measures_in(unit: str, quantity: str) -> bool:
    """Return whether a unit, or none, is one of a quantity; remembered, for every type is asked of every value."""
    measured = QUANTITIES[quantity]
    is_state = measured.kind is Kind.STATE
    if not unit:
        return is_state or measured.unit == "1" or quantity == "ph"
    try:
        convert(1.0, unit, measured.unit)
    except UnitError:
        return False
    return not is_state


def count_products() -> Mapping[str, int]:
    """Return how many known products are of each DeviceType; those that none is of are left out."""
    return _know_products().counts


@functools.cache
def _know_products() -> _Products:
    products = [model for key, model in load_models().items() if not key.startswith(PREFIX)]
    names: dict[str, dict[str, frozenset[str]]] = {}
    for model in products:
        known = names.setdefault(model.device_type, {})
        for name, take in list_takes(model, model.takes):
            known[name.lower()] = known.get(name.lower(), frozenset()) | {take.field}
    counts = Counter(model.device_type for model in products)
    return _Products(MappingProxyType(names), MappingProxyType(counts))


def _read_value(described: Described) -> _Value:
    member, is_state = described.member or "", described.component in SWITCHES
    own = (member.rpartition(".")[2], described.entity.lower().replace(" ", "_"))
    quantities = (BINARY_CLASSES if is_state else SENSOR_CLASSES).get(described.device_class, ())
    whole = member.lower()
    return _Value(
        described,
        names=frozenset(map(_rename, own)) - {""},
        written=(whole, whole.rpartition(".")[2]),
        word=_rename(described.device_class),
        quantities=tuple(one for one in quantities if _measures_in(described.unit, one)),
    )


def _rename(name: str) -> str:
    return _OTHER_NAMES.get(name, name)


def _propose(key: str, device_type: DeviceType, values: Iterable[_Value], products: _Products) -> Proposal:
    fields: dict[str, Described] = {}
    named = 0
    for one in values:
        name, is_named = _find_field(device_type, one, products.names.get(key, {}))
        if name and name not in fields:
            fields[name] = one.described
            named += is_named
    return Proposal(key, MappingProxyType(fields), list_missing(device_type, fields), named)


def _find_field(device_type: DeviceType, value: _Value, known: Mapping[str, frozenset[str]]) -> tuple[str, bool]:
    """Return the field that a value is of, empty for none, and whether it is called so."""
    unit, is_number = value.described.unit, value.described.component not in SWITCHES
    fitting = {
        name: one
        for name, one in device_type.fields.items()
        if _measures_in(unit, one.quantity) and (is_number or one.is_state)
    }
    alike = {name: one for name, one in fitting.items() if one.quantity in value.quantities}
    # Where the unit belies the class, as of Tasmota's kWh of class power, the name alone says what it is.
    named = alike if value.quantities else fitting
    own = [name for name in named if name in value.names]
    theirs = [known.get(written, frozenset()) for written in value.written]
    if called := own or [name for name in named if any(name in some for some in theirs)]:
        return called[0], True
    # Of several fields that measure it the one that is called as the class: door_open is of class door, not of window.
    meant = [name for name in alike if name == value.word] or list(alike)
    if len(meant) != 1:
        return "", False
    return meant[0], fitting[meant[0]].is_state and meant[0].startswith(f"{value.word}_")
