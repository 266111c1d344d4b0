"""Waste bin: how full it is, and where the sensor has it the temperature in it, which tells of a fire."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Avfallsbeholder",
    area=Area.INFRASTRUCTURE,
    fields={
        "fill": Field("fill", "Fyllingsgrad"),
        "distance": Field("distance", "Avstand til avfallet", required=False, high=20.0),
        "temperature": Field("temperature", "Temperatur", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=30),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","fill":63,"temperature":-4.5,"battery":88}',
            fields="fill=63.0,temperature=-4.5,battery=88.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","fill":63,"temperature":400}',
            fields="fill=63.0",
            refused={"temperature": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","fill":104}', reason=Reason.OUT_OF_RANGE),
    ),
)
