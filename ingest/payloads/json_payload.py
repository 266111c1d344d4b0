"""JSON payloads of Sources: bytes to an object, and an object to plain members."""

from collections.abc import Iterator
from typing import Any

import orjson

from ingest.codec import CodecError
from ingest.source import Plain
from schemas.reason import Reason
from schemas.validation import shorten

MOST_DEPTH = 8
MOST_MEMBERS = 1_000


def read_json(payload: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value of a payload.

    Raises:
        CodecError: No bytes, no UTF-8, no JSON (NaN and Infinity are none).
    """
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as broken:
            raise CodecError(Reason.INVALID_UTF8, f"byte {broken.start} is not UTF-8") from None
        raise CodecError(Reason.MALFORMED_JSON, str(error)) from None


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the JSON object of a payload.

    Raises:
        CodecError: As ``read_json``, or another JSON value than an object.
    """
    value = read_json(payload)
    if not isinstance(value, dict):
        raise CodecError(Reason.NOT_AN_OBJECT, f"the payload is a JSON {type(value).__name__}, not an object")
    return value


def show(value: object) -> str:
    """Return a JSON value for people; what it holds is left out, for it may be nested deeper than Python can show."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return shorten(repr(value))


def flatten(value: Any) -> dict[str, Plain]:  # noqa: ANN401 - any JSON value
    """Return what is in an object or array, by path: names and indexes joined with dots.

    Raises:
        CodecError: It is nested deeper than ``MOST_DEPTH``, has more than ``MOST_MEMBERS`` values, or two of one path,
            such as ``{"a.b": 1, "a": {"b": 2}}``: nothing says which is meant.
    """
    members: dict[str, Plain] = {}
    for path, plain in _walk(value, (), MOST_DEPTH):
        if path in members:
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload has two values called {shorten(path)}")
        members[path] = plain
        if len(members) > MOST_MEMBERS:
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload has more than {MOST_MEMBERS} values")
    return members


def _walk(value: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, Plain]]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict | list):
        yield ".".join(path), value
        return
    if not depth:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload is nested deeper than {MOST_DEPTH}")
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in items:
        yield from _walk(inner, (*path, str(name)), depth - 1)
