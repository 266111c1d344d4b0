"""Contact on a door of a public building: whether it is open, and how often it was opened since it was installed.

It reports every change, and is heard now and then between them. Some tell of their seal, their battery or their counter
alone, so no field is required.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Dørkontakt",
    area=Area.BUILDINGS,
    fields={
        "door_open": Field("opening", "Døra er åpen", required=False),
        "openings": Field("counter", "Åpninger i alt", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
        "tamper": Field("fault", "Noen har tuklet med den", required=False),
    },
    interval=timedelta(hours=6),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":true,"openings":9472,"battery":96,"voltage":2.952,'
            '"tamper":false}',
            fields="door_open=true,openings=9472.0,battery=96.0,voltage=2.952,tamper=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":false}',
            fields="door_open=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":false,"openings":-1}',
            fields="door_open=false",
            refused={"openings": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":true,"battery":255}',
            fields="door_open=true",
            refused={"battery": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","tamper":true}',
            fields="tamper=true",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":"open"}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
