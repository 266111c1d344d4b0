"""Snow-depth sensor: the depth, and the distance from the sensor down to the snow.

Sound travels faster in warm air: a distance by ultrasound is right only where the sensor corrects for that.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Snødybde",
    area=Area.INFRASTRUCTURE,
    fields={
        "snow_depth": Field("snow_depth", "Snødybde"),
        "distance": Field("distance", "Avstand til snøen", required=False, high=20.0),
        "temperature": Field("temperature", "Temperatur", required=False, high=60.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(hours=1),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","snow_depth":63.4,"distance":1.866,"temperature":-12.5,'
            '"battery":73}',
            fields="snow_depth=63.4,distance=1.866,temperature=-12.5,battery=73.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","snow_depth":0}',
            fields="snow_depth=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","snow_depth":63.4,"distance":65.535}',
            fields="snow_depth=63.4",
            refused={"distance": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","snow_depth":6553.5}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","snow_depth":-4}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
