"""Tracker on a vehicle or a machine: where it is, and whether it moves.

Somebody drives it, so position and movement are personal. A tracker without a fix says only how its battery is, so no
field is required.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Sporing av utstyr",
    area=Area.MOBILITY,
    fields={
        "latitude": Field("latitude", "Breddegrad", required=False),
        "longitude": Field("longitude", "Lengdegrad", required=False),
        "speed": Field("speed", "Fart", required=False),
        "heading": Field("heading", "Kurs", required=False),
        "moving": Field("switch", "I bevegelse", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=60.0, privacy=Privacy.INTERNAL),
        "battery": Field("battery", "Batteri", required=False, privacy=Privacy.INTERNAL),
    },
    interval=timedelta(hours=12),
    privacy=Privacy.PERSONAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","latitude":60.7957,"longitude":10.6915,"speed":37,"heading":214,'
            '"moving":true,"voltage":5.55,"battery":81}',
            fields="latitude=60.7957,longitude=10.6915,speed=37.0,heading=214.0,moving=true,voltage=5.55,battery=81.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","voltage":5.55}',
            fields="voltage=5.55",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","latitude":60.7957,"longitude":10.6915}',
            fields="latitude=60.7957,longitude=10.6915",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","latitude":60.7957,"longitude":10.6915,"heading":361}',
            fields="latitude=60.7957,longitude=10.6915",
            refused={"heading": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","latitude":607957}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
