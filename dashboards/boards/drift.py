"""Drift. Whether the platform itself works: ingest, rejections, outbox, silence, alerts, batteries, street lights."""

from dashboards.board import Board, Section
from dashboards.measurements import measuring
from dashboards.panel import Column, Panel, Shown, Step
from dashboards.parts import NEUTRAL, introduction, limits, simulated_devices, type_titles
from dashboards.query import Query, Select, table
from dashboards.transformation import arrange, first, sort
from dashboards.visual import BarGauge, Stat, Table, TimeSeries
from dashboards.words import FIRING, REASONS, SEVERITIES
from devices import load_device_types

READINGS = tuple(load_device_types())
STREET_LIGHT = "street_light"
BY_COLLECTOR = ("collector",)
JUST_NOW = "time >= ${__to}ms - 5m AND time <= ${__to}ms"
"""The last five minutes of the period; devices that have spoken again fall out of it."""
SO_FAR = "time >= ${__to}ms - 90d AND time <= ${__to}ms"
"""An alert may have fired before the period and still be firing."""
AT_DEVICE = ("site", "zone", "device")

WHERE = (Column(name="site", title="Sted"), Column(name="zone", title="Sone"), Column(name="device", title="Enhet"))
TYPE = Column(name="type", title="Slag", values=type_titles())

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Virker plattformen?** Alt skal være grønt øverst. Rødt i *Megler* eller *Database* gjelder alle målere: ta det "
    "først. Rødt i *Stille enheter* gjelder enkeltmålere. Ingenting som er mottatt går tapt mens databasen er borte; "
    "det venter i utboksen.",
)


def health(field: str, title: str, every: str = "") -> Query:
    """A figure of each collector about itself, as it stands."""
    return Query(
        Select(columns=f'last("{field}") AS "{title}"', source=("collector",), by=BY_COLLECTOR, every=every),
        alias="$tag_collector",
    )


def grown(field: str, title: str) -> Query:
    """What a counter of the collectors grew in the period; it starts again from nothing with its collector."""
    steps = Select(columns=f'non_negative_difference("{field}") AS "steps"', source=("collector",), by=BY_COLLECTOR)
    return Query(Select(columns=f'sum("steps") AS "{title}"', source=steps), alias=title)


def status(title: str, description: str, query: Query, unit: str, steps: tuple[Step, ...]) -> Panel:
    """One figure of the platform, coloured."""
    return Panel(
        title=title,
        description=description,
        visual=Stat(filled=True),
        queries=(query,),
        unit=unit,
        width=4,
        height=4,
        decimals=0,
        steps=steps,
        nothing="Ikke noe svar",
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
        nothing="Mottaket svarer ikke",
    )


KEY_FIGURES = (
    connection(
        "Megler",
        "Om mottaket har forbindelse med MQTT-megleren. Nede: målerne kan ikke levere; megleren holder på det de "
        "sender så lenge den selv går. Se om tjenesten mosquitto går.",
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
        "Stille enheter",
        "Enheter som ikke har sendt på tre ganger så lang tid som de skal. En stille måler er ikke en frisk måler: se "
        "tabellen, og sjekk batteri og dekning.",
        health("devices_silent", "Stille"),
        "{device}",
        limits(1, 10),
    ),
    status(
        "Enheter i alt",
        "Enheter i registeret med plassering nå.",
        health("devices_total", "Enheter"),
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
        "Målinger som ikke ble godtatt. De ligger i karantene med årsak, og kan tas inn igjen etter en retting. Se "
        "*Avvist etter årsak*.",
        grown("rejected_total", "Avvist"),
        "1",
        limits(1, 1000),
    ),
    status(
        "I karantene",
        "Meldinger og målinger som venter på at noen ser på dem. Se årsaken, rett måleren, og ta dem inn igjen.",
        health("quarantine_rows", "Karantene"),
        "1",
        limits(1, 10_000),
    ),
    status(
        "Gjentatt i perioden",
        "Målinger som kom mer enn én gang og ble talt én gang. Litt er vanlig etter brudd; mye hele tida tyder på en "
        "måler som ikke får kvittering.",
        grown("duplicate_total", "Gjentatt"),
        "1",
        NEUTRAL,
    ),
    status(
        "Lagret i perioden",
        "Målinger som databasen har bekreftet. Skal følge *Godtatt i perioden*; forskjellen venter i utboksen, eller "
        "er avvist av databasen og ligger i karantene.",
        grown("stored_total", "Lagret"),
        "1",
        NEUTRAL,
    ),
)

ALERTS = (
    Panel(
        title="Utløste varsler",
        description=(
            "Varsler som er utløst nå, med tidspunktet de ble utløst. Ta de kritiske først. Varselet klareres av seg "
            "selv når måleren er tilbake på riktig side av grensa."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='"value" AS "Verdi", "limit" AS "Grense"',
                    source=Select(
                        columns='last("firing") AS "firing", "value" AS "value", "limit" AS "limit"',
                        source=("alerts",),
                        by=("severity", "rule", *AT_DEVICE),
                        period=SO_FAR,
                    ),
                    where=('"firing" = true',),
                    by=("severity", "rule", *AT_DEVICE),
                )
            ),
        ),
        unit="1",
        height=9,
        nothing="Ingen varsler",
        columns=(
            Column(name="severity", title="Alvor", values=SEVERITIES),
            Column(name="rule", title="Varsel"),
            Column(name="Time", title="Utløst"),
            *WHERE,
        ),
        transformations=(
            arrange("Time", "severity", "rule", *AT_DEVICE, "Verdi", "Grense"),
            sort("Time"),
        ),
    ),
    Panel(
        title="Stille enheter",
        description=(
            "Enheter som ikke har sendt på tre ganger så lang tid som de skal, den som har vært stille lengst øverst. "
            "Er mange på ett sted stille, er det trolig strøm eller nett på stedet."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='last("seconds") AS "Stille i"',
                    source=("silence",),
                    by=("type", *AT_DEVICE),
                    period=JUST_NOW,
                )
            ),
        ),
        unit="s",
        height=9,
        nothing="Ingen er stille",
        columns=(TYPE, *WHERE, Column(name="Stille i", unit="s", decimals=0, steps=limits(3600, 86_400))),
        transformations=(arrange(*AT_DEVICE, "type", "Stille i"), sort("Stille i")),
    ),
    Panel(
        title="Varsler i perioden",
        description=(
            "Hver gang et varsel ble utløst eller klarert i perioden, det siste øverst (de 200 siste). Et varsel som "
            "kommer og går hele tida, har trolig feil grense."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='"firing", "severity", "rule", "site", "zone", "device", "value" AS "Verdi", '
                    '"limit" AS "Grense"',
                    source=("alerts",),
                    tail="ORDER BY time DESC LIMIT 200",
                )
            ),
        ),
        unit="1",
        width=24,
        nothing="Ingen varsler",
        columns=(
            Column(name="Time", title="Tid"),
            Column(name="firing", title="Hendelse", values=FIRING),
            Column(name="severity", title="Alvor", values=SEVERITIES),
            Column(name="rule", title="Varsel"),
            *WHERE,
        ),
        transformations=(arrange("Time", "firing", "severity", "rule", *AT_DEVICE, "Verdi", "Grense"),),
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
        title="Avvist etter årsak",
        description=(
            "Antall avviste i hver time, etter årsak. Mange på én gang er som regel én måler med ny programvare eller "
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
        nothing="Ingen avvist",
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
        title="Forsinkelse",
        description=(
            "Lengste tid fra måling til mottak i hver time, for hvert slag enhet. Noen sekunder er vanlig; timer betyr "
            "at måleren har vært uten dekning og sendte etterpå, eller at klokka dens går feil."
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
        description="De 15 enhetene med minst batteri igjen. Bytt under 20 %, før enheten blir stille.",
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
        transformations=(arrange("device", "Batteri"), sort("Batteri", descending=False), first(15)),
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
                        columns='last("fault") AS "fault", "power" AS "power"', source=(STREET_LIGHT,), by=AT_DEVICE
                    ),
                    where=('"fault" = true',),
                    by=AT_DEVICE,
                )
            ),
        ),
        unit="W",
        width=6,
        nothing="Ingen feil",
        columns=(*WHERE, Column(name="Time", title="Meldt")),
        transformations=(arrange("Time", *AT_DEVICE, "Effekt"),),
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
    description="Om plattformen virker: mottak, avviste målinger, utboks, varsler, stille enheter, batterier, gatelys.",
    period="now-24h",
    refresh="30s",
    sections=(
        Section("", (INTRODUCTION, simulated_devices(READINGS, where=()), *KEY_FIGURES)),
        Section("Varsler og stille enheter", ALERTS),
        Section("Mottak", INGEST),
        Section("Enheter", DEVICES),
    ),
)
