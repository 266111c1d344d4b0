"""Occupancy sensor under a desk. Who has a desk of their own can be told from it, so its presence is personal."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Bruk av arbeidsplass",
    area=Area.BUILDINGS,
    fields={
        "presence": Field("presence", "Noen sitter der"),
        "temperature": Field(
            "temperature",
            "Temperatur",
            required=False,
            low=-30.0,
            high=60.0,
            sentinels=(85.0,),
            privacy=Privacy.INTERNAL,
        ),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.INTERNAL),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0, privacy=Privacy.INTERNAL),
    },
    interval=timedelta(minutes=30),
    privacy=Privacy.PERSONAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"temperature":22.9,"battery":100}',
            fields="presence=true,temperature=22.9,battery=100.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":false}',
            fields="presence=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":false,"temperature":85}',
            fields="presence=false",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":2}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","battery":100}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
