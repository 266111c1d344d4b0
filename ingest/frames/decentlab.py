"""Frames of Decentlab's sensors, protocol version 2, and what they are called in network servers.

A frame is a version byte, a device id of 16 bits, flags of 16 bits, and for each flag that is set, from the lowest, a
block of 16-bit words; big endian throughout (https://www.decentlab.com/support, "LoRaWAN payload"). Which words a
block has and what they mean the data sheet of each product says; a block is missing when its sensor was not asked
or did not answer, so the shortest frame tells the battery only.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ingest.frames.broken_frame import refuse
from ingest.frames.mounting import read_metres
from ingest.frames.octets import Octets
from ingest.model import Decoded, Take
from ingest.source import Frame, Plain

_VERSION = 2
_DIGITS = 5
"""Decimals that are kept; the sensors have fewer."""

Complete = Callable[[dict[str, Plain], Mapping[str, float]], None]
"""As ``complete`` of a Model."""

Words = Sequence[int]
"""16-bit words of one block, unsigned."""


class Block(NamedTuple):
    """What one flag stands for.

    Attributes:
        size: In words.
        values: By name, how they are made of the words.
    """

    size: int
    values: Mapping[str, Callable[[Words], float]]


BATTERY = Block(1, {"battery_voltage": lambda words: words[0] / 1000})
"""In volts; every product has it."""


def _find_illuminance(words: Words) -> float:
    """Return lux from the visible and infrared, and the infrared channel."""
    both, infrared = words
    return max(both - 1.64 * infrared, 0.59 * both - 0.86 * infrared, 0.0) * 1.5504


INDOOR_AMBIENCE = (
    BATTERY,
    Block(
        2,
        {
            "air_temperature": lambda words: 175 * words[0] / 65535 - 45,
            "air_humidity": lambda words: 100 * words[1] / 65535,
        },
    ),
    Block(1, {"barometric_pressure": lambda words: words[0] * 2}),  # pascals
    Block(2, {"illuminance": _find_illuminance}),
    Block(3, {"co2_concentration": lambda words: words[0] - 32768}),
    Block(1, {"activity_counter": lambda words: words[0]}),
    Block(1, {"total_voc": lambda words: words[0]}),  # parts per billion
)
"""Blocks of DL-IAM."""

_DISTANCE = (
    Block(2, {"distance": lambda words: words[0], "number_of_valid_samples": lambda words: words[1]}),  # millimetres
    BATTERY,
)
"""Blocks of DL-MBX."""


def read_decentlab(frame: Frame, blocks: Sequence[Block]) -> list[Decoded]:
    """Return what a frame says.

    Args:
        frame: As it came.
        blocks: Of the product, in the order of the flags.

    Raises:
        CodecError: It is of another version, has a flag that the product does not have, or another length than its
            flags say (BROKEN_FRAME).
    """
    octets = Octets(frame.body)
    if (version := octets.take(">B")) != _VERSION:
        refuse(frame, f"the protocol's version is {version}, not {_VERSION}")
    octets.take(">H")  # the device's own number: the network server has a better one
    flags = octets.take(">H")
    if flags >> len(blocks):
        refuse(frame, f"flags {flags:#06x} are more than the {len(blocks)} of the product")
    members: dict[str, Plain] = {}
    for number, block in enumerate(blocks):
        if flags >> number & 1:
            words = [octets.take(">H") for _ in range(block.size)]
            members |= {name: round(find(words), _DIGITS) for name, find in block.values.items()}
    if octets.left:
        refuse(frame, f"{octets.left} bytes are left after the last block")
    return [Decoded(members)]


def name_values(takes: Mapping[str, Take]) -> Mapping[str, Take]:
    """Return the names of our reader and those of the maker's decoder, which wraps each value in an object."""
    return MappingProxyType({**takes, **{f"{name}.value": take for name, take in takes.items()}})


def decode_distance(frame: Frame) -> list[Decoded]:
    """Return what a frame of a DL-MBX says; raises as ``read_decentlab``."""
    return read_decentlab(frame, _DISTANCE)


def take_distance(surface: Take) -> Mapping[str, Take]:
    """Return what is taken of a DL-MBX.

    Args:
        surface: Of what is under it, which the Model makes of the distance; the field's name is the member's too.
    """
    distance, voltage = Take("distance", "mm"), Take("voltage", "V")
    return name_values({surface.field: surface, "distance": distance, "battery_voltage": voltage})


def complete_distance(name: str, find: Callable[[float, float], float | None]) -> Complete:
    """Return what makes a member of the distance of a DL-MBX and the parameter ``mount_height``.

    Args:
        name: Of the member.
        find: Its value for a distance and the height of the sensor, in metres; None where there is none.
    """

    def complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
        distance = _find_distance(members)
        if distance is not None:
            members[name] = find(distance, parameters["mount_height"])

    return complete


def _find_distance(members: dict[str, Plain]) -> float | None:
    """Return the distance of a DL-MBX in metres, whichever it is called; None where no sample was valid.

    Args:
        members: As they came; loses a distance that is not valid.
    """
    for end in ("", ".value"):
        if members.get(f"number_of_valid_samples{end}") == 0:
            members.pop(f"distance{end}", None)
        distance = read_metres(members.get(f"distance{end}"), "mm")
        if distance is not None:
            return distance
    return None


TAKE_INDOOR_AMBIENCE = name_values(
    {
        "air_temperature": Take("temperature", "Cel"),
        "air_humidity": Take("humidity", "%"),
        "barometric_pressure": Take("pressure", "Pa"),
        "illuminance": Take("illuminance", "lx"),
        "co2_concentration": Take("co2", "[ppm]"),
        "activity_counter": Take("motion"),
        "battery_voltage": Take("voltage", "V"),
    }
)
"""Of a DL-IAM, whatever kind of room it is in."""


def decode_indoor_ambience(frame: Frame) -> list[Decoded]:
    """Return what a frame of a DL-IAM says; raises as ``read_decentlab``."""
    return read_decentlab(frame, INDOOR_AMBIENCE)
