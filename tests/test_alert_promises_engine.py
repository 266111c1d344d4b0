"""Promises of alerting, each proved end to end: what fires and clears, whatever happens to collector and sensors.

Nothing is imitated: the collector is the command that production runs, and broker, database and mail server are real.
That nothing more is told is shown by what is told next: a contact gets its messages in order.
"""

import asyncio
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ingest.collector import Collector
from ingest.health import Silence, list_silent
from ingest.incidents.incident import StepKind
from ingest.notify.want import BACKLOG_CLEARED
from ingest.store_file import FILE
from ingest.store_schema import MIGRATIONS, migrate
from schemas.rule import AlertPhase
from simulators.testbed.influxd import Influxd
from simulators.testbed.process import ProgramError
from tests.promise_stand import (
    MINUTE_MS,
    NOTIFY,
    SILENT,
    WARM,
    Said,
    Town,
    merge,
    run_inside,
    run_town,
    say,
    wait_for,
)

DAY_MS = 86_400_000
HOUR_S = 3_600.0
MOST_S = 20.0
"""How long a thousand alerts may take, from a start of the collector to the last mail."""
FIRED, CLEARED = ("fired", "firing"), ("cleared", "ok")
WHAT = "Hallen – Fryseren er -10 °C"
NEW, OVER = f"KRITISK: {WHAT} (grense -15 °C)", f"Varselet er over: {WHAT} (nå -18 °C)"
SILENT_TITLE = f"KRITISK, sensoren er stille: {WHAT} (grense -15 °C)"
HEARD_TITLE = f"KRITISK, sensoren sender igjen: {WHAT} (grense -15 °C)"


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
        *told, over, _ = town.mailbox.list_to("kari")
        repeated = town.count_event("delivery_repeated")
        assert (set(told), over) == ({NEW}, OVER)
        assert len(told) <= 1 + repeated  # one that is counted may have been killed before it was sent
        assert repeated == 0 or moment == "fired just now"
        (incident,) = town.list_incidents(1)
        assert (incident.fired_ms, incident.cleared_ms) == (now_ms - 4 * MINUTE_MS, now_ms - MINUTE_MS)
        assert town.list_steps(1) == ["fired", "notified", "cleared", "notified"]
        assert list(dict.fromkeys(town.list_published(1))) == [FIRED, CLEARED]
        assert len(town.list_published(1)) <= 2 + town.count_event("alert_repeated")
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


async def test_an_orderly_stop_waits_for_the_mail_that_is_on_its_way(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_town(tmp_path, influxd, database) as town:
        town.mailbox.is_prompt.clear()
        await town.publish(*say(1, now_ms, (15, -10), (4, -10)))
        await town.wait_mails(1)
        stopping = asyncio.create_task(town.collector.stop())
        await wait_for(lambda: "stopping: finishing" in town.collector.log.read_text(), "sign that it stops")
        town.mailbox.is_prompt.set()
        await stopping
        assert town.list_steps(1) == ["fired", "notified"]
        await town.collector.start()
        await tell_of_another(town, 2, now_ms)
        assert len(town.mailbox.mails) == 2
        assert town.count_event("delivery_repeated") == 0


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
        with suppress(ProgramError):  # it ended
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
    patient = WARM.replace('for = "10m"', 'for = "10m"\nclear_for = "2m"')
    rules = {"freezer-warm": patient.replace("[30, -18]]", "[30, -18], [32, -18]]").replace("= 30", "= 32")}
    async with run_town(tmp_path, influxd, database, rules=rules, late_s=HOUR_S) as town:
        await town.take(*say(1, now_ms, (40, -20), (28, -10), (17, -10)))
        await wait_for(lambda: "notified" in town.list_steps(1), "step notified")
        await town.collector.stop()
        async with run_inside(town) as collector:
            # Its type reports each 5 minutes; so after 17 minutes it is silent, and after 30 days still.
            for days in (0, 1, 30):
                await collector.judge_silence(list_dead(collector, now_ms + days * DAY_MS), {})
        await town.collector.start()
        await wait_for(lambda: len(town.mailbox.mails) == 2, "mail that the sensor is silent")
        (listed,) = (await town.alerts("list"))["incidents"]
        assert (listed["phase"], listed["state"], listed["cleared"]) == ("silent", "open", None)
        assert town.list_published(1) == [FIRED, ("silent", "silent")]
        assert town.list_steps(1, StepKind.NOTIFIED) == ["fired", "silent"]
        await town.take(*say(1, now_ms, (5, -10)))
        await wait_for(lambda: len(town.mailbox.mails) == 3, "mail that the sensor is heard again")
        await town.take(*say(1, now_ms, (3, -18), (0.5, -18)))
        await wait_for(lambda: town.mailbox.mails[-1].title == OVER, "mail that it is over")
        assert [mail.title for mail in town.mailbox.mails] == [NEW, SILENT_TITLE, HEARD_TITLE, OVER]
        assert town.list_steps(1, StepKind.NOTIFIED) == ["fired", "silent", "heard", "cleared"]
        assert len(town.list_incidents()) == 1


def list_dead(collector: Collector, now_ms: int) -> list[Silence]:
    """Return freezer 1 if it is silent at a moment."""
    configuration, memory = collector.configuration, collector.processor.memory
    found = list_silent(configuration.inventory, configuration.types, memory, now_ms, now_ms)
    assert [one.device for one in found] == ["freezer-1"]
    return found


async def test_silence_is_judged_only_when_what_waited_has_come(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.reporter.GRACE_S", 0.0)
    monkeypatch.setattr("ingest.reporter.HEALTH_S", 0.0)
    monkeypatch.setattr("ingest.reporter.STATUS_S", 0.02)
    freezers = range(1, 41)
    async with run_town(tmp_path, influxd, database, freezers=40, rules={"freezer-silent": SILENT}) as town:
        await town.take(*merge(*(say(number, now_ms, (70, -20)) for number in freezers)))
        await town.collector.stop()
        # All but the last go on while nobody listens for an hour; the last is dead.
        every = [(minutes, -20.0) for minutes in range(65, -1, -5)]
        await town.publish(*merge(*(say(number, now_ms, *every) for number in freezers[:-1])))
        async with run_inside(town):
            await town.wait_mails(1)
        assert [one.device for one in town.list_incidents()] == ["freezer-40"]
        await town.collector.start()
        assert [one.device for one in town.list_incidents()] == ["freezer-40"]
        assert len(town.mailbox.mails) == 1


def leave_old_store(folder: Path, since_ms: int, fired_ms: int) -> None:
    """Write what version 3 of the store held: an alert that fires and is not published yet, and one that is pending."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        migrate(connection, MIGRATIONS[:3])
        connection.executemany(
            "INSERT INTO alerts VALUES (?, 'freezer-warm', ?, ?, ?, -10.0, 'hall', 'kitchen', 0)",
            [("freezer-1", "firing", since_ms, fired_ms), ("freezer-2", "pending", fired_ms, fired_ms)],
        )
        connection.execute(
            "INSERT INTO unpublished (device, site, zone, rule, phase, time_ms, since_ms, value, simulated) "
            "VALUES ('freezer-1', 'hall', 'kitchen', 'freezer-warm', 'firing', ?, ?, -10.0, 0)",
            (fired_ms, since_ms),
        )


async def test_a_store_of_the_version_before_goes_on_and_tells_nothing_twice(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    since_ms, fired_ms = now_ms - 30 * MINUTE_MS, now_ms - 20 * MINUTE_MS

    leave_old_store(tmp_path / "collector/store", since_ms, fired_ms)
    async with run_town(tmp_path, influxd, database) as town:
        await town.wait_mails(1)
        await wait_for(lambda: "notified" in town.list_steps(1), "step notified")
        # What the broker was told and did not confirm would be told again.
        await wait_for(lambda: not town.count_unpublished(), "what was published is confirmed")
        await town.collector.kill()
        await town.collector.start()
        await town.take(*say(2, now_ms, (2, -10)))
        await town.wait_mails(2)
        await town.take(*say(1, now_ms, (1, -18)))
        await town.wait_mails(3)
        await tell_of_another(town, 3, now_ms)
        adopted = NEW.replace("KRITISK", "Advarsel")  # an earlier program knew no severities
        assert [mail.title for mail in town.mailbox.mails][:-1] == [adopted, NEW, OVER]
        assert [(one.since_ms, one.fired_ms) for one in town.list_incidents(1)] == [(since_ms, fired_ms)]
        assert [one.since_ms for one in town.list_incidents(2)] == [fired_ms]
        assert town.list_steps(1) == ["fired", "notified", "cleared", "notified"]
        assert town.list_published(1) == [FIRED, CLEARED]
        assert await town.list_stored(1) == [(now_ms - MINUTE_MS, -18)]  # the firing was written by the program before


async def test_a_thousand_alerts_at_once_are_one_mail_to_each_contact_and_can_be_acknowledged(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    notify = NOTIFY.replace('to = ["kari"]', 'to = ["kari", "ola"]\ngroup_within = "3s"')
    async with run_town(tmp_path, influxd, database, freezers=1000, notify=notify, late_s=HOUR_S) as town:
        await town.collector.stop()
        for minutes in (20, 5):
            await town.publish(*(Said(number, now_ms - minutes * MINUTE_MS, -10) for number in range(1, 1001)))
        began_s = time.monotonic()
        await town.collector.start()
        await town.wait_mails(2)
        assert time.monotonic() - began_s < MOST_S
        assert sorted((mail.to, mail.title) for mail in town.mailbox.mails) == [
            ("kari", "KRITISK: Hallen – 1000 varsler: 1000 nye"),
            ("ola", "KRITISK: Hallen – 1000 varsler: 1000 nye"),
        ]
        assert all("… og 980 til." in mail.text for mail in town.mailbox.mails)
        ids = [str(one.id) for one in town.list_incidents()]
        assert len(ids) == 1000
        for some in (ids[:500], ids[500:]):
            began_s = time.monotonic()
            assert len((await town.alerts("ack", *some))["done"]) == 500
            assert time.monotonic() - began_s < MOST_S
        assert all(one.acknowledged_ms is not None for one in town.list_incidents())
        await wait_for(lambda: len(town.list_topics()) == 1000, "1,000 topics")
        assert len(town.mailbox.mails) == 2
