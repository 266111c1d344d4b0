"""Public charging station: power of all its connectors, and how many of them are in use and free.

No card, no tag and no number plate has a field here.

In an hour the register counts no more than the greatest power of a station, 5 MW; it does not roll over.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Ladestasjon",
    area=Area.MOBILITY,
    fields={
        "power": Field("power", "Effekt", low=-5_000_000.0, high=5_000_000.0),
        "energy": Field("energy", "Målerstand", required=False, steepness=5_000.0, rollovers=()),
        "connectors_in_use": Field("count", "Ladeuttak i bruk", required=False, high=500.0),
        "connectors_free": Field("count", "Ledige ladeuttak", required=False, high=500.0),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":142500,"energy":88120.6,"connectors_in_use":3,'
            '"connectors_free":5,"fault":false}',
            fields="power=142500.0,energy=88120.6,connectors_in_use=3.0,connectors_free=5.0,fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0}',
            fields="power=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0,"connectors_free":-1}',
            fields="power=0.0",
            refused={"connectors_free": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":0,"fault":"Faulted"}',
            fields="power=0.0",
            refused={"fault": Reason.WRONG_TYPE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","connectors_free":8}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
