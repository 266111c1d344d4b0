"""Car park: how many bays are free, and where it says so how many are taken."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Parkeringshus",
    area=Area.MOBILITY,
    fields={
        "free": Field("count", "Ledige plasser", high=20_000.0),
        "occupied_bays": Field("count", "Opptatte plasser", required=False, high=20_000.0),
        "occupancy": Field("occupancy", "Belegg", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","free":41,"occupied_bays":159,"occupancy":79.5}',
            fields="free=41.0,occupied_bays=159.0,occupancy=79.5",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","free":0}',
            fields="free=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","free":41,"occupancy":104}',
            fields="free=41.0",
            refused={"occupancy": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","free":-3}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","free":"full"}',
            reason=Reason.WRONG_TYPE,
        ),
    ),
)
