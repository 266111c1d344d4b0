"""Replay: a recording published as the readings of one device, in the unit of its field."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.codec import Observation
from ingest.codecs.native import CODEC
from ingest.inventory import Device, Inventory
from ingest.payloads.written_unit import read_unit
from schemas.device_type import Clock, DeviceType
from schemas.units import UNITS, UnitError, convert
from simulators.device import name_topic
from simulators.errors import ReplayError
from simulators.publisher import Answer, BrokerAddress, Outgoing, Publisher
from simulators.recording import Sample
from simulators.stop import Stop
from simulators.tally import Tally


@dataclass(frozen=True, slots=True)
class Part:
    """What a recording is replayed as.

    Attributes:
        device: From the inventory.
        device_type: Of it.
        field: Name of the field that gets the values.
        unit: UCUM code of the unit that the recording is in.
        prefix: Beginning of the topic.
    """

    device: Device
    device_type: DeviceType
    field: str
    unit: str
    prefix: str


def cast_part(
    inventory: Inventory, types: Mapping[str, DeviceType], device: str, field: str, unit: str, prefix: str
) -> Part:
    """Return the part that a recording can play.

    Args:
        inventory: Holds the device.
        types: DeviceTypes by key.
        device: Its id.
        field: Name of a field of its DeviceType.
        unit: UCUM code of the recording's unit, or the unit as people write it.
        prefix: Beginning of the topic.

    Raises:
        ReplayError: The device, field or unit is not known, they do not fit, or one field does not make a reading.
    """
    found = inventory.devices.get(device)
    if found is None:
        raise ReplayError(f"no device {device} is in the inventory; add it, with placements that cover the recording")
    device_type = types[found.type_key]
    if field not in device_type.fields:
        known = ", ".join(device_type.fields)
        raise ReplayError(f"{device} is of type {device_type.key}, which has no field {field!r}; it has {known}")
    if device_type.fields[field].is_state:
        raise ReplayError(f"field {field} of {device_type.key} is on or off; a recording of numbers cannot be that")
    if device_type.clock is Clock.RECEIVED:
        raise ReplayError(f"readings of {device_type.key} get the time of receipt; a recording would lose its times")
    others = [name for name, other in device_type.fields.items() if other.required and name != field]
    if others:
        raise ReplayError(
            f"a reading of {device_type.key} needs {', '.join(others)} as well; replay to a device of a type that "
            f"needs {field} alone"
        )
    code = find_unit_code(unit)
    try:
        convert(0.0, code, device_type.fields[field].measures.unit)
    except UnitError as error:
        raise ReplayError(f"--unit {unit} does not fit field {field} of {device_type.key}: {error}") from None
    return Part(found, device_type, field, code, prefix)


def find_unit_code(text: str) -> str:
    """Return the UCUM code of a unit that is given by it, or as people write it (``°F``, ``mph``).

    Raises:
        ReplayError: No unit is written so.
    """
    code = read_unit(text)
    if code not in UNITS:
        raise ReplayError(f"unit {text!r} is not known; known units: {', '.join(sorted(UNITS))}")
    return code


def make_messages(part: Part, samples: Sequence[Sample]) -> Iterator[Outgoing]:
    """Yield a message for each sample, in order; sequence numbers begin at 0.

    Values are sent with every digit that a double has.

    Raises:
        ReplayError: The device was not placed anywhere at a sample's time, or its value is lost in conversion.
    """
    target = part.device_type.fields[part.field].measures.unit
    for seq, sample in enumerate(samples):
        placement = part.device.find_placement(sample.time_ms)
        value = convert(sample.value, part.unit, target)
        observation = Observation({part.field: value}, sample.time_ms, seq)
        if placement is None:
            raise ReplayError(
                f"line {sample.line}: {part.device.id} was not placed anywhere then; give it a placement in the "
                "inventory that covers the recording"
            )
        if not math.isfinite(value):
            raise ReplayError(f"line {sample.line}: {sample.value} is too large in {target}")
        yield Outgoing(name_topic(part.prefix, placement.site, part.device.id), CODEC.encode(observation), seq)


class Replay:
    """One run of a recording.

    Args:
        messages: What to publish.
        samples: The samples that they were made of, for their times.
        speed: 0 as fast as the broker takes them, 1 in real time, 60 sixty times as fast.
        tally: Is told of every message.
    """

    def __init__(self, messages: Sequence[Outgoing], samples: Sequence[Sample], speed: float, tally: Tally) -> None:
        self._messages = messages
        self._samples = samples
        self._speed = speed
        self._tally = tally
        self._stop = Stop()

    def stop(self) -> None:
        """Publish no more, and end when the answers that are due have come or take too long."""
        self._stop.ask()

    def abandon(self) -> None:
        """End at once, whatever is unanswered."""
        self._stop.abandon()

    async def run(self, broker: BrokerAddress, device: str, username: str, password: str | None) -> None:
        """Publish all messages and wait for their answers; what is unanswered in the end stays so in the tally.

        Args:
            broker: Where to.
            device: Id of the device, for the tally.
            username: Account that may publish its readings.
            password: Of the account.

        Raises:
            PublishError: The broker cannot be reached, or refuses the account.
        """

        def take(answer: Answer) -> None:
            self._tally.answer(device, answer.outgoing.seq, refused=answer.refused)

        publisher = Publisher(broker, username, password, take)
        async with self._stop.bounded(), publisher.connected():
            begun = asyncio.get_running_loop().time()
            for message, sample in zip(self._messages, self._samples, strict=True):
                if await self._wait_for_turn(begun, sample):
                    break
                self._tally.publish(device, message.payload)
                await publisher.publish(message)
            await publisher.drain()

    async def _wait_for_turn(self, begun: float, sample: Sample) -> bool:
        """Wait until a sample is due, and return whether the end was asked for."""
        if not self._speed:
            return self._stop.is_asked
        due = begun + (sample.time_ms - self._samples[0].time_ms) / 1000 / self._speed
        return await self._stop.wait(due - asyncio.get_running_loop().time())
