"""Road-weather station: air and surface temperature, humidity, wind, precipitation, water film and friction.

The air is not exactly the same for three days; the road may be, under snow, and its alarms are to hear it.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Værstasjon ved veg",
    area=Area.INFRASTRUCTURE,
    fields={
        "air_temperature": Field(
            "temperature", "Lufttemperatur", high=60.0, sentinels=(85.0,), stuck_after=timedelta(days=3)
        ),
        "surface_temperature": Field("temperature", "Vegbanetemperatur", high=80.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "wind_speed": Field("wind_speed", "Vind", required=False),
        "wind_direction": Field("wind_direction", "Vindretning", required=False),
        "precipitation": Field("precipitation", "Nedbør siste time", required=False),
        "film_thickness": Field("film_thickness", "Vannfilm", required=False),
        "friction": Field("friction", "Friksjon", required=False),
        "snow_depth": Field("snow_depth", "Snødybde", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","air_temperature":-7.2,"surface_temperature":-5.9,"humidity":84,'
            '"wind_speed":3.1,"wind_direction":210,"precipitation":0.4,"film_thickness":120,"friction":0.42,'
            '"snow_depth":31}',
            fields="air_temperature=-7.2,surface_temperature=-5.9,humidity=84.0,wind_speed=3.1,wind_direction=210.0,"
            "precipitation=0.4,film_thickness=120.0,friction=0.42,snow_depth=31.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00.250Z","air_temperature":1.5,"surface_temperature":0.2}',
            fields="air_temperature=1.5,surface_temperature=0.2",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","air_temperature":-127,"surface_temperature":-5.9}',
            reason=Reason.SENTINEL,
        ),
        Example(payload='{"air_temperature":1.5,"surface_temperature":0.2}', reason=Reason.MISSING_TIME),
    ),
)
