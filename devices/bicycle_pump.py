"""Public bicycle pump: how often it was used since it was installed, and the pressure in its tank."""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Sykkelpumpe",
    area=Area.MOBILITY,
    fields={
        "uses": Field("counter", "Brukt i alt"),
        "pressure_bar": Field("water_pressure", "Trykk i tanken", required=False, high=20.0),
        "fault": Field("fault", "Feil", required=False),
        "battery": Field("battery", "Batteri", required=False),
    },
    interval=timedelta(hours=1),
    privacy=Privacy.PUBLIC,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","uses":8123,"pressure_bar":7.6,"fault":false,"battery":95}',
            fields="uses=8123.0,pressure_bar=7.6,fault=false,battery=95.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","uses":0}',
            fields="uses=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","uses":8123,"pressure_bar":76}',
            fields="uses=8123.0",
            refused={"pressure_bar": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","uses":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","fault":true}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
