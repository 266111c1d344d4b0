"""Gauge of a river or brook: height of the water above the gauge's zero, and where the model has it its temperature.

No flood rises by 30 m in an hour: five between two readings. Under ice the level may be the same for weeks, so it is
never stuck.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vannstand i elv",
    area=Area.INFRASTRUCTURE,
    fields={
        "level": Field("level", "Vannstand", low=-5.0, high=30.0, steepness=30.0),
        "water_temperature": Field(
            "temperature", "Vanntemperatur", required=False, low=-5.0, high=40.0, sentinels=(85.0,)
        ),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0.412,"water_temperature":0.3,"battery":81}',
            fields="level=0.412,water_temperature=0.3,battery=81.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":-0.05}', fields="level=-0.05"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":0.412,"water_temperature":-40}',
            fields="level=0.412",
            refused={"water_temperature": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":412}', reason=Reason.OUT_OF_RANGE),
    ),
)
