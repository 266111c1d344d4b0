"""Three-phase electricity meter: active power, energy register, and the phases where the meter gives them.

In an hour the register counts no more than the greatest power that is taken for true, 10 MW. Registers have five to
eight digits.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Strømmåler, trefase",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt"),
        "energy": Field("energy", "Målerstand", steepness=10_000.0, rollovers=(1e5, 1e6, 1e7, 1e8)),
        "voltage_l1": Field("voltage", "Spenning L1", required=False),
        "voltage_l2": Field("voltage", "Spenning L2", required=False),
        "voltage_l3": Field("voltage", "Spenning L3", required=False),
        "current_l1": Field("current", "Strøm L1", required=False),
        "current_l2": Field("current", "Strøm L2", required=False),
        "current_l3": Field("current", "Strøm L3", required=False),
        "power_factor": Field("power_factor", "Effektfaktor", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T13:00:00+01:00","power":18450.5,"energy":182733.25,'
            '"voltage_l1":231.2,"voltage_l2":230.4,"voltage_l3":229.9,'
            '"current_l1":27.1,"current_l2":26.4,"current_l3":26.9,"power_factor":0.98}',
            fields="power=18450.5,energy=182733.25,voltage_l1=231.2,voltage_l2=230.4,voltage_l3=229.9,"
            "current_l1=27.1,current_l2=26.4,current_l3=26.9,power_factor=0.98",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":-2100,"energy":9120}',
            fields="power=-2100.0,energy=9120.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":18450.5,"energy":182733.25,"voltage_l1":23120}',
            fields="power=18450.5,energy=182733.25",
            refused={"voltage_l1": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":18450.5,"energy":-1}',
            reason=Reason.OUT_OF_RANGE,
        ),
    ),
)
