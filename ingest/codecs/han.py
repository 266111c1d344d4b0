"""Raw HAN: frames of an electricity meter as its reader heard them, of Kaifa, Aidon and Kamstrup.

- A payload is one HDLC frame or a few, as bytes or as hexadecimal digits; what stands between frames is passed over.
  A frame whose check sequence is wrong says nothing: with one bit flipped it would still be decoded, to another power.
  A list without its frame has no check sequence and is refused.
- The address of a device is the topic below the root; the root itself, for a reader that publishes to it. Frames of the
  lists 1 have no number of the meter, and the numbers of the others are stripped: they tell whose home it is.
- Members have the names of ``ingest.payloads.ams``, and the units of the meter's list: registers are in Wh and varh.
- There is no time but that of the receipt: lists 1 and 2 of Aidon have none, and the clocks of the others tell local
  time, or standard time, or either. Of several frames in one payload the newest value of each member counts.

Sources: IEC 62056-46 (HDLC), IEC 62056-7-5 and 62056-6-1 (OBIS); the makers' descriptions of their HAN interfaces.
``amshan`` decodes the lists: 0.2 ms for a list 1, up to 1.4 ms for a list 3. A list whose clock is not set it cannot.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from construct import ConstructError  # type: ignore[import-untyped]  # it has no types
from han import aidon, kaifa, kamstrup
from han.fastframecheck import FastFrameCheckSequence16

from ingest.codec import CodecError
from ingest.payloads.ams import Listed, Meters, read_state, split_topic
from ingest.payloads.json_payload import read_object
from ingest.source import Event, EventKind, Format, Heard, Plain, Source
from schemas.reason import Reason

MOST_OCTETS = 8_192
MOST_FRAMES = 16

_FLAG = 0x7E
# The format of a frame, IEC 62056-46: its type, which is 3, whether it is a segment, and its length without the flags.
_TYPE_BITS = 0xF000
_FRAME_TYPE = 0xA000
_SEGMENTATION_BIT = 0x0800
_LENGTH_BITS = 0x07FF
_LEAST_LENGTH = 16
_MOST_LENGTH = 1_024  # the longest list has 394 bytes
_LONGEST_ADDRESS = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DIGITS = re.compile(rb"[0-9A-Fa-f\s]+")
_NOTIFICATION = b"\xe6\xe7\x00\x0f"  # LLC header, and the tag of a data notification
_FOREIGN = (ConstructError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What amshan raises of what it cannot decode."""
_NAMES = {
    "active_power_import": ("P", "W"),
    "active_power_export": ("PO", "W"),
    "reactive_power_import": ("Q", "var"),
    "reactive_power_export": ("QO", "var"),
    "active_power_import_total": ("tPI", "W.h"),
    "active_power_export_total": ("tPO", "W.h"),
    "reactive_power_import_total": ("tQI", "var.h"),
    "reactive_power_export_total": ("tQO", "var.h"),
} | {
    f"{name}_l{phase}": (f"{short}{phase}", unit)
    for name, short, unit in (
        ("current", "I", "A"),
        ("voltage", "U", "V"),
        ("active_power_import", "P", "W"),
        ("active_power_export", "PO", "W"),
    )
    for phase in (1, 2, 3)
}
_UNITS = dict(_NAMES.values())
_KAMSTRUP = b"Kamstrup"
_OTHERS = (aidon.decode_frame_content, kaifa.decode_frame_content)
_TRANSFORMER_TYPE = "685"
"""Kamstrup's meters behind current transformers tell mA where its others tell hundredths of an ampere."""


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self._zone_info = source.zone_info
        self._meters = Meters()

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is not of the format, or no frame of it is whole (BROKEN_FRAME).
        """
        address, level = split_topic(self._root, topic, frozenset({"status"}))
        if level:
            return Heard(events=(read_state(payload, address),))
        if payload.startswith(b"{"):
            return Heard(events=(_read_state(payload, address),))
        lists = [_decode(body) for body in _list_bodies(_read_octets(payload))]
        if not lists:
            raise CodecError(Reason.BROKEN_FRAME, "no HDLC frame in it has its length and a right check sequence")
        newest: dict[str, Any] = {}
        for one in lists:
            newest |= one
        members = _name_members(newest)
        listed = Listed(
            address,
            members,
            {name: _UNITS[name] for name in members},
            clock_ms=_read_clock_ms(newest.get("meter_datetime"), self._zone_info, received_ms),
            meter_type=_read_text(newest, "meter_type"),
            version=_read_text(newest, "list_ver_id"),
        )
        return self._meters.hear(listed, received_ms)


FORMAT = Format(
    title="Raw HAN frames (Kaifa, Aidon, Kamstrup)",
    root="han",
    is_lossless=False,
    is_partial=True,
    open=_Interpreter,
)


def _read_state(payload: bytes, address: str) -> Event:
    """Return what a reader tells of itself between the frames; nothing of it is kept, for it names its network.

    Raises:
        CodecError: It is other JSON.
    """
    if "status" not in read_object(payload):
        detail = "JSON without status, not HDLC frames; the JSON of readers of amsleser.no is the format ams"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
    return Event(EventKind.STATUS, address, "the reader's own state")


def _read_octets(payload: bytes) -> bytes:
    """Return the bytes that a payload has or spells.

    Raises:
        CodecError: It has none, too many, or half a byte.
    """
    if not payload:
        raise CodecError(Reason.EMPTY_PAYLOAD, "the payload has no bytes")
    if len(payload) > 2 * MOST_OCTETS:
        detail = f"the payload has {len(payload)} bytes, more than {MOST_FRAMES} lists of a meter take"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
    if not _DIGITS.fullmatch(payload):
        return payload
    try:
        return bytes.fromhex(payload.decode("ascii"))
    except ValueError:
        raise CodecError(Reason.MALFORMED_PAYLOAD, "hexadecimal digits that are not two for each byte") from None


def _list_bodies(octets: bytes) -> Iterator[bytes]:
    """Yield the information of each frame whose length and check sequence are right.

    Raises:
        CodecError: There are more frames than a reader sends at a time, or one is a part of a list.
    """
    at, tried = octets.find(_FLAG), 0
    while at >= 0:
        begin = at + 1
        form = int.from_bytes(octets[begin : begin + 2], "big")
        end = begin + (form & _LENGTH_BITS)
        if form & _TYPE_BITS == _FRAME_TYPE and _LEAST_LENGTH <= end - begin <= _MOST_LENGTH and end <= len(octets):
            tried += 1
            if tried > MOST_FRAMES:
                raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the payload has more than {MOST_FRAMES} frames")
            if _is_whole(octets[begin:end]):
                yield _cut_information(octets[begin:end], is_part=bool(form & _SEGMENTATION_BIT))
                begin = end
        at = octets.find(_FLAG, begin)


def _is_whole(frame: bytes) -> bool:
    """Return whether the check sequence of a frame without its flags is right."""
    # Not by amshan's HdlcFrame: it takes seconds over addresses without an end, and logs the meter's number.
    checked = len(frame) - 2
    found = FastFrameCheckSequence16.compute_checksum(frame, 0, checked)
    return found == int.from_bytes(frame[checked:], "little")


def _cut_information(frame: bytes, *, is_part: bool) -> bytes:
    """Return what is in a frame without its flags, behind the format, two addresses, the control and the header check.

    Raises:
        CodecError: It is a part of a list, or its addresses have no end.
    """
    if is_part:
        raise CodecError(Reason.BROKEN_FRAME, "the frame is a part of a list: the reader must put the parts together")
    at = 2
    for _ in range(2):
        ends = (place + 1 for place in range(at, at + _LONGEST_ADDRESS) if frame[place] & 1)
        at = next(ends, 0)
        if not at:
            raise CodecError(Reason.BROKEN_FRAME, f"an address of the frame is longer than {_LONGEST_ADDRESS} bytes")
    return frame[at + 3 : -2]


def _decode(body: bytes) -> Mapping[str, Any]:
    """Return what a list tells, by amshan's names.

    Raises:
        CodecError: It is encrypted, or of none of the three makers.
    """
    if not body.startswith(_NOTIFICATION):
        raise CodecError(
            Reason.BROKEN_FRAME, "the frame is no data notification in the clear; an encrypted one is none"
        )
    for decode in (kamstrup.decode_frame_content,) if _KAMSTRUP in body else _OTHERS:
        with contextlib.suppress(*_FOREIGN):
            return decode(body)
    raise CodecError(Reason.BROKEN_FRAME, "the list is none of Kaifa, Aidon and Kamstrup")


def _name_members(listed: Mapping[str, Any]) -> dict[str, Plain]:
    """Return the measurements of a list by the names of ``ingest.payloads.ams``.

    Raises:
        CodecError: It has none, or one is no number.
    """
    is_transformed = _read_text(listed, "meter_type").startswith(_TRANSFORMER_TYPE)
    members: dict[str, Plain] = {}
    for name, (short, _) in _NAMES.items():
        if name not in listed:
            continue
        value = listed[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CodecError(Reason.BROKEN_FRAME, f"{name} is no number")
        factor = 0.1 if is_transformed and short[0] == "I" and listed.get("meter_manufacturer") == "Kamstrup" else 1
        members[short] = float(f"{value * factor:.12g}")
    if not members:
        raise CodecError(Reason.BROKEN_FRAME, "the list has no measurement")
    return members


def _read_clock_ms(clock: object, zone_info: ZoneInfo, received_ms: int) -> int | None:
    """Return what the meter's clock told in milliseconds since 1970 in UTC; local time where it names no zone."""
    if not isinstance(clock, datetime):
        return None
    if clock.tzinfo is None:
        # Not by the zone's rules for that hour: one of them may not exist, or twice, and summer time may be ignored.
        offset = datetime.fromtimestamp(received_ms / 1000, zone_info).utcoffset() or timedelta()
        clock = clock.replace(tzinfo=timezone(offset))
    return round((clock - _EPOCH) / _MILLISECOND)


def _read_text(listed: Mapping[str, Any], name: str) -> str:
    value = listed.get(name)
    return value if isinstance(value, str) else ""
