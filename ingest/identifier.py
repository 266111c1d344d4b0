"""Identifiers of people: recognised by the name of what they are told under or by their form, and blanked. Pure.

Hardware addresses of telephones, number plates, telephone numbers, tags and cards, national identity numbers and
e-mail addresses. Blanking puts an asterisk in the place of each character, so that a text keeps its length and what
stands around an identifier its place. Nothing here knows a name that somebody typed.

By name: ``plate``, ``rfid``, ``phone_number``, ``tagId``; not ``tag_temperature`` nor ``mac_count``.

By form:
    - hardware addresses of six to eight octets: ``58:CF:79:9C:93:AE``, ``58-CF-...``, ``58cf.799c.93ae``,
      ``58CF799C93AE``;
    - Norwegian number plates of two letters and five digits: ``AB12345``, ``AB 12345``;
    - telephone numbers with a country code, ``+47 912 34 567``, or in the groups of Norway, ``91 23 45 67``;
    - e-mail addresses;
    - among other words also eight digits in a row, as Norwegian telephones have, and eleven, as identity numbers: alone
      they may be a register's.
"""

import functools
import re
from collections.abc import Callable

BLANK = "*"
"""Stands for each character, or byte, of an identifier."""
_LOOKED_AT = 200
"""Last characters of a name that say what is told under it: of what is remembered of names none is longer."""

_WORD = re.compile(r"[A-ZÆØÅ]+(?![a-zæøå])|[A-ZÆØÅ]?[a-zæøå]+")
_TELLING = frozenset({
    "anpr", "apmac", "badge", "bilskilt", "brikke", "bssid", "card", "email", "epc", "epost", "fnr", "fob",
    "fodselsnr", "fodselsnummer", "fødselsnr", "fødselsnummer", "iccid", "imei", "imsi", "kjennemerke", "kort",
    "licenseplate", "lpn", "mac", "macaddr", "macaddress", "mobile", "mobil", "mobilnummer", "msisdn", "nfc",
    "numberplate", "personnummer", "phone", "phonenumber", "pin", "plate", "regno", "regnr", "rfid", "rfidtag",
    "skilt", "skiltnummer", "ssid", "ssn", "tag", "telefon", "telefonnummer", "telephone", "tlf", "uid",
})  # fmt: skip
_OF_PEOPLE = frozenset({
    "ansatt", "beboer", "bruker", "bruger", "customer", "driver", "employee", "holder", "kunde", "owner", "patient",
    "person", "resident", "student", "user", "visitor",
})  # fmt: skip
"""Telling only where what follows says that it is an identifier: ``user_id``."""
_ENDINGS = frozenset({"addr", "address", "code", "hash", "hex", "id", "no", "nr", "num", "number", "nummer", "value"})
"""What may follow without changing what is told; behind ``plate`` they are a plate as well."""

_EDGE, _END = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
_FORMS = (
    rf"{_EDGE}(?<!:)[0-9A-Fa-f]{{2}}(?P<by>[:-])[0-9A-Fa-f]{{2}}(?:(?P=by)[0-9A-Fa-f]{{2}}){{4,6}}{_END}",
    rf"{_EDGE}[0-9A-Fa-f]{{4}}\.[0-9A-Fa-f]{{4}}\.[0-9A-Fa-f]{{4}}{_END}",
    # Twelve hexadecimal digits with a letter among them; the last part of a UUID is none.
    rf"{_EDGE}(?<![0-9A-Fa-f]{{4}}-)(?=[0-9]{{0,11}}[A-Fa-f])(?=[A-Fa-f]{{0,11}}[0-9])[0-9A-Fa-f]{{12}}{_END}",
    rf"{_EDGE}(?:[A-Z]{{2}}[ -]?|[a-z]{{2}})[0-9]{{5}}{_END}",
    rf"{_EDGE}(?<!\+)(?:\+[1-9](?:[ -]?[0-9]){{7,14}}|0047 ?[0-9]{{8}}){_END}",
    rf"{_EDGE}(?:[2-9][0-9]{{2}} [0-9]{{2}} [0-9]{{3}}|[2-9][0-9](?: [0-9]{{2}}){{3}}){_END}(?! [0-9])",
    r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}",
)
_FORM = re.compile("|".join(_FORMS))
_SUSPECT = re.compile("[0-9@]")
"""What every form has."""
_BARE = re.compile(rf"{_EDGE}(?<![.,+-])(?:[2-9][0-9]{{7}}|[0-3][0-9][0-7][0-9]{{8}}){_END}(?![.,][0-9])")
_QUANTITY = re.compile(r"\s*[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\s*[^\s0-9]{0,10}[0-9]?\s*")
"""A number, or one with a unit behind it: what a Model may take as a value."""
_NUMBER = re.compile(r"\s*[-]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\s*")
_PAIR = re.compile(
    r"""([A-Za-zÆØÅæøå][\wÆØÅæøå.-]{0,60})(?:["']?\s?[=:]\s?|\sis\s)(?!\s)("[^"]*"?|'[^']*'?|[^\s,;&"']+)"""
)
"""A name and its value in a text."""
_CUT = re.compile(r"[0-9A-Za-z+:.@ -]{1,24}…")
"""What stands before an ellipsis, and may be the beginning of an identifier."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
MOST_ROUNDS = 4
"""So often a text is looked at again because something was blanked in it. One in which every identifier is the edge of
the next would be looked at once for each of them: 64 KB of telephone numbers in a row took two minutes."""


def is_telling(name: str) -> bool:
    """Return whether what is told under a name identifies somebody; of a path or a topic its last part counts.

    Args:
        name: Of any length; words are told apart by capitals and by what is no letter.
    """
    return _is_telling(name[-_LOOKED_AT:])


@functools.lru_cache(maxsize=2_000)
def _is_telling(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(re.split(r"[./]", name.rstrip("./"))[-1])]
    has_ending = False
    while len(words) > 1 and words[-1] in _ENDINGS:
        del words[-1]
        has_ending = True
    if not words:
        return False
    last = words[-1]
    if has_ending and last in _OF_PEOPLE:
        return True
    return last in _TELLING or (last.endswith("s") and last[:-1] in _TELLING) or "".join(words[-2:]) in _TELLING


def is_plural(name: str) -> bool:
    """Return whether a telling name speaks of several: a number under it is how many there are."""
    return name.rstrip("0123456789_").lower().endswith("s")


def is_blank(text: str) -> bool:
    """Return whether a text is one that was blanked whole."""
    return bool(text) and not text.strip(BLANK)


def blank_text(text: str, spare: str = "") -> str:
    """Return a text with what looks like an identifier blanked; it keeps its length.

    Where every identifier hides behind another, the whole text is blanked.

    Args:
        text: Any text.
        spare: What stands in it stays, in capitals or not: the device's own address, which is told elsewhere anyway.
    """
    if not _SUSPECT.search(text):
        return text
    spared = spare.lower()
    return _settle(text, lambda one: _blank_forms(one, spared))


def _settle(text: str, blank: Callable[[str], str]) -> str:
    for _ in range(MOST_ROUNDS):  # what is blanked may have been the edge of something that is one now
        before, text = text, blank(text)
        if text == before:
            return text
    return BLANK * len(text)


def blank_forms(text: str) -> str:
    """Return bytes, as Latin-1, with what looks like an identifier wherever it stands blanked."""
    return _FORM.sub(lambda match: BLANK * len(match[0]), text)


def is_quantity(text: str) -> bool:
    """Return whether a text is a number, or one with a unit behind it."""
    return bool(_QUANTITY.fullmatch(text)) and not _FORM.search(text)


def _blank_forms(text: str, spared: str) -> str:
    def blank(match: re.Match[str]) -> str:
        return match[0] if match[0].lower() in spared else BLANK * len(match[0])

    if _QUANTITY.fullmatch(text):
        return text if _NUMBER.fullmatch(text) else _FORM.sub(blank, text)
    return _BARE.sub(blank, _FORM.sub(blank, _PAIR.sub(_blank_pair, text)))


def blank_detail(detail: str, spare: str = "") -> str:
    """Return what is told people of a refusal with identifiers blanked, also one that was cut by an ellipsis.

    Numbers outside quotation marks stay: they are values of fields.

    Args:
        detail: Names, and values as ``repr`` shows them.
        spare: As in ``blank_text``.
    """
    spared = spare.lower()

    def blank(match: re.Match[str]) -> str:
        return match[0] if match[0].lower() in spared else BLANK * len(match[0])

    def blank_cut(match: re.Match[str]) -> str:
        begun = match[0][:-1]
        if not any(map(str.isdigit, begun)) or begun.lower() in spared:
            return match[0]
        return BLANK * len(begun) + "…"

    detail = _settle(detail, lambda one: _FORM.sub(blank, _PAIR.sub(_blank_pair, one)))
    detail = _QUOTED.sub(lambda match: _BARE.sub(blank, match[0]), detail)
    return _CUT.sub(blank_cut, detail) if "…" in detail else detail


def _blank_pair(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    if not is_telling(name) or not any(map(str.isdigit, value)):
        return match[0]
    quote = value[0] if value[0] in "\"'" else ""
    inner = value.strip(quote) if quote else value
    at = match.start(2) - match.start() + value.find(inner)
    return match[0][:at] + BLANK * len(inner) + match[0][at + len(inner) :]
