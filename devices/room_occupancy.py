"""Occupancy sensor of a room: whether somebody is in it, and where the model counts them how many.

Counts only: no picture and no identifier of a person has a field here.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Rombruk",
    area=Area.BUILDINGS,
    fields={
        "presence": Field("presence", "Tilstedeværelse", required=False),
        "people": Field("count", "Personer i rommet", required=False, high=1_000.0),
        "temperature": Field("temperature", "Temperatur", required=False, low=-30.0, high=60.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"people":14,"temperature":21.7,"battery":88}',
            fields="presence=true,people=14.0,temperature=21.7,battery=88.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":false}',
            fields="presence=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","people":0}',
            fields="people=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":true,"people":-2}',
            fields="presence=true",
            refused={"people": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","presence":"occupied"}',
            reason=Reason.WRONG_TYPE,
        ),
    ),
)
