"""Drift. Whether the platform itself works: ingest, rejections, outbox, silence, alerts, batteries, street lights."""

from dataclasses import replace

from dashboards.alerting import ALERT_PANELS
from dashboards.board import Board, Section
from dashboards.measurements import measuring
from dashboards.panel import Column, Panel, Shown, Step
from dashboards.parts import (
    JUST_NOW,
    NEUTRAL,
    SENSOR_COLUMNS,
    SENSOR_TAGS,
    introduction,
    limits,
    simulated_devices,
    type_titles,
)
from dashboards.query import Query, Select, table
from dashboards.transformation import arrange, first, sort
from dashboards.visual import BarGauge, Stat, Table, TimeSeries
from dashboards.words import REASONS
from devices import load_device_types

READINGS = tuple(load_device_types())
STREET_LIGHT = "street_light"
BY_COLLECTOR = ("collector",)
NO_ANSWER = "Innsamleren svarer ikke"
NOT_KNOWN = "Ikke kjent nå"

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Virker plattformen?** Alt skal være grønt øverst. *Innsamleren svarer ikke*, og rødt i *Megler* eller "
    "*Database*, gjelder alle sensorer: ta det først. Rødt i *Tause sensorer* gjelder enkeltsensorer. Ingenting som er "
    "mottatt, går tapt mens databasen er borte; det venter i utboksen. *Kapasitet igjen* sier hvor lenge det varer.",
)


def health(field: str, title: str) -> Query:
    """A figure of each collector about itself, as it stands; nothing when the collector is silent."""
    return Query(
        Select(columns=f'last("{field}") AS "{title}"', source=("collector",), by=BY_COLLECTOR, period=JUST_NOW),
        alias="$tag_collector",
    )


def grown(field: str, title: str) -> Query:
    """What a counter of the collectors grew in the period; it starts again from nothing with its collector."""
    steps = Select(columns=f'non_negative_difference("{field}") AS "steps"', source=("collector",), by=BY_COLLECTOR)
    return Query(Select(columns=f'sum("steps") AS "{title}"', source=steps), alias=title)


def status(title: str, description: str, query: Query, unit: str, steps: tuple[Step, ...]) -> Panel:
    """One figure of the platform, coloured; red when there is none, which Grafana draws in the lowest colour."""
    return Panel(
        title=title,
        description=description,
        visual=Stat(filled=True),
        queries=(query,),
        unit=unit,
        width=4,
        height=4,
        decimals=0,
        steps=(Step("red"), replace(steps[0], start=0), *steps[1:]),
        nothing=NO_ANSWER,
    )


def connection(title: str, description: str, field: str) -> Panel:
    """Whether the collector is connected to something."""
    return Panel(
        title=title,
        description=description,
        visual=Stat(filled=True),
        queries=(health(field, title),),
        unit="1",
        width=4,
        height=4,
        decimals=0,
        steps=(Step("red"), Step("green", 1)),
        values={"0": Shown("Nede", "red"), "1": Shown("Oppe", "green")},
        nothing=NO_ANSWER,
    )


def estimate(title: str, description: str, query: Query, unit: str, steps: tuple[Step, ...]) -> Panel:
    """A figure that the collectors cannot always give: what follows from a rate, when nothing moves."""
    return replace(status(title, description, query, unit, steps), steps=steps, nothing=NOT_KNOWN)


FILLED = Query(
    Select(
        columns='last("store_bytes") / last("store_most_bytes") * 100 AS "Lager"',
        source=("collector",),
        by=BY_COLLECTOR,
        period=JUST_NOW,
    ),
    alias="$tag_collector",
)

KEY_FIGURES = (
    connection(
        "Megler",
        "Om innsamleren har forbindelse med MQTT-megleren. Nede: ingen målinger kommer inn. Går megleren selv, tar den "
        "imot fra sensorene og holder på det til innsamleren er tilbake. Se om tjenesten mosquitto går.",
        "mqtt_connected",
    ),
    connection(
        "Database",
        "Om databasen tar imot. Nede: målinger venter i utboksen og går ikke tapt, men figurene står stille. Se om "
        "tjenesten influxdb går og om disken er full.",
        "influx_ok",
    ),
    status(
        "Varsler nå",
        "Varsler som er utløst nå. Se tabellen *Utløste varsler* for hvilke, og ta de kritiske først.",
        health("alerts_firing", "Varsler"),
        "1",
        (Step("green"), Step("orange", 1)),
    ),
    status(
        "Tause sensorer",
        "Sensorer som ikke har sendt på tre ganger så lang tid som de skal. En taus sensor er ikke en frisk sensor: se "
        "*Hvilke sensorer er tause?*, og sjekk batteri og dekning.",
        health("devices_silent", "Tause"),
        "{device}",
        limits(1, 10),
    ),
    status(
        "Sensorer i alt",
        "Sensorer i registeret som er plassert nå, også de som aldri har sendt.",
        health("devices_total", "Sensorer"),
        "{device}",
        NEUTRAL,
    ),
    status(
        "Eldste i utboksen",
        "Hvor lenge den eldste målingen har ventet på databasen. Vanligvis noen sekunder. Vokser den, er databasen "
        "nede eller for treg.",
        health("outbox_age_s", "Alder"),
        "s",
        limits(60, 600),
    ),
    status(
        "Mottatt nå",
        "Meldinger mottatt per sekund, slik det er nå. Null betyr at ingenting kommer fram.",
        health("received_per_s", "Mottatt"),
        "{message}/s",
        (Step("red"), Step("green", 0.01)),
    ),
    status(
        "Godtatt i perioden",
        "Målinger som besto alle kontroller i perioden.",
        grown("accepted_total", "Godtatt"),
        "1",
        NEUTRAL,
    ),
    status(
        "Avvist i perioden",
        "Målinger som ikke ble godtatt. De ligger i karantene med grunn, og kan tas inn igjen etter en retting. Felt "
        "som ble avvist av en ellers god måling, står bare i *Avvist etter grunn*.",
        grown("rejected_total", "Avvist"),
        "1",
        limits(1, 1000),
    ),
    status(
        "I karantene",
        "Meldinger og målinger som venter på at noen ser på dem. Se grunnen, rett sensoren, og ta dem inn igjen.",
        health("quarantine_rows", "Karantene"),
        "1",
        limits(1, 10_000),
    ),
    status(
        "Gjentatt i perioden",
        "Målinger som kom mer enn én gang og ble talt én gang. Litt er vanlig etter brudd; mye hele tida tyder på en "
        "sensor som ikke får kvittering.",
        grown("duplicate_total", "Gjentatt"),
        "1",
        NEUTRAL,
    ),
    status(
        "Lagret i perioden",
        "Linjer som databasen har bekreftet. Litt flere enn *Godtatt i perioden*, for innsamlerens egne linjer om "
        "helse, varsler og tause sensorer er med. Er de færre, venter målinger i utboksen, eller databasen har "
        "avvist dem.",
        grown("stored_total", "Lagret"),
        "1",
        NEUTRAL,
    ),
    estimate(
        "Kapasitet igjen",
        "Hvor lenge målinger kan vente hvis databasen blir borte nå, med den farten de kommer i: først i innsamlerens "
        "lager, så hos megleren. Etter det går målinger tapt. Under et døgn: sørg for mer plass (store.most_bytes og "
        "mqtt.broker_memory_bytes), og få databasen opp før tida er ute.",
        health("capacity_hours", "Timer"),
        "h",
        (Step("red"), Step("orange", 8), Step("green", 24)),
    ),
    status(
        "Lager brukt",
        "Hvor mye av lagerets plass som er brukt, av målinger som venter, karantene og det som huskes. Ved 50 % og "
        "80 % blir det sagt fra. Ved 100 % tar innsamleren ikke imot flere målinger, og de venter hos megleren.",
        FILLED,
        "%",
        limits(50, 80),
    ),
    status(
        "Tømmes i sekundet",
        "Linjer som forlater utboksen per sekund, i snitt over det siste minuttet. Null mens noe venter: databasen tar "
        "ikke imot.",
        health("drain_per_s", "Tømmes"),
        "{line}/s",
        NEUTRAL,
    ),
    estimate(
        "Utboksen tom om",
        "Hvor lenge det tar før det som venter, er skrevet, med den farten det går nå. Ikke kjent når utboksen vokser.",
        health("empty_in_s", "Tom om"),
        "s",
        (Step("green"), Step("orange", 600), Step("red", 3600)),
    ),
    status(
        "Meldinger om driften",
        "Hva innsamleren selv sier fra om nå: fullt lager, full disk, tapt økt, karantene nær grensen, avvist av "
        "databasen. `gjovik status` viser tekstene og hva du skal gjøre.",
        health("notices", "Meldinger"),
        "1",
        limits(1, 3),
    ),
    status(
        "Tapte økter i perioden",
        "Hvor mange ganger megleren har mistet innsamlerens økt. Da kan målinger som ventet hos megleren, være borte: "
        "se `gjovik reconcile` for hull.",
        grown("session_lost_total", "Tapte økter"),
        "1",
        (Step("green"), Step("red", 1)),
    ),
)

INGEST = (
    Panel(
        title="Mottatt og godtatt",
        description=(
            "Meldinger mottatt og målinger godtatt per sekund. De skal følge hverandre; avstanden er gjentatte og "
            "avviste."
        ),
        visual=TimeSeries(),
        queries=tuple(
            Query(
                Select(
                    columns=f'mean("{field}") AS "{title}"',
                    source=("collector",),
                    by=BY_COLLECTOR,
                    every="$__interval",
                ),
                alias=f"$tag_collector: {title.lower()}",
            )
            for field, title in (("received_per_s", "Mottatt"), ("accepted_per_s", "Godtatt"))
        ),
        unit="{message}/s",
        low=0,
    ),
    Panel(
        title="Avvist etter grunn",
        description=(
            "Antall avviste målinger og felt i hver time, etter grunn. Mange på én gang "
            "er som regel én sensor med ny programvare eller "
            "feil oppsett. Se karantenen for hvilken."
        ),
        visual=TimeSeries(bars=True, stacked=True),
        queries=(
            Query(
                Select(columns='sum("count") AS "Avvist"', source=("rejections",), by=("reason",), every="1h"),
                alias="$tag_reason",
            ),
        ),
        unit="1",
        low=0,
        decimals=0,
        nothing="Ingen avviste",
        columns=tuple(Column(name=str(reason), title=title) for reason, title in REASONS.items()),
    ),
    Panel(
        title="Utboks",
        description=(
            "Målinger som venter på databasen (søyler) og alderen på den eldste (linje, høyre akse). Vokser mens "
            "databasen er nede, og skal synke raskt etterpå."
        ),
        visual=TimeSeries(bars=True),
        queries=(
            Query(
                Select(columns='max("outbox_lines") AS "Venter"', source=("collector",), every="$__interval"),
                alias="Venter",
            ),
            Query(
                Select(columns='max("outbox_age_s") AS "Eldste"', source=("collector",), every="$__interval"),
                alias="Eldste",
            ),
        ),
        unit="1",
        low=0,
        decimals=0,
        columns=(Column(name="Eldste", unit="s", right=True),),
    ),
    Panel(
        title="Lagerets plass",
        description=(
            "Hvor mye lageret tar på disken, og karantenens del av det. Vokser mens databasen er nede. Linja øverst er "
            "grensen, der innsamleren slutter å ta imot."
        ),
        visual=TimeSeries(),
        queries=tuple(
            Query(
                Select(
                    columns=f'max("{field}") AS "{title}"',
                    source=("collector",),
                    by=BY_COLLECTOR,
                    every="$__interval",
                ),
                alias=f"$tag_collector: {title.lower()}",
            )
            for field, title in (
                ("store_bytes", "Brukt"),
                ("quarantine_bytes", "Karantene"),
                ("store_most_bytes", "Grense"),
            )
        ),
        unit="By",
        low=0,
    ),
    Panel(
        title="Forsinkelse",
        description=(
            "Lengste tid fra måling til mottak i hver time, for hver type sensor. Noen sekunder er vanlig; timer betyr "
            "at sensoren har vært uten dekning og sendte etterpå, eller at klokka dens går feil."
        ),
        visual=TimeSeries(),
        queries=(Query(Select(columns='max("delay") AS "Forsinkelse"', source=READINGS, every="1h"), alias="$m"),),
        unit="s",
        columns=tuple(Column(name=key, title=shown.text) for key, shown in type_titles().items()),
    ),
)

DEVICES = (
    Panel(
        title="Svakeste batterier",
        description="De 15 sensorene med minst batteri igjen. Bytt under 20 %, før sensoren blir taus.",
        visual=BarGauge(),
        queries=(
            table(
                Select(
                    columns='last("battery") AS "Batteri"',
                    source=measuring("battery"),
                    by=("device",),
                )
            ),
        ),
        unit="%",
        low=0,
        high=100,
        decimals=0,
        steps=(Step("red"), Step("orange", 20), Step("green", 40)),
        nothing="Ingen batterier",
        transformations=(*arrange("device", "Batteri"), sort("Batteri", descending=False), first(15)),
    ),
    Panel(
        title="Gatelys med feil",
        description="Lyskretser der siste melding i perioden sier feil. Send montør, og se at feilen går bort.",
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='"power" AS "Effekt"',
                    source=Select(
                        columns='last("fault") AS "fault", "power" AS "power"', source=(STREET_LIGHT,), by=SENSOR_TAGS
                    ),
                    where=('"fault" = true',),
                    by=SENSOR_TAGS,
                )
            ),
        ),
        unit="W",
        width=6,
        nothing="Ingen feil",
        columns=(*SENSOR_COLUMNS, Column(name="Time", title="Meldt")),
        transformations=arrange("Time", *SENSOR_TAGS, "Effekt"),
    ),
    Panel(
        title="Gatelys: effekt",
        description=(
            "Samlet effekt for gatelysene i hver time. Skal være nær null om dagen; lys på midt på dagen er en feil i "
            "styringen."
        ),
        visual=TimeSeries(),
        queries=(
            Query(
                Select(
                    columns='sum("watts") AS "Gatelys"',
                    source=Select(
                        columns='mean("power") AS "watts"', source=(STREET_LIGHT,), by=("device",), every="1h"
                    ),
                    every="1h",
                ),
                alias="Gatelys",
            ),
        ),
        unit="W",
        width=6,
        low=0,
    ),
)

BOARD = Board(
    uid="gjovik-drift",
    title="Drift",
    description="Om plattformen virker: innsamling, avviste målinger, utboks, varsler, tause sensorer og batterier.",
    period="now-24h",
    refresh="30s",
    sections=(
        Section("", (INTRODUCTION, simulated_devices(READINGS, where=()), *KEY_FIGURES)),
        Section("Varsler og tause sensorer", ALERT_PANELS),
        Section("Innsamling", INGEST),
        Section("Sensorer", DEVICES),
    ),
)
