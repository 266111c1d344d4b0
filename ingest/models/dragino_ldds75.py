"""Dragino LDDS75, ultrasonic distance over water, firmware 1.1.4 and later.

Eight bytes on port 2: battery, distance in millimetres, interrupt flag, temperature of an optional probe, sensor flag
(LDDS75 user manual, "Uplink Payload"). The distance is 0 without the ultrasonic sensor and 20 where it is nearer
than 280 mm. Without a probe its temperature is 0.00, as of a probe in ice, so the inventory must say that there is one.
Of the decoders for network servers one gives the distance as a text with its unit; the first one ever gave the
battery as ``distance``, so that name is not taken.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import expect_port, expect_size
from ingest.frames.dragino import STATUS_PORT, take_battery
from ingest.frames.mounting import LEVEL_PARAMETERS, find_level, read_metres
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Parameter, Take
from ingest.source import Frame, Plain

_NO_DISTANCE = (0.0, 20.0)
"""In millimetres."""


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port == STATUS_PORT:
        return []
    expect_port(frame, 2)
    expect_size(frame, 8)
    octets = Octets(frame.body)
    voltage, _ = take_battery(octets)
    distance = octets.take(">H")
    octets.take(">B")
    temperature = octets.take(">h") / 10
    return [Decoded({"Bat": voltage, "Distance": distance, "TempC_DS18B20": temperature})]


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    if not parameters["probe"]:
        members.pop("TempC_DS18B20", None)
    distance = read_metres(members.get("Distance"), "mm")
    if distance is not None and distance * 1000 not in _NO_DISTANCE:
        members["level"] = find_level(distance, parameters["mount_height"])


MODEL = Model(
    title="Dragino LDDS75",
    device_type="level_sensor",
    formats=("tts", "chirpstack"),
    decode=_decode,
    parameters={
        **LEVEL_PARAMETERS,
        "probe": Parameter("1 where a temperature probe (DS18B20) is connected", "1", default=0.0),
    },
    complete=_complete,
    takes={
        "level": Take("level", "m"),
        "Distance": Take("distance", "mm", sentinels=_NO_DISTANCE),
        "TempC_DS18B20": Take("temperature", "Cel"),
        "Bat": Take("voltage", "V"),
    },
    hints=("ldds75",),
    examples=(
        ModelExample(
            frame=(2, "0D3B0AEF00000001"),
            fields="distance=2.799,voltage=3.387",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(2, "0D3B0AEF00FFEC01"),
            parameters={"mount_height": 3.5, "probe": 1.0},
            fields="level=0.701,distance=2.799,temperature=-2.0,voltage=3.387",
            origin="TheThingsNetwork/lorawan-devices, with a probe in a mounting made by hand",
        ),
        ModelExample(
            members={
                "Bat": 3.387,
                "Distance": "2799 mm",
                "Interrupt_flag": 0,
                "Sensor_flag": 1,
                "TempC_DS18B20": "0.00",
            },
            fields="distance=2.799,voltage=3.387",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it: a text with its unit",
        ),
        ModelExample(
            members={"Bat": 3.387, "Distance": 2025, "TempC_DS18B20": "4.50"},
            parameters={"mount_height": 3.0, "probe": 1.0},
            fields="level=0.975,distance=2.025,temperature=4.5,voltage=3.387",
            origin="chirpstack-device-profiles: a number, with a probe in a mounting made by hand",
        ),
    ),
)
