"""Devices as CSV, as Excel in Norway reads and writes it, and back. Pure; ``docs/inventory.md`` has the columns.

A row is a device at one of its placements. What is exported is imported as the same devices: ``read_sheet`` and
``write_sheet`` are each other's inverse.

Excel takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and much that has digits for a number or
a date. Such a cell is exported with an apostrophe before it, and what an apostrophe stands before is imported as it is.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ingest.event_time import format_time
from ingest.inventory import NO_PARAMETERS, OPEN_END_MS, Device, Placement
from ingest.local_time import format_local, parse_local
from ingest.toml_file import Mistake
from ingest.toml_table import show

HEADINGS: Mapping[str, str] = {
    "id": "enhet",
    "type": "type",
    "component": "komponent",
    "gateway": "gateway",
    "tags": "merker",
    "source": "kilde",
    "address": "adresse",
    "model": "modell",
    "parameters": "parametere",
    "from": "fra",
    "to": "til",
    "site": "sted",
    "zone": "sone",
}
"""Columns by their keys, as the inventory has them: what they are called in Norwegian."""
NOTES: Mapping[str, str] = {"note": "merknad"}
"""A column for people, likewise: it says nothing of the device."""
REQUIRED = ("id", "type", "from", "site", "zone")
OF_PLACEMENT = ("from", "to", "site", "zone")
MAY_DIFFER = (*OF_PLACEMENT, *NOTES)
MOST_BYTES = 64 * 1024 * 1024
"""More than any inventory; a file that never ends is not read to its end."""
GUARD = "'"

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_OTHERS = ((b"PK\x03\x04", "an Excel workbook"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook"), (b"%PDF", "a PDF"))
"""How files begin that are given instead."""
_KEYS = {name: key for key, norwegian in [*HEADINGS.items(), *NOTES.items()] for name in (key, norwegian)}
_DELIMITERS = ";\t,"
_TOLD_DELIMITER = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", GUARD)
_NUMERIC = re.compile(r"\d[\d.,:/ -]*([eE][+-]?\d+)?|\d{1,4}[-./ ]*[^\W\d_]{3,}.*", re.DOTALL)
"""What Excel may take for a number, a time or a date, such as ``24E12`` and ``1-mai``."""
_MANGLED = re.compile(r"\d+([.,]\d+)?[eE]\+\d+")
_NORWEGIAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:\s+(?:kl\.?\s*)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?)?")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?", re.ASCII)
_FIELD = re.compile(r"device\[(\d+)\](?:\.placements\[(\d+)\])?(?:\.(\w+))?")
_MINUTE_MS = 60_000


class _Row(NamedTuple):
    """A row that is not empty.

    Attributes:
        number: As Excel shows it.
        cells: By the key of their column; those that are empty are left out.
    """

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a CSV file says.

    Attributes:
        path: The file, for messages.
        devices: In the order in which they come first.
        rows: The row of each placement, as Excel shows it, by id.
        headings: What the columns are called, with their letter, by their keys.
    """

    path: Path
    devices: tuple[Device, ...]
    rows: Mapping[str, tuple[int, ...]]
    headings: Mapping[str, str]

    def mistake(self, row: int, key: str, message: str) -> Mistake:
        """Return a Mistake about a cell, or about a row where no column has this key."""
        return Mistake(self.path, row, self.headings.get(key, ""), message)

    def place(self, mistake: Mistake, written: Sequence[Device]) -> Mistake:
        """Return a mistake of the file that devices were written to as one of the cell that it comes from.

        Args:
            mistake: Of an inventory.
            written: The devices of that file, in its order.
        """
        match = _FIELD.match(mistake.field)
        rows = self.rows.get(written[int(match[1])].id) if match else None
        if match is None or rows is None:
            return mistake
        return self.mistake(rows[int(match[2] or 0)], match[3] or "id", mistake.message)


def read_sheet(path: Path, data: bytes) -> tuple[Sheet, list[Mistake]]:
    """Return the devices of a CSV file, and everything that is wrong with its cells.

    What the cells mean is not looked at: whether types and sites exist is for the inventory to say.

    Args:
        path: The file, for messages.
        data: Its bytes: UTF-8, UTF-16 with a byte order mark, or Windows-1252.
    """
    mistakes: list[Mistake] = []
    headings: dict[str, str] = {}
    try:
        rows = _leave_out_repeated(_read_rows(path, _decode_text(data), headings, mistakes), path, mistakes)
    except ValueError as error:
        return Sheet(path, (), {}, {}), [Mistake(path, 0, "", str(error))]
    sheet = Sheet(path, (), {}, headings)
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        if "id" in row.cells:
            grouped.setdefault(row.cells["id"], []).append(row)
        else:
            mistakes.append(sheet.mistake(row.number, "id", "is empty: which device is it?"))
    devices, numbers = [], {}
    for name, same in grouped.items():
        placed = sorted(_read_placements(sheet, same, mistakes), key=lambda one: one[0].from_ms)
        devices.append(_read_device(sheet, same, tuple(one for one, _ in placed), mistakes))
        numbers[name] = tuple(number for _, number in placed) or (same[0].number,)
    return replace(sheet, devices=tuple(devices), rows=numbers), mistakes


def _decode_text(data: bytes) -> str:
    """Return the text of a file.

    Raises:
        ValueError: It is none.
    """
    text = _decode(data)
    if "\0" in text:
        raise ValueError("holds NUL characters, which no list of devices does: save it as CSV UTF-8")
    return text


def _decode(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding)
            except UnicodeDecodeError:
                raise ValueError(f"begins as {encoding.upper()} and is not: save it again as CSV UTF-8") from None
    for begin, kind in _OTHERS:
        if data.startswith(begin):
            raise ValueError(f"is {kind}, not CSV: save it as CSV UTF-8 in Excel")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("is neither UTF-8 nor Windows-1252 text: save it as CSV UTF-8")


def _read_rows(path: Path, text: str, headings: dict[str, str], mistakes: list[Mistake]) -> Iterator[_Row]:
    """Yield the rows below the headings, and note what these are called."""
    told = _TOLD_DELIMITER.match(text)  # Excel obeys such a line, and does not count it
    text = text[told.end() :] if told else text
    first = text.partition("\n")[0]
    delimiter = told[1] if told else max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    keys: list[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if not any(cell.strip() for cell in cells):
                continue
            if keys is None:
                keys = _read_headings(path, number, cells, headings, mistakes)
                if keys is None:
                    return
            else:
                yield _read_row(path, number, keys, cells, mistakes)
    except csv.Error as error:
        mistakes.append(Mistake(path, number + 1, "", f"cannot be read ({error}); is a quotation mark missing?"))
    else:
        if keys is None:
            mistakes.append(Mistake(path, 0, "", "is empty"))


def _leave_out_repeated(rows: Iterable[_Row], path: Path, mistakes: list[Mistake]) -> list[_Row]:
    """Return the rows, each once: one that says what another one says is copied in vain."""
    first: dict[tuple[tuple[str, str], ...], _Row] = {}
    for row in rows:
        same = first.setdefault(tuple(row.cells.items()), row)
        if same is not row:
            mistakes.append(Mistake(path, row.number, "", f"is the same as row {same.number}; remove one of them"))
    return list(first.values())


def _read_headings(
    path: Path, number: int, cells: Sequence[str], headings: dict[str, str], mistakes: list[Mistake]
) -> list[str] | None:
    """Return the key of each column, empty for a column without a heading; None where nothing can be read by them."""
    before = len(mistakes)
    keys = []
    for index, cell in enumerate(cells):
        written = _read_cell(cell)
        key = _KEYS.get(written.lower(), "")
        place = f"column {_name_column(index)}"
        if written and not key:
            every = [*HEADINGS.items(), *NOTES.items()]
            known = ", ".join(f"{one} ({other})" if one != other else one for one, other in every)
            mistakes.append(Mistake(path, number, place, f"heading {show(written)} is not known; there are {known}"))
        elif key in headings:
            mistakes.append(Mistake(path, number, place, f"heading {show(written)} stands there twice"))
        if key:
            headings.setdefault(key, f"{place} ({written})")
        keys.append(key)
    lacking = [f"{key} ({HEADINGS[key]})" for key in REQUIRED if key not in headings]
    if lacking and len(mistakes) == before:
        mistakes.append(Mistake(path, number, "", f"the headings lack {', '.join(lacking)}"))
    return keys if len(mistakes) == before else None


def _read_row(path: Path, number: int, keys: Sequence[str], cells: Sequence[str], mistakes: list[Mistake]) -> _Row:
    found = {}
    for index, cell in enumerate(cells):
        value = _read_cell(cell)
        key = keys[index] if index < len(keys) else ""
        if value and not key:
            message = f"{show(value)} stands in a column without a heading"
            mistakes.append(Mistake(path, number, f"column {_name_column(index)}", message))
        elif value:
            found[key] = value
    return _Row(number, found)


def _read_cell(cell: str) -> str:
    return cell[1:] if cell.startswith(GUARD) else cell.strip()


def _name_column(index: int) -> str:
    """Return what Excel calls a column, counted from 0: A to Z, AA, ..."""
    name = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        name, index = chr(ord("A") + letter) + name, index - 1
    return name


def _read_placements(sheet: Sheet, rows: Iterable[_Row], mistakes: list[Mistake]) -> Iterator[tuple[Placement, int]]:
    """Yield the placement of each row, and its number."""
    for number, cells in rows:
        times: list[int] = []
        for key in ("from", "to"):
            try:
                times.append(_read_moment(cells[key]) if key in cells else OPEN_END_MS)
            except ValueError as error:
                mistakes.append(sheet.mistake(number, key, str(error)))
        lacking = [key for key in ("from", "site", "zone") if key not in cells]
        mistakes += [sheet.mistake(number, key, "is empty") for key in lacking]
        if len(times) == 2:  # noqa: PLR2004 - from and to
            yield Placement(times[0], times[1], cells.get("site", ""), cells.get("zone", "")), number


def _read_moment(text: str) -> int:
    """Return a moment, as people or Excel write it, in milliseconds since 1970 in UTC; raises ValueError."""
    match = _NORWEGIAN.fullmatch(text)
    if match is None:
        return _parse_other(text)
    day, month, year, hour, minute, second = match.groups()
    clock = "" if hour is None else f" {hour:0>2}:{minute}:{second or '00'}"
    try:
        return parse_local(f"{year}-{month:0>2}-{day:0>2}{clock}")
    except ValueError:
        raise ValueError(f"{show(text)} is not in the calendar of Oslo") from None


def _parse_other(text: str) -> int:
    """Return a moment that is not written as in Norway; raises ValueError."""
    try:
        return parse_local(text)
    except ValueError:
        raise ValueError(f"{show(text)} is no time; write 24.11.2026, 24.11.2026 08:30 or 2026-11-24") from None


def _read_device(
    sheet: Sheet, rows: Sequence[_Row], placements: tuple[Placement, ...], mistakes: list[Mistake]
) -> Device:
    first = rows[0]
    for number, cells in rows[1:]:
        for key, value in cells.items():
            if key not in MAY_DIFFER and value != first.cells.get(key, ""):
                message = (
                    f"is {show(value)}, and {show(first.cells.get(key, ''))} in row {first.number} of the same device"
                )
                mistakes.append(sheet.mistake(number, key, message))
    for key in ("id", "address"):
        if _MANGLED.fullmatch(first.cells.get(key, "")):
            message = "is a number that Excel has rounded; format the column as text, and write it again"
            mistakes.append(sheet.mistake(first.number, key, message))
    if "type" not in first.cells:
        note = f" Its note: {first.cells['note']}" if "note" in first.cells else ""
        mistakes.append(sheet.mistake(first.number, "type", f"is empty: what is it?{note}"))
    parameters: Mapping[str, float] = NO_PARAMETERS
    try:
        parameters = _read_parameters(first.cells.get("parameters", "")) or NO_PARAMETERS
    except ValueError as error:
        mistakes.append(sheet.mistake(first.number, "parameters", str(error)))
    texts = {key: first.cells.get(key, "") for key in HEADINGS}
    return Device(
        id=texts["id"],
        type_key=texts["type"],
        component=texts["component"],
        placements=placements,
        gateway=texts["gateway"],
        tags=tuple(re.findall(r"[^\s,;]+", texts["tags"])),
        source=texts["source"],
        address=texts["address"],
        model=texts["model"],
        parameters=parameters,
    )


def _read_parameters(text: str) -> dict[str, float]:
    """Return parameters that are written ``name=1,5 other=2``; raises ValueError."""
    found: dict[str, float] = {}
    for word in re.findall(r"[^\s;]+", re.sub(r"\s*=\s*", "=", text)):
        name, _, number = word.partition("=")
        if not name or not _NUMBER.fullmatch(number):
            raise ValueError(f"{show(word)} is not NAME=NUMBER, such as litres_per_pulse=10 or depth=1,5")
        if name in found:
            raise ValueError(f"{show(name)} stands there twice")
        found[name] = float(number.replace(",", "."))
    return found


def write_sheet(devices: Iterable[Device], notes: Mapping[str, str] | None = None) -> bytes:
    """Return devices as a CSV file that Excel in Norway opens rightly, one row a placement.

    Args:
        devices: In the order of the rows.
        notes: What people are to know of them, by id; there is no such column when left out.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([*HEADINGS.values(), *(NOTES.values() if notes is not None else ())])
    for device in devices:
        own = [device.id, device.type_key, device.component, device.gateway, ", ".join(device.tags)]
        own += [device.source, device.address, device.model, _write_parameters(device.parameters)]
        for one in device.placements:
            moments = _write_moment(one.from_ms), "" if one.to_ms == OPEN_END_MS else _write_moment(one.to_ms)
            note = [] if notes is None else [notes.get(device.id, "")]
            writer.writerow([*map(_guard, own), *moments, *map(_guard, (one.site, one.zone, *note))])
    return codecs.BOM_UTF8 + text.getvalue().encode()


def _guard(cell: str) -> str:
    is_taken_for_else = cell.startswith(_FORMULA) or cell != cell.strip() or _NUMERIC.fullmatch(cell)
    return f"{GUARD}{cell}" if is_taken_for_else else cell


def _write_parameters(parameters: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value!r}".replace(".", ",") for name, value in parameters.items())


def _write_moment(time_ms: int) -> str:
    """Return a day or a minute in Oslo, which Excel keeps; any other moment in full, which it leaves alone."""
    shown = format_local(time_ms)
    if time_ms % _MINUTE_MS or "+" in shown:
        return format_time(time_ms)
    return shown.removesuffix(" 00:00:00").removesuffix(":00")
