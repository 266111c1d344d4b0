"""TOML files with line numbers: every mistake in what people configure names its file, line and field.

``tomli`` reads the values and judges the syntax: it is ``tomllib``, of the same author and with the same messages, made
machine code, and reads an inventory of 100,000 devices in 0.9 s instead of 2.6 s. It keeps no positions, so a scanner
walks the same text when a line is asked for, which is only when there is a mistake to report; it may rely on the text
being valid.

Error tree::

    Exception
    └── ConfigurationError    carries every Mistake that was found, not only the first
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import tomli

TomlPath = tuple[str | int, ...]
"""Way to a value: keys of tables and indices of arrays, for example ``("device", 3, "placements", 0, "from")``."""

NO_DRAFTS: Mapping[Path, bytes] = {}

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONG_BASIC = r'"""(?:[^\\]|\\.)*?"{3,5}'  # up to two quotes may stand right before the closing three
_LONG_LITERAL = r"'''.*?'{3,5}"
_BASIC = r'"(?:[^"\\]|\\.)*"'
_LITERAL = r"'[^']*'"
_STRING = re.compile(f"{_LONG_BASIC}|{_LONG_LITERAL}|{_BASIC}|{_LITERAL}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_HEADER = re.compile(r"[ \t]*\[\[?[ \t]*([A-Za-z0-9_.-]+)[ \t]*\]")
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{4300}")
_TWICE = re.compile(r"Cannot (declare .* twice|overwrite)")
"""What tomli says of a table that is there already."""


class Mistake(NamedTuple):
    """One thing to correct.

    Attributes:
        file: Where it is; ``environment`` for a variable.
        line: From 1; 0 where no line can be named.
        field: For example ``device[3].placements[0].zone``; empty when the file as a whole is meant.
        message: What is wrong and what would be right.
    """

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """Return ``file:line: field: message`` without the parts that are not known."""
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return ": ".join(part for part in (place, self.field, self.message) if part)


class ConfigurationError(Exception):
    """What people configured is wrong; nothing was started with it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(frozen=True)
class TomlFile:
    """Values of a file, and where they stand in it.

    Attributes:
        path: As it was given, so that messages name it the way people do.
        values: What tomli read.
        text: What it read them from.
    """

    path: Path
    values: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)

    @functools.cached_property
    def _lines(self) -> dict[TomlPath, int]:
        return locate_lines(self.text)

    def line(self, path: TomlPath) -> int:
        """Return the line, from 1, of a value's key; of the nearest table around it when the value is missing."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def forget_values(self) -> Self:
        """Return the file without its values: what takes a twentieth of the memory, and still says where they stand."""
        return replace(self, values={})

    def mistake(self, path: TomlPath, message: str) -> Mistake:
        """Return a Mistake about the value at a path."""
        return Mistake(self.path, self.line(path) if path else 0, render_path(path), message)


def render_path(path: TomlPath) -> str:
    """Return a path as people read it: ``device[3].placements[0].from``, counted from 0."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else f'"{part}"'
            shown += f".{name}" if shown else name
    return shown


def read_toml(path: Path) -> TomlFile:
    """Read a TOML file.

    Raises:
        ConfigurationError: It cannot be read, is not UTF-8, or is not TOML.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # Reading a pipe or a device may never end.
            raise ConfigurationError([Mistake(path, 0, "", "is a pipe or a device; name a file")])
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Mistake(path, 0, "", f"cannot be read: {error.strerror}")]) from error
    return parse_toml(path, data)


def parse_toml(path: Path, data: bytes) -> TomlFile:
    """Return what a TOML file holds, or would hold.

    Args:
        path: Its name, for messages.
        data: Its bytes.

    Raises:
        ConfigurationError: They are not UTF-8, or not TOML.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return TomlFile(path, tomli.loads(text), text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([Mistake(path, line, "", "is not UTF-8 text; save it as UTF-8")]) from error
    except tomli.TOMLDecodeError as error:
        raise ConfigurationError([_describe_syntax_error(path, error)]) from error
    except RecursionError as error:
        raise ConfigurationError([Mistake(path, 0, "", "arrays or tables are nested too deeply")]) from error
    except ValueError as error:  # Python reads no more than 4,300 digits
        found = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        message = "holds a number of thousands of digits, which cannot be read; write one of a usual size"
        raise ConfigurationError([Mistake(path, line, "", message)]) from error


def read_toml_folder(folder: Path) -> tuple[list[TomlFile], list[Mistake]]:
    """Return the files of a folder that could be read, and what is wrong; see ``iterate_toml_folder``."""
    mistakes: list[Mistake] = []
    return list(iterate_toml_folder(folder, mistakes)), mistakes


def iterate_toml_folder(
    folder: Path, mistakes: list[Mistake], drafts: Mapping[Path, bytes] = NO_DRAFTS
) -> Iterator[TomlFile]:
    """Read every ``*.toml`` of a folder (not of folders in it), in order of their names.

    Args:
        folder: Holds the files.
        mistakes: Gets one for each file that cannot be read, or for a folder without any.
        drafts: What files of it are to hold, by their path: taken instead of what is there, be that nothing.

    Yields:
        The files that can, each read when it is asked for.
    """
    if not folder.is_dir():
        mistakes.append(Mistake(folder, 0, "", "is not a folder; name the folder that holds the *.toml files"))
        return
    # Hidden files are an editor's locks and drafts.
    paths = sorted({path for path in folder.glob("*.toml") if not path.name.startswith(".")} | drafts.keys())
    if not paths:
        mistakes.append(Mistake(folder, 0, "", "holds no *.toml file"))
    for path in paths:
        try:
            yield parse_toml(path, drafts[path]) if path in drafts else read_toml(path)
        except ConfigurationError as error:
            mistakes += error.mistakes


def _describe_syntax_error(path: Path, error: tomli.TOMLDecodeError) -> Mistake:
    at_end = error.pos >= len(error.doc)
    place = "at the end of the file" if at_end else f"(column {error.colno})"
    header = _HEADER.match(error.doc.split("\n")[error.lineno - 1])
    hint = f"; where several are meant, each begins with double brackets: [[{header[1]}]]" if header else ""
    return Mistake(path, error.lineno, "", f"is not TOML: {error.msg} {place}{hint if _TWICE.match(error.msg) else ''}")


def locate_lines(text: str) -> dict[TomlPath, int]:
    r"""Return the line, from 1, of every table, key and array element of a valid TOML text.

    Args:
        text: What ``tomli.loads`` accepted, with ``\n`` as line ends.

    Returns:
        Lines by path: of a key the line of the key, of an element the line where it begins, of a table its header.
        The empty path is the file.
    """
    return _Scanner(text).scan()


class _Scanner:
    """Walks a valid TOML text once and notes where things begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[TomlPath, int] = {(): 1}
        self._tables: dict[TomlPath, int] = {}  # how many tables each array of tables has so far

    def scan(self) -> dict[TomlPath, int]:
        """Return the lines of everything in the text."""
        table: TomlPath = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._assignment(table)
            self._take(_BLANK)
        return self._lines

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Move past what the pattern matches here, and return it; nothing when it does not match."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]

    def _next_is(self, character: str) -> bool:
        """Move past blanks, and past the character if it stands there."""
        self._take(_BLANK)
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def _key(self) -> tuple[str, ...]:
        """Move past a key with its dots, and return its parts."""
        parts = [self._part()]
        while self._take(_DOT):
            parts.append(self._part())
        return tuple(parts)

    def _part(self) -> str:
        self._take(_BLANK)
        bare = self._take(_BARE)
        if bare:
            return bare
        decoded: str = tomli.loads(f"part = {self._take(_STRING)}")["part"]
        return decoded

    def _header(self) -> TomlPath:
        """Move past ``[table]`` or ``[[array of tables]]``, and return the path of the table that begins."""
        line = self._line
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        *parents, last = self._key()
        path: TomlPath = ()
        for part in parents:
            path = self._enter((*path, part), line)
        path = (*path, last)
        if is_array:
            self._lines.setdefault(path, line)
            self._tables[path] = self._tables.get(path, 0) + 1
        path = self._enter(path, line)
        self._lines[path] = line
        self._next_is("]")
        if is_array:
            self._next_is("]")
        return path

    def _enter(self, path: TomlPath, line: int) -> TomlPath:
        """Note a table that a header names, and return its path; in an array of tables the last one is meant."""
        self._lines.setdefault(path, line)
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _assignment(self, table: TomlPath) -> None:
        """Move past ``key = value``."""
        line = self._line
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._next_is("=")
        self._value(path)

    def _value(self, path: TomlPath) -> None:
        """Move past a value."""
        if self._next_is("["):
            index = 0
            while not self._next_is("]"):
                self._lines[*path, index] = self._line
                self._value((*path, index))
                self._next_is(",")
                index += 1
        elif self._next_is("{"):
            while not self._next_is("}"):
                self._assignment(path)
                self._next_is(",")
        elif not self._take(_STRING):
            self._take(_SCALAR)
