"""Ventilation unit behind a Sparkplug B gateway.

What metrics are called is a matter of the site: here are the names of our own fields, and common ones. A gateway whose
points are called otherwise is set to publish them under these. Units are those that the gateway tells, else ours.
"""

from ingest.model import Model, ModelExample, Take

_NAMES = {
    ("supply_temperature", "Cel"): ("Supply Temperature", "Supply Air Temperature", "Tillufttemperatur"),
    ("extract_temperature", "Cel"): (
        "Extract Temperature",
        "Extract Air Temperature",
        "Return Air Temperature",
        "Avtrekkstemperatur",
    ),
    ("outdoor_temperature", "Cel"): (
        "Outdoor Temperature",
        "Outdoor Air Temperature",
        "Outside Air Temperature",
        "Utetemperatur",
    ),
    ("supply_fan", "%"): ("Supply Fan", "Supply Fan Speed", "Tilluftsvifte"),
    ("extract_fan", "%"): ("Extract Fan", "Extract Fan Speed", "Avtrekksvifte"),
    ("filter_pressure", "Pa"): ("Filter Pressure", "Filter Differential Pressure", "Trykkfall over filter"),
    ("heat_recovery", "%"): ("Heat Recovery", "Varmegjenvinner"),
    ("running", ""): ("Running", "Går"),
    ("fault", ""): ("Fault", "Feil"),
}

MODEL = Model(
    title="Ventilation unit, Sparkplug B",
    device_type="ventilation_unit",
    formats=("sparkplug",),
    takes={name: Take(field, unit) for (field, unit), names in _NAMES.items() for name in (field, *names)},
    hints=("ventilation", "air handling unit", "ahu"),
    examples=(
        ModelExample(
            members={
                "Supply Air Temperature": 19.5,
                "Extract Air Temperature": 22.25,
                "Outside Air Temperature": 14.0,
                "Supply Fan Speed": 62.0,
                "Filter Differential Pressure": 0.118,
                "Heat Recovery": None,
                "Running": True,
                "Firmware": "4.2",
            },
            units={"Outside Air Temperature": "[degF]", "Filter Differential Pressure": "kPa"},
            fields="supply_temperature=19.5,extract_temperature=22.25,outdoor_temperature=-10.0,supply_fan=62.0,"
            "filter_pressure=118.0,running=true",
            origin="made by hand",
        ),
        ModelExample(
            members={"Tillufttemperatur": 19.5, "Feil": 0},
            fields="supply_temperature=19.5,fault=false",
            origin="made by hand",
        ),
    ),
)
