"""Sample: a reading as a struct of its DeviceType, which is what goes down a Lane.

It is made by one call, looked at and written without being taken apart; a dictionary takes twice as long. A device
nearly always sends the same fields, so there is a struct for each combination of them that was met: what it takes has
these and no others, and nothing needs to be asked of it.
"""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct
from msgspec.structs import asdict

from ingest.codec import Codec, Sampled, Sampler
from ingest.name_sets import Names, NameSets
from schemas.device_type import DeviceType

GREATEST_SEQ = 2**53 - 1
"""Beyond it a sequence number would not survive as a float, which is what InfluxDB stores."""
MOST_SAMPLERS = 64
"""Combinations of fields of a DeviceType that have a struct of their own: anyone may send any."""

Member = tuple[str, Any] | tuple[str, Any, Any]
"""Of a struct: name, type, and a default where it may be missing."""


def list_members(device_type: DeviceType) -> Names:
    """Return the names of the members that a Sample may have, in order: the fields, ``seq``."""
    return (*device_type.fields, "seq")


def define_sample(device_type: DeviceType, names: Names | None, others: tuple[Member, ...]) -> type[Struct]:
    """Return the struct that msgspec makes of a JSON object with a Sample's members, and of no other object.

    Numbers must be numbers within their bounds, states true or false.

    Args:
        device_type: Whose.
        names: Members that must be there, and no others; None for all that may be, of which those that are missing are
            UNSET then.
        others: Members behind them, which are not written where they are UNSET or their default.
    """
    members: list[Member] = []
    for name in list_members(device_type) if names is None else names:
        kind, is_required = _describe(device_type, name)
        is_required = is_required or names is not None
        members.append((name, kind) if is_required else (name, kind | UnsetType, UNSET))
    return defstruct(
        device_type.key or "sample",
        [*members, *others],
        forbid_unknown_fields=True,
        omit_defaults=True,
        kw_only=True,
        gc=False,
    )


def _describe(device_type: DeviceType, name: str) -> tuple[Any, bool]:
    """Return a member's type, and whether it must be there."""
    field = device_type.fields.get(name)
    if field is None:
        return Annotated[int, Meta(ge=0, le=GREATEST_SEQ)], False
    low, high = field.bounds
    return bool if field.is_state else Annotated[float, Meta(ge=low, le=high)], field.required


class Samplers:
    """The Samplers of a DeviceType: one for each combination of fields that was met. Made by ``make_samplers``.

    Args:
        members: That a Sample may have, in order.
        sample: Takes payloads with whatever members they have.
        prepare: Makes the Sampler of payloads with some members and no others.
        sets: What numbers the names.

    Attributes:
        whole: Takes payloads with all members.
        whole_number: Of their names.
    """

    def __init__(self, members: Names, sample: Sampler, prepare: Callable[[Names], Sampler], sets: NameSets) -> None:
        self._members = members
        self._sample = sample
        self._prepare = prepare
        self._sets = sets
        self.whole_number = sets[members]
        sets.held.add(self.whole_number)
        self.whole = prepare(members)
        self._samplers = {self.whole_number: self.whole}

    def take(self, payload: bytes) -> tuple[Sampled, int]:
        """Return what a payload says, whatever fields it has, and the number of the names of its members.

        Raises:
            ValueError: It is not sure what it says, or it has no field.
        """
        found = self._sample(payload)
        values = asdict(found[0])
        names = tuple(name for name in self._members if values.get(name, UNSET) is not UNSET)
        if names in {(), ("seq",)}:
            raise ValueError("it has no field")
        return found, self._sets[names]

    def find(self, number: int) -> Sampler | None:
        """Return the Sampler of payloads with the members of this number and no others; None where there are many."""
        if number not in self._samplers and len(self._samplers) < MOST_SAMPLERS:
            self._samplers[number] = self._prepare(self._sets.names[number])
            self._sets.held.add(number)
        return self._samplers.get(number)


def make_samplers(device_type: DeviceType, codec: Codec, sets: NameSets) -> Samplers | None:
    """Return the Samplers of a DeviceType; None where its codec has no quick way.

    Args:
        device_type: Which.
        codec: Of the payloads.
        sets: What numbers the names.
    """
    prepare = codec.prepare_samplers(device_type)
    if prepare is None:
        return None
    return Samplers(list_members(device_type), prepare(None), prepare, sets)
