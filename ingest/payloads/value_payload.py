"""Payloads of topics that have one value each: a text, or JSON below the name of the topic."""

import re
from typing import Any

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten
from ingest.source import Plain
from schemas.reason import Reason

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_TRUTHS = {"true": True, "false": False}


def read_text(payload: bytes) -> str:
    """Return the text of a payload.

    Raises:
        CodecError: No bytes, or no UTF-8.
    """
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise CodecError(Reason.INVALID_UTF8, f"byte {error.start} is not UTF-8") from None


def name_values(member: str, value: Any) -> dict[str, Plain]:  # noqa: ANN401 - any JSON value
    """Return what a JSON value says by the names of members: its own path, behind that of its topic.

    Args:
        member: What the topic names; empty for nothing.
        value: Any JSON value.

    Raises:
        CodecError: There is no value in it, or ``flatten`` refuses it.
    """
    found = flatten(value)
    if not found:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, "the payload is JSON without a value")
    return {".".join(filter(None, (member, path))): plain for path, plain in found.items()}


def read_scalar(text: str) -> Plain:
    """Return ``true`` and ``false`` as what they are, a decimal number as a number, and any other text as itself."""
    truth = _TRUTHS.get(text)
    return read_number(text) if truth is None else truth


def read_truth(text: str) -> Plain:
    """Return ``true`` and ``false`` as what they are, and any other text as itself."""
    return _TRUTHS.get(text, text)


def read_number(text: str) -> Plain:
    """Return a decimal number as a number, and any other text, ``nan`` and ``inf`` among them, as itself."""
    return float(text) if _NUMBER.fullmatch(text) else text
