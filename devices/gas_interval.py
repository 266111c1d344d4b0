"""Gas used in an interval, in kWh, as settlement meters deliver it: no register, one figure an hour.

The time of a reading is the start of its interval.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Gass per time",
    area=Area.BUILDINGS,
    fields={"energy": Field("interval_energy", "Energi i timen")},
    interval=timedelta(hours=1),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(payload='{"time":"2026-01-15T11:00:00Z","energy":1.8}', fields="energy=1.8"),
        Example(payload='{"time":"2026-01-15T11:00:00Z","energy":0}', fields="energy=0.0"),
        Example(payload='{"time":"2026-01-15T11:00:00Z","energy":-0.1}', reason=Reason.OUT_OF_RANGE),
    ),
)
