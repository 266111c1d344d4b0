"""Road detector that reports speed or occupancy and no count, as many recorded series do."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Trafikkdetektor",
    area=Area.MOBILITY,
    fields={
        "speed": Field("speed", "Middelfart", required=False),
        "occupancy": Field("occupancy", "Belegg", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(payload='{"time":"2026-01-15T12:00:00Z","speed":117.482496}', fields="speed=117.482496"),
        Example(payload='{"time":"2026-01-15T12:00:00Z","occupancy":3.06}', fields="occupancy=3.06"),
        Example(payload='{"time":"2026-01-15T12:00:00Z"}', reason=Reason.MISSING_FIELD),
        Example(payload='{"time":"2026-01-15T12:00:00Z","speed":1000}', reason=Reason.OUT_OF_RANGE),
    ),
)
