"""Births of Sparkplug B edge nodes and their devices: what names and aliases mean, and since when.

- An address is ``group/node`` or ``group/node/device``; the node itself is its device without a name.
- What is remembered is bounded: so many metrics of one edge node, so many of all. Nodes that were silent longest are
  forgotten first, and are asked to tell everything again when they speak. Of one node what is not alive makes room for
  what is born: devices that come and go, under names that are never used again, do not keep others out.
- A certificate holds until its edge node or device dies, or another takes its place. What came while there was none is
  understood by the next one if that follows soon, and nobody died between: it was asked for then.
- One that says the same as the one before it holds since that one did: what lay in quarantine for other reasons is
  understood as long as nothing was renumbered.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ingest.codec import CodecError
from ingest.payloads.sparkplug_payload import Metric
from ingest.payloads.sparkplug_values import DataType
from ingest.payloads.written_unit import read_unit
from ingest.source import LONGEST_NAME
from schemas.reason import Reason
from schemas.validation import shorten

MOST_KEPT = 100_000
"""Metrics, devices and edge nodes of one Source; they take some 25 MB."""
MOST_OF_NODE = 20_000
MOST_ASKED = 10_000
"""Edge nodes of which it is known when they were asked."""
ASK_AGAIN_MS = 60_000
AWAITED_MS = 600_000
"""A birth that comes later than this is not the answer to what came before it."""
SEQS = 256
"""Messages are numbered from 0 to 255, and from 0 again."""

UNIT = "engUnit"
"""Property of a metric that tells its unit."""

_MAKE, _MODEL = "Properties/Hardware Make", "Properties/Hardware Model"
_BD_SEQ = "bdSeq"


class Place(NamedTuple):
    """Who a message is of.

    Attributes:
        group: Identifier of the group.
        node: Of the edge node.
        device: Of the device; empty for the edge node itself.
    """

    group: str
    node: str
    device: str = ""

    @property
    def node_address(self) -> str:
        """Address of the edge node."""
        return f"{self.group}/{self.node}"

    @property
    def address(self) -> str:
        """Address of the device, or of the edge node itself."""
        return f"{self.group}/{self.node}/{self.device}" if self.device else self.node_address


class Meaning(NamedTuple):
    """What a birth says of a metric.

    Attributes:
        name: As it is called; of a template's member both names, joined with a dot.
        datatype: Its number in the specification; zero where it is not told.
        unit: UCUM code, or what the edge node calls a unit that is not known here; empty where it is not told.
    """

    name: str
    datatype: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A birth certificate.

    Attributes:
        names: Metrics by name.
        aliases: Likewise by alias; one that stands for two metrics is none.
        faults: What is wrong with it, for people.
        model: Maker and model, where it tells them.
        since_ms: Since when messages are understood by it, in milliseconds since 1970 in UTC.
        until_ms: Until when; None while it holds.
    """

    names: Mapping[str, Meaning]
    aliases: Mapping[int, Meaning]
    faults: tuple[str, ...] = ()
    model: str = ""
    since_ms: int = 0
    until_ms: int | None = None

    def says_same(self, other: "Certificate") -> bool:
        """Return whether another gives the same names the same meaning."""
        return self.aliases == other.aliases and self.names == other.names

    def held_at(self, time_ms: int) -> bool:
        """Return whether what came then is understood by it; ``time_ms`` in milliseconds since 1970 in UTC."""
        return self.since_ms <= time_ms and (self.until_ms is None or time_ms < self.until_ms)


@dataclass(slots=True)
class Member:
    """What is remembered of an edge node's device, or of itself.

    Attributes:
        certificate: The latest; None where none came yet.
        awaited_ms: When the first message came that needs the next one; None for none.
    """

    certificate: Certificate | None = None
    awaited_ms: int | None = None

    @property
    def present(self) -> Certificate | None:
        """The certificate that holds; None for none."""
        certificate = self.certificate
        return certificate if certificate is not None and certificate.until_ms is None else None

    @property
    def weight(self) -> int:
        """How much of ``MOST_KEPT`` it takes."""
        return 1 + (0 if self.certificate is None else len(self.certificate.names))

    def bear(self, certificate: Certificate, received_ms: int) -> None:
        """Put a certificate in the place of the one before."""
        since_ms, last = received_ms, self.certificate
        if last is not None and last.says_same(certificate):
            since_ms = last.since_ms
        elif self.awaited_ms is not None and self.awaited_ms <= received_ms:
            since_ms = max(self.awaited_ms, received_ms - AWAITED_MS)
        self.certificate = replace(certificate, since_ms=since_ms, faults=())
        self.awaited_ms = None

    def end(self, received_ms: int, *, died: bool) -> None:
        """Note that the certificate holds no longer; after a death the next one says nothing of what came before."""
        if self.present is not None:
            self.certificate = replace(self.present, until_ms=received_ms)
        if died:
            self.awaited_ms = None


@dataclass(slots=True)
class Node:
    """What is remembered of an edge node.

    Attributes:
        bd_seq: Number of its birth, which its death will have too; None where it is not known.
        next_seq: Number of its next message; None where that is not known.
        members: Devices by identifier, itself under an empty one.
        weight: How much of ``MOST_KEPT`` it takes.
    """

    bd_seq: int | None = None
    next_seq: int | None = None
    members: dict[str, Member] = field(default_factory=dict)
    weight: int = 1

    def count(self, seq: int | None) -> int | None:
        """Note the number of a message; one without says nothing.

        Returns:
            The number that was expected in its place; None where this one was, or nothing is known.
        """
        if seq is None:
            return None
        expected, self.next_seq = self.next_seq, (seq + 1) % SEQS
        return None if expected == seq else expected

    def list_present(self) -> list[str]:
        """Return the identifiers of what is alive, itself first."""
        return [device for device, member in self.members.items() if member.present is not None]


class Births:
    """The edge nodes of one Source.

    Args:
        most: Metrics, devices and edge nodes to remember.
        most_of_node: Likewise, of one edge node.
    """

    def __init__(self, most: int = MOST_KEPT, most_of_node: int = MOST_OF_NODE) -> None:
        self._most = most
        self._most_of_node = most_of_node
        self._nodes: OrderedDict[str, Node] = OrderedDict()
        self._asked: OrderedDict[str, int] = OrderedDict()
        self.weight = 0

    def find(self, place: Place) -> Certificate | None:
        """Return the certificate that holds now; None for none."""
        member = self._find_member(place)
        return None if member is None else member.present

    def find_at(self, place: Place, time_ms: int) -> Certificate | None:
        """Return the certificate by which what came then is understood; None for none."""
        member = self._find_member(place)
        if member is None or member.certificate is None or not member.certificate.held_at(time_ms):
            return None
        return member.certificate

    def recall(self, place: Place) -> Node:
        """Return what is remembered of an edge node, which was just heard."""
        address = place.node_address
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Node()
            self._weigh(node.weight)
        self._nodes.move_to_end(address)
        return node

    def bear(self, place: Place, certificate: Certificate, received_ms: int) -> Node:
        """Remember a certificate.

        Raises:
            CodecError: The edge node has too many metrics; nothing is changed then.
        """
        forgotten = self._choose_forgotten(place, certificate)
        node = self.recall(place)
        for device in forgotten:
            weight = node.members.pop(device).weight
            node.weight -= weight
            self.weight -= weight
        if not place.device:
            for one in node.members.values():
                one.end(received_ms, died=False)
        member = self._join(node, place.device)
        before = member.weight
        member.bear(certificate, received_ms)
        node.weight += member.weight - before
        self._weigh(member.weight - before)
        return node

    def miss(self, place: Place, received_ms: int) -> Node:
        """Remember that a message came which cannot be understood without the next certificate."""
        node = self.recall(place)
        if place.device in node.members or node.weight < self._most_of_node:
            member = self._join(node, place.device)
            member.awaited_ms = received_ms if member.awaited_ms is None else member.awaited_ms
        return node

    def ask(self, place: Place, received_ms: int) -> bool:
        """Return whether an edge node may be asked now, and remember that it was; seldom, and not too many of them."""
        address = place.node_address
        asked_ms = self._asked.get(address)
        if asked_ms is not None and 0 <= received_ms - asked_ms < ASK_AGAIN_MS:
            return False
        if asked_ms is None and len(self._asked) >= MOST_ASKED:
            if 0 <= received_ms - next(iter(self._asked.values())) < ASK_AGAIN_MS:
                return False
            self._asked.popitem(last=False)
        self._asked[address] = received_ms
        self._asked.move_to_end(address)
        return True

    def _find_member(self, place: Place) -> Member | None:
        node = self._nodes.get(place.node_address)
        return None if node is None else node.members.get(place.device)

    def _choose_forgotten(self, place: Place, certificate: Certificate) -> list[str]:
        """Return the devices of an edge node that make room for a certificate: of those not alive the longest known.

        Raises:
            CodecError: All that is alive has too many metrics.
        """
        node = self._nodes.get(place.node_address) or Node()
        before = node.members.get(place.device)
        weight = node.weight - (0 if before is None else before.weight) + Member(certificate).weight
        forgotten: list[str] = []
        for device, member in node.members.items():
            if weight <= self._most_of_node:
                break
            # The birth of an edge node ends what its devices told before.
            if device != place.device and (member.present is None or not place.device):
                forgotten.append(device)
                weight -= member.weight
        if weight > self._most_of_node:
            detail = f"edge node {shorten(place.node_address)} has more than {self._most_of_node} metrics"
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
        return forgotten

    def _join(self, node: Node, device: str) -> Member:
        """Return what is remembered of a device, from now on if nothing was."""
        member = node.members.get(device)
        if member is None:
            member = node.members[device] = Member()
            node.weight += member.weight
            self._weigh(member.weight)
        return member

    def _weigh(self, more: int) -> None:
        """Count what is remembered, and forget the nodes that were silent longest; never the last one heard."""
        self.weight += more
        while self.weight > self._most and len(self._nodes) > 1:
            _, forgotten = self._nodes.popitem(last=False)
            self.weight -= forgotten.weight


def spread(metric: Metric, name: str) -> Iterator[tuple[str, Metric]]:
    """Yield a metric and its name; of a template its members instead, both names joined with a dot.

    What the members leave out of time and history is that of the template.
    """
    if metric.kind != "template_value" or metric.is_null:
        yield name, metric
        return
    if metric.value.is_definition:
        return
    for one in metric.value.metrics:
        time_ms = metric.time_ms if one.time_ms is None else one.time_ms
        told = one._replace(time_ms=time_ms, is_history=one.is_history or metric.is_history)
        yield (f"{name}.{one.name}" if one.name else ""), told


def read_certificate(metrics: Sequence[Metric]) -> Certificate:
    """Return what a birth says of its metrics; what is wrong with one of them costs only that one."""
    names: dict[str, Meaning] = {}
    aliases: dict[int, Meaning] = {}
    doubtful: set[int] = set()
    faults: list[str] = []
    for name, metric in _list_declared(metrics):
        if not name or len(name) > LONGEST_NAME:
            faults.append(f"{shorten(repr(name))} is no name of a metric")
            continue
        meaning = names[name] = Meaning(name, metric.datatype, read_unit(str(metric.properties.get(UNIT, ""))))
        if metric.alias is None:
            continue
        if aliases.setdefault(metric.alias, meaning).name != name:
            faults.append(f"{shorten(name)} has alias {metric.alias}, and so has {aliases[metric.alias].name}")
            doubtful.add(metric.alias)
    for alias in doubtful:
        del aliases[alias]
    told = (metric.value for name in (_MAKE, _MODEL) for metric in metrics if metric.name == name)
    model = shorten(" ".join(value for value in told if isinstance(value, str)))
    return Certificate(names, aliases, tuple(faults), model)


def _list_declared(metrics: Sequence[Metric]) -> Iterator[tuple[str, Metric]]:
    """Yield all that has a meaning: a template and its members both."""
    for metric in metrics:
        name = metric.name
        if metric.kind == "template_value":
            yield name, metric._replace(datatype=DataType.TEMPLATE)
            yield from spread(metric, name)
        else:
            yield name, metric


def read_bd_seq(metrics: Sequence[Metric]) -> int | None:
    """Return the number that a birth and its death have in common; None where it is missing."""
    found = (metric.value for metric in metrics if metric.name == _BD_SEQ)
    return next((value for value in found if type(value) is int), None)
