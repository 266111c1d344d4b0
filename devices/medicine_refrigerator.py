"""Thermometer of a refrigerator for medicines and vaccines, which are kept between 2 and 8 degrees."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Medisinkjøleskap",
    area=Area.WELFARE,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=50.0, sentinels=(85.0,)),
        "door_open": Field("opening", "Døra er åpen", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":5.12,"door_open":true,"battery":93}',
            fields="temperature=5.12,door_open=true,battery=93.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":-0.5}', fields="temperature=-0.5"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":5.12,"medicine":"insulin"}',
            fields="temperature=5.12",
            refused={"medicine": Reason.UNKNOWN_FIELD},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","temperature":"5,1"}', reason=Reason.WRONG_TYPE),
    ),
)
