"""``gjovik alerts`` as people and programs run it, on a real store and a real socket."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import gjovik
from ingest.alerts_cli import read_end
from ingest.alerts_view import describe_stage
from ingest.collector import read_clock
from ingest.incidents.incident import Step, StepKind
from ingest.local_time import format_local
from ingest.notify.delivery import Stage, StageKind
from ingest.request_alone import Bench
from ingest.request_desk import RequestDesk
from ingest.request_socket import SOCKET, find_login, serve_requests
from ingest.settings import Store as StoreSettings
from ingest.store_file import FILE, transaction
from ingest.store_incidents import add_steps
from ingest.store_reader import open_reader
from ingest.store_thread import open_store
from schemas.rule import Change, Severity
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.alert_rules import TOGETHER
from tests.incident_rows import make_transition, note, open_tables
from tests.mqtt_clients import wait_until
from tests.small_town import make_configuration, make_processor
from tests.stand import climate, run_stand

LOGIN = find_login(os.getuid())
DAY_MS = 86_400_000


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """The store of a collector that takes requests: incident 1 fires, 2 has cleared, 3 fires and is critical."""
    async with open_store(StoreSettings(folder=tmp_path, reserve_bytes=0)) as store:
        now_ms = read_clock()
        fired = [make_transition(device=device, time_ms=now_ms - 7_200_000) for device in ("a", "b")]
        cleared = make_transition(Change.CLEARED, "b", time_ms=now_ms - 3_600_000)
        cold = make_transition(device="fryser\x1b[2J", rule="freezer", time_ms=now_ms, severity=Severity.CRITICAL)
        note(tmp_path, [*fired, cleared, cold], now_ms)
        known = make_configuration(rules=[replace(TOGETHER, key="freezer")], contacts=["vakt"])
        desk = RequestDesk(Bench(make_processor(), store, known), store, tmp_path)
        serving = asyncio.create_task(serve_requests(tmp_path, desk), name="requests")
        await wait_until((tmp_path / SOCKET).exists)
        yield tmp_path
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def alerts(folder: Path, *words: str) -> Result:
    """Run a command as in a pipe."""
    arguments = ["alerts", *words, "--store", str(folder)]
    ended = await asyncio.to_thread(lambda: CliRunner().invoke(gjovik.app, arguments))
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


async def ask(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON of a command that ends with a code."""
    ended = await alerts(folder, *words, "--json")
    assert ended.exit_code == code, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


async def test_the_list_has_what_is_not_closed_and_a_row_is_one_line(folder: Path) -> None:
    ended = await alerts(folder, "list")
    heading, third, second, first, page = ended.stdout.splitlines()
    assert heading.split() == ["Id", "Fired", "Severity", "State", "Where", "Device", "Rule", "Value", "People"]
    assert third.split()[3:] == ["critical", "open", "hall/first", "fryser\\x1b[2J", "freezer", "14.5"]
    assert second.split()[3:6] == ["warning", "cleared", "hall/first"]
    assert first.split()[0] == "1"
    assert page == "3 of 3 incidents, the newest first"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ((), [3, 2, 1]),
        (("--state", "open"), [3, 1]),
        (("--state", "cleared", "--state", "closed"), [2]),
        (("--severity", "critical"), [3]),
        (("--device", "a"), [1]),
        (("--rule", "freezer", "--site", "hall"), [3]),
        (("--site", "annex"), []),
        (("--limit", "1"), [3]),
        (("--limit", "1", "--after", "3"), [2]),
        (("--to", "2020-01-01"), []),
    ],
)
async def test_the_list_is_narrowed(folder: Path, words: tuple[str, ...], ids: list[int]) -> None:
    assert [one["id"] for one in (await ask(folder, "list", *words))["incidents"]] == ids


async def test_a_page_says_how_the_next_is_asked_for_and_nothing_says_so(folder: Path) -> None:
    assert (await alerts(folder, "list", "--limit", "2")).stdout.endswith(
        "2 of 3 incidents, the newest first; the next page: --after 2\n"
    )
    empty = await alerts(folder, "list", "--site", "annex")
    assert (empty.exit_code, empty.stdout) == (0, "No incident matches.\n")


async def test_show_tells_the_whole_life_with_local_times(folder: Path) -> None:
    assert (await alerts(folder, "ack", "1", "--author", "Kari", "--text", "på vei")).exit_code == 0
    assert (await alerts(folder, "assign", "1", "Ola", "--author", "Kari")).exit_code == 0
    assert (await alerts(folder, "comment", "1", "døra sto åpen")).exit_code == 0
    plain = await ask(folder, "show", "1")
    kinds = [(step["kind"], step["author"], step["text"]) for step in plain["steps"][1:]]
    kari = f"Kari ({LOGIN})"
    assert kinds == [
        ("acknowledged", kari, "på vei"),
        ("assigned", kari, "to Ola"),
        ("commented", LOGIN, "døra sto åpen"),
    ]
    assert (plain["state"], plain["acknowledged_by"], plain["assigned"]) == ("open", kari, "Ola")
    shown = (await alerts(folder, "show", "1")).stdout
    assert f"People       acknowledged by {kari}; assigned to Ola\n" in shown
    assert f"Fired        {format_local(plain['fired_ms'])}\n" in shown
    for step in plain["steps"]:
        assert f"\n{format_local(step['time_ms'])}  {step['kind']}" in shown
    assert any(line.split()[2:4] == ["fired", "collector"] for line in shown.splitlines())


async def test_what_is_not_there_is_a_problem(folder: Path) -> None:
    missing = await alerts(folder, "show", "99")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "no incident 99" in missing.stderr
    performed = await ask(folder, "ack", "1", "99", code=1)
    assert performed == {"done": {"1": "acknowledged"}, "refused": {"99": "there is no such incident"}}


async def test_who_acknowledges_second_is_told_by_whom_it_was(folder: Path) -> None:
    assert (await alerts(folder, "ack", "1", "--author", "Kari")).stdout == "Incident 1: acknowledged.\n"
    second = await alerts(folder, "ack", "1", "--author", "Ola")
    assert second.exit_code == 0
    assert f"was acknowledged already, by Kari ({LOGIN}) at " in second.stdout


async def test_a_snooze_ends_and_is_shown(folder: Path) -> None:
    assert (await alerts(folder, "snooze", "1", "3", "--for", "2h")).exit_code == 0
    one = (await ask(folder, "show", "1"))["snoozed_until_ms"]
    assert 0 < one - read_clock() <= 7_200_000
    assert f"snoozed until {format_local(one)}" in (await alerts(folder, "list")).stdout
    assert (await alerts(folder, "snooze", "1", "--end")).stdout == "Incident 1: no longer snoozed.\n"
    until = format_local(read_clock() + DAY_MS)
    assert (await alerts(folder, "snooze", "1", "--until", until)).stdout == f"Incident 1: snoozed until {until}.\n"


async def test_what_fires_is_closed_only_by_force_with_a_reason(folder: Path) -> None:
    refused = await alerts(folder, "close", "1", "2")
    assert (refused.exit_code, refused.stdout) == (1, "Incident 2: closed.\n")
    assert refused.stderr.startswith("Incident 1: refused, it is open still")
    assert "say why" in (await alerts(folder, "close", "1")).stderr
    assert (await alerts(folder, "close", "1", "--force", "--text", "sensoren er tatt ned")).exit_code == 0
    assert [one["id"] for one in (await ask(folder, "list"))["incidents"]] == [3]
    history = await ask(folder, "history")
    assert [(one["id"], one["state"]) for one in history["incidents"]] == [(3, "open"), (2, "closed"), (1, "closed")]
    rows = (await alerts(folder, "history")).stdout.splitlines()
    assert rows[0].split()[:3] == ["Id", "Fired", "Lasted"]
    assert " 1 h " in rows[2]
    assert "closed, not cleared" in rows[3]


async def test_maintenance_is_begun_listed_and_ended_and_stays_in_the_list(folder: Path) -> None:
    begun = await alerts(
        folder,
        "maintenance",
        "begin",
        "--site",
        "hall",
        "--rule",
        "freezer",
        "--reason",
        "avriming",
        "--for",
        "2h",
        *("--author", "Kari"),
    )
    assert begun.exit_code == 0, begun.output
    assert begun.stdout.startswith("Maintenance 1: active until ")
    assert begun.stdout.endswith("site hall, rule freezer; 1 open incident is of it.\n")
    (one,) = (await ask(folder, "maintenance", "list"))["maintenance"]
    assert (one["state"], one["sites"], one["rules"], one["author"]) == (
        *("active", ["hall"], ["freezer"], f"Kari ({LOGIN})"),
    )
    assert one["to_ms"] - one["from_ms"] == 7_200_000
    listed = await ask(folder, "list")
    assert [incident["maintenance"] for incident in listed["incidents"]] == [[1], [], []]
    assert "maintenance 1" in (await alerts(folder, "show", "3")).stdout
    assert (await alerts(folder, "maintenance", "end", "1")).exit_code == 0
    assert (await alerts(folder, "maintenance", "end", "1")).exit_code == 1
    assert (await alerts(folder, "maintenance", "list")).stdout == "There is no maintenance now.\n"
    kept = (await alerts(folder, "maintenance", "list", "--all")).stdout
    assert f"avriming  Kari ({LOGIN}); ended by {LOGIN}" in kept


async def test_maintenance_can_be_planned_from_a_time_on(folder: Path) -> None:
    from_ms = (read_clock() // 1000) * 1000 + DAY_MS
    planned = await alerts(
        folder,
        "maintenance",
        "begin",
        "--device",
        "indoor_climate",
        "--reason",
        "x",
        "--from",
        format_local(from_ms),
        "--for",
        "30m",
    )
    assert planned.stdout.startswith("Maintenance 1: planned until ")
    (one,) = (await ask(folder, "maintenance", "list"))["maintenance"]
    assert (one["from_ms"], one["to_ms"]) == (from_ms, from_ms + 1_800_000)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("ack",), "Missing argument"),
        (("ack", "0"), "greater than or equal to 1"),
        (("ack", "x"), "integer"),
        (("ack", *map(str, range(1, 502))), "500 are the most"),
        (("assign", "1"), "--nobody"),
        (("assign", "1", "Ola", "--nobody"), "--nobody"),
        (("snooze", "1"), "--until a time"),
        (("snooze", "1", "--for", "1h", "--end"), "--until a time"),
        (("snooze", "1", "--for", "soon"), "no while"),
        (("snooze", "1", "--until", "soon"), "no time"),
        (("snooze", "1", "--for", "8d"), "7 d is the most"),
        (("snooze", "1", "--until", "2020-01-01"), "name a time to come"),
        (("ack", "1", "--text", "x" * 2001), "2000 are the most"),
        (("ack", "1", "--author", "a\x1bb"), "author"),
        (("comment", "1", " "), "write its text"),
        (("close", "1", "--force"), "says why"),
        (("retry", *map(str, range(1, 502))), "500 items"),
        (("test", "vkat"), 'There is no contact "vkat"; did you mean vakt?'),
        (("list", "--from", "2026-02-01", "--to", "2026-01-01"), "before --to"),
        (("history", "--from", "2026-02-01", "--to", "2026-02-01"), "before --to"),
        (("list", "--state", "gone"), "gone"),
        (("maintenance", "begin", "--site", "a", "--for", "1h"), "--reason"),
        (("maintenance", "begin", "--reason", "x", "--for", "1h"), "--site"),
        (("maintenance", "begin", "--site", "a", "--reason", "x"), "--until a time"),
        (("maintenance", "begin", "--site", "hall", "--reason", " ", "--for", "1h"), "reason"),
        (("maintenance", "begin", "--site", "hall", "--reason", "x", "--for", "31d"), "30 d is the most"),
        (("maintenance", "begin", "--site", "hal", "--reason", "x", "--for", "1h"), "did you mean hall?"),
        (("maintenance", "begin", "--device", "indor_climate", "--reason", "x", "--for", "1h"), "mean indoor_climate"),
        (("maintenance", "begin", "--rule", "frezer", "--reason", "x", "--for", "1h"), "did you mean freezer?"),
    ],
)
async def test_wrong_usage_is_told_as_such_and_changes_nothing(folder: Path, words: tuple[str, ...], what: str) -> None:
    ended = await alerts(folder, *words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert what in " ".join(ended.stderr.replace("│", " ").split())
    told = await alerts(folder, *words, "--json")
    assert (told.exit_code, told.stderr) == (2, "")
    assert what in json.loads(told.stdout)["error"]
    assert (await ask(folder, "list"))["matched"] == 3
    assert (await ask(folder, "maintenance", "list", "--all"))["maintenance"] == []


async def test_a_program_gets_what_could_not_be_done_as_json(folder: Path) -> None:
    assert "no incident 99" in (await ask(folder, "show", "99", code=1))["error"]
    performed = await ask(folder, "retry", "7", code=1)
    assert performed == {"done": {}, "refused": {"7": "there is no such message that was given up"}}


async def test_whom_a_message_reached_and_as_what_is_told_in_words(folder: Path) -> None:
    texts = [
        *(
            (StepKind.NOTIFIED, f"ola: {kind}-info", f"ola: {describe_stage(Stage(kind, Severity.INFO))}")
            for kind in StageKind
        ),
        (StepKind.NOTIFIED, "kari: first-critical", "kari: the first message (critical)"),
        (StepKind.NOTIFIED, "kari: reminder-warning-2", "kari: reminder 2 (warning)"),
        (
            *(StepKind.UNDELIVERED, "vakt: escalation-critical-1; no such mailbox"),
            "vakt: escalation 1, as nobody had acknowledged it (critical); no such mailbox",
        ),
        (StepKind.NOTIFIED, "kari: of another version", "kari: of another version"),
    ]
    with open_tables(folder / FILE) as connection, transaction(connection):
        add_steps(connection, [Step(1, read_clock(), kind, "", text) for kind, text, _ in texts])
    told = [words for _, _, words in texts]
    assert [step["text"] for step in (await ask(folder, "show", "1"))["steps"][1:]] == told
    shown = (await alerts(folder, "show", "1")).stdout.splitlines()
    assert [line.partition("  collector  ")[2] for line in shown[-len(told) :]] == told


def test_a_word_that_is_no_command_is_told_as_json_too() -> None:
    for words in (["lst", "--json"], ["--json"], ["maintenance", "begn", "--json"]):
        ended = CliRunner().invoke(gjovik.app, ["alerts", *words])
        assert (ended.exit_code, ended.stderr) == (2, "")
        assert "No such" in json.loads(ended.stdout)["error"]


async def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for words in (("list",), ("ack", "1")):
        ended = await alerts(tmp_path / "missing", *words)
        assert (ended.exit_code, "There is no store" in ended.stderr) == (1, True)
        assert "There is no store" in (await ask(tmp_path / "missing", *words, code=1))["error"]
    assert not (tmp_path / "missing").exists()


def test_an_end_is_a_time_or_a_while() -> None:
    assert read_end("2026-01-15T13:00:02", None) == 1_768_478_402_000
    assert read_end(None, "90 min", 0) == 5_400_000
    assert read_end(None, "2d", 5) == 2 * DAY_MS + 5


async def test_an_incident_of_a_running_collector_is_acknowledged_and_survives_a_kill(
    tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str, now_ms: int
) -> None:
    async with run_stand(tmp_path, mosquitto, influxd, database) as stand:
        folder = stand.collector.store

        async def publish(*degrees: tuple[int, float]) -> None:
            """Publish temperatures, each so many minutes ago."""
            times = [(now_ms - minutes * 60_000, value) for minutes, value in degrees]
            payloads = [climate(time_ms, time_ms // 60_000, temperature=value) for time_ms, value in times]
            before = stand.collector.read_status()["ledger"]["received"]
            await stand.publish("climate-1", payloads)
            await stand.wait_received(before + len(payloads))

        await publish((30, 15.0), (15, 14.5))
        (fired,) = (await ask(folder, "list"))["incidents"]
        assert (fired["device"], fired["rule"], fired["state"]) == ("climate-1", "room-too-cold", "open")
        assert fired["fired_ms"] == now_ms - 15 * 60_000
        assert (await alerts(folder, "ack", "1", "--author", "Kari")).exit_code == 0
        await stand.collector.kill()
        with open_reader(folder) as reader:
            assert [one.kind for one in reader.requests(9)] == ["ack"]
        await stand.collector.start()
        await publish((5, 20.0))
        steps = (await ask(folder, "show", "1"))["steps"]
        assert [step["kind"] for step in steps if step["kind"] != "untold"] == ["fired", "acknowledged", "cleared"]
        assert (await alerts(folder, "close", "1")).stdout == "Incident 1: closed.\n"
        assert (await ask(folder, "list"))["incidents"] == []
        assert "ack by Kari (login " in stand.collector.log.read_text()
