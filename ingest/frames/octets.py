"""Octets: the bytes of a device's frame, taken one number after another. Pure; what is missing is an error."""

import struct

from ingest.codec import CodecError
from schemas.reason import Reason


class Octets:
    """A place in a frame.

    Args:
        body: The frame.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes were not taken yet."""
        return len(self._body) - self._at

    def take(self, form: str) -> int:
        """Return the next number.

        Args:
            form: As in ``struct``, with byte order, of one integer: ``<h``, ``>I``, ``<B``.

        Raises:
            CodecError: The frame ends before it does (BROKEN_FRAME).
        """
        (number,) = struct.unpack(form, self.cut(struct.calcsize(form)))
        return int(number)

    def cut(self, count: int) -> bytes:
        """Return so many of the next bytes.

        Raises:
            CodecError: The frame ends before they do (BROKEN_FRAME).
        """
        begin, self._at = self._at, self._at + count
        if self._at > len(self._body):
            raise CodecError(
                Reason.BROKEN_FRAME, f"the frame {self._body.hex()} ends {self._at - len(self._body)} bytes too early"
            )
        return self._body[begin : self._at]
