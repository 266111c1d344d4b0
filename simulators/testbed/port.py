"""Free ports of the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_768)
"""Below the kernel's range for outgoing connections: none takes a port while its server restarts."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on at the moment.

    Raises:
        OSError: When no port of the range is free.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError(f"No port from {PORTS.start} to {PORTS.stop - 1} is free on {LOOPBACK}; stop what listens there.")
