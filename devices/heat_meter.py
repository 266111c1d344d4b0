"""District-heat meter (EN 1434): energy and volume registers, power, flow, supply and return temperature.

In an hour the registers count no more than the greatest power and flow that are taken for true, 10 MW and 1,000 m3/h.
They have five to eight digits.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Fjernvarmemåler",
    area=Area.BUILDINGS,
    fields={
        "energy": Field("energy", "Målerstand energi", steepness=10_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "volume": Field("volume", "Målerstand volum", steepness=1_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "power": Field("power", "Effekt", low=0.0),
        "flow": Field("flow", "Vannføring", required=False, high=1_000.0),
        "supply_temperature": Field("temperature", "Turtemperatur", required=False, low=0.0),
        "return_temperature": Field("temperature", "Returtemperatur", required=False, low=0.0),
    },
    interval=timedelta(minutes=15),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":48211.7,"volume":1022.41,"power":64200,'
            '"flow":1.38,"supply_temperature":82.4,"return_temperature":42.1}',
            fields="energy=48211.7,volume=1022.41,power=64200.0,flow=1.38,"
            "supply_temperature=82.4,return_temperature=42.1",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":48211.7,"volume":1022.41,"power":64200,"delta_t":40.3}',
            fields="energy=48211.7,volume=1022.41,power=64200.0",
            refused={"delta_t": Reason.UNKNOWN_FIELD},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":48211.7,"power":64200}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
