"""Level of the sewage in a manhole above its bottom, and whether it runs over into the emergency outlet."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vannstand i kum",
    area=Area.INFRASTRUCTURE,
    fields={
        "level": Field("level", "Vannstand", low=-0.5, high=20.0),
        "overflow": Field("overflow", "Kummen går i overløp", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0.187,"overflow":false,"battery":69}',
            fields="level=0.187,overflow=false,battery=69.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":1.94}', fields="level=1.94"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0.187,"overflow":"no"}',
            fields="level=0.187",
            refused={"overflow": Reason.WRONG_TYPE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":-7}', reason=Reason.OUT_OF_RANGE),
    ),
)
