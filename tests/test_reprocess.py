"""``reprocess``: what was refused is taken as it would be now, at its own time; it overwrites nobody."""

import json
import logging
import zlib
from collections.abc import Mapping
from hashlib import sha256

import pytest

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.batch import Batch, Point, Quarantined, QuarantineRow
from ingest.codec import Observation, Reader, compose_reader
from ingest.lane import Limits
from ingest.memory import Memory
from ingest.process import Processor
from ingest.reprocess import reprocess
from ingest.route import RouteTable
from schemas.device_type import DeviceType
from schemas.reason import Level, Reason
from tests.refused_payloads import LIGHT, TIME_MS, climate, leave_out, list_points, number, read_time, restart, widen
from tests.small_town import RECEIVED_MS, make_inventory, make_message, make_processor


def test_what_an_unknown_device_sent_is_accepted_when_it_is_in_the_inventory() -> None:
    before = make_processor(leave_out("indoor_climate"))
    payloads = [climate(time=f"2026-01-15T12:0{minute}:00Z", seq=minute) for minute in range(3)]
    refused = before.process(
        [make_message("indoor_climate", one, received_ms=RECEIVED_MS + 200_000) for one in payloads]
    )
    assert [entry.reason for entry in refused.quarantined] == [Reason.UNKNOWN_DEVICE] * 3
    after = restart([refused])
    batch = reprocess(after, number(refused))
    assert batch.released == [1, 2, 3]
    assert [read_time(line) - TIME_MS for line in batch.lines] == [0, 60_000, 120_000]
    assert b",delay=202.0 " in batch.lines[0]
    assert list_points(batch) == [Point.NEW] * 3
    assert (batch.ledger, batch.revised, batch.quarantined) == (Batch().ledger, {}, [])


def test_what_was_ahead_of_our_clock_is_taken_only_where_a_person_says_that_ours_was_wrong() -> None:
    behind_ms = 200 * 86_400_000
    message = make_message("indoor_climate", climate(), received_ms=RECEIVED_MS - behind_ms)
    refused = make_processor().process([message])
    assert [entry.reason for entry in refused.quarantined] == [Reason.FUTURE_TIME]
    row = number(refused)[0]
    stays = reprocess(make_processor(), [row])
    assert (stays.released, stays.lines, stays.revised[1].reason) == ([], [], Reason.FUTURE_TIME)
    taken = reprocess(make_processor(), [row], trusted_ms=RECEIVED_MS)
    assert taken.released == [1]
    assert read_time(taken.lines[0]) == TIME_MS
    assert b",delay=2.0 " in taken.lines[0]
    # Still ahead: then it is the device's clock.
    early = reprocess(make_processor(), [row], trusted_ms=RECEIVED_MS - behind_ms // 2)
    assert (early.released, early.revised[1].received_ms) == ([], row.quarantined.received_ms)


def test_what_was_accepted_already_is_released_and_not_written_again() -> None:
    message = make_message("indoor_climate", climate())
    refused = make_processor(leave_out("indoor_climate")).process([message])
    processor = make_processor()
    processor.process([message])
    batch = reprocess(processor, number(refused))
    assert (batch.released, batch.lines, batch.marks) == ([1], [], [])


@pytest.mark.parametrize("phone", ["+4791234567", 4_791_234_567])
@pytest.mark.parametrize("is_later", [False, True])
def test_what_loses_identifiers_in_quarantine_is_known_as_the_same_afterwards(
    phone: str | int, *, is_later: bool
) -> None:
    message, later = (
        make_message("indoor_climate", climate(time=f"2026-01-15T12:0{minute}:00Z", phone=phone)) for minute in range(2)
    )
    refused = make_processor(leave_out("indoor_climate")).process([message])
    assert b"4791234567" not in refused.quarantined[0].payload
    sent = [message, later] if is_later else [message]
    taken = make_processor().process(sent)
    after = restart([taken])
    batch = reprocess(after, number(refused))
    assert (batch.released, batch.lines, batch.revised) == ([1], [], {})
    assert after.process(sent).ledger.duplicate_readings == len(sent)
    # The other way round: what was reprocessed first is sent again.
    fresh = make_processor()
    added = reprocess(fresh, number(refused))
    assert len(added.lines) == 1
    assert restart([added]).process([message]).ledger.duplicate_readings == 1


def test_reprocessing_the_same_twice_accepts_it_once() -> None:
    messages = [make_message("street_light", LIGHT), make_message("indoor_climate", climate())]
    refused = make_processor(leave_out("street_light", "indoor_climate")).process(messages)
    processor = make_processor()
    rows = [row._replace(quarantined=row.quarantined._replace(given_ms=None)) for row in number(refused)]
    first = reprocess(processor, rows)
    second = reprocess(processor, rows[1:])
    assert (len(first.lines), second.lines, second.released) == (2, [], [2])


def test_what_is_still_refused_stays_with_its_new_reason() -> None:
    refused = make_processor(leave_out("indoor_climate")).process(
        [make_message("indoor_climate", climate(temperature="warm"))]
    )
    (row,) = number(refused)
    batch = reprocess(make_processor(), [row])
    assert batch.released == []
    revised = batch.revised[1]
    assert (revised.level, revised.reason) == (Level.READING, Reason.WRONG_TYPE)
    assert "temperature is 'warm'" in revised.detail
    assert (row.quarantined.schema, revised.schema) == ("", "indoor_climate/1")
    same = ("received_ms", "topic", "payload", "length", "sha256")
    assert all(getattr(revised, name) == getattr(row.quarantined, name) for name in same)
    assert revised.device == "indoor_climate"


def test_a_refused_field_is_added_to_its_reading_and_nothing_else() -> None:
    before = make_processor()
    taken = before.process([make_message("indoor_climate", climate(co2=40_000, colour=1, humidity=40))])
    (row,) = number(taken)
    assert set(row.quarantined.fields) == {"co2", "colour"}
    for processor in (
        make_processor(types=widen("indoor_climate", "co2", 5e4), memory=before.memory),
        restart([taken], types=widen("indoor_climate", "co2", 5e4)),
    ):
        batch = reprocess(processor, [row])
        (line,) = batch.lines
        assert line.endswith(b" co2=40000.0,delay=2.0 %d" % TIME_MS)
        assert list_points(batch) == [Point.JOINED]
        left = batch.revised[1]
        assert (left.level, left.reason, left.fields) == (Level.FIELD, Reason.UNKNOWN_FIELD, ("colour",))


def test_a_refused_field_stays_one_where_its_whole_reading_would_be_refused_now() -> None:
    taken = make_processor().process([make_message("indoor_climate", climate(co2=40_000))])
    batch = reprocess(make_processor(types=widen("indoor_climate", "temperature", 10.0)), number(taken))
    left = batch.revised[1]
    assert (left.level, left.part, left.fields) == (Level.FIELD, 0, ("co2",))
    assert "temperature is 20.0" in left.detail


class SeriesCodec:
    """Several observations in one payload, a JSON list of minutes and members; not registered."""

    def decode(self, payload: bytes) -> list[Observation]:
        """Return an Observation for each item."""
        return [Observation(values, TIME_MS + minute * 60_000) for minute, values in json.loads(payload)]

    def encode(self, observation: Observation) -> bytes:
        """Return a list of one."""
        return json.dumps([[0, observation.values]]).encode()

    def prepare(self, device_type: DeviceType) -> Reader:
        """Return the general Reader."""
        return compose_reader(self, device_type)

    def prepare_samplers(self, device_type: DeviceType) -> None:
        """Return that there is no quick way."""


def make_series_processor(types: Mapping[str, DeviceType], memory: Memory) -> Processor:
    """Return a Processor that reads payloads of several observations."""
    routes = RouteTable(make_inventory(types), types, SeriesCodec(), "gjovik")
    limits = Limits(accept_simulated=False, max_payload_bytes=4096, kept_payload_bytes=4096)
    return Processor(routes, memory, AlertBook({}), limits)


def test_of_several_observations_in_one_payload_each_is_an_entry_of_its_own() -> None:
    series = [
        (0, {"temperature": 20.0, "co2": 40_000}),
        (60, {"temperature": 21.0}),
        (1, {"temperature": 22.0, "co2": 30_000}),
    ]
    before = make_series_processor(load_device_types(), Memory())
    taken = before.process([make_message("indoor_climate", json.dumps(series))])
    kept = [(one.level, one.part) for one in taken.quarantined]
    assert (len(taken.lines), kept) == (2, [(Level.FIELD, 0), (Level.READING, 1), (Level.FIELD, 2)])
    wider = make_series_processor(widen("indoor_climate", "co2", 5e4), before.memory)
    batch = reprocess(wider, number(taken)[1:])
    assert [line.split(b" ")[1] for line in batch.lines] == [b"co2=30000.0,delay=-58.0"]
    assert (batch.released, [left.part for left in batch.revised.values()]) == ([3], [1])


def test_what_fails_in_several_parts_of_a_payload_is_as_many_entries() -> None:
    payload = json.dumps([(60, {"temperature": 20.0}), (0, {"temperature": 22.0}), (61, {"temperature": 21.0})])
    refused = make_processor(leave_out("indoor_climate")).process([make_message("indoor_climate", payload)])
    batch = reprocess(make_series_processor(load_device_types(), Memory()), number(refused))
    assert len(batch.lines) == 1
    left = [*batch.revised.values(), *batch.quarantined]
    assert [(one.reason, one.part) for one in left] == [(Reason.FUTURE_TIME, 0), (Reason.FUTURE_TIME, 2)]
    assert all(one.payload == payload.encode() for one in left)


def test_an_entry_of_a_field_that_does_not_say_which_stays() -> None:
    taken = make_processor().process([make_message("indoor_climate", climate(co2=40_000))])
    (row,) = number(taken)
    nameless = row.quarantined._replace(fields=(), part=None)
    batch = reprocess(make_processor(), [row._replace(quarantined=nameless)])
    assert (batch.lines, batch.released, batch.revised) == ([], [], {1: nameless})


def test_a_repaired_field_never_overwrites_what_another_payload_brought() -> None:
    processor = make_processor(types=widen("indoor_climate", "co2", 5e4))
    strict = make_processor(memory=processor.memory)
    taken = strict.process(
        [make_message("indoor_climate", climate(co2=40_000)), make_message("indoor_climate", climate(co2=600))]
    )
    batch = reprocess(processor, number(taken))
    assert batch.lines == []
    assert [(left.reason, left.fields) for left in batch.revised.values()] == [(Reason.CONFLICT, ())]


def test_a_conflict_stays_even_when_its_time_is_long_forgotten() -> None:
    messages = [
        make_message("indoor_climate", climate(seq=1)),
        make_message("indoor_climate", climate(seq=2, temperature=25)),
    ]
    taken = make_processor().process(messages)
    (row,) = number(taken)
    batch = reprocess(make_processor(), [row])
    assert (batch.lines, batch.revised) == ([], {1: row.quarantined})


def test_a_repaired_field_and_a_conflict_of_one_payload_are_two_entries() -> None:
    messages = [
        make_message("indoor_climate", climate(seq=1)),
        make_message("indoor_climate", climate(seq=2, humidity=50, co2=40_000)),
    ]
    before = make_processor()
    taken = before.process(messages)
    assert [(one.reason, one.fields) for one in taken.quarantined] == [
        (Reason.OUT_OF_RANGE, ("co2",)),
        (Reason.CONFLICT, ()),
    ]
    batch = reprocess(make_processor(types=widen("indoor_climate", "co2", 5e4), memory=before.memory), number(taken))
    assert (batch.released, list(batch.revised), len(batch.lines)) == ([1], [2], 1)


def test_a_refused_message_without_a_time_keeps_its_millisecond() -> None:
    before = make_processor()
    payloads = [LIGHT, "nonsense", '{"on":true,"power":1e9}', LIGHT]
    messages = [make_message("street_light", one, packet_id=n) for n, one in enumerate(payloads, 1)]
    taken = before.process(messages)
    assert [entry.given_ms for entry in taken.quarantined] == [RECEIVED_MS + 1, RECEIVED_MS + 2]
    later = before.process([make_message("street_light", LIGHT, packet_id=9)])
    assert [read_time(line) - RECEIVED_MS for line in (*taken.lines, *later.lines)] == [0, 3, 4]
    wider = widen("street_light", "power", 1e12)
    for processor in (restart([taken, later], types=wider), make_processor(memory=before.memory, types=wider)):
        batch = reprocess(processor, number(taken))
        assert [read_time(line) - RECEIVED_MS for line in batch.lines] == [2]
        assert list_points(batch) == [Point.NEW]
        assert (list(batch.revised), batch.revised[1].given_ms) == ([1], RECEIVED_MS + 1)


def test_after_a_restart_the_millisecond_of_a_refused_message_is_still_taken() -> None:
    messages = [make_message("street_light", one, packet_id=n) for n, one in enumerate([LIGHT, LIGHT, "nonsense"], 1)]
    taken = make_processor().process(messages)
    later = restart([taken]).process([make_message("street_light", LIGHT, packet_id=9)])
    assert read_time(later.lines[0]) == RECEIVED_MS + 3


def test_messages_of_an_unknown_device_without_a_clock_get_a_millisecond_each() -> None:
    payloads = [LIGHT] * 40 + ["nonsense"] + [LIGHT]
    messages = [make_message("street_light", one, packet_id=n) for n, one in enumerate(payloads, 1)]
    messages.append(make_message("street_light", LIGHT, received_ms=RECEIVED_MS + 5_000, packet_id=50))
    refused = make_processor(leave_out("street_light")).process(messages)
    processor = make_processor()
    rows = number(refused)
    batches = [reprocess(processor, rows[:20]), reprocess(processor, rows[20:])]
    times = [read_time(line) - RECEIVED_MS for batch in batches for line in batch.lines]
    assert times == [*range(40), 41, 5_000]
    assert batches[1].revised[41].given_ms == RECEIVED_MS + 40


def test_a_neighbour_that_was_accepted_in_the_meantime_keeps_its_millisecond() -> None:
    refused = make_processor(leave_out("street_light")).process([make_message("street_light", LIGHT)])
    processor = make_processor()
    accepted = processor.process([make_message("street_light", LIGHT, packet_id=2)])
    batch = reprocess(processor, number(refused))
    assert [read_time(line) for line in (*accepted.lines, *batch.lines)] == [RECEIVED_MS, RECEIVED_MS + 1]


def test_a_retained_message_without_a_time_stays_and_says_why() -> None:
    message = make_message("street_light", LIGHT)._replace(retain=True)
    refused = make_processor(leave_out("street_light")).process([message])
    assert refused.quarantined[0].retain
    batch = reprocess(make_processor(), number(refused))
    assert (batch.lines, batch.released) == ([], [])
    assert "when it was measured is not known" in batch.revised[1].detail


def test_a_payload_of_which_only_the_beginning_was_kept_stays_and_says_why() -> None:
    payload = climate(note="x" * 1000)
    refused = make_processor(kept_payload_bytes=100, max_payload_bytes=500).process(
        [make_message("indoor_climate", payload)]
    )
    batch = reprocess(make_processor(), number(refused))
    assert f"only the first 100 of its {len(payload)} bytes were kept" in batch.revised[1].detail
    assert batch.revised[1].reason is Reason.OVERSIZED_PAYLOAD


def test_a_payload_that_was_damaged_on_disk_stays_and_says_so() -> None:
    payload = climate(temperature=20.0)
    refused = make_processor(leave_out("indoor_climate")).process([make_message("indoor_climate", payload)])
    (entry,) = refused.quarantined
    flipped = entry._replace(payload=entry.payload.replace(b"20.0", b"60.0"))
    batch = reprocess(make_processor(), [QuarantineRow(1, flipped)])
    assert (batch.lines, batch.released) == ([], [])
    assert "damaged on disk" in batch.revised[1].detail
    assert reprocess(make_processor(), [QuarantineRow(1, entry)]).released == [1]


def test_a_refused_line_is_sent_again_as_it_is() -> None:
    line = b"indoor_climate,device=a,site=hall temperature=1.0,delay=0.1 5"
    kept = Quarantined(
        1, Level.LINE, Reason.REFUSED_BY_DATABASE, "", "a", "conflict", line, len(line), sha256(line).digest()
    )
    batch = reprocess(make_processor(), [QuarantineRow(7, kept)])
    assert (batch.lines, batch.released, batch.marks) == ([line], [7], [])


def test_a_damaged_entry_is_sent_again_when_it_can_be_unpacked() -> None:
    lines = [b"a x=1.0 1", b"a x=2.0 2"]
    body = zlib.compress(b"".join(line + b"\n" for line in lines), 1, wbits=31)
    for payload, found, released in (
        (body, lines, [7]),
        (body[:-3] + b"abc", [], []),
        (b"x", [], []),
        (body[:-9], [], []),
    ):
        digest = sha256(payload).digest()
        kept = Quarantined(1, Level.LINE, Reason.DAMAGED_ENTRY, "", "", "crc", payload, len(payload), digest)
        batch = reprocess(make_processor(), [QuarantineRow(7, kept)])
        assert (batch.lines, batch.released) == (found, released)
        assert list(batch.revised) == ([] if released else [7])


def test_what_was_accepted_before_a_fault_of_our_own_is_committed_and_the_entry_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    payload = json.dumps([(0, {"temperature": 20.0}), (60, {"temperature": 21.0})])
    refused = make_processor(leave_out("indoor_climate")).process([make_message("indoor_climate", payload)])
    processor = make_series_processor(load_device_types(), Memory())

    def fail(*_: object) -> None:
        raise ZeroDivisionError("the refusal fell over")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr("ingest.refusal.hold_time", fail)
        batch = reprocess(processor, number(refused))
    assert (len(batch.lines), len(batch.marks), batch.released) == (1, 1, [])
    assert batch.revised[1].reason is Reason.COLLECTOR_FAULT
    assert batch.revised[1].payload == payload.encode()
    again = reprocess(processor, [QuarantineRow(1, batch.revised[1])])
    assert (again.lines, again.revised[1].reason) == ([], Reason.FUTURE_TIME)
