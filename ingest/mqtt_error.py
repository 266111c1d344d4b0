"""What can go wrong between the collector and its broker.

::

    MqttError
    ├── TlsUnusable        the settings' certificate files cannot be read
    ├── Unreachable        no connection: name, network, port, TLS handshake
    ├── ConnectRefused     the broker answered CONNECT with a reason code
    ├── SubscribeRefused   the broker does not give a topic filter at QoS 1
    ├── PublishRefused     the broker, or its stated limits, refuse a message
    └── ConnectionLost     not connected, or no longer: closed, silent, malformed, DISCONNECT
"""


class MqttError(Exception):
    """Something failed at the broker; the message says what, and what to do.

    Attributes:
        needs_person: Trying again will not help until somebody changes something.
    """

    def __init__(self, message: str, *, needs_person: bool = False) -> None:
        super().__init__(message)
        self.needs_person = needs_person


class TlsUnusable(MqttError):  # noqa: N818 - named after what is wrong, like its siblings
    """A certificate or key of the settings cannot be read."""


class Unreachable(MqttError):  # noqa: N818
    """No connection could be made."""


class ConnectRefused(MqttError):  # noqa: N818
    """The broker refused CONNECT."""


class SubscribeRefused(MqttError):  # noqa: N818
    """The broker refused a topic filter, or grants it at QoS 0 only."""


class PublishRefused(MqttError):  # noqa: N818
    """A message was not taken; the same message will be refused again."""


class ConnectionLost(MqttError):  # noqa: N818
    """There is no connection, or it ended."""
