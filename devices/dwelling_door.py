"""Contact on the door of a dwelling, for somebody who must not go out alone at night.

When people come and go is personal, which a door of a public building is not: see ``door_contact``.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Ytterdør i bolig",
    area=Area.WELFARE,
    fields={
        "door_open": Field("opening", "Døra er åpen"),
        "openings": Field("counter", "Åpninger i alt", required=False),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.INTERNAL),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0, privacy=Privacy.INTERNAL),
    },
    interval=timedelta(hours=2),
    privacy=Privacy.PERSONAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":true,"openings":812,"battery":77}',
            fields="door_open=true,openings=812.0,battery=77.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":false}',
            fields="door_open=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":true,"battery":-1}',
            fields="door_open=true",
            refused={"battery": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","door_open":0}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","battery":77}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
