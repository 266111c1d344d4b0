"""Thermometer of a freezer or freezer room for food, which is kept at 18 degrees of frost or colder."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Fryser",
    area=Area.BUILDINGS,
    fields={
        "temperature": Field("temperature", "Temperatur", high=50.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-20.4,"battery":58}',
            fields="temperature=-20.4,battery=58.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-20.4,"battery":-1}',
            fields="temperature=-20.4",
            refused={"battery": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":-127}', reason=Reason.SENTINEL),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":null}', reason=Reason.WRONG_TYPE),
    ),
)
