"""Proposals: which DeviceTypes a device may be, after what it tells of its values. Pure; people decide.

A value fits a field that measures what its class says, in a unit of the same thing; where no class is told, one that is
called the same. Of several fields that measure the same, only the one of the same name is meant: of a heat pump's two
temperatures nothing else says which is which.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ingest.payloads.home_assistant import Described
from schemas.device_type import DeviceType, Field
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


@dataclass(frozen=True, slots=True)
class Proposal:
    """A DeviceType that a device may be.

    Attributes:
        type_key: Of the DeviceType.
        fields: What its fields come from.
        missing: Required fields that nothing was told of.
    """

    type_key: str
    fields: Mapping[str, Described]
    missing: tuple[str, ...]


def propose_types(described: Sequence[Described], types: Mapping[str, DeviceType]) -> list[Proposal]:
    """Return the DeviceTypes that a device may be, the likeliest first.

    Those with every required field come first, then those of which the device tells the most, then the largest share.

    Args:
        described: What one device tells.
        types: Every DeviceType by key.
    """
    found = [_propose(key, device_type, described) for key, device_type in types.items()]
    return sorted(
        (one for one in found if one.fields),
        key=lambda one: (len(one.missing), -len(one.fields), len(types[one.type_key].fields), one.type_key),
    )


def _propose(key: str, device_type: DeviceType, described: Iterable[Described]) -> Proposal:
    fields: dict[str, Described] = {}
    for one in described:
        name = _find_field(device_type, one)
        if name:
            fields.setdefault(name, one)
    missing = tuple(name for name, one in device_type.fields.items() if one.required and name not in fields)
    return Proposal(key, MappingProxyType(fields), missing)


def _find_field(device_type: DeviceType, described: Described) -> str:
    """Return the field that a value is of; empty for none."""
    quantities = _list_quantities(described)
    fitting = [
        name
        for name, one in device_type.fields.items()
        if (one.quantity in quantities or not described.device_class) and _is_convertible(described.unit, one)
    ]
    named = [name for name in fitting if name in _list_names(described)]
    if named or not described.device_class:
        return next(iter(named), "")
    return fitting[0] if len(fitting) == 1 else ""


def _list_quantities(described: Described) -> tuple[str, ...]:
    classes = BINARY_CLASSES if described.component == "binary_sensor" else SENSOR_CLASSES
    return classes.get(described.device_class, ())


def _list_names(described: Described) -> set[str]:
    """Return what a value is called, as fields are: by its member, its own name and its class."""
    last = (described.member or "").rpartition(".")[2]
    written = (last, described.entity.lower().replace(" ", "_"), described.device_class)
    return {_OTHER_NAMES.get(name, name) for name in written} - {""}


def _is_convertible(unit: str, field: Field) -> bool:
    if not unit:
        return field.is_state or field.measures.unit == "1" or field.quantity == "ph"
    try:
        convert(1.0, unit, field.measures.unit)
    except UnitError:
        return False
    return not field.is_state
