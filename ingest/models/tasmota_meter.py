"""Three-phase meter with Tasmota, whose values of phases are arrays: the power is their sum.

With ``SetOption129 1`` the registers of the phases come apart too.
"""

from collections.abc import Mapping

from ingest.model import Model, ModelExample, Take
from ingest.source import Plain

_PHASES = 3


def _complete(members: dict[str, Plain], _: Mapping[str, float]) -> None:
    for name in ("ENERGY.Power", "ENERGY.Total"):
        phases = [members[one] for one in (f"{name}.{phase}" for phase in range(_PHASES)) if one in members]
        numbers = [one for one in phases if isinstance(one, int | float) and not isinstance(one, bool)]
        if phases and len(numbers) == len(phases):
            members.setdefault(name, round(sum(numbers), 6))


MODEL = Model(
    title="Tasmota meter, three phases",
    device_type="electricity_meter",
    formats=("tasmota",),
    takes={
        "ENERGY.Power": Take("power", "W"),
        "ENERGY.Total": Take("energy", "kW.h"),
        "ENERGY.Factor": Take("power_factor"),
        **{f"ENERGY.Voltage.{phase}": Take(f"voltage_l{phase + 1}", "V") for phase in range(_PHASES)},
        **{f"ENERGY.Current.{phase}": Take(f"current_l{phase + 1}", "A") for phase in range(_PHASES)},
    },
    complete=_complete,
    hints=("tasmota meter", "sdm630"),
    examples=(
        ModelExample(
            members={
                "ENERGY.Total.0": 2.813,
                "ENERGY.Total.1": 0.254,
                "ENERGY.Today.0": 0.772,
                "ENERGY.Today.1": 0.059,
                "ENERGY.Power.0": 52,
                "ENERGY.Power.1": 5,
                "ENERGY.Factor.0": 0.79,
                "ENERGY.Factor.1": 0.50,
                "ENERGY.Voltage": 235,
                "ENERGY.Current.0": 0.278,
                "ENERGY.Current.1": 0.044,
                "ENERGY.BL09XX.Temperature": 46.5,
            },
            fields="power=57.0,energy=3.067,current_l1=0.278,current_l2=0.044",
            origin="recorded (ferrets6/wattson): a Sonoff Dual, which has two channels and no third",
        ),
        ModelExample(
            members={
                "ENERGY.Total": 182.733,
                "ENERGY.Power.0": 303,
                "ENERGY.Power.1": 483,
                "ENERGY.Power.2": 0,
                "ENERGY.Voltage.0": 230.1,
                "ENERGY.Voltage.1": 229.8,
                "ENERGY.Voltage.2": 231.0,
                "ENERGY.Current.0": 1.320,
                "ENERGY.Current.1": 2.100,
                "ENERGY.Current.2": 0,
            },
            fields="power=786.0,energy=182.733,voltage_l1=230.1,voltage_l2=229.8,voltage_l3=231.0,"
            "current_l1=1.32,current_l2=2.1,current_l3=0.0",
            origin="made by hand, currents of Tasmota's documentation",
        ),
        ModelExample(
            members={"ENERGY.Total.0": 1.25, "ENERGY.Total.1": 2.5, "ENERGY.Power": 120, "ENERGY.Voltage": 230},
            fields="power=120.0,energy=3.75",
            origin="made by hand: registers apart, one voltage for all",
        ),
    ),
)
