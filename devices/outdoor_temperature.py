"""Outdoor thermometer, or the temperature series of a weather service.

No front and no sun on the thermometer changes the air by 30 degrees in an hour. Under wet snow it may be at 0 degrees
for a day, and a series may be in whole degrees; three days of exactly the same are none of the weather's.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Utetemperatur",
    area=Area.INFRASTRUCTURE,
    fields={
        "temperature": Field(
            "temperature",
            "Utetemperatur",
            high=60.0,
            sentinels=(85.0,),
            steepness=30.0,
            stuck_after=timedelta(days=3),
        )
    },
    interval=timedelta(hours=1),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":-11.25}', fields="temperature=-11.25"),
        Example(payload='{"time":"2026-01-15 12:00","temperature":-11.25}', reason=Reason.INVALID_TIME),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":NaN}', reason=Reason.NOT_FINITE),
    ),
)
