"""Real-time display at a bus stop: whether it shows anything, and how it fares in its cabinet."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Sanntidsskjerm",
    area=Area.MOBILITY,
    fields={
        "showing": Field("switch", "Viser avganger"),
        "temperature": Field("temperature", "Temperatur i skapet", required=False, high=100.0),
        "brightness": Field("dimming", "Lysstyrke", required=False),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","showing":true,"temperature":31.5,"brightness":80,"fault":false}',
            fields="showing=true,temperature=31.5,brightness=80.0,fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","showing":false}',
            fields="showing=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","showing":true,"brightness":255}',
            fields="showing=true",
            refused={"brightness": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","showing":"on"}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":31.5}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
