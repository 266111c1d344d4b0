"""Inbox: order, bounds, and who waits."""

import asyncio

import pytest

from ingest.inbox import Inbox
from ingest.message import Message


def _messages(count: int, *, first: int = 0, size: int = 1) -> list[Message]:
    return [Message(f"t/{number}", b"x" * size, received_ms=0) for number in range(first, first + count)]


async def test_messages_are_taken_in_order_and_at_most_as_many_as_asked() -> None:
    inbox = Inbox()
    inbox.put(_messages(3))
    inbox.put(_messages(4, first=3))
    taken = [await inbox.take(5, age_s=0), await inbox.take(5, age_s=0)]
    assert [len(some) for some in taken] == [5, 2]
    assert [message.topic for some in taken for message in some] == [f"t/{number}" for number in range(7)]
    assert (len(inbox), inbox.received) == (0, 7)


async def test_take_waits_for_the_first_message_however_long() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(10, age_s=0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not taking.done()
    inbox.put(_messages(1))
    assert await taking == _messages(1)


async def test_take_returns_as_soon_as_it_has_as_many_as_asked() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(4, age_s=60))
    for number in range(4):
        await asyncio.sleep(0)
        assert not taking.done()
        inbox.put(_messages(1, first=number))
    async with asyncio.timeout(5):
        assert len(await taking) == 4


async def test_take_returns_what_is_there_after_the_age() -> None:
    inbox = Inbox()
    inbox.put(_messages(2))
    began = asyncio.get_running_loop().time()
    assert len(await inbox.take(3, age_s=0.05)) == 2
    assert asyncio.get_running_loop().time() - began >= 0.05


@pytest.mark.parametrize("size", [1, 100])
async def test_room_ends_at_either_bound_and_returns_at_half(size: int) -> None:
    inbox = Inbox(most=10, most_bytes=1_000)
    inbox.put(_messages(9, size=size))
    assert inbox.has_room
    inbox.put(_messages(1, size=size))
    assert not inbox.has_room
    await inbox.take(4, age_s=0)
    assert not inbox.has_room
    waiting = asyncio.create_task(inbox.room())
    await inbox.take(1, age_s=0)
    assert inbox.has_room
    await waiting


async def test_without_room_take_waits_for_no_more() -> None:
    inbox = Inbox(most=3)
    taking = asyncio.create_task(inbox.take(100, age_s=60))
    inbox.put(_messages(2))
    await asyncio.sleep(0)
    inbox.put(_messages(1, first=2))
    async with asyncio.timeout(5):
        assert len(await taking) == 3


async def test_a_cancelled_take_takes_nothing() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(10, age_s=60))
    await asyncio.sleep(0)
    inbox.put(_messages(2))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await inbox.take(10, age_s=0) == _messages(2)


async def test_a_second_taker_is_refused() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(1, age_s=0))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await inbox.take(1, age_s=0)
    inbox.put(_messages(1))
    assert len(await taking) == 1


async def test_take_waits_for_enough_and_takes_more_when_it_is_there() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(10, age_s=60, enough=2))
    inbox.put(_messages(1))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not taking.done()
    inbox.put(_messages(6, first=1))
    async with asyncio.timeout(5):
        assert len(await taking) == 7
