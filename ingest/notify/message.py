"""What a message says: title and body, in the language of who gets it. Pure.

Of what a rule of class personal or health watches, neither value nor zone nor device is told: a message leaves the
house. Whoever gets it looks them up by the number of the Incident. A rule that is gone is treated likewise.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import NamedTuple
from urllib.parse import quote

from ingest.alerts.watch import choose_levels
from ingest.alerts.words import SEVERITIES, Language, fill_text, write_moment, write_number, write_span
from ingest.incidents.incident import Incident
from ingest.inventory import Inventory
from ingest.notify.delivery import Stage, StageKind, make_reference
from ingest.notify.situation import LastGood
from ingest.notify.words import WORDS, Words
from schemas.device_type import Privacy
from schemas.rule import AlertPhase, Rule, Rules

SHOWN = 20
"""Incidents that a summary names; it counts the others."""
TITLE_CHARACTERS = 120
BOARD_OF_SITE = "/d/gjovik-bygg?var-site={}"
"""Where a Site is shown, below the address of the dashboards."""

_PRIVATE = frozenset({Privacy.PERSONAL, Privacy.HEALTH})
_OF_THE_SENSOR = frozenset({StageKind.SILENT, StageKind.HEARD})
_FOLLOWING = frozenset({StageKind.ESCALATION, StageKind.REMINDER, StageKind.SILENT})
"""What is told without a new value."""
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÆØÅ])")
_HALF = 0.5
"""Limit of what is only true or false."""


class Message(NamedTuple):
    """What is sent."""

    title: str
    body: str


class Names(NamedTuple):
    """What messages call things by.

    Attributes:
        inventory: Sites, zones and devices.
        rules: By key.
        link: Address of the dashboards; empty for none.
        desk: Who acknowledges for others, and how they are reached; empty where that is not configured.
        last_good: By id of the Incident, where it is known.
    """

    inventory: Inventory
    rules: Rules
    link: str = ""
    desk: str = ""
    last_good: Mapping[int, LastGood] = {}


def write_message(
    told: Sequence[tuple[Incident, Stage]], key: str, names: Names, language: Language, held_ms: int | None = None
) -> Message:
    """Return what is sent.

    Args:
        told: Incidents and as what each is told; at least one.
        key: Of the Delivery; the reference is made of it.
        names: What things are called.
        language: Of who gets it.
        held_ms: Until when no other message comes; None where others may come.
    """
    words = WORDS[language]
    writers = [_Writer(incident, stage, names, language) for incident, stage in told]
    if len(writers) == 1:
        title, lines = writers[0].write_title(), list(writers[0].list_lines())
    else:
        ordered = sorted(writers, key=lambda one: (one.is_over, -one.incident.severity.rank, one.incident.id))
        title, lines = _count(ordered, language), list(_list_summary(ordered, names))
    if held_ms is not None:
        lines += ["", words.held.format(write_moment(held_ms, language))]
    lines += ["", f"Ref: {make_reference(key)}"]
    return Message(_cut(title), "\n".join(lines))


def _count(writers: Sequence["_Writer"], language: Language) -> str:
    """Return the title of a summary: ``KRITISK: 3 steder – 12 varsler: 3 nye, 9 over``."""
    words = WORDS[language]
    counts = Counter(writer.stage.kind for writer in writers)
    parts = (words.counted[kind].format(counts[kind]) for kind in StageKind if counts[kind])
    sites = {writer.site for writer in writers}
    where = next(iter(sites)) if len(sites) == 1 else words.sites.format(len(sites))
    title = f"{where} – {words.several.format(len(writers), ', '.join(parts))}"
    worst = writers[0]
    return title if worst.is_over else f"{SEVERITIES[language][worst.incident.severity]}: {title}"


def _list_summary(ordered: Sequence["_Writer"], names: Names) -> Iterator[str]:
    """Yield the lines of a summary; what comes first is named, the rest counted."""
    words = ordered[0].words
    yield from (f"- {writer.write_line()}" for writer in ordered[:SHOWN])
    if len(ordered) > SHOWN:
        yield words.more.format(len(ordered) - SHOWN)
    unanswered = [str(writer.incident.id) for writer in ordered[:SHOWN] if writer.is_unanswered]
    if unanswered or names.link:
        yield ""
    if unanswered:
        yield _ask(words, names, " ".join(unanswered))
    if names.link:
        yield words.link.format(names.link)


def _ask(words: Words, names: Names, incidents: str) -> str:
    """Return how to acknowledge, for those at the machine and for those with a phone."""
    whom = words.tell.format(names.desk) if names.desk else words.ask
    return words.acknowledge.format(whom, incidents)


def _cut(title: str) -> str:
    return title if len(title) <= TITLE_CHARACTERS else f"{title[: TITLE_CHARACTERS - 1].rstrip()}…"


def _begin(text: str) -> str:
    """Return a text as a line begins."""
    return text[:1].upper() + text[1:]


class _Writer:
    """Writes about one Incident."""

    def __init__(self, incident: Incident, stage: Stage, names: Names, language: Language) -> None:
        self.incident = incident
        self.stage = stage
        self.words = WORDS[language]
        self._names = names
        self._language = language
        self._rule = names.rules.get(incident.rule)
        self._is_private = self._rule is None or self._rule.privacy in _PRIVATE

    @property
    def is_over(self) -> bool:
        """Whether it is told that it is over."""
        return self.stage.kind is StageKind.CLEARED

    @property
    def is_unanswered(self) -> bool:
        """Whether somebody is to acknowledge it."""
        return not self.is_over and self.incident.acknowledged_ms is None

    @property
    def _asks_nothing(self) -> bool:
        """Whether it only says how things stand."""
        return self.stage.kind in {StageKind.HEARD, StageKind.CLEARED}

    @property
    def site(self) -> str:
        """What the Site is called."""
        site = self._names.inventory.sites.get(self.incident.site)
        return site.title if site is not None else self.incident.site

    def write_title(self) -> str:
        """Return ``KRITISK: Rådhuset – Det er for varmt i kjølerommet (9,1 °C, grense 8 °C)``."""
        return f"{self._heading}: {self.site} – {self._write_what()}"

    def write_line(self) -> str:
        """Return what a summary says of it."""
        words = self.words
        when = words.lasted.format(self._write_lasted()) if self.is_over else self._write_since()
        told = f"{self._heading}: {self._place} – {self._write_what()}"
        return f"{told}; {when}; {words.incident.format(self.incident.id)}"

    def list_lines(self) -> Iterator[str]:
        """Yield the body of a message of its own."""
        words, incident, kind = self.words, self.incident, self.stage.kind
        silence = words.silent if incident.phase is AlertPhase.SILENT and not self.is_over else ""
        if kind in _OF_THE_SENSOR:
            yield words.heard if kind is StageKind.HEARD else words.silent
        yield self._first_sentence if self._asks_nothing else self._text
        yield ""
        yield words.place.format(self._place)
        if self._is_private:
            yield words.hidden
        else:
            yield from self._list_facts()
        if kind is not StageKind.HEARD:
            yield _begin(self._write_since())
        if self.is_over:
            yield _begin(words.lasted.format(self._write_lasted()))
        if silence and kind not in _OF_THE_SENSOR:
            yield silence
        if incident.flapping and not self.is_over:
            yield words.flapping
        yield _begin(words.incident.format(incident.id))
        yield from self._list_answers()
        if link := self._find_link():
            yield words.link.format(link)

    def _list_answers(self) -> Iterator[str]:
        """Yield how to acknowledge, or who did."""
        if self.is_unanswered:
            yield _ask(self.words, self._names, str(self.incident.id))
        elif not self.is_over:
            yield self.words.acknowledged.format(self.incident.acknowledged_by)

    @property
    def _heading(self) -> str:
        return self.words.heading[self.stage.kind].format(SEVERITIES[self._language][self.incident.severity])

    @property
    def _place(self) -> str:
        """Site and zone; of what is private, the site alone."""
        site = self._names.inventory.sites.get(self.incident.site)
        if self._is_private or not self.incident.zone:
            return self.site
        zone = site.zones.get(self.incident.zone) if site is not None else None
        return f"{self.site}, {zone.title if zone is not None else self.incident.zone}"

    def _find_component(self) -> str:
        """Return the code and the id of the device; empty of a group."""
        device = self._names.inventory.devices.get(self.incident.device)
        if device is not None:
            return f"{device.component} ({device.id})" if device.component else device.id
        return "" if ":" in self.incident.device else self.incident.device

    @property
    def _fired(self) -> float:
        """The value that made it as severe as it is, as far as that is known."""
        return self.incident.value if self.incident.fired_value is None else self.incident.fired_value

    @property
    def _text(self) -> str:
        """What the rule says, with what made it fire in the place of ``{value}``, ``{unit}`` and ``{limit}``."""
        if self._rule is None:
            return self.words.unknown_rule.format(self.incident.rule)
        limit = self._find_limit(self._rule)
        return fill_text(self._rule, self._fired, limit, self._language, hides_value=self._is_private)

    @property
    def _first_sentence(self) -> str:
        """What has happened; what to do about it comes after."""
        return _END_OF_SENTENCE.split(self._text, maxsplit=1)[0]

    def _write_what(self) -> str:
        """Return the first sentence of what the rule says, and in parentheses which figures it does not name."""
        what = self._first_sentence.removesuffix(".")
        if self._rule is None or self._is_private or not self._has_figures(self._rule):
            return what
        figures = []
        if not self._is_named(what, self._fired):
            figures.append(self._write(self._fired))
        if self.is_over:
            if self.incident.value != self._fired and (now := self._write(self.incident.value)):
                figures.append(self.words.now.format(now))
        elif not self._is_named(what, limit := self._find_limit(self._rule)):
            figures.append(self.words.limit.format(self._write(limit)))
        shown = ", ".join(filter(None, figures))
        if not shown:
            return what
        return f"{what}: {shown}" if what.endswith(")") else f"{what} ({shown})"

    def _is_named(self, text: str, value: float) -> bool:
        """Whether a text names a value already; of what is no number there is nothing to name."""
        if not isfinite(value):
            return True
        unit = "s" if self._rule is not None and self._rule.unit == "s" else ""
        figure = re.escape(write_number(value, unit, self._language))
        return re.search(rf"(?<![\d,.-]){figure}(?!\d|[,.]\d)", text) is not None

    def _has_figures(self, rule: Rule) -> bool:
        """Whether the figures say something to people: not of what is true or false, nor of intervals of silence."""
        return rule.unit != "1" or (bool(rule.field) and self._find_limit(rule) != _HALF)

    def _write(self, value: float) -> str:
        """Return a value with its unit; empty where it is no number."""
        return "" if self._rule is None else write_number(value, self._rule.unit, self._language)

    def _list_facts(self) -> Iterator[str]:
        """Yield device and values, of which what is heard again needs only the newest."""
        words, kind = self.words, self.stage.kind
        component = self._find_component()
        if component and kind is not StageKind.HEARD:
            yield words.component.format(component)
        if self._rule is None or not self._has_figures(self._rule):
            return
        value, limit = self._write(self.incident.value), self._write(self._find_limit(self._rule))
        if value:
            label = words.earlier_value if kind in _FOLLOWING else words.value
            yield label.format(f"{value} ({words.limit.format(limit)})" if limit else value)
        good = self._names.last_good.get(self.incident.id)
        if good is not None and kind is not StageKind.HEARD:
            yield words.last_good.format(self._write(good.value), write_moment(good.time_ms, self._language))

    def _find_limit(self, rule: Rule) -> float:
        """Return the limit that counts for the device, of the severity that the Incident has."""
        inventory, incident = self._names.inventory, self.incident
        device, site = inventory.devices.get(incident.device), inventory.sites.get(incident.site)
        levels = choose_levels(rule, device, site) if device is not None and site is not None else ()
        found = (level for level in levels or rule.levels if level.severity is incident.severity)
        return next(found, rule.levels[0]).find_limit(self._fired)

    def _write_since(self) -> str:
        return self.words.since.format(write_moment(self.incident.since_ms, self._language))

    def _write_lasted(self) -> str:
        ended_ms = self.incident.cleared_ms if self.incident.cleared_ms is not None else self.incident.since_ms
        return write_span((ended_ms - self.incident.since_ms) / 1000, self._language)

    def _find_link(self) -> str:
        """Return where people see more; empty where no address is configured."""
        link = self._rule.link if self._rule is not None else ""
        if "://" in link or not self._names.link:
            return link if "://" in link else ""
        return self._names.link + (link or BOARD_OF_SITE.format(quote(self.incident.site, safe="")))
