"""Milesight EM500-SMTC with three probes at different depths, of which the inventory says which one this device is.

Moisture comes in tenths of a per cent and conductivity in hundredths of mS/cm; the edition with one probe has other
scales on the same channels. FFFF and FFFD of a temperature mean that there is none.

Source: em-series/em500-smtc in https://github.com/Milesight-IoT/SensorDecoders, version of 2025 with three depths.
"""

from collections.abc import Mapping

from ingest.frames.milesight import LORAWAN, TAKE_BATTERY, TEMPERATURE, TIME, Channel, Item, build_decode
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain

_PROBES = (1, 2, 3)
_QUANTITIES = ("soil_moisture", "temperature", "conductivity")


def _temperature(probe: int) -> Item:
    return TEMPERATURE._replace(name=f"temperature{probe}", missing=(-1, -3))


def _moisture(probe: int) -> Item:
    return Item(f"soil_moisture{probe}", "H", 10)


def _conductivity(probe: int) -> Item:
    return Item(f"conductivity{probe}", "H", 100)


def _list_channels() -> dict[tuple[int, int], Channel]:
    channels = {}
    for probe in _PROBES:
        first = 3 * probe
        channels[first, 0x67] = Channel(_temperature(probe))
        channels[first + 1, 0xCA] = Channel(_moisture(probe))
        channels[first + 2, 0x7F] = Channel(_conductivity(probe))
        channels[first | 0x80, 0xD7] = Channel(_temperature(probe), Item("", "3x"))
    late = [item for probe in _PROBES for item in (_conductivity(probe), _temperature(probe), _moisture(probe))]
    return {**channels, (0x20, 0xCE): Channel(TIME, *late)}


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    for name in _QUANTITIES:
        members[f"{name}_here"] = members.get(f"{name}{parameters['probe']:.0f}")


MODEL = Model(
    title="Milesight EM500-SMTC (tre dybder)",
    device_type="soil_moisture",
    formats=LORAWAN,
    takes={
        "soil_moisture_here": Take("moisture", "%"),
        "temperature_here": Take("temperature", "Cel"),
        "conductivity_here": Take("conductivity", "mS/cm"),
        **TAKE_BATTERY,
    },
    decode=build_decode(_list_channels()),
    parameters={"probe": Parameter("Which probe: 1, 2 or 3", "1", default=1.0)},
    complete=_complete,
    hints=("em500-smtc",),
    examples=(
        ModelExample(
            frame=(85, "0175640367190104CA7300057FF000"),
            fields="moisture=11.5,temperature=28.1,conductivity=2400.0,battery=100.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "0367190104CA7300057FF00006672C0107CA9100087F0A00"),
            parameters={"probe": 2},
            fields="moisture=14.5,temperature=30.0,conductivity=100.0",
            origin="made by hand",
        ),
        ModelExample(
            frame=(85, "20CE9E744663F000190173000A002C019100FFFFFFFFFFFF"),
            parameters={"probe": 2},
            fields="moisture=14.5,temperature=30.0,conductivity=100.0",
            origin="made by hand: the third probe failed",
        ),
    ),
)
