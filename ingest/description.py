"""What devices tell of themselves by Home Assistant discovery, and the DeviceTypes that they may be. Pure.

The messages are retained at the broker, so that they can be listed at any time: a line each, topic, blank, payload, as
``mosquitto_sub -v`` writes them.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ingest.codec import CodecError
from ingest.payloads.home_assistant import Described, read_discovery
from ingest.type_proposal import Proposal, propose_types
from schemas.device_type import DeviceType
from schemas.reason import Reason
from schemas.validation import shorten

MOST_DEVICES = 10_000
"""Devices that are looked at: more are a fault, or somebody's play."""
_SHORTEST = 3  # levels of a topic: component, object, config; the root stands before them


class DescribedDevice(NamedTuple):
    """A device that describes itself.

    Attributes:
        id: Its identifier; what stands for it in the topic where it tells none.
        name: As people call it; empty for untold.
        product: Maker and model; likewise.
        values: What it tells, by topic and member.
        proposals: DeviceTypes that it may be, the likeliest first.
    """

    id: str
    name: str
    product: str
    values: tuple[Described, ...]
    proposals: tuple[Proposal, ...]


class NotRead(NamedTuple):
    """A line that describes nothing.

    Attributes:
        line: Number of the line, from 1.
        why: What is wrong with it.
    """

    line: int
    why: str


def read_descriptions(
    data: bytes, types: Mapping[str, DeviceType]
) -> tuple[tuple[DescribedDevice, ...], tuple[NotRead, ...]]:
    """Return the devices that lines of discovery describe, in the order of their first, and the lines that do not.

    Args:
        data: Lines of topic, blank and payload. Empty lines, and those without a payload, by which a description is
            taken back, are passed over.
        types: Every DeviceType by key.
    """
    told: dict[str, list[Described]] = {}
    wrong: list[NotRead] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        topic, _, payload = line.strip().partition(b" ")
        if not payload.strip():
            continue
        try:
            name, described = _read_line(topic.decode("utf-8", "replace"), payload)
        except CodecError as error:
            wrong.append(NotRead(number, error.detail))
            continue
        for one in described:
            device = one.device or name
            if device in told or len(told) < MOST_DEVICES:
                told.setdefault(device, []).append(one)
    return tuple(_describe(device, values, types) for device, values in told.items()), tuple(wrong)


def _read_line(topic: str, payload: bytes) -> tuple[str, list[Described]]:
    """Return what the topic calls what is described, and its values."""
    levels = topic.split("/")
    if len(levels) <= _SHORTEST or levels[-1] != "config":
        raise CodecError(
            Reason.UNRECOGNISED_PAYLOAD,
            f"{shorten(topic)} is no topic of discovery, <root>/<component>/[<node>/]<object>/config",
        )
    # With a node there is one level more; the component is the first behind a root of one level.
    component, name = levels[1], levels[-2]
    return name, read_discovery(component, name, payload)


def _describe(device: str, values: list[Described], types: Mapping[str, DeviceType]) -> DescribedDevice:
    first = values[0]
    product = " ".join(filter(None, (first.maker, first.model)))
    return DescribedDevice(device, first.name, product, tuple(values), tuple(propose_types(values, types)))
