"""A Source that is listened to: messages in, what becomes of what they say out.

An Interpreter remembers what earlier messages told, so what it reads depends on their order. What comes from the
quarantine is read by a copy of it: a message of last week must not count as the newest.
"""

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ingest.bound_device import BoundDevice, Judged
from ingest.codec import CodecError, RefusedError
from ingest.codecs import load_formats
from ingest.message import Message
from ingest.payloads.lorawan import Counting
from ingest.route import Route
from ingest.shard import find_shard
from ingest.source import LONGEST_NAME, Event, EventKind, Heard, Interpreter, KnownSession, Said, Session, Source
from ingest.source_figures import SourceFigures
from ingest.unknown_device import describe_unknown_device
from schemas.reason import Reason
from schemas.validation import shorten

MOST_PRODUCTS = 20_000
"""Topics of which it is remembered what product speaks on them."""


class Heeded(NamedTuple):
    """What a message says of a Device.

    Attributes:
        said: As the Source says it.
        device: Id in the inventory.
        timed: Route of the Device for what has a time of its own.
        timeless: Likewise, for what has none.
        readings: Checked Observations or why there is none, by their part; see ``ingest.bound_device.MOMENTS``.
    """

    said: Said
    device: str
    timed: Route
    timeless: Route
    readings: Sequence[tuple[int, Judged]]


class Unheard(NamedTuple):
    """What a message says of something of which nothing could be made.

    Attributes:
        said: As the Source says it.
        device: Id in the inventory; where there is none, the Source and the address, with a colon between.
        error: Why.
        schema: Of the DeviceType that the Device is; empty where there is none.
    """

    said: Said
    device: str
    error: RefusedError
    schema: str = ""


Outcome = Heeded | Unheard


class OpenSource:
    """A Source that is listened to.

    Args:
        source: Which.
        bound: Its devices by address, in lower case.
        before: The same Source as it was opened before: what it was told, and what came of it, stays known.
        apart: Ids and addresses of all devices that are kept apart, whatever Source they have, in lower case.
        products: What devices of any Source are, by the topic that their values come on: where one Source describes the
            devices of another, as Home Assistant discovery does. It is written here, and read at all Sources.

    Attributes:
        source: Which.
        interpreter: Reads its messages.
        traits: Of its Format.
        figures: What came of it.
        devices: Ids of its devices.
        keeps_payloads: Whether the quarantine may hold what is of no device that is known. A Source is private as soon
            as one of its devices is, whatever its file says: what nobody can read, or place, may be of that one.
    """

    def __init__(
        self,
        source: Source,
        bound: Mapping[str, BoundDevice],
        before: "OpenSource | None" = None,
        apart: Collection[str] = (),
        products: dict[str, str] | None = None,
    ) -> None:
        self.source = source
        self.interpreter: Interpreter = (
            load_formats()[source.format_key].open(source) if before is None else before.interpreter
        )
        self.traits = load_formats()[source.format_key].traits
        self.figures: SourceFigures = SourceFigures() if before is None else before.figures
        self.devices = frozenset(one.device.id for one in bound.values())
        self.figures.forget_devices(self.devices)
        self._apart = apart
        self._products = {} if products is None else products
        self._open = {one.device.id for one in bound.values() if one.kind.device_type.keeps_payload}
        self.keeps_payloads: bool = source.keeps_payloads and self._open == self.devices
        self._bound = bound
        self._copy: Interpreter | None = None
        self._sessions = self.interpreter.sessions if isinstance(self.interpreter, Counting) else None

    def find_device(self, address: str) -> str:
        """Return the id of the Device at an address; see ``Unheard.device``."""
        bound = self._bound.get(address.lower())
        return f"{self.source.key}:{address}" if bound is None else bound.device.id

    def find_route(self, address: str) -> Route | None:
        """Return the Route of the Device at an address, for what has a time; None where the inventory has none."""
        bound = self._bound.get(address.lower())
        return None if bound is None else bound.timed

    def keeps_payload(self, outcomes: Iterable[Outcome]) -> bool:
        """Whether the quarantine may hold a message that says this."""
        if self.keeps_payloads:
            return True
        return self.source.keeps_payloads and all(one.device in self._open for one in outcomes)

    def is_apart(self, event: Event) -> bool:
        """Whether an event names a device that is kept apart; one Source may describe the devices of another."""
        told = f"{event.address} {event.detail}".lower()
        return any(name in told for name in self._apart)

    def read(self, message: Message, *, again: bool = False) -> tuple[Heard, list[Outcome]]:
        """Return what a message says, and what becomes of what it says of devices, in the same order.

        Args:
            message: Of one of its topics.
            again: Whether it comes from the quarantine.

        Raises:
            CodecError: It is not of the format, or cannot be understood yet.
        """
        if again:
            self._copy = self._copy or copy.deepcopy(self.interpreter)
            heard = self._copy.read(message.topic, message.payload, message.received_ms)
        else:
            self._copy = None
            heard = self.interpreter.read(message.topic, message.payload, message.received_ms)
            for event in heard.events:
                if event.kind is EventKind.DESCRIBED:
                    self._note_product(event)
        return heard, [self._find_outcome(index, said, message) for index, said in enumerate(heard.said)]

    def take_sessions(self) -> list[KnownSession]:
        """Return the sessions that changed since the last call; none where a Source has no uplinks."""
        return [] if self._sessions is None else self._name_sessions(self._sessions.take_changed().items())

    def list_sessions(self, shard: int | None = None) -> list[KnownSession]:
        """Return the sessions of its devices: all, or those of the devices of a shard."""
        every = self._sessions or ()
        return self._name_sessions(one for one in every if shard is None or find_shard(one[0]) == shard)

    def restore_sessions(self, sessions: Mapping[str, Session]) -> None:
        """Take note again of the sessions that its devices had, by address."""
        if self._sessions is not None:
            self._sessions.restore(sessions)

    def _name_sessions(self, sessions: Iterable[tuple[str, Session]]) -> list[KnownSession]:
        return [KnownSession(self.source.key, address, session) for address, session in sessions]

    def _note_product(self, event: Event) -> None:
        topic, product = event.members.get("topic"), event.members.get("product")
        if not isinstance(topic, str) or not isinstance(product, str) or not product or len(topic) > LONGEST_NAME:
            return
        if len(self._products) >= MOST_PRODUCTS and topic not in self._products:
            del self._products[next(iter(self._products))]
        self._products[topic] = shorten(product)

    def _find_outcome(self, index: int, said: Said, message: Message) -> Outcome:
        bound = self._bound.get(said.address.lower())
        if bound is None:
            product = said.model or self._products.get(message.topic, "")
            detail = describe_unknown_device(said.address, self.source.key, product)
            return Unheard(said, self.find_device(said.address), RefusedError(Reason.UNKNOWN_DEVICE, detail))
        name = bound.device.id
        try:
            return Heeded(said, name, bound.timed, bound.timeless, bound.observe(said, index, message.received_ms))
        except CodecError as error:
            return Unheard(said, name, error.with_traceback(None), bound.kind.device_type.schema)
