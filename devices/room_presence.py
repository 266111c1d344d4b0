"""Presence sensor in a room of somebody who lives in a care home or is looked after at home: whether there is life.

It says something about one person's health, and nothing of who it is.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Tilstedeværelse i rom",
    area=Area.WELFARE,
    fields={
        "presence": Field("presence", "Tilstedeværelse"),
        "motion": Field("count", "Bevegelser", required=False),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.INTERNAL),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0, privacy=Privacy.INTERNAL),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.HEALTH,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"motion":6,"battery":93}',
            fields="presence=true,motion=6.0,battery=93.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":false}',
            fields="presence=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"motion":-1}',
            fields="presence=true",
            refused={"motion": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"resident":"Kari"}',
            fields="presence=true",
            refused={"resident": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":"present"}',
            reason=Reason.WRONG_TYPE,
        ),
    ),
)
