"""Words of messages, in Norwegian and English. Figures and moments are written by ``ingest.alerts.words``."""

from collections.abc import Mapping
from typing import NamedTuple

from ingest.alerts.words import Language
from ingest.notify.delivery import StageKind


class Words(NamedTuple):
    """What messages are made of in one language; ``{}`` stands for what differs."""

    heading: Mapping[StageKind, str]
    several: str
    sites: str
    counted: Mapping[StageKind, str]
    place: str
    component: str
    value: str
    earlier_value: str
    now: str
    limit: str
    since: str
    last_good: str
    lasted: str
    incident: str
    acknowledge: str
    ask: str
    tell: str
    acknowledged: str
    link: str
    hidden: str
    silent: str
    heard: str
    flapping: str
    more: str
    held: str
    unknown_rule: str


NORWEGIAN = Words(
    heading={
        StageKind.FIRST: "{}",
        StageKind.RAISED: "{}, forverret",
        StageKind.ESCALATION: "{}, ingen har kvittert",
        StageKind.REMINDER: "{}, påminnelse",
        StageKind.SILENT: "{}, sensoren er stille",
        StageKind.HEARD: "{}, sensoren sender igjen",
        StageKind.CLEARED: "Varselet er over",
    },
    several="{} varsler: {}",
    sites="{} steder",
    counted={
        StageKind.FIRST: "{} nye",
        StageKind.RAISED: "{} forverret",
        StageKind.ESCALATION: "{} som ingen har kvittert",
        StageKind.REMINDER: "{} påminnelser",
        StageKind.SILENT: "{} med stille sensor",
        StageKind.HEARD: "{} med sensor som sender igjen",
        StageKind.CLEARED: "{} over",
    },
    place="Sted: {}",
    component="Komponent: {}",
    value="Verdi: {}",
    earlier_value="Verdi ved siste endring: {}",
    now="nå {}",
    limit="grense {}",
    since="startet {}",
    last_good="Sist i orden: {}, {}",
    lasted="varte {}",
    incident="hendelse {}",
    acknowledge="Kvitter: {}, eller kjør: gjovik alerts ack {}",
    ask="be driftsvakta om det",
    tell="si fra til {}",
    acknowledged="Kvittert av {}; du trenger ikke kvittere på nytt.",
    link="Se: {}",
    hidden="Verdi og rom sendes ikke ut av huset, av hensyn til personvernet.",
    silent="Sensoren har sluttet å sende: ingen vet om det fortsatt er slik.",
    heard="Sensoren sender igjen, og varselet gjelder fortsatt.",
    flapping="Varselet kommer og går, og holdes derfor åpent.",
    more="… og {} til.",
    held="Dette er siste melding på en stund: nye varsler samles til {} og kommer da i én melding.",
    unknown_rule="Regelen {} finnes ikke lenger.",
)
ENGLISH = Words(
    heading={
        StageKind.FIRST: "{}",
        StageKind.RAISED: "{}, worse",
        StageKind.ESCALATION: "{}, nobody has acknowledged",
        StageKind.REMINDER: "{}, reminder",
        StageKind.SILENT: "{}, sensor silent",
        StageKind.HEARD: "{}, sensor heard again",
        StageKind.CLEARED: "Over",
    },
    several="{} alerts: {}",
    sites="{} sites",
    counted={
        StageKind.FIRST: "{} new",
        StageKind.RAISED: "{} worse",
        StageKind.ESCALATION: "{} not acknowledged",
        StageKind.REMINDER: "{} reminders",
        StageKind.SILENT: "{} with a silent sensor",
        StageKind.HEARD: "{} with a sensor heard again",
        StageKind.CLEARED: "{} over",
    },
    place="Place: {}",
    component="Component: {}",
    value="Value: {}",
    earlier_value="Value at the last change: {}",
    now="now {}",
    limit="limit {}",
    since="began {}",
    last_good="Last good: {}, {}",
    lasted="lasted {}",
    incident="incident {}",
    acknowledge="Acknowledge: {}, or run: gjovik alerts ack {}",
    ask="ask the operator on duty",
    tell="tell {}",
    acknowledged="Acknowledged by {}; you need not do so again.",
    link="See: {}",
    hidden="Value and room are not sent out of the house, for privacy.",
    silent="The sensor has stopped sending: nobody knows whether it is still so.",
    heard="The sensor sends again, and the alert still holds.",
    flapping="The alert comes and goes, and is therefore kept open.",
    more="… and {} more.",
    held="This is the last message for a while: new alerts are gathered until {} and then come in one message.",
    unknown_rule="The rule {} is gone.",
)
WORDS: Mapping[Language, Words] = {Language.NB: NORWEGIAN, Language.EN: ENGLISH}
