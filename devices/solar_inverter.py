"""Inverter of a solar plant: what it delivers now and has delivered. At night it draws a few watts itself.

The register counts no more than its greatest power, 5 MW, and does not roll over; some inverters say 0 in the
morning until they have read it.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Solcelleanlegg",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt", low=-10_000.0, high=5_000_000.0),
        "energy": Field("energy", "Produsert i alt", required=False, steepness=5_000.0, rollovers=()),
        "voltage": Field("voltage", "Spenning", required=False),
        "current": Field("current", "Strøm", required=False),
        "frequency": Field("frequency", "Frekvens", required=False),
        "temperature": Field("temperature", "Temperatur i omformeren", required=False, high=125.0),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":18240,"energy":91277.5,"voltage":401.2,"current":26.3,'
            '"frequency":49.98,"temperature":38.4,"fault":false}',
            fields="power=18240.0,energy=91277.5,voltage=401.2,current=26.3,frequency=49.98,temperature=38.4,"
            "fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":-6.5}',
            fields="power=-6.5",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":18240,"frequency":0}',
            fields="power=18240.0",
            refused={"frequency": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0,"temperature":-3276.8}',
            fields="power=0.0",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":91277.5}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
