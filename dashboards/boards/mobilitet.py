"""Mobilitet. How many cycle, walk and drive, when and how fast, and what the roads are like."""

from dataclasses import replace

from dashboards.annotation import mark_alerts
from dashboards.board import Board, Section
from dashboards.panel import Column, Panel, Step
from dashboards.parts import NEUTRAL, introduction, limits, simulated_devices
from dashboards.query import AT_SITE, Query, Select, Variable, table
from dashboards.share import share
from dashboards.transformation import arrange, mean_by_hour_of_day, sort
from dashboards.visual import BarChart, BarGauge, Stat, TimeSeries

WALKERS, CARS, WEATHER = "cycle_pedestrian_counter", "traffic_counter", "road_weather"
BY_SITE = ("site",)
SLIPPERY = 0.3
"""Friction below which roads are slippery in winter operation."""

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Sykler, fotgjengere og biler** telles uten å kjenne igjen noen. Velg sted og periode øverst. Døgn og "
    "klokketimer regnes i norsk tid. Sammenlign like perioder: ukedager mot ukedager, og dager med likt vær.",
)


def counted(columns: str, measurement: str, every: str = "", by: tuple[str, ...] = ()) -> Select:
    """What the counters at the chosen sites counted."""
    return Select(columns=columns, source=(measurement,), where=(AT_SITE,), by=by, every=every)


def mean_speed(every: str = "", by: tuple[str, ...] = ()) -> Select:
    """Mean speed of the vehicles in km/h: each interval counts for as many as passed in it."""
    passed = Select(
        columns='"vehicles" * "speed" AS "weighted", "vehicles" AS "vehicles"',
        source=(CARS,),
        where=(AT_SITE, '"speed" > 0'),
        by=("site", "device"),
    )
    return Select(columns='sum("weighted") / sum("vehicles") AS "Fart"', source=passed, by=by, every=every)


def slippery_hours() -> Select:
    """Percent of the hours in which the lowest friction at a site was slippery."""
    hours = counted('min("friction") AS "lowest"', WEATHER, "1h", BY_SITE)
    rows = Select(columns="", source=hours, by=BY_SITE)
    return share("Andel", rows, '"lowest"', f'"lowest" < {SLIPPERY}', f'"lowest" >= {SLIPPERY}')


def figure(title: str, description: str, select: Select, unit: str = "1") -> Panel:
    """One figure of the period."""
    return Panel(
        title=title,
        description=description,
        visual=Stat(),
        queries=(Query(select, alias=title),),
        unit=unit,
        width=4,
        height=4,
        decimals=0,
        steps=NEUTRAL,
    )


KEY_FIGURES = (
    figure(
        "Sykler",
        "Sykler talt i perioden på de valgte stedene. En tur forbi to tellere telles to ganger.",
        counted('sum("bicycles") AS "Sykler"', WALKERS),
    ),
    figure(
        "Fotgjengere",
        "Fotgjengere talt i perioden på de valgte stedene. En tur forbi to tellere telles to ganger.",
        counted('sum("pedestrians") AS "Fotgjengere"', WALKERS),
    ),
    figure(
        "Sykkelandel",
        "Sykler av alle som gikk eller syklet forbi de samme tellerne. Vær og årstid flytter den mye: sammenlign samme "
        "måned i to år før du sier at et tiltak virker.",
        counted(
            'sum("bicycles") / (sum("bicycles") + sum("pedestrians")) * 100 AS "Sykkelandel"',
            WALKERS,
        ),
        unit="%",
    ),
    figure(
        "Kjøretøy",
        "Kjøretøy talt i perioden på de valgte stedene, alle kjørefelt samlet. En tur forbi to tellere telles to "
        "ganger.",
        counted('sum("vehicles") AS "Kjøretøy"', CARS),
    ),
    figure(
        "Tungtrafikk",
        "Tunge kjøretøy av alle kjøretøy, bare for tellere som skiller dem. Høy andel i boliggater er et tegn på "
        "gjennomkjøring.",
        replace(
            counted('sum("heavy_vehicles") / sum("vehicles") * 100 AS "Tungtrafikk"', CARS),
            where=(AT_SITE, '"heavy_vehicles" >= 0'),
        ),
        unit="%",
    ),
    figure(
        "Middelfart",
        "Snittfarten til kjøretøyene i perioden; hvert kjøretøy teller likt. Sammenlign med fartsgrensa på stedet.",
        mean_speed(),
        unit="km/h",
    ),
)


def daily(title: str, description: str, field: str, measurement: str) -> Panel:
    """What was counted each local day, the sites on top of each other."""
    return Panel(
        title=title,
        description=description,
        visual=TimeSeries(bars=True, stacked=True),
        queries=(Query(counted(f'sum("{field}") AS "Antall"', measurement, "1d", BY_SITE), alias="$tag_site"),),
        unit="1",
        width=8,
        low=0,
        decimals=0,
    )


def profile(title: str, description: str, measurement: str, fields: dict[str, str]) -> Panel:
    """The mean of each local hour of the day, all the chosen sites added up."""
    columns = ", ".join(f'sum("{field}") AS "{name}"' for field, name in fields.items())
    return Panel(
        title=title,
        description=description,
        visual=BarChart(over="Time"),
        queries=(table(counted(columns, measurement, "1h")),),
        unit="1",
        low=0,
        decimals=0,
        columns=tuple(Column(name=f"{name} (mean)", title=name) for name in fields.values()),
        transformations=mean_by_hour_of_day(*fields.values()),
    )


TRAFFIC = (
    daily("Sykler per døgn", "Sykler talt hvert døgn, stedene oppå hverandre.", "bicycles", WALKERS),
    daily("Fotgjengere per døgn", "Fotgjengere talt hvert døgn, stedene oppå hverandre.", "pedestrians", WALKERS),
    daily("Kjøretøy per døgn", "Kjøretøy talt hvert døgn, stedene oppå hverandre.", "vehicles", CARS),
    profile(
        "Når går og sykler folk?",
        "Antall i snitt ved hver klokketime i perioden. Toppene viser skole- og arbeidsvei: der og da bør det være "
        "måkt, strødd og opplyst.",
        WALKERS,
        {"bicycles": "Sykler", "pedestrians": "Fotgjengere"},
    ),
    profile(
        "Når kjører folk?",
        "Kjøretøy i snitt ved hver klokketime i perioden. Legg vegarbeid og varelevering utenom toppene.",
        CARS,
        {"vehicles": "Kjøretøy"},
    ),
    Panel(
        title="Fart",
        description=(
            "Snittfarten i hver time; hvert kjøretøy teller likt. Fall midt på dagen er kø; for høy fart om natta kan "
            "tilsi fartsdempende tiltak."
        ),
        visual=TimeSeries(),
        queries=(Query(mean_speed("1h", BY_SITE), alias="$tag_site"),),
        unit="km/h",
        low=0,
        decimals=0,
    ),
    Panel(
        title="Belegg",
        description=(
            "Hvor stor del av tida det står et kjøretøy over detektoren. Over 25 % er trafikken tett, over 40 % står "
            "den. Grensene er veiledende."
        ),
        visual=TimeSeries(limits=True),
        queries=(Query(counted('mean("occupancy") AS "Belegg"', CARS, "1h", BY_SITE), alias="$tag_site"),),
        unit="%",
        low=0,
        decimals=0,
        steps=limits(25, 40),
    ),
)

ROADS = (
    Panel(
        title="Tid med glatt veg",
        description=(
            "Hvor stor del av timene den laveste målte friksjonen var under 0,3. Fordel salting og strøing etter "
            "dette, og kontroller at det ble gjort da det var glatt."
        ),
        visual=BarGauge(),
        queries=(table(slippery_hours()),),
        unit="%",
        low=0,
        high=100,
        decimals=0,
        steps=limits(5, 20),
        nothing="Ingen målinger",
        transformations=(*arrange("site", "Andel"), sort("Andel")),
    ),
    Panel(
        title="Friksjon",
        description=(
            "Laveste friksjon i hver time. Over 0,4 er godt feste; under 0,3 (stiplet) er det glatt, og vegen bør "
            "saltes eller strøs."
        ),
        visual=TimeSeries(limits=True),
        queries=(Query(counted('min("friction") AS "Friksjon"', WEATHER, "1h", BY_SITE), alias="$tag_site"),),
        unit="1",
        low=0,
        high=1,
        decimals=2,
        steps=(Step("red"), Step("orange", SLIPPERY), Step("green", 0.4)),
    ),
    Panel(
        title="Luft og vegbane",
        description=(
            "Temperatur i lufta og i vegbanen. Når vegbanen går under null mens lufta er fuktig, blir det rim og "
            "glatt, også når lufta er varmere."
        ),
        visual=TimeSeries(),
        queries=(
            Query(counted('mean("air_temperature") AS "Luft"', WEATHER, "1h", BY_SITE), alias="$tag_site: luft"),
            Query(
                counted('mean("surface_temperature") AS "Vegbane"', WEATHER, "1h", BY_SITE), alias="$tag_site: vegbane"
            ),
        ),
        unit="Cel",
        decimals=1,
    ),
    Panel(
        title="Nedbør",
        description=(
            "Nedbør i hver time. Stasjonen melder nedbør siste time ved hver måling; her vises den høyeste meldingen i "
            "klokketimen. Kommer den når vegbanen er under null, må det brøytes eller saltes."
        ),
        visual=TimeSeries(bars=True),
        queries=(Query(counted('max("precipitation") AS "Nedbør"', WEATHER, "1h", BY_SITE), alias="$tag_site"),),
        unit="mm",
        low=0,
        decimals=1,
    ),
)

BOARD = Board(
    uid="gjovik-mobilitet",
    title="Mobilitet",
    description="Sykler, fotgjengere og biler: hvor mange, når og hvor fort, og hvordan føret er.",
    variables=(Variable(name="site", title="Sted", measurements=(WALKERS, CARS, WEATHER)),),
    annotations=mark_alerts(WALKERS, CARS, WEATHER),
    sections=(
        Section("", (INTRODUCTION, simulated_devices((WALKERS, CARS, WEATHER)), *KEY_FIGURES)),
        Section("Trafikk", TRAFFIC),
        Section("Føre og vær", ROADS),
    ),
)
