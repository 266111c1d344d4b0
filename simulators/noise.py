"""Noise: numbers that look random and follow from a key and the number of a time slot alone.

The same key and slot give the same number in every process and in any order, so that a simulated device can be asked
about any moment without a history.
"""

import hashlib
import math

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def derive_key(seed: int, *names: str) -> int:
    """Return the 64-bit key of a stream of noise.

    Args:
        seed: The fleet's seed.
        names: What the stream is for, for example a device and a field.
    """
    text = "\x00".join((str(seed), *names)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def mix(key: int, slot: int) -> int:
    """Return 64 well-mixed bits of a key and a slot.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    """
    bits = (key + slot * _GAMMA) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def uniform(key: int, slot: int, low: float = 0.0, high: float = 1.0) -> float:
    """Return a number from ``low`` (included) to ``high`` (not included)."""
    return low + (high - low) * (mix(key, slot) >> 11) * 2.0**-53


def normal(key: int, slot: int) -> float:
    """Return a nearly normal number of mean 0 and deviation 1, never beyond 3.47 (Irwin-Hall sum of four)."""
    bits = mix(key, slot)
    total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (total / 65_535.0 - 2.0) * math.sqrt(3.0)


def drift(key: int, time_ms: int, period_ms: int) -> float:
    """Return a number from -1 to 1 that changes smoothly with time: uniform at each period, a cosine between."""
    slot, rest = divmod(time_ms, period_ms)
    before, after = uniform(key, slot, -1.0), uniform(key, slot + 1, -1.0)
    return before + (after - before) * (1.0 - math.cos(math.pi * rest / period_ms)) / 2.0
