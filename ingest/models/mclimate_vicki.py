"""MClimate Vicki, radiator valve.

Nine bytes: kind, target temperature, temperature, humidity, position and range of the motor in steps, battery and
flags (MClimate, "Vicki LoRaWAN device communication protocol", Keep-alive); two kinds differ in how they tell the
temperature. Answers to commands come before the same nine bytes. How long each is the maker's decoder says (vicki.js in
TheThingsNetwork/lorawan-devices); behind one that it does not know, a frame that was cut could not be told from a whole
one, so it is refused. The motor's position is how far the valve is closed; without a range it was never calibrated.
"""

from collections.abc import Mapping, Sequence

from ingest.frames.broken_frame import refuse
from ingest.frames.finite_number import find_number
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain

_SIZE = 9
_UNTIL_3_4, _FROM_3_5 = 0x01, 0x81
"""Kinds, by firmware."""
_OPEN_WINDOW, _BROKEN_SENSOR = 0x08, 0x01
_ANSWERS: Mapping[int, int] = {
    0x04: 2, 0x12: 1, 0x13: 4, 0x14: 1, 0x15: 2, 0x17: 2, 0x18: 1, 0x19: 1, 0x1B: 1, 0x1D: 2, 0x1F: 1, 0x21: 6, 0x23: 4,
    0x27: 1, 0x28: 1, 0x29: 2, 0x2B: 1, 0x36: 3, 0x3D: 3, 0x3F: 2, 0x40: 1, 0x42: 1, 0x44: 2, 0x46: 3, 0x48: 1, 0x4A: 3,
    0x4D: 2, 0x50: 2, 0x52: 2, 0x54: 1,
}  # fmt: skip
"""Bytes behind the code of an answer. Of 0x16 the maker's decoder reads three and passes over two."""


def _decode(frame: Frame) -> Sequence[Decoded]:
    octets = Octets(frame.body)
    kind = octets.take(">B")
    while kind not in (_UNTIL_3_4, _FROM_3_5):
        if kind not in _ANSWERS:
            refuse(frame, f"the answer {kind:#04x} is unknown")
        octets.cut(_ANSWERS[kind])
        kind = octets.take(">B")
    if octets.left != _SIZE - 1:
        refuse(frame, f"the keep-alive has {octets.left + 1} bytes, not {_SIZE}")
    target, temperature, humidity, position, span, high, flags = (octets.take(">B") for _ in range(7))
    position |= (high & 0xF0) << 4
    span |= (high & 0x0F) << 8
    degrees = temperature * 165 / 256 - 40 if kind == _UNTIL_3_4 else (temperature - 28.33333) / 5.66666
    return [
        Decoded(
            {
                "targetTemperature": target,
                "sensorTemperature": round(degrees, 2),
                "relativeHumidity": round(humidity * 100 / 256, 2),
                "valveOpenness": _find_openness(position, span) if span else None,
                "batteryVoltage": round(2 + (flags >> 4) * 0.1, 1),
                "openWindow": bool(flags & _OPEN_WINDOW),
                "brokenSensor": bool(flags & _BROKEN_SENSOR),
            }
        )
    ]


def _find_openness(position: float, span: float) -> float:
    """Return per cent, to whole ones, as the maker does."""
    return round(100 * (1 - position / span), 0)


def _complete(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    if members.get("brokenSensor"):
        members.pop("sensorTemperature", None)
        members.pop("relativeHumidity", None)
    if members.get("targetTemperatureFloat") is not None:  # tells the half degrees too
        members.pop("targetTemperature", None)
    position, _unit = find_number(members.get("motorPosition"))
    span, _unit = find_number(members.get("motorRange"))
    if span == 0:  # then decoders say that it is closed
        members["valveOpenness"] = None
    elif position is not None and span is not None:
        members.setdefault("valveOpenness", _find_openness(position, span))


MODEL = Model(
    title="MClimate Vicki",
    device_type="radiator_valve",
    formats=("tts", "chirpstack"),
    decode=_decode,
    complete=_complete,
    takes={
        "sensorTemperature": Take("temperature", "Cel"),
        "targetTemperature": Take("setpoint", "Cel"),
        "targetTemperatureFloat": Take("setpoint", "Cel"),
        "valveOpenness": Take("valve_position", "%"),
        "relativeHumidity": Take("humidity", "%"),
        "openWindow": Take("window_open"),
        "batteryVoltage": Take("voltage", "V"),
    },
    hints=("vicki",),
    examples=(
        ModelExample(
            frame=(1, "011D5A78FA2C01F080"),
            fields="temperature=18.01,setpoint=29.0,valve_position=17.0,humidity=46.88,window_open=false,voltage=3.5",
            origin="TheThingsNetwork/lorawan-devices",
        ),
        ModelExample(
            frame=(2, "811BAF4BAB2A129030"),
            fields="temperature=25.88,setpoint=27.0,valve_position=23.0,humidity=29.3,window_open=false,voltage=2.9",
            origin="MClimate/mclimate-payload-helper, the maker's test of a keep-alive from firmware 3.5",
        ),
        ModelExample(
            frame=(2, "8115987800C201F810"),
            fields="temperature=21.82,setpoint=21.0,valve_position=100.0,humidity=46.88,window_open=true,voltage=3.5",
            origin="made by hand: firmware 3.5",
        ),
        ModelExample(
            frame=(2, "0411338115987800C201F810"),
            fields="temperature=21.82,setpoint=21.0,valve_position=100.0,humidity=46.88,window_open=true,voltage=3.5",
            origin="made by hand: an answer about versions",
        ),
        ModelExample(
            frame=(2, "040101120A01" + "1D5A78FA2C01F080"),
            fields="temperature=18.01,setpoint=29.0,valve_position=17.0,humidity=46.88,window_open=false,voltage=3.5",
            origin="made by hand: two answers, whose third byte looks like the kind where the end is missing",
        ),
        ModelExample(
            members={
                "targetTemperature": 29,
                "sensorTemperature": 18.01,
                "relativeHumidity": 46.88,
                "motorRange": 300,
                "motorPosition": 250,
                "batteryVoltage": 3.5,
                "openWindow": False,
            },
            fields="temperature=18.01,setpoint=29.0,valve_position=17.0,humidity=46.88,window_open=false,voltage=3.5",
            origin="TheThingsNetwork/lorawan-devices, as its first decoder names it",
        ),
        ModelExample(
            members={
                "targetTemperature": 21,
                "targetTemperatureFloat": 21.5,
                "sensorTemperature": 20.1,
                "motorRange": 0,
                "motorPosition": 0,
                "valveOpenness": 0,
            },
            fields="temperature=20.1,setpoint=21.5",
            origin="made by hand: never calibrated",
        ),
    ),
)
