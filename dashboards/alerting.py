"""Alerts and silence: what fires, what fired and cleared, and which sensors are silent."""

from dashboards.panel import Column, Panel
from dashboards.parts import JUST_NOW, SENSOR_COLUMNS, SENSOR_TAGS, TYPE_COLUMN, limits
from dashboards.query import Select, table
from dashboards.transformation import arrange, sort
from dashboards.visual import Table
from dashboards.words import FIRING, SEVERITIES, UNITS

SO_FAR = "time >= ${__to}ms - 90d AND time <= ${__to}ms"
"""An alert may have fired before the period and still be firing."""

DETAILS = '"severity", "site", "zone"'
ALERT_COLUMNS = (
    Column(name="severity", title="Alvor", values=SEVERITIES),
    Column(name="unit", title="Måleenhet", values=UNITS),
    *SENSOR_COLUMNS,
)
SILENCE_OF_COLLECTOR = "Er innsamleren nede (se øverst), kommer det ingenting nytt her."


def firing_alerts() -> Select:
    """What fires: an alert is a device and a rule; severity, site and zone may have changed since it fired."""
    latest = Select(
        columns=(
            f'last("firing") AS "firing", "value" AS "value", "limit" AS "limit", "text" AS "text", '
            f'"unit" AS "unit", {DETAILS}'
        ),
        source=("alerts",),
        by=("device", "rule"),
        period=SO_FAR,
    )
    return Select(
        columns=f'"text" AS "Varsel", "value" AS "Verdi", "limit" AS "Grense", "unit" AS "unit", {DETAILS}',
        source=latest,
        where=('"firing" = true',),
        by=("device", "rule"),
    )


def transitions() -> Select:
    """What fired and cleared in the period, the latest first."""
    return Select(
        columns=(
            '"firing" AS "firing", "text" AS "Varsel", "value" AS "Verdi", "limit" AS "Grense", "unit" AS "unit", '
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
            "Varsler som er utløst nå, med tidspunktet de ble utløst. Ta de kritiske først. Varselet går over av seg "
            f"selv når målingen er tilbake på riktig side av grensa. {SILENCE_OF_COLLECTOR}"
        ),
        visual=Table(),
        queries=(table(firing_alerts()),),
        unit="1",
        width=24,
        height=9,
        nothing="Ingen varsler",
        columns=(Column(name="Time", title="Utløst"), *ALERT_COLUMNS),
        transformations=(
            *arrange("Time", "severity", "Varsel", *SENSOR_TAGS, "Verdi", "Grense", "unit"),
            sort("Time"),
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
            "Hver gang et varsel ble utløst eller gikk over i perioden, det siste øverst (de 200 siste). Et varsel som "
            "kommer og går hele tida, har trolig feil grense. Er regelen fjernet siden, står bare navnet dens."
        ),
        visual=Table(),
        queries=(table(transitions()),),
        unit="1",
        width=24,
        height=9,
        nothing="Ingen varsler",
        columns=(
            Column(name="Time", title="Tid"),
            Column(name="firing", title="Hendelse", values=FIRING),
            Column(name="rule", title="Regel"),
            *ALERT_COLUMNS,
        ),
        transformations=arrange(
            "Time", "firing", "severity", "Varsel", *SENSOR_TAGS, "Verdi", "Grense", "unit", "rule"
        ),
    ),
)
