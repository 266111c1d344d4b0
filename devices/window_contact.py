"""Contact on a window: whether it is open, so that nobody heats the street.

It reports every change, and is heard now and then between them.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vinduskontakt",
    area=Area.BUILDINGS,
    fields={
        "window_open": Field("opening", "Vinduet er åpent"),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
        "tamper": Field("fault", "Noen har tuklet med den", required=False),
    },
    interval=timedelta(hours=6),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","window_open":true,"battery":71,"tamper":false}',
            fields="window_open=true,battery=71.0,tamper=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","window_open":false}',
            fields="window_open=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","window_open":false,"tamper":0}',
            fields="window_open=false",
            refused={"tamper": Reason.WRONG_TYPE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","window_open":1}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","battery":71}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
