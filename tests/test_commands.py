"""Commands without a collector: nothing is cut off, nothing a device wrote is obeyed, odd input is a sentence."""

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import gjovik
from ingest.batch import Batch, Quarantined
from ingest.printed_table import format_bytes, make_visible, print_table
from ingest.quarantine_filter import Filter
from ingest.quarantine_view import render_payload
from ingest.request_socket import find_login
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from ingest.store_file import FILE
from schemas.reason import Level, Reason
from tests.stand import COLD, INVENTORY
from tests.test_status import STATUS

PAYLOAD = b"\x1b]0;title\x07 and \xff"
TOPIC = "gjovik/" + "ø" * 200 + "/climate-9/reading"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with entries that nothing good can be said of, and no collector."""
    made = tmp_path / "store"
    with closing(Store.open(StoreSettings(folder=made, reserve_bytes=0))) as store:
        entry = Quarantined(
            *(1_768_478_402_000, Level.MESSAGE, Reason.UNKNOWN_DEVICE, TOPIC, "", "\x1b[31mred\nnext", PAYLOAD),
            *(len(PAYLOAD), hashlib.sha256(PAYLOAD).digest()),
        )
        store.commit(Batch(quarantined=[entry, entry._replace(payload=b'{"a": "\xc3\xa6"}', length=11)]), 0)
    return made


def test_an_entry_says_by_which_schema_it_was_judged(tmp_path: Path) -> None:
    made = tmp_path / "store"
    with closing(Store.open(StoreSettings(folder=made, reserve_bytes=0))) as store:
        entry = Quarantined(
            *(1_768_478_402_000, Level.FIELD, Reason.OUT_OF_RANGE, "a/b", "climate-1", "co2 is 5", b"{}", 2, b"\0"),
            schema="indoor_climate/2",
        )
        store.commit(Batch(quarantined=[entry]), 0)
    code, listed = run("quarantine", "list", "--store", str(made))
    assert code == 0
    assert "Schema" in listed.splitlines()[0]
    assert "indoor_climate/2" in listed
    assert "Schema         indoor_climate/2\n" in run("quarantine", "show", "1", "--store", str(made))[1]
    for words in (("list",), ("show", "1")):
        plain = json.loads(run("quarantine", *words, "--store", str(made), "--json")[1])
        (plain,) = plain.get("entries", [plain])
        assert plain["schema"] == "indoor_climate/2"


def run(*words: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    result = CliRunner().invoke(gjovik.app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(("text", "shown"), [("æ 𝛼", "æ 𝛼"), ("a\x1b[0m\n\u202e", "a\\x1b[0m\\n\\u202e")])
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str) -> None:
    assert make_visible(text) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**31, "2.0 GiB"), (2**60, "1048576.0 TiB")],
)
def test_a_size_has_a_unit(size: int, shown: str) -> None:
    assert format_bytes(size) == shown


def test_in_a_pipe_every_row_is_one_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 5_000
    print_table(("A", "Count"), [(long, "1"), ("[bold]b", "22")], numbers=("Count",))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["A", "Count"]
    assert first.split() == [long, "1"]
    assert second.split() == ["[bold]b", "22"]


def test_a_heading_is_folded_before_what_stands_under_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    rows = [("climate-01 (simulated)", "2026-01-15 12:00:00", "1")]
    print_table(("Device", "After", "Unreadable in quarantine"), rows, ("Unreadable in quarantine",))
    assert "Unreadable in quarantine" in capsys.readouterr().out
    long = [("climate-01 (simulated)", "2026-01-15 12:00:00", "1", "2026-01-15 12:20:00")]
    print_table(("Device", "After", "Unreadable in quarantine", "Before"), long, ("Unreadable in quarantine",))
    shown = capsys.readouterr().out
    assert "Unreadable in quarantine" not in shown
    assert all(cell in shown for cell in long[0])


def test_a_device_is_folded_behind_its_hyphens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    detail = "the field temperature is 999.0 and that is above the 60.0 that it can be on 2026-01-15"
    row = ("12345", "2026-01-15 12:00:00", "unknown_device", "biblioteket-klima-01", detail)
    print_table(("Id", "Received", "Reason", "From", "Detail"), [row], ("Id",), ("Received", "Reason"))
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, shown)) <= 80
    place = shown[0].index("From")
    parts = [words[0] for line in shown[1:] if (words := line[place : shown[0].index("Detail")].split())]
    assert "".join(parts) == row[3]
    assert all(part.endswith("-") for part in parts[:-1])
    assert "2026-01-15" in "".join(shown[2:])


@pytest.mark.parametrize("columns", [20, 80, 120])
def test_in_a_terminal_nothing_is_cut_off(
    folder: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        gjovik.app(["quarantine", "list", "--store", str(folder)])
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert shown.count("ø") == TOPIC.count("ø") * 2
    assert "\x1b[31m" not in shown
    if columns >= 80:
        assert "\x1b[1m" in shown
        assert max(map(len, re.sub(r"\x1b\[\d*m", "", shown).splitlines())) <= columns


def test_counts_are_by_reason_first_and_then_of_the_largest_groups_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store.open(StoreSettings(folder=folder, reserve_bytes=0))) as store:
        (row,) = store.read_quarantine(Filter(), 0, 1)
        others = [row.quarantined._replace(reason=Reason.WRONG_TYPE, device=f"climate-{one}") for one in range(3)]
        store.commit(Batch(quarantined=others), 0)
    monkeypatch.setattr("ingest.quarantine_cli.SHOWN", 2)
    reasons, groups = run("quarantine", "stats", "--store", str(folder))[1].split("\n\n")
    assert [line.split()[:3] for line in reasons.splitlines()[1:]] == [
        ["wrong_type", "3", "3"],
        ["unknown_device", "1", "2"],
    ]
    _, first, second, more, total = groups.splitlines()
    assert first.split()[0] == "unknown_device"
    assert second.split()[:3] == ["wrong_type", "climate-0", "1"]
    assert more.startswith("and 2 more; --reason or --device")
    assert total.startswith("5 entries")


def test_a_payload_is_shown_as_text_or_in_hexadecimal(folder: Path) -> None:
    assert run("quarantine", "show", "2", "--store", str(folder))[1].endswith('\n{"a": "æ"}\n')
    shown = run("quarantine", "show", "1", "--store", str(folder))[1]
    assert "no device of this name is in the inventory" in shown
    assert "or add it to the inventory and reload" in shown
    assert "00000000  1b 5d 30 3b" in shown
    assert "\x1b" not in shown
    assert render_payload(b"") == ""


def remove(folder: Path) -> None:
    """Remove the file."""
    (folder / FILE).unlink()


def age(folder: Path) -> None:
    """Make it a store of a later version."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA user_version = 999")


def scramble(folder: Path) -> None:
    """Make it no store at all."""
    (folder / FILE).write_bytes(b"garbage" * 1000)


COMMANDS = [
    ("quarantine", "list"),
    ("quarantine", "show", "1"),
    ("quarantine", "stats"),
    ("quarantine", "requests"),
    ("quarantine", "reprocess"),
    ("quarantine", "discard", "--all", "--yes"),
    ("store", "backup", "/nonexistent/copy"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("breaking", [remove, age, scramble])
def test_a_store_that_cannot_be_used_is_a_sentence(
    folder: Path, breaking: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    breaking(folder)
    code, output = run(*command, "--store", str(folder))
    assert code == 1
    assert str(folder) in output
    code, told = run(*command, "--store", str(folder), "--json")
    assert (code, str(folder) in json.loads(told)["error"]) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("quarantine", "list", "--reason", "bad"), 2, "bad"),
        (("quarantine", "list", "--from", "then"), 2, "then"),
        (("quarantine", "list", "--topic", "a/#/b"), 2, "topic filter"),
        (("quarantine", "list", "-1"), 2, "-1"),
        (("quarantine", "show", str(2**70)), 2, "id"),
        (("quarantine", "show", "12"), 1, "no entry 12"),
        (("quarantine", "discard"), 2, "--all"),
        (("quarantine", "discard", "--all", "--device", "x"), 2, "--all"),
        (("quarantine", "discard", "--all"), 2, "--yes"),
        (("quarantine", "discard", "--device", "nobody"), 0, "nothing was done"),
        (("quarantine", "reprocess", "--device", "nobody"), 0, "nothing was done"),
        (("quarantine", "reprocess"), 1, "--settings"),
        (("quarantine", "reprocess", "--author", "a\x1bb"), 2, "author"),
        (("quarantine", "list", "--device", "nobody"), 0, "Nothing"),
        (("status",), 1, "no collector has run"),
    ],
)
def test_wrong_use_is_a_sentence_and_an_exit_code(
    folder: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    ended, output = run(*words, "--store", str(folder))
    assert (ended, sentence in output) == (code, True), output
    if code:
        ended, output = run(*words, "--store", str(folder), "--json")
        assert (ended, sentence in json.loads(output)["error"]) == (code, True), output


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--foo"),
        ("store", "backup"),
        ("check", "--foo"),
        ("accounts",),
        ("decode", "--port", "999"),
        ("reconcile", "--from", "then"),
        ("simulate", "--host", ""),
        ("dashboards", "push", "--url", "http://h:99999"),
        ("devices", "show", "x", "y"),
        ("alerts", "backtest", "--json", "-", "--foo"),
        ("nothing",),
    ],
    ids=" ".join,
)
def test_programs_are_told_wrong_usage_of_any_command_as_json(words: tuple[str, ...]) -> None:
    code, output = run(*words, *(() if "--json" in words else ("--json",)))
    assert (code, bool(json.loads(output)["error"])) == (2, True)


@pytest.mark.parametrize("words", [("status", "--foo"), ("alerts", "backtest", "--json", "x.json", "--foo")])
def test_people_are_told_wrong_usage_in_words(words: tuple[str, ...]) -> None:
    code, output = run(*words)
    assert (code, "No such option: --foo" in output, output.startswith("{")) == (2, True, False)


def test_words_of_any_bytes_are_told_as_json_that_any_program_reads(folder: Path) -> None:
    code, output = run("quarantine", "list", "--author", "a\udcff", "--store", str(folder), "--json")
    assert (code, "error" in json.loads(output.encode())) == (2, True)


def test_odd_files_are_a_sentence(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for words in (["status"], ["quarantine", "list"], ["check"], ["collector"]):
        code, output = run(*words, "--settings", str(pipe))
        assert (code in {1, 2}, "is a pipe" in output) == (True, True)
    assert run("status", "--store", "a\0b")[0] == 2
    assert run("quarantine", "list", "--settings", "a\0b")[0] == 2
    status = folder / "status.json"
    for text in ("{", "[]", '{"time_ms": 1}', "[" * 100_000):
        status.write_text(text)
        code, output = run("status", "--store", str(folder))
        assert (code, str(status) in output) == (1, True)
    status.unlink()
    os.mkfifo(status)
    assert "is not a file" in run("status", "--store", str(folder))[1]


def test_a_backup_replaces_nothing(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    assert run("store", "backup", str(copy), "--store", str(folder))[0] == 0
    made = copy.read_bytes()
    code, output = run("store", "backup", str(copy), "--store", str(folder))
    assert (code, "exists already" in output) == (1, True)
    assert copy.read_bytes() == made
    assert run("store", "backup", "a\0b", "--store", str(folder))[0] == 2


def test_the_status_of_a_collector_that_stopped_is_a_problem(folder: Path) -> None:
    (folder / "status.json").write_text(json.dumps(STATUS))
    code, output = run("status", "--store", str(folder), "--json")
    assert (code, json.loads(output)["running"]) == (1, False)
    code, output = run("status", "--store", str(folder))
    assert (code, output.startswith("The collector does not run")) == (1, True)


def test_a_command_that_works_alone_is_run_by_the_owner(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "collector.toml"
    settings.write_text(f'[store]\nfolder = "{folder}"\n')
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    code, output = run("quarantine", "reprocess", "--settings", str(settings))
    assert (code, "must be its owner's" in output) == (1, True)


def test_a_folder_that_may_not_be_looked_at_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", refuse)  # a test may run as root, who may look at everything
    code, output = run("status", "--store", str(folder))
    assert (code, "Permission denied" in output) == (1, True)


def test_a_list_goes_on_where_it_ended_in_either_order(folder: Path) -> None:
    def list_page(*words: str) -> tuple[list[int], int]:
        page = json.loads(run("quarantine", "list", *words, "--store", str(folder), "--json")[1])
        assert page["matched"] == 2
        return [entry["id"] for entry in page["entries"]], page["after"]

    assert list_page() == ([1, 2], 2)
    assert list_page("--newest") == ([2, 1], 1)
    assert list_page("--newest", "--limit", "1") == ([2], 2)
    assert list_page("--newest", "--limit", "1", "--after", "2") == ([1], 1)
    assert list_page("--newest", "--after", "1") == ([], 1)
    shown = run("quarantine", "list", "--newest", "--limit", "1", "--store", str(folder))[1]
    assert shown.endswith("1 of 2 entries, the newest first; the next page: --newest --after 2\n")


def test_a_list_for_programs_has_the_payloads_so_that_it_can_be_kept(folder: Path) -> None:
    first, second = json.loads(run("quarantine", "list", "--store", str(folder), "--json")[1])["entries"]
    assert bytes.fromhex(first["payload_hex"]) == PAYLOAD
    assert second["payload"] == '{"a": "æ"}'


def test_a_backup_tells_programs_what_it_made(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    code, output = run("store", "backup", str(copy), "--store", str(folder), "--json")
    assert (code, json.loads(output)) == (0, {"file": str(copy), "bytes": copy.stat().st_size})


def test_what_comes_while_a_person_thinks_is_not_discarded_and_who_did_it_is_known(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "collector.toml"
    for name, text in (("inventory", INVENTORY), ("rules", COLD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "room-too-cold.toml").write_text(text)
    places = "".join(f'{name} = "{tmp_path / name}"\n' for name in ("inventory", "rules"))
    settings.write_text(f'{places}[store]\nfolder = "{folder}"\nreserve_bytes = 0\n')

    def think(question: str) -> bool:
        assert question.startswith("Discard 2 entries for good (2 unknown_device)")
        with closing(Store.open(StoreSettings(folder=folder, reserve_bytes=0))) as store:
            (row,) = store.read_quarantine(Filter(), 1, 1)
            store.commit(Batch(quarantined=[row.quarantined]), 0)
        return True

    monkeypatch.setattr("ingest.quarantine_cli.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr("ingest.quarantine_cli.typer.confirm", think)
    chosen = ("--settings", str(settings))
    assert run("quarantine", "requests", *chosen) == (0, "Nobody has asked for anything yet.\n")
    assert run("quarantine", "discard", "--all", "--author", "Kari", *chosen) == (0, "2 entries were discarded.\n")
    (left,) = json.loads(run("quarantine", "list", *chosen, "--json")[1])["entries"]
    assert left["id"] == 3
    assert run("quarantine", "reprocess", "--reason", "unknown_device", *chosen)[0] == 1
    requests = json.loads(run("quarantine", "requests", *chosen, "--json")[1])["requests"]
    told = [(one["kind"], one["author"], one["login"], one["meant"], one["outcome"]) for one in requests]
    login = find_login(os.getuid())
    assert told == [
        ("reprocess", login, login, "reason unknown_device", "of 1 entry 0 were accepted and left, 1 stays"),
        ("discard", "Kari", login, "up to entry 2", "2 entries were discarded"),
    ]
    shown = run("quarantine", "requests", *chosen)[1].splitlines()
    assert f"discard    Kari (login {login})" in shown[2]
