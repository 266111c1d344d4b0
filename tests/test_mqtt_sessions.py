"""Sessions: what it means when the broker has not kept ours, and that filters of other settings leave it."""

from pathlib import Path

import pytest

from ingest.accounts import COLLECTOR
from ingest.configuration import Configuration
from ingest.run import list_filters, list_obsolete
from ingest.settings import Mqtt
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.mqtt_clients import (
    DEVICE,
    TOPIC,
    broker_settings,
    connect,
    connect_device,
    impatient_broker,
    payloads_of,
    receive,
    receive_nothing,
    run,
    wait_until,
)
from tests.small_town import make_inventory


async def test_a_first_session_is_not_a_lost_one(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto) as broker:
        assert (broker.status.session_present, broker.status.sessions_lost) == (False, 0)


async def test_a_session_that_an_earlier_process_made_is_missed(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(mosquitto, had_session=True) as broker:
        assert broker.status.sessions_lost == 1
    assert "lost the session" in caplog.text


async def test_a_session_that_is_kept_is_not_lost(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto):
        pass
    async with connect(mosquitto, had_session=True) as broker:
        await mosquitto.restart()
        await wait_until(lambda: broker.status.connections == 2)
        assert (broker.status.session_present, broker.status.sessions_lost) == (True, 0)
        assert broker.count_new_sessions(2) == 0


async def test_a_broker_that_forgets_is_found_out_while_running(mosquitto: Mosquitto, tmp_path: Path) -> None:
    password = mosquitto.accounts[COLLECTOR]
    async with run(impatient_broker(broker_settings(mosquitto), password)) as broker:
        await mosquitto.stop()
        async with run_mosquitto(tmp_path / "another", {COLLECTOR: password}, port=mosquitto.port):
            await wait_until(lambda: broker.status.connections == 2)
            assert broker.status.sessions_lost == 1
            assert broker.count_new_sessions(1) == 1
            assert broker.count_new_sessions(10_000) == 2


@pytest.mark.parametrize(
    ("settings", "filters"),
    [
        (Mqtt(), ["gjovik/+/+/reading"]),
        (Mqtt(topic_prefix="town/x"), ["town/x/+/+/reading"]),
        (Mqtt(sites=("school", "hall")), ["gjovik/school/+/reading", "gjovik/hall/+/reading"]),
        (Mqtt(share="group"), ["$share/group/gjovik/+/+/reading"]),
        (Mqtt(share="group", sites=("hall",)), ["$share/group/gjovik/hall/+/reading"]),
    ],
)
def test_filters_follow_the_settings(settings: Mqtt, filters: list[str]) -> None:
    assert list_filters(settings) == filters


def test_filters_of_other_settings_are_known_but_never_our_own() -> None:
    configuration = Configuration({}, make_inventory(), {})
    site = next(iter(configuration.inventory.sites))
    alone = list_obsolete(Mqtt(sites=(site,)), configuration)
    assert "gjovik/+/+/reading" in alone
    assert f"gjovik/{site}/+/reading" not in alone
    assert f"gjovik/{site}/+/reading" in list_obsolete(Mqtt(), configuration)
    shared = list_obsolete(Mqtt(share="group"), configuration)
    assert "gjovik/+/+/reading" in shared
    assert "$share/group/gjovik/+/+/reading" not in shared


async def test_a_site_that_is_another_collectors_now_comes_no_more(mosquitto: Mosquitto) -> None:
    async with connect(mosquitto):
        pass  # everything is subscribed
    other = f"gjovik/other/{DEVICE}/reading"
    broker = impatient_broker(
        broker_settings(mosquitto),
        mosquitto.accounts[COLLECTOR],
        filters=("gjovik/skole/+/reading", "gjovik/alerts/+/+"),
    )
    broker.retire(["gjovik/+/+/reading", "gjovik/skole/+/reading"])
    async with run(broker), connect_device(mosquitto) as device:
        await receive_nothing(broker)  # the broker has answered what was sent before
        await device.publish(other, b"theirs", qos=1)
        await device.publish(TOPIC, b"ours", qos=1)
        messages = await receive(broker, 1)
        broker.acknowledge(messages)
        await receive_nothing(broker)
    assert payloads_of(messages) == [b"ours"]


async def test_a_shared_subscription_divides_the_messages(mosquitto: Mosquitto) -> None:
    filters = list_filters(Mqtt(share="collectors"))
    async with (
        connect(mosquitto, filters=filters) as broker,
        connect_device(mosquitto) as device,
    ):
        for number in range(20):
            await device.publish(TOPIC, b"%d" % number, qos=1)
        messages = await receive(broker, 20)
        broker.acknowledge(messages)
    assert payloads_of(messages) == [b"%d" % number for number in range(20)]


async def test_what_waited_when_a_killed_broker_saved_comes_again_as_if_it_were_new(mosquitto: Mosquitto) -> None:
    """Why a reading without a time may be stored twice then; see docs/durability.md."""
    async with connect(mosquitto):
        pass
    async with connect_device(mosquitto) as device:
        for number in range(3):
            await device.publish(TOPIC, b"reading %d" % number, qos=1)
    await mosquitto.restart()  # which saves
    for _ in range(2):
        async with connect(mosquitto) as broker:
            messages = await receive(broker, 3)
            assert [message.redelivered for message in messages] == [False] * 3
            broker.acknowledge(messages)
        await mosquitto.kill()
        await mosquitto.start()


async def test_what_waited_for_a_source_that_is_gone_is_known_for_a_copy(mosquitto: Mosquitto) -> None:
    wide, narrow = "+/skole/+/reading", "gjovik/skole/+/reading"
    settings, password = broker_settings(mosquitto), mosquitto.accounts[COLLECTOR]
    before, after = (impatient_broker(settings, password, filters=("gjovik/alerts/+/+",)) for _ in range(2))
    await before.hear_sources([wide, narrow])
    async with run(before):
        await receive_nothing(before)  # everything is subscribed
    async with connect_device(mosquitto) as device:
        await device.publish(TOPIC, b"once", qos=1)
    after.retire([wide])
    await after.hear_sources([narrow])
    async with run(after):
        messages = await receive(after, 2)
        after.acknowledge(messages)
    assert sorted(one.is_wide for one in messages) == [False, True]
