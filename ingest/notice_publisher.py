"""The notice publisher: Notices to the broker, as retained messages, each as it is now.

They are computed anew all the time, so nothing is kept of them: at each connection all are published, raised or not.
They wait for nobody: while the store is full the broker's answers, that to our subscription too, stay behind readings
that are not read, and that is when operators must hear of it.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from ingest.mqtt import Broker
from ingest.mqtt_error import ConnectionLost, PublishRefused
from ingest.notice import NoticeKey, Raised, format_notice, format_notice_topic
from ingest.settings import Mqtt

log = logging.getLogger(__name__)

AGAIN_S = 1.0
ANSWER_S = 2.0
"""How long the broker's answers are waited for."""
TEXT_S = 60.0
"""A text that changes while its Notice is raised (a percentage, an error) is published no more often."""


class _Told(NamedTuple):
    """What the broker has of a Notice, from this connection."""

    since_ms: int | None
    text: str
    told_s: float


class NoticePublisher:
    """Publishes Notices over the collector's own connection.

    Args:
        settings: Of the connection: the topics' prefix, and the account that Notices are of.
        broker: The connection.
        text_s: Seconds between two texts of one Notice.
    """

    def __init__(self, settings: Mqtt, broker: Broker, *, text_s: float = TEXT_S) -> None:
        self._settings = settings
        self._broker = broker
        self._text_s = text_s
        self._news = asyncio.Event()
        self._greeted = 0
        self._raised: Raised = {}
        self._told: dict[NoticeKey, _Told] = {}

    def tell(self, raised: Raised) -> None:
        """Say which Notices are raised now; to be called now and then, also while nothing changes."""
        self._raised = raised
        if self.is_behind:
            self._news.set()

    @property
    def is_behind(self) -> bool:
        """Whether there is something that the broker does not have."""
        return self._broker.status.connections != self._greeted or bool(self._list_untold())

    async def run(self) -> None:
        """Publish until cancelled; what a lost connection may have kept from the broker is published on the next."""
        while True:
            await self._news.wait()
            await self._broker.accepted()
            self._news.clear()
            try:
                await self.publish_untold()
            except ConnectionLost as error:
                log.warning("a notice could not be published yet: %s", error)
                await asyncio.sleep(AGAIN_S)
                self._news.set()

    async def publish_untold(self) -> None:
        """Publish the Notices whose state the broker does not have.

        Raises:
            ConnectionLost: The broker went away.
        """
        connections = self._broker.status.connections
        if connections != self._greeted:
            self._told.clear()
            self._greeted = connections
        answers = await asyncio.gather(*(self._publish(key) for key in self._list_untold()), return_exceptions=True)
        for answer in answers:
            if answer is not None:
                raise answer

    def _list_untold(self) -> Sequence[NoticeKey]:
        return [key for key in NoticeKey if self._is_untold(key)]

    def _is_untold(self, key: NoticeKey) -> bool:
        notice, told = self._raised.get(key), self._told.get(key)
        if told is None or told.since_ms != (None if notice is None else notice.since_ms):
            return True
        return notice is not None and notice.text != told.text and time.monotonic() >= told.told_s + self._text_s

    async def _publish(self, key: NoticeKey) -> None:
        notice = self._raised.get(key)
        payload = format_notice(self._settings.username, key, notice, time.time_ns() // 1_000_000)
        topic = format_notice_topic(self._settings.topic_prefix, self._settings.username, key)
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._broker.publish(topic, payload, retain=True)
        except TimeoutError:
            pass  # it is on its way; should the connection end before it arrives, the next one gets everything anew
        except PublishRefused as error:
            log.error("the broker refuses a notice, it is elsewhere only: %s", error)  # noqa: TRY400 - the message says it all
        told = _Told(None, "", 0.0) if notice is None else _Told(notice.since_ms, notice.text, time.monotonic())
        self._told[key] = told
