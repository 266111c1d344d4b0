"""CBOR payloads (RFC 8949): bytes to plain values, by cbor2.

Its tags make objects of many kinds, regular expressions and messages among them: only those that are named are read.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

from cbor2 import CBORDecodeError, CBORDecoder

from ingest.codec import CodecError
from ingest.payloads.json_payload import MOST_DEPTH
from schemas.reason import Reason
from schemas.validation import shorten

DECIMAL_FRACTION = 4
"""Tag of a number as mantissa and power of ten, which cbor2 makes a Decimal."""

ReadTag = Callable[[Any, bool], Any]
"""What stands behind a tag, and whether it must be immutable, to what it means."""


def read_cbor(payload: bytes, tags: Mapping[int, ReadTag | None], *, allow_indefinite: bool = False) -> Any:  # noqa: ANN401 - any CBOR value
    """Return the one CBOR value of a payload.

    Args:
        payload: Any bytes.
        tags: How the tags that may stand in it are read; None for as cbor2 does.
        allow_indefinite: Whether texts and containers may lack their length.

    Raises:
        CodecError: No bytes, no CBOR, something behind its value, another tag, a key twice, or nested deeper than
            ``MOST_DEPTH``.
    """
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    stream = io.BytesIO(payload)
    decoder = CBORDecoder(
        stream,
        semantic_decoders=_Tags(tags),
        max_depth=MOST_DEPTH,
        allow_indefinite=allow_indefinite,
        allow_duplicate_keys=False,
    )
    try:
        value = decoder.decode()
    except CBORDecodeError as error:
        reason = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        raise CodecError(Reason.MALFORMED_PAYLOAD, shorten(reason)) from None
    if stream.tell() != len(payload):
        raise CodecError(Reason.MALFORMED_PAYLOAD, f"{len(payload) - stream.tell()} bytes stand behind the CBOR value")
    return value


class _Tags(dict[int, ReadTag]):
    """How tags are read; those that are not named are refused, so that cbor2 does not read them in its own way."""

    def __init__(self, tags: Mapping[int, ReadTag | None]) -> None:
        super().__init__({tag: read for tag, read in tags.items() if read is not None})
        self._usual = frozenset(tags) - self.keys()

    def __missing__(self, tag: int) -> ReadTag:
        """Return nothing for a tag that cbor2 reads; raises what cbor2 takes for that, or for bad data."""
        if tag in self._usual:
            raise KeyError(tag)
        raise ValueError(f"tag {tag} is not understood")
