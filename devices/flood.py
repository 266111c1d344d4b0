"""Flood sensor at a culvert, an underpass or a brook: height of the water, and whether it is over the edge."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Flomvarsler",
    area=Area.INFRASTRUCTURE,
    fields={
        "level": Field("level", "Vannstand", low=-5.0, high=20.0),
        "flooded": Field("fault", "Oversvømt", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":1.21,"flooded":true,"battery":88}',
            fields="level=1.21,flooded=true,battery=88.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0}',
            fields="level=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0.2,"flooded":"false"}',
            fields="level=0.2",
            refused={"flooded": Reason.WRONG_TYPE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":121}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","flooded":true}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
