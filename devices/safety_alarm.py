"""Safety alarm that somebody wears: whether they call for help, and whether they wear it.

The platform only watches that it works: a call for help goes to those who answer it, on a line of its own.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Trygghetsalarm",
    area=Area.WELFARE,
    fields={
        "alarm": Field("fault", "Alarm utløst"),
        "worn": Field("switch", "I bruk", required=False),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.INTERNAL),
    },
    interval=timedelta(hours=1),
    privacy=Privacy.HEALTH,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","alarm":false,"worn":true,"battery":64}',
            fields="alarm=false,worn=true,battery=64.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","alarm":true}',
            fields="alarm=true",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","alarm":false,"battery":255}',
            fields="alarm=false",
            refused={"battery": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","alarm":"pressed"}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","battery":64}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
