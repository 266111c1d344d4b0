"""The messenger: notifier and courier of one collector, which tell people what fires."""

import asyncio
import logging
import time
from collections.abc import Callable

from ingest.alerts.words import Language
from ingest.configuration import Configuration
from ingest.notify.apprise_sender import Outcome, Parcel, send
from ingest.notify.courier import Courier
from ingest.notify.hints import list_routing_hints
from ingest.notify.notifier import Configured, Notifier
from ingest.notify.stored import StoredDeliveries
from ingest.request import Performed
from ingest.settings import Settings
from ingest.store_thread import StoreThread
from schemas.rule import Severity

_TEST = {
    Language.NB: (
        "Prøve fra sensorplattformen",
        "Dette er en prøve, sendt av {author} til {title}. Varsler kommer hit. Du trenger ikke gjøre noe.",
    ),
    Language.EN: (
        "Test from the sensor platform",
        "This is a test, sent by {author} to {title}. Alerts come here. You need not do anything.",
    ),
}


log = logging.getLogger(__name__)


class Messenger:
    """Tells people what fires, as configured.

    Args:
        settings: Of the collector.
        store: Where incidents and messages are.
        configuration: Who is told; replaced on a reload.
        is_caught_up: Whether the collector has judged all that waited for it.
    """

    def __init__(
        self, settings: Settings, store: StoreThread, configuration: Configuration, is_caught_up: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        stored = StoredDeliveries(store)
        self._courier = Courier(stored, configuration.routing.contacts)
        self._notifier = Notifier(
            stored, self._configure(configuration), is_caught_up=is_caught_up, deliver=self._courier.wake
        )
        self._has_ended = asyncio.Event()
        self._hint()

    def replace(self, configuration: Configuration) -> None:
        """Go by another configuration from now on."""
        self._configuration = configuration
        self._courier.replace_contacts(configuration.routing.contacts)
        self._notifier.replace(self._configure(configuration))
        self._hint()

    async def run(self) -> None:
        """Plan and deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notifier.run(), name="notify: plan")
            group.create_task(self._deliver(), name="notify: deliver")

    def stop(self) -> None:
        """Let what is on its way end, and begin nothing more."""
        self._courier.stop()

    async def finish(self) -> None:
        """Stop, and return when what is on its way has ended: cut off it would be in doubt, and come again."""
        self.stop()
        await self._has_ended.wait()

    async def test(self, contact: str, author: str) -> Performed:
        """Send a contact, or each where it is empty, a message that says who tests it; return what came of it."""
        contacts = self._configuration.routing.contacts
        done: dict[str, str] = {}
        refused: dict[str, str] = {}
        for key in [contact] if contact else list(contacts):
            if key not in contacts:
                refused[key] = "there is no such contact"
                continue
            title, body = _TEST[contacts[key].language]
            text = body.format(author=author, title=contacts[key].title)
            answer = await send(contacts[key].address, Parcel(title, text, Severity.INFO))
            if answer.outcome is Outcome.ARRIVED:
                done[key] = "the service took it"
            else:
                refused[key] = answer.error
        return Performed(done, refused)

    def _hint(self) -> None:
        for hint in list_routing_hints(self._configuration.routing, time.time_ns() // 1_000_000):
            log.warning("who is told: %s", hint)

    async def _deliver(self) -> None:
        try:
            await self._courier.run()
        finally:
            self._has_ended.set()

    def _configure(self, configuration: Configuration) -> Configured:
        settings = self._settings
        return Configured(
            configuration.routing,
            configuration.rules,
            configuration.inventory,
            accepts_simulated=settings.ingest.accept_simulated,
            late_ms=round(settings.alerts.late_s * 1000),
        )
