"""Radon sensor in a building.

In Norway measures are to be taken above 100 Bq/m³, and 200 must not be exceeded, both as means of a year.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Radon",
    area=Area.INFRASTRUCTURE,
    fields={
        "radon": Field("radon", "Radon"),
        "temperature": Field("temperature", "Temperatur", required=False, low=-30.0, high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(hours=1),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","radon":86,"temperature":20.1,"humidity":33,"battery":66}',
            fields="radon=86.0,temperature=20.1,humidity=33.0,battery=66.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","radon":0}',
            fields="radon=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","radon":86,"temperature":85}',
            fields="radon=86.0",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","radon":65535}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","radon":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
