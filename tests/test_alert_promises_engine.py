"""Promises of alerting, each proved end to end: what fires and clears, whatever happens to collector, network and sensors.

Nothing is imitated: the collector is the command that production runs, and broker, database and mail server are real.
That nothing more is told is shown by what is told next: a contact gets its messages in order.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.incidents.incident import StepKind
from ingest.notify.want import BACKLOG_CLEARED
from schemas.rule import AlertPhase
from simulators.testbed.influxd import Influxd
from tests.promise_stand import (
    DEADLINE_S, HOUR_MS, MINUTE_MS, SILENT, WARM, Said, Town, merge, run_town, say, wait_for,
)  # fmt: skip

FIRED, CLEARED = ("fired", "firing"), ("cleared", "ok")
NEW, OVER = "KRITISK: Hallen – Fryseren er -10 °C", "Over: KRITISK: Hallen – Fryseren er -18 °C"


async def tell_of_another(town: Town, freezer: int, now_ms: int) -> None:
    """Have another freezer thaw, and return when that was told: whatever was to be told before is told by then."""
    before = len(town.mailbox.mails)
    await town.publish(*say(freezer, now_ms, (13, -5.5), (2, -5.5)))
    await wait_for(lambda: any("-5,5" in mail.text for mail in town.mailbox.mails[before:]), "mail of another freezer")


@pytest.mark.parametrize("moment", ["pending", "fired just now", "firing"])
async def test_a_kill_loses_nothing_and_tells_nothing_twice(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int, moment: str
) -> None:
    async with run_town(tmp_path, influxd, database) as town:
        await town.take(*say(1, now_ms, (30, -20), (15, -10)))
        if moment == "pending":
            await town.collector.kill()
            await town.collector.start()
        await town.publish(*say(1, now_ms, (4, -10)))
        await wait_for(lambda: bool(town.list_incidents()), "incident")
        if moment == "fired just now":
            await town.collector.kill()
            await town.collector.start()
        await town.wait_mails(1)
        await wait_for(lambda: "notified" in town.list_steps(1), "step notified")
        if moment == "firing":
            await town.collector.kill()
            await town.collector.start()
        await town.take(*say(1, now_ms, (3, -10), (1, -18)))
        await wait_for(lambda: any(mail.title == OVER for mail in town.mailbox.mails), "mail that it is over")
        await tell_of_another(town, 2, now_ms)
        repeated = town.count_event("delivery_repeated")
        assert town.mailbox.list_to("kari")[:-1] == [NEW] * (1 + repeated) + [OVER]
        assert repeated == 0 or moment == "fired just now"
        (incident,) = town.list_incidents(1)
        assert (incident.fired_ms, incident.cleared_ms) == (now_ms - 4 * MINUTE_MS, now_ms - MINUTE_MS)
        assert town.list_steps(1) == ["fired", "notified", "cleared", "notified"]
        assert list(dict.fromkeys(town.list_published(1))) == [FIRED, CLEARED]
        assert len(town.list_published(1)) == 2 + town.count_event("alert_repeated")
        assert await town.list_stored(1) == [(now_ms - 4 * MINUTE_MS, -10), (now_ms - MINUTE_MS, -18)]


async def test_a_mail_that_was_on_its_way_in_a_kill_comes_again_with_its_reference_and_is_counted(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_town(tmp_path, influxd, database) as town:
        town.mailbox.is_prompt.clear()
        await town.publish(*say(1, now_ms, (15, -10), (4, -10)))
        await town.wait_mails(1)
        await town.collector.kill()
        town.mailbox.is_prompt.set()
        await town.collector.start()
        await town.wait_mails(2)
        await tell_of_another(town, 2, now_ms)
        first, again, _ = town.mailbox.mails
        assert first == again
        assert first.reference
        assert town.count_event("delivery_repeated") == 1
        assert town.list_steps(1) == ["fired", "notified"]
        assert len(town.list_incidents(1)) == 1


def thaw_for_an_hour(now_ms: int) -> list[Said]:
    """Return what the broker holds after an hour: freezer 1 thawed and is warm, 2 was warm and is well, 3 is well."""
    minutes = range(60, -1, -5)
    return merge(
        say(1, now_ms, *((one, -20 if one > 50 else -10) for one in minutes)),
        say(2, now_ms, *((one, -9 if 20 < one <= 50 else -20) for one in minutes)),
        say(3, now_ms, *((one, -20) for one in minutes)),
    )


async def test_after_an_outage_of_an_hour_what_still_fires_pages_once_and_what_is_over_pages_nobody(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    rules = {"freezer-warm": WARM, "freezer-silent": SILENT}
    async with run_town(tmp_path, influxd, database, freezers=4, rules=rules) as town:
        await town.take(*merge(*(say(number, now_ms, (65, -20)) for number in (1, 2, 3))))
        await town.collector.stop()
        await town.publish(*thaw_for_an_hour(now_ms))
        await town.collector.start()
        await town.wait_mails(1)
        await tell_of_another(town, 4, now_ms)
        assert [mail.title for mail in town.mailbox.mails][:-1] == [NEW]
        thawed, recovered = town.list_incidents(1), town.list_incidents(2)
        assert [(one.phase, one.fired_ms) for one in thawed] == [(AlertPhase.FIRING, now_ms - 40 * MINUTE_MS)]
        assert [one.cleared_ms for one in recovered] == [now_ms - 20 * MINUTE_MS]
        assert town.list_steps(recovered[0].id) == ["fired", "cleared", "untold"]
        assert town.list_reasons(recovered[0].id) == [BACKLOG_CLEARED]
        assert not [one for one in town.list_incidents() if one.rule == "freezer-silent"]
        assert town.list_published(2) == [FIRED, CLEARED]


async def test_a_collector_killed_in_the_middle_of_a_backlog_pages_nobody_of_what_is_over_at_its_end(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    backlog = thaw_for_an_hour(now_ms)
    middle = next(at for at, one in enumerate(backlog) if one.time_ms > now_ms - 35 * MINUTE_MS)
    async with run_town(tmp_path, influxd, database, freezers=4) as town:
        await town.collector.stop()
        await town.publish(*backlog[:middle])
        starting = asyncio.create_task(town.collector.start())
        await wait_for(lambda: len(town.list_incidents()) == 2, "two incidents")
        await town.collector.kill()
        with suppress(Exception):  # whatever a start that was killed says
            await starting
        assert town.mailbox.mails == []
        await town.publish(*backlog[middle:])
        await town.collector.start()
        await town.wait_mails(1)
        await tell_of_another(town, 4, now_ms)
        assert [mail.title for mail in town.mailbox.mails][:-1] == [NEW]
        assert town.list_reasons(town.list_incidents(2)[0].id) == [BACKLOG_CLEARED]


async def test_late_readings_annotate_and_page_nobody(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_town(tmp_path, influxd, database) as town:
        await town.take(*say(1, now_ms, (60, -20), (1, -20)))
        await town.take(*say(1, now_ms, (40, -3), (20, -2), (10, -20)))
        await tell_of_another(town, 2, now_ms)
        assert len(town.mailbox.mails) == 1
        assert town.list_incidents(1) == []
        assert town.list_published(1) == []
        late = await town.list_stored(1, "alerts_late")
        assert late == [(now_ms - 40 * MINUTE_MS, -3), (now_ms - 20 * MINUTE_MS, -2)]
        assert await town.list_stored(1) == []


async def test_an_alert_that_flaps_is_held_and_named_and_ends_when_it_has_been_well_for_long(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    rules = {"freezer-warm": WARM.replace('for = "10m"', 'for = "0s"').replace("fires = 20", "fires = 10")}
    flips = [(minutes, -10 if minutes % 2 else -20) for minutes in range(40, 0, -1)]
    calm = [(minutes + 160, degrees) for minutes, degrees in flips] + [(160 - 5 * step, -20) for step in range(33)]
    async with run_town(tmp_path, influxd, database, rules=rules) as town:
        await town.collector.stop()
        await town.publish(*merge(say(1, now_ms, *flips, (0, -20)), say(2, now_ms, *calm)))
        await town.collector.start()
        await town.wait_mails(1)
        await tell_of_another(town, 3, now_ms)
        *short, held = town.list_incidents(1)
        assert len(short) == 3
        assert all(one.cleared_ms is not None and not one.flapping for one in short)
        assert (held.flapping, held.cleared_ms, held.phase) == (True, None, AlertPhase.FIRING)
        assert town.list_steps(held.id) == ["fired", "flapping", "notified"]
        told, _ = town.mailbox.mails
        assert "Varselet kommer og går" in told.text
        *_, ended = town.list_incidents(2)
        assert len(town.list_incidents(2)) == 4
        # The last flip was 161 minutes ago; from then on it had to be well for the hour of ``flapping.within``.
        assert ended.cleared_ms == now_ms - 100 * MINUTE_MS
        assert len(await town.list_stored(1)) == 3 * 2 + 1


async def test_a_dead_sensor_never_resolves_its_alert(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    raise NotImplementedError


_ = (DEADLINE_S, HOUR_MS, StepKind)
