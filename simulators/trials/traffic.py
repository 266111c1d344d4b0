"""Traffic: the devices of a trial as MQTT clients, many in one process, with one log of what the broker answered.

Invariants:
    - Every message is in the tally before it is sent, and its expected alerts are judged in the order of sending.
    - A message is held until its PUBACK; after a lost connection what is held is sent again, in order, byte for byte.
    - Devices with a memory also send again what was answered within the last seconds before the connection was lost.
"""

import asyncio
from bisect import bisect
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

from schemas.rule import Rule
from simulators.errors import BrokerUnreachableError
from simulators.tally import Outcome, Tally
from simulators.testbed.mosquitto import Mosquitto
from simulators.trials.expectation import Judge
from simulators.trials.link import REFUSED, Link, Login, reach
from simulators.trials.load import Item, Sensor, Step

WINDOW = 100
"""Unanswered messages of one device."""
AGAIN_S = 0.1
"""Between two tries to connect."""
EARLY_S = 0.005
"""A message is sent this much before its time rather than to sleep for so little."""


class Client:
    """One device.

    Args:
        sensor: Who it is.
        tally: The log.
        answered_s: Gets the time of every first answer.
        memory_s: How long it remembers what was answered, to send it again after a lost connection.

    Attributes:
        sensor: As given.
        resent: Sequence numbers that the collector may have got more than once as new messages: the device sent them
            again, or a broker that went back did.
    """

    def __init__(self, sensor: Sensor, tally: Tally, answered_s: list[float], memory_s: float) -> None:
        self.sensor = sensor
        self.resent: set[int] = set()
        self._tally = tally
        self._answered_s = answered_s
        self._memory_s = memory_s
        self._link: Link | None = None
        self._held: deque[Item] = deque()
        self._sent: dict[int, Item] = {}
        self._answered: set[int] = set()
        self._remembered: deque[tuple[float, Item]] = deque()
        self._packet_ids = cycle(range(1, 65_536))
        self._room = asyncio.Event()
        self._idle = asyncio.Event()

    async def publish(self, item: Item) -> None:
        """Publish as soon as there is room in the window."""
        while len(self._held) >= WINDOW:
            self._room.clear()
            await self._room.wait()
        self._held.append(item)
        self._idle.clear()
        self._send(item)

    async def drain(self) -> None:
        """Wait until every message has its answer."""
        if self._held:
            await self._idle.wait()

    async def stay_connected(self, broker: Mosquitto, password: str) -> None:
        """Connect again and again. Runs until cancelled.

        Raises:
            AccountRefusedError: The broker refuses the account.
        """
        login = Login(broker.host, broker.port, self.sensor.id, password)
        while True:
            try:
                async with reach(login, self._take_puback) as (link, _):
                    self._link = link
                    self._send_again()
                    await asyncio.shield(link.ended)
            except BrokerUnreachableError:
                await asyncio.sleep(AGAIN_S)
            finally:
                self._link = None
                self._sent.clear()

    def _send(self, item: Item) -> None:
        if self._link is None:
            return
        packet_id = next(self._packet_ids)
        self._sent[packet_id] = item
        self._link.publish(packet_id, self.sensor.topic, item.payload, retain=item.retain)

    def _send_again(self) -> None:
        waiting = list(self._held)
        known = {id(item) for item in waiting}
        remembered = [item for _, item in self._remembered if id(item) not in known]
        self._remembered.clear()
        # Oldest first: what was answered came before what was not.
        self._held = deque([*remembered, *waiting])
        for item in self._held:
            self.resent.add(item.seq)
            self._send(item)

    def expect_again(self) -> None:
        """Take note that the broker is killed: what waited in it at its last save comes again, as if it were new."""
        self.resent |= self._answered

    def _take_puback(self, packet_id: int, code: int) -> None:
        item = self._sent.pop(packet_id, None)
        if item is None:
            return
        self._held.remove(item)  # nearly always the first
        now_s = asyncio.get_running_loop().time()
        if item.seq not in self._answered:
            self._answered.add(item.seq)
            self._tally.answer(self.sensor.id, item.seq, refused=code >= REFUSED)
            self._answered_s.append(now_s)
        if self._memory_s:
            self._remembered.append((now_s, item))
            while self._remembered[0][0] < now_s - self._memory_s:
                self._remembered.popleft()
        self._room.set()
        if not self._held:
            self._idle.set()


class Traffic:
    """All devices of a trial.

    Args:
        plans: What each device publishes.
        rules: By key, to judge what must fire.
        rate: Messages a second of all together, as long as the broker takes them.
        memory_s: See ``Client``.

    Attributes:
        tally: The log.
        judge: What alerts must come of what was published.
        clients: The devices.
        seconds: How long publishing took; 0 before it ended.
    """

    def __init__(
        self, plans: Mapping[Sensor, Iterator[Step]], rules: Mapping[str, Rule], rate: float, memory_s: float = 0.0
    ) -> None:
        self.tally = Tally()
        self.judge = Judge(rules)
        self._answered_s: list[float] = []
        self.clients = [Client(sensor, self.tally, self._answered_s, memory_s) for sensor in plans]
        self.seconds = 0.0
        self._plans = plans
        self._period_s = len(plans) / rate
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._stopped = False

    @property
    def acknowledged(self) -> int:
        """Messages that the broker took so far."""
        return self.tally.counts[Outcome.ACKNOWLEDGED]

    @property
    def devices(self) -> Sequence[Sensor]:
        """Who publishes."""
        return [client.sensor for client in self.clients]

    def expect_again(self) -> None:
        """Take note that the broker is killed."""
        for client in self.clients:
            client.expect_again()

    def count_answered(self, last_s: float) -> int:
        """Return how many messages the broker took within the last seconds."""
        since_s = asyncio.get_running_loop().time() - last_s
        return len(self._answered_s) - bisect(self._answered_s, since_s)

    def pause(self) -> None:
        """Publish nothing new for now."""
        self._flowing.clear()

    def resume(self) -> None:
        """Publish again."""
        self._flowing.set()

    def stop(self) -> None:
        """Publish nothing new any more; ``run`` ends when what was published has its answer."""
        self._stopped = True
        self._flowing.set()

    async def run(self, broker: Mosquitto) -> None:
        """Publish everything, and return when the broker has answered it all.

        Raises:
            AccountRefusedError: The broker refuses an account.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        passwords = await broker.add_accounts(client.sensor.id for client in self.clients)
        async with asyncio.TaskGroup() as group:
            keepers = [
                group.create_task(
                    client.stay_connected(broker, passwords[client.sensor.id]), name=f"connection {client.sensor.id}"
                )
                for client in self.clients
            ]
            async with asyncio.TaskGroup() as publishing:
                for index, client in enumerate(self.clients):
                    publishing.create_task(self._publish(client, index), name=f"device {client.sensor.id}")
            for keeper in keepers:
                keeper.cancel()
        self.seconds = loop.time() - begun

    async def _publish(self, client: Client, index: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._period_s * index / len(self.clients)
        for step in self._plans[client.sensor]:
            if due - loop.time() > EARLY_S:
                await asyncio.sleep(due - loop.time())
            await self._flowing.wait()
            if self._stopped:
                break
            for item in step.fresh:
                self.tally.publish(client.sensor.id, item.payload, is_fault=item.is_fault)
            self.judge.take(client.sensor, step.sending)
            for item in step.sending:
                await client.publish(item)
            due += self._period_s * len(step.fresh)
        await client.drain()
