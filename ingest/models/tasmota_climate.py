"""Climate sensor with Tasmota, of whatever chips are soldered to it.

Of several that measure the same the first in the message is taken. Of several DS18B20 the numbers change when one
fails, so ``probe`` says which: its Id, in TOML ``probe = 0x00000566CC39``.
"""

from collections.abc import Mapping

from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain
from schemas.reason import Reason

_CHIPS = (
    *("AHT1X", "AHT2X", "AM2301", "BME280", "BME680", "BMP180", "BMP280", "DHT11", "DHT22", "HDC1080", "HTU21"),
    *("SCD30", "SCD40", "SHT3X", "SHT3X-0x44", "SHT3X-0x45", "SHT4X", "SI7021"),
)
_CARBON_DIOXIDE = ("MHZ19B", "S8", "SCD30", "SCD40", "SENSEAIR")
_LIGHT = ("BH1750", "TSL2561", "VEML7700")
_PROBE = "DS18B20"
_PROBES = (_PROBE, *(f"{_PROBE}-{number}" for number in range(1, 9)))
"""Alone, and numbered; Tasmota takes eight."""


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    """Leave out all temperatures but that of the probe; without one, those of which nobody knows where they are."""
    thermometers = [name for name in members if name.rpartition(".")[2] == "Temperature"]
    if probe := int(parameters["probe"]):
        kept = next((one for one in _PROBES if members.get(f"{one}.Id") == f"{probe:012X}"), None)
        left_out = [name for name in thermometers if name != f"{kept}.Temperature"]
    else:
        left_out = [name for name in thermometers if name.partition(".")[0] in _PROBES[1:]]
    for name in left_out:
        del members[name]


def _write_takes() -> dict[str, Take]:
    takes = {f"{probe}.Temperature": Take("temperature", "Cel") for probe in _PROBES}
    for block in ("", *(f"{chip}." for chip in _CHIPS)):
        takes |= {
            f"{block}Temperature": Take("temperature", "Cel"),
            f"{block}Humidity": Take("humidity", "%"),
            f"{block}Pressure": Take("pressure", "hPa"),
        }
    takes |= {f"{chip}.CarbonDioxide": Take("co2", "[ppm]") for chip in _CARBON_DIOXIDE}
    takes |= {f"{chip}.Illuminance": Take("illuminance", "lx") for chip in _LIGHT}
    return takes


MODEL = Model(
    title="Tasmota climate sensor",
    device_type="indoor_climate",
    formats=("tasmota",),
    takes=_write_takes(),
    parameters={"probe": Parameter("Id of the DS18B20 among several; 0 where there is one or none", "1", default=0.0)},
    complete=_complete,
    hints=("tasmota climate", "sonoff th", "sonoff sc"),
    examples=(
        ModelExample(
            members={"BME280.Temperature": 21.7, "BME280.Humidity": 66.6, "BME280.Pressure": 988.6},
            units={"BME280.Temperature": "Cel", "BME280.Pressure": "hPa"},
            fields="temperature=21.7,humidity=66.6,pressure=988.6",
            origin="Tasmota's documentation, BME280",
        ),
        ModelExample(
            members={"DS18B20.Temperature": 19.7},
            units={"DS18B20.Temperature": "Cel"},
            fields="temperature=19.7",
            origin="Tasmota's documentation, JSON Status Responses",
        ),
        ModelExample(
            members={"AM2301.Temperature": 15.5, "AM2301.Humidity": 50.6},
            units={"AM2301.Temperature": "Cel"},
            fields="temperature=15.5,humidity=50.6",
            origin="Tasmota's documentation, JSON Status Responses",
        ),
        ModelExample(
            members={
                "DHT11.Temperature": 78.8,
                "DHT11.Humidity": 27.0,
                "SHT3X.Temperature": 74.8,
                "SHT3X.Humidity": 18.9,
            },
            units={"DHT11.Temperature": "[degF]", "SHT3X.Temperature": "[degF]"},
            fields="temperature=26.0,humidity=27.0",
            origin="Tasmota's documentation, JSON Status Responses",
        ),
        ModelExample(
            members={"BMP280.Temperature": 28.52, "BMP280.Pressure": 753.3},
            units={"BMP280.Pressure": "mm[Hg]"},
            fields="temperature=28.52,pressure=1004.314626",
            origin="tests of another program that reads Tasmota, its sample in mmHg",
        ),
        ModelExample(
            members={
                "DS18B20-1.Id": "00000566CC39",
                "DS18B20-1.Temperature": 13.3,
                "DS18B20-2.Id": "0000059352D4",
                "DS18B20-2.Temperature": 1.2,
                "DS18B20.00000566CC39.Temperature": 13.3,
                "DS18B20.0000059352D4.Temperature": 1.2,
            },
            units={"DS18B20-1.Temperature": "Cel", "DS18B20-2.Temperature": "Cel"},
            parameters={"probe": 0x0000059352D4},
            fields="temperature=1.2",
            origin="Tasmota's documentation, DS18x20",
        ),
        ModelExample(
            members={
                "DS18B20-1.Id": "00000566CC39",
                "DS18B20-1.Temperature": 55.94,
                "DS18B20-2.Id": "0000059352D4",
                "DS18B20-2.Temperature": 34.16,
                "AM2301.Temperature": 62.6,
                "AM2301.Humidity": 50.6,
            },
            units={"DS18B20-1.Temperature": "[degF]", "DS18B20-2.Temperature": "[degF]"},
            parameters={"probe": 0x0000059352D4},
            fields="temperature=1.2,humidity=50.6",
            origin="made by hand: set to Fahrenheit, and another thermometer beside the probe",
        ),
        ModelExample(
            members={"BME280.Temperature": 21.7, "BME280.Pressure": 29.2},
            units={"BME280.Pressure": "[in_i'Hg]"},
            fields="temperature=21.7,pressure=988.8226096",
            origin="made by hand: set to inches of mercury",
        ),
        ModelExample(
            members={"BME280.Temperature": 21.7, "BME280.Pressure": 397.0},
            units={"BME280.Pressure": "inH2O"},
            fields="temperature=21.7",
            refused={"pressure": Reason.WRONG_UNIT},
            origin="made by hand: a unit that is not known",
        ),
    ),
)
