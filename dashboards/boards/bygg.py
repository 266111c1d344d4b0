"""Bygg. One building: electricity, heat, water, and whether the air and the temperature are good."""

from dataclasses import replace

from dashboards.annotation import mark_alerts
from dashboards.board import Board, Section
from dashboards.consumption import METERS, hourly_power, hourly_volume, per_day
from dashboards.energy import (
    AFTER_SILENCE,
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
from dashboards.parts import NEUTRAL, introduction, limits, simulated_devices
from dashboards.query import AT_SITE, IN_ZONE, Query, Select, Variable, table
from dashboards.share import share
from dashboards.transformation import arrange, sort
from dashboards.visual import BarGauge, Heatmap, StateTimeline, Table, TimeSeries

CLIMATE = "indoor_climate"
BY_ZONE = ("zone",)
ROOMS = ("zone", "device")
IN_ROOMS = (AT_SITE, IN_ZONE)

LAST_HOUR = "time >= ${__to}ms - 1h AND time <= ${__to}ms"
"""The last hour of the period: what is older is not how the room is now."""
WATER_HEAT = 1.163
"""kWh that a cubic metre of water gives off when it cools by 1 K (4.187 kJ/(kg K) times 1000 kg/m³)."""

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


def climate(columns: str, every: str, by: tuple[str, ...] = BY_ZONE, where: tuple[str, ...] = ()) -> Select:
    """What the rooms of the chosen zones measure."""
    return Select(columns=columns, source=(CLIMATE,), where=(*IN_ROOMS, *where), by=by, every=every)


def share_of_hours(field: str, bad: str, good: str, where: tuple[str, ...] = ()) -> Select:
    """Percent of the hours of each zone in which the mean of a field was bad; rooms are counted apart.

    Args:
        field: Of the rooms.
        bad: The condition, as InfluxQL writes it after a name.
        good: Its opposite.
        where: Conditions on the readings.
    """
    hours = climate(f'mean("{field}") AS "level"', "1h", by=ROOMS, where=where)
    rows = Select(columns="", source=hours, by=BY_ZONE)
    return share("Andel", rows, '"level"', f'"level" {bad}', f'"level" {good}')


def occupied() -> Select:
    """Percent of each hour's readings that saw somebody in the zone; null for an hour without readings."""
    readings = Select(columns="", source=(CLIMATE,), where=IN_ROOMS, by=BY_ZONE)
    seen = share("I bruk", readings, '"delay"', '"presence" = true', '"presence" = false')
    return replace(seen, every="1h", fill="null")


def cooling() -> Select:
    """How many kelvin the district-heat water cooled each local day, weighted by its volume."""
    hours = Select(
        columns=(
            'non_negative_difference(last("energy")) AS "heat_used", '
            'non_negative_difference(last("volume")) AS "volume_used"'
        ),
        source=(HEAT,),
        where=(AT_SITE,),
        by=METERS,
        every="1h",
    )
    kelvin = f'sum("heat_used") / (sum("volume_used") * {WATER_HEAT}) AS "Avkjøling"'
    return Select(columns=kelvin, source=hours, every="1d")


def discomfort(title: str, description: str, hours: Select, steps: tuple[Step, ...]) -> Panel:
    """A bar for each zone: how much of the time it was uncomfortable."""
    return Panel(
        title=title,
        description=f"{description} Rommene i en sone telles hver for seg.",
        visual=BarGauge(),
        queries=(table(hours),),
        unit="%",
        width=8,
        low=0,
        high=100,
        decimals=0,
        steps=steps,
        nothing="Ingen målinger",
        transformations=(*arrange("zone", "Andel"), sort("Andel")),
    )


ENERGY = (
    electricity_per_day("device", "målerne"),
    heat_and_weather(Query(per_day(HEAT, "Fjernvarme"), alias="Fjernvarme")),
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
    usual_day("bygget"),
    peaks(),
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
            "Hvor mye vannet er kjølt ned i hvert døgn: energi delt på volum, så timer med lite vann teller lite. "
            "Under 30 grader er dårlig utnyttelse, og kan gi dyrere varme. Grensene er veiledende; se avtalen med "
            "leverandøren."
        ),
        visual=TimeSeries(bars=True, limits=True),
        queries=(Query(cooling(), alias="Avkjøling"),),
        unit="K",
        decimals=1,
        low=0,
        steps=(Step("red"), Step("orange", 25), Step("green", 30)),
    ),
    Panel(
        title="Vann per døgn",
        description=(
            f"Vann for hvert døgn i norsk tid. Et sprang oppover som varer, er ofte en lekkasje. {AFTER_SILENCE}"
        ),
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
    discomfort(
        "Tid med dårlig luft",
        "Hvor stor del av timene CO₂ i snitt var over 1000 ppm, Folkehelseinstituttets norm. Det er mennesker som "
        "lager CO₂, så dette er timer da noen var der. Er andelen høy, kontroller ventilasjonen, eller bruk rommet til "
        "færre.",
        share_of_hours("co2", f"> {CO2_LIMIT}", f"<= {CO2_LIMIT}"),
        limits(5, 20),
    ),
    discomfort(
        "Kaldt mens noen er der",
        "Hvor stor del av timene med folk i rommet det i snitt var under 19 grader. Bare rom der sensoren merker om "
        "noen er der. Er andelen høy, kontroller varmen, eller la den komme på tidligere.",
        share_of_hours("temperature", "< 19", ">= 19", where=('"presence" = true',)),
        limits(5, 20),
    ),
    discomfort(
        "Tid over 24 °C",
        "Hvor stor del av timene det i snitt var over 24 grader. I fyringssesongen er det som regel varme som kastes "
        "bort: senk temperaturen i sonen. Svømmehaller og serverrom skal være varmere enn dette.",
        share_of_hours("temperature", "> 24", "<= 24"),
        NEUTRAL,
    ),
    Panel(
        title="Rommene nå",
        description=(
            "Siste måling fra hvert rom i den siste timen; rom som ikke står her, er ikke hørt på en time. "
            "Blått er kaldt (under 19 grader), grønt er bra, oransje og rødt er "
            "varmt. CO₂ blir oransje over 1000 ppm. Tørr luft (under 20 %) er vanlig om vinteren."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='last("temperature") AS "Temperatur", last("co2") AS "CO₂", last("humidity") AS "Fukt"',
                    source=(CLIMATE,),
                    where=IN_ROOMS,
                    by=ROOMS,
                    period=LAST_HOUR,
                )
            ),
        ),
        unit="Cel",
        height=9,
        decimals=1,
        nothing="Ingen målinger den siste timen",
        columns=(
            Column(name="zone", title="Sone"),
            Column(name="device", title="Sensor"),
            Column(name="Temperatur", unit="Cel", decimals=1, steps=TEMPERATURE_STEPS),
            Column(name="CO₂", unit="[ppm]", decimals=0, steps=CO2_STEPS),
            Column(name="Fukt", unit="%", decimals=0),
        ),
        transformations=(*arrange("zone", "device", "Temperatur", "CO₂", "Fukt"), sort("CO₂")),
    ),
    Panel(
        title="Hvor ofte er lufta dårlig?",
        description=(
            "Hver rute er en time og et CO₂-nivå; jo sterkere farge, jo flere rom. Sterke ruter over 1000 ppm på samme "
            "tid hver dag betyr at ventilasjonen starter for sent eller er for svak."
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
            "Grønt der noen var i sonen i løpet av timen; tallet er hvor stor del av målingene som så noen. Grått er "
            "tomt, og hull er ikke målt. Sammenlign med når lys, varme og ventilasjon går: anlegg som går for tomme "
            "rom, kan stilles om."
        ),
        visual=StateTimeline(),
        queries=(Query(occupied(), alias="$tag_zone"),),
        unit="%",
        width=24,
        decimals=0,
        steps=(Step("#585858"), Step("green", 0.01)),
        nothing="Ingen tilstedeværelsessensorer",
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
    annotations=(*mark_alerts(ELECTRICITY, HEAT, WATER), *mark_alerts(CLIMATE, where=(IN_ZONE,))),
    sections=(
        Section("", (INTRODUCTION, simulated_devices((ELECTRICITY, HEAT, WATER, CLIMATE)), *key_figures("bygget"))),
        Section("Inneklima", INDOORS),
        Section("Strøm, varme og vann", ENERGY),
    ),
)
