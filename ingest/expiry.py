"""Expiry: what the quarantine holds too long, or too much of, leaves it, and so do incidents that ended long ago.

In pieces, so that readings go on between.
"""

import asyncio
import logging
import time

from ingest.store_file import StoreError
from ingest.store_thread import StoreThread

log = logging.getLogger(__name__)

EVERY_S = 60.0
BETWEEN_S = 0.05
"""Between two pieces: the store's one thread also commits."""


async def keep_expiring(store: StoreThread, incident_days: int, every_s: float = EVERY_S) -> None:
    """Remove what expires until cancelled; the store counts it. Notices have announced it (see ``ingest.notice``).

    Args:
        store: From where.
        incident_days: For how long a closed incident is kept.
        every_s: Seconds between two looks.
    """
    while True:
        try:
            await expire(store)
            await store.tidy_incidents(time.time_ns() // 1_000_000, incident_days)
        except StoreError as error:
            log.error("the store could not be cleared of what expires: %s", error)  # noqa: TRY400 - the message says it all
        await asyncio.sleep(every_s)


async def expire(store: StoreThread) -> None:
    """Remove everything that expires now.

    Raises:
        StoreError: The store cannot be written; the pieces before are done.
    """
    by_age = by_quota = 0
    is_done = False
    while not is_done:
        piece = await store.expire(time.time_ns() // 1_000_000)
        by_age, by_quota, is_done = by_age + piece.by_age, by_quota + piece.by_quota, piece.is_done
        if not is_done:
            await asyncio.sleep(BETWEEN_S)
    if by_age or by_quota:
        log.warning("quarantine: %d entries expired by age, %d because there were too many", by_age, by_quota)
