"""Shelly Pro 3EM, and 3EM of the third generation, in the profile of three phases.

Powers (``em:0``) and registers (``emdata:0``, in Wh) come in different messages. In an IT net, 230 V between phases and
no neutral, the power of a phase is not its own unless the meter is wired and set for three wires; the total, too, is
right only then.
"""

from ingest.model import Model, ModelExample, Take

_PHASES = {"a": "l1", "b": "l2", "c": "l3"}

MODEL = Model(
    title="Shelly Pro 3EM",
    device_type="power_meter",
    formats=("shelly",),
    takes={
        "em:0.total_act_power": Take("power", "W"),
        "emdata:0.total_act": Take("energy", "W.h"),
        "emdata:0.total_act_ret": Take("energy_export", "W.h"),
        **{f"em:0.{phase}_voltage": Take(f"voltage_{line}", "V") for phase, line in _PHASES.items()},
        **{f"em:0.{phase}_current": Take(f"current_{line}", "A") for phase, line in _PHASES.items()},
        **{f"em:0.{phase}_act_power": Take(f"power_{line}", "W") for phase, line in _PHASES.items()},
        "em:0.a_freq": Take("frequency", "Hz"),
    },
    hints=("shellypro3em", "shelly3em63g3"),
    examples=(
        ModelExample(
            members={
                "em:0.a_act_power": 375.5,
                "em:0.a_aprt_power": 547.4,
                "em:0.a_current": 2.392,
                "em:0.a_freq": 50.0,
                "em:0.a_pf": 0.76,
                "em:0.a_voltage": 229.0,
                "em:0.b_act_power": 170.8,
                "em:0.b_aprt_power": 237.2,
                "em:0.b_current": 1.037,
                "em:0.b_freq": 50.0,
                "em:0.b_pf": 0.78,
                "em:0.b_voltage": 229.0,
                "em:0.c_act_power": 12.7,
                "em:0.c_aprt_power": 97.8,
                "em:0.c_current": 0.428,
                "em:0.c_freq": 50.0,
                "em:0.c_pf": 0.53,
                "em:0.c_voltage": 229.2,
                "em:0.n_current": None,
                "em:0.total_act_power": 558.965,
                "em:0.total_aprt_power": 882.413,
                "em:0.total_current": 3.856,
            },
            fields="power=558.965,voltage_l1=229.0,voltage_l2=229.0,voltage_l3=229.2,current_l1=2.392,"
            "current_l2=1.037,current_l3=0.428,power_l1=375.5,power_l2=170.8,power_l3=12.7,frequency=50.0",
            origin="recorded: fixture of aioshelly",
        ),
        ModelExample(
            members={
                "emdata:0.a_total_act_energy": 2034616.71,
                "emdata:0.a_total_act_ret_energy": 0.0,
                "emdata:0.total_act": 2589773.39,
                "emdata:0.total_act_ret": 1026.61,
            },
            fields="energy=2589.77339,energy_export=1.02661",
            origin="recorded: fixture of aioshelly",
        ),
    ),
)
