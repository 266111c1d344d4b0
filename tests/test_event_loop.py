"""The event loop of a collector: uvloop is taken where it is installed, and not missed where it is not."""

import asyncio
import sys

import pytest
import uvloop

from ingest.event_loop import find_loop


async def name_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_uvloop_is_taken_where_it_is_installed() -> None:
    with asyncio.Runner(loop_factory=find_loop()) as runner:
        assert runner.run(name_loop()) == uvloop.__name__


def test_without_it_there_is_the_loop_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=find_loop()) as runner:
        assert runner.run(name_loop()).startswith("asyncio.")
