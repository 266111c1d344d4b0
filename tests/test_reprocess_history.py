"""``reprocess``: what is accepted is history; it pages nobody, survives restarts, and a fault costs nothing."""

import json
import logging
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.alerts.announcement import LATE_MEASUREMENT
from ingest.batch import Batch, Point
from ingest.message import Message
from ingest.quarantine_filter import EVERYTHING
from ingest.reprocess import reprocess
from schemas.reason import Reason
from schemas.rule import Level, Severity
from tests.refused_payloads import LIGHT, TIME, WARM, climate, leave_out, list_points, number, restart, widen
from tests.small_town import RECEIVED_MS, make_alerts_fail_once, make_message, make_processor
from tests.store_batches import open_in


def list_measurements(batch: Batch) -> list[str]:
    return [line.partition(b",")[0].decode() for line in batch.lines]


def test_history_from_the_quarantine_fires_nothing_and_is_no_sign_of_life() -> None:
    rules = {"warm": WARM}
    warm = make_message("indoor_climate", climate(temperature=35))
    refused = make_processor(leave_out("indoor_climate"), rules).process([warm])
    processor = make_processor(rules=rules)
    hour_ms = 3_600_000
    processor.process(
        [make_message("indoor_climate", climate(time="2026-01-15T13:00:00Z"), received_ms=RECEIVED_MS + hour_ms)]
    )
    heard_ms = processor.memory.recall("indoor_climate").heard_ms
    batch = reprocess(processor, number(refused))
    assert (list_measurements(batch), batch.transitions, batch.alerts) == ([LATE_MEASUREMENT, "indoor_climate"], [], [])
    assert list_points(batch) == [Point.LATE]
    assert processor.memory.recall("indoor_climate").heard_ms == heard_ms


def test_a_device_without_a_clock_is_not_alive_because_its_past_was_repaired() -> None:
    before = make_processor()
    taken = before.process([make_message("street_light", '{"on":true,"power":1e9}')])
    before.process([make_message("street_light", LIGHT, received_ms=RECEIVED_MS + 60_000, packet_id=2)])
    processor = make_processor(memory=before.memory, types=widen("street_light", "power", 1e12))
    assert len(reprocess(processor, number(taken)).lines) == 1
    assert processor.memory.recall("street_light").heard_ms == RECEIVED_MS + 60_000


@pytest.mark.parametrize("payload", ['{"on":true,"power":1e9}', '{"on":true,"power":1,"energy":1e15}'])
def test_a_repaired_reading_or_field_of_the_newest_time_fires_nothing(payload: str) -> None:
    field, limit = ("power", 1e6) if "1e9" in payload else ("energy", 1e12)
    level = Level(Severity.WARNING, high=limit, clear_high=0.0)
    rules = {"high": replace(WARM, key="high", device_type="street_light", field=field, levels=(level,))}
    before = make_processor(rules=rules)
    taken = before.process([make_message("street_light", payload)])
    processor = make_processor(rules=rules, memory=before.memory, types=widen("street_light", field, 1e18))
    batch = reprocess(processor, number(taken))
    assert (batch.released, batch.transitions, batch.alerts) == ([1], [], [])
    assert list_measurements(batch) == [LATE_MEASUREMENT, "street_light"]


def test_what_is_newer_than_everything_of_its_device_is_judged_as_any_reading() -> None:
    rules = {"warm": WARM}
    refused = make_processor(leave_out("indoor_climate"), rules).process(
        [make_message("indoor_climate", climate(temperature=35))]
    )
    batch = reprocess(make_processor(rules=rules), number(refused))
    assert [transition.rule for transition in batch.transitions] == ["warm"]
    assert [record.rule for record in batch.alerts] == ["warm"]
    assert len(batch.lines) == 2


def test_a_half_accepted_message_is_reprocessed_after_a_restart_without_doubling_anything() -> None:
    taken = make_processor().process([make_message("indoor_climate", climate(seq=4, co2=40_000))])
    processor = restart([taken], types=widen("indoor_climate", "co2", 5e4))
    first = reprocess(processor, number(taken))
    again = processor.process([make_message("indoor_climate", climate(seq=4, co2=40_000), packet_id=5)])
    assert len(first.lines) == 1
    assert again.ledger.duplicate_readings == 1
    following = restart([taken, first], types=widen("indoor_climate", "co2", 5e4))
    assert reprocess(following, number(taken)).lines == []


def test_what_was_reprocessed_is_on_disk_as_a_whole_with_its_moves(tmp_path: Path) -> None:
    payloads = [climate(time=f"2026-01-15T12:0{minute}:00Z") for minute in range(4)] + ["nonsense"]
    messages = [
        make_message("indoor_climate", one, received_ms=RECEIVED_MS + 300_000, packet_id=number)
        for number, one in enumerate(payloads, 1)
    ]
    refused = make_processor(leave_out("indoor_climate")).process(messages)
    with closing(open_in(tmp_path)) as store:
        store.commit(refused, RECEIVED_MS)
        before = store.load().ledger
        rows = store.read_quarantine(EVERYTHING, 0, 10)
        store.commit(reprocess(restart([refused]), rows), RECEIVED_MS)
    with closing(open_in(tmp_path)) as store:
        restored = store.load()
        moves = restored.moves
        assert (moves.quarantined, moves.reprocessed, moves.committed) == (5, 4, 4)
        assert restored.ledger == before
        assert [row.quarantined.reason for row in store.read_quarantine(EVERYTHING, 0, 10)] == [Reason.MALFORMED_JSON]
        messages = [message._replace(packet_id=9) for message in messages[:4]]
        again = make_processor(memory=restored.memory).process(messages)
        assert again.ledger.duplicate_readings == 4


def test_a_clock_that_was_ahead_is_still_ahead_of_the_first_time_of_receipt() -> None:
    refused = make_processor().process([make_message("indoor_climate", climate(time="2026-01-15T13:00:00Z"))])
    batch = reprocess(make_processor(), number(refused))
    assert batch.revised[1].reason is Reason.FUTURE_TIME


def test_a_fault_of_our_own_leaves_the_entry_and_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [
        Message("gjovik/hall/indoor_climate/reading", climate().encode(), RECEIVED_MS),
        make_message("water_meter", json.dumps({"time": TIME, "volume": 3})),
    ]
    refused = make_processor(leave_out("indoor_climate", "water_meter")).process(messages)
    processor = make_processor()
    make_alerts_fail_once(monkeypatch, processor)
    with caplog.at_level(logging.ERROR):
        batch = reprocess(processor, number(refused))
    assert batch.revised[1].reason is Reason.COLLECTOR_FAULT
    assert (batch.released, len(batch.lines)) == ([2], 1)
