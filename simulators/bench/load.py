"""Load: what is published, as finished MQTT packets, thousands at a time, for a fraction of a microsecond each.

Heat meters publish in turn: reading ``n`` is the device's whose number is ``n % devices``. Every packet has the same
length, so packets are rows of a matrix of bytes; only digits differ, and they are filled in by columns. The time alone
is written when packets are sent.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019, section 3.3.
"""

import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.event_time import format_time

TYPE = "heat_meter"
FILTER = "gjovik/+/+/reading"
SITES = ("bench-0", "bench-1")
"""The devices are at these by turns, so that two collectors can divide them."""
MOST_DEVICES = 1_000_000
FIRST_SEQ = 1_000_000
"""Of every device; seven digits, so that a number never gets longer."""
PACKET_IDS = 60_000
"""Packet identifiers in use; more readings than that may not wait for the broker's PUBACK."""
BLOCK = 1_000
"""Packets that are prepared at a time, at most."""

FILE_DEVICES = 1_000

TOPIC = b"gjovik/bench-#/heat-######/reading"
PAYLOAD = (
    b'{"time":"#######################Z","seq":1######,"simulated":true,"energy":1######.7,"volume":1######.41,'
    b'"power":64###,"flow":1.###,"supply_temperature":82.###,"return_temperature":42.###}'
)
"""RFC 3339 with milliseconds; a number sign is a digit to be filled in. The registers grow by one with each reading,
as those of meters do: else the collector would doubt them."""
QOS_1 = 0x32
_NO_PROPERTIES = b"\0"
_TIME_BLANK = 3
"""After the site, the device and the packet identifier."""
_TRIPLES = np.array([list(b"%03d" % number) for number in range(1_000)], dtype=np.uint8)
"""Three digits of every number below 1,000."""
_MIXERS = (2_654_435_761, 2_246_822_519)
"""Odd numbers near 2^32 divided by the golden ratio, and a prime: they spread successive numbers over 32 bits."""

Numbers = NDArray[np.uint32]


def name_device(number: int) -> str:
    """Return the id of a device."""
    return f"heat-{number:06}"


def find_site(number: int) -> str:
    """Return the site of a device."""
    return SITES[number % len(SITES)]


def render_packet() -> bytes:
    """Return PUBLISH with QoS 1; number signs stand for what differs from reading to reading."""
    body = struct.pack(">H", len(TOPIC)) + TOPIC + b"##" + _NO_PROPERTIES + PAYLOAD
    low, high = len(body) % 128, len(body) // 128
    return bytes([QOS_1, low | 128, high]) + body


class Load:
    """The packets of so many devices, in order.

    Args:
        devices: How many take turns, at most ``MOST_DEVICES``.

    Attributes:
        made: Packets so far.
    """

    def __init__(self, devices: int) -> None:
        self.made = 0
        self._devices = devices
        self._last_ms = 0
        packet = render_packet()
        # No device is in a block twice: one time for all packets of a call still gives each device different times.
        self._block = np.tile(np.frombuffer(packet, dtype=np.uint8), (min(BLOCK, devices), 1))
        self._blanks = [slice(*blank.span()) for blank in re.finditer(rb"#+", packet)]
        self._time = self._blanks.pop(_TIME_BLANK)

    @property
    def ready(self) -> int:
        """How many packets can be made at a time."""
        return len(self._block) - self.made % len(self._block)

    def make(self, count: int, now_ms: int) -> bytes:
        """Return the next packets, one after another.

        Args:
            count: How many, at most ``ready``.
            now_ms: The present, milliseconds since 1970 in UTC; their time, unless the packets before have it.
        """
        begin = self.made % len(self._block)
        if not begin:
            self._fill_block()
        rows = self._block[begin : begin + count]
        self._last_ms = max(now_ms, self._last_ms + 1)
        rows[:, self._time] = np.frombuffer(format_time(self._last_ms)[:-1].encode(), dtype=np.uint8)
        self.made += len(rows)
        return rows.tobytes()

    def _fill_block(self) -> None:
        """Write everything but the time of the next packets."""
        numbers = np.arange(self.made, self.made + len(self._block), dtype=np.uint32)
        device = numbers % self._devices
        count = _write_six(numbers // self._devices)
        contents = (
            (device % len(SITES) + ord("0"))[:, None].astype(np.uint8),
            _write_six(device),
            (numbers % PACKET_IDS + 1).astype(">u2").view(np.uint8).reshape(-1, 2),
            *(count, count, count),
            *_write_noise(numbers),
        )
        for blank, content in zip(self._blanks, contents, strict=True):
            self._block[:, blank] = content


def _write_six(numbers: Numbers) -> NDArray[np.uint8]:
    """Return the last six digits of each number."""
    return np.hstack((_TRIPLES[numbers // 1_000 % 1_000], _TRIPLES[numbers % 1_000]))


def _write_noise(numbers: Numbers) -> list[NDArray[np.uint8]]:
    """Return three digits for each of four fields, so that values do not compress better than a meter's."""
    mixed = [numbers * np.uint32(mixer) for mixer in _MIXERS]
    return [_TRIPLES[part // power % 1_000] for part in mixed for power in (10**6, 10**3)]


def render_inventory(devices: int) -> dict[str, str]:
    """Return the inventory's files by name: one with the sites, and one for each thousand devices."""
    sites = "".join(
        f'[[site]]\nkey = "{site}"\ntitle = "{site}"\ncategory = "sports_hall"\nlatitude = 60.8\nlongitude = 10.7\n'
        f'area_m2 = 1000.0\n[[site.zone]]\nkey = "first"\ntitle = "1. etasje"\n\n'
        for site in SITES
    )
    parts = range(0, devices, FILE_DEVICES)
    return {"sites.toml": sites} | {
        f"devices-{first:06}.toml": "".join(map(_render_device, range(first, min(first + FILE_DEVICES, devices))))
        for first in parts
    }


def _render_device(number: int) -> str:
    return (
        f'[[device]]\nid = "{name_device(number)}"\ntype = "{TYPE}"\n'
        f'component = "+A=320.{number // 1_000:03}-OE{number % 1_000:03}"\n'
        f'placements = [{{ from = 2024-01-01, site = "{find_site(number)}", zone = "first" }}]\n\n'
    )


def write_inventory(folder: Path, devices: int) -> None:
    """Write the inventory's files into a folder that is there."""
    for name, text in render_inventory(devices).items():
        (folder / name).write_text(text, encoding="utf-8")
