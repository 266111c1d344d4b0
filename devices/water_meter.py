"""Water meter of a supply zone or a building: volume register, and flow and temperature where the meter gives them.

In an hour the register counts no more than the greatest flow that is taken for true. Registers have five to eight
digits. Where the water may flow back through the meter, its register of both directions goes back: that is no register
for this field.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Vannmåler",
    area=Area.INFRASTRUCTURE,
    fields={
        "volume": Field("volume", "Målerstand", steepness=5_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "flow": Field("flow", "Vannføring", required=False, high=5_000.0),
        "water_temperature": Field(
            "temperature", "Vanntemperatur", required=False, low=-5.0, high=60.0, sentinels=(85.0,)
        ),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","volume":733120.5,"flow":41.25,"water_temperature":6.1,"battery":87}',
            fields="volume=733120.5,flow=41.25,water_temperature=6.1,battery=87.0",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","volume":0}', fields="volume=0.0"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","volume":733120.5,"flow":-4}',
            fields="volume=733120.5",
            refused={"flow": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","volume":true}', reason=Reason.WRONG_TYPE),
    ),
)
