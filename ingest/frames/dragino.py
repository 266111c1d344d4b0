"""What frames of Dragino's sensors share: the first word is the battery's voltage, with flags in its highest bits."""

from ingest.frames.octets import Octets

STATUS_PORT = 5
"""Of the frame in which a device tells its model, firmware and band, after a start or on request."""


def take_battery(octets: Octets) -> tuple[float, int]:
    """Return the battery's voltage in volts, and the two bits above it.

    Raises:
        CodecError: The frame ends before (BROKEN_FRAME).
    """
    word = octets.take(">H")
    return (word & 0x3FFF) / 1000, word >> 14
