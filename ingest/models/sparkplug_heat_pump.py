"""Heat pump behind a Sparkplug B gateway; of names and units ``sparkplug_ventilation`` says more."""

from ingest.model import Model, ModelExample, Take
from schemas.reason import Reason

_NAMES = {
    ("power", "W"): ("Power", "Electrical Power", "Effekt"),
    ("energy", "kW.h"): ("Energy", "Electrical Energy", "Energi"),
    ("heat_power", "W"): ("Heat Power", "Thermal Power", "Varmeeffekt"),
    ("heat_energy", "kW.h"): ("Heat Energy", "Thermal Energy", "Varmeenergi"),
    ("supply_temperature", "Cel"): ("Supply Temperature", "Flow Temperature", "Turtemperatur"),
    ("return_temperature", "Cel"): ("Return Temperature", "Returtemperatur"),
    ("outdoor_temperature", "Cel"): ("Outdoor Temperature", "Outside Temperature", "Utetemperatur"),
    ("running", ""): ("Running", "Compressor Running", "Går"),
    ("defrosting", ""): ("Defrosting", "Avriming"),
    ("fault", ""): ("Fault", "Feil"),
}

MODEL = Model(
    title="Heat pump, Sparkplug B",
    device_type="heat_pump",
    formats=("sparkplug",),
    takes={name: Take(field, unit) for (field, unit), names in _NAMES.items() for name in (field, *names)},
    hints=("heat pump", "varmepumpe"),
    examples=(
        ModelExample(
            members={
                "Electrical Power": 4.12,
                "Electrical Energy": 51.2004,
                "Thermal Power": 13.6,
                "Flow Temperature": 44.75,
                "Return Temperature": 39.0,
                "Compressor Running": True,
                "Fault": False,
            },
            units={"Electrical Power": "kW", "Electrical Energy": "MW.h", "Thermal Power": "kW"},
            fields="power=4120.0,energy=51200.4,heat_power=13600.0,supply_temperature=44.75,return_temperature=39.0,"
            "running=true,fault=false",
            origin="made by hand",
        ),
        ModelExample(
            members={"supply_temperature": 31, "return_temperature": 30, "power": 4.0},
            units={"power": "tons"},
            fields="supply_temperature=31.0,return_temperature=30.0",
            refused={"power": Reason.WRONG_UNIT},
            origin="made by hand",
        ),
    ),
)
