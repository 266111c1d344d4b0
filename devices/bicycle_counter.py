"""Bicycle counter: how many passed since the last reading, and its register where it has one.

Counts only: no identifier of a person or a phone has a field here, so none can be stored.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Sykkelteller",
    area=Area.MOBILITY,
    fields={
        "bicycles": Field("count", "Sykler", high=5_000.0),
        "bicycles_total": Field("counter", "Sykler i alt", required=False),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":4,"bicycles_total":120412,"voltage":3.6}',
            fields="bicycles=4.0,bicycles_total=120412.0,voltage=3.6",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":0}',
            fields="bicycles=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":4,"bicycles_total":-1}',
            fields="bicycles=4.0",
            refused={"bicycles_total": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":4,"phone_id":"a4:83:e7:00:11:22"}',
            fields="bicycles=4.0",
            refused={"phone_id": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","bicycles":65535}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
