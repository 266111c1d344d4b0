"""Pedestrian counter: how many passed since the last reading, and its register where it has one.

Counts only: no identifier of a person or a phone has a field here, so none can be stored.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Fotgjengerteller",
    area=Area.MOBILITY,
    fields={
        "pedestrians": Field("count", "Fotgjengere", high=20_000.0),
        "pedestrians_total": Field("counter", "Fotgjengere i alt", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pedestrians":31,"pedestrians_total":913377,"battery":64}',
            fields="pedestrians=31.0,pedestrians_total=913377.0,battery=64.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pedestrians":0}',
            fields="pedestrians=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pedestrians":31,"battery":255}',
            fields="pedestrians=31.0",
            refused={"battery": Reason.SENTINEL},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pedestrians":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pedestrians_total":913377}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
