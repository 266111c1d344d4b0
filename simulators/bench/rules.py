"""Rules: what judges the readings of the load, as files of the collector's."""

from pathlib import Path

RULES = {
    "return-hot": """
device_type = "heat_meter"
field = "return_temperature"
unit = "Cel"
above = 60.0
clear = 55.0
for = "10m"
severity = "info"
text = "Returen er varm"

[[example]]
series = [[0, 50], [10, 61], [20, 61], [30, 50]]
fires = 20
clears = 30
""",
    "supply-cold": """
device_type = "heat_meter"
field = "supply_temperature"
unit = "Cel"
below = 60.0
clear = 65.0
for = "10m"
severity = "warning"
text = "Turen er kald"

[[example]]
series = [[0, 70], [10, 59], [20, 59], [30, 70]]
fires = 20
clears = 30
""",
    "power-high": """
device_type = "heat_meter"
field = "power"
unit = "W"
above = 90000.0
clear = 80000.0
for = "10m"
severity = "info"
text = "Effekten er stor"

[[example]]
series = [[0, 70000], [10, 91000], [20, 91000], [30, 70000]]
fires = 20
clears = 30
""",
    "flow-high": """
device_type = "heat_meter"
field = "flow"
unit = "m3/h"
above = 5.0
clear = 4.0
for = "10m"
severity = "info"
text = "Mye vann går gjennom"

[[example]]
series = [[0, 2], [10, 6], [20, 6], [30, 2]]
fires = 20
clears = 30
""",
    "power-mean-high": """
device_type = "heat_meter"
field = "power"
unit = "W"
above = 85000.0
clear = 80000.0
for = "0s"
severity = "info"
text = "Effekten har vært stor i en time"

[derive]
kind = "mean"
window = "60m"

[[example]]
series = [[0, 70000], [20, 99000], [40, 99000], [60, 99000], [80, 99000], [120, 10000], [150, 10000], [180, 10000]]
fires = 60
clears = 150
""",
}
"""Rules by key, as files of the collector's; every reading is judged by the first so many, and none fires."""
USUAL_RULES = 3
"""How many of them watch, unless somebody asks for others."""


def write_rules(folder: Path, count: int = USUAL_RULES) -> None:
    """Write the first so many rules into a folder that is there."""
    for key, text in [*RULES.items()][:count]:
        (folder / f"{key}.toml").write_text(text, encoding="utf-8")
