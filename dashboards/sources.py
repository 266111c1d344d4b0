"""Sources on the board Drift: how each stands, and how well LoRaWAN devices are heard."""

from dashboards.panel import Column, Panel, Shown, Step
from dashboards.parts import JUST_NOW, SENSOR_COLUMNS, SENSOR_TAGS, limits
from dashboards.query import Select, table
from dashboards.transformation import above, arrange, first, sort
from dashboards.visual import Table

SOURCE_TAGS = ("source", "format", "collector")
COUNTS = {
    "messages": "Meldinger",
    "readings": "Målinger",
    "refused": "Avvist",
    "unknown": "Av ukjente sensorer",
    "missed": "Tapte sendinger",
    "codec_failed": "Dekodingsfeil",
    "informational": "Til orientering",
}
"""Counts of a source by field, as people read them."""
FAULTS = ("Avvist", "Av ukjente sensorer", "Tapte sendinger", "Dekodingsfeil")
STATES = {"0": Shown("Hørt, eller ventes ennå", "green"), "1": Shown("Ingenting har kommet", "red")}
PROMISES = {"0": Shown("Nei"), "1": Shown("Ja")}
NOT_SIMULATED = "\"simulated\" = ''"
"""Condition: a device sent it. What has no such tag compares as the empty text."""
DECODER_FAILED = "(\"kind\" = 'codec_failed' OR \"kind\" = 'frame_broken')"
DECODERS = {"codec_failed": Shown("Nettverksserveren"), "frame_broken": Shown("Plattformen")}
"""Whose decoder failed, by kind of event."""


def sources_now() -> Select:
    """How each source stands, as its collector last said."""
    shown = {"is_mute": "Tilstand", "heard_age_s": "Sist hørt for", **COUNTS, "is_lossless": "Uten tap"}
    columns = ", ".join(f'last("{field}") AS "{title}"' for field, title in shown.items())
    return Select(columns=columns, source=("sources",), by=SOURCE_TAGS, period=JUST_NOW)


SOURCE_PANELS = (
    Panel(
        title="Kilder",
        description=(
            "Nettverksservere, gatewayer og broer som forteller om sensorer, slik de er nå; tallene er siden "
            "innsamleren startet. *Ingenting har kommet*: se at meglerens acl gir innsamleren emnene, og at broen går. "
            "*Uten tap* nei: det som går tapt før vår megler, kan ingen vite. Står en kilde to ganger, leser to "
            "innsamlere den: ta den ut av innstillingene til den ene."
        ),
        visual=Table(),
        queries=(table(sources_now()),),
        unit="1",
        width=24,
        height=7,
        decimals=0,
        nothing="Ingen kilder (gjelder bare når innsamleren svarer)",
        columns=(
            Column(name="source", title="Kilde"),
            Column(name="format", title="Format"),
            Column(name="collector", title="Innsamler"),
            Column(name="Tilstand", values=STATES),
            Column(name="Sist hørt for", unit="s", decimals=0),
            *(Column(name=name, steps=(Step("green"), Step("orange", 1))) for name in FAULTS),
            Column(name="Uten tap", values=PROMISES),
        ),
        transformations=(
            *arrange("source", "format", "Tilstand", "Sist hørt for", *COUNTS.values(), "Uten tap", "collector"),
            sort("source", descending=False),
        ),
    ),
    Panel(
        title="Tapte LoRaWAN-sendinger",
        description=(
            "De 20 sensorene som har mistet flest sendinger i perioden, etter sin egen teller, og hvor mange som kom "
            "fram. Noen få er vanlig på radio. Mange hos én: dårlig dekning der den står. Mange hos alle samtidig: "
            "gatewayen, broen eller nettverksserveren var nede."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='sum("missed") AS "Tapt", count("frame_counter") AS "Kom fram"',
                    source=("radio",),
                    where=(NOT_SIMULATED,),
                    by=SENSOR_TAGS,
                )
            ),
        ),
        unit="1",
        width=24,
        height=7,
        decimals=0,
        nothing="Ingen tapte sendinger",
        columns=(*SENSOR_COLUMNS, Column(name="Tapt", steps=limits(10, 100))),
        transformations=(*arrange(*SENSOR_TAGS, "Tapt", "Kom fram"), above("Tapt", 0), sort("Tapt"), first(20)),
    ),
    Panel(
        title="Dekodingsfeil",
        description=(
            "De 20 sensorene med flest sendinger i perioden som ikke kunne dekodes, og hva som ble sagt sist. "
            "*Nettverksserveren*: dens eget skript feilet; plattformen dekoder selv, så målingen kan være kommet. "
            "*Plattformen*: bytene er ikke som modellen i registeret venter; se at sensoren er av den modellen. Slike "
            "ligger i karantenen som `broken_frame` og kan behandles på nytt. Uten sensor: den er ikke i registeret."
        ),
        visual=Table(),
        queries=(
            table(
                Select(
                    columns='sum("count") AS "Feil", last("address") AS "Adresse", last("detail") AS "Sist sagt"',
                    source=("source_events",),
                    where=(DECODER_FAILED, NOT_SIMULATED),
                    by=("device", "source", "kind"),
                )
            ),
        ),
        unit="1",
        width=24,
        height=7,
        decimals=0,
        nothing="Ingen dekodingsfeil",
        columns=(
            Column(name="device", title="Sensor"),
            Column(name="source", title="Kilde"),
            Column(name="kind", title="Dekoder", values=DECODERS),
            Column(name="Feil", steps=limits(1, 100)),
        ),
        transformations=(
            *arrange("device", "source", "kind", "Feil", "Adresse", "Sist sagt"),
            sort("Feil"),
            first(20),
        ),
    ),
)
