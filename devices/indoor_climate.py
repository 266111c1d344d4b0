"""Indoor climate sensor in a room: temperature, and where the model has them humidity, CO2, light and presence."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Inneklima",
    area=Area.BUILDINGS,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "co2": Field("co2", "CO₂", required=False),
        "illuminance": Field("illuminance", "Belysning", required=False),
        "presence": Field("presence", "Tilstedeværelse", required=False),
        "pressure": Field("pressure", "Lufttrykk", required=False),
        "pm2_5": Field("mass_concentration", "Svevestøv PM2,5", required=False, high=1_000.0),
        "pm10": Field("mass_concentration", "Svevestøv PM10", required=False, high=2_000.0),
        "tvoc_index": Field("index", "Flyktige organiske stoffer (indeks)", required=False),
        "formaldehyde": Field("mass_concentration", "Formaldehyd", required=False),
        "motion": Field("count", "Bevegelser", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","seq":7,"temperature":21.4,"humidity":38,"co2":612,'
            '"illuminance":320.5,"presence":true,"battery":91}',
            fields="temperature=21.4,humidity=38.0,co2=612.0,illuminance=320.5,presence=true,battery=91.0,seq=7",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":19.5}',
            fields="temperature=19.5",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":19.5,"humidity":138}',
            fields="temperature=19.5",
            refused={"humidity": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":"19.5"}',
            reason=Reason.WRONG_TYPE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","humidity":40}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
