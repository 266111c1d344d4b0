"""Alerts and silence: what fires, what fired and cleared, and which sensors are silent."""

from dataclasses import replace

from dashboards.panel import Column, Panel
from dashboards.parts import JUST_NOW, SENSOR_COLUMNS, SENSOR_TAGS, SITE_LINKS, TYPE_COLUMN, limits
from dashboards.query import Select, table
from dashboards.transformation import arrange, sort
from dashboards.visual import Table
from dashboards.words import CHANGES, FLAPPING, PHASES, SEVERITIES, UNITS

SO_FAR = "time >= ${__to}ms - 90d AND time <= ${__to}ms"
"""An alert may have fired before the period and still be firing."""

ALERT_LINKS = SITE_LINKS | {"Åpne Mobilitet": "/d/gjovik-mobilitet?var-site=${__value.text}&${__url_time_range}"}
"""Where the sensor's readings are shown: at a building, or along a road."""
DETAILS = '"severity", "site", "zone"'
SINCE = '${__to} / 1000 - "since" AS "Varighet"'
"""How long the condition has held, in seconds up to the end of the period."""
ALERT_COLUMNS = (
    Column(name="severity", title="Alvor", values=SEVERITIES, filled=True),
    Column(name="unit", title="Måleenhet", values=UNITS),
    *(replace(one, links=ALERT_LINKS) if one.name == "site" else one for one in SENSOR_COLUMNS),
)
SILENCE_OF_COLLECTOR = "Er innsamleren nede (se øverst), kommer det ingenting nytt her."


def firing_alerts() -> Select:
    """What fires: an alert is a device and a rule; severity, site and zone may have changed since it fired."""
    latest = Select(
        columns=(
            'last("firing") AS "firing", "phase" AS "phase", "flapping" AS "flapping", "since" AS "since", '
            f'"value" AS "value", "limit" AS "limit", "text" AS "text", "unit" AS "unit", {DETAILS}'
        ),
        source=("alerts",),
        by=("device", "rule"),
        period=SO_FAR,
    )
    return Select(
        columns=(
            f'"text" AS "Varsel", {SINCE}, "phase", "flapping", "value" AS "Verdi", "limit" AS "Grense", '
            f'"unit" AS "unit", {DETAILS}'
        ),
        source=latest,
        where=('"firing" = true',),
        by=("device", "rule"),
    )


def transitions() -> Select:
    """What became of alerts in the period, the latest first."""
    return Select(
        columns=(
            '"change", "text" AS "Varsel", "value" AS "Verdi", "limit" AS "Grense", "unit" AS "unit", '
            f'"rule", "device", {DETAILS}'
        ),
        source=("alerts",),
        tail="ORDER BY time DESC LIMIT 200",
    )


def silent_sensors() -> Select:
    """Who is silent, and for how long."""
    return Select(
        columns='last("seconds") AS "Taus i"', source=("silence",), by=("type", *SENSOR_TAGS), period=JUST_NOW
    )


ALERT_PANELS = (
    Panel(
        title="Utløste varsler",
        description=(
            "Varsler som er utløst nå, det nyeste øverst. Ta de kritiske først. *Varighet* er hvor lenge det har vært "
            "galt, *Sist endret* når det sist skjedde noe. Varselet går over av seg selv når målingen er tilbake på "
            "riktig side av grensa lenge nok; er sensoren taus, vet ingen om det er over. Trykk på stedet for å se "
            f"målingene. {SILENCE_OF_COLLECTOR}"
        ),
        visual=Table(),
        queries=(table(firing_alerts()),),
        unit="1",
        width=24,
        height=9,
        nothing="Ingen varsler",
        columns=(
            Column(name="Time", title="Sist endret"),
            Column(name="Varighet", unit="s", decimals=0),
            Column(name="phase", title="Tilstand", values=PHASES),
            Column(name="flapping", title="Merknad", values=FLAPPING),
            *ALERT_COLUMNS,
        ),
        transformations=(
            *arrange(
                *("severity", "Varsel", "Varighet", "phase", *SENSOR_TAGS),
                *("Verdi", "Grense", "unit", "flapping", "Time"),
            ),
            sort("Varighet", descending=False),
        ),
    ),
    Panel(
        title="Hvilke sensorer er tause?",
        description=(
            "Sensorer som ikke har sendt på tre ganger så lang tid som de skal, den som har vært taus lengst øverst. "
            f"Er mange på ett sted tause, er det trolig strøm eller nett på stedet. {SILENCE_OF_COLLECTOR}"
        ),
        visual=Table(),
        queries=(table(silent_sensors()),),
        unit="s",
        width=24,
        height=7,
        nothing="Ingen meldt tause (gjelder bare når innsamleren svarer)",
        columns=(
            TYPE_COLUMN,
            *SENSOR_COLUMNS,
            Column(name="Taus i", unit="s", decimals=0, steps=limits(3600, 86_400)),
        ),
        transformations=(*arrange(*SENSOR_TAGS, "type", "Taus i"), sort("Taus i")),
    ),
    Panel(
        title="Varsler i perioden",
        description=(
            "Hver gang det skjedde noe med et varsel i perioden, det siste øverst (de 200 siste). Et varsel som kommer "
            "og går hele tida, har trolig feil grense. Er regelen fjernet siden, står bare navnet dens."
        ),
        visual=Table(),
        queries=(table(transitions()),),
        unit="1",
        width=24,
        height=9,
        nothing="Ingen varsler",
        columns=(
            Column(name="Time", title="Tid"),
            Column(name="change", title="Hendelse", values=CHANGES),
            Column(name="rule", title="Regel"),
            *ALERT_COLUMNS,
        ),
        transformations=arrange(
            "Time", "change", "severity", "Varsel", *SENSOR_TAGS, "Verdi", "Grense", "unit", "rule"
        ),
    ),
)
