"""Water into a supply zone: flow, and where the station has them the volume and the pressure.

What flows at night, when few draw water, is mostly leakage.

In an hour the register counts no more than the greatest flow that is taken for true. Registers have five to eight
digits.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vannsone",
    area=Area.INFRASTRUCTURE,
    fields={
        "flow": Field("flow", "Vannføring", high=5_000.0),
        "volume": Field("volume", "Målerstand", required=False, steepness=5_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "pressure_bar": Field("water_pressure", "Vanntrykk", required=False, high=40.0),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","flow":41.25,"volume":733120.5,"pressure_bar":5.8,"battery":90}',
            fields="flow=41.25,volume=733120.5,pressure_bar=5.8,battery=90.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","flow":0}',
            fields="flow=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","flow":41.25,"pressure_bar":580}',
            fields="flow=41.25",
            refused={"pressure_bar": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","flow":-4}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":5.8}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
