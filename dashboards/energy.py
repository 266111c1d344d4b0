"""Panels about electricity, heat and water that the board of all buildings and that of one building share."""

from dashboards.consumption import BASE, BASE_SHARE, base_power, hourly_power, meter_power, per_day, total
from dashboards.panel import Column, Panel, Step
from dashboards.parts import NEUTRAL, limits
from dashboards.query import Query, Select, table
from dashboards.transformation import arrange, mean_by_hour_of_day, sort
from dashboards.visual import BarChart, Stat, Table, TimeSeries

ELECTRICITY, HEAT, WATER = "electricity_meter", "heat_meter", "water_meter"

BASE_SHARE_STEPS = limits(50, 70)
"""Percent; the same in every board and in docs/facility-manager.md."""

AFTER_SILENCE = (
    "Har en måler vært taus, er det den brukte imens, lagt til timen den ble hørt igjen: det døgnet ser høyt ut."
)
SUB_METERS = "Måler en måler noe som en annen også måler (undermåler), er det talt to ganger."


def _figure(title: str, description: str, select: Select, unit: str, steps: tuple[Step, ...] = NEUTRAL) -> Panel:
    """One figure of the period."""
    return Panel(
        title=title,
        description=description,
        visual=Stat(),
        queries=(Query(select, alias=title),),
        unit=unit,
        width=4 if unit == "%" else 5,
        height=4,
        decimals=0 if unit == "%" else None,
        steps=steps,
        nothing="Ingen måler",
    )


def key_figures(whose: str) -> tuple[Panel, ...]:
    """Figures of the period.

    Args:
        whose: What the figures are of, in Norwegian: "bygget", or "de valgte byggene".
    """
    return (
        _figure(
            "Strøm i perioden",
            f"Strøm brukt i {whose} i perioden, i hele klokketimer. Regnes som forskjellen mellom avlesninger av hver "
            f"måler; en byttet eller nullstilt måler gir aldri negativt forbruk. {SUB_METERS}",
            total(ELECTRICITY, "Strøm"),
            "kW.h",
        ),
        _figure(
            "Fjernvarme i perioden",
            f"Fjernvarme brukt i {whose} i perioden, regnet av målerstandene på samme måte som strøm.",
            total(HEAT, "Fjernvarme"),
            "kW.h",
        ),
        _figure(
            "Vann i perioden",
            f"Vann brukt i {whose} i perioden, regnet av målerstandene på samme måte som strøm.",
            total(WATER, "Vann", field="volume"),
            "m3",
        ),
        _figure(
            "Grunnlast, strøm",
            f"Effekten som alltid er på i {whose}: de fem prosent laveste timene i hver sone, lagt sammen; timer da "
            "måleren var taus, er utelatt. 1 kW hele året er 8 760 kWh. Gå en runde når det er tomt, og hør og se hva "
            "som går.",
            base_power(f'{BASE} AS "Grunnlast"', ELECTRICITY),
            "W",
        ),
        _figure(
            "Grunnlastandel, strøm",
            "Grunnlast delt på middeleffekt: hvor stor del av strømmen som går med til det som alltid er på. Over "
            "50 % er mye for et bygg som står tomt om natta: se etter ventilasjon, lys og varme som ikke slår av. "
            "Grensene er veiledende.",
            base_power(f'{BASE_SHARE} AS "Grunnlastandel"', ELECTRICITY),
            "%",
            BASE_SHARE_STEPS,
        ),
    )


def electricity_per_day(by: str, stacked: str) -> Panel:
    """Electricity of each local day, on top of each other by a tag, which is ``stacked`` in Norwegian."""
    return Panel(
        title="Strøm per døgn",
        description=(
            f"Strøm for hvert døgn i norsk tid, {stacked} oppå hverandre. Døgnet med sommertidsskifte har 23 timer, og "
            f"det med vintertidsskifte 25. Helg og ferie bør være tydelig lavere der det står tomt. {AFTER_SILENCE}"
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(Query(per_day(ELECTRICITY, "Strøm", by=(by,)), alias=f"$tag_{by}"),),
        unit="kW.h",
        low=0,
    )


def heat_and_weather(heat: Query) -> Panel:
    """District heating of each day, with the temperature outdoors.

    Args:
        heat: What was used each day.
    """
    outdoors = Select(columns='mean("air_temperature") AS "Utetemperatur"', source=("road_weather",), every="1d")
    return Panel(
        title="Fjernvarme og utetemperatur per døgn",
        description=(
            "Fjernvarme for hvert døgn (søyler) og midlere lufttemperatur ved værstasjonene (linje, høyre akse). "
            f"Varmen skal falle når det blir mildt. Gjør den ikke det, er anlegget trolig feil innstilt. "
            f"{AFTER_SILENCE}"
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(heat, Query(outdoors, alias="Utetemperatur")),
        unit="kW.h",
        columns=(Column(name="Utetemperatur", unit="Cel", decimals=1, right=True),),
    )


def usual_day(whose: str) -> Panel:
    """Mean power at each hour of the day; ``whose`` as in ``key_figures``."""
    return Panel(
        title="Et vanlig døgn",
        description=(
            f"Midlere strømeffekt i {whose} ved hver klokketime i perioden. Natta (00-05) bør være langt lavere enn "
            "dagen; stiger kurven flere timer før det åpner, kan anlegg starte senere."
        ),
        visual=BarChart(over="Time"),
        queries=(table(Select(columns='sum("watts") AS "Effekt"', source=hourly_power(ELECTRICITY), every="1h")),),
        unit="W",
        low=0,
        columns=(Column(name="Effekt (mean)", title="Middeleffekt"),),
        transformations=mean_by_hour_of_day("Effekt"),
    )


def peaks(*titles: Column) -> Panel:
    """The highest hour of each meter and when it was; ``titles`` says how sites are shown."""
    return Panel(
        title="Høyeste time for hver måler",
        description=(
            "Den høyeste middeleffekten i én klokketime for hver strømmåler, og når den var. Nettleia regnes for hver "
            "måler og måned: velg en måned som periode. Finn ut hva som gikk samtidig, og om noe kan vente."
        ),
        visual=Table(),
        queries=(
            table(Select(columns='max("watts") AS "Topp"', source=meter_power(ELECTRICITY), by=("site", "device"))),
        ),
        unit="W",
        columns=(*titles, Column(name="device", title="Måler"), Column(name="Time", title="Klokketime")),
        transformations=(*arrange("site", "device", "Time", "Topp"), sort("Topp")),
    )
