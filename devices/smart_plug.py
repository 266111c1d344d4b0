"""Plug or relay that measures: power, energy, and whether it is on. Behind it may be anything up to 32 amperes."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Smartplugg",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt", required=False, low=-20_000.0, high=20_000.0),
        "energy": Field("energy", "Målerstand", required=False),
        "voltage": Field("voltage", "Spenning", required=False, high=500.0),
        "current": Field("current", "Strøm", required=False, low=-100.0, high=100.0),
        "frequency": Field("frequency", "Frekvens", required=False),
        "power_factor": Field("power_factor", "Effektfaktor", required=False),
        "on": Field("switch", "På", required=False),
        "temperature": Field("temperature", "Temperatur i pluggen", required=False, high=125.0),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":42.7,"energy":0.110046,"voltage":232.8,"current":0.19,'
            '"frequency":50,"power_factor":0.96,"on":true,"temperature":30.3}',
            fields="power=42.7,energy=0.110046,voltage=232.8,current=0.19,frequency=50.0,power_factor=0.96,on=true,"
            "temperature=30.3",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","on":false}',
            fields="on=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0}',
            fields="power=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":42.7,"on":"ON"}',
            fields="power=42.7",
            refused={"on": Reason.WRONG_TYPE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":110046}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
