"""MClimate Vicki, radiator valve.

Nine bytes: kind, target temperature, temperature, humidity, position and range of the motor in steps, battery and
flags (MClimate, "Vicki LoRaWAN device communication protocol", Keep-alive); two kinds differ in how they tell the
temperature. An answer to a command has the same nine bytes at its end. The motor's position is how far the valve is
closed; without a range it was never calibrated.
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


def _decode(frame: Frame) -> Sequence[Decoded]:
    body = frame.body
    if len(body) < _SIZE or body[-_SIZE] not in (_UNTIL_3_4, _FROM_3_5):
        refuse(frame, f"its last {_SIZE} bytes are no keep-alive")
    if len(body) > _SIZE and body[0] in (_UNTIL_3_4, _FROM_3_5):
        refuse(frame, f"the keep-alive has {len(body)} bytes, not {_SIZE}")
    octets = Octets(body[-_SIZE:])
    kind, target, temperature, humidity, position, span, high, flags = (octets.take(">B") for _ in range(8))
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
