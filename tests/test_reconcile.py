"""Reconcile: the comparison itself, and the real command on real servers after the things that happen."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from ingest.batch import Batch, Mark, Point
from ingest.event_time import format_time
from ingest.local_time import parse_local
from ingest.reconcile import Asked, Difference, Findings, add_up, compare, divide, list_waiting
from ingest.reconcile_cli import choose_hours, conclude, read_clock
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from ingest.store_hours import HOUR_MS, HourCount
from ingest.stored_points import name_devices
from simulators.testbed.collector import render_settings
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.stand import ROOT, Stand, climate, run_stand

AT = ("climate-1", 490_000)
OTHER = ("climate-2", 490_000)


def judge(
    before: HourCount, after: HourCount | None = None, *, waiting: int = 0, stored: int, complete_from: int = 0
) -> list[tuple[int, int]]:
    """Return missing and surplus of one hour, where that is not as it should be."""
    found = compare({AT: before}, {AT: after or before}, Counter({AT: waiting}), Counter({AT: stored}), complete_from)
    return [(one.missing, one.surplus) for one in found]


def test_what_was_accepted_and_is_stored_agrees() -> None:
    assert judge(HourCount(new=60), stored=60) == []


def test_a_point_that_was_accepted_and_is_not_there_is_missing() -> None:
    assert judge(HourCount(new=60), stored=57) == [(3, 0)]
    assert judge(HourCount(new=60), stored=0) == [(60, 0)]


def test_a_point_that_nobody_accepted_is_too_many() -> None:
    assert judge(HourCount(new=60), stored=61) == [(0, 1)]


def test_a_surplus_is_not_known_before_all_points_were_counted() -> None:
    assert judge(HourCount(new=60), stored=61, complete_from=490_001) == []
    assert judge(HourCount(new=60), stored=59, complete_from=490_001) == [(1, 0)]


def test_points_that_wait_or_were_refused_are_not_missing() -> None:
    assert judge(HourCount(new=60), waiting=10, stored=50) == []
    assert judge(HourCount(new=60, refused=2), stored=58) == []
    assert judge(HourCount(new=60, refused=2), stored=57) == [(1, 0)]


def test_a_refused_line_that_only_added_fields_takes_no_point_away() -> None:
    assert judge(HourCount(new=60, refused=1), stored=60) == []


def test_a_late_reading_may_be_a_point_that_was_there() -> None:
    assert judge(HourCount(new=60, late=5), stored=60) == []
    assert judge(HourCount(new=60, late=5), stored=65) == []
    assert judge(HourCount(new=60, late=5), stored=66) == [(0, 1)]


def test_what_changes_while_it_is_asked_is_no_difference() -> None:
    assert judge(HourCount(new=60), HourCount(new=70), waiting=2, stored=65) == []
    assert judge(HourCount(new=60), HourCount(new=60, refused=1), stored=59) == []
    assert judge(HourCount(new=60, refused=1), HourCount(new=60), stored=60) == []


def test_devices_that_only_one_side_knows_are_found() -> None:
    found = list(compare({AT: HourCount(new=1)}, {AT: HourCount(new=1)}, Counter(), Counter({OTHER: 2}), 0))
    assert found == [Difference(*AT, 1, 1, 0), Difference(*OTHER, 0, 0, 2)]


def test_stores_of_a_shared_subscription_are_added_up() -> None:
    assert add_up([{AT: HourCount(1, 2, 3)}, {AT: HourCount(10, 20, 30), OTHER: HourCount(1)}]) == {
        AT: HourCount(11, 22, 33),
        OTHER: HourCount(1),
    }


def test_lines_that_wait_are_points_of_readings_and_nothing_else() -> None:
    hour_ms = AT[1] * HOUR_MS
    lines = [
        b"indoor_climate,device=climate-1,site=hall temperature=20.0,seq=4.0,delay=0.5 %d" % hour_ms,
        b"indoor_climate,device=climate-1,site=hall temperature=20.0,delay=0.5 %d" % (hour_ms - 1),
        b"indoor_climate,device=climate-2,site=hall temperature=20.0,delay=0.5 %d" % hour_ms,
        b"collector,collector=collector received=4.0 %d" % hour_ms,
    ]
    waiting = list_waiting(lines, Asked(hour_ms, hour_ms + HOUR_MS, "climate-1"))
    assert waiting.points == Counter({AT: 1})
    assert [(run.first, run.last) for run in waiting.numbers["climate-1"].found] == [(4, 4)]


def test_devices_are_asked_for_in_groups_that_one_answer_can_hold() -> None:
    points = {"a": 30_000, "b": 30_000, "c": 90_000, "d": 1, "e": 1}
    assert list(divide("abcde", points)) == [["a"], ["b"], ["c"], ["d", "e"]]
    names = [f"device-{number}" for number in range(250)]
    assert [len(group) for group in divide(names, dict.fromkeys(names, 1))] == [100, 100, 50]
    assert list(divide([], {})) == []


def test_a_name_of_a_device_cannot_end_the_condition() -> None:
    assert name_devices(["a'b", "c\\"]) == "(\"device\" = 'a\\'b' OR \"device\" = 'c\\\\')"


def test_whole_hours_are_compared_and_days_of_23_and_25_hours_are_whole() -> None:
    spring = choose_hours(parse_local("2025-03-30"), parse_local("2025-03-31"), None)
    autumn = choose_hours(parse_local("2025-10-26"), parse_local("2025-10-27"), None)
    assert (spring.to_ms - spring.from_ms, autumn.to_ms - autumn.from_ms) == (23 * HOUR_MS, 25 * HOUR_MS)
    part = choose_hours(parse_local("2025-06-01T10:20"), parse_local("2025-06-01T10:40"), "a")
    assert part == Asked(parse_local("2025-06-01T10:00"), parse_local("2025-06-01T11:00"), "a")


def test_the_last_day_is_compared_when_nothing_is_said() -> None:
    before_ms = read_clock()
    asked = choose_hours(None, None, None)
    assert asked.to_ms - HOUR_MS <= read_clock() < asked.to_ms + 1
    assert asked.from_ms <= before_ms - 24 * HOUR_MS < asked.from_ms + HOUR_MS


@pytest.mark.parametrize(
    ("from_", "to"), [("2025-06-02", "2025-06-01"), ("2025-06-01", "2025-06-01"), ("9998-01-01", None)]
)
def test_a_time_that_ends_before_it_begins_is_wrong_usage(from_: str, to: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        choose_hours(parse_local(from_), None if to is None else parse_local(to), None)


def test_a_comparison_of_nothing_does_not_say_that_nothing_is_missing() -> None:
    assert conclude(Findings(Asked(0, HOUR_MS), 0))[-1] == "There was nothing to compare."
    assert conclude(Findings(Asked(0, HOUR_MS), 0, hours=1))[-1] == "Nothing is missing."


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    """A whole path."""
    async with run_stand(tmp_path, mosquitto, influxd, database) as running:
        yield running


class Answered:
    """What the command printed and how it ended."""

    def __init__(self, code: int | None, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()

    @property
    def findings(self) -> Mapping[str, Any]:
        """What it found, where it was asked for JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


async def ask(settings: Path, *arguments: str) -> Answered:
    """Run ``gjovik reconcile`` as people do."""
    command = (sys.executable, "-m", "gjovik", "reconcile", "--settings", str(settings), *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return Answered(process.returncode, out, err)


async def ask_stand(stand: Stand, *arguments: str) -> Answered:
    """Run it with the settings of a stand's collector, for programs."""
    return await ask(stand.collector.store.parent / "collector.toml", "--json", *arguments)


async def publish_and_store(stand: Stand, payloads: list[str], *, received: int) -> None:
    """Publish as a climate sensor, and return when the collector has taken so many messages in all and written all."""
    await stand.publish("climate-1", payloads)
    await stand.wait_received(received)
    await stand.wait_stored()


async def delete_point(stand: Stand, time_ms: int) -> None:
    """Take the point of a moment out of InfluxDB."""
    statement = f"DELETE FROM indoor_climate WHERE time = {time_ms}ms"  # noqa: S608 - a number of our own
    await stand.influxd.query(statement, stand.database)


def list_climate(now_ms: int, count: int) -> list[str]:
    """Return readings of the last minutes, a second apart, with their numbers."""
    return [climate(now_ms - (count - seq) * 1000, seq) for seq in range(count)]


async def test_ordinary_traffic_agrees_until_a_point_is_deleted_in_the_database(stand: Stand, now_ms: int) -> None:
    await publish_and_store(stand, list_climate(now_ms, 200), received=200)
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["accepted"], answered.findings["stored"]) == (0, 200, 200)
    await delete_point(stand, now_ms - 5000)
    answered = await ask_stand(stand)
    (found,) = answered.findings["differences"]
    assert (answered.code, found["device"], found["missing"], found["stored"]) == (
        1,
        "climate-1",
        1,
        found["least"] - 1,
    )
    (gap,) = answered.findings["gaps"]
    assert (gap["first"], gap["last"]) == (195, 195)
    told = await ask(stand.collector.store.parent / "collector.toml", "--device", "climate-1")
    assert (told.code, "1 missing" in told.out) == (1, True)
    told = await ask(stand.collector.store.parent / "collector.toml", "--device", "light-1")
    assert (told.code, told.out.splitlines()[-1]) == (0, "There was nothing to compare.")


async def test_a_reading_that_never_arrived_is_a_gap(stand: Stand, now_ms: int) -> None:
    payloads = list_climate(now_ms, 20)
    del payloads[7:9]
    await publish_and_store(stand, payloads, received=18)
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["differences"]) == (1, [])
    (gap,) = answered.findings["gaps"]
    assert gap == {
        "device": "climate-1",
        "first": 7,
        "last": 8,
        "missing": 2,
        "unreadable": 0,
        "after_ms": now_ms - 14_000,
        "before_ms": now_ms - 11_000,
    }


async def test_what_is_in_quarantine_explains_its_gap_where_its_number_can_be_read(stand: Stand, now_ms: int) -> None:
    payloads = list_climate(now_ms, 20)
    payloads[5] = json.dumps({"time": "yesterday", "seq": 5, "temperature": 20.0})
    await publish_and_store(stand, payloads, received=20)
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["explained"], answered.findings["stored"]) == (0, 1, 19)
    payloads = [climate(now_ms + seq, seq) for seq in (20, 22)]
    await publish_and_store(stand, [payloads[0], "{", payloads[1]], received=23)
    answered = await ask_stand(stand)
    (gap,) = answered.findings["gaps"]
    assert (answered.code, gap["first"], gap["unreadable"]) == (1, 21, 1)


async def test_a_line_that_the_database_refuses_is_no_difference(stand: Stand, now_ms: int) -> None:
    # A state where the schema has a number: InfluxDB refuses every number of that field in this shard.
    spoiled = f"indoor_climate,device=elsewhere,site=hall,zone=first,type=indoor_climate humidity=true {now_ms}"
    await stand.influxd.write(spoiled, stand.database)
    payloads = list_climate(now_ms, 20)
    payloads[5] = climate(now_ms - 15_000, 5, humidity=40.0)
    await publish_and_store(stand, payloads, received=20)
    answered = await ask_stand(stand)
    findings = answered.findings
    assert (findings["refused"], findings["stored"], findings["explained"]) == (1, 19, 1)
    assert (answered.code, findings["differences"]) == (0, [])


async def test_readings_that_came_twice_late_or_in_parts_are_no_difference(stand: Stand, now_ms: int) -> None:
    payloads = list_climate(now_ms, 40)
    late, rest = payloads[:3], payloads[3:]
    joined = json.dumps({"time": format_time(now_ms - 1000), "humidity": 40.0})
    received = len(rest) + 1 + 3 + 3
    await publish_and_store(stand, [*rest, joined, *late, *rest[-3:]], received=received)
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["stored"]) == (0, 40)


async def test_a_kill_in_between_makes_no_difference(stand: Stand, now_ms: int) -> None:
    payloads = list_climate(now_ms, 2000)
    publishing = asyncio.create_task(stand.publish("climate-1", payloads), name="publish")
    await stand.wait_received(1)
    await stand.collector.kill()
    await stand.collector.start()
    await publishing
    await stand.wait_received(2000)
    await stand.wait_stored()
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["stored"]) == (0, 2000)


async def test_a_device_that_was_moved_is_still_added_up(stand: Stand, now_ms: int) -> None:
    await publish_and_store(stand, list_climate(now_ms - 60_000, 20), received=20)
    moved = format_time(now_ms - 30_000)
    file = stand.inventory / "hall.toml"
    text = file.read_text()
    before = 'placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]'
    after = (
        f'placements = [{{ from = 2024-01-01, to = {moved}, site = "hall", zone = "first" }}, '
        f'{{ from = {moved}, site = "hall", zone = "second" }}]'
    )
    zones = '[[site.zone]]\nkey = "second"\ntitle = "2. etasje"\n\n[[device]]'
    file.write_text(text.replace(before, after, 1).replace("[[device]]", zones, 1))
    await stand.collector.restart()
    await publish_and_store(stand, [climate(now_ms + seq, seq) for seq in range(20, 40)], received=40)
    zones_found = {row[1] for row in await stand.select("SELECT zone FROM (SELECT delay, zone FROM indoor_climate)")}
    answered = await ask_stand(stand)
    assert (answered.code, answered.findings["stored"], len(zones_found)) == (0, 40, 2)


async def test_what_waits_in_the_outbox_is_no_difference_and_a_database_that_is_away_is_said(
    tmp_path: Path, mosquitto: Mosquitto, own_influxd: Influxd, now_ms: int
) -> None:
    await own_influxd.create_database("sensors")
    async with run_stand(tmp_path, mosquitto, own_influxd, "sensors") as stand:
        await publish_and_store(stand, list_climate(now_ms, 20), received=20)
        await own_influxd.stop()
        await stand.publish("climate-1", [climate(now_ms + seq, seq) for seq in range(20, 40)])
        await stand.wait_received(40)
        answered = await ask_stand(stand)
        assert (answered.code, answered.out, "cannot be reached" in answered.err) == (2, "", True)
        await stand.collector.kill()
        await own_influxd.start()
        answered = await ask_stand(stand)
        assert (answered.code, answered.findings["waiting"], answered.findings["stored"]) == (0, 20, 20)
        await stand.collector.start()
        await stand.wait_stored()


async def accept(folder: Path, influxd: Influxd, database: str, numbers: range, begin_ms: int) -> None:
    """Do what a collector does with readings of one device, a second apart, into a store of its own."""
    lines = [
        f"indoor_climate,device=climate-1,site=hall seq={seq}.0,delay=0.5 {begin_ms + seq * 1000}" for seq in numbers
    ]
    marks = [Mark("climate-1", begin_ms + seq * 1000, seq, ("seq",), Point.NEW) for seq in numbers]
    store = Store.open(StoreSettings(folder=folder, reserve_bytes=0))
    try:
        entry = store.commit(Batch(lines=[line.encode() for line in lines], marks=marks), begin_ms - 2 * HOUR_MS)
        await influxd.write("\n".join(lines), database)
        store.remove([entry.id] if entry else [])
    finally:
        store.close()


async def test_collectors_that_share_are_compared_together_and_one_alone_finds_too_many(
    tmp_path: Path, influxd: Influxd, database: str, now_ms: int
) -> None:
    begin_ms = now_ms // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    await accept(tmp_path / "a", influxd, database, range(0, 30, 2), begin_ms)
    await accept(tmp_path / "b", influxd, database, range(1, 30, 2), begin_ms)
    settings, password = tmp_path / "collector.toml", tmp_path / "password"
    password.write_text(influxd.password)
    influx = {"url": influxd.url, "database": database, "username": influxd.username, "password_file": str(password)}
    settings.write_text(render_settings({"influx": influx}))
    together = await ask(settings, "--json", "--store", str(tmp_path / "a"), "--store", str(tmp_path / "b"))
    assert (together.code, together.findings["accepted"], together.findings["stored"]) == (0, 30, 30)
    alone = await ask(settings, "--json", "--store", str(tmp_path / "a"))
    assert (alone.code, alone.findings["surplus"], alone.findings["missing"]) == (1, 15, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "is no time"),
        (("--from", "2025-01-02", "--to", "2025-01-01"), "before"),
        (("--store", "nowhere"), "There is no store"),
        (("--settings", "nowhere.toml"), "nowhere.toml"),
    ],
)
async def test_wrong_usage_is_said_and_ends_with_two(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    settings = tmp_path / "collector.toml"
    settings.write_text('[influx]\npassword_file = "password"\n')
    (tmp_path / "password").write_text("secret\n")
    answered = await ask(settings, "--json", *arguments)
    assert (answered.code, answered.out) == (2, "")
    assert said in answered.err
