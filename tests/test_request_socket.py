"""The socket of a store's folder: one request at a time, whatever clients do."""

import asyncio
import contextlib
import json
import logging
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.incidents.act import Act, ActKind
from ingest.quarantine_filter import Filter
from ingest.request import (
    Answer,
    Ending,
    Outcome,
    Performed,
    Progress,
    Request,
    RequestError,
    RequestKind,
    Waiting,
)
from ingest.request_alert import ActRequest, Asked
from ingest.request_lines import encode_request
from ingest.request_socket import LONGEST_LINE, MOST_CLIENTS, SOCKET, NobodyServesError, ask, serve_requests
from ingest.store_file import StoreError
from tests.mqtt_clients import wait_until

REQUEST = Request(RequestKind.DISCARD, Filter(device="d"), "kari")
ACT = ActRequest(Act(ActKind.ACKNOWLEDGE), (7,), "ola")


class Desk:
    """A desk that does so many pieces, each when it is let, and remembers."""

    def __init__(self) -> None:
        self.begun: list[Asked] = []
        self.logins: list[str] = []
        self.done = 0
        self.ended = 0
        self.pieces = 1
        self.error: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def perform(self, request: Asked, login: str) -> AsyncGenerator[Progress | Ending, None]:
        """Do the pieces."""
        self.begun.append(request)
        self.logins.append(login)
        if isinstance(request, ActRequest):
            yield Performed({"7": "acknowledged"}, {})
            return
        try:
            for piece in range(self.pieces):
                await self.go_on.wait()
                self.done += 1
                yield Progress(piece + 1, self.pieces)
            if self.error is not None:
                raise self.error
            yield Outcome(self.pieces, self.pieces, {})
        finally:
            self.ended += 1


@contextlib.asynccontextmanager
async def serving(folder: Path, desk: Desk) -> AsyncIterator[None]:
    """Serve requests until the block ends."""
    task = asyncio.create_task(serve_requests(folder, desk), name="requests")
    await asyncio.sleep(0)  # it listens with its first step
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that is served in ``tmp_path``."""
    made = Desk()
    async with serving(tmp_path, made):
        yield made


async def ask_all(folder: Path, request: Asked = REQUEST) -> list[Answer]:
    """Return all answers to a request."""
    return [answer async for answer in ask(folder, request)]


async def send(folder: Path, data: bytes, *, eof: bool = False) -> list[dict[str, Any]]:
    """Send bytes to the socket; return what it answers until it closes."""
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    writer.write(data)
    if eof:
        writer.write_eof()
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(15):
            answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return [json.loads(line) for line in answer.splitlines()]


async def test_a_request_is_performed_with_progress_and_outcome(desk: Desk, tmp_path: Path) -> None:
    desk.pieces = 2
    assert await ask_all(tmp_path) == [Progress(1, 2), Progress(2, 2), Outcome(2, 2, {})]
    assert desk.begun == [REQUEST]


async def test_the_socket_is_for_owner_and_group(desk: Desk, tmp_path: Path) -> None:
    mode = (tmp_path / SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert desk.begun == []


async def test_the_author_is_the_login_where_no_name_is_given_and_both_are_logged(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await ask_all(tmp_path, REQUEST._replace(author=""))
        await ask_all(tmp_path)
    login = desk.begun[0].author
    assert desk.logins == [login, login]
    assert login
    assert f"discard by {login} (login {login}, uid " in caplog.text
    assert f"discard by kari (login {login}, uid " in caplog.text


async def test_two_people_at_once_are_served_one_after_the_other(desk: Desk, tmp_path: Path) -> None:
    desk.go_on.clear()
    first = asyncio.create_task(ask_all(tmp_path))
    await wait_until(lambda: len(desk.begun) == 1)
    answers = ask(tmp_path, REQUEST._replace(author="ola"))
    assert await anext(answers) == Waiting(RequestKind.DISCARD, "kari")
    assert len(desk.begun) == 1
    desk.go_on.set()
    assert (await first)[-1] == Outcome(1, 1, {})
    assert [answer async for answer in answers][-1] == Outcome(1, 1, {})
    assert [request.author for request in desk.begun] == ["kari", "ola"]


async def test_what_is_asked_about_incidents_waits_for_nobody(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk.go_on.clear()
    first = asyncio.create_task(ask_all(tmp_path))
    await wait_until(lambda: len(desk.begun) == 1)
    with caplog.at_level(logging.INFO):
        assert await ask_all(tmp_path, ACT) == [Performed({"7": "acknowledged"}, {})]
    assert "ack by ola (login " in caplog.text
    assert "of incident 7: done: 7 acknowledged" in caplog.text
    # Whoever comes next is told of the one that is still being done.
    answers = ask(tmp_path, REQUEST._replace(author="per"))
    assert await anext(answers) == Waiting(RequestKind.DISCARD, "kari")
    desk.go_on.set()
    assert (await first)[-1] == Outcome(1, 1, {})
    assert [answer async for answer in answers][-1] == Outcome(1, 1, {})


@pytest.mark.parametrize(
    ("data", "eof", "message"),
    [
        (b"\xff\x00garbage\n", False, "no request"),
        (b"{}\n", False, "kind"),
        (b'{"kind":"discard","wh', True, "without a newline"),
        (b"", True, "without a newline"),
        (b"x" * (4 * LONGEST_LINE), False, f"longer than {LONGEST_LINE}"),
        (b'{"kind":"acknowledge","where":{}}\n', False, "kind"),
    ],
)
async def test_what_is_no_request_gets_a_clear_answer_and_the_next_is_served(
    desk: Desk, tmp_path: Path, data: bytes, *, eof: bool, message: str
) -> None:
    answers = await send(tmp_path, data, eof=eof)
    # Where more was sent than was read, the system may throw the answer away with the connection.
    if len(data) <= LONGEST_LINE:
        assert message in answers[0]["error"]
    assert desk.begun == []
    assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})


async def test_a_client_that_says_nothing_is_given_up(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.request_socket.PATIENCE_S", 0.05)
    (answer,) = await send(tmp_path, b'{"kind"')
    assert "not sent within" in answer["error"]
    assert desk.begun == []


async def test_a_client_that_takes_no_answers_is_given_up(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.request_socket.PATIENCE_S", 0.1)
    desk.pieces = 1_000_000
    _, writer = await asyncio.open_unix_connection(tmp_path / SOCKET, limit=1)
    writer.write(encode_request(REQUEST))
    await wait_until(lambda: desk.ended == 1, deadline_s=30)
    assert desk.done < desk.pieces
    writer.transport.abort()
    desk.pieces = 1
    assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})


async def test_the_work_of_a_client_that_vanishes_ends_after_its_piece(desk: Desk, tmp_path: Path) -> None:
    desk.pieces = 1_000
    desk.go_on.clear()
    answers = asyncio.create_task(ask_all(tmp_path))
    await wait_until(lambda: len(desk.begun) == 1)
    answers.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answers
    await send(tmp_path, b"{}\n")
    desk.go_on.set()
    await wait_until(lambda: desk.ended == 1)
    assert desk.done == 1
    desk.pieces = 1
    assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})


async def test_who_gives_up_waiting_wants_nothing_done(desk: Desk, tmp_path: Path) -> None:
    desk.go_on.clear()
    first = asyncio.create_task(ask_all(tmp_path))
    await wait_until(lambda: len(desk.begun) == 1)
    second = ask(tmp_path, REQUEST)
    assert isinstance(await anext(second), Waiting)
    await second.aclose()
    # Whatever a later client is answered, the earlier one's end was seen before.
    await send(tmp_path, b"{}\n")
    desk.go_on.set()
    await first
    assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})
    assert len(desk.begun) == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RequestError("not now"), "not now"),
        (StoreError("the disk is full"), "the disk is full"),
        (ZeroDivisionError("oops"), "ZeroDivisionError"),
    ],
)
async def test_a_desk_that_fails_is_told_and_stays_open(
    desk: Desk, tmp_path: Path, error: Exception, message: str
) -> None:
    desk.error = error
    with pytest.raises(RequestError, match=message):
        await ask_all(tmp_path)
    desk.error = None
    assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})


async def test_too_many_clients_are_told_so(desk: Desk, tmp_path: Path) -> None:
    desk.go_on.clear()
    waiting = [asyncio.create_task(ask_all(tmp_path)) for _ in range(MOST_CLIENTS)]
    await wait_until(lambda: len(desk.begun) == 1)
    with pytest.raises(RequestError, match="waiting already"):
        await ask_all(tmp_path)
    desk.go_on.set()
    assert all(answers[-1] == Outcome(1, 1, {}) for answers in await asyncio.gather(*waiting))


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(NobodyServesError):
        await ask_all(tmp_path)
    async with serving(tmp_path, Desk()):
        assert (await ask_all(tmp_path))[-1] == Outcome(1, 1, {})
    assert not (tmp_path / SOCKET).exists()


async def test_what_is_no_socket_is_not_removed_and_the_collector_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / SOCKET).write_text("mine")
    await serve_requests(tmp_path, Desk())
    assert (tmp_path / SOCKET).read_text() == "mine"
    assert "remove it" in caplog.text


async def test_a_folder_with_a_long_name_can_be_served(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    async with serving(folder, Desk()):
        assert (await ask_all(folder))[-1] == Outcome(1, 1, {})


async def test_a_server_that_is_cancelled_ends_though_clients_stay(tmp_path: Path) -> None:
    desk = Desk()
    desk.go_on.clear()
    async with serving(tmp_path, desk):
        answers = asyncio.create_task(ask_all(tmp_path))
        await wait_until(lambda: len(desk.begun) == 1)
    with pytest.raises(RequestError, match="ended before it was done"):
        await answers
    assert desk.ended == 1


async def test_nobody_serves_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NobodyServesError):
        await ask_all(tmp_path / "missing")
