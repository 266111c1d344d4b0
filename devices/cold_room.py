"""Thermometer of a cold room for food, and whether its door is open where it has a contact.

Chilled food is kept at 4 degrees at most; the sensor reports often enough that a door left open is seen in time.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Kjølerom",
    area=Area.BUILDINGS,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=50.0, sentinels=(85.0,)),
        "door_open": Field("opening", "Døra er åpen", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","seq":41,"temperature":2.8,"door_open":false,"battery":77}',
            fields="temperature=2.8,door_open=false,battery=77.0,seq=41",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":11.9}', fields="temperature=11.9"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":2.8,"door_open":1}',
            fields="temperature=2.8",
            refused={"door_open": Reason.WRONG_TYPE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":85}', reason=Reason.SENTINEL),
        Example(payload='{"time":"2026-01-15T12:00:00Z","door_open":true}', reason=Reason.MISSING_FIELD),
    ),
)
