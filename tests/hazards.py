"""Hazards: what goes wrong with payloads in the field, each ending as a test in every format in which it can occur.

A test says what it is of: ``@pytest.mark.hazard("sentinel", "ams", "han")``, in words that stand in the file as they
are, for they are read without running it. Where a hazard cannot occur in a format, here is why.
"""

import ast
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ingest.codecs import NATIVE, load_formats

TESTS = Path(__file__).parent
_NUMBER = re.compile(r"^hazard_([0-9]+_)?")
"""What some tests of hazards begin with."""
MARK = "pytest.mark.hazard"


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something that goes wrong.

    Attributes:
        title: What it is.
        absent: Why it cannot occur, by the formats for which that holds.
    """

    title: str
    absent: Mapping[tuple[str, ...], str]


class Marked(NamedTuple):
    """A test of a hazard in some formats."""

    hazard: str
    formats: tuple[str, ...]
    file: str
    test: str

    @property
    def title(self) -> str:
        """What the test shows, in words."""
        return _NUMBER.sub("", self.test.removeprefix("test_")).replace("_", " ")


_DISCOVERY = "it describes values and tells none"
_SCALARS = ("esphome", "homie", "plain")

HAZARDS: Mapping[str, Hazard] = {
    "zero-omitted": Hazard(
        "What is zero, false or empty is left out, and means zero, not unknown",
        {
            ("ams", "native", "shelly", "tasmota", "zigbee2mqtt"): "zeros are written; what is missing was not told",
            _SCALARS: "a message is one value, and one without any is told apart",
            ("han",): "every place of a list is filled",
            ("homeassistant",): _DISCOVERY,
        },
    ),
    "other-name": Hazard(
        "The same value has another name, by the version of a decoder, a firmware or a convention",
        {},
    ),
    "other-unit": Hazard(
        "The same field has another unit, by product, version or setting",
        {
            ("ams",): "the reader's firmware has one unit for each name; what a meter tells is converted in the reader",
            (
                "esphome",
            ): "a state has no unit, and what a node was set to nothing in it tells; ranges of fields remain",
            ("native",): "a field's unit is that of its device type, and the schema is the contract",
        },
    ),
    "dotted-name": Hazard(
        "A dot in a name, such as pm2.5, is taken for a path",
        {
            ("esphome",): "a name in a topic is made of a-z, 0-9, hyphens and underscores",
            ("homie",): "an id is made of a-z, 0-9 and hyphens",
            ("han",): "values have codes and places, no names",
        },
    ),
    "number-as-text": Hazard(
        "A number comes as text, with a unit in it, or a word in its place",
        {
            ("han",): "numbers are bits, with a type and a scale",
            ("homeassistant",): _DISCOVERY,
        },
    ),
    "sentinel": Hazard(
        "A number says that there is none: -127, 327.67, 0xFFFF, 0 V of a phase that is not there",
        {("homeassistant",): _DISCOVERY},
    ),
    "time-missing": Hazard(
        "There is no time, or zero in its place",
        {("homeassistant",): _DISCOVERY},
    ),
    "time-form": Hazard(
        "Times in other forms: local without an offset, seconds, milliseconds, nanoseconds, relative",
        {
            ("homeassistant",): _DISCOVERY,
            _SCALARS: "no time is told",
        },
    ),
    "clock-wrong": Hazard(
        "A clock is wrong: never set, an hour off, days ahead",
        {
            ("homeassistant",): _DISCOVERY,
            _SCALARS: "no time is told",
        },
    ),
    "retained": Hazard("What was retained is delivered again at every connection, as if it were new", {}),
    "partial-update": Hazard(
        "A message tells only what changed or what it is about; the rest is neither zero nor unchanged",
        {("homeassistant",): _DISCOVERY},
    ),
    "duplicate": Hazard("The same is told again: several gateways, QoS 1, history, overlapping lists", {}),
    "negative-twice": Hazard(
        "A negative number is written in two ways",
        {
            ("ams", "esphome", "homie", "native", "plain", "senml", "shelly", "tasmota", "zigbee2mqtt"): (
                "in text, and in CBOR, there is one way to write a negative number"
            ),
            ("homeassistant",): _DISCOVERY,
        },
    ),
    "type-drift": Hazard(
        "The same value comes as a whole number, a fraction, a truth or a text",
        {
            ("han",): "a list has a fixed type at every place",
            ("homeassistant",): _DISCOVERY,
        },
    ),
    "word-as-truth": Hazard(
        "A word such as no, on or off becomes a truth, as in YAML 1.1",
        {
            ("han",): "values are numbers; nothing in a list is a word or a truth",
            ("homeassistant",): _DISCOVERY,
        },
    ),
}
"""By key, in the order of the table."""


def list_formats() -> list[str]:
    """Return the keys of all formats, the native one first."""
    return [NATIVE, *load_formats()]


def find_reason(hazard: str, key: str) -> str:
    """Return why a hazard cannot occur in a format; empty where it can."""
    return next((reason for keys, reason in HAZARDS[hazard].absent.items() if key in keys), "")


@functools.cache
def list_marked() -> tuple[Marked, ...]:
    """Return every marked test, by file and place."""
    return tuple(one for file in sorted(TESTS.glob("test_*.py")) for one in _list_marked_in(file))


def _list_marked_in(file: Path) -> Iterator[Marked]:
    text = file.read_text()
    for node in ast.parse(text).body if MARK in text else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == MARK:
                    hazard, *formats = [ast.literal_eval(one) for one in decorator.args]
                    yield Marked(hazard, tuple(formats), file.name, node.name)


def render_hazards() -> str:
    """Return the page: how many tests there are of each hazard in each format, and which."""
    marked, formats = list_marked(), list_formats()
    rows = [f"| hazard | {' | '.join(formats)} |", f"| --- |{' ---: |' * len(formats)}"]
    for key in HAZARDS:
        cells = [_render_cell(marked, key, one) for one in formats]
        rows.append(f"| [{key}](#{key}) | {' | '.join(cells)} |")
    return "\n".join([_HEAD, *rows, *(line for key in HAZARDS for line in _render_hazard(marked, key)), ""])


def _render_cell(marked: Sequence[Marked], hazard: str, key: str) -> str:
    count = sum(one.hazard == hazard and key in one.formats for one in marked)
    return f"{count}" if count else "–"


def _render_hazard(marked: Sequence[Marked], key: str) -> Iterator[str]:
    yield from ("", f"## {key}", "", f"{HAZARDS[key].title}.", "")
    for one in marked:
        if one.hazard == key:
            yield f"- {', '.join(f'`{form}`' for form in one.formats)}: {one.title} ([{one.file}](../tests/{one.file}))"
    for keys, reason in HAZARDS[key].absent.items():
        yield f"- not in {', '.join(f'`{form}`' for form in keys)}: {reason}"


_HEAD = """<!-- Made by deploy/generate.py; change the code, not this page. -->

# Hazards of payloads

What goes wrong with payloads in the field, and how many tests hold each format to it. A test of several formats counts
in each. A dash stands where a hazard cannot occur; why, and what the tests are called, is said below.
"""
