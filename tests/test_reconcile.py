"""Reconcile: the comparison itself, and the real command on a whole path after the things that happen."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import typer

from ingest.accounts import COLLECTOR, make_password
from ingest.event_time import format_time
from ingest.local_time import parse_local
from ingest.number_gaps import divide
from ingest.reconcile import Difference, Findings, Judged, add_up, compare
from ingest.reconcile_cli import choose_hours, conclude, read_clock
from ingest.sequence import Numbering
from ingest.store_hours import HOUR_MS, HourCount
from ingest.stored_points import Asked, name_devices, read_duration
from ingest.waiting_lines import WaitingLines
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from tests.reconcile_command import Answered, ask
from tests.stand import ROOT, Stand, climate, run_stand

AT = ("climate-1", 490_000)
OTHER = ("climate-2", 490_000)
ALWAYS = Judged(missing_from=0, surplus_from=0)


def judge(
    before: HourCount,
    after: HourCount | None = None,
    *,
    waiting: int = 0,
    stored: int,
    judged: Judged = ALWAYS,
) -> list[tuple[int, int]]:
    """Return missing and surplus of one hour, where that is not as it should be."""
    found = compare({AT: before}, {AT: after or before}, Counter({AT: waiting}), Counter({AT: stored}), judged)
    return [(one.missing, one.surplus) for one in found]


def test_what_was_accepted_and_is_stored_agrees() -> None:
    assert judge(HourCount(new=60), stored=60) == []


def test_a_point_that_was_accepted_and_is_not_there_is_missing() -> None:
    assert judge(HourCount(new=60), stored=57) == [(3, 0)]
    assert judge(HourCount(new=60), stored=0) == [(60, 0)]


def test_a_point_that_nobody_accepted_is_too_many() -> None:
    assert judge(HourCount(new=60), stored=61) == [(0, 1)]


def test_a_surplus_is_not_known_before_all_points_were_counted() -> None:
    assert judge(HourCount(new=60), stored=61, judged=Judged(0, 490_001)) == []
    assert judge(HourCount(new=60), stored=59, judged=Judged(0, 490_001)) == [(1, 0)]


def test_what_the_database_does_not_keep_is_not_missing_and_may_not_be_too_much() -> None:
    assert judge(HourCount(new=60), stored=0, judged=Judged(490_001, 0)) == []
    assert judge(HourCount(new=60), stored=0, judged=Judged(490_000, 0)) == [(60, 0)]
    assert judge(HourCount(new=60), stored=61, judged=Judged(490_001, 0)) == [(0, 1)]


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
    found = list(compare({AT: HourCount(new=1)}, {AT: HourCount(new=1)}, Counter(), Counter({OTHER: 2}), ALWAYS))
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
    waiting = WaitingLines(Asked(hour_ms, hour_ms + HOUR_MS, "climate-1"))
    waiting.add(lines)
    assert waiting.points == Counter({AT: 1})
    assert waiting.list_numbers(Numbering("climate-1", simulated=False)) == [(4, 4)]


def test_numbers_that_wait_are_all_known_though_collectors_share_a_device() -> None:
    waiting = WaitingLines(Asked(0, HOUR_MS))
    for begin in (0, 1):
        waiting.add(b"m,device=climate-1 seq=%d.0,delay=0.5 0" % seq for seq in range(begin, 25_000, 2))
    assert waiting.list_numbers(Numbering("climate-1", simulated=False)) == [(0, 24_999)]
    assert waiting.list_numbers(Numbering("climate-1", simulated=True)) == []


def test_devices_are_asked_for_in_groups_that_one_answer_can_hold() -> None:
    points = {"a": 30_000, "b": 30_000, "c": 90_000, "d": 1, "e": 1}
    assert list(divide("abcde", points)) == [["a"], ["b"], ["c"], ["d", "e"]]
    names = [f"device-{number}" for number in range(250)]
    assert [len(group) for group in divide(names, dict.fromkeys(names, 1))] == [100, 100, 50]
    assert list(divide([], {})) == []


def test_a_name_of_a_device_cannot_end_the_condition() -> None:
    assert name_devices(["a'b", "c\\"]) == "(\"device\" = 'a\\'b' OR \"device\" = 'c\\\\')"


def test_whole_hours_are_compared_and_days_of_23_and_25_hours_are_whole() -> None:
    spring = choose_hours(parse_local("2025-03-30"), parse_local("2025-03-31"), None, 3660)
    autumn = choose_hours(parse_local("2025-10-26"), parse_local("2025-10-27"), None, 3660)
    assert (spring.to_ms - spring.from_ms, autumn.to_ms - autumn.from_ms) == (23 * HOUR_MS, 25 * HOUR_MS)
    part = choose_hours(parse_local("2025-06-01T10:20"), parse_local("2025-06-01T10:40"), "a", 3660)
    assert part == Asked(parse_local("2025-06-01T10:00"), parse_local("2025-06-01T11:00"), "a")


def test_the_last_day_is_compared_when_nothing_is_said() -> None:
    before_ms = read_clock()
    asked = choose_hours(None, None, None, 92)
    assert asked.to_ms - HOUR_MS <= read_clock() < asked.to_ms + 1
    assert asked.from_ms <= before_ms - 24 * HOUR_MS < asked.from_ms + HOUR_MS


@pytest.mark.parametrize(
    ("from_", "to"), [("2025-06-02", "2025-06-01"), ("2025-06-01", "2025-06-01"), ("9998-01-01", None)]
)
def test_a_time_that_ends_before_it_begins_is_wrong_usage(from_: str, to: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        choose_hours(parse_local(from_), None if to is None else parse_local(to), None, 3660)


def test_days_of_which_no_count_is_kept_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    asked = choose_hours(parse_local("1970-01-01"), None, None, 2)
    assert 48 <= (asked.to_ms - asked.from_ms) // HOUR_MS <= 49
    assert "counted for 2 days" in capsys.readouterr().err
    with pytest.raises(typer.BadParameter, match="2 days"):
        choose_hours(parse_local("1970-01-01"), parse_local("1970-02-01"), None, 2)


@pytest.mark.parametrize(
    ("text", "expected"), [("720h0m0s", 720 * HOUR_MS), ("1h30m15s", 5_415_000), ("0s", None), ("nonsense", None)]
)
def test_how_long_the_database_keeps_points_is_read(text: str, expected: int | None) -> None:
    assert read_duration(text) == expected


def test_a_comparison_of_nothing_does_not_say_that_nothing_is_missing() -> None:
    assert conclude(Findings(Asked(0, HOUR_MS), ALWAYS))[-1] == "There was nothing to compare."
    assert conclude(Findings(Asked(0, HOUR_MS), ALWAYS, hours=1))[-1] == "Nothing is missing."


def test_an_hour_that_is_still_to_come_is_not_said_to_be_counted_already() -> None:
    none_whole = conclude(Findings(Asked(0, 24 * HOUR_MS), Judged(0, surplus_from=24), hours=1))
    assert none_whole[1].startswith("Every point was counted in no whole hour of this time yet")
    some_whole = conclude(Findings(Asked(0, 24 * HOUR_MS), Judged(0, surplus_from=12), hours=1))
    assert some_whole[1].startswith("The first whole hour in which every point was counted begins at 1970-01-01 13:00")
    assert len(conclude(Findings(Asked(0, 24 * HOUR_MS), ALWAYS, hours=1))) == 2


DEVICES = 10
"""Of the shared path, one for each test."""


def render_device(name: str, placements: str = '{ from = 2024-01-01, site = "hall", zone = "first" }') -> str:
    """Return a climate sensor of an inventory."""
    component = f"+A=360.001-RT{100 + int(name.split('-')[1])}"
    return (
        f'\n[[device]]\nid = "{name}"\ntype = "indoor_climate"\ncomponent = "{component}"\n'
        f"placements = [{placements}]\n"
    )


@pytest.fixture(scope="module")
async def stand(
    tmp_path_factory: pytest.TempPathFactory, influxd: Influxd, database_names: Iterator[str]
) -> AsyncIterator[Stand]:
    """A whole path that the tests of this file share; each has a device of its own, and asks for that one."""
    folder, database = tmp_path_factory.mktemp("reconcile"), next(database_names)
    await influxd.create_database(database)
    more = "".join(render_device(f"climate-{number}") for number in range(2, 2 + DEVICES))
    async with (
        run_mosquitto(folder / "mosquitto", {COLLECTOR: make_password()}) as broker,
        run_stand(folder, broker, influxd, database, devices=more) as running,
    ):
        yield running
    await influxd.drop_database(database)


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """Devices of the shared path that no test has used yet."""
    return (f"climate-{number}" for number in range(2, 2 + DEVICES))


@pytest.fixture
def device(names: Iterator[str]) -> str:
    """The test's own."""
    return next(names)


async def ask_for(stand: Stand, device: str, *arguments: str) -> Answered:
    """Ask for one device, with the settings of the path's collector, for programs."""
    return await ask(stand.collector.settings, "--json", "--device", device, *arguments)


async def publish_and_store(stand: Stand, device: str, payloads: list[str]) -> None:
    """Publish, and return when the collector has taken all and written all."""
    received = stand.collector.read_status()["ledger"]["received"] + len(payloads)
    await stand.publish(device, payloads)
    await stand.wait_received(received)
    await stand.wait_stored()


def list_climate(now_ms: int, count: int) -> list[str]:
    """Return readings of the last minutes, a second apart, with their numbers."""
    return [climate(now_ms - (count - seq) * 1000, seq) for seq in range(count)]


async def test_ordinary_traffic_agrees_until_a_point_is_deleted_in_the_database(
    stand: Stand, device: str, now_ms: int
) -> None:
    await publish_and_store(stand, device, list_climate(now_ms, 200))
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["accepted"], answered.findings["stored"]) == (True, 200, 200)
    statement = f"DELETE FROM indoor_climate WHERE device = '{device}' AND time = {now_ms - 5000}ms"  # noqa: S608 - ours
    await stand.influxd.query(statement, stand.database)
    answered = await ask_for(stand, device)
    (found,) = answered.findings["differences"]
    assert (answered.code, found["device"], found["missing"], found["least"] - found["stored"]) == (1, device, 1, 1)
    (gap,) = answered.findings["gaps"]
    assert (gap["first"], gap["last"]) == (195, 195)
    # As people call it.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gjovik", "reconcile", "--settings", str(stand.collector.settings)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        told, _ = await process.communicate()
    assert (process.returncode, b"1 missing" in told) == (1, True)


async def test_a_device_that_nobody_ever_heard_of_is_said(stand: Stand, device: str) -> None:
    told = await ask(stand.collector.settings, "--device", device)
    assert (told.code, told.out) == (2, "")
    assert f"knows a device {device!r}" in " ".join(told.err.split())
    # Once something of it is in quarantine it is known, though there is no point to compare.
    await publish_and_store(stand, device, ["{"])
    told = await ask(stand.collector.settings, "--device", device)
    assert (told.code, told.out.splitlines()[-1]) == (0, "There was nothing to compare.")


async def test_a_reading_that_never_arrived_is_a_gap(stand: Stand, device: str, now_ms: int) -> None:
    payloads = list_climate(now_ms, 20)
    del payloads[7:9]
    await publish_and_store(stand, device, payloads)
    answered = await ask_for(stand, device)
    assert (answered.code, answered.findings["differences"], answered.findings["missing_numbers"]) == (1, [], 2)
    (gap,) = answered.findings["gaps"]
    assert gap == {
        "device": device,
        "simulated": False,
        "first": 7,
        "last": 8,
        "missing": 2,
        "covered": 0,
        "unreadable": 0,
        "after_ms": now_ms - 14_000,
        "before_ms": now_ms - 11_000,
    }


async def test_what_is_in_quarantine_explains_its_gap_where_its_number_can_be_read(
    stand: Stand, device: str, now_ms: int
) -> None:
    payloads = list_climate(now_ms, 20)
    payloads[5] = json.dumps({"time": "yesterday", "seq": 5, "temperature": 20.0})
    await publish_and_store(stand, device, payloads)
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["explained"], answered.findings["stored"]) == (True, 1, 19)
    first, last = (climate(now_ms + seq, seq) for seq in (20, 22))
    await publish_and_store(stand, device, [first, "{", last])
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["covered"], answered.findings["gaps"]) == (True, 1, [])
    told = await ask(stand.collector.settings, "--device", device)
    assert "whose number cannot be read: 1." in told.out
    assert told.out.splitlines()[-1] == "Nothing else is missing."


async def test_a_line_that_the_database_refuses_is_no_difference(stand: Stand, device: str, now_ms: int) -> None:
    # A state where the schema has a number: InfluxDB refuses every number of that field in this shard.
    spoiled = f"indoor_climate,device=elsewhere,site=hall,zone=first,type=indoor_climate co2=true {now_ms}"
    await stand.influxd.write(spoiled, stand.database)
    payloads = list_climate(now_ms, 20)
    payloads[5] = climate(now_ms - 15_000, 5, co2=600.0)
    await publish_and_store(stand, device, payloads)
    answered = await ask_for(stand, device)
    findings = answered.findings
    assert (findings["refused"], findings["stored"], findings["explained"]) == (1, 19, 1)
    assert (answered.agrees, findings["differences"]) == (True, [])


async def test_readings_that_came_twice_late_or_in_parts_are_no_difference(
    stand: Stand, device: str, now_ms: int
) -> None:
    payloads = list_climate(now_ms, 40)
    late, rest = payloads[:3], payloads[3:]
    joined = json.dumps({"time": format_time(now_ms - 1000), "humidity": 40.0})
    await publish_and_store(stand, device, [*rest, joined, *late, *rest[-3:]])
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["stored"]) == (True, 40)


async def test_a_device_without_a_clock_agrees_though_the_same_comes_again(stand: Stand) -> None:
    await publish_and_store(stand, "light-1", [json.dumps({"on": True, "power": 400})] * 5)
    answered = await ask_for(stand, "light-1")
    assert (answered.agrees, answered.findings["stored"]) == (True, 5)


async def test_a_device_that_was_moved_is_still_added_up(stand: Stand, device: str, now_ms: int) -> None:
    moved = format_time(now_ms - 30_000)
    file = stand.inventory / "hall.toml"
    placements = (
        f'{{ from = 2024-01-01, to = {moved}, site = "hall", zone = "first" }}, '
        f'{{ from = {moved}, site = "hall", zone = "second" }}'
    )
    zone = '[[site.zone]]\nkey = "second"\ntitle = "2. etasje"\n\n[[device]]'
    text = file.read_text().replace(render_device(device), render_device(device, placements), 1)
    file.write_text(text.replace("[[device]]", zone, 1))
    await stand.collector.restart()
    payloads = list_climate(now_ms - 60_000, 20) + [climate(now_ms + seq, seq) for seq in range(20, 40)]
    await publish_and_store(stand, device, payloads)
    zones = await stand.influxd.query(
        f"SELECT count(delay) FROM indoor_climate WHERE device = '{device}' GROUP BY zone",  # noqa: S608 - ours
        stand.database,
    )
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["stored"], len(zones)) == (True, 40, 2)


async def test_a_kill_in_between_makes_no_difference(stand: Stand, device: str, now_ms: int) -> None:
    before = stand.collector.read_status()["ledger"]["received"]
    publishing = asyncio.create_task(stand.publish(device, list_climate(now_ms, 2000)), name="publish")
    await stand.wait_received(before + 1)
    await stand.collector.kill()
    await stand.collector.start()
    await publishing
    await stand.wait_received(before + 2000)
    await stand.wait_stored()
    answered = await ask_for(stand, device)
    assert (answered.agrees, answered.findings["stored"]) == (True, 2000)


async def test_what_waits_in_the_outbox_is_no_difference_and_a_database_that_is_away_is_said(
    tmp_path: Path, mosquitto: Mosquitto, own_influxd: Influxd, now_ms: int
) -> None:
    await own_influxd.create_database("sensors")
    async with run_stand(tmp_path, mosquitto, own_influxd, "sensors") as stand:
        await publish_and_store(stand, "climate-1", list_climate(now_ms, 20))
        await own_influxd.stop()
        await stand.publish("climate-1", [climate(now_ms + seq, seq) for seq in range(20, 40)])
        await stand.wait_received(40)
        answered = await ask_for(stand, "climate-1")
        assert (answered.code, "cannot be reached" in answered.error) == (2, True)
        await stand.collector.kill()
        await own_influxd.start()
        answered = await ask_for(stand, "climate-1")
        assert (answered.agrees, answered.findings["waiting"], answered.findings["stored"]) == (True, 20, 20)


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
    assert (answered.code, said in answered.error) == (2, True)
    answered = await ask(settings, *arguments)
    assert (answered.code, answered.out) == (2, "")
    assert said in answered.err
