"""Tables for people: in a terminal they fit it, in a pipe every row is one whole line. Nothing is ever cut off."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Literal, NamedTuple

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDE = 100_000
"""Columns of a pipe: as many as a row needs."""
NARROW = 80
"""Columns of a terminal below which a table is not fitted: the terminal then breaks its lines itself."""
_WORD = re.compile(r"\S+")
_PIECE = re.compile(r"[^-/]*[-/]|[^-/]+")
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = (), whole: Iterable[str] = ()
) -> None:
    """Print a table.

    Args:
        headings: Of the columns.
        rows: Texts, a cell each; what a terminal would obey is made visible.
        numbers: Headings of the columns that are set to the right; never folded.
        whole: Headings of other columns that are never folded, however narrow the terminal is.
    """
    right, unfolded = set(numbers), {*numbers, *whole}
    columns = [_Column(heading, heading in right, heading in unfolded) for heading in headings]
    visible = [[make_visible(cell) for cell in row] for row in rows]
    table = _make_table(columns, visible)
    console = Console()
    if console.is_terminal and console.width >= NARROW:
        if Measurement.get(console, console.options.update(max_width=WIDE), table).maximum > console.width:
            table = _make_table(list(_fold_headings(columns, visible)), visible)
        console.print(table)
        return
    text = StringIO()
    Console(file=text, width=WIDE, color_system=None).print(table)
    for line in text.getvalue().splitlines():
        typer.echo(line.rstrip())


class _Column(NamedTuple):
    heading: str
    is_number: bool
    is_whole: bool


class _Cell:
    """A text that is folded at its blanks; a word that no line has room for, behind its hyphens and slashes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the widths that it can have; rich calls it."""
        return Measurement.get(console, options, Text(self._text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield it for the width that it was given; rich calls it."""
        width = options.max_width
        yield Text(self._text if options.no_wrap else _WORD.sub(lambda word: _fold_word(word[0], width), self._text))


def _fold_word(word: str, width: int) -> str:
    """Return a word in lines that end behind a hyphen or slash; a piece that is wider still is folded by rich."""
    lines = [""]
    for piece in _PIECE.findall(word):
        if lines[-1] and cell_len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _make_table(columns: Iterable[_Column], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, is_number, is_whole in columns:
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(Text(heading), justify=justify, no_wrap=is_whole, overflow="fold")
    for row in rows:
        table.add_row(*map(_Cell, row))
    return table


def _fold_headings(columns: Iterable[_Column], rows: Sequence[Sequence[str]]) -> Iterator[_Column]:
    """Yield the columns with those headings in several lines that would make a column wider than what stands in it."""
    for place, column in enumerate(columns):
        widest = max((cell_len(row[place]) for row in rows), default=0)
        width = max(widest, *map(cell_len, column.heading.split()))
        yield column._replace(heading=textwrap.fill(column.heading, width, break_long_words=False))


def make_visible(text: str) -> str:
    """Return a text with what is not printable escaped: devices write it, and a terminal would obey it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def make_lines_visible(text: str) -> str:
    """Return lines with all but their ends made visible; see ``make_visible``."""
    return "\n".join(map(make_visible, text.split("\n")))


def format_bytes(size: float) -> str:
    """Return a size with a unit of 1,024s: ``512 bytes``, ``1.5 KiB``."""
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"
