"""Electricity meter of the grid company, by a reader at its HAN port: see ``ingest.payloads.ams``.

A meter behind current transformers, as in most larger buildings, tells what goes through the transformers' secondary
side: powers, currents and registers are so many times too small. Nothing that it tells says so; the parameter does.
"""

from collections.abc import Mapping

from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain

_TAKES = {
    "P": Take("power", "W"),
    "PO": Take("power_export", "W"),
    "Q": Take("reactive_power", "var"),
    "QO": Take("reactive_power_export", "var"),
    "I1": Take("current_l1", "A"),
    "I2": Take("current_l2", "A"),
    "I3": Take("current_l3", "A"),
    "U1": Take("voltage_l1", "V"),
    "U2": Take("voltage_l2", "V"),
    "U3": Take("voltage_l3", "V"),
    "tPI": Take("energy", "kW.h"),
    "tPO": Take("energy_export", "kW.h"),
    "tQI": Take("reactive_energy", "kvar.h"),
    "tQO": Take("reactive_energy_export", "kvar.h"),
    "PF": Take("power_factor", "1"),
    "P1": Take("power_l1", "W"),
    "P2": Take("power_l2", "W"),
    "P3": Take("power_l3", "W"),
}
_TRANSFORMED = tuple(name for name in _TAKES if name[0] != "U" and name != "PF")


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    ratio = parameters["transformer_ratio"]
    if ratio == 1:
        return
    for name in _TRANSFORMED:
        found = members.pop(name, None)
        if isinstance(found, int | float) and not isinstance(found, bool):  # readers tell no number as text
            members[name] = float(f"{found * ratio:.12g}")


MODEL = Model(
    title="AMS-leser ved HAN-porten",
    device_type="ams_meter",
    formats=("ams", "han"),
    takes=_TAKES,
    parameters={
        "transformer_ratio": Parameter("Ratio of the meter's current transformers, such as 50 for 250/5 A", "1", 1.0)
    },
    complete=_complete,
    hints=("aidon", "kfm_", "kamstrup"),
    examples=(
        ModelExample(
            members={"up": 686592, "vcc": 3.265, "rssi": -63, "temp": None, "P": 1007, "rt_h": 0.42, "rt_t": 5},
            fields="power=1007.0",
            origin="recorded: list 1 of an Aidon 6525",
        ),
        ModelExample(
            members={
                "P": 1028,
                "Q": 0,
                "PO": 0,
                "QO": 1026,
                "I1": 4.8,
                "I2": None,
                "I3": -2.8,
                "U1": 240.7,
                "U2": 240.3,
                "U3": 239.9,
            },
            fields="power=1028.0,power_export=0.0,reactive_power=0.0,reactive_power_export=1026.0,current_l1=4.8,"
            "current_l3=-2.8,voltage_l1=240.7,voltage_l2=240.3,voltage_l3=239.9",
            origin="recorded: list 2 of an Aidon 6525 in an IT net",
        ),
        ModelExample(
            members={"tPI": 20200285.0, "tPO": 0.0, "tQI": 2358.0, "tQO": 3963544.0},
            units={"tPI": "W.h", "tPO": "W.h", "tQI": "var.h", "tQO": "var.h"},
            fields="energy=20200.285,energy_export=0.0,reactive_energy=2.358,reactive_energy_export=3963.544",
            origin="recorded: list 3 of a Kaifa MA304H4 (amsreader-firmware, frames/Kaifa-TN-3p.raw), its registers",
        ),
        ModelExample(
            members={"P": 59, "I1": 0.1, "U1": 227.1, "tPI": 1685.334},
            parameters={"transformer_ratio": 50.0},
            fields="power=2950.0,current_l1=5.0,voltage_l1=227.1,energy=84266.7",
            origin="recorded (amsreader-firmware, issue 893); the transformers are made by hand",
        ),
        ModelExample(
            members={"P": 1007, "PF": 0.97, "P1": 300, "P2": 307, "P3": 400},
            parameters={"transformer_ratio": 2.0},
            fields="power=2014.0,power_factor=0.97,power_l1=600.0,power_l2=614.0,power_l3=800.0",
            origin="made by hand after the firmware's list 4",
        ),
    ),
)
