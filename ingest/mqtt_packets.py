"""What the packets of MQTT 5 say: bytes to packets, settings to bytes, reason codes to errors. Pure.

With ``ingest.mqtt_protocol`` the only module that knows the ``mqtt5`` codec, whose interface changes between versions.

Source: MQTT Version 5.0, OASIS Standard, 7 March 2019.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import mqtt5

from ingest.mqtt_error import ConnectionLost, ConnectRefused, PublishRefused, SubscribeRefused
from ingest.settings import Mqtt

REFUSED = 128
"""Reason codes from here on are failures (section 2.4).

The codec's codes are no integers, though its types say so: they have ``name``, ``value`` and equality, but neither
order nor hash.
"""

READ_BYTES = 256 * 1024
"""Most that is read at a time, but for larger packets: after so many, more is waiting."""
_PUBACK = 0x4002_0000

ConnectCode = mqtt5.ConnAckReasonCode

ADVICE = {
    ConnectCode.BAD_USER_NAME_OR_PASSWORD.value: "correct mqtt.username and its password, or the broker's accounts",
    ConnectCode.NOT_AUTHORIZED.value: "correct mqtt.username and its password, or the broker's accounts",
    ConnectCode.CLIENT_ID_NOT_VALID.value: "choose an mqtt.username that the broker takes as client identifier",
    ConnectCode.UNSUPPORTED_PROTOCOL_VERSION.value: "the broker must speak MQTT 5",
    ConnectCode.BAD_AUTHENTICATION_METHOD.value: "let the broker accept user name and password",
    ConnectCode.BANNED.value: "lift the ban at the broker",
    ConnectCode.USE_ANOTHER_SERVER.value: "set mqtt.host to the server that it names",
    ConnectCode.SERVER_MOVED.value: "set mqtt.host to the server that it names",
}
"""What a person must do before CONNECT can succeed."""

TAKEN_OVER = (
    "another client connected with this account and took the session over; "
    "two collectors must not share one account: stop one, or give it an account and a store of its own"
)


class Will(NamedTuple):
    """What the broker publishes when we are gone and have not said so; retained, at QoS 1 (section 3.1.2.5).

    Attributes:
        topic: Topic name.
        payload: Its contents.
        delay_s: Seconds that it waits for us to come back, and then it says nothing.
    """

    topic: str
    payload: bytes
    delay_s: int


class Session(NamedTuple):
    """What the broker said in CONNACK.

    Attributes:
        present: It kept the session, and the messages in it, from before.
        expiry_s: Seconds that it keeps the session after a disconnection.
        keep_alive_s: Seconds between signs of life.
        most_publishing: Messages of ours that may be unanswered at a time.
        most_packet_bytes: Largest packet that it takes; None when it does not say.
        has_subscription_ids: Whether it tells by which subscriptions a message came.
    """

    present: bool
    expiry_s: int
    keep_alive_s: int
    most_publishing: int = 1
    most_packet_bytes: int | None = None
    has_subscription_ids: bool = True


class Split(NamedTuple):
    """Packets at the beginning of a buffer.

    Attributes:
        packets: Every complete packet, in order.
        used: Bytes that they take.
        fault: What is malformed about the packet after them; empty when it is only incomplete.
    """

    packets: list[mqtt5.Packet]
    used: int
    fault: str


def split(buffer: memoryview) -> Split:
    """Read every complete packet at the beginning of a buffer. Any bytes at all give a result."""
    packets: list[mqtt5.Packet] = []
    used = 0
    fault = ""
    try:
        while True:
            packet, length = mqtt5.read(buffer[used:])
            packets.append(packet)
            used += length
    except IndexError:  # incomplete
        pass
    except ValueError as error:
        fault = str(error)
    except BaseException as error:
        # The codec panics, which is no Exception, where a text is not UTF-8.
        if type(error).__name__ != "PanicException":
            raise
        fault = "a text is not UTF-8"
    return Split(packets, used, fault)


class PacketBuffer:
    """What came of a connection and is no complete packet yet, with room for more.

    It stays from read to read, where asyncio would make one of this size for each, and grows only for larger packets.
    """

    def __init__(self) -> None:
        self._bytes = bytearray(READ_BYTES)
        self._filled = 0

    def make_room(self) -> memoryview:
        """Return where the next bytes belong; ``take`` follows when they are there."""
        if 2 * self._filled > len(self._bytes):
            larger = bytearray(2 * len(self._bytes))
            larger[: self._filled] = self._bytes[: self._filled]
            self._bytes = larger
        elif self._filled == 0 and len(self._bytes) > READ_BYTES:
            self._bytes = bytearray(READ_BYTES)
        return memoryview(self._bytes)[self._filled :]

    def take(self, nbytes: int) -> tuple[Split, bool]:
        """Return the packets that are complete with so many bytes more, and whether these filled all the room."""
        end = self._filled + nbytes
        with memoryview(self._bytes) as view:
            found = split(view[:end])
        if found.used:
            self._bytes[: end - found.used] = self._bytes[found.used : end]
        self._filled = end - found.used
        return found, end == len(self._bytes)


def write_connect(settings: Mqtt, password: str | None, will: Will | None = None) -> bytes:
    """Return CONNECT for the session that the settings ask for: the account's name is the client identifier.

    It bounds nothing: Mosquitto 2.0.11 does not hold a Receive Maximum, and lets a message above a Maximum Packet Size
    vanish after a success to its publisher.
    """
    return mqtt5.ConnectPacket(
        client_id=settings.username,
        username=settings.username,
        password=None if password is None else password.encode(),
        clean_start=False,
        keep_alive=settings.keep_alive_s,
        session_expiry_interval=settings.session_expiry_s,
        will=None if will is None else _make_will(will),
    ).write()


def _make_will(will: Will) -> mqtt5.Will:
    return mqtt5.Will(
        will.topic,
        payload=will.payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        retain=True,
        will_delay_interval=will.delay_s,
    )


def read_session(answer: mqtt5.ConnAckPacket, settings: Mqtt) -> Session:
    """Return what CONNACK says; what it leaves out is as the settings asked.

    Raises:
        ConnectRefused: It is a refusal.
    """
    if answer.reason_code.value >= REFUSED:
        advice = ADVICE.get(answer.reason_code.value)
        said = _words(answer.reason_code, answer.reason_str, answer.server_reference)
        todo = f"; {advice}" if advice else ""
        raise ConnectRefused(
            f"the broker refuses the account {settings.username!r}: {said}{todo}",
            needs_person=advice is not None,
        )
    expiry_s = answer.session_expiry_interval
    return Session(
        present=answer.session_present,
        expiry_s=settings.session_expiry_s if expiry_s is None else expiry_s,
        keep_alive_s=answer.server_keep_alive or settings.keep_alive_s,
        most_publishing=answer.receive_max,
        most_packet_bytes=answer.max_packet_size,
        has_subscription_ids=answer.subscription_id_available,
    )


def write_subscribe(
    packet_id: int, filters: Iterable[str], *, always_retained: bool = False, subscription_id: int | None = None
) -> bytes:
    """Return SUBSCRIBE at QoS 1.

    Args:
        packet_id: Of the packet.
        filters: Topic filters.
        always_retained: Whether retained messages come each time, not only where the subscription is new.
        subscription_id: Comes with each message of theirs (section 3.8.2.1.2); None for none.
    """
    new, always = mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS, mqtt5.RetainHandling.SEND_ALWAYS
    asked = [
        mqtt5.TopicFilter(
            pattern,
            max_qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain_as_published=False,
            retain_handling=always if always_retained else new,
        )
        for pattern in filters
    ]
    return mqtt5.SubscribePacket(packet_id, asked, subscription_id=subscription_id).write()


def write_unsubscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """Return UNSUBSCRIBE."""
    return mqtt5.UnsubscribePacket(packet_id, list(filters)).write()


def read_unsubscribed(answer: mqtt5.UnsubAckPacket, filters: Sequence[str]) -> set[str]:
    """Return the filters that there was a subscription to (section 3.11.3)."""
    codes = zip(filters, answer.reason_codes, strict=False)
    return {pattern for pattern, code in codes if code == mqtt5.UnsubAckReasonCode.SUCCESS}


def require_granted(answer: mqtt5.SubAckPacket, filters: Sequence[str]) -> None:
    """Check that SUBACK grants every filter at QoS 1.

    Raises:
        SubscribeRefused: It does not.
    """
    if len(answer.reason_codes) != len(filters):
        raise SubscribeRefused(f"the broker answers {len(answer.reason_codes)} of {len(filters)} subscriptions")
    for pattern, code in zip(filters, answer.reason_codes, strict=True):
        if code != mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE:
            raise SubscribeRefused(
                f"the broker answers {_words(code, answer.reason_str)} to the subscription {pattern}; "
                f"let the account read it at QoS 1",
                needs_person=True,
            )


def write_publish(packet_id: int, topic: str, payload: bytes, *, retain: bool) -> bytes:
    """Return PUBLISH at QoS 1."""
    packet = mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=retain, packet_id=packet_id)
    return packet.write()


def write_remark(topic: str, payload: bytes) -> bytes:
    """Return PUBLISH at QoS 0."""
    return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_MOST_ONCE).write()


def require_taken(answer: mqtt5.PubAckPacket, topic: str) -> None:
    """Check that PUBACK is a success.

    Raises:
        PublishRefused: It is not.
    """
    if answer.reason_code.value >= REFUSED:
        said = _words(answer.reason_code, answer.reason_str)
        raise PublishRefused(f"the broker answers {said} to a message on {topic}", needs_person=True)


def write_acknowledgements(packet_ids: Iterable[int]) -> bytes:
    """Return a PUBACK of success for each, in order.

    It has four bytes: type, length, and the identifier, most significant byte first (section 3.4). Written as one
    array they take 0.03 us each, by the codec 0.14 us.
    """
    packets = array("I", [_PUBACK | packet_id for packet_id in packet_ids])
    if sys.byteorder == "little":
        packets.byteswap()
    return packets.tobytes()


def write_disconnect(*, keep_will: bool) -> bytes:
    """Return DISCONNECT.

    Args:
        keep_will: Whether the broker is to publish our Will, unless we come back before its delay is over.
    """
    code = mqtt5.DisconnectReasonCode
    reason = code.DISCONNECT_WITH_WILL_MESSAGE if keep_will else code.NORMAL_DISCONNECTION
    return mqtt5.DisconnectPacket(reason_code=reason).write()


def read_disconnect(packet: mqtt5.DisconnectPacket) -> ConnectionLost:
    """Return why the broker disconnects."""
    if packet.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER:
        return ConnectionLost(TAKEN_OVER, needs_person=True)
    said = _words(packet.reason_code, packet.reason_str, packet.server_reference)
    return ConnectionLost(f"the broker disconnects: {said}")


def count_packet_ids() -> Iterator[int]:
    """Yield packet identifiers in turn, for ever."""
    while True:
        yield from range(1, 65_536)  # and keeps none of them, as itertools.cycle would


def _words(code: IntEnum, *texts: str | None) -> str:
    """Return a reason code as people read it, with what the broker says beside it."""
    details = [text for text in texts if text]
    return ": ".join([f"{code.name.lower().replace('_', ' ')} ({code.value})", *details])
