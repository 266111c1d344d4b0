"""Sound-level sensor in a room: the mean and the peak since the last reading. It records no sound.

The levels are A-weighted where the sensor says so; nobody can tell from them what was said.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Lydnivå",
    area=Area.BUILDINGS,
    fields={
        "average": Field("sound_level", "Gjennomsnittlig lydnivå"),
        "peak": Field("sound_level", "Høyeste lydnivå", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","seq":12,"average":47.4,"peak":61.8,"battery":100}',
            fields="average=47.4,peak=61.8,battery=100.0,seq=12",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","average":31}',
            fields="average=31.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","average":47.4,"peak":180}',
            fields="average=47.4",
            refused={"peak": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","average":6553.5}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","peak":61.8}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
