"""Words of messages, in Norwegian and English, and how numbers, times and lengths of time are written in them. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import NamedTuple

from ingest.local_time import LOCAL, format_span
from ingest.notify.contact import Language
from ingest.notify.delivery import StageKind
from schemas.rule import Severity
from schemas.units import UNITS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALL = 100.0
"""Values below it are told with two decimals, others with one."""


class Words(NamedTuple):
    """What messages are made of in one language; ``{}`` stands for what differs."""

    severity: Mapping[Severity, str]
    stage: Mapping[StageKind, str]
    several: str
    counted: Mapping[StageKind, str]
    place: str
    component: str
    value: str
    limit: str
    since: str
    last_good: str
    lasted: str
    level: str
    incident: str
    acknowledge: str
    link: str
    hidden: str
    silent: str
    flapping: str
    more: str
    held: str
    unknown_rule: str
    moment: str
    summer: str
    winter: str


NORWEGIAN = Words(
    severity={Severity.INFO: "Til orientering", Severity.WARNING: "Advarsel", Severity.CRITICAL: "KRITISK"},
    stage={
        StageKind.FIRST: "",
        StageKind.RAISED: "Forverret: ",
        StageKind.ESCALATION: "Ingen har kvittert: ",
        StageKind.REMINDER: "Påminnelse: ",
        StageKind.SILENT: "Føleren er stille: ",
        StageKind.CLEARED: "Over: ",
    },
    several="{} varsler: {}",
    counted={
        StageKind.FIRST: "{} nye",
        StageKind.RAISED: "{} forverret",
        StageKind.ESCALATION: "{} ikke kvittert",
        StageKind.REMINDER: "{} påminnelser",
        StageKind.SILENT: "{} med stille føler",
        StageKind.CLEARED: "{} over",
    },
    place="Sted: {}",
    component="Komponent: {}",
    value="Verdi: {}",
    limit="grense {}",
    since="Siden: {}",
    last_good="Sist god: {}, {}",
    lasted="Varte: {}",
    level="Alvorlighet: {}",
    incident="Hendelse: {}",
    acknowledge="Kvitter: gjovik alerts ack {}",
    link="Se: {}",
    hidden="Verdi og rom sendes ikke ut av huset, av hensyn til personvernet.",
    silent="Sensoren har sluttet å sende: ingen vet om det fortsatt er slik.",
    flapping="Varselet kommer og går, og holdes derfor åpent.",
    more="… og {} til.",
    held="Dette er siste melding på en stund: nye varsler samles til {} og kommer da i én melding.",
    unknown_rule="Regelen {} finnes ikke lenger.",
    moment="%d.%m.%Y kl. %H.%M",
    summer=" (sommertid)",
    winter=" (normaltid)",
)
ENGLISH = Words(
    severity={Severity.INFO: "Information", Severity.WARNING: "Warning", Severity.CRITICAL: "CRITICAL"},
    stage={
        StageKind.FIRST: "",
        StageKind.RAISED: "Worse: ",
        StageKind.ESCALATION: "Nobody has acknowledged: ",
        StageKind.REMINDER: "Reminder: ",
        StageKind.SILENT: "Sensor silent: ",
        StageKind.CLEARED: "Over: ",
    },
    several="{} alerts: {}",
    counted={
        StageKind.FIRST: "{} new",
        StageKind.RAISED: "{} worse",
        StageKind.ESCALATION: "{} not acknowledged",
        StageKind.REMINDER: "{} reminders",
        StageKind.SILENT: "{} with a silent sensor",
        StageKind.CLEARED: "{} over",
    },
    place="Place: {}",
    component="Component: {}",
    value="Value: {}",
    limit="limit {}",
    since="Since: {}",
    last_good="Last good: {}, {}",
    lasted="Lasted: {}",
    level="Severity: {}",
    incident="Incident: {}",
    acknowledge="Acknowledge: gjovik alerts ack {}",
    link="See: {}",
    hidden="Value and room are not sent out of the house, for privacy.",
    silent="The sensor has stopped sending: nobody knows whether it is still so.",
    flapping="The alert comes and goes, and is therefore kept open.",
    more="… and {} more.",
    held="This is the last message for a while: new alerts are gathered until {} and then come in one message.",
    unknown_rule="The rule {} is gone.",
    moment="%Y-%m-%d %H:%M",
    summer=" (summer time)",
    winter=" (standard time)",
)
WORDS: Mapping[Language, Words] = {Language.NB: NORWEGIAN, Language.EN: ENGLISH}


def write_number(value: float, unit: str, language: Language) -> str:
    """Return a value as people read it: ``15,2 °C``, ``2 t 5 min``; empty where it is no number.

    Args:
        value: The number.
        unit: UCUM code.
        language: Norwegian has a decimal comma.
    """
    if not isfinite(value):
        return ""
    if unit == "s":
        return write_span(value, language)
    text = f"{value:.2f}" if abs(value) < _SMALL else f"{value:.1f}"
    text = text.rstrip("0").rstrip(".")
    text = "0" if text in {"", "-0"} else text
    if language is Language.NB:
        text = text.replace(".", ",")
    shown = UNITS[unit].display if unit in UNITS else unit
    return f"{text} {shown}".rstrip()


def write_span(seconds: float, language: Language) -> str:
    """Return a length of time in its two largest units."""
    text = format_span(seconds)
    return text.replace(" h", " t") if language is Language.NB else text


def write_moment(time_ms: int, language: Language) -> str:
    """Return a moment in local time; of the hour that autumn has twice, with which of them it is."""
    words = WORDS[language]
    moment = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(LOCAL)
    text = moment.strftime(words.moment)
    if moment.replace(fold=0).utcoffset() == moment.replace(fold=1).utcoffset():
        return text
    return text + (words.summer if moment.dst() else words.winter)
