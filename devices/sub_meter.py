"""Electricity sub-meter of a part of a building, often a pulse counter on the meter: its register, and the pulses.

In an hour the register counts no more than the greatest power that is taken for true, 10 MW; registers have five to
eight digits. A pulse of 3.6 ms is shorter than any counter here can see, which makes a million in an hour; counters
have 32 bits.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Undermåler strøm",
    area=Area.BUILDINGS,
    fields={
        "energy": Field("energy", "Målerstand", steepness=10_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "power": Field("power", "Effekt", required=False),
        "pulses": Field("counter", "Pulser i alt", required=False, steepness=1e6, rollovers=(2.0**32,)),
        "battery": Field("battery", "Batteri", required=False),
        "voltage": Field("voltage", "Batterispenning", required=False, high=20.0),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":295.4,"power":1810,"pulses":295400,"battery":92}',
            fields="energy=295.4,power=1810.0,pulses=295400.0,battery=92.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":0}',
            fields="energy=0.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":295.4,"pulses":-1}',
            fields="energy=295.4",
            refused={"pulses": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","pulses":295400}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
