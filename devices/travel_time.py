"""Travel time of a stretch of road, as a mean of the vehicles that drove all of it.

Nothing that tells one vehicle from another has a field here.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Reisetid",
    area=Area.MOBILITY,
    fields={
        "travel_time": Field("travel_time", "Reisetid"),
        "speed": Field("speed", "Middelfart", required=False),
        "vehicles": Field("count", "Kjøretøy", required=False, high=5_000.0),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","travel_time":412,"speed":48.9,"vehicles":37}',
            fields="travel_time=412.0,speed=48.9,vehicles=37.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","travel_time":412}',
            fields="travel_time=412.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","travel_time":412,"speed":489}',
            fields="travel_time=412.0",
            refused={"speed": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","travel_time":412,"plate":"AB12345"}',
            fields="travel_time=412.0",
            refused={"plate": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","travel_time":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
