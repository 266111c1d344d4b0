"""LoRaWAN: what every network server says of an uplink, in one form, and the sessions that uplinks are counted in.

Which uplink of a device it is: (DevEUI, session, FCnt). A rejoin begins a session, and so does a device that counts
from zero again under the keys that it has (LoRaWAN 1.0.x with keys of its own, ABP, at every change of battery).

What is missing between two uplinks of a session was sent and lost on the way: at no gateway, or between the network
server and our broker. Uplinks without a payload count too, so they must be heard: The Things Stack
(``handleDataUplink`` of its network server) and ChirpStack (``send_uplink_event``) tell of each uplink that is no
repetition, with port 0 and no bytes where it has only MAC commands. How many were lost before the first uplink of a
session nobody can know.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from ingest.codec import CodecError
from ingest.payloads.protobuf_json import Part
from ingest.sequence import WRAP, WRAP_NEAR
from ingest.source import Counter, Event, EventKind, Frame, Heard, Plain, Radio, Said, Session
from schemas.reason import Reason
from schemas.validation import shorten

GREATEST_COUNT = 2**32 - 1
GREATEST_PORT = 255
MOST_OCTETS = 255
"""Of a LoRa packet, headers included; no frame has more."""
MOST_DEVICES = 100_000
LATE_STEPS = 16
"""So far an uplink that comes late may stand behind the last one: devices send more seldom than messages overtake."""
LATE_KNOWN = 64
"""Of so many numbers below the last one it is remembered whether they are missing."""
REPEAT_MS = 60_000
"""So long after it a device may repeat its first uplink; later it has begun again, and got no further than before."""

AHEAD_MS = 3_600_000
"""So far ahead a network server's clock may be and still say which uplink came first."""

_EUI = re.compile(r"[0-9A-Fa-f]{16}")
_DEVICE_ADDRESS = re.compile(r"[0-9A-Fa-f]{8}")
_SPREADING_FACTORS = range(5, 13)  # 5 and 6 are of newer transceivers


class Reception(NamedTuple):
    """How one gateway received an uplink.

    Attributes:
        gateway: Its identifier; empty where it has none.
        rssi_dbm: Received signal strength; None where it is not told.
        snr_db: Signal-to-noise ratio; likewise.
    """

    gateway: str
    rssi_dbm: float | None
    snr_db: float | None


class Moment(NamedTuple):
    """What the network server's own decoder made of an uplink, for one moment.

    Attributes:
        members: Values by name.
        time_ms: Milliseconds since 1970 in UTC; None where it is not told.
    """

    members: Mapping[str, Plain]
    time_ms: int | None


class Uplink(NamedTuple):
    """An uplink as a network server tells it.

    Attributes:
        address: DevEUI, 16 hexadecimal digits in upper case.
        session: What the network server calls the session.
        number: FCnt.
        time_ms: When it was received, in milliseconds since 1970 in UTC; None where that is not told.
        frame: What the device sent; None where there are no bytes.
        moments: What was decoded already, the latest last.
        radio: How well it was received.
        simulated: Whether no device sent it; then its FCnt means nothing.
        model: What the network server calls the product.
    """

    address: str
    session: str
    number: int
    time_ms: int | None = None
    frame: Frame | None = None
    moments: Sequence[Moment] = ()
    radio: Radio | None = None
    simulated: bool = False
    model: str = ""


class Sessions:
    """The sessions of the devices behind one network server.

    - At most ``most`` devices are remembered; those that were silent longest are forgotten first.
    - A session that nothing is remembered of is called as the network server calls it.
    - What changes is told once, for whoever keeps it on disk with what was said: ``take_changed``.

    Args:
        most: Devices to remember.
    """

    def __init__(self, most: int = MOST_DEVICES) -> None:
        self._most = most
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._changed: dict[str, Session] = {}

    def __iter__(self) -> Iterator[tuple[str, Session]]:
        """Yield address and session of each device, the one that was silent longest first."""
        yield from self._sessions.items()

    def take_changed(self) -> dict[str, Session]:
        """Return the sessions that changed since the last call, by address."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, sessions: Mapping[str, Session]) -> None:
        """Take note again of sessions, by address, of which nothing was heard yet."""
        kept = sorted(sessions.items(), key=lambda one: one[1].time_ms)[-self._most :]
        self._sessions = OrderedDict(kept)

    def hear(self, uplink: Uplink, received_ms: int) -> Heard:
        """Return what an uplink says; one without a payload (MAC commands only) is an Event.

        Of several moments the last has the frame, the counter and the radio: the others were sent before, and are known
        by times of their own.

        Args:
            uplink: As told.
            received_ms: Milliseconds since 1970 in UTC.
        """
        counter, missed = None, None
        if not uplink.simulated:
            time_ms = order_by(uplink.time_ms, received_ms)
            counter, missed = self.take(uplink.address, uplink.session, uplink.number, time_ms)
        *earlier, latest = uplink.moments or (Moment({}, uplink.time_ms),)
        told = Said(uplink.address, simulated=uplink.simulated, model=uplink.model)
        said = [told._replace(members=one.members, time_ms=one.time_ms) for one in earlier]
        last = told._replace(
            members=latest.members,
            time_ms=latest.time_ms,
            counter=counter,
            missed=missed,
            frame=uplink.frame,
            radio=uplink.radio,
            seq=None if counter is None else counter.number,
        )
        if uplink.frame is None and not uplink.moments:
            return Heard(events=(_tell_empty(last),))
        return Heard((*said, last))

    def __deepcopy__(self, memo: dict[int, object]) -> "Sessions":
        """Return a copy that shares what cannot change: 100,000 devices take 0.1 s."""
        copied = Sessions(self._most)
        copied._sessions = self._sessions.copy()
        memo[id(self)] = copied
        return copied

    def take(self, address: str, key: str, number: int, time_ms: int) -> tuple[Counter, int | None]:
        """Return which uplink of a device it is, and how many were missed just before it.

        That is -1 for one that comes late and was taken for missed, so that the sum is right; None where nothing can
        be said: for the first of a session, and for one that was there already or is too late to know.

        An FCnt below the last one is a counter that was set to zero, where the uplink is newer than the last one and
        the step is no small one; else it is an uplink that comes late or again. To take a late one for a reset stores
        it once more; to take a reset for late ones would lose them as duplicates.

        Args:
            address: DevEUI.
            key: What the network server calls the session.
            number: FCnt.
            time_ms: Of the uplink, in milliseconds since 1970 in UTC.
        """
        last = self._sessions.get(address)
        if last is None:
            return self._begin(address, Session(key, key, key, time_ms, number, time_ms)), None
        if time_ms < last.began_ms:
            return Counter(last.before if key == last.key else key, number), None
        if key != last.key:
            return self._begin(address, Session(key, key, key, time_ms, number, time_ms)), None
        if _is_reset(last, number, time_ms):
            begun = Session(key, f"{key}.{time_ms}", last.name, time_ms, number, time_ms)
            return self._begin(address, begun), _measure_wrap(last, number)
        missed, holes = _measure_gap(last, number)
        greatest, latest = max(number, last.number), max(time_ms, last.time_ms)
        self._remember(address, last._replace(number=greatest, time_ms=latest, holes=holes))
        return Counter(last.name, number), missed

    def rejoin(self, address: str, key: str, time_ms: int) -> None:
        """Note that a device joined: if the session is called as the one before, it is another all the same.

        Args:
            address: DevEUI.
            key: What the network server calls the session.
            time_ms: Of the join, in milliseconds since 1970 in UTC.
        """
        last = self._sessions.get(address)
        if last is not None and last.key == key and time_ms > last.time_ms:
            self._remember(address, Session(key, f"{key}.{time_ms}", last.name, time_ms, -1, time_ms))

    def _begin(self, address: str, session: Session) -> Counter:
        self._remember(address, session)
        return Counter(session.name, session.number)

    def _remember(self, address: str, session: Session) -> None:
        self._sessions[address] = self._changed[address] = session
        self._sessions.move_to_end(address)
        if len(self._sessions) > self._most:
            self._sessions.popitem(last=False)


def order_by(time_ms: int | None, received_ms: int) -> int:
    """Return the time that uplinks and joins are put in order by, in milliseconds since 1970 in UTC.

    A server whose clock was once years ahead would otherwise have all that follows taken for older.

    Args:
        time_ms: As the network server tells it, likewise; None where it does not.
        received_ms: When the message came, likewise.
    """
    return received_ms if time_ms is None or time_ms > received_ms + AHEAD_MS else time_ms


@runtime_checkable
class Counting(Protocol):
    """An Interpreter of a network server.

    Attributes:
        sessions: Of the devices behind it.
    """

    sessions: Sessions


def read_eui(text: str, whose: str) -> str:
    """Return a DevEUI in the form that addresses have: 16 hexadecimal digits in upper case.

    Args:
        text: As it came.
        whose: Name of the member, for people.

    Raises:
        CodecError: It is none.
    """
    if not _EUI.fullmatch(text):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{whose} is {shorten(repr(text))}, not 16 hexadecimal digits")
    return text.upper()


def read_device_address(text: str, whose: str) -> str:
    """Return a DevAddr, 8 hexadecimal digits, as it came.

    Raises:
        CodecError: It is none.
    """
    if not _DEVICE_ADDRESS.fullmatch(text):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{whose} is {shorten(repr(text))}, not 8 hexadecimal digits")
    return text


def read_frame(part: Part, name: str, port: str) -> Frame | None:
    """Return what the device sent; None where it is not told, or has no bytes.

    Args:
        part: Of the message.
        name: Of the member with the bytes.
        port: Of that with the port.

    Raises:
        CodecError: It is no base64, longer than a frame can be, or the port is none.
    """
    body = part.octets(name)
    number = part.whole(port, GREATEST_PORT)
    if len(body) > MOST_OCTETS:
        raise part.refuse(name, f"has {len(body)} bytes, more than a frame of LoRaWAN ({MOST_OCTETS})")
    return Frame(number, body) if body else None


def read_reception(metadata: Part, gateway: str) -> Reception:
    """Return how a gateway received an uplink; both network servers call it ``rssi`` and ``snr``.

    A ratio of 0 dB is left out like all that is zero; a strength of 0 dBm there is not.
    """
    rssi = metadata.number("rssi")
    snr = 0.0 if rssi is not None and "snr" not in metadata else metadata.number("snr")
    return Reception(gateway, rssi, snr)


def judge_radio(receptions: Iterable[Reception], spreading_factor: float | None) -> Radio | None:
    """Return how well an uplink was received, by the gateway with the strongest signal; None where no gateway says.

    Args:
        receptions: By gateway; one with several antennas may stand there several times.
        spreading_factor: As told; what LoRa does not have counts as none.
    """
    heard = list(receptions)
    if not heard:
        return None
    best = max(heard, key=_rank)
    names = {one.gateway or index for index, one in enumerate(heard)}
    factor = next((one for one in _SPREADING_FACTORS if one == spreading_factor), None)
    return Radio(best.rssi_dbm, best.snr_db, factor, len(names), shorten(best.gateway))


def _rank(reception: Reception) -> tuple[float, float]:
    none = float("-inf")
    rssi, snr = reception.rssi_dbm, reception.snr_db
    return none if rssi is None else rssi, none if snr is None else snr


def _is_reset(last: Session, number: int, time_ms: int) -> bool:
    """Return whether the counter was set to zero between the last uplink and this one."""
    if number == last.number == 0:
        return time_ms > last.time_ms + REPEAT_MS
    step = last.number - number
    return time_ms > last.time_ms and (step > LATE_STEPS or step > number)


def _measure_wrap(last: Session, number: int) -> int | None:
    """Return how many were missed where a counter of 16 bits went on from its end; None where it was set to zero."""
    if number < WRAP_NEAR and WRAP - WRAP_NEAR <= last.number < WRAP:
        return WRAP - 1 - last.number + number
    return None


def _measure_gap(last: Session, number: int) -> tuple[int | None, int]:
    """Return how many were missed before an uplink of the same session, and which are missing after it."""
    step = number - last.number
    if step > 0:
        if last.number < 0:
            return None, 0
        between = (1 << min(step - 1, LATE_KNOWN)) - 1
        kept = last.holes << step if step < LATE_KNOWN else 0
        return step - 1, (kept | between) & ((1 << LATE_KNOWN) - 1)
    place = -step - 1
    if 0 <= place < LATE_KNOWN and last.holes >> place & 1:
        return -1, last.holes ^ 1 << place
    return None, last.holes


def _tell_empty(said: Said) -> Event:
    members: dict[str, Plain] = {}
    if (counter := said.counter) is not None:
        members |= {"session": counter.session, "frame_counter": counter.number}
    if (radio := said.radio) is not None:
        members |= {
            "rssi": radio.rssi_dbm,
            "snr": radio.snr_db,
            "spreading_factor": radio.spreading_factor,
            "gateways": radio.gateways,
        }
    detail = "an uplink without a payload"
    return Event(EventKind.STATUS, said.address, detail, members, said, simulated=said.simulated)
