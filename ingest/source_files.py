"""Sources, from the files of ``deploy/sources``: one file a Source, every mistake with its file, line and field."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from ingest.codecs import list_filters, load_formats
from ingest.local_time import LOCAL
from ingest.source import Format, Source
from ingest.toml_file import ConfigurationError, Mistake, TomlFile, iterate_toml_folder
from ingest.toml_table import Table, read_table, show
from ingest.topic_filter import is_wide, overlap

_KEY = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_TOPIC = r"^[^/+#\x00]+(/[^/+#\x00]+)*$"
_PATTERNS = {_TOPIC: "must be the beginning of topics, without +, # and a slash at either end"}
_OWN_TOPICS = ("+/+/reading", "alerts/+/+", "collectors/+/state")
"""What is on the platform's own topics, below the prefix: readings, alerts and Notices, states of collectors."""
_ADDRESS, _MEMBER = "{address}", "{member}"


class SourceFile(Table):
    """A file of ``deploy/sources``."""

    format: str
    root: Annotated[str, StringConstraints(pattern=_TOPIC, max_length=200)] | None = None
    patterns: Annotated[list[str], Field(default_factory=list)]
    keep_payloads: bool = True


def load_sources(folder: Path | None, topic_prefix: str) -> dict[str, Source]:
    """Read the Sources of a folder.

    Args:
        folder: Holds the TOML files; None for no Sources.
        topic_prefix: Beginning of the platform's own topics, which no Source may have.

    Returns:
        Sources by key.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is.
        RegistryError: A format is broken.
    """
    sources, mistakes = read_sources(folder, topic_prefix)
    if mistakes:
        raise ConfigurationError(mistakes)
    return sources


def read_sources(folder: Path | None, topic_prefix: str) -> tuple[dict[str, Source], list[Mistake]]:
    """Return what could be understood of Sources, and everything that is wrong with them; see ``load_sources``."""
    if folder is None:
        return {}, []
    mistakes: list[Mistake] = []
    sources: dict[str, Source] = {}
    filters: dict[str, str] = {}
    for file in iterate_toml_folder(folder, mistakes):
        found = _read_source(file, topic_prefix)
        if isinstance(found, list):
            mistakes += found
            continue
        mistakes += _find_overlaps(file, found, filters, topic_prefix)
        filters |= dict.fromkeys(list_filters(found), found.key)
        sources[found.key] = found
    return sources, mistakes


def _read_source(file: TomlFile, topic_prefix: str) -> Source | list[Mistake]:
    table = read_table(file, (), file.values, SourceFile, _PATTERNS)
    if isinstance(table, list):
        return table
    formats: Mapping[str, Format] = load_formats()
    key = file.path.stem
    if not _KEY.fullmatch(key):
        return [file.mistake((), "must be named with lower-case letters, digits and single hyphens")]
    if table.format not in formats:
        known = ", ".join(sorted(formats))
        return [file.mistake(("format",), f"format {show(table.format)} does not exist; there are {known}")]
    root = formats[table.format].root if table.root is None else table.root
    mistakes = [
        file.mistake(("patterns", index), problem)
        for index, pattern in enumerate(table.patterns)
        if (problem := _find_problem(pattern, topic_prefix))
    ]
    if f"{root}/".startswith(f"{topic_prefix}/"):
        mistakes.append(file.mistake(("root",), f"must not be {topic_prefix}: that is the platform's own"))
    source = Source(
        key=key,
        format_key=table.format,
        root=root,
        patterns=tuple(table.patterns),
        zone_info=LOCAL,
        keeps_payloads=table.keep_payloads,
    )
    has_patterns = table.patterns and not mistakes
    if has_patterns and list_filters(source) == list_filters(dataclasses.replace(source, patterns=())):
        mistakes.append(
            file.mistake(("patterns",), f"must be left out: the topics of {table.format} are always the same")
        )
    if not mistakes and not list_filters(source):
        mistakes.append(file.mistake((), "patterns are missing: which topics does it have?"))
    return mistakes or source


def _find_overlaps(file: TomlFile, source: Source, taken: Mapping[str, str], topic_prefix: str) -> Iterator[Mistake]:
    """Yield a mistake where topics of a Source are those of another, or the platform's own: once for each of them.

    Args:
        file: Of the Source.
        source: As it says.
        taken: Keys of the Sources before, by topic filter.
        topic_prefix: Beginning of the platform's own topics.
    """
    field, remedy = ("patterns", "other patterns") if source.patterns else ("root", "another root")
    own = [f"{topic_prefix}/{topics}" for topics in _OWN_TOPICS]
    told: set[str] = set()
    for one, (other, key) in product(list_filters(source), [*taken.items(), *((topics, "") for topics in own)]):
        if key in told or not overlap(one, other) or (key and is_wide(one) != is_wide(other)):
            continue  # of two Sources the one that names what stands first has the topic: see SourceTable
        told.add(key)
        if not key:
            text = f"its topics {one} have some of the platform's own, {other}; name what stands first in them"
        elif one == other:
            text = f"its topics {one} are those of source {key} too; give one of the two {remedy}"
        else:
            text = f"its topics {one} and those of source {key}, {other}, overlap; give one of the two {remedy}"
        yield file.mistake((field,), text)


def list_usual_filters() -> list[str]:
    """Return the topic filters that a Source of each Format has where its file says nothing of them."""
    sources = [Source(key=key, format_key=key, root=form.root, zone_info=LOCAL) for key, form in load_formats().items()]
    return [one for source in sources for one in list_filters(source)]


def _find_problem(pattern: str, topic_prefix: str) -> str:
    """Return what is wrong with a pattern of topics; empty for nothing."""
    if pattern.startswith(f"{topic_prefix}/"):
        return f"must not begin with {topic_prefix}: that is the platform's own"
    segments = pattern.split("/")
    plain = [one for one in segments if one not in (_ADDRESS, _MEMBER)]
    if segments.count(_ADDRESS) != 1 or segments.count(_MEMBER) > 1:
        return f"must have {_ADDRESS} once, and {_MEMBER} at most once, each as a whole segment of the topic"
    if any(not one or set(one) & set("+#{}\x00") for one in plain):
        return "must have no empty segment, and no +, # or braces elsewhere"
    return ""


def place_sources(sources: Mapping[str, Source], zone_info: ZoneInfo) -> dict[str, Source]:
    """Return Sources with the time zone of the municipality."""
    return {key: dataclasses.replace(one, zone_info=zone_info) for key, one in sources.items()}
