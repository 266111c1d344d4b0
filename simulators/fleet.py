"""Fleet: simulated devices as real MQTT clients, one each, through their past and then their present.

Invariants:
    - A device's messages have sequence numbers without gaps, and its readings times that only grow.
    - Every message is in the tally before it is sent.
    - Counters count from message to message: the sum of what they say is what passed, at any rate.
    - A device without a clock has one message in flight, so that two never arrive in the same millisecond because of
      us.
    - Stopping is a drain: no more readings are made, and those that were are given time for their PUBACK.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from simulators.device import SimulatedDevice
from simulators.history import plan_history
from simulators.publisher import WINDOW, Answer, BrokerAddress, Publisher, find_cause
from simulators.stop import Stop
from simulators.tally import Tally

FIRST_WITHIN_S = 10.0
"""At their own intervals devices first report within this time, not after a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet shall do.

    Attributes:
        rate: Readings a second of the whole fleet; 0 for each device at the interval of its type.
        seconds: Length of the present; None until it is stopped, 0 for history alone.
        history: How far back the past goes; None for no past.
        step: Time between two past readings; None for the interval of the device's type.
        faults: Share of messages that are bad input, 0 to 1.
    """

    rate: float = 0.0
    seconds: float | None = None
    history: timedelta | None = None
    step: timedelta | None = None
    faults: float = 0.0


def read_clock_ms() -> int:
    """Return the present time in milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


class Fleet:
    """A fleet for one run.

    Args:
        devices: What takes part.
        broker: Where to publish.
        passwords: By the devices' ids.
        plan: What to do.
        tally: Is told of every message.
        clock: Gives the present time in milliseconds.
    """

    def __init__(
        self,
        devices: Sequence[SimulatedDevice],
        broker: BrokerAddress,
        passwords: Mapping[str, str],
        plan: Plan,
        tally: Tally,
        clock: Callable[[], int] = read_clock_ms,
    ) -> None:
        self._devices = devices
        self._broker = broker
        self._passwords = passwords
        self._plan = plan
        self._tally = tally
        self._clock = clock
        self._stop = Stop()
        self._present = asyncio.Event()
        self._in_past = len(devices)
        self._latest_ms: dict[str, int] = {}
        self._end: float | None = None
        now_ms = clock()
        self._past: list[Sequence[int]] = [
            plan_history(device, plan.history, plan.step, now_ms) if plan.history else () for device in devices
        ]

    @property
    def past_messages(self) -> int:
        """How many moments of the past are planned; fewer where a device was not placed all the time."""
        return sum(map(len, self._past))

    @property
    def seconds_left(self) -> float | None:
        """How long the present still lasts, in seconds; None before it begins, and when it has no end."""
        return None if self._end is None else max(0.0, self._end - asyncio.get_running_loop().time())

    def stop(self) -> None:
        """Make no more readings, wait for the answers that are due, and end. For signal handlers of the same loop."""
        self._stop.ask()
        self._present.set()

    def abandon(self) -> None:
        """End at once, whatever is unanswered. For signal handlers of the same loop."""
        self._stop.abandon()

    async def warm_up(self) -> None:
        """Sum every register up to now, a second or two for two hundred devices; again costs nothing."""
        for device in self._devices:
            device.warm_up(self._clock())
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Run until the plan is done or ``stop`` is called; what is then unanswered stays so in the tally.

        Raises:
            PublishError: The broker cannot be reached, or refuses an account.
        """
        await self.warm_up()
        try:
            async with self._stop.bounded(), asyncio.TaskGroup() as group:
                for index, device in enumerate(self._devices):
                    group.create_task(self._run_device(index, device), name=f"device {device.id}")
        except ExceptionGroup as errors:
            raise find_cause(errors) from None

    async def _run_device(self, index: int, device: SimulatedDevice) -> None:
        def take(answer: Answer) -> None:
            self._tally.answer(device.id, answer.outgoing.seq, refused=answer.refused)

        window = WINDOW if device.has_clock else 1
        publisher = Publisher(self._broker, device.id, self._passwords.get(device.id), take, window)
        async with publisher.connected():
            await self._live_past(publisher, device, self._past[index])
            if self._plan.seconds != 0:
                await self._live_present(publisher, device, index)
            await publisher.drain()

    async def _live_past(self, publisher: Publisher, device: SimulatedDevice, moments: Sequence[int]) -> None:
        for time_ms in moments:
            if self._stop.is_asked:
                break
            await self._report(publisher, device, time_ms)
        self._in_past -= 1
        if self._in_past == 0:
            self._begin_present()
        await self._present.wait()

    def _begin_present(self) -> None:
        self._present.set()
        if self._plan.seconds:
            loop = asyncio.get_running_loop()
            self._end = loop.time() + self._plan.seconds
            loop.call_at(self._end, self.stop)

    async def _live_present(self, publisher: Publisher, device: SimulatedDevice, index: int) -> None:
        loop = asyncio.get_running_loop()
        own_s = device.interval_ms / 1000
        period_s = len(self._devices) / self._plan.rate if self._plan.rate else own_s
        first_s = period_s if self._plan.rate else min(own_s, FIRST_WITHIN_S)
        due = loop.time() + first_s * index / len(self._devices)
        last_ms = 0
        while not await self._stop.wait(due - loop.time()):
            last_ms = max(last_ms + 1, self._clock())
            await self._report(publisher, device, last_ms)
            # What could not be reported in time is skipped, as a device skips it that has no memory.
            due += period_s * max(1.0, -(-(loop.time() - due) // period_s))

    async def _report(self, publisher: Publisher, device: SimulatedDevice, time_ms: int) -> None:
        """Publish one message, unless the device is not placed at that time."""
        seq = self._tally.next_seq(device.id)
        faulty = device.is_faulty(seq, self._plan.faults)
        message = device.make_message(time_ms, seq, since_ms=self._latest_ms.get(device.id), faulty=faulty)
        if message is None:
            return
        self._latest_ms[device.id] = time_ms
        self._tally.publish(device.id, message.payload, is_fault=faulty)
        await publisher.publish(message)
