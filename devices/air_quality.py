"""Air-quality station: particles, nitrogen dioxide, and where the model has them temperature and humidity.

No field is required: a sensor of particles that is not asked each time, or is being cleaned, leaves them out.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Luftkvalitet",
    area=Area.INFRASTRUCTURE,
    fields={
        "pm10": Field("mass_concentration", "Svevestøv PM10", required=False, high=2_000.0),
        "pm2_5": Field("mass_concentration", "Svevestøv PM2,5", required=False, high=1_000.0),
        "no2": Field("mass_concentration", "Nitrogendioksid (NO₂)", required=False, high=2_000.0),
        "o3": Field("mass_concentration", "Ozon (O₃)", required=False, high=2_000.0),
        "pm1": Field("mass_concentration", "Svevestøv PM1", required=False, high=1_000.0),
        "pm4": Field("mass_concentration", "Svevestøv PM4", required=False, high=2_000.0),
        "co2": Field("co2", "CO₂", required=False),
        "temperature": Field("temperature", "Temperatur", required=False, high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "pressure": Field("pressure", "Lufttrykk", required=False),
        "noise_level": Field("sound_level", "Støynivå", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pm10":38.5,"pm2_5":21.7,"no2":44,"temperature":-11.2,"humidity":86}',
            fields="pm10=38.5,pm2_5=21.7,no2=44.0,temperature=-11.2,humidity=86.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","pm10":7.25}', fields="pm10=7.25"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pm10":38.5,"no2":-3.2}',
            fields="pm10=38.5",
            refused={"no2": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","pm10":65535}', reason=Reason.SENTINEL),
        Example(payload='{"time":"2026-01-15T12:00:00Z","pm2_5":12.1}', fields="pm2_5=12.1"),
        Example(payload='{"time":"2026-01-15T12:00:00Z","voltage":3.109}', fields="voltage=3.109"),
        Example(payload='{"time":"2026-01-15T12:00:00Z"}', reason=Reason.MISSING_FIELD),
    ),
)
