"""Telling how a collector is doing while its parts fail."""

import asyncio
from pathlib import Path

import pytest

from ingest.influx import open_influx
from ingest.mqtt import Broker
from ingest.notice import NoticeKey, Raised
from ingest.notice_publisher import NoticePublisher
from ingest.reporter import Reporter
from ingest.settings import Mqtt
from ingest.store_file import StoreError
from ingest.store_thread import Overview, open_store
from tests.mqtt_clients import wait_until
from tests.test_commit import assemble, read_inventory


class NotedNotices(NoticePublisher):
    """Notes what it is told, and publishes nothing."""

    def __init__(self, settings: Mqtt, broker: Broker) -> None:
        super().__init__(settings, broker)
        self.noted: Raised = {}

    def tell(self, raised: Raised) -> None:
        """Note it."""
        self.noted = raised


async def test_a_store_that_cannot_be_read_is_told_of_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, configuration = read_inventory(tmp_path)
    broker = Broker(settings.mqtt, password=None, filters=())
    async with open_store(settings.store) as store, open_influx(settings.influx, "") as influx:
        restored = await store.load()
        collector, peers = assemble(settings, configuration, restored, broker, store, influx)
        notices = NotedNotices(settings.mqtt, broker)
        reporter = Reporter(settings, collector, peers, notices, restored)

        async def fail() -> Overview:
            raise StoreError("disk I/O error")

        async with asyncio.TaskGroup() as group:
            task = group.create_task(reporter.run(), name="report")
            with monkeypatch.context() as patched:
                patched.setattr(store, "overview", fail)
                await wait_until(lambda: NoticeKey.STORE_FAILS in notices.noted, deadline_s=5)
                assert "disk I/O error" in notices.noted[NoticeKey.STORE_FAILS].text
            await wait_until(lambda: NoticeKey.STORE_FAILS not in notices.noted)
            task.cancel()
