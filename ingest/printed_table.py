"""Tables for people: in a terminal they fit it, in a pipe every row is one whole line. Nothing is ever cut off."""

from collections.abc import Iterable, Sequence
from io import StringIO

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 100_000
"""Columns of a pipe: as many as a row needs."""
NARROW = 80
"""Columns of a terminal below which a table is not fitted: the terminal then breaks its lines itself."""
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
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(
            Text(heading),
            justify="right" if heading in right else "left",
            no_wrap=heading in unfolded,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(make_visible(cell)) for cell in row))
    console = Console()
    if console.is_terminal and console.width >= NARROW:
        console.print(table)
        return
    text = StringIO()
    Console(file=text, width=WIDE, color_system=None).print(table)
    for line in text.getvalue().splitlines():
        typer.echo(line.rstrip())


def make_visible(text: str) -> str:
    """Return a text with what is not printable escaped: devices write it, and a terminal would obey it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def format_bytes(size: float) -> str:
    """Return a size with a unit of 1,024s: ``512 bytes``, ``1.5 KiB``."""
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"
