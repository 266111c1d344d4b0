"""Notices: what the collector itself must tell operators. Pure: Facts and the Notices of before in, Notices out.

A Notice is raised while its condition holds and is cleared when it has passed, with hysteresis where a figure could
hover at its limit. It is computed anew each second from the state, so it survives restarts without a place on disk.
The texts are Norwegian, for the people who run the platform: what happened, and what to do.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ingest.event_time import format_time
from schemas.rule import AlertPhase, Severity

HALF, MOST = 0.5, 0.8
"""Shares of a bound at which people are warned, and at which it is critical."""
RELIEF = 0.05
"""A share must fall so far below its limit before the Notice is cleared."""
DAY_MS = 86_400_000
SESSION_MS = DAY_MS
"""How long the loss of a session is told of; it is counted for ever."""
REFUSED_MS = DAY_MS
"""How long lines that the database refused are told of."""
EXPIRY_MS = 7 * DAY_MS
"""How long before the first entry of the quarantine expires people are told."""
SHOWN_GROUPS = 3
SHOWN_SOURCES = 3


class NoticeKey(StrEnum):
    """Every Notice there is; the last segment of its topic."""

    STORE_HALF = "store-half"
    STORE_NEARLY_FULL = "store-nearly-full"
    STORE_FULL = "store-full"
    STORE_FAILS = "store-fails"
    DISK_FULL = "disk-full"
    STORE_SET_ASIDE = "store-set-aside"
    SESSION_LOST = "session-lost"
    QUARANTINE_QUOTA = "quarantine-quota"
    QUARANTINE_EXPIRY = "quarantine-expiry"
    DATABASE_REFUSES = "database-refuses"
    HEALTH_DATABASE_REFUSES = "health-database-refuses"
    HEALTH_WAITS = "health-waits"
    LINES_REFUSED = "lines-refused"
    RELOAD_REFUSED = "reload-refused"
    MESSAGES_FAIL = "messages-fail"
    SOURCE_MUTE = "source-mute"
    SIMULATED_ACCEPTED = "simulated-accepted"


class Notice(NamedTuple):
    """Something that operators must know.

    Attributes:
        key: Which one.
        severity: How soon a person must look.
        text: What happened, in Norwegian.
        action: What to do, in Norwegian.
        since_ms: When it was raised, milliseconds since 1970 in UTC.
    """

    key: NoticeKey
    severity: Severity
    text: str
    action: str
    since_ms: int


class NearQuota(NamedTuple):
    """A group of the quarantine that is near a quota.

    Attributes:
        name: Device, or topic where no device is known.
        reason: Why its entries were refused.
        share: Of the quota, 0 to 1.
    """

    name: str
    reason: str
    share: float


class MuteSource(NamedTuple):
    """A Source of which nothing came yet.

    Attributes:
        key: Of the Source.
        title: What people call its format.
        filters: Its topics.
    """

    key: str
    title: str
    filters: Sequence[str]


class Facts(NamedTuple):
    """The state that Notices are made of.

    Attributes:
        now_ms: Milliseconds since 1970 in UTC.
        store_share: Of the store's most bytes, what is used.
        is_held: The store takes no readings for want of room.
        store_error: Why the disk takes no batches; empty while it does.
        read_error: Why the store cannot be read; empty while it can. All that is known of it is then of before.
        has_reserve: The reserve for a full disk is there.
        set_aside: Names of damaged files in the store's folder.
        session_lost_ms: When the broker last lost our session; None when it never did while we looked.
        sessions_lost: How often, since the store was made.
        quarantine_share: Of the quarantine's most bytes, what is used.
        near_quota: Groups near their quota.
        first_expiry_ms: When the first entry of the quarantine expires; None when none does.
        influx_error: Why the database takes nothing, where a person must correct it; empty otherwise.
        health_error: Likewise, of the database for health.
        health_waiting: Lines that wait for it although the settings have none.
        lines_refused_ms: When the database last refused a line; None when it never did while we looked.
        reload_error: Why the last reload was refused; empty when it was not.
        accepts_simulated: Simulated readings are accepted.
        messages_dead: Messages to people that were given up.
        messages_failing: Messages to people that wait although they were tried several times.
        mute_sources: Sources of which nothing came although something should have by now.
    """

    now_ms: int
    store_share: float = 0.0
    is_held: bool = False
    store_error: str = ""
    read_error: str = ""
    has_reserve: bool = True
    set_aside: Sequence[str] = ()
    session_lost_ms: int | None = None
    sessions_lost: int = 0
    quarantine_share: float = 0.0
    near_quota: Sequence[NearQuota] = ()
    first_expiry_ms: int | None = None
    influx_error: str = ""
    health_error: str = ""
    health_waiting: int = 0
    lines_refused_ms: int | None = None
    reload_error: str = ""
    accepts_simulated: bool = False
    messages_dead: int = 0
    messages_failing: int = 0
    mute_sources: Sequence[MuteSource] = ()


Raised = Mapping[NoticeKey, Notice]
"""The Notices that are raised, by key."""


class _Finding(NamedTuple):
    """A condition that holds."""

    key: NoticeKey
    severity: Severity
    text: str
    action: str


def judge_facts(facts: Facts, before: Raised) -> dict[NoticeKey, Notice]:
    """Return the Notices that are raised now, in the order of their keys.

    Args:
        facts: How things are.
        before: What this function returned last; decides the hysteresis, and since when a Notice is raised.
    """
    found = {
        finding.key: finding
        for finding in (*_judge_store(facts, before), *_judge_quarantine(facts, before), *_judge_others(facts))
    }
    return {
        key: Notice(*found[key], before[key].since_ms if key in before else facts.now_ms)
        for key in NoticeKey
        if key in found
    }


def _exceeds(share: float, limit: float, key: NoticeKey, before: Raised) -> bool:
    return share >= (limit - RELIEF if key in before else limit)


def _judge_store(facts: Facts, before: Raised) -> Iterator[_Finding]:
    share = facts.store_share
    percent = f"{share * 100:.0f} %"
    make_room = (
        "Få databasen i gang igjen, så tømmes lageret av seg selv; eller øk store.most_bytes om disken har plass."
    )
    if facts.is_held:
        text = "Lageret er fullt. Innsamleren tar ikke imot flere målinger; de venter hos megleren, som har lite plass."
        yield _Finding(NoticeKey.STORE_FULL, Severity.CRITICAL, text, make_room)
    elif _exceeds(share, MOST, NoticeKey.STORE_NEARLY_FULL, before):
        text = f"Lageret er {percent} fullt av målinger som venter på databasen."
        yield _Finding(NoticeKey.STORE_NEARLY_FULL, Severity.CRITICAL, text, make_room)
    elif _exceeds(share, HALF, NoticeKey.STORE_HALF, before):
        text = f"Lageret er {percent} fullt av målinger som venter på databasen."
        yield _Finding(NoticeKey.STORE_HALF, Severity.WARNING, text, make_room)
    if not facts.has_reserve:
        text = "Disken er full. Reserven er brukt, så lageret kan tømmes, og nye målinger venter hos megleren."
        action = "Frigjør plass på disken. Innsamleren fortsetter av seg selv når det er plass."
        yield _Finding(NoticeKey.DISK_FULL, Severity.CRITICAL, text, action)
    elif (facts.store_error and not facts.is_held) or facts.read_error:
        if facts.store_error and not facts.is_held:
            text = f"Disken tar ikke imot målinger, og ingenting kvitteres: {facts.store_error}"
        else:
            text = f"Lageret kan ikke leses, så ingen vet hvor mye som venter der: {facts.read_error}"
        action = "Se på disken, og på hvem som eier lagerets mappe."
        yield _Finding(NoticeKey.STORE_FAILS, Severity.CRITICAL, text, action)
    if facts.set_aside:
        text = f"Lageret var skadet og er lagt til side som {', '.join(facts.set_aside)}."
        action = "Hent ut det som ikke var skrevet, med sqlite3 (.recover), og flytt så fila ut av mappa."
        yield _Finding(NoticeKey.STORE_SET_ASIDE, Severity.CRITICAL, text, action)


def _judge_quarantine(facts: Facts, before: Raised) -> Iterator[_Finding]:
    action = "Se gjovik quarantine stats. Rett årsaken, og kjør gjovik quarantine reprocess eller discard."
    shares = [facts.quarantine_share, *(one.share for one in facts.near_quota)]
    if _exceeds(max(shares), MOST, NoticeKey.QUARANTINE_QUOTA, before):
        named = [f"{one.name} ({one.reason}) {one.share * 100:.0f} %" for one in facts.near_quota[:SHOWN_GROUPS]]
        whole = f"{facts.quarantine_share * 100:.0f} % av plassen er brukt"
        text = f"Karantenen er nær grensa, og da utløper de eldste: {'; '.join([whole, *named])}."
        yield _Finding(NoticeKey.QUARANTINE_QUOTA, Severity.WARNING, text, action)
    if facts.first_expiry_ms is not None and facts.first_expiry_ms - facts.now_ms <= EXPIRY_MS:
        days = max(1, -((facts.now_ms - facts.first_expiry_ms) // DAY_MS))
        within = "det neste døgnet" if days == 1 else f"de neste {days} døgnene"
        text = f"Innhold i karantenen utløper på grunn av alder i løpet av {within}."
        yield _Finding(NoticeKey.QUARANTINE_EXPIRY, Severity.WARNING, text, action)


def _judge_others(facts: Facts) -> Iterator[_Finding]:
    if _is_recent(facts.session_lost_ms, facts.now_ms, SESSION_MS):
        text = (
            "Megleren har mistet innsamlerens økt, og målinger som ventet der kan være borte "
            f"({facts.sessions_lost} ganger i alt)."
        )
        action = "Se gjovik reconcile for hull. Finn ut om megleren ble drept eller mistet fila si."
        yield _Finding(NoticeKey.SESSION_LOST, Severity.CRITICAL, text, action)
    if facts.influx_error:
        text = f"Databasen tar ikke imot målinger før noe er rettet: {facts.influx_error}"
        yield _Finding(NoticeKey.DATABASE_REFUSES, Severity.CRITICAL, text, "Rett det som står i meldingen.")
    if facts.health_error:
        text = f"Databasen for helse tar ikke imot målinger før noe er rettet: {facts.health_error}"
        yield _Finding(NoticeKey.HEALTH_DATABASE_REFUSES, Severity.CRITICAL, text, "Rett det som står i meldingen.")
    if facts.health_waiting:
        text = (
            f"{facts.health_waiting} linjer om helse venter på en database som innstillingene ikke lenger nevner. "
            "De er trygge, og går ikke til den felles databasen."
        )
        action = "Sett health.database igjen, så skrives de."
        yield _Finding(NoticeKey.HEALTH_WAITS, Severity.WARNING, text, action)
    if _is_recent(facts.lines_refused_ms, facts.now_ms, REFUSED_MS):
        text = "Databasen har avvist enkelte linjer det siste døgnet. De ligger i karantene."
        action = "Se gjovik quarantine list --reason refused_by_database for databasens svar."
        yield _Finding(NoticeKey.LINES_REFUSED, Severity.WARNING, text, action)
    if facts.reload_error:
        text = f"Inventar, regler eller kontakter ble ikke tatt i bruk; de gamle gjelder: {facts.reload_error}"
        yield _Finding(
            NoticeKey.RELOAD_REFUSED, Severity.WARNING, text, "Kjør gjovik check, rett feilen og last på nytt."
        )
    if facts.messages_dead or facts.messages_failing:
        text = (
            f"Beskjeder om varsler kommer ikke fram: {facts.messages_failing} venter etter flere forsøk, "
            f"{facts.messages_dead} er gitt opp."
        )
        action = "Se gjovik alerts deliveries for hvorfor; gjovik alerts retry sender en beskjed på nytt."
        yield _Finding(NoticeKey.MESSAGES_FAIL, Severity.WARNING, text, action)
    if facts.mute_sources:
        yield _describe_mute(facts.mute_sources)
    if facts.accepts_simulated:
        text = "Simulerte målinger tas imot."
        action = "Sett ingest.accept_simulated = false i drift; ellers blandes de med virkelige målinger."
        yield _Finding(NoticeKey.SIMULATED_ACCEPTED, Severity.INFO, text, action)


def _describe_mute(sources: Sequence[MuteSource]) -> _Finding:
    named = [f"{one.key} ({one.title}: {', '.join(one.filters)})" for one in sources[:SHOWN_SOURCES]]
    if len(sources) > SHOWN_SOURCES:
        named.append(f"{len(sources) - SHOWN_SOURCES} til")
    text = f"Det har ikke kommet noe fra {'; '.join(named)} siden innsamleren begynte å lytte."
    # Mosquitto grants what its ACL forbids, and says nothing: that is the first thing to look at.
    action = (
        "Se at meglerens acl gir innsamleren emnene (topic read, uten # foran), for ellers leverer megleren ingenting "
        "uten å si fra. Se så at broen eller gatewayen er i gang og sender til disse emnene."
    )
    return _Finding(NoticeKey.SOURCE_MUTE, Severity.WARNING, text, action)


def _is_recent(time_ms: int | None, now_ms: int, most_ms: int) -> bool:
    # Also when the clock was set back since.
    return time_ms is not None and abs(now_ms - time_ms) < most_ms


def format_notice_topic(prefix: str, collector: str, key: NoticeKey) -> str:
    """Return the topic under which a Notice's latest state is retained, beside those of the alerts."""
    return f"{prefix}/alerts/{collector}/{key}"


def format_notice(collector: str, key: NoticeKey, notice: Notice | None, now_ms: int) -> bytes:
    """Return the state of a Notice as JSON, with the members of an alert as far as it has them.

    Args:
        collector: Its account.
        key: Which Notice.
        notice: As it is raised; None when it is not.
        now_ms: Milliseconds since 1970 in UTC.
    """
    phase = AlertPhase.OK if notice is None else AlertPhase.FIRING
    since_ms = now_ms if notice is None else notice.since_ms
    state: dict[str, Any] = {
        "id": f"{collector}/{key}/{since_ms}/{phase}",
        "state": phase.value,
        "device": collector,
        "rule": key.value,
        "time": format_time(now_ms),
        "since": format_time(since_ms),
    }
    if notice is not None:
        state |= {"severity": notice.severity.value, "text": notice.text, "action": notice.action}
    return json.dumps(state, ensure_ascii=False).encode()
