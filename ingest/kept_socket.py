"""A socket of a connection that outlives its transport, so that what came before the end can still be read.

asyncio closes a socket on which a write fails, whatever there is to be read: a broker that was killed answered its
devices for that, and need not know of it when it is back. Under TLS the last bytes cannot be had.
"""

import asyncio
import os
import socket


class KeptSocket:
    """A way of our own to a socket. Made by ``keep_socket``.

    Attributes:
        buffer_bytes: Room in it for what was not read yet.
    """

    def __init__(self, original: socket.socket) -> None:
        self.buffer_bytes = original.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._number = os.dup(original.fileno())

    def read_into(self, room: memoryview) -> int:
        """Read what waits, as far as there is room, and return how many bytes that is; 0 where there is no more."""
        try:
            return os.readv(self._number, [room])
        except OSError:
            return 0  # or the connection was reset behind it

    def close(self) -> None:
        """Let it go."""
        os.close(self._number)


def keep_socket(transport: asyncio.Transport) -> KeptSocket | None:
    """Return a way to the socket of a transport; None where it is of no use: at the end, and under TLS."""
    found = transport.get_extra_info("socket")
    if found is None or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return None
    return KeptSocket(found)
