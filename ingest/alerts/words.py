"""How severities, figures, moments and lengths of time are written for people, and what a rule says with them. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isfinite

from ingest.local_time import LOCAL, format_span
from schemas.rule import Rule, Severity
from schemas.units import UNITS

HIDDEN = "…"
"""What stands for a figure that is not told, or not known."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALL = 100.0
"""Values below it are told with two decimals, others with one."""
_SECONDS = "s"
_PLACE = re.compile(r"\{(value|limit)\}| ?\{unit\}")


class Language(StrEnum):
    """What people are told in."""

    NB = "nb"
    EN = "en"


SEVERITIES: Mapping[Language, Mapping[Severity, str]] = {
    Language.NB: {Severity.INFO: "Til orientering", Severity.WARNING: "Advarsel", Severity.CRITICAL: "KRITISK"},
    Language.EN: {Severity.INFO: "Information", Severity.WARNING: "Warning", Severity.CRITICAL: "CRITICAL"},
}
_MOMENTS = {Language.NB: "%d.%m.%Y kl. %H.%M", Language.EN: "%Y-%m-%d %H:%M"}
_SUMMER = {Language.NB: " (sommertid)", Language.EN: " (summer time)"}
_WINTER = {Language.NB: " (normaltid)", Language.EN: " (standard time)"}


def write_number(value: float, unit: str, language: Language) -> str:
    """Return a value as people read it: ``15,2 °C``, ``2 t 5 min``; empty where it is no number.

    Args:
        value: The number.
        unit: UCUM code.
        language: Norwegian has a decimal comma.
    """
    if not isfinite(value):
        return ""
    if unit == _SECONDS:
        return write_span(value, language)
    text = f"{value:.2f}" if abs(value) < _SMALL else f"{value:.1f}"
    text = text.rstrip("0").rstrip(".")
    text = "0" if text in {"", "-0"} else text
    if language is Language.NB:
        text = text.replace(".", ",")
    return f"{text} {write_unit(unit)}".rstrip()


def write_unit(unit: str) -> str:
    """Return a unit as people read it: ``°C`` of ``Cel``; empty of a mere number."""
    return UNITS[unit].display if unit in UNITS else unit


def write_span(seconds: float, language: Language) -> str:
    """Return a length of time in its two largest units."""
    text = format_span(seconds)
    return text.replace(" h", " t") if language is Language.NB else text


def write_moment(time_ms: int, language: Language) -> str:
    """Return a moment in local time; of the hour that autumn has twice, with which of them it is."""
    moment = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(LOCAL)
    text = moment.strftime(_MOMENTS[language])
    if moment.replace(fold=0).utcoffset() == moment.replace(fold=1).utcoffset():
        return text
    return text + (_SUMMER if moment.dst() else _WINTER)[language]


def fill_text(
    rule: Rule, value: float, limit: float, language: Language = Language.NB, *, hides_value: bool = False
) -> str:
    """Return what a rule says, with figures in the place of ``{value}``, ``{unit}`` and ``{limit}``.

    A length of time brings its units itself, and a mere number has none: nothing stands for ``{unit}`` then.

    Args:
        rule: Whose text; the Norwegian one where there is none in the language.
        value: In the rule's unit.
        limit: Likewise.
        language: Of the text and the figures.
        hides_value: Whether ``HIDDEN`` stands for the value.
    """
    bare = _SECONDS if rule.unit == _SECONDS else ""
    unit = "" if bare else write_unit(rule.unit)
    figures = {
        "value": HIDDEN if hides_value else write_number(value, bare, language) or HIDDEN,
        "limit": write_number(limit, bare, language) or HIDDEN,
    }

    def fill(place: re.Match[str]) -> str:
        return figures[place[1]] if place[1] else place[0].replace("{unit}", unit) if unit else ""

    text = rule.text_en if language is Language.EN and rule.text_en else rule.text
    return _PLACE.sub(fill, text).strip()
