"""Ventilation unit: temperatures of the air, speed of the fans, pressure over the filter, and heat recovery.

A pressure that rises from week to week at the same speed is a filter that clogs.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Ventilasjonsaggregat",
    area=Area.BUILDINGS,
    fields={
        "supply_temperature": Field("temperature", "Tillufttemperatur", low=-30.0, high=60.0, sentinels=(85.0,)),
        "extract_temperature": Field(
            "temperature", "Avtrekkstemperatur", required=False, low=-30.0, high=60.0, sentinels=(85.0,)
        ),
        "outdoor_temperature": Field("temperature", "Utelufttemperatur", required=False, high=60.0, sentinels=(85.0,)),
        "supply_fan": Field("position", "Tilluftsvifte", required=False),
        "extract_fan": Field("position", "Avtrekksvifte", required=False),
        "filter_pressure": Field(
            "differential_pressure", "Trykkfall over filter", required=False, low=-500.0, high=5_000.0
        ),
        "heat_recovery": Field("position", "Varmegjenvinner", required=False),
        "running": Field("switch", "Går", required=False),
        "fault": Field("fault", "Feil", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":19.4,"extract_temperature":22.1,'
            '"outdoor_temperature":-9.8,"supply_fan":62,"extract_fan":58.5,"filter_pressure":118,"heat_recovery":81,'
            '"running":true,"fault":false}',
            fields="supply_temperature=19.4,extract_temperature=22.1,outdoor_temperature=-9.8,supply_fan=62.0,"
            "extract_fan=58.5,filter_pressure=118.0,heat_recovery=81.0,running=true,fault=false",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":19.4}',
            fields="supply_temperature=19.4",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":19.4,"filter_pressure":32767}',
            fields="supply_temperature=19.4",
            refused={"filter_pressure": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":19.4,"running":1}',
            fields="supply_temperature=19.4",
            refused={"running": Reason.WRONG_TYPE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","supply_temperature":194}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
