"""People counter over a door: its registers of those who entered and of those who left.

What differs between them drifts: a counter misses one now and then, and starts anew when it loses its power.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Personteller",
    area=Area.MOBILITY,
    fields={
        "entered": Field("counter", "Inn i alt"),
        "left": Field("counter", "Ut i alt"),
        "inside": Field("count", "Inne nå", required=False, high=20_000.0),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","entered":172,"left":168,"inside":4,"voltage":3.6}',
            fields="entered=172.0,left=168.0,inside=4.0,voltage=3.6",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","entered":0,"left":0}',
            fields="entered=0.0,left=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","entered":172,"left":168,"inside":-1}',
            fields="entered=172.0,left=168.0",
            refused={"inside": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","entered":172}',
            reason=Reason.MISSING_FIELD,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","entered":"172","left":168}',
            reason=Reason.WRONG_TYPE,
        ),
    ),
)
