"""Radiator thermostat: temperature at the radiator, what it is set to, and how far its valve is open."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Radiatortermostat",
    area=Area.BUILDINGS,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=80.0, sentinels=(85.0,)),
        "setpoint": Field("temperature", "Innstilt temperatur", required=False, low=0.0, high=40.0),
        "valve_position": Field("position", "Ventilåpning", required=False),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "window_open": Field("opening", "Vindu er åpent", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":18.01,"setpoint":29,"valve_position":42,'
            '"humidity":46.88,"window_open":false,"voltage":3.5}',
            fields="temperature=18.01,setpoint=29.0,valve_position=42.0,humidity=46.88,window_open=false,voltage=3.5",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":21}',
            fields="temperature=21.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":21,"valve_position":104}',
            fields="temperature=21.0",
            refused={"valve_position": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":85}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","setpoint":21}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
