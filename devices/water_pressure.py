"""Pressure sensor in the water network, as gauge pressure: below zero, dirty water may be drawn in."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vanntrykk",
    area=Area.INFRASTRUCTURE,
    fields={
        "pressure_bar": Field("water_pressure", "Vanntrykk", high=40.0),
        "temperature": Field("temperature", "Temperatur", required=False, low=-30.0, high=60.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":6.12,"temperature":5.4,"battery":79}',
            fields="pressure_bar=6.12,temperature=5.4,battery=79.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":-0.2}',
            fields="pressure_bar=-0.2",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":6.12,"battery":101}',
            fields="pressure_bar=6.12",
            refused={"battery": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":612}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pressure_bar":null}',
            reason=Reason.WRONG_TYPE,
        ),
    ),
)
