"""Electricity meter of our own on a board, a feeder or a machine: powers, registers, and the phases.

Such a meter tells its powers and its registers in different messages, so no field is required. Power is negative where
more is delivered than used. In an IT net a phase has no power of its own unless the meter is wired for three wires.

In an hour a register counts no more than the greatest power that is taken for true, 10 MW. Such meters count in
floating point, and do not roll over.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

DEVICE_TYPE = DeviceType(
    title="Effektmåler, trefase",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt", required=False),
        "energy": Field("energy", "Målerstand inn", required=False, steepness=10_000.0, rollovers=()),
        "energy_export": Field("energy", "Målerstand ut", required=False, steepness=10_000.0, rollovers=()),
        "voltage_l1": Field("voltage", "Spenning L1", required=False),
        "voltage_l2": Field("voltage", "Spenning L2", required=False),
        "voltage_l3": Field("voltage", "Spenning L3", required=False),
        "current_l1": Field("current", "Strøm L1", required=False),
        "current_l2": Field("current", "Strøm L2", required=False),
        "current_l3": Field("current", "Strøm L3", required=False),
        "power_l1": Field("power", "Effekt L1", required=False),
        "power_l2": Field("power", "Effekt L2", required=False),
        "power_l3": Field("power", "Effekt L3", required=False),
        "power_factor": Field("power_factor", "Effektfaktor", required=False),
        "frequency": Field("frequency", "Frekvens", required=False),
    },
    interval=timedelta(minutes=5),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":558.965,"voltage_l1":229,"voltage_l2":229,'
            '"voltage_l3":229.2,"current_l1":2.392,"current_l2":1.037,"current_l3":0.428,"power_l1":375.5,'
            '"power_l2":170.8,"power_l3":12.7,"frequency":50}',
            fields="power=558.965,voltage_l1=229.0,voltage_l2=229.0,voltage_l3=229.2,current_l1=2.392,"
            "current_l2=1.037,current_l3=0.428,power_l1=375.5,power_l2=170.8,power_l3=12.7,frequency=50.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","energy":2589.77339,"energy_export":1.02661}',
            fields="energy=2589.77339,energy_export=1.02661",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":-2100,"power_factor":-0.99}',
            fields="power=-2100.0,power_factor=-0.99",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":558.965,"energy":-1}',
            fields="power=558.965",
            refused={"energy": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
