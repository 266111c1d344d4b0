"""Source: a network server, gateway or bridge that tells of devices in a format of its own.

A Format is one file in ``ingest/codecs``. It makes an Interpreter for each Source of it, which remembers what later
messages need of earlier ones: the names behind aliases, which name means which device. What a message says comes out
as Said, in the Source's own words; ``ingest.model`` says what these words are called in a DeviceType.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from ingest.codec import CodecError
from ingest.stripping import NO_TRAITS, Traits
from schemas.reason import Reason

LONGEST_NAME = 250
"""Characters of a name that an Interpreter remembers: topics have up to 65,535, and whoever publishes chooses them."""

Plain = float | bool | str | None
"""A value as a Source tells it; None where the Source says that there is none."""


class Frame(NamedTuple):
    """What a LoRaWAN device sent, undecoded.

    Attributes:
        port: FPort, 0 to 255.
        body: FRMPayload, deciphered.
    """

    port: int
    body: bytes


class Counter(NamedTuple):
    """Which uplink of a device it is.

    Attributes:
        session: Names the session; a rejoin begins another.
        number: FCnt, 0 to 2^32 - 1.
    """

    session: str
    number: int


class Radio(NamedTuple):
    """How well an uplink was received, by the gateway that received it best.

    Attributes:
        rssi_dbm: Received signal strength; None where no gateway says.
        snr_db: Signal-to-noise ratio; likewise.
        spreading_factor: 7 to 12; None for what is not LoRa.
        gateways: How many received it.
        gateway: Identifier of the one that received it best; empty where nothing says.
    """

    rssi_dbm: float | None = None
    snr_db: float | None = None
    spreading_factor: int | None = None
    gateways: int = 0
    gateway: str = ""


class Said(NamedTuple):
    """What a message says of one device at one moment.

    Attributes:
        address: Of the device at the Source, in the one form that the Format documents.
        members: Values by name; what is nested has the path, joined with dots.
        units: UCUM codes of those members whose unit the message itself tells.
        time_ms: Event time in milliseconds since 1970 in UTC; None where the message has none.
        counter: Of a LoRaWAN uplink.
        missed: Likewise, how many of its session were missed just before it; -1 where it was itself taken for missed
            and comes late; None where nothing can be said.
        frame: Likewise, where the message has it.
        radio: Likewise.
        seq: The publisher's own number, where it is one that grows by one; of an uplink its FCnt.
        simulated: Whether the Source says that nobody measured it.
        is_history: Whether the Source says that it is told late.
        model: What the Source calls the product, for a guess; empty where it does not say.
        is_reckoned: Whether the time was reckoned from that of the receipt.
    """

    address: str
    members: Mapping[str, Plain] = {}
    units: Mapping[str, str] = {}
    time_ms: int | None = None
    counter: Counter | None = None
    frame: Frame | None = None
    radio: Radio | None = None
    seq: int | None = None
    simulated: bool = False
    is_history: bool = False
    model: str = ""
    missed: int | None = None
    is_reckoned: bool = False

    @property
    def has_time(self) -> bool:
        """Whether the message itself says when, and so even where the broker had kept it."""
        return self.time_ms is not None and not self.is_reckoned


class Session(NamedTuple):
    """Where a LoRaWAN device is in its count; see ``ingest.payloads.lorawan``.

    Attributes:
        key: What the network server calls the session.
        name: What we call it: the same, and where the device counted from zero again under it, since when.
        before: What it was called before that.
        began_ms: Time of the first uplink under this name.
        number: Greatest FCnt; -1 where only the join was heard.
        time_ms: Latest time.
        holes: Which numbers below that are missing: bit 0 stands for the next lower one.
    """

    key: str
    name: str
    before: str
    began_ms: int
    number: int
    time_ms: int
    holes: int = 0


class KnownSession(NamedTuple):
    """The session of a device, as it outlives the collector.

    Attributes:
        source: Key of the Source.
        address: Of the device there.
        session: Where it is.
    """

    source: str
    address: str
    session: Session


class EventKind(StrEnum):
    """What a message tells that is no reading."""

    JOINED = "joined"  # a LoRaWAN device began a session
    ONLINE = "online"
    OFFLINE = "offline"
    STATUS = "status"  # battery, link margin, configuration
    LOCATED = "located"  # somebody computed where it is
    DESCRIBED = "described"  # which devices there are, and what they can tell
    CODEC_FAILED = "codec_failed"  # the network server's own decoder failed
    FRAME_BROKEN = "frame_broken"  # our own decoder refused the bytes of a device
    FAILED = "failed"  # the network server tells of another fault
    OTHER = "other"  # known, and of no interest


class Event(NamedTuple):
    """What a message tells that is no reading.

    Attributes:
        kind: Of event.
        address: Of the device; empty where it is of the Source itself.
        detail: For people; empty where the kind says it all.
        members: What can be told in values, by name.
        uplink: Of an uplink without a payload: it is no reading, but was heard.
        simulated: Whether the Source says that it never happened.
    """

    kind: EventKind
    address: str = ""
    detail: str = ""
    members: Mapping[str, Plain] = {}
    uplink: Said | None = None
    simulated: bool = False


class Reply(NamedTuple):
    """What the Source is to be told, such as a request for a new birth certificate.

    Attributes:
        topic: Where to.
        payload: What.
    """

    topic: str
    payload: bytes


class UnbornError(CodecError):
    """A message says something that cannot be understood before its Source tells again what its names mean.

    Unlike after another CodecError the Interpreter may remember that the message came, and that it asked.

    Attributes:
        replies: To be published, as those of ``Heard``; empty where the Source was asked a moment ago.
    """

    def __init__(self, detail: str, replies: Sequence[Reply] = ()) -> None:
        super().__init__(Reason.MISSING_BIRTH, detail)
        self.replies = replies


class Heard(NamedTuple):
    """What a message says. One with neither is known and says nothing, such as a heartbeat.

    Attributes:
        said: Of devices, in the order of the message.
        events: What is no reading.
        replies: To be published.
    """

    said: Sequence[Said] = ()
    events: Sequence[Event] = ()
    replies: Sequence[Reply] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place that messages come from, as people describe it in ``deploy/sources``.

    Attributes:
        key: Name of its file.
        format_key: Name of the Format's file in ``ingest/codecs``.
        root: Beginning of its topics, without a slash at the end, such as ``zigbee2mqtt``.
        patterns: Of Formats whose topics are a matter of taste: topics with ``{address}`` and ``{member}`` in them.
        zone_info: Of clocks that tell local time without an offset.
        keeps_payloads: Whether quarantine may hold what it sent; otherwise only length, checksum and reason.
    """

    key: str
    format_key: str
    root: str
    patterns: tuple[str, ...] = ()
    zone_info: ZoneInfo
    keeps_payloads: bool = True


class Interpreter(Protocol):
    """Reads the messages of one Source, in order."""

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Args:
            topic: Of the message.
            payload: Any bytes at all.
            received_ms: Milliseconds since 1970 in UTC; only for what is told relative to it.

        Raises:
            UnbornError: It cannot be understood yet.
            CodecError: It is not of the format. Nothing else is ever raised, and nothing that was remembered before is
                changed then.
        """


def list_all_below(source: Source) -> Sequence[str]:
    """Return the filter of all topics below the root of a Source."""
    return (f"{source.root}/#",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of a Source, one file in ``ingest/codecs``.

    Attributes:
        title: What people call it.
        root: Usual beginning of the topics.
        is_lossless: False where the Source itself publishes with QoS 0: what is lost before the broker nobody can tell.
        is_partial: Whether a message may tell only what changed, or one value: then no field of a DeviceType is
            required in it.
        open: Returns an Interpreter of a Source that has heard nothing yet.
        list_filters: Returns the topic filters to subscribe to for a Source.
        traits: What its messages have that stays, or goes, when identifiers of people are stripped of them.
    """

    title: str
    root: str
    is_lossless: bool
    is_partial: bool
    open: Callable[[Source], Interpreter]
    list_filters: Callable[[Source], Sequence[str]] = list_all_below
    traits: Traits = NO_TRAITS
