"""Routes: which Device a topic speaks for, and everything that depends only on it, prepared once.

A topic is ``<prefix>/<site>/<device>/reading``. Routes are made from the inventory on first use and kept per topic;
what a Device has sent before lives in ``ingest.memory`` and outlives a reload of the inventory.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.codec import Codec, Reader, RefusedError
from ingest.inventory import Device, Inventory, Placement
from ingest.line import build_prefix
from schemas.device_type import Clock, DeviceType
from schemas.reason import Reason
from schemas.validation import shorten

MOST_ROUTES = 10_000
"""Routes that are kept: nearly every message goes down a Lane (``ingest.lane``), and needs none."""
MOST_UNKNOWN_TOPICS = 10_000
"""Refused topics are remembered too, but not without bound: anyone who may publish can invent them."""
LONGEST_TOPIC = 256
"""Characters of a refused topic that is still worth remembering."""

NO_TAGS: Mapping[str, str] = {}


@dataclass(slots=True)
class PlacedAt:
    """A Device at one of its placements.

    Attributes:
        placement: Where and when.
        device: Which.
        own: Tags of its readings beside the usual ones.
        prefix: What the lines of its readings begin with, in UTF-8; empty until ``find_prefix`` was asked for it.
        simulated_prefix: Likewise, of readings that say that they are simulated.
    """

    placement: Placement
    device: Device
    own: Mapping[str, str]
    prefix: bytes = b""
    simulated_prefix: bytes = b""

    def find_prefix(self, *, simulated: bool) -> bytes:
        """Return what the lines of its readings begin with, in UTF-8; made when it is first asked for."""
        prefix = self.simulated_prefix if simulated else self.prefix
        if not prefix:
            prefix = self._make_prefix(simulated=simulated)
            if simulated:
                self.simulated_prefix = prefix
            else:
                self.prefix = prefix
        return prefix

    def _make_prefix(self, *, simulated: bool) -> bytes:
        device, place = self.device, self.placement
        tags = {"device": device.id, "site": place.site, "type": device.type_key, "zone": place.zone, **self.own}
        return build_prefix(device.type_key, tags | {"simulated": "true"} if simulated else tags).encode()


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of a topic.

    Attributes:
        topic: The topic itself; empty where a Source tells of the Device.
        site: The site that it names; likewise.
        device: The Device that it names.
        device_type: The Device's type.
        read: Payload bytes to checked Observations.
        codec: Of the payloads; None where a Source tells of the Device.
        has_clock: Whether the event time is the Device's own.
        ahead_ms: How far ahead of the time of receipt an event time is believable, in milliseconds.
        placed: The Device's placements, newest first.
    """

    topic: str
    site: str
    device: Device
    device_type: DeviceType
    read: Reader
    codec: Codec | None
    has_clock: bool
    ahead_ms: int
    placed: tuple[PlacedAt, ...]

    def find_placement(self, time_ms: int) -> PlacedAt:
        """Return where the Device was at a moment.

        Raises:
            RefusedError: It was nowhere then (NOT_PLACED), or not at the site that the topic names (WRONG_SITE).
        """
        for placed in self.placed:
            if placed.placement.from_ms <= time_ms < placed.placement.to_ms:
                if placed.placement.site == self.site or not self.site:
                    return placed
                raise RefusedError(
                    Reason.WRONG_SITE,
                    f"the topic names site {self.site}; {self.device.id} was at {placed.placement.site} then",
                )
        raise RefusedError(Reason.NOT_PLACED, f"{self.device.id} had no placement then")


class RouteTable:
    """Topics to Routes, for one inventory.

    Args:
        inventory: Sites and devices.
        types: By key.
        codec: Reads payloads.
        topic_prefix: Beginning of every topic.
        sharer: Name of this collector where it shares a subscription. Two that do would give two readings of a device
            without a clock the same millisecond, and so one point; a tag of their own keeps the points apart.
    """

    def __init__(
        self,
        inventory: Inventory,
        types: Mapping[str, DeviceType],
        codec: Codec,
        topic_prefix: str,
        sharer: str | None = None,
    ) -> None:
        self._inventory = inventory
        self._sharer = sharer
        self._types = types
        self._prefix = topic_prefix + "/"
        self._ahead_ms = {key: int(one.ahead.total_seconds() * 1000) for key, one in types.items()}
        self._codec = codec
        self._readers: dict[str, Reader] = {}
        self._routes: dict[str, Route] = {}
        # Not the errors themselves: an exception holds on to the frames that it came through, and their messages.
        self._refused: dict[str, tuple[Reason, str]] = {}

    @property
    def devices(self) -> Mapping[str, Device]:
        """Every Device of the inventory, by id."""
        return self._inventory.devices

    def find(self, topic: str) -> Route:
        """Return the Route of a topic.

        Raises:
            RefusedError: The topic has another form (UNKNOWN_TOPIC), or names no Device (UNKNOWN_DEVICE).
        """
        route = self._routes.get(topic)
        if route is not None:
            return route
        refused = self._refused.get(topic)
        if refused is not None:
            raise RefusedError(*refused)
        try:
            route = self._build(topic)
        except RefusedError as error:
            if len(self._refused) < MOST_UNKNOWN_TOPICS and len(topic) <= LONGEST_TOPIC:
                self._refused[topic] = (error.reason, error.detail)
            raise
        if len(self._routes) >= MOST_ROUTES:
            del self._routes[next(iter(self._routes))]
        self._routes[topic] = route
        return route

    def find_device(self, topic: str) -> str:
        """Return the id of the Device that a topic speaks for; empty where it speaks for none."""
        device_id = topic.split("/")[-2] if "/" in topic else ""
        return device_id if device_id in self._inventory.devices else ""

    def keeps_payload(self, device_id: str) -> bool:
        """Whether the quarantine may hold payloads of a Device; also of one that is not in the inventory."""
        device = self._inventory.devices.get(device_id)
        return device is None or self._types[device.type_key].keeps_payload

    def _build(self, topic: str) -> Route:
        segments = topic.removeprefix(self._prefix).split("/")
        if not topic.startswith(self._prefix) or len(segments) != 3 or segments[2] != "reading":  # noqa: PLR2004 - site, device, "reading"
            raise RefusedError(
                Reason.UNKNOWN_TOPIC, f"the topic is not of the form {self._prefix}<site>/<device>/reading"
            )
        site, device_id, _ = segments
        device = self._inventory.devices.get(device_id)
        if device is None:
            raise RefusedError(Reason.UNKNOWN_DEVICE, f"no device {shorten(device_id)} is in the inventory")
        if not any(placement.site == site for placement in device.placements):
            raise RefusedError(Reason.WRONG_SITE, f"{device_id} was never placed at a site {shorten(site)}")
        device_type = self._types[device.type_key]
        has_clock = device_type.clock is Clock.DEVICE
        own = NO_TAGS if has_clock or self._sharer is None else {"collector": self._sharer}
        return Route(
            topic=topic,
            site=site,
            device=device,
            device_type=device_type,
            read=self._find_reader(device.type_key),
            codec=self._codec,
            has_clock=has_clock,
            ahead_ms=self._ahead_ms[device.type_key],
            placed=tuple(PlacedAt(placement, device, own) for placement in reversed(device.placements)),
        )

    def _find_reader(self, type_key: str) -> Reader:
        """Return what reads payloads of a DeviceType; it is made when the first of its devices is heard."""
        if type_key not in self._readers:
            self._readers[type_key] = self._codec.prepare(self._types[type_key])
        return self._readers[type_key]
