"""What a sensor that measures a distance downwards tells of what is under it: level, depth of snow, fill.

The inventory says how it was mounted. Zero differs a little from what was measured with a tape, so what is just
beyond it is taken for it; what is further beyond stays as it is, and its range refuses it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ingest.frames.finite_number import find_number
from ingest.model import Parameter
from ingest.source import Plain
from schemas.units import UnitError, convert

TOLERANCE = 0.05
"""In metres: how far beyond the ground or the bottom a distance may seem to be."""

LEVEL_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "mount_height": Parameter(
            "Height of the sensor above the bottom; 0 where only the distance is wanted", "m", default=0.0
        )
    }
)
SNOW_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {"mount_height": Parameter("Height of the sensor above the bare ground", "m")}
)
BIN_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {"depth": Parameter("Distance from the sensor to the bottom of the empty bin", "m")}
)


def read_metres(value: Plain, unit: str) -> float | None:
    """Return a distance in metres; None where it is no number or its unit is none of length.

    Args:
        value: A number, or a text such as ``2799 mm``.
        unit: UCUM code of a number without a unit.
    """
    number, unit = find_number(value, unit)
    if number is None:
        return None
    try:
        return convert(number, unit, "m")
    except UnitError:
        return None


def find_level(distance: float, mount_height: float) -> float | None:
    """Return the height of the surface above the bottom in metres; None where the height of the sensor is not known."""
    return _measure_above(distance, mount_height) if mount_height else None


def find_snow_depth(distance: float, mount_height: float) -> float:
    """Return the depth of the snow in centimetres; the distance and the height are in metres."""
    return round(_measure_above(distance, mount_height) * 100, 2)


def find_fill(distance: float, depth: float) -> float:
    """Return how full a bin is in per cent; the distance and the depth are in metres, the depth more than zero."""
    return round(100 * _measure_above(distance, depth) / depth, 2)


def _measure_above(distance: float, ground: float) -> float:
    height = round(ground - distance, 4)
    return 0.0 if -TOLERANCE <= height < 0 else height
