"""PUBACKs counted in a stream of bytes, whole chunks at a time.

Nearly all of what comes is packets of four bytes, ``40 02`` and an identifier; anything else is read packet by packet.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019, sections 2.1 and 3.4.
"""

from typing import NamedTuple

from simulators.errors import PublishError

PUBACK = 0x40
SHORT = 4
"""Bytes of a PUBACK that says nothing but success."""
REASON_AT = 2
"""Position of the reason code after the remaining length."""
REFUSED = 0x80
"""A reason code at or above it says no."""


class Header(NamedTuple):
    """The fixed header of a packet.

    Attributes:
        kind: Type of the packet, without its flags.
        body: Where the rest begins.
        end: Where the next packet begins.
    """

    kind: int
    body: int
    end: int


def read_header(data: bytes, position: int) -> Header | None:
    """Return the fixed header of a packet that begins at a position; None when the data ends within it."""
    length, shift, at = 0, 0, position + 1
    while at < len(data):
        length |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:  # noqa: PLR2004 - the highest bit says that another byte follows (section 1.5.5)
            return Header(data[position] & 0xF0, at, at + length)
    return None


class PubackCounter:
    """Counts the PUBACKs of one direction of one connection; any borders between chunks give the same count."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, chunk: bytes) -> int:
        """Return how many PUBACKs end in the next chunk.

        Raises:
            PublishError: One of them says that the message was refused.
        """
        data = self._rest + chunk if self._rest else chunk
        whole = len(data) // SHORT
        size = whole * SHORT
        if data[:size:SHORT] == b"\x40" * whole and data[1:size:SHORT] == b"\x02" * whole:
            self._rest = data[size:]
            return whole
        return self._walk(data)

    def _walk(self, data: bytes) -> int:
        count = position = 0
        while (header := read_header(data, position)) is not None and header.end <= len(data):
            if header.kind == PUBACK:
                count += 1
                if header.end - header.body > REASON_AT and data[header.body + REASON_AT] >= REFUSED:
                    raise PublishError(f"a reading was refused with reason code {data[header.body + REASON_AT]:#x}")
            position = header.end
        self._rest = data[position:]
        return count
