"""Road-surface thermometer, mounted above the road and looking down at it; it tells of ice before it forms."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vegbanetemperatur",
    area=Area.INFRASTRUCTURE,
    fields={
        "surface_temperature": Field("temperature", "Vegbanetemperatur", high=80.0, sentinels=(85.0,)),
        "air_temperature": Field("temperature", "Lufttemperatur", required=False, high=60.0, sentinels=(85.0,)),
        "humidity": Field("relative_humidity", "Luftfuktighet", required=False),
        "dew_point": Field("temperature", "Duggpunkt", required=False, high=50.0),
        "angle": Field("tilt", "Helning", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","surface_temperature":-2.79,"air_temperature":-0.4,'
            '"humidity":91.2,"dew_point":-1.7,"angle":14,"voltage":2.932}',
            fields="surface_temperature=-2.79,air_temperature=-0.4,humidity=91.2,dew_point=-1.7,angle=14.0,"
            "voltage=2.932",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","surface_temperature":0.2}',
            fields="surface_temperature=0.2",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","surface_temperature":0.2,"air_temperature":-127}',
            fields="surface_temperature=0.2",
            refused={"air_temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","surface_temperature":-75}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","air_temperature":1.5}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
