"""TOML with line numbers: the values are those of Python's own reader, and the scanner finds where each stands."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from ingest.toml_file import ConfigurationError, TomlPath, locate_lines, read_toml, read_toml_folder, render_path

SCALARS = [
    "1",
    "-3.5e2",
    "inf",
    "true",
    "2025-01-01",
    "2025-01-01 07:30:00",
    "1979-05-27T07:32:00.5+01:00",
    '""',
    "''",
    '""""""',
    '"# [x] = { \\" ] }"',
    "'# [[x]] \\'",
    '"""one\n[two]\nthree = 3 \\""" \\\n  # four"""',
    '""""quoted"""""',
    "'''one\n]], }\n'two' = 2\n'''",
]
KEYS = ["a", "b-1", "_c", "1234", '"d.e"', '"f # ]"', "'g = {'", '"h\\"i\\u00e5"', "j . k", 'l."m.n".o', "p.'q'"]
GAPS = ["", " ", "\t", "\n", " # ]\n", "\n\n  # } = [x]\n"]

Node = str | list["Node"] | dict[str, "Node"]


def decode(part: str) -> str:
    key: str = next(iter(tomllib.loads(f"{part} = 1")))
    return key


def split(key: str) -> list[str]:
    """Return the decoded parts of a key of KEYS."""
    found, value = [], tomllib.loads(f"{key} = 1")
    while isinstance(value, dict):
        part, value = next(iter(value.items()))
        found.append(part)
    return found


@dataclass
class Writer:
    """Writes a TOML text and notes on which line it put what; knows nothing of the scanner."""

    text: str = ""
    lines: dict[TomlPath, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)

    @property
    def line(self) -> int:
        """The line that is being written, from 1."""
        return self.text.count("\n") + 1

    def assign(self, path: TomlPath, key: str, node: Node, draw: st.DrawFn) -> None:
        """Write ``key = value``."""
        for part in split(key):
            path = (*path, part)
            self.lines[path] = self.line
        self.text += f"{key}{draw(st.sampled_from(GAPS[:3]))}= "
        self.value(path, node, draw)

    def value(self, path: TomlPath, node: Node, draw: st.DrawFn) -> None:
        """Write a value, with gaps wherever TOML allows them."""
        if isinstance(node, str):
            self.text += node
        elif isinstance(node, list):
            self.text += "["
            for index, inner in enumerate(node):
                self.text += draw(st.sampled_from(GAPS))
                self.lines[*path, index] = self.line
                self.value((*path, index), inner, draw)
                self.text += draw(st.sampled_from(GAPS))
                if index < len(node) - 1 or draw(st.booleans()):
                    self.text += ","
            self.text += draw(st.sampled_from(GAPS)) + "]"
        else:
            self.text += "{ "
            for number, (key, inner) in enumerate(node.items()):
                self.text += ", " if number else ""
                self.assign(path, key, inner, draw)
            self.text += " }"

    def header(self, names: list[str], *, is_array: bool) -> TomlPath:
        """Write a header, and return the path of the table that begins."""
        path: TomlPath = ()
        for depth, name in enumerate(names, start=1):
            path = (*path, name)
            if is_array and depth == len(names):
                key = render_path(path)
                self.tables[key] = self.tables.get(key, -1) + 1
                self.lines.setdefault(path, self.line)
            if render_path(path) in self.tables:
                path = (*path, self.tables[render_path(path)])
        self.lines[path] = self.line
        self.text += f"[[ {' . '.join(names)} ]]" if is_array else f"[{'.'.join(names)}]"
        return path


def nodes() -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(SCALARS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    writer = Writer()
    sections: list[tuple[list[str], bool]] = []
    for number in range(draw(st.integers(0, 3))):
        name = f"t{number}"
        match draw(st.sampled_from(["table", "deep", "array"])):
            case "table":
                sections += [([name], False), ([name, "below"], False)]
            case "deep":
                sections += [([name, "middle", "deep"], False)]
            case "array":
                for _ in range(draw(st.integers(1, 3))):
                    sections.append(([name], True))
                    sections += [([name, "inner"], True)] * draw(st.integers(0, 2))
                    sections += [([name, "table"], False)] * draw(st.integers(0, 1))
    path: TomlPath = ()
    for section in [None, *sections]:
        writer.text += draw(st.sampled_from(GAPS))
        if section is not None:
            path = writer.header(section[0], is_array=section[1])
            writer.text += " # [[a]] = ']'\n"
        for key, node in draw(st.dictionaries(st.sampled_from(KEYS), nodes(), max_size=4)).items():
            writer.text += draw(st.sampled_from(GAPS))
            writer.assign(path, key, node, draw)
            writer.text += "  # = [\n"
    return writer


def list_paths(value: object, path: TomlPath = ()) -> Iterator[TomlPath]:
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from list_paths(inner, (*path, key))


@given(documents())
def test_everything_is_found_on_its_line(writer: Writer) -> None:
    located = locate_lines(writer.text)
    assert set(located) == set(list_paths(tomllib.loads(writer.text)))
    assert {path: located[path] for path in writer.lines} == writer.lines


@given(documents())
def test_values_are_those_of_pythons_own_reader(writer: Writer) -> None:
    assert tomli.loads(writer.text) == tomllib.loads(writer.text)


def test_a_table_in_braces_may_have_several_lines(tmp_path: Path) -> None:
    """Python's own reader of TOML 1.0 refuses that; TOML 1.1 allows it, and a comma behind the last."""
    path = tmp_path / "town.toml"
    path.write_text('placements = [\n  {\n    site = "x",  # [\n    zone = "y",\n  },\n]\nnext = 1\n')
    file = read_toml(path)
    assert file.values == {"placements": [{"site": "x", "zone": "y"}], "next": 1}
    assert [file.line(("placements", 0)), file.line(("placements", 0, "zone")), file.line(("next",))] == [2, 4, 7]


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a=", "}")])
def test_whatever_is_nested_and_can_be_read_has_lines(tmp_path: Path, begin: str, end: str) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"a = {begin * 390}1{end * 390}\nb = 1\n")
    assert read_toml(path).line(("b",)) == 2


def test_a_file_without_its_values_still_says_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text("\nkey = 1\n")
    file = read_toml(path).forget_values()
    assert (file.values, file.line(("key",))) == ({}, 2)


def test_a_missing_value_is_placed_at_the_nearest_table_around_it(tmp_path: Path) -> None:
    path = tmp_path / "town.toml"
    path.write_text('# town\n[[device]]\nid = "a"\n\n[[device]]\nplacements = [\n  { site = "x" },\n]\n')
    file = read_toml(path)
    assert file.line(("device", 0, "id")) == 3
    assert file.line(("device", 1, "id")) == 5
    assert file.line(("device", 1, "placements", 0, "zone")) == 7
    assert file.line(("nothing",)) == 1
    mistake = file.mistake(("device", 1, "placements", 0, "zone"), "is missing")
    assert str(mistake) == f"{path}:7: device[1].placements[0].zone: is missing"


def test_windows_line_ends_and_byte_order_mark_do_not_disturb(tmp_path: Path) -> None:
    path = tmp_path / "notepad.toml"
    path.write_bytes('\ufefftitle = "Rådhuset"\r\n\r\nkey = 1\r\n'.encode())
    file = read_toml(path)
    assert file.values == {"title": "Rådhuset", "key": 1}
    assert file.line(("key",)) == 3


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a = 1\nb = = 2\n", 2, "is not TOML: Invalid value (column 5)"),
        (b"a = 1\nb = [1,\n", 3, "is not TOML: Invalid value at the end of the file"),
        (b"a = 1\n\na = 2\n", 3, "is not TOML: Cannot overwrite a value (column 6)"),
        (b"a = 1\nb = '\xe5'\n", 2, "is not UTF-8 text; save it as UTF-8"),
        (b"a = " + b"[" * 100_000, 0, "arrays or tables are nested too deeply"),
        (
            b"a = 1\nb = " + b"7" * 5_000,
            2,
            "holds a number of thousands of digits, which cannot be read; write one of a usual size",
        ),
    ],
)
def test_text_that_is_not_toml_is_placed(tmp_path: Path, data: bytes, line: int, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_toml(path)
    assert caught.value.mistakes == ((path, line, "", message),)


def test_every_broken_file_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("= 1")
    (tmp_path / "b.toml").write_text("b = 1")
    (tmp_path / "c.toml").write_text("c =")
    files, mistakes = read_toml_folder(tmp_path)
    assert [file.path.name for file in files] == ["b.toml"]
    assert [mistake.file.name for mistake in mistakes] == ["a.toml", "c.toml"]


def test_a_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    assert str(read_toml_folder(tmp_path)[1][0]) == f"{tmp_path}: holds no *.toml file"
    missing = tmp_path / "missing"
    assert "is not a folder" in str(read_toml_folder(missing)[1][0])


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_toml(tmp_path / "missing.toml")
