"""Dragino LSE01, water content, temperature and conductivity of soil.

Eleven bytes on port 2: battery, temperature of an optional probe, water content, temperature, conductivity, flags
(LSE01 user manual, "Uplink Payload"). Firmware 1.2 and later can send raw counts instead, and then sets the highest
flag. Frames of Dragino's other sensors have the same port; read as one of these they give a probe that is hotter
than its range, by which they are refused.
"""

from collections.abc import Mapping, Sequence

from ingest.codec import CodecError
from ingest.frames.broken_frame import expect_port, expect_size, refuse
from ingest.frames.dragino import STATUS_PORT, take_battery
from ingest.frames.finite_number import find_number
from ingest.frames.octets import Octets
from ingest.model import Decoded, Model, ModelExample, Take
from ingest.source import Frame, Plain
from schemas.reason import Reason

_PROBE_RANGE = (-55.0, 125.0)
_NO_PROBE = (327.6, 327.67, 3276.7)  # 0x0CCC and 0x7FFF in tenths; decoders make hundredths of it too
_RAW = 0x80


def _is_probe(temperature: float) -> bool:
    return temperature in _NO_PROBE or _PROBE_RANGE[0] <= temperature <= _PROBE_RANGE[1]


def _decode(frame: Frame) -> Sequence[Decoded]:
    if frame.port == STATUS_PORT:
        return []
    expect_port(frame, 2)
    expect_size(frame, 11)
    octets = Octets(frame.body)
    voltage, _ = take_battery(octets)
    probe = octets.take(">h") / 10
    water, temperature, conductivity = (octets.take(">H") for _ in range(3))
    if not _is_probe(probe):
        refuse(frame, f"its probe would have {probe} degrees: the frame is of another product or version")
    if octets.take(">B") & _RAW:
        refuse(frame, "the sensor was set to send raw counts (AT+MOD=1): set it to send measurements")
    # The manual subtracts 65535, not 65536, of what is below zero.
    soil = (temperature - 0xFFFF if temperature & 0x8000 else temperature) / 100
    return [Decoded({"Bat": voltage, "water_SOIL": water / 100, "temp_SOIL": soil, "conduct_SOIL": conductivity})]


def _check(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    for name in ("TempC_DS18B20", "temp_DS18B20"):
        number, _unit = find_number(members.get(name))
        if number is not None and not _is_probe(number):
            detail = f"its probe would have {number} degrees: it was read as another payload version"
            raise CodecError(Reason.BROKEN_FRAME, detail)


MODEL = Model(
    title="Dragino LSE01",
    device_type="soil_moisture",
    formats=("tts", "chirpstack"),
    decode=_decode,
    complete=_check,
    takes={
        "water_SOIL": Take("moisture", "%"),
        "temp_SOIL": Take("temperature", "Cel"),
        "conduct_SOIL": Take("conductivity", "uS/cm"),
        "Bat": Take("voltage", "V"),
        "BatV": Take("voltage", "V"),
    },
    hints=("lse01",),
    examples=(
        ModelExample(
            members={
                "Bat": 3.625,
                "TempC_DS18B20": "24.1",
                "conduct_SOIL": 28200,
                "temp_SOIL": "24.59",
                "water_SOIL": "19.57",
            },
            fields="moisture=19.57,temperature=24.59,conductivity=28200.0,voltage=3.625",
            origin="TheThingsNetwork/lorawan-devices, as its decoder names it: numbers as texts",
        ),
        ModelExample(
            frame=(2, "0F5A0CCC0000079D000010"),
            fields="moisture=0.0,temperature=19.49,conductivity=0.0,voltage=3.93",
            origin="tasmota/Tasmota-Extensions, SE01-L.be: of the successor SE01-LB in air, without a probe",
        ),
        ModelExample(
            frame=(2, "0CF4000000000338000001"),
            fields="moisture=0.0,temperature=8.24,conductivity=0.0,voltage=3.316",
            origin="ipstack (University of Parma), DraginoLSE01: in air",
        ),
        ModelExample(
            frame=(2, "CE2900F107A5099B6E2810"),
            fields="moisture=19.57,temperature=24.59,conductivity=28200.0,voltage=3.625",
            origin="TheThingsNetwork/lorawan-devices, without the flag of raw counts",
        ),
        ModelExample(
            frame=(2, "0B457FFF05DCFF7E00C810"),
            fields="moisture=15.0,temperature=-1.29,conductivity=200.0,voltage=2.885",
            origin="values that the maker's manual explains, bytes put together by hand",
        ),
    ),
)
