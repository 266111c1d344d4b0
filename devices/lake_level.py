"""Gauge of a lake: height of the water above the sea or the gauge's zero, and where the model has it its temperature.

Mjøsa is told in metres above the sea, between 119 and 126; lakes of the hills are higher. No wave and no wind moves the
water at a gauge by 6 m in an hour: one metre between two readings. Under ice the level may be the same for weeks, so it
is never stuck.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vannstand i innsjø",
    area=Area.INFRASTRUCTURE,
    fields={
        "level": Field("level", "Vannstand", low=-5.0, high=1000.0, steepness=6.0),
        "water_temperature": Field(
            "temperature", "Vanntemperatur", required=False, low=-5.0, high=40.0, sentinels=(85.0,)
        ),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":121.87,"water_temperature":1.4,"battery":77}',
            fields="level=121.87,water_temperature=1.4,battery=77.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":0.42}', fields="level=0.42"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":121.87,"water_temperature":85}',
            fields="level=121.87",
            refused={"water_temperature": Reason.SENTINEL},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","level":12187}', reason=Reason.OUT_OF_RANGE),
        Example(payload='{"time":"2026-01-15T12:00:00Z","water_temperature":1.4}', reason=Reason.MISSING_FIELD),
    ),
)
