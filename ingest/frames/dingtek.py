"""Frames of Dingtek's sensors: 0x80, two bytes of the product, kind, length of the whole, what it says, 0x81.

Port 3, big endian. After the maker's decoders (https://github.com/cndingtek/Chirpstack_codec) and their examples in
TheThingsNetwork/lorawan-devices; of the bins also "DF702&DF703 Waste Bin Sensor Protocol LoRaWAN V2.8" (2021).
"""

from ingest.frames.broken_frame import expect_port, refuse
from ingest.frames.octets import Octets
from ingest.source import Frame

_BEGIN, _END = 0x80, 0x81
_ENVELOPE = 6
_PARAMETERS = 3
_KINDS = (1, 2, _PARAMETERS)
"""Sign of life, alarm or event, configuration."""


def open_frame(frame: Frame, product: int, *sizes: int) -> Octets | None:
    """Return what a frame says, without its envelope; None for one with the configuration.

    Args:
        frame: As it came.
        product: Two bytes.
        sizes: That a reading of this product can have without its envelope.

    Raises:
        CodecError: It is no such frame (BROKEN_FRAME).
    """
    expect_port(frame, 3)
    octets = Octets(frame.body)
    begin, found, kind, size = octets.take(">B"), octets.take(">H"), octets.take(">B"), octets.take(">B")
    if begin != _BEGIN or found != product or kind not in _KINDS:
        refuse(frame, f"it begins with {frame.body[:4].hex()}, not 80{product:04x} and 01, 02 or 03")
    if size != len(frame.body):
        refuse(frame, f"it says that it has {size} bytes, and has {len(frame.body)}")
    body = octets.cut(max(octets.left - 1, 0))
    if octets.take(">B") != _END:
        refuse(frame, "it does not end with 81")
    if kind == _PARAMETERS:
        return None
    if len(body) not in sizes:
        refuse(frame, f"it has {size} bytes, not {' or '.join(str(one + _ENVELOPE) for one in sizes)}")
    return Octets(body)
