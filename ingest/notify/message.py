"""What a message says: title and body, in the language of who gets it. Pure.

Of what a rule of class personal or health watches, neither value nor zone nor device is told: a message leaves the
house. Whoever gets it looks them up by the number of the Incident. A rule that is gone is treated likewise.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from ingest.alerts.watch import choose_levels
from ingest.incidents.incident import Incident
from ingest.inventory import Inventory
from ingest.notify.contact import Language
from ingest.notify.delivery import Stage, StageKind, make_reference
from ingest.notify.situation import LastGood
from ingest.notify.words import WORDS, Words, write_moment, write_number, write_span
from schemas.device_type import Privacy
from schemas.rule import AlertPhase, Rule, Rules

SHOWN = 20
"""Incidents that a summary names; it counts the others."""
TITLE_CHARACTERS = 120
BOARD_OF_SITE = "/d/gjovik-bygg?var-site={}"
"""Where a Site is shown, below the address of the dashboards."""

_PRIVATE = frozenset({Privacy.PERSONAL, Privacy.HEALTH})


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
        last_good: By id of the Incident, where it is known.
    """

    inventory: Inventory
    rules: Rules
    link: str = ""
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
        title, lines = _count(told, words), list(_list_summary(writers, names))
    if held_ms is not None:
        lines += ["", words.held.format(write_moment(held_ms, language))]
    lines += ["", f"Ref: {make_reference(key)}"]
    return Message(_cut(title), "\n".join(lines))


def _count(told: Sequence[tuple[Incident, Stage]], words: Words) -> str:
    """Return the title of a summary: ``12 varsler: 3 nye, 9 over``."""
    counts = Counter(stage.kind for _, stage in told)
    parts = (words.counted[kind].format(counts[kind]) for kind in StageKind if counts[kind])
    return words.several.format(len(told), ", ".join(parts))


def _list_summary(writers: Sequence["_Writer"], names: Names) -> Iterator[str]:
    """Yield the lines of a summary, the most severe first."""
    ordered = sorted(writers, key=lambda one: (one.is_over, -one.incident.severity.rank, one.incident.id))
    yield from (f"- {writer.write_line()}" for writer in ordered[:SHOWN])
    if len(ordered) > SHOWN:
        yield ordered[0].words.more.format(len(ordered) - SHOWN)
    unanswered = [str(writer.incident.id) for writer in ordered[:SHOWN] if not writer.is_over]
    if unanswered:
        yield ""
        yield ordered[0].words.acknowledge.format(" ".join(unanswered))
    if names.link:
        yield ordered[0].words.link.format(names.link)


def _cut(title: str) -> str:
    return title if len(title) <= TITLE_CHARACTERS else f"{title[: TITLE_CHARACTERS - 1].rstrip()}…"


class _Writer:
    """Writes about one Incident."""

    def __init__(self, incident: Incident, stage: Stage, names: Names, language: Language) -> None:
        self.incident = incident
        self.words = WORDS[language]
        self._stage = stage
        self._names = names
        self._language = language
        self._rule = names.rules.get(incident.rule)
        self._is_private = self._rule is None or self._rule.privacy in _PRIVATE

    @property
    def is_over(self) -> bool:
        """Whether it is told that it is over."""
        return self._stage.kind is StageKind.CLEARED

    def write_title(self) -> str:
        """Return ``KRITISK: Rådhuset – Det er for varmt i kjølerommet.``."""
        words, incident = self.words, self.incident
        return f"{words.stage[self._stage.kind]}{words.severity[incident.severity]}: {self._site} – {self._text}"

    def write_line(self) -> str:
        """Return what a summary says of it."""
        words, incident = self.words, self.incident
        value = "" if self._is_private else self._write_value()
        facts = [value, words.lasted.format(self._write_lasted()) if self.is_over else self._write_since()]
        told = f"{words.stage[self._stage.kind]}{words.severity[incident.severity]}: {self._place} – {self._text}"
        return f"[{incident.id}] {told} ({', '.join(filter(None, facts))})"

    def list_lines(self) -> Iterator[str]:
        """Yield the body of a message of its own."""
        words, incident = self.words, self.incident
        yield self._text
        yield ""
        yield words.place.format(self._place)
        if self._is_private:
            yield words.hidden
        else:
            if component := self._find_component():
                yield words.component.format(component)
            yield from self._list_values()
        yield self._write_since()
        if self.is_over:
            yield words.lasted.format(self._write_lasted())
        elif incident.phase is AlertPhase.SILENT:
            yield words.silent
        if incident.flapping and not self.is_over:
            yield words.flapping
        yield words.level.format(words.severity[incident.severity])
        yield words.incident.format(incident.id)
        if not self.is_over:
            yield words.acknowledge.format(incident.id)
        if link := self._find_link():
            yield words.link.format(link)

    @property
    def _site(self) -> str:
        site = self._names.inventory.sites.get(self.incident.site)
        return site.title if site is not None else self.incident.site

    @property
    def _place(self) -> str:
        """Site and zone; of what is private, the site alone."""
        site = self._names.inventory.sites.get(self.incident.site)
        if self._is_private or not self.incident.zone:
            return self._site
        zone = site.zones.get(self.incident.zone) if site is not None else None
        return f"{self._site}, {zone.title if zone is not None else self.incident.zone}"

    def _find_component(self) -> str:
        """Return the code and the id of the device; empty of a group."""
        device = self._names.inventory.devices.get(self.incident.device)
        if device is not None:
            return f"{device.component} ({device.id})"
        return "" if ":" in self.incident.device else self.incident.device

    @property
    def _text(self) -> str:
        """What the rule says, with what made it fire in the place of ``{value}``, ``{unit}`` and ``{limit}``."""
        if self._rule is None:
            return self.words.unknown_rule.format(self.incident.rule)
        text = self._rule.text_en if self._language is Language.EN and self._rule.text_en else self._rule.text
        fired = self.incident.value if self.incident.fired_value is None else self.incident.fired_value
        value, limit = self._write_bare(fired), self._write_bare(self._find_limit(self._rule))
        unit = write_number(0.0, self._rule.unit, self._language).partition(" ")[2] if self._rule.unit != "s" else ""
        hidden = "…"
        parts = (("{value}", hidden if self._is_private else value or hidden), ("{limit}", limit), ("{unit}", unit))
        for name, shown in parts:
            text = text.replace(name, shown)
        return text.strip()

    def _write_bare(self, value: float) -> str:
        """Return a value without its unit, which the text of a rule has itself; of time, with it."""
        unit = self._rule.unit if self._rule is not None else ""
        return write_number(value, unit if unit == "s" else "", self._language)

    def _write_value(self) -> str:
        if self._rule is None:
            return ""
        value = write_number(self.incident.value, self._rule.unit, self._language)
        limit = write_number(self._find_limit(self._rule), self._rule.unit, self._language)
        return f"{value} ({self.words.limit.format(limit)})" if value and limit else value

    def _list_values(self) -> Iterator[str]:
        if value := self._write_value():
            yield self.words.value.format(value)
        good = self._names.last_good.get(self.incident.id)
        if good is not None and self._rule is not None:
            shown = write_number(good.value, self._rule.unit, self._language)
            yield self.words.last_good.format(shown, write_moment(good.time_ms, self._language))

    def _find_limit(self, rule: Rule) -> float:
        """Return the limit that counts for the device, of the severity that the Incident has."""
        inventory, incident = self._names.inventory, self.incident
        device, site = inventory.devices.get(incident.device), inventory.sites.get(incident.site)
        levels = choose_levels(rule, device, site) if device is not None and site is not None else ()
        found = (level for level in levels or rule.levels if level.severity is incident.severity)
        return next(found, rule.levels[0]).find_limit(incident.value)

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
