"""The quarantine's rows: every entry that leaves is counted, quotas hold, and a flood evicts only itself."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import gjovik
from ingest.batch import Batch, Quarantined, QuarantineRow
from ingest.quarantine_filter import EVERYTHING, Filter
from ingest.settings import Quarantine
from ingest.store_announced import DAY_MS
from ingest.store_groups import list_groups, measure_quotas
from ingest.store_outbox import RefusedLine, quarantine_line
from ingest.store_quarantine import (
    CHUNK,
    CHUNK_BYTES,
    PIECE,
    add_quarantined,
    count_quarantined,
    discard_entries,
    expire_entries,
    find_ids,
    find_newest,
    find_sender,
    iterate_quarantine,
    read_quarantine,
    release_entries,
    revise_entries,
)
from ingest.store_rows import read_moves
from ingest.store_schema import migrate
from ingest.target import Target
from schemas.reason import Level, Reason
from tests.store_batches import open_in

ROOMY = Quarantine()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(open_memory()) as opened:
        yield opened


def open_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def make_entry(
    number: int, device: str = "a", reason: Reason = Reason.MALFORMED_JSON, size: int = 20, topic: str = ""
) -> Quarantined:
    payload = b"%d" % number + b"x" * size
    return Quarantined(
        received_ms=number,
        level=Level.MESSAGE,
        reason=reason,
        topic=topic or f"gjovik/hall/{device}/reading",
        device=device,
        detail="expected value",
        payload=payload,
        length=len(payload),
        sha256=hashlib.sha256(payload).digest(),
    )


def check_sums(connection: sqlite3.Connection) -> None:
    """Hold every count against the rows themselves."""
    moves = read_moves(connection)
    (held,) = connection.execute("SELECT count(*) FROM quarantine").fetchone()
    assert moves.quarantined == held + moves.reprocessed + moves.discarded + moves.expired
    rows = connection.execute("SELECT sender, reason, bytes FROM quarantine").fetchall()
    assert count_quarantined(connection) == Counter(reason for _, reason, _ in rows)
    groups = {(sender, reason): (0, 0) for sender, reason, _ in rows}
    for sender, reason, size in rows:
        entries, total = groups[sender, reason]
        groups[sender, reason] = (entries + 1, total + size)
    found = connection.execute("SELECT sender, reason, entries, bytes FROM quarantine_groups").fetchall()
    assert {(sender, reason): (entries, size) for sender, reason, entries, size in found} == groups
    assert measure_quotas(connection, ROOMY).bytes == sum(size for *_, size in rows)


def list_ids(connection: sqlite3.Connection, where: Filter = EVERYTHING) -> list[int]:
    return [row.id for row in read_quarantine(connection, where)]


def test_an_entry_comes_back_as_it_was(connection: sqlite3.Connection) -> None:
    entries = [
        make_entry(1),
        make_entry(2)._replace(retain=True, part=0, given_ms=5, level=Level.FIELD, fields=("co2", 'a "b"\n', "ø")),
        make_entry(2)._replace(schema="indoor_climate/1"),
        make_entry(3, device="")._replace(level=Level.LINE, topic="", reason=Reason.DAMAGED_ENTRY),
    ]
    add_quarantined(connection, entries, ROOMY)
    assert read_quarantine(connection) == [QuarantineRow(n, one) for n, one in enumerate(entries, 1)]


@pytest.mark.parametrize(
    ("device", "topic", "sender"),
    [
        ("a", "gjovik/hall/a/reading", "a"),
        ("", "gjovik/hall/stranger/reading", "stranger"),
        ("", "gjovik/another/stranger/reading", "stranger"),
        ("", "one", "one"),
        ("", "a/b", "a"),
        ("", "", ""),
        ("a", "", "a"),
    ],
)
def test_an_entry_is_counted_for_its_device_or_the_account_in_its_topic(device: str, topic: str, sender: str) -> None:
    assert find_sender(device, topic) == sender


def test_a_group_that_is_full_loses_its_own_oldest(connection: sqlite3.Connection) -> None:
    quotas = Quarantine(most_entries_each=3)
    add_quarantined(connection, [make_entry(n) for n in range(2)], quotas)
    add_quarantined(connection, [make_entry(n, reason=Reason.INVALID_UTF8) for n in range(2)], quotas)
    expired = add_quarantined(connection, [make_entry(n) for n in range(2, 6)], quotas)
    assert expired == 3
    kept = [(row.quarantined.reason, row.quarantined.received_ms) for row in read_quarantine(connection)]
    assert kept == [(Reason.INVALID_UTF8, 0), (Reason.INVALID_UTF8, 1)] + [
        (Reason.MALFORMED_JSON, n) for n in (3, 4, 5)
    ]
    assert read_moves(connection).expired == 3
    check_sums(connection)


def test_a_flood_of_large_payloads_evicts_itself_and_not_what_can_be_repaired(connection: sqlite3.Connection) -> None:
    quotas = Quarantine(most_bytes=1024**2)
    add_quarantined(connection, [make_entry(n, f"d{n}", Reason.UNKNOWN_DEVICE) for n in range(200)], quotas)
    for batch in range(40):
        add_quarantined(
            connection, [make_entry(n, "flood", size=60_000) for n in range(batch * 5, batch * 5 + 5)], quotas
        )
        assert measure_quotas(connection, quotas).bytes <= quotas.most_bytes
    held = count_quarantined(connection)
    assert held[Reason.UNKNOWN_DEVICE] == 200
    newest = read_quarantine(connection, Filter(device="flood"))[-1]
    assert newest.quarantined.received_ms == 199
    check_sums(connection)


def test_a_bound_that_was_lowered_is_reached_in_pieces(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n, f"d{n % 3}", size=1000) for n in range(3000)], ROOMY)
    quotas = Quarantine(most_bytes=1024**2)
    pieces = 0
    while not expire_entries(connection, 0, quotas).is_done:
        pieces += 1
        check_sums(connection)
    assert pieces > 5
    state = measure_quotas(connection, quotas)
    assert 0.9 < state.share <= 1
    groups = list_groups(connection)
    assert max(group.entries for group in groups) - min(group.entries for group in groups) <= 101
    assert list_ids(connection)[-1] == 3000


def test_a_quota_of_entries_that_was_lowered_is_reached_in_pieces(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n) for n in range(2_000)], ROOMY)
    quotas = Quarantine(most_entries_each=10)
    assert add_quarantined(connection, [make_entry(2_000)], quotas) == 2
    pieces = []
    while not (piece := expire_entries(connection, 0, quotas)).is_done:
        pieces.append(piece.by_quota)
        check_sums(connection)
    assert sum(pieces) == 2_001 - 2 - 10
    assert max(pieces) == PIECE
    assert list_ids(connection) == list(range(1_992, 2_002))


def test_entries_that_were_revised_into_a_full_group_expire_with_the_next_look(connection: sqlite3.Connection) -> None:
    quotas = Quarantine(most_entries_each=3)
    for device in "abc":
        add_quarantined(connection, [make_entry(n, device) for n in range(3)], quotas)
    revise_entries(connection, {n: make_entry(n, "a", Reason.CONFLICT) for n in range(1, 10)})
    assert expire_entries(connection, 0, quotas).by_quota == 6
    assert list_ids(connection) == [7, 8, 9]
    check_sums(connection)


def test_sums_that_do_not_agree_with_the_rows_do_not_hold_the_store_up_for_ever(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO quarantine_groups VALUES ('ghost', 'conflict', 1, 1)")
    connection.execute("UPDATE counts SET count = 1e9 WHERE kind = 'quarantine_bytes'")
    assert expire_entries(connection, 0, ROOMY).by_quota == 0


def test_what_is_too_old_expires_in_pieces_and_is_counted(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n) for n in range(10)], ROOMY)
    now_ms = 90 * DAY_MS + 7
    assert expire_entries(connection, now_ms - 7 * DAY_MS, ROOMY).by_age == 0  # it is announced
    first = expire_entries(connection, now_ms, ROOMY, limit=5)
    second = expire_entries(connection, now_ms, ROOMY, limit=5)
    assert (first.by_age, first.is_done, second.by_age, second.is_done) == (5, False, 2, True)
    assert [row.quarantined.received_ms for row in read_quarantine(connection)] == [7, 8, 9]
    assert read_moves(connection).expired == 7
    check_sums(connection)


def test_an_expiry_is_known_beforehand(connection: sqlite3.Connection) -> None:
    quotas = Quarantine(most_entries_each=10)
    assert measure_quotas(connection, quotas).first_expires_ms is None
    add_quarantined(connection, [make_entry(5), make_entry(3)], quotas)
    assert measure_quotas(connection, quotas).first_expires_ms == 3 + 90 * DAY_MS
    assert measure_quotas(connection, quotas).full_groups == ()
    add_quarantined(connection, [make_entry(n, "b") for n in range(8)], quotas)
    (full,) = measure_quotas(connection, quotas).full_groups
    assert (full.sender, full.reason, full.entries) == ("b", Reason.MALFORMED_JSON, 8)
    assert (full.oldest_ms, full.newest_ms) == (0, 7)


def test_what_was_reprocessed_leaves_once_and_what_left_before_is_passed_over(connection: sqlite3.Connection) -> None:
    entries = [make_entry(n) for n in range(4)]
    add_quarantined(connection, entries, ROOMY)
    assert discard_entries(connection, Filter(ids=(2,))) == 1
    assert release_entries(connection, [1, 2, 3, 99]) == [entries[0], entries[2]]
    moves = read_moves(connection)
    assert (moves.reprocessed, moves.discarded) == (2, 1)
    check_sums(connection)


def test_an_id_is_never_used_again(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(1), make_entry(2)], ROOMY)
    discard_entries(connection, EVERYTHING)
    add_quarantined(connection, [make_entry(3)], ROOMY)
    assert list_ids(connection) == [3]


def test_an_entry_that_stays_has_its_new_reason_and_group(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(1, ""), make_entry(2, "")], ROOMY)
    revised = make_entry(1)._replace(reason=Reason.OUT_OF_RANGE, detail="too much", level=Level.READING, part=0)
    revise_entries(connection, {1: revised, 99: revised})
    assert read_quarantine(connection) == [QuarantineRow(1, revised), QuarantineRow(2, make_entry(2, ""))]
    check_sums(connection)


def test_discarding_goes_in_pieces_until_nothing_is_left(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n, "b" if n % 5 else "a") for n in range(25)], ROOMY)
    where = Filter(device="b")
    assert [discard_entries(connection, where, 8) for _ in range(4)] == [8, 8, 4, 0]
    assert {row.quarantined.device for row in read_quarantine(connection)} == {"a"}
    check_sums(connection)


def test_a_long_quarantine_is_read_in_pieces_with_what_comes_meanwhile(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n) for n in range(CHUNK + 1)], ROOMY)
    reading = iterate_quarantine(connection)
    assert next(reading).id == 1
    add_quarantined(connection, [make_entry(9)], ROOMY)
    assert [row.id for row in reading] == list(range(2, CHUNK + 3))


def test_large_payloads_are_read_a_few_at_a_time(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n, size=CHUNK_BYTES // 4) for n in range(10)], ROOMY)
    assert [row.id for row in read_quarantine(connection)] == [1, 2, 3, 4]
    assert [row.id for row in read_quarantine(connection, after_id=4, limit=2)] == [5, 6]
    assert [row.id for row in iterate_quarantine(connection)] == list(range(1, 11))


def test_the_newest_come_first_where_that_is_asked_for(connection: sqlite3.Connection) -> None:
    add_quarantined(connection, [make_entry(n) for n in range(CHUNK + 2)], ROOMY)
    assert find_newest(connection) == CHUNK + 2
    assert [row.id for row in iterate_quarantine(connection, newest_first=True)] == list(range(CHUNK + 2, 0, -1))
    assert [row.id for row in read_quarantine(connection, after_id=4, newest_first=True)] == [3, 2, 1]
    assert find_ids(connection, EVERYTHING, 1000, 5) == (1001, 1002)


ENTRIES = [
    make_entry(0, "a", Reason.MALFORMED_JSON),
    make_entry(10, "b", Reason.UNKNOWN_FIELD)._replace(level=Level.FIELD, schema="water_meter/1"),
    make_entry(20, "", Reason.UNKNOWN_DEVICE, topic="gjovik/hall/a*/reading"),
    make_entry(30, "", Reason.UNKNOWN_DEVICE, topic="gjovik/annex/stranger/reading"),
    make_entry(40, "b", Reason.REFUSED_BY_DATABASE)._replace(level=Level.LINE, topic="", schema="water_meter/12"),
    make_entry(50, "", Reason.UNKNOWN_TOPIC, topic="gjovik/annex/deep/stranger/reading"),
]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (EVERYTHING, [1, 2, 3, 4, 5, 6]),
        (Filter(ids=(2, 5, 77)), [2, 5]),
        (Filter(ids=()), []),
        (Filter(reason=Reason.UNKNOWN_DEVICE), [3, 4]),
        (Filter(device="b"), [2, 5]),
        (Filter(device="stranger"), [4, 6]),
        (Filter(level=Level.FIELD), [2]),
        (Filter(of_schema="water_meter/1"), [2]),
        (Filter(of_schema="water_meter"), [2, 5]),
        (Filter(of_schema="water"), []),
        (Filter(of_schema="*"), []),
        (Filter(of_schema="water_meter", level=Level.LINE), [5]),
        (Filter(from_ms=10, to_ms=30), [2, 3]),
        (Filter(topic="gjovik/annex/stranger/reading"), [4]),
        (Filter(topic="gjovik/+/stranger/reading"), [4]),
        (Filter(topic="gjovik/+/+/reading"), [1, 2, 3, 4]),
        (Filter(topic="gjovik/annex/#"), [4, 6]),
        (Filter(topic="gjovik/ann/#"), []),
        (Filter(topic="gjovik/hall/a*/reading"), [3]),
        (Filter(topic="gjovik/+/a*/reading"), [3]),
        (Filter(topic="#"), [1, 2, 3, 4, 5, 6]),
        (Filter(topic="gjovik/+/stranger/reading", reason=Reason.UNKNOWN_TOPIC), []),
        (Filter(device="b", level=Level.LINE, from_ms=40), [5]),
        (Filter(last_id=2), [1, 2]),
        (Filter(reason=Reason.UNKNOWN_DEVICE, last_id=3), [3]),
    ],
)
def test_a_filter_means_the_entries_that_it_says(connection: sqlite3.Connection, where: Filter, ids: list[int]) -> None:
    add_quarantined(connection, ENTRIES, ROOMY)
    assert list_ids(connection, where) == ids
    assert sum(group.entries for group in list_groups(connection, where)) == len(ids)
    assert discard_entries(connection, where) == len(ids)


@pytest.mark.parametrize(
    ("line", "schema"),
    [
        (b"indoor_climate,device=a,site=hall temperature=1 5", "indoor_climate/1"),
        (b"indoor_climate temperature=1 5", "indoor_climate/1"),
        (b"radio,device=a,site=hall rssi=-90 5", ""),
        (b"\xff 1", ""),
    ],
)
def test_a_reading_that_the_database_refused_says_by_what_it_was_judged(line: bytes, schema: str) -> None:
    assert quarantine_line(RefusedLine(line, "conflict"), Target.SHARED, 1).schema == schema


def test_entries_are_chosen_by_the_type_that_judged_them(tmp_path: Path) -> None:
    with closing(open_in(tmp_path)) as store:
        store.commit(Batch(quarantined=ENTRIES), 1)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(gjovik.app, ["quarantine", *words, "--store", str(tmp_path)])
        return done.exit_code, done.output

    assert [one["id"] for one in json.loads(run("list", "--schema", "water_meter", "--json")[1])["entries"]] == [2, 5]
    assert json.loads(run("stats", "--schema", "water_meter/12", "--json")[1])["entries"] == 1
    for wrong in ("water_meter/", "water_meter/1/2", "water*", "/1"):
        code, told = run("list", "--schema", wrong)
        assert (code, "is no device type with a version" in " ".join(told.split())) == (2, True)


@pytest.mark.parametrize("topic", ["a/b+", "#/a", "a/#b", "a/+/#"])
def test_what_is_no_topic_filter_is_refused(topic: str) -> None:
    with pytest.raises(ValueError, match=r"is no topic filter|use one of them"):
        _ = Filter(topic=topic).where


REASONS = st.sampled_from([Reason.MALFORMED_JSON, Reason.UNKNOWN_DEVICE, Reason.CONFLICT])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.lists(st.tuples(st.sampled_from("abc"), REASONS, st.sampled_from([0, 40_000])), max_size=12),
        ),
        st.tuples(st.sampled_from(["release", "revise", "discard", "expire"]), st.integers(1, 40)),
    ),
    max_size=15,
)


@given(STEPS)
def test_every_sum_holds_whatever_happens(steps: list[tuple[str, object]]) -> None:
    quotas = Quarantine(most_entries_each=5, most_bytes=1024**2)
    received = 0

    with closing(open_memory()) as rows:

        def add(entries: list[tuple[str, Reason, int]]) -> None:
            nonlocal received
            made = [make_entry(received + n, *one) for n, one in enumerate(entries)]
            received += len(made)
            add_quarantined(rows, made, quotas)

        actions: dict[str, Callable[..., object]] = {
            "add": add,
            "release": lambda n: release_entries(rows, [n, n + 1]),
            "revise": lambda n: revise_entries(rows, {n: make_entry(n, "b", Reason.CONFLICT, 7)}),
            "discard": lambda n: discard_entries(rows, Filter(from_ms=n - 3, to_ms=n)),
            "expire": lambda n: [expire_entries(rows, days * DAY_MS + n, quotas, limit=4) for days in (83, 90)],
        }
        for name, argument in steps:
            actions[name](argument)
            check_sums(rows)
        assert read_moves(rows).quarantined == received
