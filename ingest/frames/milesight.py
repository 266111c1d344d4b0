"""Milesight: what the maker's LoRaWAN frames consist of, read by a table for each product.

A frame is a row of channels: channel number, type, and as many bytes as these two say, little-endian. Only the table
of the product knows how many that are, so an unknown channel makes the rest of a frame unreadable. A history channel
(0x20 or 0x21, type 0xCE) begins with the time of a reading that could not be sent when it was made, in seconds since
1970 in UTC. Channel 0xFF tells of the device itself whenever it joins; 0xFE echoes what it was told to do.

Sources: "Device Payload" in the user guides of the AM300, EM300, EM400, EM500, VS and WS series, and the maker's
tables of channels (https://github.com/Milesight-IoT/SensorDecoders). Those differ between firmware versions: where they
do, the Model's file says so.
"""

import math
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ingest.codec import CodecError
from ingest.frames.octets import Octets
from ingest.model import Decode, Decoded, Take
from ingest.source import Frame, Plain
from schemas.reason import Reason

LORAWAN = ("tts", "chirpstack")
"""Keys of the Formats that a LoRaWAN product comes in."""


class Item(NamedTuple):
    """One value in a channel.

    Attributes:
        name: Of the member that it becomes.
        form: As in ``struct``: ``B``, ``b``, ``H``, ``h``, ``I``, ``f``; ``4x`` for four bytes that nothing is made of.
        divisor: The member is the number divided by it.
        missing: Numbers that say that there is no value, besides those in ``_MISSING``.
    """

    name: str
    form: str
    divisor: int = 1
    missing: tuple[int, ...] = ()


_MISSING: dict[str, tuple[int, ...]] = {"B": (0xFF,), "H": (0xFFFF, 0xFFFD)}
"""Says "collection failed" and, of two bytes, "out of range". Signed ones are as good as any number, where the
product's documentation does not say otherwise."""

TIME = Item("time", "I")
"""First item of a history channel."""


class Channel:
    """What comes after a channel's number and type.

    Args:
        items: In their order.
    """

    def __init__(self, *items: Item) -> None:
        self._struct = struct.Struct("<" + "".join(item.form for item in items))
        self._items = tuple(item for item in items if not item.form.endswith("x"))

    def read(self, octets: Octets) -> dict[str, Plain]:
        """Return the members in the next bytes.

        Raises:
            CodecError: The frame ends before they do.
        """
        numbers = self._struct.unpack(octets.cut(self._struct.size))
        return {item.name: _tell(item, number) for item, number in zip(self._items, numbers, strict=True)}


def _tell(item: Item, number: float) -> float | None:
    if number in item.missing or number in _MISSING.get(item.form, ()) or not math.isfinite(number):
        return None
    return number if item.divisor == 1 else number / item.divisor


Channels = Mapping[tuple[int, int], Channel]
"""Channels of a product, by number and type."""
Refine = Callable[[dict[str, Plain]], None]
"""Changes the members of one moment, where what a byte means depends on another; raises CodecError."""


def skip(count: int) -> Channel:
    """Return a channel that is known, and of which nothing is taken.

    Args:
        count: Bytes.
    """
    return Channel(Item("", f"{count}x"))


def _skip_each(number: int, widths: Mapping[int, int]) -> dict[tuple[int, int], Channel]:
    return {(number, kind): skip(count) for kind, count in widths.items()}


# Protocol, serial number (two lengths), hardware, firmware (two lengths), power on, class, sensors in use, reset, TSL.
_DEVICE = {0x01: 1, 0x08: 6, 0x16: 8, 0x09: 2, 0x0A: 2, 0x1F: 4, 0x0B: 1, 0x0F: 1, 0x18: 2, 0x1B: 5, 0xFE: 1, 0xFF: 2}
# Bytes after the command, where all products have as many; 0x1A, 0x39, 0x79 and 0xF0 differ between them.
_ANSWERS = {
    0x02: 2, 0x03: 2, 0x04: 1, 0x06: 9, 0x10: 1, 0x11: 4, 0x13: 1, 0x17: 2, 0x18: 2, 0x1C: 2, 0x1D: 2, 0x25: 1, 0x27: 1,
    0x28: 1, 0x2C: 1, 0x2D: 1, 0x2E: 1, 0x2F: 1, 0x35: 8, 0x3A: 2, 0x3B: 1, 0x3C: 1, 0x3D: 1, 0x3E: 1, 0x40: 1, 0x42: 1,
    0x43: 1, 0x44: 1, 0x4A: 1, 0x4E: 2, 0x51: 1, 0x56: 1, 0x65: 2, 0x66: 1, 0x68: 1, 0x69: 1, 0x6A: 3, 0x6D: 1, 0x70: 2,
    0x71: 1, 0x77: 2, 0x84: 1, 0x87: 3, 0x8E: 3, 0x92: 5, 0x95: 2, 0x96: 8, 0x98: 5, 0x99: 5, 0xA1: 7, 0xA2: 9, 0xA3: 2,
    0xA4: 2, 0xB2: 1, 0xC3: 1, 0xEA: 3, 0xEB: 1, 0xF1: 4, 0xF2: 2, 0xF4: 1, 0xF5: 1,
}  # fmt: skip
_ANSWER_CHANNELS = frozenset({0xF8, 0xF9, 0xFE})
_EVERYWHERE: dict[tuple[int, int], Channel] = {
    **_skip_each(0xFF, _ANSWERS),
    **_skip_each(0xFF, _DEVICE),
    **_skip_each(0xFE, _ANSWERS),
    **_skip_each(0xFC, {0x6B: 1, 0x6C: 1}),  # whether there is the history that was asked for
    (0x01, 0x75): Channel(Item("battery", "B")),
}

TEMPERATURE = Item("temperature", "h", 10)
HUMIDITY = Item("humidity", "B", 2)
CLIMATE: dict[tuple[int, int], Channel] = {(0x03, 0x67): Channel(TEMPERATURE), (0x04, 0x68): Channel(HUMIDITY)}
"""Channels of the products that measure both in the air."""

TAKE_BATTERY = {"battery": Take("battery", "%")}
TAKE_CLIMATE = {
    "temperature": Take("temperature", "Cel"),
    "humidity": Take("humidity", "%"),
    **TAKE_BATTERY,
}


def build_decode(channels: Channels, refine: Refine | None = None) -> Decode:
    """Return the decoder of a product.

    What it decodes is every moment that a frame tells something of: the history in its order, then the moment of the
    uplink. Frames that only tell of the device, or answer, decode to nothing.

    Args:
        channels: Of the product, without those that every product has.
        refine: Applied to each moment.
    """
    known = {**_EVERYWHERE, **channels}

    def decode(frame: Frame) -> list[Decoded]:
        moments = _read(frame.body, known)
        if refine is not None:
            for members, _ in moments:
                refine(members)
        return [Decoded(members, time_ms) for members, time_ms in moments if members]

    return decode


_Moment = tuple[dict[str, Plain], int | None]


def _read(body: bytes, channels: Channels) -> list[_Moment]:
    """Return the moments of a frame, the last being that of the uplink, which may be empty.

    Raises:
        CodecError: The frame is truncated, has a channel that the product does not have, or contradicts itself.
    """
    octets = Octets(body)
    history: list[_Moment] = []
    now: dict[str, Plain] = {}
    while octets.left:
        number, kind = octets.take("<B"), octets.take("<B")
        channel = channels.get((number, kind))
        if channel is None:
            if number in _ANSWER_CHANNELS and not now and not history:
                return []  # an answer comes alone; how long this one is does not matter then
            raise CodecError(
                Reason.BROKEN_FRAME, f"channel {number:02x} of type {kind:02x} is unknown in the frame {body.hex()}"
            )
        members = channel.read(octets)
        if TIME.name in members:
            seconds = members.pop(TIME.name)
            history.append((members, int(seconds or 0) * 1000))
            continue
        for name, value in members.items():
            if now.setdefault(name, value) != value:
                raise CodecError(Reason.BROKEN_FRAME, f"{name} is told twice, differently, in the frame {body.hex()}")
    return [*history, (now, None)]
