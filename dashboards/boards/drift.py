"""Drift. Whether the platform itself works: ingest, rejections, outbox, silence, alerts, batteries, street lights."""

from dashboards.alerting import ALERT_PANELS
from dashboards.board import Board, Section
from dashboards.collector_figures import BY_COLLECTOR, KEY_FIGURES
from dashboards.measurements import measuring
from dashboards.panel import Column, Panel, Step
from dashboards.parts import (
    SENSOR_COLUMNS,
    SENSOR_TAGS,
    TYPE_COLUMN,
    introduction,
    simulated_devices,
    type_titles,
)
from dashboards.query import Query, Select, table
from dashboards.sources import SOURCE_PANELS
from dashboards.transformation import arrange, first, sort
from dashboards.visual import BarGauge, Table, TimeSeries
from dashboards.words import REASONS
from devices import load_device_types

READINGS = tuple(key for key, one in load_device_types().items() if not one.is_apart)
STREET_LIGHT = "street_light"

DOUBTED = tuple(
    key
    for key, device_type in load_device_types().items()
    if not device_type.is_apart and any(field.is_doubted for field in device_type.fields.values())
)
"""Device types of which a value may be doubtful; of those that are kept apart no board tells."""

INTRODUCTION = introduction(
    "Slik leser du siden",
    "**Virker plattformen?** Alt skal være grønt øverst. *Innsamleren svarer ikke*, og rødt i *Megler* eller "
    "*Database*, gjelder alle sensorer: ta det først. Rødt i *Tause sensorer* gjelder enkeltsensorer. Ingenting som er "
    "mottatt, går tapt mens databasen er borte; det venter i utboksen. *Kapasitet igjen* sier hvor lenge det varer.",
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
            "grensa, der innsamleren slutter å ta imot."
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
        title="Tvilsomme målinger",
        description=(
            "Sensorer som i perioden sendte en verdi vi ikke stoler på, den siste øverst. Verdien er lagret ved siden "
            "av, men teller ikke i figurer, energital eller varsler. `rate`: endret seg raskere enn den kan. `stuck`: "
            "har stått helt stille for lenge. `step`: en teller gikk bakover. Er måleren byttet, skriv det i "
            "sensorlista; ellers tror vi på det nye nivået fra den tredje målingen."
        ),
        visual=Table(),
        queries=(table(Select(columns='last("quality") AS "Hva"', source=DOUBTED, by=("type", *SENSOR_TAGS))),),
        unit="1",
        width=24,
        height=7,
        nothing="Ingen tvilsomme målinger",
        columns=(TYPE_COLUMN, *SENSOR_COLUMNS, Column(name="Time", title="Sist")),
        transformations=(*arrange("Time", *SENSOR_TAGS, "type", "Hva"), sort("Time")),
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
        Section("Kilder", SOURCE_PANELS),
        Section("Sensorer", DEVICES),
    ),
)
