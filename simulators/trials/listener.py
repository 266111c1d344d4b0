"""Listener: hears the notifications of alerts as whoever shows them elsewhere does, and counts each."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import mqtt5

from ingest.accounts import MONITOR
from ingest.event_time import parse_time
from schemas.rule import Change as What
from simulators.errors import BrokerUnreachableError
from simulators.testbed.mosquitto import Mosquitto
from simulators.trials.expectation import Change
from simulators.trials.link import Login, reach
from simulators.trials.load import PREFIX, RULES

FILTERS = (f"{PREFIX}/alerts/+/+",)
SESSION_S = 3600
AGAIN_S = 0.1
QUIET_S = 0.5
"""What is retained comes at once; after so long without any more, that was all."""


_TOLD = frozenset({What.FIRED, What.CLEARED, What.REPEATED})


class Retained(NamedTuple):
    """What the broker retains of an alert.

    Attributes:
        change: Its state, and since when.
        what: What happened then.
    """

    change: Change
    what: What

    def tells(self, last: Change) -> bool:
        """Whether it tells of the last transition; one that was told again has the time of a later reading."""
        if self.what is What.REPEATED:
            return self.change.firing == last.firing and self.change.time_ms >= last.time_ms
        return self.change == last


class Listener:
    """One session at the broker, over as many connections as it takes.

    Args:
        broker: Where it listens.
        password: Of the account that reads alerts.

    Attributes:
        heard: How often each transition was heard.
    """

    def __init__(self, broker: Mosquitto, password: str) -> None:
        self.heard: Counter[Change] = Counter()
        self._broker = broker
        self._password = password
        self._subscribed = asyncio.Event()

    async def _listen(self) -> None:
        login = Login(self._broker.host, self._broker.port, MONITOR, self._password, clean=False, expiry_s=SESSION_S)
        while True:
            try:
                async with reach(login, on_message=self._take) as (link, is_known):
                    if not is_known:
                        await link.subscribe(FILTERS)
                    self._subscribed.set()
                    await asyncio.shield(link.ended)
            except BrokerUnreachableError:
                await asyncio.sleep(AGAIN_S)

    def _take(self, packet: mqtt5.PublishPacket) -> None:
        change = read_change(packet)
        # What is retained was heard before; what the broker delivers again was not necessarily.
        if change is not None and not packet.retain and not (packet.duplicate and self.heard[change]):
            self.heard[change] += 1

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the block ends; from its beginning nothing is missed."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._listen(), name="listener")
            await self._subscribed.wait()
            try:
                yield
            finally:
                task.cancel()

    async def read_retained(self) -> dict[tuple[str, str], Retained]:
        """Return what the broker retains, by device and rule; not while it listens."""
        retained: dict[tuple[str, str], Retained] = {}
        heard = asyncio.Event()

        def take(packet: mqtt5.PublishPacket) -> None:
            heard.set()
            if (found := read_state(packet)) is not None:
                retained[found.change.device, found.change.rule] = found

        async with reach(Login(self._broker.host, self._broker.port, MONITOR, self._password), on_message=take) as (
            link,
            _,
        ):
            await link.subscribe(FILTERS)
            while await _happens(heard):
                heard.clear()
        return retained


async def _happens(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(QUIET_S):
            await event.wait()
    except TimeoutError:
        return False
    return True


def read_change(packet: mqtt5.PublishPacket) -> Change | None:
    """Return the firing or clearing that a notification tells of; None when it tells of something else."""
    found = read_state(packet)
    return None if found is None or found.what not in _TOLD else found.change


def read_state(packet: mqtt5.PublishPacket) -> Retained | None:
    """Return the state that a notification tells of; None when it tells of something else than our alerts."""
    device, rule = packet.topic.split("/")[-2:]
    if rule not in RULES:
        return None
    state: Mapping[str, Any] = json.loads(packet.payload)
    return Retained(Change(device, rule, parse_time(state["time"]), state["firing"]), What(state["change"]))
