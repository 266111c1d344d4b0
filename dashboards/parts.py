"""Panels and words that every board has: the warning about simulated readings, titles of types, common colours."""

from dashboards.panel import Column, Panel, Shown, Step
from dashboards.query import AT_SITE, Select, table
from dashboards.visual import Stat, Text
from devices import load_device_types

NEUTRAL = (Step("blue"),)
GOOD_UNTIL = "green"
WARNING = "orange"
BAD = "red"


def limits(warning: float, bad: float) -> tuple[Step, ...]:
    """Green, orange from ``warning``, red from ``bad``."""
    return (Step(GOOD_UNTIL), Step(WARNING, warning), Step(BAD, bad))


def type_titles() -> dict[str, Shown]:
    """Titles of the device types that boards may show, by key, to show instead of the keys."""
    return {key: Shown(one.title) for key, one in load_device_types().items() if not one.is_apart}


SITE_LINKS = {"Åpne Bygg": "/d/gjovik-bygg?var-site=${__value.text}&${__url_time_range}"}
"""From the name of a site to the board of the building."""
SENSOR_TAGS = ("site", "zone", "device")
SENSOR_COLUMNS = (
    Column(name="site", title="Sted"),
    Column(name="zone", title="Sone"),
    Column(name="device", title="Sensor"),
)
TYPE_COLUMN = Column(name="type", title="Type", values=type_titles())

JUST_NOW = "time >= ${__to}ms - 5m AND time <= ${__to}ms"
"""The last five minutes of the period: what is older says nothing of how things stand."""


def introduction(title: str, markdown: str) -> Panel:
    """Words at the top of a board: what it is for and how it is read."""
    return Panel(
        title=title, description="Hva siden er til, og hvordan den leses.", visual=Text(markdown), width=20, height=4
    )


def simulated_devices(measurements: tuple[str, ...], where: tuple[str, ...] = (AT_SITE,)) -> Panel:
    """How many devices sent simulated readings in the period; orange as soon as there is one."""
    each = Select(
        columns='last("delay") AS "seen"',
        source=measurements,
        where=("\"simulated\" = 'true'", *where),
        by=("device",),
    )
    return Panel(
        title="Simulerte sensorer",
        description=(
            "Antall sensorer i perioden som sender oppdiktede tall fra simulatoren, ikke fra virkeligheten. Er tallet "
            "over null, skal ingen figur på siden brukes til beslutninger eller rapporter."
        ),
        visual=Stat(calculation="sum", filled=True),
        queries=(table(Select(columns='count("seen") AS "Simulerte"', source=each)),),
        unit="{device}",
        width=4,
        height=4,
        decimals=0,
        steps=(Step(GOOD_UNTIL), Step(WARNING, 1)),
        nothing="Ingen",
    )
