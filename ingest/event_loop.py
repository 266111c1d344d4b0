"""The event loop that a collector runs on: uvloop where it is installed (the extra ``uvloop``), else Python's own.

It takes 5 % off what a reading costs, and more in single runs (deploy/decisions/014-fast-path.md).
"""

import asyncio
from collections.abc import Callable


def find_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
