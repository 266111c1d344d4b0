"""Refrigeration: the temperature of a cooled room or cabinet that people open, and that fails at times.

An opening of the door and a compressor that stops are both a Warming: while it lasts, the air in the cabinet closes in
on the air of the room, and afterwards it is cooled again, each with a time constant of its own (Newton's law of
cooling). What several leave behind adds up.
"""

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

from simulators.attendance import Attendance
from simulators.days import DAY_MS, HOUR_MS, MINUTE_MS, read_clock, read_profile
from simulators.model import Surroundings
from simulators.noise import normal, uniform
from simulators.stories import Story

ROOM = 21.0
"""Temperature of the room around, in degrees Celsius."""
OPENINGS = (2, 2, 2, 2, 2, 8, 40, 75, 60, 45, 55, 95, 85, 60, 55, 70, 90, 60, 40, 30, 18, 8, 4, 2)
"""How likely the door is opened in ``VISIT_MS`` by the hour of the wall clock, in percent, while the house is full."""
VISIT_MS = 10 * MINUTE_MS
VISITS_FELT = 12
"""After so many the cabinet has forgotten an opening."""
VISIT_S = (8.0, 70.0)
"""How long an opening lasts, in seconds."""
MISHAP_HOURS = (5.0, 17.0)
"""Between these hours of UTC something begins to go wrong, when it does: while people can be called."""
FORGOTTEN_SHARE = 1 / 60
"""Share of days on which a door is left ajar."""
OFTEN_FORGOTTEN_SHARE = 1 / 3
"""The same where the door does not close by itself."""
FORGOTTEN_H = (0.5, 1.6)
STOPPED_SHARE = 1 / 5
"""Share of days on which a worn compressor stops until it has cooled down."""
STOPPED_H = (4.0, 9.0)
DEFROST_MS, DEFROSTING_MS = 8 * HOUR_MS, 15 * MINUTE_MS
"""How often it is defrosted, and how long."""


class Cabinet(NamedTuple):
    """What a cooled room or cabinet is like.

    Attributes:
        setpoint: Lowest and highest mean temperature with the door shut, in degrees Celsius.
        swing: What the compressor's cycle moves it to either side, in degrees.
        cycle_min: Shortest and longest cycle, in minutes.
        defrost: What defrosting warms it, in degrees; 0 where it has none.
        open_h: Time constant of warming with the door open, in hours.
        stopped_h: Time constant of warming while the compressor stands, in hours.
        cooling_h: Time constant of cooling afterwards, in hours.
    """

    setpoint: tuple[float, float]
    swing: float
    cycle_min: tuple[float, float]
    defrost: float
    open_h: float
    stopped_h: float
    cooling_h: float


class Warming(NamedTuple):
    """A time in which a cabinet is not kept cold.

    Attributes:
        start_ms: Milliseconds since 1970 in UTC.
        end_ms: Likewise.
        hours: Time constant with which it closes in on the room, in hours.
    """

    start_ms: float
    end_ms: float
    hours: float


class Refrigeration:
    """The cold of one simulated device.

    Args:
        surroundings: Of the device.
        cabinet: What it stands in.
    """

    def __init__(self, surroundings: Surroundings, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._attendance = Attendance(surroundings.site)
        self._setpoint = surroundings.choose("setpoint", *cabinet.setpoint)
        self._cycle_ms = round(surroundings.choose("cycle", *cabinet.cycle_min) * MINUTE_MS)
        self._phase_ms = round(surroundings.choose("phase", 0.0, float(DEFROST_MS)))
        self._forgotten_share = OFTEN_FORGOTTEN_SHARE if surroundings.story is Story.DOOR_LEFT_OPEN else FORGOTTEN_SHARE
        self._stopped_share = STOPPED_SHARE if surroundings.story is Story.WORN_COMPRESSOR else 0.0
        self._noise, self._visits = surroundings.key("noise"), surroundings.key("visits")
        self._forgotten, self._stops = surroundings.key("forgotten"), surroundings.key("stops")
        self._list_visit = functools.lru_cache(maxsize=2 * VISITS_FELT)(self._make_visit)

    def temperature(self, time_ms: int) -> float:
        """Return the temperature of its air in degrees Celsius."""
        hours = self._cabinet.stopped_h
        stops = _list_mishaps(self._stops, time_ms, self._stopped_share, STOPPED_H, hours)
        warmed = sum(self._warm(one, time_ms) for one in (*self._list_openings(time_ms), *stops))
        cold = self._setpoint + self._cycle(time_ms) + self._defrost(time_ms)
        wobble = 0.06 * normal(self._noise, time_ms // MINUTE_MS)
        return cold + min(1.0, warmed) * (ROOM - self._setpoint) + wobble

    def is_open(self, time_ms: int) -> bool:
        """Whether its door is open."""
        return any(one.start_ms <= time_ms < one.end_ms for one in self._list_openings(time_ms))

    def _warm(self, warming: Warming, time_ms: int) -> float:
        """Return the share of the way to the room's temperature that a Warming has left at a moment."""
        if time_ms <= warming.start_ms:
            return 0.0
        lasted_h = (min(time_ms, warming.end_ms) - warming.start_ms) / HOUR_MS
        since_h = max(0.0, time_ms - warming.end_ms) / HOUR_MS
        return (1.0 - math.exp(-lasted_h / warming.hours)) * math.exp(-since_h / self._cabinet.cooling_h)

    def _list_openings(self, time_ms: int) -> Iterator[Warming]:
        """Yield the openings of the door that may still be felt: of people who fetch something, and forgotten ones."""
        now = time_ms // VISIT_MS
        for slot in range(now - VISITS_FELT, now + 1):
            yield from self._list_visit(slot)
        hours = self._cabinet.open_h
        yield from _list_mishaps(self._forgotten, time_ms, self._forgotten_share, FORGOTTEN_H, hours)

    def _make_visit(self, slot: int) -> tuple[Warming, ...]:
        """Return the opening of one ``VISIT_MS``, if there is one."""
        chance = uniform(self._visits, 3 * slot)
        if chance >= max(OPENINGS) / 100.0 or chance >= self._openings(slot * VISIT_MS):
            return ()
        length_ms = 1000.0 * uniform(self._visits, 3 * slot + 1, *VISIT_S)
        start_ms = slot * VISIT_MS + uniform(self._visits, 3 * slot + 2, 0.0, VISIT_MS - length_ms)
        return (Warming(start_ms, start_ms + length_ms, self._cabinet.open_h),)

    def _openings(self, time_ms: int) -> float:
        return read_profile(OPENINGS, read_clock(time_ms)) / 100.0 * self._attendance.share(time_ms)

    def _cycle(self, time_ms: int) -> float:
        """Return the compressor's sawtooth: it cools for a third of a cycle and stands for the rest."""
        part = (time_ms + self._phase_ms) % self._cycle_ms / self._cycle_ms
        return self._cabinet.swing * (1.0 - 6.0 * part if part < 1 / 3 else 3.0 * part - 2.0)

    def _defrost(self, time_ms: int) -> float:
        """Return what is left of the last defrosting: a quarter of an hour up, and as long a time constant down."""
        since = (time_ms + self._phase_ms) % DEFROST_MS / DEFROSTING_MS
        return self._cabinet.defrost * (since if since < 1.0 else math.exp(1.0 - since))


def _list_mishaps(
    key: int, time_ms: int, share: float, length_h: tuple[float, float], hours: float
) -> Iterator[Warming]:
    """Yield what went wrong today and yesterday, in days of UTC.

    Args:
        key: Of its noise.
        time_ms: The moment.
        share: Share of days on which it does.
        length_h: Shortest and longest time that it lasts, in hours.
        hours: Time constant of the Warming, in hours.
    """
    today = time_ms // DAY_MS
    for day in (today - 1, today):
        if uniform(key, 3 * day) < share:
            start_ms = day * DAY_MS + uniform(key, 3 * day + 1, *MISHAP_HOURS) * HOUR_MS
            yield Warming(start_ms, start_ms + uniform(key, 3 * day + 2, *length_h) * HOUR_MS, hours)
