"""Plain values: one for each topic, or a JSON object of them.

- Topics: by the patterns of the Source alone, such as ``hage/{address}/{member}``; the root counts for nothing.
- The address is what stands in the topic for ``{address}``. So is the member; without ``{member}`` it is ``value``.
- A payload that is JSON is what JSON says: a number, true, false, null for none, a text. The members of an object or
  array have their paths, behind the topic's member where there is one.
- Any other payload is a text: ``21.4 °C`` and ``2799 mm`` among them, which a Model takes as numbers with a unit.
- There is no time: when it comes stands for it, and when a value that the broker kept was measured nobody can tell.
- Who publishes so, publishes with QoS 0 more often than not: it counts as outside the promise of no loss.
"""

from collections.abc import Sequence

from ingest.codec import CodecError
from ingest.payloads.json_payload import read_json
from ingest.payloads.topic_pattern import TopicPatterns, make_filter
from ingest.payloads.value_payload import name_values, read_text
from ingest.source import Format, Heard, Plain, Said, Source


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._patterns = TopicPatterns(source.patterns)

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:  # noqa: ARG002 - it tells no times
        """Return what a message says.

        Raises:
            CodecError: Its topic is of no pattern, it is no text, or it begins as a JSON object or array and is none.
        """
        address, member = self._patterns.read(topic)
        return Heard(said=[Said(address, _read_members(payload, member))])


def _list_filters(source: Source) -> Sequence[str]:
    """Return the topic filters to subscribe to; none without patterns."""
    return tuple(dict.fromkeys(map(make_filter, source.patterns)))


FORMAT = Format(
    title="Plain values",
    root="",
    is_lossless=False,
    is_partial=True,
    open=_Interpreter,
    list_filters=_list_filters,
)


def _read_members(payload: bytes, member: str) -> dict[str, Plain]:
    text = read_text(payload)
    try:
        value = read_json(payload)
    except CodecError:
        if text.lstrip()[:1] in ("{", "["):
            raise
        value = text.strip()
    return name_values(member, value) if isinstance(value, dict | list) else {member or "value": value}
