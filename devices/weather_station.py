"""Weather station of a school: the pupils' own, on a roof or in the schoolyard."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Skolens værstasjon",
    area=Area.LEARNING,
    fields={
        "temperature": Field("temperature", "Temperatur", high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "pressure": Field("pressure", "Lufttrykk", required=False),
        "wind_speed": Field("wind_speed", "Vind", required=False),
        "wind_gust": Field("wind_speed", "Vindkast", required=False),
        "wind_direction": Field("wind_direction", "Vindretning", required=False),
        "precipitation": Field("precipitation", "Nedbør siden forrige måling", required=False),
        "irradiance": Field("irradiance", "Solinnstråling", required=False),
        "uv_index": Field("uv_index", "UV-indeks", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-7.4,"humidity":82,"pressure":987.2,'
            '"wind_speed":3.4,"wind_gust":6.1,"wind_direction":214,"precipitation":0,"irradiance":112,"uv_index":0.3,'
            '"battery":99}',
            fields="temperature=-7.4,humidity=82.0,pressure=987.2,wind_speed=3.4,wind_gust=6.1,wind_direction=214.0,"
            "precipitation=0.0,irradiance=112.0,uv_index=0.3,battery=99.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-7.4}',
            fields="temperature=-7.4",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-7.4,"wind_direction":-30}',
            fields="temperature=-7.4",
            refused={"wind_direction": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","temperature":-127}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","humidity":82}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
