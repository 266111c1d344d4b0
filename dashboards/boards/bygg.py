"""Bygg. One building: electricity, heat, water, and whether the air and the temperature are good."""

from dashboards.board import Board, Section
from dashboards.consumption import base, base_share, hourly_power, hourly_volume, per_day, total
from dashboards.panel import Column, Panel, Shown, Step
from dashboards.parts import NEUTRAL, introduction, limits, simulated_devices
from dashboards.query import AT_SITE, IN_ZONE, Query, Select, Variable, table
from dashboards.transformation import arrange, mean_by_hour_of_day, sort
from dashboards.visual import BarChart, BarGauge, Heatmap, Stat, StateTimeline, Table, TimeSeries

ELECTRICITY, HEAT, WATER, CLIMATE = "electricity_meter", "heat_meter", "water_meter", "indoor_climate"
BY_ZONE = ("zone",)
IN_ROOMS = (AT_SITE, IN_ZONE)

CO2_LIMIT = 1000
"""ppm; the Norwegian Institute of Public Health's norm for indoor air."""
TEMPERATURE_STEPS = (Step("blue"), Step("green", 19), Step("orange", 24), Step("red", 26))
"""°C; the Norwegian Labour Inspection Authority advises 19 to 26 for light work."""
CO2_STEPS = limits(CO2_LIMIT, 1500)

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Ett bygg om gangen:** velg det øverst til venstre. *Sone* gjelder bare inneklimaet; målerne vises alltid for "
    "hele bygget. Se først etter rødt, så på grunnlasten, så på rommene med mange timer dårlig luft.",
)


def climate(columns: str, every: str, by: tuple[str, ...] = BY_ZONE) -> Select:
    """What the rooms of the chosen zones measure."""
    return Select(columns=columns, source=(CLIMATE,), where=IN_ROOMS, by=by, every=every)


def climate_hours(field: str, condition: str) -> Select:
    """Hours of the period in which the mean of a field met a condition, for each zone; rooms are counted apart."""
    hours = climate(f'mean("{field}") AS "level"', "1h", by=("zone", "device"))
    return Select(columns='count("level") AS "Timer"', source=hours, where=(f'"level" {condition}',), by=BY_ZONE)


KEY_FIGURES = (
    Panel(
        title="Strøm i perioden",
        description=(
            "Strøm brukt i bygget i perioden, i hele klokketimer. Er tallet høyere enn ventet, se på "
            "grunnlasten og på *Strøm per døgn*."
        ),
        visual=Stat(),
        queries=(Query(total(ELECTRICITY, "Strøm"), alias="Strøm"),),
        unit="kW.h",
        width=4,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Fjernvarme i perioden",
        description="Fjernvarme brukt i bygget i perioden, i hele klokketimer.",
        visual=Stat(),
        queries=(Query(total(HEAT, "Fjernvarme"), alias="Fjernvarme"),),
        unit="kW.h",
        width=4,
        height=4,
        steps=NEUTRAL,
        nothing="Ingen måler",
    ),
    Panel(
        title="Vann i perioden",
        description="Vann brukt i bygget i perioden, i hele klokketimer.",
        visual=Stat(),
        queries=(Query(total(WATER, "Vann", field="volume"), alias="Vann"),),
        unit="m3",
        width=4,
        height=4,
        steps=NEUTRAL,
        nothing="Ingen måler",
    ),
    Panel(
        title="Høyeste time, strøm",
        description=(
            "Den høyeste middeleffekten i én klokketime. Nettleia følger de høyeste timene: finn ut hva som gikk "
            "samtidig, og om noe kan vente."
        ),
        visual=Stat(),
        queries=(Query(Select(columns='max("watts") AS "Topp"', source=hourly_power(ELECTRICITY)), alias="Topp"),),
        unit="W",
        width=4,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Grunnlast, strøm",
        description=(
            "Effekten i de fem prosent laveste timene: det som alltid er på. 1 kW hele året er 8 760 kWh. Gå en runde "
            "når bygget er tomt, og hør og se hva som går."
        ),
        visual=Stat(),
        queries=(
            Query(
                Select(columns=f'{base("watts")} AS "Grunnlast"', source=hourly_power(ELECTRICITY)), alias="Grunnlast"
            ),
        ),
        unit="W",
        width=4,
        height=4,
        steps=NEUTRAL,
    ),
    Panel(
        title="Grunnlastandel, strøm",
        description=(
            "Grunnlast delt på middeleffekt: hvor stor del av strømmen som går med til det som alltid er på. Over 50 % "
            "er mye for et bygg som står tomt om natta. Grensene er veiledende."
        ),
        visual=Stat(),
        queries=(
            Query(Select(columns=f'{base_share("watts")} AS "Andel"', source=hourly_power(ELECTRICITY)), alias="Andel"),
        ),
        unit="%",
        width=4,
        height=4,
        decimals=0,
        steps=limits(50, 70),
    ),
)

ENERGY = (
    Panel(
        title="Strøm per døgn",
        description=(
            "Strøm for hvert døgn i norsk tid, målerne oppå hverandre. Helg og ferie bør være tydelig lavere enn "
            "hverdag når bygget står tomt."
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(Query(per_day(ELECTRICITY, "Strøm", by=("device",)), alias="$tag_device"),),
        unit="kW.h",
        low=0,
    ),
    Panel(
        title="Fjernvarme og utetemperatur per døgn",
        description=(
            "Fjernvarme for hvert døgn (søyler) og midlere lufttemperatur ved værstasjonene (linje, høyre akse). "
            "Varmen skal falle når det blir mildt."
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(
            Query(per_day(HEAT, "Fjernvarme"), alias="Fjernvarme"),
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
        description="Midlere effekt i hver time, strøm og fjernvarme. Se når på døgnet anlegg starter og stopper.",
        visual=TimeSeries(),
        queries=(
            Query(hourly_power(ELECTRICITY), alias="Strøm"),
            Query(hourly_power(HEAT), alias="Fjernvarme"),
        ),
        unit="W",
        low=0,
    ),
    Panel(
        title="Et vanlig døgn",
        description=(
            "Midlere strømeffekt ved hver klokketime i perioden. Natt (00–05) bør være langt lavere enn dag; stiger "
            "kurven flere timer før bygget åpner, kan anlegg starte senere."
        ),
        visual=BarChart(over="Time"),
        queries=(table(Select(columns='sum("watts") AS "Effekt"', source=hourly_power(ELECTRICITY), every="1h")),),
        unit="W",
        low=0,
        columns=(Column(name="Effekt (mean)", title="Middeleffekt"),),
        transformations=mean_by_hour_of_day("Effekt"),
    ),
    Panel(
        title="Fjernvarme: tur og retur",
        description=(
            "Temperatur på vannet inn (tur) og ut (retur). Returen bør være lav: forskjell under 30 grader betyr at "
            "varmen ikke blir brukt, og at vannet går for fort gjennom. Se etter ventiler som står åpne."
        ),
        visual=TimeSeries(),
        queries=tuple(
            Query(
                Select(columns=f'mean("{field}") AS "{title}"', source=(HEAT,), where=(AT_SITE,), every="1h"),
                alias=title,
            )
            for field, title in (("supply_temperature", "Tur"), ("return_temperature", "Retur"))
        ),
        unit="Cel",
        decimals=1,
    ),
    Panel(
        title="Fjernvarme: avkjøling",
        description=(
            "Tur minus retur i snitt for hvert døgn. Under 30 grader er dårlig utnyttelse, og kan gi dyrere varme. "
            "Grensene er veiledende; se avtalen med leverandøren."
        ),
        visual=TimeSeries(bars=True, limits=True),
        queries=(
            Query(
                Select(
                    columns='mean("supply_temperature") - mean("return_temperature") AS "Avkjøling"',
                    source=(HEAT,),
                    where=(AT_SITE,),
                    every="1d",
                ),
                alias="Avkjøling",
            ),
        ),
        unit="K",
        decimals=1,
        low=0,
        steps=(Step("red"), Step("orange", 25), Step("green", 30)),
    ),
    Panel(
        title="Vann per døgn",
        description="Vann for hvert døgn i norsk tid. Et sprang oppover som varer, er ofte en lekkasje.",
        visual=TimeSeries(bars=True),
        queries=(Query(per_day(WATER, "Vann", field="volume"), alias="Vann"),),
        unit="m3",
        low=0,
    ),
    Panel(
        title="Vann time for time",
        description=(
            "Vann i hver time. Bør gå til null om natta der ingen bruker vann; gjør det ikke det, se etter lekkasje "
            "eller et toalett som renner."
        ),
        visual=TimeSeries(bars=True),
        queries=(Query(hourly_volume(WATER), alias="Vann"),),
        unit="m3/h",
        low=0,
    ),
)

INDOORS = (
    Panel(
        title="Timer med dårlig luft",
        description=(
            "Timer i perioden der CO₂ i snitt var over 1000 ppm, Folkehelseinstituttets norm; rommene i en sone "
            "telles hver for seg. Det er mennesker som lager CO₂, så dette er timer da noen var der. Mange timer: "
            "kontroller ventilasjonen, eller bruk rommet til færre."
        ),
        visual=BarGauge(),
        queries=(table(climate_hours("co2", f"> {CO2_LIMIT}")),),
        unit="h",
        width=8,
        low=0,
        steps=limits(5, 20),
        nothing="Ingen timer",
        transformations=(arrange("zone", "Timer"), sort("Timer")),
    ),
    Panel(
        title="Timer under 19 °C",
        description=(
            "Timer i perioden der temperaturen i snitt var under 19 grader; rommene i en sone telles hver for seg. "
            "Natt og helg med senket temperatur teller med. Er det kaldt når folk er der, kontroller varmen."
        ),
        visual=BarGauge(),
        queries=(table(climate_hours("temperature", "< 19")),),
        unit="h",
        width=8,
        low=0,
        steps=(Step("blue"),),
        nothing="Ingen timer",
        transformations=(arrange("zone", "Timer"), sort("Timer")),
    ),
    Panel(
        title="Timer over 24 °C",
        description=(
            "Timer i perioden der temperaturen i snitt var over 24 grader; rommene i en sone telles hver for seg. I "
            "fyringssesongen er det varme som kastes bort: senk temperaturen i sonen."
        ),
        visual=BarGauge(),
        queries=(table(climate_hours("temperature", "> 24")),),
        unit="h",
        width=8,
        low=0,
        steps=limits(5, 20),
        nothing="Ingen timer",
        transformations=(arrange("zone", "Timer"), sort("Timer")),
    ),
    Panel(
        title="Rommene nå",
        description=(
            "Siste måling fra hvert rom i perioden. Blått er kaldt (under 19 grader), grønt er bra, oransje og rødt "
            "er varmt. CO₂ blir oransje over 1000 ppm. Tørr luft (under 20 %) er vanlig om vinteren."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='last("temperature") AS "Temperatur", last("co2") AS "CO₂", last("humidity") AS "Fukt"',
                    source=(CLIMATE,),
                    where=IN_ROOMS,
                    by=("zone", "device"),
                )
            ),
        ),
        unit="Cel",
        height=9,
        decimals=1,
        columns=(
            Column(name="zone", title="Sone"),
            Column(name="device", title="Måler"),
            Column(name="Temperatur", unit="Cel", decimals=1, steps=TEMPERATURE_STEPS),
            Column(name="CO₂", unit="[ppm]", decimals=0, steps=CO2_STEPS),
            Column(name="Fukt", unit="%", decimals=0),
        ),
        transformations=(arrange("zone", "device", "Temperatur", "CO₂", "Fukt"), sort("CO₂")),
    ),
    Panel(
        title="Hvor ofte er lufta dårlig?",
        description=(
            "Hver rute er en time og et CO₂-nivå; jo mørkere, jo flere rom. Mørke ruter over 1000 ppm på samme tid "
            "hver dag betyr at ventilasjonen starter for sent eller er for svak."
        ),
        visual=Heatmap(step=200, unit="ppm"),
        queries=(Query(climate('mean("co2") AS "CO₂"', "1h", by=("device",)), alias="$tag_device"),),
        unit="[ppm]",
        height=9,
        decimals=0,
    ),
    Panel(
        title="Temperatur",
        description="Midlere temperatur i hver sone. Bør synke om natta og i helga når bygget står tomt.",
        visual=TimeSeries(),
        queries=(Query(climate('mean("temperature") AS "Temperatur"', "1h"), alias="$tag_zone"),),
        unit="Cel",
        decimals=1,
    ),
    Panel(
        title="CO₂",
        description=(
            "Midlere CO₂ i hver sone. Den stiplede linja er Folkehelseinstituttets norm på 1000 ppm; over den er lufta "
            "for dårlig ventilert for dem som er der."
        ),
        visual=TimeSeries(limits=True),
        queries=(Query(climate('mean("co2") AS "CO₂"', "1h"), alias="$tag_zone"),),
        unit="[ppm]",
        decimals=0,
        steps=(Step("green"), Step("orange", CO2_LIMIT)),
    ),
    Panel(
        title="Når er rommene i bruk?",
        description=(
            "Siste melding om tilstedeværelse i hver time. Sammenlign med når lys, varme og ventilasjon går: anlegg "
            "som går for tomme rom, kan stilles om."
        ),
        visual=StateTimeline(),
        queries=(Query(climate('last("presence") AS "I bruk"', "1h"), alias="$tag_zone"),),
        unit="1",
        width=24,
        values={"true": Shown("I bruk", "green"), "false": Shown("Tomt", "#585858")},
        nothing="Ingen tilstedeværelsesmålere",
    ),
)

BOARD = Board(
    uid="gjovik-bygg",
    title="Bygg",
    description="Ett bygg: strøm, varme, vann, inneklima, og hva som bør ses på.",
    variables=(
        Variable(name="site", title="Bygg", measurements=(ELECTRICITY, HEAT, CLIMATE), several=False),
        Variable(name="zone", title="Sone", measurements=(CLIMATE,), where=(AT_SITE,)),
    ),
    sections=(
        Section("", (INTRODUCTION, simulated_devices((ELECTRICITY, HEAT, WATER, CLIMATE)), *KEY_FIGURES)),
        Section("Inneklima", INDOORS),
        Section("Strøm, varme og vann", ENERGY),
    ),
)
