"""Rain gauge: what fell since the last reading, and where the model has them its total and the intensity.

The sum of the readings is the rain of a day; the total finds what was lost on the way.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Nedbørmåler",
    area=Area.INFRASTRUCTURE,
    fields={
        "precipitation": Field("precipitation", "Nedbør siden forrige måling", high=200.0),
        "precipitation_total": Field("precipitation_total", "Nedbør i alt", required=False),
        "intensity": Field("precipitation_intensity", "Nedbørintensitet", required=False),
        "temperature": Field("temperature", "Temperatur", required=False, high=60.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=10),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","precipitation":0.6,"precipitation_total":812.4,"intensity":3.6,'
            '"temperature":1.8,"battery":97}',
            fields="precipitation=0.6,precipitation_total=812.4,intensity=3.6,temperature=1.8,battery=97.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","precipitation":0}',
            fields="precipitation=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","precipitation":0.6,"temperature":-127}',
            fields="precipitation=0.6",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","precipitation":0.6,"intensity":-1}',
            fields="precipitation=0.6",
            refused={"intensity": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","precipitation":6553.4}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","intensity":3.6}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
