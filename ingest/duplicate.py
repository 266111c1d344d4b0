"""What is new in a reading of a time that its device has been heard of before. Pure: memory in, fields out."""

from typing import NamedTuple

from ingest.batch import Point
from ingest.codec import Fields, Reader, RefusedError
from ingest.memory import ANY_FIELD, DeviceMemory, Values
from schemas.reason import Reason
from schemas.validation import Refusal


class Novelty(NamedTuple):
    """What is new in a reading.

    Attributes:
        fields: That are stored.
        conflicts: Fields that are not, because their time has another value already.
        point: What storing them does to the number of points.
    """

    fields: Fields
    conflicts: tuple[Refusal, ...]
    point: Point


def find_novelty(memory: DeviceMemory, time_ms: int, fields: Fields, digest: int, read: Reader) -> Novelty | None:
    """Return what is new in a reading that is not newer than its device's newest; None for a duplicate.

    A sequence number never costs a reading its other fields: a meter sends several lists in one second, each with its
    own. Alone it makes no reading either: where everything else is known already, another one is a conflict.

    Args:
        memory: What is remembered of the device.
        time_ms: Event time of the reading in milliseconds.
        fields: What it would store.
        digest: Of its payload.
        read: Reads payloads of the device.

    Raises:
        RefusedError: Something in it contradicts what was accepted for that time, and nothing is new (CONFLICT).
    """
    if memory.is_repeated(time_ms, digest):
        return None
    known = memory.find_known(time_ms, read)
    if not known:
        # A time that was given to a refused payload certainly has no point yet; one that was forgotten may have.
        return Novelty(fields, (), Point.NEW if memory.is_given(time_ms) else Point.LATE)
    fresh, conflicts = split_fields(known, fields)
    if any(name != "seq" for name in fresh) or (fresh and not conflicts):
        return Novelty(fresh, conflicts, Point.JOINED)
    if conflicts:
        raise RefusedError(Reason.CONFLICT, "; ".join(refusal.detail for refusal in conflicts))
    return None


def split_fields(known: Values, fields: Fields) -> tuple[Fields, tuple[Refusal, ...]]:
    """Return the fields that a time does not have yet, and refusals of those that it may have with another value."""
    if ANY_FIELD in known:
        return {}, tuple(_refuse(name, None) for name in fields)
    fresh = {name: value for name, value in fields.items() if name not in known}
    conflicts = tuple(
        _refuse(name, known[name]) for name, value in fields.items() if name in known and known[name] != value
    )
    return fresh, conflicts


def _refuse(name: str, known: float | bool | None) -> Refusal:  # noqa: FBT001 - the value of a field, not a switch
    detail = f"{name} has a value at that time already"
    return Refusal(name, Reason.CONFLICT, f"{detail}, {known}" if known is not None else detail)
