"""Energi: alle bygg. Which buildings use most, which have a high base load, and what a day looks like."""

from dashboards.board import Board, Section
from dashboards.consumption import base, base_share, hourly_power, hourly_volume, per_day, total
from dashboards.panel import Column, Panel
from dashboards.parts import NEUTRAL, introduction, limits, simulated_devices
from dashboards.query import AT_SITE, Query, Select, Variable, table
from dashboards.transformation import arrange, divide, join, mean_by_hour_of_day, sort
from dashboards.visual import BarChart, BarGauge, Stat, Table, TimeSeries

ELECTRICITY, HEAT, WATER = "electricity_meter", "heat_meter", "water_meter"
BY_SITE = ("site",)
SITE_LINK = "/d/gjovik-bygg?var-site=${__value.text}&${__url_time_range}"
SITE = Column(name="site", title="Bygg", link=SITE_LINK)
BASE_SHARE_STEPS = limits(50, 70)

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Hvor bør du begynne?** Se først på *Strøm per kvadratmeter* og *Grunnlast*: bygg øverst på listene har mest å "
    "hente. Trykk på navnet for å åpne bygget. Velg periode øverst til høyre; døgn regnes i norsk tid.",
)

KEY_FIGURES = (
    Panel(
        title="Strøm i perioden",
        description=(
            "Strøm brukt i de valgte byggene i perioden, i hele klokketimer. Regnes som forskjellen mellom "
            "avlesninger av hver måler; en byttet eller nullstilt måler gir aldri negativt forbruk."
        ),
        visual=Stat(),
        queries=(Query(total(ELECTRICITY, "Strøm"), alias="Strøm"),),
        unit="kW.h",
        width=6,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Fjernvarme i perioden",
        description="Fjernvarme brukt i de valgte byggene, regnet av målerstandene på samme måte som strøm.",
        visual=Stat(),
        queries=(Query(total(HEAT, "Fjernvarme"), alias="Fjernvarme"),),
        unit="kW.h",
        width=6,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Vann i perioden",
        description="Vann gjennom målerne på de valgte stedene, regnet av målerstandene på samme måte som strøm.",
        visual=Stat(),
        queries=(Query(total(WATER, "Vann", field="volume"), alias="Vann"),),
        unit="m3",
        width=4,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Høyeste time, strøm",
        description=(
            "Den høyeste middeleffekten i én klokketime for byggene samlet. Nettleien følger de høyeste timene: er "
            "tallet høyt, se i *Effekt time for time* når det skjer, og flytt laster til andre timer."
        ),
        visual=Stat(),
        queries=(Query(Select(columns='max("watts") AS "Topp"', source=hourly_power(ELECTRICITY)), alias="Topp"),),
        unit="W",
        width=4,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Grunnlastandel, strøm",
        description=(
            "Hvor stor del av strømmen som går med til det som alltid er på. Grunnlast er effekten i de fem prosent "
            "laveste timene; andelen er grunnlast delt på middeleffekt. Over 50 % er mye for et bygg som står tomt om "
            "natta: se etter ventilasjon, lys og varme som ikke slår av. Grensene er veiledende."
        ),
        visual=Stat(),
        queries=(
            Query(
                Select(columns=f'{base_share("watts")} AS "Grunnlastandel"', source=hourly_power(ELECTRICITY)),
                alias="Grunnlastandel",
            ),
        ),
        unit="%",
        width=4,
        height=4,
        decimals=0,
        steps=BASE_SHARE_STEPS,
    ),
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
        transformations=(arrange("site", name), sort(name)),
    )


BUILDINGS = (
    Panel(
        title="Strøm per kvadratmeter",
        description=(
            "Strøm i perioden delt på oppvarmet areal, så store og små bygg kan sammenlignes. Sammenlign bygg av samme "
            "slag: en svømmehall bruker mer enn en skole. Bygg uten areal i registeret vises ikke."
        ),
        visual=Table(),
        queries=(
            table(total(ELECTRICITY, "Strøm", by=BY_SITE)),
            table(
                Select(
                    columns='last("area_m2") AS "Areal"',
                    source=("site_facts",),
                    where=(AT_SITE,),
                    by=("site", "title"),
                )
            ),
        ),
        unit="kW.h/m2",
        height=9,
        decimals=2,
        columns=(
            Column(name="title", title="Bygg"),
            Column(name="site", title="Åpne", link=SITE_LINK),
            Column(name="Strøm", unit="kW.h", decimals=0),
            Column(name="Areal", unit="m2", decimals=0),
        ),
        transformations=(
            join("site"),
            divide("Strøm", "Areal", "Strøm per m²"),
            arrange("title", "Strøm per m²", "Strøm", "Areal", "site"),
            sort("Strøm per m²"),
        ),
    ),
    Panel(
        title="Grunnlast, strøm",
        description=(
            "Grunnlast er effekten i de fem prosent laveste timene: det som alltid er på. Topp er høyeste time, middel "
            "er snittet. Høy grunnlastandel betyr at mye går når ingen er der. En grunnlast på 1 kW hele året er "
            "8 760 kWh. Fargene (50 og 70 %) er veiledende."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns=f'{base("watts")} AS "Grunnlast", mean("watts") AS "Middel", max("watts") AS "Topp", '
                    f'{base_share("watts")} AS "Grunnlastandel"',
                    source=hourly_power(ELECTRICITY, by=BY_SITE),
                    by=BY_SITE,
                )
            ),
        ),
        unit="W",
        height=9,
        columns=(SITE, Column(name="Grunnlastandel", unit="%", decimals=0, steps=BASE_SHARE_STEPS)),
        transformations=(
            arrange("site", "Grunnlast", "Middel", "Topp", "Grunnlastandel"),
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
        Select(
            columns=f'{base("volume_used")} AS "Laveste timer"',
            source=hourly_volume(WATER, by=BY_SITE),
            by=BY_SITE,
        ),
        "m3/h",
        "Laveste timer",
    ),
)

OVER_TIME = (
    Panel(
        title="Strøm per døgn",
        description=(
            "Strøm for hvert døgn i norsk tid, byggene oppå hverandre. Døgnet med sommertidsskifte har 23 timer, og "
            "det med vintertidsskifte 25. Lørdag og søndag bør være tydelig lavere der byggene står tomme."
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(Query(per_day(ELECTRICITY, "Strøm", by=BY_SITE), alias="$tag_site"),),
        unit="kW.h",
        low=0,
    ),
    Panel(
        title="Fjernvarme og utetemperatur per døgn",
        description=(
            "Fjernvarme for hvert døgn (søyler) og midlere lufttemperatur ved værstasjonene (linje, høyre akse). "
            "Varmen skal falle når det blir mildt. Gjør den ikke det, er anlegget trolig feil innstilt."
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(
            Query(per_day(HEAT, "Fjernvarme", by=BY_SITE), alias="$tag_site"),
            Query(
                Select(columns='mean("air_temperature") AS "Utetemperatur"', source=("road_weather",), every="1d"),
                alias="Utetemperatur",
            ),
        ),
        unit="kW.h",
        columns=(Column(name="Utetemperatur", unit="Cel", decimals=1, right=True),),
    ),
    Panel(
        title="Effekt time for time",
        description=(
            "Midlere strømeffekt i hver time for hvert bygg. Toppene bestemmer effektleddet i nettleia; bunnen om "
            "natta er grunnlasten."
        ),
        visual=TimeSeries(),
        queries=(Query(hourly_power(ELECTRICITY, by=BY_SITE), alias="$tag_site"),),
        unit="W",
        low=0,
    ),
    Panel(
        title="Et vanlig døgn",
        description=(
            "Midlere strømeffekt ved hver klokketime i perioden, byggene samlet. Sammenlign natt (00–05) med dag: "
            "bør være langt lavere. Stiger kurven flere timer før byggene åpner, kan anlegg starte senere."
        ),
        visual=BarChart(over="Time"),
        queries=(table(Select(columns='sum("watts") AS "Effekt"', source=hourly_power(ELECTRICITY), every="1h")),),
        unit="W",
        low=0,
        columns=(Column(name="Effekt (mean)", title="Middeleffekt"),),
        transformations=mean_by_hour_of_day("Effekt"),
    ),
)

BOARD = Board(
    uid="gjovik-energi",
    title="Energi: alle bygg",
    description="Strøm, varme og vann i alle bygg: hvem bruker mest, og hvor er det mest å hente.",
    variables=(Variable(name="site", title="Bygg", measurements=(ELECTRICITY, HEAT, WATER)),),
    sections=(
        Section("", (INTRODUCTION, simulated_devices((ELECTRICITY, HEAT, WATER)), *KEY_FIGURES)),
        Section("Byggene mot hverandre", BUILDINGS),
        Section("Over tid", OVER_TIME),
    ),
)
