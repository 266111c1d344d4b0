"""Mutation: what makes broken messages of good ones, for laws and for fuzzing; the same choices give the same."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

DEEP: Any = json.loads("[" * 40 + "1" + "]" * 40)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1e308, -1e308, 5e-324, 2**53, -(2**63), 2**64, 10**40),
    *("", "0", "-12.5", "2799 mm", "NaN", "\x00", "No Sensor", "ø" * 300, "9" * 400),
    *("1970-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2026-01-15"),
    *([], {}, [[]], {"": None}, DEEP),
)
"""Values that nobody expects."""
MOST = 4
"""Changes of one message."""


def mutate(payload: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a payload with a few changes: of bits, of stretches of bytes, or of values where it is JSON.

    Args:
        payload: Any bytes.
        others: What pieces of are put in, as they are.
        random: Makes the choices.
    """
    for _ in range(random.randint(1, MOST)):
        changed = _change_value(payload, random) if random.random() < 0.5 else None
        payload = random.choice(_CHANGES)(payload, random.choice(others), random) if changed is None else changed
    return payload


def _flip(payload: bytes, _: bytes, random: Random) -> bytes:
    if not payload:
        return payload
    at = random.randrange(len(payload))
    return payload[:at] + bytes([payload[at] ^ 1 << random.randrange(8)]) + payload[at + 1 :]


def _cut(payload: bytes, _: bytes, random: Random) -> bytes:
    begin, end = _choose_stretch(payload, random)
    return payload[:begin] + payload[end:]


def _insert(payload: bytes, _: bytes, random: Random) -> bytes:
    at = random.randint(0, len(payload))
    return payload[:at] + random.randbytes(random.randint(1, 8)) + payload[at:]


def _splice(payload: bytes, other: bytes, random: Random) -> bytes:
    begin, end = _choose_stretch(payload, random)
    first, last = _choose_stretch(other, random)
    return payload[:begin] + other[first:last] + payload[end:]


def _end(payload: bytes, _: bytes, random: Random) -> bytes:
    return payload[: random.randint(0, len(payload))]


_CHANGES: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (_flip, _cut, _insert, _splice, _end)


def _choose_stretch(payload: bytes, random: Random) -> tuple[int, int]:
    begin = random.randint(0, len(payload))
    return begin, random.randint(begin, len(payload))


def _change_value(payload: bytes, random: Random) -> bytes | None:
    """Return JSON with another value, name or order somewhere; None for what is no JSON."""
    try:
        root = [json.loads(payload)]
    except (ValueError, RecursionError):
        return None
    holder, key = random.choice([*_list_places(root)])
    action = random.randrange(6)
    if action == 0 and holder is not root:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[random.choice((key.upper(), key + "_", "", "time", "a.b"))] = holder.pop(key)
    elif action == 2:
        other, name = random.choice([*_list_places(root)])
        holder[key] = json.loads(json.dumps(other[name]))
    else:
        holder[key] = random.choice(ODD)
    return json.dumps(root[0]).encode()


def _list_places(root: list[Any]) -> list[tuple[Any, Any]]:
    """Return every place where there is a value: what holds it, and its name or index."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found
