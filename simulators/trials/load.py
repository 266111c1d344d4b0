"""Load: what the devices of a trial publish. Pure: the seed gives every byte, and what alerts must come of it.

Devices with a clock measure rooms, and get cold now and then so that alerts fire and clear; some devices have no clock.
Event times are synthetic, one step apart, and end before the trial begins: how fast a load runs changes nothing of
what must come of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from devices import load_device_types
from ingest.codec import Observation
from ingest.event_time import format_time
from schemas.device_type import DeviceType
from simulators.device import name_topic
from simulators.faults import KINDS, KINDS_OF_TIME

PREFIX = "gjovik"
SITES = ("hall", "annex")
CLOCKED, CLOCKLESS = "indoor_climate", "street_light"
CLOCKLESS_EVERY = 6
"""Of so many devices one has no clock."""
STEP_MS = 400
HOUR_MS = 3_600_000
JUMP_SHIFT_MS = STEP_MS // 2
"""Keeps the times of a clock that jumped apart from those of a clock that did not."""
CONFLICTING = "humidity"
"""Field that only type-conflicting readings have."""
JUDGED_FAULTS = frozenset({"unknown_field"})
"""Faults that cost a field and leave a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is peculiar about a load; shares are 0 to 1.

    Attributes:
        faults: Share of messages that are bad input of every kind.
        conflicts: Share of readings that InfluxDB refuses for a field of another type.
        copies: Share of readings that are published twice.
        swaps: Share of readings that are published after their successor.
        retained: Share of readings that are published retained.
        jumps: Share of readings at which the device's clock jumps by an hour, for some readings.
        is_recent: Whether event times end a minute ago; else an hour and more ago.
    """

    faults: float = 0.0
    conflicts: float = 0.0
    copies: float = 0.0
    swaps: float = 0.0
    retained: float = 0.0
    jumps: float = 0.0
    is_recent: bool = True


class Sensor(NamedTuple):
    """A device of a trial.

    Attributes:
        id: In the inventory, which is also its account.
        type_key: Key of its DeviceType.
        site: Where it is.
    """

    id: str
    type_key: str
    site: str

    @property
    def has_clock(self) -> bool:
        """Whether its readings have a time of their own."""
        return self.type_key == CLOCKED

    @property
    def topic(self) -> str:
        """Where it publishes."""
        return name_topic(PREFIX, self.site, self.id)


class Item(NamedTuple):
    """One message to publish.

    Attributes:
        seq: Its sequence number.
        payload: Bytes.
        retain: Whether the broker shall keep it.
        time_ms: Event time; None without a clock, and for bad input.
        temperature: That an alert is judged by; None for none.
        is_fault: Whether it is bad input.
    """

    seq: int
    payload: bytes
    retain: bool
    time_ms: int | None
    temperature: float | None
    is_fault: bool


class Step(NamedTuple):
    """Messages that belong together.

    Attributes:
        fresh: Those that are new, by sequence number.
        sending: In the order in which they are published; a copy is in it twice.
    """

    fresh: Sequence[Item]
    sending: Sequence[Item]


def make_sensors(count: int) -> list[Sensor]:
    """Return so many devices, spread over the sites."""
    return [
        Sensor(f"device-{n + 1}", CLOCKLESS if n % CLOCKLESS_EVERY == 1 else CLOCKED, SITES[n % len(SITES)])
        for n in range(count)
    ]


def find_begin_ms(now_ms: int, count: int, traits: Traits) -> int:
    """Return the event time of the first of so many readings of a device, on a whole second."""
    end_ms = now_ms - (60_000 if traits.is_recent else 3 * HOUR_MS)
    return (end_ms - count * STEP_MS) // 1000 * 1000


def render_inventory(sensors: Sequence[Sensor]) -> str:
    """Return the inventory's file."""
    sites = [
        f'[[site]]\nkey = "{site}"\ntitle = "{site.title()}"\ncategory = "sports_hall"\nlatitude = 60.8\n'
        f'longitude = 10.7\narea_m2 = 1000.0\n[[site.zone]]\nkey = "first"\ntitle = "1. etasje"\n'
        for site in SITES
    ]
    parts = [
        f'[[device]]\nid = "{one.id}"\ntype = "{one.type_key}"\ncomponent = "+A=360.001-RT{number:03d}"\n'
        f'placements = [{{ from = 2024-01-01, site = "{one.site}", zone = "first" }}]\n'
        for number, one in enumerate(sensors, start=1)
    ]
    return "\n".join([*sites, *parts])


RULES: Mapping[str, str] = {
    "room-too-cold": """
device_type = "indoor_climate"
field = "temperature"
unit = "Cel"
below = 17.0
clear = 18.0
for = "1s"
severity = "warning"
text = "Rommet er for kaldt"

[[example]]
series = [[0, 20.0], [10, 16.0], [20, 16.0], [30, 18.0]]
fires = 20
clears = 30
""",
    "room-freezing": """
device_type = "indoor_climate"
field = "temperature"
unit = "Cel"
below = 14.0
clear = 17.0
for = "0s"
severity = "critical"
text = "Rommet kan fryse"

[[example]]
series = [[0, 20.0], [10, 13.0], [20, 18.0]]
fires = 10
clears = 20
""",
}
"""Texts of the alert rules by key."""


class _Weather:
    """Temperatures of one room: twenty degrees, now and then a spell of cold."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left = 0

    def next(self) -> float:
        draw = self._random.random()
        if self._left > 0:
            self._left -= 1
            return round(17.0 + draw if draw < 0.2 else 12.0 + 4.5 * draw, 2)  # noqa: PLR2004 - a fifth is in between
        if draw < 0.01:  # noqa: PLR2004 - every hundredth reading begins a spell
            self._left = self._random.randrange(1, 12)
        return round(19.0 + 3.0 * draw, 2)


def make_steps(sensor: Sensor, seed: int, count: int, begin_ms: int, traits: Traits) -> Iterator[Step]:
    """Yield what a device publishes.

    Args:
        sensor: The device.
        seed: Of the trial.
        count: How many messages.
        begin_ms: Event time of the first.
        traits: What is peculiar about the load.
    """
    random = Random(f"{seed} {sensor.id}")  # noqa: S311 - a simulation, not a secret
    items = _make_items(sensor, random, count, begin_ms, traits)
    for item in items:
        fresh = [item]
        if sensor.has_clock and random.random() < traits.swaps and (follower := next(items, None)) is not None:
            fresh.append(follower)
        sending = fresh[::-1]
        # Two messages of the same bytes without a time are two readings, so only a clock makes a copy.
        if sensor.has_clock and item.time_ms is not None and random.random() < traits.copies:
            sending = [*sending, item]
        yield Step(fresh, sending)


def _make_items(sensor: Sensor, random: Random, count: int, begin_ms: int, traits: Traits) -> Iterator[Item]:
    weather = _Weather(random)
    device_type = load_device_types()[sensor.type_key]
    jump_left, jump_ms = 0, 0
    for seq in range(count):
        time_ms = begin_ms + seq * STEP_MS
        jump_left = max(0, jump_left - 1)
        if jump_left == 0 and random.random() < traits.jumps:
            jump_left, jump_ms = random.randrange(1, 9), random.choice((-HOUR_MS, HOUR_MS)) + JUMP_SHIFT_MS
        if jump_left > 0:
            time_ms += jump_ms
        retain = random.random() < traits.retained
        if random.random() < traits.faults:
            yield _make_fault(sensor, random, seq, time_ms, device_type)
        elif not sensor.has_clock:
            text = json.dumps({"on": seq % 2 == 0, "power": seq % 500, "seq": seq})
            yield Item(seq, text.encode(), retain, None, None, is_fault=False)
        else:
            values: dict[str, object] = {"temperature": (degrees := weather.next())}
            if random.random() < traits.conflicts:
                values[CONFLICTING] = 40.0
            text = json.dumps({"time": format_time(time_ms), "seq": seq} | values)
            # Collectors refuse what is an hour ahead of them, so it is judged by no rule.
            is_ahead = traits.is_recent and jump_left > 0 and jump_ms > 0
            yield Item(seq, text.encode(), retain, time_ms, None if is_ahead else degrees, is_fault=False)


def _make_fault(sensor: Sensor, random: Random, seq: int, time_ms: int, device_type: DeviceType) -> Item:
    kinds = {**KINDS, **KINDS_OF_TIME} if sensor.has_clock else KINDS
    name = random.choice(sorted(kinds))
    values: dict[str, object] = {"temperature": 20.0} if sensor.has_clock else {"on": True, "power": 10.0}
    observation = Observation(values, time_ms if sensor.has_clock else None, seq)
    payload = kinds[name](observation, device_type)
    is_judged = name in JUDGED_FAULTS and sensor.has_clock
    judged = (time_ms, 20.0) if is_judged else (None, None)
    return Item(seq, payload, retain=False, time_ms=judged[0], temperature=judged[1], is_fault=True)
