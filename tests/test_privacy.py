"""What tells of people's health is kept apart: line by line, on disk, in the quarantine, and from every dashboard."""

import dataclasses
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.alerts.announcement import format_line
from ingest.alerts.book import AlertBook
from ingest.alerts.rules import load_rules, read_rules
from ingest.batch import Batch, QuarantineRow
from ingest.health import Silence, Status, format_health
from ingest.inventory import Inventory
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.metrics import AlertCounts, format_metrics
from ingest.reprocess import reprocess
from ingest.settings import Health, Influx, Settings
from ingest.settings import Store as StoreSettings
from ingest.settings_file import load_settings
from ingest.source import Event, EventKind, Source
from ingest.source_lines import format_events
from ingest.source_table import SourceTable
from ingest.store import Store
from ingest.store_file import FILE
from ingest.store_outbox import RefusedLine, unpack_lines
from ingest.store_reader import open_reader
from ingest.store_schema import MIGRATIONS, migrate
from ingest.target import Target
from ingest.toml_file import ConfigurationError
from schemas.device_type import Privacy
from schemas.reason import Reason
from schemas.rule import Level, Rule, Severity
from tests.small_town import RECEIVED_MS, make_inventory, make_message, make_processor

TYPES = load_device_types()
APART = sorted(key for key, one in TYPES.items() if one.is_apart)
PRIVATE = sorted(key for key, one in TYPES.items() if not one.keeps_payload)

TIME = "2026-01-15T12:00:0{}Z"
CALLED = Rule(
    key="called",
    device_type="safety_alarm",
    field="alarm",
    unit="1",
    levels=(Level(Severity.CRITICAL, high=0.5, clear_high=0.5),),
    text="Alarm",
    is_apart=True,
    privacy=Privacy.HEALTH,
)
SILENT = dataclasses.replace(
    CALLED, key="silent", field="", levels=(Level(Severity.WARNING, high=5.0, clear_high=5.0),)
)


def tell(*, alarm: object, second: int = 0) -> bytes:
    return json.dumps({"time": TIME.format(second), "alarm": alarm}).encode()


def make_sources(inventory: Inventory, *keys: str) -> SourceTable:
    """Return a Source whose devices are the safety alarm, or others in its place."""
    bound = {
        key: dataclasses.replace(inventory.devices[key], source="care", address=address, model=f"fields_{key}")
        for key, address in zip(keys or ("safety_alarm",), ("Room-12", "hall"), strict=False)
    }
    town = dataclasses.replace(inventory, devices={**inventory.devices, **bound})
    source = Source(key="care", format_key="plain", root="", patterns=("care/{address}",), zone_info=LOCAL)
    return SourceTable({"care": source}, town, TYPES)


def test_types_of_health_are_kept_apart_and_more_open_ones_are_not() -> None:
    assert APART == ["room_presence", "safety_alarm"]
    assert set(APART) < set(PRIVATE)
    personal = ["asset_tracker", "desk_occupancy", "dwelling_door", "dwelling_electricity"]
    assert sorted([*personal, *APART]) == PRIVATE


@pytest.mark.parametrize("key", TYPES)
def test_readings_of_every_type_go_to_the_database_of_their_class_and_no_other(key: str) -> None:
    example = next(one for one in TYPES[key].examples if one.fields is not None and not one.refused)
    first = make_processor().process([make_message(key, example.payload)])
    (line,) = first.health_lines if TYPES[key].is_apart else first.lines
    assert line.startswith(f"{key},device={key},".encode())
    assert not (first.lines if TYPES[key].is_apart else first.health_lines)


def test_no_lane_is_made_for_what_is_kept_apart_however_often_it_comes() -> None:
    processor = make_processor()
    batch = processor.process([make_message("safety_alarm", tell(alarm=False, second=second)) for second in range(3)])
    assert (len(batch.health_lines), batch.lines, batch.drafts) == (3, [], [])
    assert batch.ledger.accepted == 3


def test_alerts_late_readings_and_silence_of_such_a_device_go_apart_too() -> None:
    processor = make_processor(rules={"called": CALLED, "silent": SILENT})
    batch = processor.process(
        [
            make_message("safety_alarm", tell(alarm=value, second=second))
            for value, second in ((False, 1), (True, 3), (True, 2))
        ]
    )
    names = sorted(line.partition(b",")[0] for line in batch.health_lines)
    assert names == [b"alerts", b"alerts_late", *[b"safety_alarm"] * 3]
    assert batch.lines == []
    assert [one.is_apart for one in batch.transitions] == [True]
    silence = Silence("safety_alarm", "safety_alarm", "hall", "first", 100_000.0, 27.0)
    silenced = processor.alerts.judge_silence([silence], RECEIVED_MS + 100_000_000)
    assert {one.rule for one in silenced} == {"called", "silent"}
    assert all(one.is_apart for one in silenced)


def test_an_alert_is_kept_apart_also_when_its_rule_and_its_device_have_vanished(tmp_path: Path) -> None:
    processor = make_processor(rules={"called": CALLED})
    batch = processor.process([make_message("safety_alarm", tell(alarm=True))])
    with closing(Store.open(StoreSettings(folder=tmp_path, reserve_bytes=0))) as store:
        store.commit(batch, RECEIVED_MS)
        book = AlertBook({}, None)
        book.restore(store.load().alerts)
    town = make_inventory()
    gone = dataclasses.replace(town, devices={})
    (withdrawal,) = book.replace_rules({}, gone, RECEIVED_MS)
    assert withdrawal.rule is None
    assert withdrawal.transition.is_apart
    assert b"safety_alarm" in format_line(withdrawal.transition, None)


def test_what_alerts_of_such_devices_do_is_never_published_to_the_broker(tmp_path: Path) -> None:
    climate = dataclasses.replace(
        CALLED, key="warm", device_type="indoor_climate", field="temperature", is_apart=False, levels=CALLED.levels
    )
    processor = make_processor(rules={"called": CALLED, "warm": climate})
    warm = json.dumps({"time": TIME.format(0), "temperature": 20.0}).encode()
    messages = [make_message("safety_alarm", tell(alarm=True)), make_message("indoor_climate", warm)]
    with closing(Store.open(StoreSettings(folder=tmp_path, reserve_bytes=0))) as store:
        store.commit(processor.process(messages), RECEIVED_MS)
        assert [one.transition.device for one in store.unpublished()] == ["indoor_climate"]
        assert {one.device for one in store.open_incidents()} == {"indoor_climate", "safety_alarm"}


def test_what_a_source_tells_of_such_a_device_goes_apart_with_its_events() -> None:
    processor = make_processor()
    processor.sources = make_sources(make_inventory())
    opened = processor.sources.opened["care"]
    batch = processor.process([Message("care/Room-12", b'{"alarm": true, "worn": false}', RECEIVED_MS)])
    assert [line.partition(b",")[0] for line in batch.health_lines] == [b"safety_alarm"]
    assert (batch.lines, batch.ledger.accepted) == ([], 1)
    told = [
        Event(EventKind.OFFLINE, "ROOM-12"),
        Event(EventKind.DESCRIBED, "bridge", "room-12: a button"),
        Event(EventKind.OFFLINE, "hall"),
    ]
    assert [opened.is_apart(one) for one in told] == [True, True, False]
    assert b"device=safety_alarm" in next(format_events(opened, told, RECEIVED_MS))


@pytest.mark.parametrize("key", PRIVATE)
def test_of_private_devices_quarantine_keeps_length_hash_and_reason_alone(key: str) -> None:
    bad = b'{"time": "2026-01-15T12:00:00Z", "secret_name": "Kari", "presence": 3}'
    good = next(json.loads(one.payload) for one in TYPES[key].examples if one.fields is not None and not one.refused)
    half = json.dumps(good | {"secret_name": "Kari", "battery": 400}).encode()
    processor = make_processor()
    payloads = [b"\xff Kari", bad, half]
    batch = processor.process([make_message(key, payload) for payload in payloads])
    assert batch.quarantined
    for kept in batch.quarantined:
        assert (kept.payload, kept.detail, kept.fields) == (b"", "", ())
        assert kept.device == key
        assert kept.length in {len(payload) for payload in payloads}
        assert "Kari" not in str(kept)
    wrong_site = Message(f"gjovik/annex/{key}/reading", b"Kari", RECEIVED_MS)
    (kept,) = processor.process([wrong_site]).quarantined
    assert (kept.reason, kept.payload) == (Reason.WRONG_SITE, b"")


def test_a_payload_that_turns_out_to_be_of_a_private_device_leaves_the_quarantine() -> None:
    town = make_inventory()
    others = {key: one for key, one in town.devices.items() if key != "safety_alarm"}
    bad = tell(alarm="Kari")
    (kept,) = (
        make_processor(dataclasses.replace(town, devices=others))
        .process([make_message("safety_alarm", bad)])
        .quarantined
    )
    assert (kept.reason, kept.payload) == (Reason.UNKNOWN_DEVICE, bad)
    revised = reprocess(make_processor(), [QuarantineRow(1, kept)]).revised[1]
    assert (revised.reason, revised.device, revised.payload) == (Reason.WRONG_TYPE, "safety_alarm", b"")
    assert (revised.length, revised.sha256) == (kept.length, kept.sha256)
    accepted = make_processor().process([make_message("safety_alarm", tell(alarm=True))])
    good = kept._replace(payload=tell(alarm=True), length=len(tell(alarm=True)), sha256=hash_of(tell(alarm=True)))
    again = reprocess(make_processor(), [QuarantineRow(1, good)])
    assert (again.health_lines, again.lines, again.released) == (accepted.health_lines, [], [1])


def hash_of(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


def test_of_other_devices_quarantine_keeps_what_came() -> None:
    (kept,) = make_processor().process([make_message("indoor_climate", b"\xff")]).quarantined
    assert kept.payload == b"\xff"


TOLD = [
    Message(topic, payload, RECEIVED_MS)
    for topic, payload in (
        ("care/other", b'{"temperature": 21.5}'),
        ("care/other", b'{"Kari'),
        ("care/hall", b'{"temperature": "Kari"}'),
    )
]
"""Of a stranger, of which nothing can be read, and of the second device something that is wrong."""


@pytest.mark.parametrize("key", [*PRIVATE, "indoor_climate"])
def test_a_source_that_has_a_private_device_keeps_only_what_is_certainly_of_another(key: str) -> None:
    processor = make_processor()
    processor.sources = make_sources(make_inventory(), key, "outdoor_temperature")
    is_open = key == "indoor_climate"
    own = Message("care/Room-12", json.dumps(dict.fromkeys(TYPES[key].fields, "Kari")).encode(), RECEIVED_MS)
    for message, is_attributed in zip([own, *TOLD], (False, False, False, True), strict=True):
        (kept,) = processor.process([message]).quarantined
        assert (kept.length, kept.sha256) == (len(message.payload), hash_of(message.payload))
        assert kept.payload == (message.payload if is_open or is_attributed else b"")
        assert bool(kept.detail) is (is_open or is_attributed)


def test_what_was_kept_goes_when_a_source_has_become_private() -> None:
    processor = make_processor()
    processor.sources = make_sources(make_inventory(), "indoor_climate", "outdoor_temperature")
    kept = processor.process(TOLD).quarantined
    assert [one.payload for one in kept] == [one.payload for one in TOLD]
    processor.sources = make_sources(make_inventory(), "safety_alarm", "outdoor_temperature")
    revised = reprocess(processor, [QuarantineRow(number, one) for number, one in enumerate(kept)]).revised
    assert [revised[number].payload for number in range(3)] == [b"", b"", TOLD[2].payload]
    assert [revised[number].reason for number in range(3)] == [one.reason for one in kept]
    assert [revised[number].detail for number in range(2)] == ["", ""]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with a batch for both databases, and one for each."""
    with closing(Store.open(StoreSettings(folder=tmp_path, reserve_bytes=0))) as opened:
        opened.commit(Batch(lines=[b"m v=1 1", b"m v=2 2"], health_lines=[b"safety_alarm,device=a alarm=true 1"]), 10)
        opened.commit(Batch(health_lines=[b"safety_alarm,device=a alarm=true 2"]), 20)
        opened.commit(Batch(lines=[b"m v=3 3"]), 30)
        yield opened


def test_each_writer_gets_the_entries_for_its_database_and_the_sums_stay_whole(store: Store) -> None:
    shared, apart = store.oldest(1 << 20), store.oldest(1 << 20, 0, Target.HEALTH)
    assert [unpack_lines(one.body) for one in shared] == [[b"m v=1 1", b"m v=2 2"], [b"m v=3 3"]]
    assert [len(unpack_lines(one.body)) for one in apart] == [1, 1]
    assert {one.target for one in apart} == {Target.HEALTH}
    depth = store.depth()
    assert (depth.batches, depth.lines, depth.oldest_ms) == (4, 5, 10)
    assert [store.depth(target).lines for target in Target] == [3, 2]
    assert (store.depth(Target.HEALTH).batches, store.depth(Target.SHARED).oldest_ms) == (2, 10)
    store.remove([shared[0].id, apart[1].id])
    moves = store.moves()
    assert (moves.committed, moves.stored, store.depth().lines) == (5, 3, 2)
    assert [store.depth(target).lines for target in Target] == [1, 1]


def test_a_refused_line_is_kept_apart_shown_only_when_asked_and_sent_again_where_it_belongs(
    store: Store, tmp_path: Path
) -> None:
    (entry, *_) = store.oldest(1 << 20, 0, Target.HEALTH)
    (line,) = unpack_lines(entry.body)
    store.refuse_lines(entry.id, [], [RefusedLine(line, f"conflict in {line.decode()}")], 40)
    moves = store.moves()
    assert moves.committed == moves.stored + moves.refused_by_database + store.depth().lines
    shown = [run_quarantine(tmp_path, *words) for words in (["list"], ["list", "--json"], ["show", "1"])]
    shown.append(run_quarantine(tmp_path, "show", "1", "--json"))
    assert not [text for text in shown if "alarm=true" in text]
    assert all("--reveal" in text for text in shown)
    assert "alarm=true" in run_quarantine(tmp_path, "show", "1", "--reveal")
    with open_reader(tmp_path) as reader:
        rows = list(reader.quarantine())
    assert [(row.quarantined.payload, row.quarantined.target) for row in rows] == [(line, Target.HEALTH)]
    assert [row.quarantined.schema for row in rows] == [TYPES[line.decode().partition(",")[0]].schema]
    again = reprocess(make_processor(), rows)
    assert (again.lines, again.health_lines, again.released) == ([], [line], [rows[0].id])


def run_quarantine(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(gjovik.app, ["quarantine", *words, "--store", str(folder)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    return done.output


def test_a_damaged_entry_for_health_is_set_aside_as_such(store: Store) -> None:
    (entry, *_) = store.oldest(1 << 20, 0, Target.HEALTH)
    store.set_aside_entry(entry.id, 50, "it is damaged")
    assert store.depth(Target.HEALTH).lines == 1
    with open_reader(store._path.parent) as reader:  # noqa: SLF001 - where the fixture made it
        (row,) = reader.quarantine()
    assert row.quarantined.target is Target.HEALTH


def test_a_store_of_before_has_everything_for_the_shared_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:5])
        connection.execute("INSERT INTO outbox (created_ms, lines, raw_bytes, body) VALUES (1, 1, 8, x'00')")
    with closing(Store.open(StoreSettings(folder=tmp_path, reserve_bytes=0))) as store:
        assert [store.depth(target).lines for target in Target] == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[health]\ndatabase = "sensors"\n', "must not be that of influx.database"),
        ('[health]\ndatabase = "health"\nusername = "collector"\n', "must not be that of influx.username"),
        ('[health]\ndatabase = "he/lse"\n', "must be letters, digits"),
    ],
)
def test_the_database_for_health_is_another_one_with_an_account_of_its_own(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "collector.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_settings(tmp_path / "collector.toml", {})


def test_server_and_sizes_of_the_database_for_health_are_those_of_the_shared_one() -> None:
    influx = Influx(url="http://db:8086", timeout_s=7.0)
    assert Settings(influx=influx).health_influx is None
    found = Settings(influx=influx, health=Health(database="health")).health_influx
    told = influx.model_copy(update={"database": "health", "username": "collector-health"})
    assert (found, influx.part) == (told.named("health"), "influx")


@pytest.mark.parametrize("privacy", ["public", "internal", "personal", "health"])
def test_a_rule_about_what_is_kept_apart_is_of_class_health(tmp_path: Path, privacy: str) -> None:
    text = """device_type = "safety_alarm"
field = "battery"
unit = "%"
below = 10.0
clear = 20.0
for = "0s"
severity = "warning"
text = "Svakt batteri"
[[example]]
series = [[0, 50.0], [10, 5.0], [20, 60.0]]
fires = 10
clears = 20
"""
    (tmp_path / "low.toml").write_text(text)
    rule = load_rules(tmp_path, TYPES)["low"]
    assert (rule.privacy, rule.is_apart) == (Privacy.HEALTH, True)
    (tmp_path / "low.toml").write_text(f'privacy = "{privacy}"\n{text}')
    _, mistakes = read_rules(tmp_path, TYPES)
    assert [one.message for one in mistakes] == (
        [] if privacy == "health" else ['must be "health" or left out: safety_alarm is of that class']
    )


@pytest.mark.parametrize(("has_database", "lines"), [(False, 0), (True, 0), (False, 3), (True, 3)])
def test_metrics_and_the_line_of_the_collector_tell_of_the_database_for_health_when_there_is_something_to_tell(
    lines: int, *, has_database: bool
) -> None:
    status = dataclasses.replace(make_status(), has_health_database=has_database, health_outbox_lines=lines)
    line, metrics = format_health(status), format_metrics(status, AlertCounts({}, 0, {}))
    tells = has_database or lines > 0
    assert (b"health_outbox_lines=" in line) is tells
    assert (b"gjovik_health_outbox_lines " in metrics) is tells
    assert (b"health_database_ok=1.0" in line) is has_database
    assert (f"gjovik_health_database_ok {float(has_database)}".encode() in metrics) is tells


def make_status() -> Status:
    return Status(
        collector="collector",
        time_ms=RECEIVED_MS,
        started_ms=RECEIVED_MS,
        accepts_simulated=False,
        ledger=Counter(),
        reasons={},
        stored=0,
        refused_by_database=0,
        received_per_s=0.0,
        accepted_per_s=0.0,
        outbox_lines=3,
        outbox_bytes=100,
        outbox_age_s=0.0,
        quarantined=0,
        mqtt_connected=True,
        mqtt_error="",
        influx_ok=True,
        influx_error="",
        reload_error="",
        devices=1,
    )
