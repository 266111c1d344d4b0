"""Soil sensor: water in the ground as part of its volume, temperature and conductivity; for parks and sports fields."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Jordfuktighet",
    area=Area.INFRASTRUCTURE,
    fields={
        "moisture": Field("soil_moisture", "Jordfuktighet"),
        "temperature": Field("temperature", "Jordtemperatur", required=False, high=60.0, sentinels=(85.0,)),
        "conductivity": Field("conductivity", "Ledningsevne", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=30),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","moisture":38.2,"temperature":6.7,"conductivity":412,"battery":84,'
            '"voltage":3.2}',
            fields="moisture=38.2,temperature=6.7,conductivity=412.0,battery=84.0,voltage=3.2",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","moisture":0}',
            fields="moisture=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","moisture":38.2,"temperature":327.67}',
            fields="moisture=38.2",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","moisture":38.2,"conductivity":65535}',
            fields="moisture=38.2",
            refused={"conductivity": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","moisture":138}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
