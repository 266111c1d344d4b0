"""Charger for the municipality's own electric cars: power, energy in all and of the session, whether a car is there.

No card, no tag and no number plate has a field here.

In an hour the register counts no more than the greatest power of a charger, 400 kW; it does not roll over.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Elbillader",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt", low=-400_000.0, high=400_000.0),
        "energy": Field("energy", "Målerstand", required=False, steepness=400.0, rollovers=()),
        "session_energy": Field("interval_energy", "Energi i ladeøkta", required=False, high=2_000.0),
        "connected": Field("switch", "Bil tilkoblet", required=False),
        "charging": Field("switch", "Lader", required=False),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":7360,"energy":4120.7,"session_energy":12.4,'
            '"connected":true,"charging":true,"fault":false}',
            fields="power=7360.0,energy=4120.7,session_energy=12.4,connected=true,charging=true,fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0}',
            fields="power=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":7360,"tag_id":"04A1B2C3"}',
            fields="power=7360.0",
            refused={"tag_id": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0,"session_energy":-0.1}',
            fields="power=0.0",
            refused={"session_energy": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","connected":true}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
