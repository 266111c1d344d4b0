"""Traffic counter of a lane: vehicles in the interval, heavy ones among them, mean speed, occupancy of the loop."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Trafikkteller",
    area=Area.MOBILITY,
    fields={
        "vehicles": Field("count", "Kjøretøy", high=5_000.0),
        "heavy_vehicles": Field("count", "Tunge kjøretøy", required=False, high=5_000.0),
        "speed": Field("speed", "Middelfart", required=False),
        "occupancy": Field("occupancy", "Belegg", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","vehicles":212,"heavy_vehicles":14,"speed":57.3,"occupancy":11.2}',
            fields="vehicles=212.0,heavy_vehicles=14.0,speed=57.3,occupancy=11.2",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","vehicles":0}', fields="vehicles=0.0"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","vehicles":212,"speed":null}',
            fields="vehicles=212.0",
            refused={"speed": Reason.WRONG_TYPE},
        ),
        Example(payload='{"time":"2026-01-15T13:00:00Z","vehicles":212}', reason=Reason.FUTURE_TIME),
    ),
)
