"""Orders to the publisher's process and its answers: one JSON object a line, on its standard input and output.

The first order is a Start, answered by Ready; every other is a Publish, answered by Published. When its input ends the
process saves its traces and ends. Where an answer fails to come, its log says why.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Connect, and open the taps.

    Attributes:
        port: Of the broker, on the loopback interface.
        account: May publish for every device.
        password: Of the account.
        devices: How many publish.
        taps: How many Subjects there will be.
        folder: Gets the traces: ``sent.npy``, and ``acknowledged-<number>.npy`` of each tap.
    """

    port: int
    account: str
    password: str
    devices: int
    taps: int
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """It is connected.

    Attributes:
        ports: Of the taps.
    """

    ports: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Publish until so many readings are sent or so much time has passed.

    Attributes:
        rate: Readings a second; 0 for as many as the Subjects acknowledge.
        count: Most readings; None for any number.
        seconds: Longest time; None for any.
    """

    rate: float = 0.0
    count: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The broker has acknowledged everything that was sent.

    Attributes:
        begun_ns: When the order began, monotonic.
        total: Readings of all orders.
        connections: How many each Subject has made.
    """

    begun_ns: int
    total: int
    connections: Sequence[int]


Message = TypeVar("Message", Start, Ready, Publish, Published)


def write_line(message: Start | Ready | Publish | Published) -> bytes:
    """Return a message as a line."""
    return json.dumps(asdict(message)).encode() + b"\n"


def read_line(line: bytes, kind: type[Message]) -> Message:
    """Return the message of a line."""
    return kind(**json.loads(line))
