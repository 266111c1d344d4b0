"""Thermometer of a refrigerator for food, and whether its door is open where it has a contact."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Kjøleskap",
    area=Area.BUILDINGS,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=50.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "door_open": Field("opening", "Døra er åpen", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":3.6,"humidity":44,"door_open":false,"voltage":3.016}',
            fields="temperature=3.6,humidity=44.0,door_open=false,voltage=3.016",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":3.6}',
            fields="temperature=3.6",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":3.6,"humidity":104}',
            fields="temperature=3.6",
            refused={"humidity": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":327.67}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-127}',
            reason=Reason.SENTINEL,
        ),
    ),
)
