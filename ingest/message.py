"""Message: what the broker delivered."""

from typing import NamedTuple


class Message(NamedTuple):
    """One PUBLISH as it came.

    Attributes:
        topic: Topic name.
        payload: Bytes, unread.
        received_ms: When it was read from the socket, milliseconds since 1970 in UTC.
        retain: Whether the broker kept it from before the subscription.
        packet_id: MQTT packet identifier; None at QoS 0.
        redelivered: MQTT's DUP flag: the broker may have sent it before.
        connection: Counts the tries of this process to connect; an acknowledgement counts only on its own.
        is_wide: Whether it came by a subscription that begins with a wildcard, and by no other. Mosquitto delivers a
            message once for each subscription that has its topic, so one of another Source is a copy.
    """

    topic: str
    payload: bytes
    received_ms: int
    retain: bool = False
    packet_id: int | None = None
    redelivered: bool = False
    connection: int = 0
    is_wide: bool = False
