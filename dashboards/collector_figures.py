"""The collector about itself: its key figures on the board Drift, and how a panel of one is made."""

from dataclasses import replace

from dashboards.panel import Panel, Shown, Step
from dashboards.parts import JUST_NOW, NEUTRAL, limits
from dashboards.query import Query, Select
from dashboards.visual import Stat

BY_COLLECTOR = ("collector",)
NO_ANSWER = "Innsamleren svarer ikke"
NOT_KNOWN = "Ikke kjent nå"


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
        "Hva innsamleren selv sier fra om nå: fullt lager, full disk, tapt økt, karantene nær grensa, avvist av "
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
