"""Level sensor that looks down at water, grit or salt: the distance to it; the level where the mounting is known."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Nivåmåler",
    area=Area.INFRASTRUCTURE,
    fields={
        "level": Field("level", "Nivå", required=False, low=-5.0, high=60.0),
        "distance": Field("distance", "Avstand fra måleren"),
        "temperature": Field("temperature", "Temperatur", required=False, high=80.0, sentinels=(85.0,)),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=20),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","level":1.201,"distance":2.799,"temperature":4.5,"voltage":3.387}',
            fields="level=1.201,distance=2.799,temperature=4.5,voltage=3.387",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","distance":2.799}',
            fields="distance=2.799",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","distance":2.799,"temperature":327.67}',
            fields="distance=2.799",
            refused={"temperature": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","distance":65.535}',
            reason=Reason.SENTINEL,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","distance":2799}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
