"""The courier: messages that are due go out, again and again until each arrived or was given up.

- One message at a time to each Contact, the oldest first; different contacts do not wait for each other.
- Whether one is sent is on disk before and after. So a crash loses none, and a message that it repeats is counted.
- When a Contact cannot be reached, what waits for it waits longer and longer, at most an hour; something new for it is
  tried at once. One message that the service refuses does not keep the next from it.
- What did not arrive in a day of tries is dead: people see it, and may have it tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Protocol

from pydantic import SecretStr

from ingest.backoff import Backoff
from ingest.notify.apprise_sender import Answer, Outcome, Parcel, send
from ingest.notify.contact import Contact
from ingest.notify.delivery import Delivery
from ingest.store_file import StoreError

log = logging.getLogger(__name__)

AGAIN_S = 1.0
FIRST_WAIT_S = 10.0
MOST_WAIT_S = 3_600.0
DEAD_AFTER_MS = 86_400_000
"""How long a message is tried."""
FAILURES_IN_A_ROW = 2
"""After so many the Contact counts as out of reach; after one, the fault may be the message's."""
AT_ONCE = 100
_DOUBLINGS = 12

Send = Callable[[SecretStr, Parcel], Awaitable[Answer]]
"""Sends one message once; raises nothing."""


class DeliveryStore(Protocol):
    """The store, as the courier needs it: each call one transaction. See ``ingest.store_deliveries``.

    Each raises StoreError when the store cannot be read or written.
    """

    async def find_due_contacts(self, now_ms: int) -> Sequence[str]:
        """Return the keys of the contacts to which a message is due."""

    async def read_waiting(self, contact: str, limit: int) -> Sequence[Delivery]:
        """Return what waits for a Contact, the oldest first."""

    async def begin_delivery(self, delivery: int, now_ms: int) -> None:
        """Take note that a message is about to be sent; count ``delivery_repeated`` where it may have arrived."""

    async def mark_delivered(self, delivery: int, now_ms: int) -> None:
        """Take note that it arrived; add Steps ``NOTIFIED`` (``ingest.notify.delivery.make_steps``)."""

    async def postpone_delivery(self, delivery: int, due_ms: int, error: str, *, in_doubt: bool) -> None:
        """Have it tried again later."""

    async def postpone_contact(self, contact: str, due_ms: int) -> None:
        """Have nothing that waits for a Contact tried before a moment."""

    async def bury_delivery(self, delivery: int, now_ms: int, error: str, *, in_doubt: bool) -> None:
        """Give it up; add Steps ``UNDELIVERED``."""


class Courier:
    """Sends what is due.

    Args:
        store: Where the messages are.
        contacts: By key.
        send_once: Sends one message once.
        now_ms: The clock, milliseconds since 1970 in UTC.
        random: Source of the jitter between tries; the system's when left out.
    """

    def __init__(
        self,
        store: DeliveryStore,
        contacts: Mapping[str, Contact],
        *,
        send_once: Send = send,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random: Random | None = None,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._send = send_once
        self._now_ms = now_ms
        self._random = random
        self._busy: set[str] = set()
        self._news = asyncio.Event()
        self._is_stopping = False

    def replace_contacts(self, contacts: Mapping[str, Contact]) -> None:
        """Use other contacts from the next message on."""
        self._contacts = contacts

    def wake(self) -> None:
        """Say that a message was added."""
        self._news.set()

    def stop(self) -> None:
        """Have ``run`` return when what is on its way has ended; nothing more is begun."""
        self._is_stopping = True
        self._news.set()

    async def run(self) -> None:
        """Send what is due until stopped. Cancelling it leaves in doubt what is on its way."""
        async with asyncio.TaskGroup() as tasks:
            while not self._is_stopping:
                self._news.clear()
                await self._start_due(tasks)
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_S):
                        await self._news.wait()

    async def deliver_due(self) -> None:
        """Send what is due now, once, and return when every try has ended."""
        async with asyncio.TaskGroup() as tasks:
            await self._start_due(tasks)

    async def _start_due(self, tasks: asyncio.TaskGroup) -> None:
        try:
            due = await self._store.find_due_contacts(self._now_ms())
        except StoreError as error:
            log.warning("what is to be delivered could not be read: %s", error)
            return
        for contact in due:
            if contact not in self._busy:
                self._busy.add(contact)
                tasks.create_task(self._serve(contact), name=f"deliver to {contact}")

    async def _serve(self, contact: str) -> None:
        """Try what waits for a Contact, until it seems out of reach."""
        failures = 0
        try:
            for delivery in await self._store.read_waiting(contact, AT_ONCE):
                if self._is_stopping:
                    return
                failures = 0 if await self._deliver(delivery) else failures + 1
                if failures == FAILURES_IN_A_ROW:
                    await self._store.postpone_contact(contact, self._find_due_ms(delivery.tries + 1))
                    return
        except StoreError as error:
            log.warning("deliveries to %s could not be written down: %s", contact, error)
        finally:
            self._busy.discard(contact)

    async def _deliver(self, delivery: Delivery) -> bool:
        """Try a message once; return whether the Contact may be reached."""
        contact = self._contacts.get(delivery.contact)
        if contact is None:
            error = "the contact is not configured any longer"
            log.error("message %d to %s is given up: %s", delivery.id, delivery.contact, error)
            await self._store.bury_delivery(delivery.id, self._now_ms(), error, in_doubt=False)
            return True
        began_ms = self._now_ms()
        await self._store.begin_delivery(delivery.id, began_ms)
        parcel = Parcel(delivery.title, delivery.body, delivery.severity, delivery.is_all_clear)
        answer = await self._send(contact.address, parcel)
        if answer.outcome is Outcome.ARRIVED:
            await self._store.mark_delivered(delivery.id, self._now_ms())
            log.info("message %d is delivered to %s: %s", delivery.id, delivery.contact, delivery.stage)
            return True
        await self._put_off(delivery, answer, began_ms)
        return False

    async def _put_off(self, delivery: Delivery, answer: Answer, began_ms: int) -> None:
        """Have a message that failed tried again, or give it up."""
        now_ms, in_doubt = self._now_ms(), answer.outcome is Outcome.UNKNOWN
        first_ms = began_ms if delivery.first_try_ms is None else delivery.first_try_ms
        tries = delivery.tries + 1
        if now_ms - first_ms >= DEAD_AFTER_MS:
            log.error("message %d to %s is given up: %s", delivery.id, delivery.contact, answer.error)
            error = f"given up after {tries} tries: {answer.error}"
            await self._store.bury_delivery(delivery.id, now_ms, error, in_doubt=in_doubt)
            return
        # Not once a try: an address that is wrong would fill the log.
        level = logging.WARNING if tries == 1 else logging.DEBUG
        log.log(level, "message %d to %s did not arrive: %s", delivery.id, delivery.contact, answer.error)
        await self._store.postpone_delivery(delivery.id, self._find_due_ms(tries), answer.error, in_doubt=in_doubt)

    def _find_due_ms(self, tries: int) -> int:
        """Return when a message that was tried so often is tried again."""
        backoff = Backoff(first_s=FIRST_WAIT_S, most_s=MOST_WAIT_S, random=self._random)
        for _ in range(min(tries - 1, _DOUBLINGS)):
            backoff.next_s()
        return self._now_ms() + round(backoff.next_s() * 1_000)
