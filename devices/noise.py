"""Noise station outdoors: A-weighted levels of the interval. It records no sound.

LAeq is the mean of the energy; LA10 was exceeded a tenth of the time and LA90 nine tenths of it.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Støy ute",
    area=Area.INFRASTRUCTURE,
    fields={
        "laeq": Field("sound_level", "Gjennomsnittlig støynivå (LAeq)"),
        "lamax": Field("sound_level", "Høyeste støynivå (LAmax)", required=False),
        "lamin": Field("sound_level", "Laveste støynivå (LAmin)", required=False),
        "la10": Field("sound_level", "Støynivå overskredet 10 % av tida (LA10)", required=False),
        "la90": Field("sound_level", "Støynivå overskredet 90 % av tida (LA90)", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","laeq":57.5,"lamax":71.8,"lamin":38.2,"la10":60.4,"la90":42.1,'
            '"battery":100}',
            fields="laeq=57.5,lamax=71.8,lamin=38.2,la10=60.4,la90=42.1,battery=100.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","laeq":47.4}',
            fields="laeq=47.4",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","laeq":57.5,"lamax":618}',
            fields="laeq=57.5",
            refused={"lamax": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","laeq":-3}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","lamax":71.8}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
