"""Sensor of one parking bay: whether a car stands on it.

It reports every change, and is heard now and then between them.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Parkeringsplass",
    area=Area.MOBILITY,
    fields={
        "occupied": Field("presence", "Opptatt"),
        "temperature": Field("temperature", "Temperatur", required=False, high=85.0),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(hours=6),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","occupied":true,"temperature":-10,"voltage":3.344}',
            fields="occupied=true,temperature=-10.0,voltage=3.344",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","occupied":false}',
            fields="occupied=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","occupied":true,"temperature":-127}',
            fields="occupied=true",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","occupied":1}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","voltage":3.344}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
