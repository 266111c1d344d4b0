"""Outdoor thermometer, or the temperature series of a weather service."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Utetemperatur",
    area=Area.INFRASTRUCTURE,
    fields={"temperature": Field("temperature", "Utetemperatur", high=60.0, sentinels=(85.0,))},
    interval=timedelta(hours=1),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":-11.25}', fields="temperature=-11.25"),
        Example(payload='{"time":"2026-01-15 12:00","temperature":-11.25}', reason=Reason.INVALID_TIME),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":NaN}', reason=Reason.NOT_FINITE),
    ),
)
