"""Telling how a collector is doing while its parts fail."""

import asyncio
from pathlib import Path

import pytest

from ingest.health import Silence
from ingest.influx import open_influx
from ingest.mqtt import Broker
from ingest.notice import NoticeKey, Raised
from ingest.notice_publisher import NoticePublisher
from ingest.reporter import Reporter
from ingest.settings import Mqtt
from ingest.store_file import StoreError
from ingest.store_groups import Group, Quotas
from ingest.store_outbox import unpack_lines
from ingest.store_thread import Overview, open_store
from ingest.target import Target
from schemas.reason import Reason
from tests.mqtt_clients import wait_until
from tests.small_town import make_configuration
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


async def test_silence_of_what_is_kept_apart_is_told_in_its_database_and_a_notice_does_not_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = read_inventory(tmp_path)
    broker, configuration = Broker(settings.mqtt, password=None, filters=()), make_configuration()
    async with open_store(settings.store) as store, open_influx(settings.influx, "") as influx:
        restored = await store.load()
        collector, peers = assemble(settings, configuration, restored, broker, store, influx)
        reporter = Reporter(settings, collector, peers, NotedNotices(settings.mqtt, broker), restored)
        names = ("indoor_climate", "safety_alarm")
        silent = [Silence(name, name, "hall", "first", 100_000.0, 27.0) for name in names]
        groups = [Group(name, Reason.WRONG_TYPE, 9_900, 1, 0, 0) for name in names]
        monkeypatch.setattr(reporter, "_silent", silent)
        monkeypatch.setattr(reporter, "_quotas", Quotas(tuple(groups), 0, 1, None))
        await reporter.finish()
        found = {target: await store.oldest(1 << 20, 0, target) for target in Target}
        lines = {target: b"\n".join(unpack_lines(entry.body)) for target, (entry,) in found.items()}
        status = await reporter.make_status()
    assert b"silence,device=indoor_climate" in lines[Target.SHARED]
    assert b"safety_alarm" not in lines[Target.SHARED]
    assert lines[Target.HEALTH].startswith(b"silence,device=safety_alarm")
    told = "".join(notice.text for notice in status.notices)
    assert "indoor_climate (wrong_type) 99 %; en enhet for helse (wrong_type) 99 %" in told
    assert "safety_alarm" not in told
    assert NoticeKey.HEALTH_WAITS in {notice.key for notice in status.notices}
