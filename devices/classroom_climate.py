"""Climate of a classroom, for those who run the building and for the pupils, who see what they breathe."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Klima i klasserom",
    area=Area.LEARNING,
    fields={
        "temperature": Field("temperature", "Temperatur", low=-30.0, high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "co2": Field("co2", "CO₂"),
        "illuminance": Field("illuminance", "Belysning", required=False),
        "motion": Field("count", "Bevegelser", required=False),
        "sound_average": Field("sound_level", "Gjennomsnittlig lydnivå", required=False),
        "sound_peak": Field("sound_level", "Høyeste lydnivå", required=False),
        "pressure": Field("pressure", "Lufttrykk", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":22.6,"humidity":41,"co2":776,"illuminance":39,'
            '"motion":6,"sound_average":47,"sound_peak":71,"pressure":1004.7,"voltage":3.594}',
            fields="temperature=22.6,humidity=41.0,co2=776.0,illuminance=39.0,motion=6.0,sound_average=47.0,"
            "sound_peak=71.0,pressure=1004.7,voltage=3.594",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":22.6,"co2":776}',
            fields="temperature=22.6,co2=776.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":22.6,"co2":776,"humidity":655.35}',
            fields="temperature=22.6,co2=776.0",
            refused={"humidity": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":22.6,"co2":65535}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":226,"co2":776}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":22.6}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
