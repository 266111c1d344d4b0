"""Heat pump of a building: temperatures of the circuit, what it uses and what it gives, and whether it runs.

Heat given over power used is its coefficient of performance.

In an hour the registers count no more than the greatest powers, 1 MW of electricity and 5 MW of heat; they do not roll
over.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Varmepumpe",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt inn", required=False, low=0.0, high=1_000_000.0),
        "energy": Field("energy", "Målerstand strøm", required=False, steepness=1_000.0, rollovers=()),
        "heat_power": Field("power", "Varmeeffekt", required=False, low=-100_000.0, high=5_000_000.0),
        "heat_energy": Field("energy", "Målerstand varme", required=False, steepness=5_000.0, rollovers=()),
        "supply_temperature": Field("temperature", "Turtemperatur", low=-30.0, high=110.0),
        "return_temperature": Field("temperature", "Returtemperatur", low=-30.0, high=110.0),
        "outdoor_temperature": Field("temperature", "Utetemperatur", required=False, high=60.0, sentinels=(85.0,)),
        "running": Field("switch", "Går", required=False),
        "defrosting": Field("switch", "Avriming", required=False),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":4120,"energy":51200.4,"heat_power":13600,'
            '"heat_energy":162004.8,"supply_temperature":44.8,"return_temperature":38.9,"outdoor_temperature":-7.5,'
            '"running":true,"defrosting":false,"fault":false}',
            fields="power=4120.0,energy=51200.4,heat_power=13600.0,heat_energy=162004.8,supply_temperature=44.8,"
            "return_temperature=38.9,outdoor_temperature=-7.5,running=true,defrosting=false,fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":31.2,"return_temperature":30.9}',
            fields="supply_temperature=31.2,return_temperature=30.9",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":44.8,"return_temperature":38.9,"power":-5}',
            fields="supply_temperature=44.8,return_temperature=38.9",
            refused={"power": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":44.8,"return_temperature":38.9,'
            '"outdoor_temperature":3276.7}',
            fields="supply_temperature=44.8,return_temperature=38.9",
            refused={"outdoor_temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":44.8,"return_temperature":-127}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":44.8}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
