"""Which Source a topic is of, and which Device it means by an address; what they say becomes Observations.

An Interpreter remembers what earlier messages told, so what it reads depends on their order. What comes from the
quarantine is read by a copy of it: a message of last week must not count as the newest.
"""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import SchemaValidator

from ingest.batch import SessionsOfShard
from ingest.codec import CodecError, Observation, RefusedError, SchemaError, check_observation
from ingest.codecs import list_filters, load_formats
from ingest.inventory import Device, Inventory
from ingest.message import Message
from ingest.model import Model, Translated, translate_members
from ingest.models import load_models
from ingest.payloads.lorawan import Counting
from ingest.route import PlacedAt, Route
from ingest.shard import find_shard
from ingest.source import Event, EventKind, Heard, Interpreter, KnownSession, Said, Session, Source
from ingest.source_figures import SourceFigures
from ingest.topic_filter import compile_filter, is_wide
from ingest.unknown_device import describe_unknown_device
from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import build_validator, shorten

if TYPE_CHECKING:
    from re import Pattern

MOST_TOPICS = 20_000
"""Topics of which it is remembered whose they are."""
WHOLE = -1
"""All that is said of a device is the part ``WHOLE - index``, one moment of it ``index * MOMENTS + moment``."""
MOMENTS = 1_000
"""More moments than one frame ever tells of."""

Judged = Observation | RefusedError


class Heeded(NamedTuple):
    """What a message says of a Device.

    Attributes:
        said: As the Source says it.
        device: Id in the inventory.
        timed: Route of the Device for what has a time of its own.
        timeless: Likewise, for what has none.
        readings: Checked Observations or why there is none, by their part; see ``MOMENTS``.
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


class Reading(NamedTuple):
    """What a message of a Source says.

    Attributes:
        heard: In the Source's words.
        outcomes: What becomes of it, in the same order.
    """

    heard: Heard
    outcomes: Sequence[Outcome]


class _Kind(NamedTuple):
    """What the devices of a DeviceType have in common at Sources that tell everything at once, or a part."""

    device_type: DeviceType
    timed: DeviceType
    timeless: DeviceType
    validator: SchemaValidator


@dataclass(frozen=True, slots=True)
class _Bound:
    """A Device that a Source means by an address."""

    device: Device
    kind: _Kind
    model: Model
    timed: Route
    timeless: Route

    def observe(self, said: Said, index: int, received_ms: int) -> list[tuple[int, Judged]]:
        """Return what is said, checked.

        Raises:
            CodecError: The device's own bytes are not of its Model.
        """
        parameters = self.device.parameters
        translated = translate_members(self.model, self.kind.device_type, said, parameters, received_ms)[:MOMENTS]
        # Of what no field takes, such as that a button was pressed, nothing is left.
        is_frame = said.frame is not None
        told = [one for one in translated if is_frame or one.observation.values or one.observation.refusals]
        return [(index * MOMENTS + moment, self._check(one)) for moment, one in enumerate(told)]

    def _check(self, translated: Translated) -> Judged:
        observation, members = translated
        # A Source that tells no time is heard when it speaks, whatever devices of this type usually do.
        kind = self.kind
        device_type = kind.timeless if observation.time_ms is None else kind.device_type
        try:
            return check_observation(device_type, kind.validator, observation, members)
        except SchemaError as error:
            return error.with_traceback(None)


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
        bound: Mapping[str, _Bound],
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

    def read(self, message: Message, *, again: bool = False) -> Reading:
        """Return what a message says.

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
        said = enumerate(heard.said)
        return Reading(heard, [self._find_outcome(index, one, message) for index, one in said])

    def take_sessions(self) -> list[KnownSession]:
        """Return the sessions that changed since the last call; none where a Source has no uplinks."""
        return [] if self._sessions is None else self._name_sessions(self._sessions.take_changed().items())

    def list_sessions(self) -> list[KnownSession]:
        """Return all sessions of its devices."""
        return [] if self._sessions is None else self._name_sessions(self._sessions)

    def restore_sessions(self, sessions: Mapping[str, Session]) -> None:
        """Take note again of the sessions that its devices had, by address."""
        if self._sessions is not None:
            self._sessions.restore(sessions)

    def _name_sessions(self, sessions: Iterable[tuple[str, Session]]) -> list[KnownSession]:
        return [KnownSession(self.source.key, address, session) for address, session in sessions]

    def _note_product(self, event: Event) -> None:
        topic, product = event.members.get("topic"), event.members.get("product")
        if not isinstance(topic, str) or not isinstance(product, str) or not product:
            return
        if len(self._products) >= MOST_TOPICS and topic not in self._products:
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


class _Found(NamedTuple):
    """A topic filter: what matches its topics, whose it is, and whether it begins with a wildcard."""

    pattern: "Pattern[str]"
    opened: OpenSource
    is_wide: bool


class SourceTable:
    """The Sources of one configuration.

    Args:
        sources: By key; none when left out.
        inventory: Which devices they have.
        types: DeviceTypes by key.
        before: The table that it takes the place of: what its Interpreters were told stays known.
    """

    def __init__(
        self,
        sources: Mapping[str, Source] | None = None,
        inventory: Inventory | None = None,
        types: Mapping[str, DeviceType] | None = None,
        before: "SourceTable | None" = None,
    ) -> None:
        sources = sources or {}
        bound = _bind(inventory, types, sources) if inventory is not None and types is not None else {}
        apart = frozenset(_list_apart(inventory, types)) if inventory is not None and types is not None else frozenset()
        known = {} if before is None else before.opened
        self._products: dict[str, str] = {} if before is None else before._products  # noqa: SLF001 - of the same class
        self.opened: dict[str, OpenSource] = {
            key: OpenSource(
                source,
                bound.get(key, {}),
                known[key] if _is_kept(key, source, known) else None,
                apart,
                self._products,
            )
            for key, source in sources.items()
        }
        filters = [(one, opened) for opened in self.opened.values() for one in list_filters(opened.source)]
        # What begins with a wildcard has what no other Source has.
        filters.sort(key=lambda one: is_wide(one[0]))
        self._filters = [_Found(compile_filter(one), opened, is_wide(one)) for one, opened in filters]
        self._topics: dict[str, _Found | None] = {}
        for key, source in sources.items():
            if key in known and not _is_kept(key, source, known):
                self.restore_sessions(known[key].list_sessions())

    def restore_sessions(self, sessions: Iterable[KnownSession]) -> None:
        """Take note again of the sessions that devices had; the last word counts, and Sources that are gone do not."""
        found: dict[str, dict[str, Session]] = {}
        for key, address, session in sessions:
            found.setdefault(key, {})[address] = session
        for key, some in found.items():
            if key in self.opened:
                self.opened[key].restore_sessions(some)

    def copy_sessions(self, number: int) -> SessionsOfShard:
        """Return the sessions of the devices of a shard; see ``ingest.shard``."""
        every = (one for opened in self.opened.values() for one in opened.list_sessions())
        return SessionsOfShard(number, [one for one in every if find_shard(one.address) == number])

    def find(self, topic: str) -> OpenSource | None:
        """Return the Source that a topic is of; None for none."""
        if not self._filters:
            return None
        found = self._look_up(topic)
        return None if found is None else found.opened

    def is_copy(self, message: Message) -> bool:
        """Whether the broker delivers a message of a Source's topic for the subscription of another, too."""
        if not message.is_wide:
            return False
        found = self._look_up(message.topic)
        return found is not None and not found.is_wide

    def _look_up(self, topic: str) -> "_Found | None":
        try:
            return self._topics[topic]
        except KeyError:
            found = next((one for one in self._filters if one.pattern.fullmatch(topic)), None)
        if len(self._topics) >= MOST_TOPICS:
            del self._topics[next(iter(self._topics))]
        self._topics[topic] = found
        return found


def _is_kept(key: str, source: Source, known: Mapping[str, OpenSource]) -> bool:
    return key in known and known[key].source == source


def list_private(inventory: Inventory, types: Mapping[str, DeviceType]) -> dict[str, list[str]]:
    """Return the ids of the devices of which no payload may be kept, by the key of their Source."""
    found: dict[str, list[str]] = {}
    for device in inventory.devices.values():
        if device.source and not types[device.type_key].keeps_payload:
            found.setdefault(device.source, []).append(device.id)
    return found


def _list_apart(inventory: Inventory, types: Mapping[str, DeviceType]) -> Iterator[str]:
    """Yield what the devices that are kept apart are called, in lower case."""
    for device in inventory.devices.values():
        if types[device.type_key].is_apart:
            yield from {device.id.lower(), (device.address or device.id).lower()}


def _bind(
    inventory: Inventory, types: Mapping[str, DeviceType], sources: Mapping[str, Source]
) -> dict[str, dict[str, _Bound]]:
    """Return the devices of all Sources, by key and address."""
    formats = load_formats()
    kinds: dict[tuple[str, bool], _Kind] = {}
    found: dict[str, dict[str, _Bound]] = {}
    for device in inventory.devices.values():
        if device.source not in sources:
            continue
        is_partial = formats[sources[device.source].format_key].is_partial
        key = device.type_key, is_partial
        if key not in kinds:
            device_type = types[device.type_key]
            kinds[key] = _make_kind(require_nothing(device_type) if is_partial else device_type)
        found.setdefault(device.source, {})[device.address.lower()] = _make_bound(device, kinds[key])
    return found


def require_nothing(device_type: DeviceType) -> DeviceType:
    """Return a DeviceType of which no field is required."""
    fields = {name: replace(field, required=False) for name, field in device_type.fields.items()}
    return replace(device_type, fields=fields)


def _make_kind(device_type: DeviceType) -> _Kind:
    timed, timeless = replace(device_type, clock=Clock.DEVICE), replace(device_type, clock=Clock.RECEIVED)
    return _Kind(device_type, timed, timeless, build_validator(device_type))


def _make_bound(device: Device, kind: _Kind) -> _Bound:
    placed = tuple(PlacedAt(placement, device, {}) for placement in reversed(device.placements))
    timed = Route(
        topic="",
        site="",
        device=device,
        device_type=kind.timed,
        read=_read_alone,
        codec=None,
        has_clock=True,
        ahead_ms=int(kind.device_type.ahead.total_seconds() * 1000),
        placed=placed,
    )
    timeless = replace(timed, device_type=kind.timeless, has_clock=False)
    return _Bound(device, kind, load_models()[device.model], timed, timeless)


def _read_alone(payload: bytes) -> Sequence[Observation]:  # noqa: ARG001 - a Reader is given it
    """Refuse what a device that a Source tells of is said to have published itself."""
    raise CodecError(Reason.UNRECOGNISED_PAYLOAD, "a message of a source is read by its source alone")


def describe_part(part: int | None) -> str:
    """Return which part of a message it is, for people; empty for all of it."""
    if part is None:
        return ""
    if part < 0:
        return f"all of device {find_index(part)} of the payload, counted from 0"
    index, moment = divmod(part, MOMENTS)
    number = f"number {moment} of the payload, counted from 0"
    return f"{number}, of device {index}" if index else number


def find_index(part: int) -> int:
    """Return of which device, counted from 0 in its message, a part is."""
    return WHOLE - part if part < 0 else part // MOMENTS
