"""Electricity meter of the grid company, read at its HAN port.

It sends lists of different length: the power every few seconds, currents and voltages every ten, the registers once an
hour; so no field is required. In an IT net there is no current of the second phase, and some meters say 0 V of it.

In an hour a register counts no more than the greatest power that is taken for true, 10 MW.
"""

from datetime import timedelta

from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Reason

REGISTERS = (2**32 / 1000, 2**32 / 100)
"""Where registers begin anew at the latest: recorded frames have 32 bits (DLMS double-long-unsigned), in Wh from Kaifa,
in 10 Wh from Aidon and Kamstrup. No document that could be found says that one begins anew earlier, with the digits of
its display; such a one is doubtful as a step back, as if the meter had been swapped."""

DEVICE_TYPE = DeviceType(
    title="Strømmåler (AMS)",
    area=Area.BUILDINGS,
    fields={
        "power": Field("power", "Effekt inn", required=False, low=0.0),
        "power_export": Field("power", "Effekt ut", required=False, low=0.0),
        "reactive_power": Field("reactive_power", "Reaktiv effekt inn", required=False, low=0.0),
        "reactive_power_export": Field("reactive_power", "Reaktiv effekt ut", required=False, low=0.0),
        "current_l1": Field("current", "Strøm L1", required=False),
        "current_l2": Field("current", "Strøm L2", required=False),
        "current_l3": Field("current", "Strøm L3", required=False),
        "voltage_l1": Field("voltage", "Spenning L1", required=False),
        "voltage_l2": Field("voltage", "Spenning L2", required=False),
        "voltage_l3": Field("voltage", "Spenning L3", required=False),
        "energy": Field("energy", "Målerstand inn", required=False, steepness=10_000.0, rollovers=REGISTERS),
        "energy_export": Field("energy", "Målerstand ut", required=False, steepness=10_000.0, rollovers=REGISTERS),
        "reactive_energy": Field(
            "reactive_energy", "Målerstand reaktiv inn", required=False, steepness=10_000.0, rollovers=REGISTERS
        ),
        "reactive_energy_export": Field(
            "reactive_energy", "Målerstand reaktiv ut", required=False, steepness=10_000.0, rollovers=REGISTERS
        ),
        "power_factor": Field("power_factor", "Effektfaktor", required=False),
        "power_l1": Field("power", "Effekt L1", required=False),
        "power_l2": Field("power", "Effekt L2", required=False),
        "power_l3": Field("power", "Effekt L3", required=False),
    },
    interval=timedelta(minutes=1),
    privacy=Privacy.INTERNAL,
    examples=(
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":1028,"power_export":0,"reactive_power":0,'
            '"reactive_power_export":1026,"current_l1":4.8,"current_l3":-2.8,"voltage_l1":240.7,"voltage_l2":240.3,'
            '"voltage_l3":239.9,"energy":22721.38,"energy_export":0,"reactive_energy":12.4,'
            '"reactive_energy_export":5402.1}',
            fields="power=1028.0,power_export=0.0,reactive_power=0.0,reactive_power_export=1026.0,current_l1=4.8,"
            "current_l3=-2.8,voltage_l1=240.7,voltage_l2=240.3,voltage_l3=239.9,energy=22721.38,energy_export=0.0,"
            "reactive_energy=12.4,reactive_energy_export=5402.1",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":1007}',
            fields="power=1007.0",
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":2457,"voltage_l1":2373}',
            fields="power=2457.0",
            refused={"voltage_l1": Reason.OUT_OF_RANGE},
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z","power":-20}',
            reason=Reason.OUT_OF_RANGE,
        ),
        Example(
            payload='{"time":"2026-01-15T12:00:00Z"}',
            reason=Reason.MISSING_FIELD,
        ),
    ),
)
