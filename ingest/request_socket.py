"""The Unix socket in a store's folder: people's commands ask, the collector answers. Both ends.

The folder decides who may ask: the socket is for its owner and group. Whoever asks is known by the kernel's word
(SO_PEERCRED), so a log line names the login beside the name that was given.

Errors:
    RequestError            see ``ingest.request``
    └── NobodyServesError   no collector has the store open, or it does not take requests
"""

import asyncio
import contextlib
import errno
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from ingest.request import Answer, Ending, Progress, Request, RequestError, Waiting
from ingest.request_alert import Asked, describe_asked, describe_ending
from ingest.request_lines import decode_answer, decode_request, encode_answer, encode_request
from ingest.store_file import StoreError

SOCKET = "store.sock"
MODE = 0o660
LONGEST_LINE = 65_536
PATIENCE_S = 10.0
"""How long a client may take to send its line, and to take an answer."""
MOST_CLIENTS = 16
"""Clients at one time, those that wait for their turn included."""

_PEER = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid

log = logging.getLogger(__name__)


class NobodyServesError(RequestError):
    """No collector takes requests for the store."""


class Desk(Protocol):
    """What performs requests; see ``ingest.request_desk.RequestDesk``."""

    def perform(self, request: Asked, login: str) -> AsyncGenerator[Progress | Ending, None]:
        """Do what a request of somebody with a login asks; yield how far it is, and what came of it."""


async def serve_requests(folder: Path, desk: Desk) -> None:
    """Answer requests until cancelled; whatever a client does, the collector goes on.

    Those about the quarantine are performed one at a time; those about incidents take a moment, and wait for nobody.

    A client keeps its end open until it has the outcome; where it closes it, the work ends after the present piece.
    Cancel it while the desk's workplace is held, so that no piece of a request is cut in two.

    Args:
        folder: Of the store, which the caller has the lock of: a socket that is there is an earlier process's.
        desk: Performs them.
    """
    try:
        # Its name is kept open as long as it listens: newer versions of asyncio look it up.
        with _name_socket(folder) as name, closing(_listen(folder, name)) as listener:
            try:
                await _serve(listener, desk)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    (folder / SOCKET).unlink()
    except OSError as error:
        log.error("commands of people cannot be taken: %s in %s: %s", SOCKET, folder, error.strerror or error)  # noqa: TRY400 - a trace adds nothing


async def _serve(listener: socket.socket, desk: Desk) -> None:
    counter = _Counter(desk)
    async with asyncio.TaskGroup() as group:

        def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            group.create_task(counter.attend(reader, writer), name="request")

        server = await asyncio.start_unix_server(greet, sock=listener, limit=LONGEST_LINE)
        try:
            # Not ``serve_forever``: when it is cancelled it waits for the clients, who wait for us.
            await asyncio.Event().wait()
        finally:
            server.close()


class _Counter:
    """Where clients come."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = asyncio.Lock()
        self._now: Request | None = None
        self._clients = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one client's request and answer it. Nothing that goes wrong with one client leaves this method."""
        self._clients += 1
        try:
            await self._attend(reader, writer)
        except (ConnectionError, TimeoutError) as error:
            log.warning("a command of a person went away before its answer: %s", error or "no answer was taken")
        except Exception:
            # The safety net: a fault here must not end the task group that takes readings.
            log.exception("a command of a person could not be served")
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            self._clients -= 1
            await _hang_up(writer)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self._require_room()
            request = decode_request(await _read_request(reader))
            peer = _find_peer(writer)
            request = request._replace(author=request.author or peer.login)
            if isinstance(request, Request):
                await self._take_turn(request, peer, reader, writer)
            else:
                await self._perform(request, peer, reader, writer)
        except RequestError as error:
            log.warning("a command of a person was refused: %s", error)
            await _tell(writer, error)

    def _require_room(self) -> None:
        if self._clients > MOST_CLIENTS:
            raise RequestError(f"{MOST_CLIENTS} commands are waiting already; ask again later.")

    async def _take_turn(
        self, request: Request, peer: "_Peer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._now is not None:
            await _tell(writer, Waiting(self._now.kind, self._now.author))
        async with self._turn:
            _require_client(reader)
            self._now = request
            try:
                await self._perform(request, peer, reader, writer)
            finally:
                self._now = None

    async def _perform(
        self, request: Asked, peer: "_Peer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = f"{request.kind} by {request.author} (login {peer.login}, uid {peer.uid}) of {describe_asked(request)}"
        log.info("%s begins", asked)
        try:
            async with aclosing(self._desk.perform(request, peer.login)) as answers:
                async for answer in answers:
                    await _tell(writer, answer)
                    if isinstance(answer, Progress):
                        _require_client(reader)
                    else:
                        log.info("%s: %s", asked, describe_ending(request.kind, answer))
        except (ConnectionError, TimeoutError):
            log.warning("%s was broken off; the pieces that were done are done", asked)
            raise
        except RequestError:
            raise
        except StoreError as error:
            raise RequestError(str(error)) from error
        except Exception as error:
            log.exception("%s failed", asked)
            raise RequestError(f"The collector failed on this ({type(error).__name__}); its log has more.") from error


async def ask(folder: Path, request: Asked) -> AsyncGenerator[Answer, None]:
    """Ask the collector that has a store open; yield its answers, of which the last is an Ending.

    Raises:
        NobodyServesError: No collector takes requests for it.
        RequestError: It refused or failed, or ended before it was done.
    """
    line = encode_request(request)
    try:
        with _name_socket(folder) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NobodyServesError(f"No collector takes requests for the store {folder}.") from None
    except OSError as error:
        raise RequestError(
            f"The collector of the store {folder} cannot be asked ({error.strerror}); become its user, or a member of "
            "its group."
        ) from error
    with closing(writer):
        try:
            writer.write(line)
            await writer.drain()
            while told := await reader.readline():
                answer = decode_answer(told)
                yield answer
                if isinstance(answer, Ending):
                    return
        except (ConnectionError, ValueError) as error:
            raise _make_broken_off() from error
    raise _make_broken_off()


def _make_broken_off() -> RequestError:
    return RequestError("The collector ended before it was done; what it did is done. Ask again for the rest.")


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        raise RequestError(f"The request ended after {len(error.partial)} bytes without a newline.") from error
    except asyncio.LimitOverrunError as error:
        raise RequestError(f"The request is longer than {LONGEST_LINE} bytes.") from error
    except TimeoutError as error:
        raise RequestError(f"The request was not sent within {PATIENCE_S:.0f} s.") from error


async def _tell(writer: asyncio.StreamWriter, answer: Answer | RequestError) -> None:
    writer.write(encode_answer(answer))
    async with asyncio.timeout(PATIENCE_S):
        await writer.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection; a client that does not take its answer is not waited for."""
    writer.close()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _require_client(reader: asyncio.StreamReader) -> None:
    """Raise ConnectionResetError if the client has gone: who gave up waiting wants nothing more done."""
    if reader.at_eof():
        raise ConnectionResetError("it closed its end before the outcome")


class _Peer(NamedTuple):
    """Who is at the other end."""

    login: str
    uid: int


def _find_peer(writer: asyncio.StreamWriter) -> _Peer:
    connection: socket.socket = writer.get_extra_info("socket")
    _, uid, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return _Peer(find_login(uid), uid)


def find_login(uid: int) -> str:
    """Return the login name of a user id; the number where the system has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _listen(folder: Path, name: str) -> socket.socket:
    """Return a socket that listens in a folder, under its short name, in place of one that an earlier process left."""
    path = folder / SOCKET
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "something else has its name; remove it")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(name)
        # Before it listens, so that nobody else can connect in between.
        path.chmod(MODE)
        listener.listen(MOST_CLIENTS)
    except BaseException:
        listener.close()
        raise
    return listener


@contextmanager
def _name_socket(folder: Path) -> Iterator[str]:
    """Yield a name of the socket that is short enough for any folder: an address has 108 bytes (unix(7))."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)
