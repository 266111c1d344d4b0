"""Sparkplug B: Protobuf of edge nodes in building automation and industry.

- Topics: ``spBv1.0/{group}/{verb}/{edge node}`` and ``.../{device}`` behind it; ``spBv1.0/STATE/{host}``.
- The address of a device is ``group/node/device``, of an edge node itself ``group/node``.
- Births tell names, types and units; what comes later may have numbers in their place. So nothing is understood before
  the birth: what comes earlier is MISSING_BIRTH, waits in quarantine, and the edge node is asked for a rebirth, once a
  minute at most. It is likewise after a death, and when a metric is none of the birth's.
- Births tell the present values too, and so they are readings. Only what changed comes later.
- A message is missing where the numbers have a gap: a fault, and a reason to ask for a rebirth.
- A death whose ``bdSeq`` is not that of the birth is the will of an earlier connection, and kills nobody.
- Everything but deaths is published with QoS 0, and so counts as outside the promise of no loss.

Source: Eclipse Sparkplug 3.0.0, chapters 4 to 6.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ingest.codec import CodecError
from ingest.payloads.sparkplug_births import Births, Node, Place, read_bd_seq, read_certificate
from ingest.payloads.sparkplug_payload import FIELDS, Payload, read_payload, write_rebirth
from ingest.payloads.sparkplug_telling import tell
from ingest.payloads.topic_pattern import split_below
from ingest.source import LONGEST_NAME, Event, EventKind, Format, Heard, Reply, UnbornError
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

_OF_NODES = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
_OF_DEVICES = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})
_COMMANDS = frozenset({"NCMD", "DCMD"})
"""What applications publish, we among them."""


class _Topic(NamedTuple):
    """What a topic says.

    Attributes:
        verb: Kind of message, such as ``NDATA``.
        place: Who it is of, or for.
    """

    verb: str
    place: Place


class _Interpreter:
    """Reads messages as they come.

    Args:
        root: Of the topics.
        births: What was heard before.
        is_copy: Whether what it reads came earlier: then nothing is remembered, counted or asked for.
    """

    def __init__(self, root: str, births: Births, *, is_copy: bool = False) -> None:
        self._root = root
        self._births = births
        self._is_copy = is_copy

    def __deepcopy__(self, memo: dict[int, object]) -> "_Interpreter":
        """Return what reads from the quarantine: it knows what this one knows, and changes nothing of it."""
        return _Interpreter(self._root, self._births, is_copy=True)

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            UnbornError: A birth is missing that says what it means.
            CodecError: It is not of the format.
        """
        verb, place = self._split(topic)
        if verb == "STATE":
            return Heard(events=(Event(EventKind.OTHER, detail=f"state of host {shorten(place.node)}"),))
        if verb in _COMMANDS:
            return Heard(events=(Event(EventKind.OTHER, place.address, verb),))
        told = read_payload(payload)
        if verb in ("NBIRTH", "DBIRTH"):
            return self._hear_birth(place, told, received_ms)
        if verb == "NDEATH":
            return self._hear_end_of_node(place, told, received_ms)
        if verb == "DDEATH":
            return self._hear_end_of_device(place, told, received_ms)
        return self._hear_data(place, told, received_ms)

    def _split(self, topic: str) -> _Topic:
        match split_below(self._root, topic):
            case ["STATE", host] if host:
                return _Topic("STATE", Place("", host))
            case [group, verb, node] if group and node and verb in _OF_NODES:
                return _Topic(verb, _make_place(group, node))
            case [group, verb, node, device] if group and node and device and verb in _OF_DEVICES:
                return _Topic(verb, _make_place(group, node, device))
        expected = f"{self._root}/{{group}}/{{verb}}/{{edge node}}, with /{{device}} where the verb begins with D"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}")

    def _hear_birth(self, place: Place, told: Payload, received_ms: int) -> Heard:
        certificate = read_certificate(told.metrics)
        telling = tell(place.address, told, certificate)
        if self._is_copy:
            return Heard(telling.said)
        node = self._births.bear(place, certificate, received_ms)
        figures = {"metrics": len(certificate.names)}
        if not place.device:
            node.bd_seq, node.next_seq = read_bd_seq(told.metrics), None
        online = Event(EventKind.ONLINE, place.address, f"birth with {len(certificate.names)} metrics", figures)
        heard = self._count(place, node, told, received_ms)
        faults = (*certificate.faults, *telling.faults)
        return Heard(telling.said, (*heard.events, online, *_tell_faults(place, faults)), heard.replies)

    def _hear_data(self, place: Place, told: Payload, received_ms: int) -> Heard:
        births = self._births
        certificate = births.find_at(place, received_ms) if self._is_copy else births.find(place)
        if certificate is None:
            raise self._refuse(place, told, "there is no birth certificate", received_ms)
        telling = tell(place.address, told, certificate)
        if telling.unknown:
            raise self._refuse(place, told, telling.unknown[0], received_ms)
        if self._is_copy:
            return Heard(telling.said)
        heard = self._count(place, births.recall(place), told, received_ms)
        return Heard(telling.said, (*heard.events, *_tell_faults(place, telling.faults)), heard.replies)

    def _hear_end_of_node(self, place: Place, told: Payload, received_ms: int) -> Heard:
        if self._is_copy:
            return Heard()
        node = self._births.recall(place)
        bd_seq = read_bd_seq(told.metrics)
        if None not in (bd_seq, node.bd_seq) and bd_seq != node.bd_seq:
            detail = f"death of an earlier connection: bdSeq is {bd_seq}, that of the birth is {node.bd_seq}"
            return Heard(events=(Event(EventKind.OTHER, place.address, detail),))
        dead = [device for device in node.list_present() if device]
        for member in node.members.values():
            member.end(received_ms, died=True)
        node.next_seq = None
        events = [Event(EventKind.OFFLINE, place.address, "death of the edge node")]
        for device in dead:
            address = place._replace(device=device).address
            events.append(Event(EventKind.OFFLINE, address, "death of its edge node"))
        return Heard(events=events)

    def _hear_end_of_device(self, place: Place, told: Payload, received_ms: int) -> Heard:
        if self._is_copy:
            return Heard()
        node = self._births.recall(place)
        member = node.members.get(place.device)
        if member is not None:
            member.end(received_ms, died=True)
        heard = self._count(place, node, told, received_ms)
        return heard._replace(events=(*heard.events, Event(EventKind.OFFLINE, place.address, "death")))

    def _count(self, place: Place, node: Node, told: Payload, received_ms: int) -> Heard:
        """Return what there is to say and to ask where messages are missing before this one."""
        expected = node.count(told.seq)
        if expected is None:
            return Heard()
        detail = f"messages are missing: number {told.seq} came where {expected} was expected"
        return Heard(
            events=(Event(EventKind.FAILED, place.node_address, detail),), replies=self._ask(place, received_ms)
        )

    def _refuse(self, place: Place, told: Payload, detail: str, received_ms: int) -> UnbornError:
        """Return why a message cannot be understood yet, after asking for what it needs."""
        detail = f"{shorten(place.address)}: {detail}"
        if self._is_copy:
            return UnbornError(f"{detail} of that time")
        self._births.miss(place, received_ms).count(told.seq)
        return UnbornError(detail, self._ask(place, received_ms))

    def _ask(self, place: Place, received_ms: int) -> tuple[Reply, ...]:
        """Return the request for a rebirth, where it is time for one."""
        if not self._births.ask(place, received_ms):
            return ()
        return (Reply(f"{self._root}/{place.group}/NCMD/{place.node}", write_rebirth(received_ms)),)


FORMAT = Format(
    title="Sparkplug B",
    root="spBv1.0",
    is_lossless=False,
    is_partial=True,
    traits=Traits(fields=FIELDS),
    open=lambda source: _Interpreter(source.root, Births()),
)


def _make_place(group: str, node: str, device: str = "") -> Place:
    if max(map(len, (group, node, device))) > LONGEST_NAME:
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic has a name of more than {LONGEST_NAME} characters")
    return Place(group, node, device)


def _tell_faults(place: Place, faults: Sequence[str]) -> tuple[Event, ...]:
    if not faults:
        return ()
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return (Event(EventKind.FAILED, place.address, f"{faults[0]}{more}", {"metrics": len(faults)}),)
