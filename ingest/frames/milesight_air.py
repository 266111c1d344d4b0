"""Milesight AM300 series: indoor air. Channels, names and the index of volatile substances, shared by its products.

``tvoc_index`` is a hundred times the IAQ rating of the gas sensor: about 100 is very clean air, 500 the worst. Frames
carry exactly that number (channel 08, type 7D: "uint16/100, unit: iaq"), whatever decoders make of it: the same two
bytes are ``tvoc`` 7 in older decoders and 0.07 in newer ones. A device set to µg/m3 uses another type (E6), which is a
mass concentration and not taken: no index can be made of it. Where only the name ``tvoc`` comes, without the frame, a
fraction can only be a rating; a whole number may be an index or µg/m3, so the inventory must say which.

``light_level`` is a class from 0 to 5 and no illuminance, so it is not taken. `history` of decoders is not taken by
name either, only from frames. The second version of the AM307 has an illuminance besides, and history records with four
bytes more under the same number: two Models, so that the four are never taken for channels.

Source: README of am307, am308, am319-hcho, am319-o3 and am300-v2 in https://github.com/Milesight-IoT/SensorDecoders.
"""

import math
from collections.abc import Mapping

from ingest.frames.milesight import CLIMATE, HUMIDITY, TAKE_CLIMATE, TEMPERATURE, TIME, Channel, Item, skip
from ingest.model import Parameter, Take
from ingest.source import Plain

_CO2 = Item("co2", "H")
_INDEX = Item("tvoc_index", "H")
_PRESSURE = Item("pressure", "H", 10)
_MOTION = Item("pir", "B")
_PM2_5 = Item("pm2_5", "H")
_PM10 = Item("pm10", "H")
_LATE_HUMIDITY = HUMIDITY._replace(form="H")
_LIGHT = Item("", "1x")
ILLUMINANCE = Item("illuminance", "I")
_TVOC_MASS = Item("", "2x")

AIR: dict[tuple[int, int], Channel] = {
    **CLIMATE,
    (0x05, 0x00): Channel(_MOTION),
    (0x05, 0x6A): skip(2),  # activity, of the AM100 series; in the documented frames of this one too
    (0x06, 0xCB): Channel(_LIGHT),
    (0x07, 0x7D): Channel(_CO2),
    (0x08, 0x7D): Channel(_INDEX),
    (0x08, 0xE6): Channel(_TVOC_MASS),
    (0x09, 0x73): Channel(_PRESSURE),
    (0x0E, 0x01): skip(1),  # buzzer
}
"""Channels of all products of the series."""
PARTICLES = {(0x0B, 0x7D): Channel(_PM2_5), (0x0C, 0x7D): Channel(_PM10)}
PARTICLE_ITEMS = (_PM2_5, _PM10)


def build_history(*last: Item) -> dict[tuple[int, int], Channel]:
    """Return the history channels of a product: one with the index, one with µg/m3 in its place.

    Args:
        last: What it has behind the pressure.
    """
    first = (TIME, TEMPERATURE, _LATE_HUMIDITY, _MOTION, _LIGHT, _CO2)
    return {
        (number, 0xCE): Channel(*first, tvoc, _PRESSURE, *last) for number, tvoc in ((0x20, _INDEX), (0x21, _TVOC_MASS))
    }


_PRESENCE = Take("presence", states={"trigger": True, "idle": False, 1: True, 0: False})
TAKES: dict[str, Take] = {
    **TAKE_CLIMATE,
    "co2": Take("co2", "[ppm]"),
    "illuminance": Take("illuminance", "lx"),
    "pressure": Take("pressure", "hPa"),
    "tvoc_index": Take("tvoc_index"),
    "pir": _PRESENCE,
    "activity": _PRESENCE,  # AM319 in older decoders
}
TAKE_PARTICLES = {
    "pm2_5": Take("pm2_5", "ug/m3"),
    "pm2.5": Take("pm2_5", "ug/m3"),  # AM319 in older decoders
    "pm10": Take("pm10", "ug/m3"),
}


def describe_tvoc(default: float) -> dict[str, Parameter]:
    """Return the parameter of a product whose decoders disagree about ``tvoc``.

    Args:
        default: Points of the index in one of what decoders tell; 0 where that is not known.
    """
    title = "Index points in one unit of `tvoc`, where only names come: 1 or 100; 0 for µg/m³ or unknown"
    return {"tvoc_points": Parameter(title, "1", default)}


def complete_tvoc(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    """Make the index of ``tvoc``, where it is known what that is."""
    tvoc = members.get("tvoc")
    if isinstance(tvoc, int | float) and not isinstance(tvoc, bool) and math.isfinite(tvoc):
        points = parameters["tvoc_points"] if float(tvoc).is_integer() else 100.0
        if points:
            members["tvoc_index"] = float(f"{tvoc * points:.12g}")
