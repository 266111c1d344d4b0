"""Bicycle and pedestrian counter: how many passed in the interval, and the counters since it was installed.

Counts only: no identifier of a person or a phone has a field here, so none can be stored.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Sykkel- og fotgjengerteller",
    area=Area.MOBILITY,
    fields={
        "bicycles": Field("count", "Sykler", high=5_000.0),
        "pedestrians": Field("count", "Fotgjengere", high=20_000.0),
        "bicycles_total": Field("counter", "Sykler i alt", required=False),
        "pedestrians_total": Field("counter", "Fotgjengere i alt", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":4,"pedestrians":31,"bicycles_total":120412,'
            '"pedestrians_total":913377,"battery":64}',
            fields="bicycles=4.0,pedestrians=31.0,bicycles_total=120412.0,pedestrians_total=913377.0,battery=64.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":0,"pedestrians":0}',
            fields="bicycles=0.0,pedestrians=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":4,"pedestrians":31,"phone_id":"a4:83:e7:00:11:22"}',
            fields="bicycles=4.0,pedestrians=31.0",
            refused={"phone_id": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":-1,"pedestrians":31}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
