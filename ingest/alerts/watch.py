"""Watch: a Rule prepared for the hot path, with where it stands for each subject. Pure."""

import sys
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from ingest.alerts.standing import Standing
from ingest.inventory import Device, Site
from schemas.derivation import Given
from schemas.rule import Level, Rule, Subjects

NOWHERE = Site("", "", "", 0.0, 0.0, None, {}, ())
"""Stands for the Site of a device that the inventory does not have."""


class Watch(NamedTuple):
    """A Rule for the devices for which it has the same Levels.

    Attributes:
        rule: The condition.
        levels: The mildest first.
        low: A value from here,
        high: up to here is good; both finite, so that derivations can remember them.
        standing: Of the Rule, shared by all its Watches.
    """

    rule: Rule
    levels: tuple[Level, ...]
    low: float
    high: float
    standing: Standing


_MOST = sys.float_info.max


def find_limits(levels: Sequence[Level]) -> tuple[float, float]:
    """Return between which values, these included, a value is good; no finite value is beyond one that is missing."""
    return max(levels[0].low, -_MOST), min(levels[0].high, _MOST)


LAYOUT = 3
"""To be counted up where any derivation remembers something else than before: what is on disk says nothing to it."""


def digest_watch(rule: Rule) -> int:
    """Return a checksum of what a Rule makes of readings: what it remembers says nothing to another one."""
    what = (LAYOUT, rule.device_type, rule.field, rule.derivation, rule.group, rule.reference)
    return zlib.crc32(repr(what).encode())


def is_plain(rule: Rule) -> bool:
    """Whether a Rule judges each device's own values, and nothing that is made of them."""
    return not is_joint(rule) and isinstance(rule.derivation, Given)


def is_joint(rule: Rule) -> bool:
    """Whether what a Rule judges is made of the values of several devices."""
    return rule.group is not None or rule.reference is not None


def choose_levels(rule: Rule, device: Device, site: Site) -> tuple[Level, ...]:
    """Return the Levels of a Rule for a device at a site; none where it does not watch it."""
    if rule.reference is not None and rule.reference.device == device.id:
        return rule.levels  # it is heard, wherever it is
    if not _is_meant(rule.subjects, device, site):
        return ()
    return next((one.levels for one in rule.overrides if _is_meant(one.subjects, device, site)), rule.levels)


def _is_meant(subjects: Subjects, device: Device, site: Site) -> bool:
    return (
        (not subjects.sites or site.key in subjects.sites)
        and (not subjects.categories or site.category in subjects.categories)
        and (not subjects.devices or device.id in subjects.devices)
        and (not subjects.tags or not subjects.tags.isdisjoint(device.tags))
    )
