"""LoRaWAN gateway: a heartbeat. Sensors name in the inventory the one through which they are heard.

It reports more often than any sensor behind it, so that its silence is known before theirs.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="LoRaWAN-gateway",
    area=Area.INFRASTRUCTURE,
    fields={
        "uptime": Field("uptime", "Tid siden omstart"),
        "packets": Field("count", "Mottatte pakker", required=False),
        "temperature": Field("temperature", "Temperatur i skapet", required=False, high=120.0),
    },
    interval=timedelta(minutes=2),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","seq":5,"uptime":864000,"packets":37,"temperature":18.4}',
            fields="uptime=864000.0,packets=37.0,temperature=18.4,seq=5",
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","uptime":12.5}', fields="uptime=12.5"),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","uptime":12.5,"packets":-1}',
            fields="uptime=12.5",
            refused={"packets": Reason.OUT_OF_RANGE},
        ),
        Example(payload='{"time":"2026-01-15T12:00:00Z","uptime":-4}', reason=Reason.OUT_OF_RANGE),
        Example(payload='{"uptime":864000,"packets":37}', reason=Reason.MISSING_TIME),
    ),
)
