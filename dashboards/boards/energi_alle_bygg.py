"""Energi: alle bygg. Which buildings use most, which have a high base load, and what a day looks like."""

from dashboards.annotation import mark_alerts
from dashboards.board import Board, Section
from dashboards.consumption import (
    BASE,
    BASE_SHARE,
    COVERAGE,
    ZONES,
    base_load,
    base_power,
    hourly_power,
    hourly_volume,
    per_day,
    total,
)
from dashboards.energy import (
    BASE_SHARE_STEPS,
    ELECTRICITY,
    HEAT,
    WATER,
    electricity_per_day,
    heat_and_weather,
    key_figures,
    peaks,
    usual_day,
)
from dashboards.panel import Column, Panel, Step
from dashboards.parts import NEUTRAL, SITE_LINKS, introduction, simulated_devices
from dashboards.query import AT_SITE, Query, Select, Variable, table
from dashboards.transformation import above, add, arrange, divide, join, sort
from dashboards.visual import BarGauge, Table, TimeSeries

BY_SITE = ("site",)
SITE = Column(name="site", title="Bygg", links=SITE_LINKS)
AREA = "area_m2"

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Hvor bør du begynne?** Se først på *Energi per kvadratmeter* og *Grunnlast*, og sammenlign bygg av samme slag. "
    "Trykk på navnet for å åpne bygget. Velg periode øverst til høyre; døgn regnes i norsk tid. Et helt år kan ta et "
    "halvt minutt å regne ut. Bare bygg med areal i registeret er med.",
)


def ranking(title: str, description: str, select: Select, unit: str, name: str) -> Panel:
    """A bar for each site, the largest first."""
    return Panel(
        title=title,
        description=description,
        visual=BarGauge(),
        queries=(table(select),),
        unit=unit,
        width=8,
        height=9,
        low=0,
        steps=NEUTRAL,
        transformations=(*arrange("site", name), sort(name)),
    )


PER_AREA = Panel(
    title="Energi per kvadratmeter",
    description=(
        "Strøm og fjernvarme i perioden delt på oppvarmet areal, så store og små bygg kan sammenlignes. Sammenlign "
        "bygg av samme slag: en svømmehall bruker mer enn en skole. Bygg uten areal vises ikke. Gass og strøm som bare "
        "er kjent time for time fra nettselskapet, er ikke med."
    ),
    visual=Table(),
    queries=(
        table(total(ELECTRICITY, "Strøm", by=BY_SITE)),
        table(total(HEAT, "Fjernvarme", by=BY_SITE)),
        # The area that is known last, also for a period in which none had been written yet.
        table(
            Select(
                columns=f'last("{AREA}") AS "Areal", "title"',
                source=("site_facts",),
                where=(AT_SITE,),
                by=BY_SITE,
                period="",
            )
        ),
    ),
    unit="kW.h/m2",
    height=9,
    decimals=2,
    columns=(
        Column(name="title", title="Bygg"),
        Column(name="site", title="Åpne", links=SITE_LINKS),
        Column(name="Strøm", unit="kW.h", decimals=0),
        Column(name="Fjernvarme", unit="kW.h", decimals=0),
        Column(name="Areal", unit="m2", decimals=0),
    ),
    transformations=(
        join("site"),
        add("Energi", "Strøm", "Fjernvarme"),
        above("Energi", 0),
        above("Areal", 0),
        divide("Energi", "Areal", "Energi per m²"),
        *arrange("title", "Energi per m²", "Strøm", "Fjernvarme", "Areal", "site"),
        sort("Energi per m²"),
    ),
)

BUILDINGS = (
    PER_AREA,
    Panel(
        title="Grunnlast",
        description=(
            "Grunnlast er effekten i de fem prosent laveste timene: det som alltid er på. Middel er snittet. Høy "
            "grunnlastandel betyr at mye går når ingen er der. En grunnlast på 1 kW hele året er 8 760 kWh. Dekning er "
            "hvor stor del av timene målerne ble hørt; er den lav, er tallene usikre. Fargene (50 og 70 %) er "
            "veiledende."
        ),
        visual=Table(),
        queries=(
            table(
                base_power(
                    f'{BASE} AS "Grunnlast", sum("mean") AS "Middel", {BASE_SHARE} AS "Grunnlastandel", '
                    f'{COVERAGE} AS "Dekning"',
                    ELECTRICITY,
                    by=BY_SITE,
                )
            ),
        ),
        unit="W",
        height=9,
        columns=(
            SITE,
            Column(name="Grunnlastandel", unit="%", decimals=0, steps=BASE_SHARE_STEPS),
            Column(name="Dekning", unit="%", decimals=0, steps=(Step("orange"), Step("green", 95))),
        ),
        transformations=(
            *arrange("site", "Grunnlast", "Middel", "Grunnlastandel", "Dekning"),
            sort("Grunnlastandel"),
        ),
    ),
    ranking(
        "Strøm per bygg",
        "Strøm i perioden for hvert bygg, det største øverst. Stort er ikke det samme som sløsende: se også per "
        "kvadratmeter.",
        total(ELECTRICITY, "Strøm", by=BY_SITE),
        "kW.h",
        "Strøm",
    ),
    ranking(
        "Fjernvarme per bygg",
        "Fjernvarme i perioden for hvert bygg, det største øverst. Et bygg som skiller seg fra lignende bygg, kan ha "
        "feil innstilt varmeanlegg.",
        total(HEAT, "Fjernvarme", by=BY_SITE),
        "kW.h",
        "Fjernvarme",
    ),
    ranking(
        "Vann som alltid renner",
        "Vann per time i de fem prosent laveste timene, for det meste om natta. Bør være nær null der ingen bruker "
        "vann om natta; er det ikke det, se etter lekkasje eller et toalett som renner.",
        base_load(f'{BASE} AS "Laveste timer"', hourly_volume(WATER, by=ZONES), "volume_used", by=BY_SITE),
        "m3/h",
        "Laveste timer",
    ),
)

OVER_TIME = (
    electricity_per_day("site", "byggene"),
    heat_and_weather(Query(per_day(HEAT, "Fjernvarme", by=BY_SITE), alias="$tag_site")),
    Panel(
        title="Effekt time for time",
        description=(
            "Midlere strømeffekt i hver time for hvert bygg. Bunnen om natta er grunnlasten. Mangler en måler i noen "
            "timer, ser bygget lavere ut enn det er."
        ),
        visual=TimeSeries(),
        queries=(Query(hourly_power(ELECTRICITY, by=BY_SITE), alias="$tag_site"),),
        unit="W",
        low=0,
    ),
    usual_day("de valgte byggene samlet"),
    peaks(SITE),
)

BOARD = Board(
    uid="gjovik-energi",
    title="Energi: alle bygg",
    description="Strøm, varme og vann i alle bygg: hvem bruker mest, og hvor er det mest å hente.",
    # What has no heated area is no building: the waterworks' meters measure what the buildings' meters measure again.
    variables=(Variable(name="site", title="Bygg", measurements=("site_facts",), field=AREA),),
    annotations=mark_alerts(ELECTRICITY, HEAT),
    sections=(
        Section("", (INTRODUCTION, simulated_devices((ELECTRICITY, HEAT, WATER)), *key_figures("de valgte byggene"))),
        Section("Byggene mot hverandre", BUILDINGS),
        Section("Over tid", OVER_TIME),
    ),
)
