"""Buoy or sensor at a bathing place: temperature of the water, and where it has them acidity and turbidity."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Badevann",
    area=Area.INFRASTRUCTURE,
    fields={
        "water_temperature": Field("temperature", "Vanntemperatur", low=-5.0, high=40.0, sentinels=(85.0,)),
        "ph": Field("ph", "Surhetsgrad", required=False),
        "turbidity": Field("turbidity", "Turbiditet", required=False, high=4_000.0),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(hours=1),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","water_temperature":19.4,"ph":7.3,"turbidity":1.8,"battery":90}',
            fields="water_temperature=19.4,ph=7.3,turbidity=1.8,battery=90.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","water_temperature":19.4}',
            fields="water_temperature=19.4",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","water_temperature":19.4,"ph":14.7}',
            fields="water_temperature=19.4",
            refused={"ph": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","water_temperature":-127}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","water_temperature":194}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
