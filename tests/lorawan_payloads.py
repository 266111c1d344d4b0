"""What the tests of LoRaWAN formats share: payloads that are changed a little, and what is read of them."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.local_time import LOCAL
from ingest.source import Event, Format, Heard, Said, Source
from schemas.reason import Reason

RECEIVED_MS = 1_768_478_402_000

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value."""


def open_source(format_of: Format, key: str) -> Source:
    """Return a Source of a Format with its usual topics."""
    return Source(key=key, format_key=key, root=format_of.root, zone_info=LOCAL)


def change(sample: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """Return a copy of a sample with other members.

    Args:
        sample: As JSON has it.
        changes: New values by path, with ``__`` between its names; what becomes ``...`` is left out.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(sample))
    for path, value in changes.items():
        *outer, name = path.split("__")
        target: Any = changed
        for one in outer:
            target = target[int(one) if isinstance(target, list) else one]
        if value is ...:
            del target[name]
        else:
            target[name] = value
    return changed


def list_paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all that is in a JSON value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for name, inner in items:
        found += list_paths(inner, (*path, name))
    return found


def replace(sample: Mapping[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return a copy of a sample with another value at a path."""
    changed: dict[str, Any] = copy.deepcopy(dict(sample))
    target: Any = changed
    for one in path[:-1]:
        target = target[one]
    target[path[-1]] = value
    return changed


class Listener:
    """Reads messages of a Source, one after another.

    Args:
        format_of: Of the Source.
        key: Of the Format.
        topic: Of messages that say nothing else.
    """

    def __init__(self, format_of: Format, key: str, topic: str) -> None:
        self._interpreter = format_of.open(open_source(format_of, key))
        self._topic = topic

    def hear(self, payload: bytes | Mapping[str, Any], topic: str = "") -> Heard:
        """Return what a message says."""
        encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self._interpreter.read(topic or self._topic, encoded, RECEIVED_MS)

    def said(self, payload: bytes | Mapping[str, Any]) -> Said:
        """Return the one thing that an uplink says."""
        heard = self.hear(payload)
        assert not heard.events
        (said,) = heard.said
        return said

    def event(self, payload: bytes | Mapping[str, Any], topic: str = "") -> Event:
        """Return the one event that a message tells."""
        heard = self.hear(payload, topic)
        assert not heard.said
        (event,) = heard.events
        return event

    def refusal(self, payload: bytes | Mapping[str, Any], topic: str = "") -> tuple[Reason, str]:
        """Return why a message is refused."""
        with pytest.raises(CodecError) as error:
            self.hear(payload, topic)
        return error.value.reason, error.value.detail
