"""Nothing legitimate is a duplicate, and nothing accepted is overwritten: in one process and over a restart."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.batch import Batch, Mark, Point
from ingest.memory import ANY_FIELD, WINDOW, Memory
from ingest.message import Message
from ingest.process import Processor
from ingest.shard import SHARDS, Shard
from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from schemas.reason import Level, Reason
from tests.small_town import RECEIVED_MS, make_message, make_processor

TIME = "2026-01-15T12:00:00Z"
TIME_MS = 1_768_478_400_000

TYPES = {
    **load_device_types(),
    "list_meter": DeviceType(
        title="Måler med flere lister",
        area=Area.MOBILITY,
        fields={
            "speed": Field("speed", "Fart", required=False),
            "occupancy": Field("occupancy", "Belegg", required=False),
            "power": Field("power", "Effekt", required=False),
            "energy": Field("energy", "Målerstand", required=False),
        },
        interval=timedelta(minutes=5),
        privacy=Privacy.PUBLIC,
        examples=(Example(payload='{"time":"2026-01-15T12:00:00Z","speed":1}', fields="speed=1.0"),),
    ),
}
"""The registered types, and a meter that sends its fields in several lists: every one of them is optional."""

Continue = Callable[[Processor, Sequence[Batch]], Processor]


def stay(processor: Processor, _: Sequence[Batch]) -> Processor:
    return processor


def restart(_: Processor, committed: Sequence[Batch]) -> Processor:
    """Return another process that knows what these batches have on disk."""
    memory = Memory()
    memory.restore(mark for batch in committed for mark in batch.marks)
    return make_processor(memory=memory, types=TYPES)


def restart_from_snapshot(processor: Processor, _: Sequence[Batch]) -> Processor:
    """Return another process that knows the snapshot of each shard."""
    memory = Memory()
    memory.restore(processor.memory.copy_shard(shard) for shard in range(SHARDS))
    return make_processor(memory=memory, types=TYPES)


@pytest.fixture(params=[stay, restart, restart_from_snapshot])
def go_on(request: pytest.FixtureRequest) -> Continue:
    """Go on in the same process, or in another."""
    chosen: Continue = request.param
    return chosen


def measure(time: str = TIME, **members: float) -> bytes:
    """Return a payload of the meter."""
    return json.dumps({"time": time, **members}).encode()


def take_each(go_on: Continue, messages: Sequence[Message]) -> list[Batch]:
    """Return a batch for each message, each in the next process."""
    processor, batches = make_processor(types=TYPES), list[Batch]()
    for message in messages:
        processor = go_on(processor, batches)
        batches.append(processor.process([message]))
        assert batches[-1].ledger.balances()
    return batches


def read_fields(batch: Batch) -> dict[str, str]:
    """Return the fields of a batch's only line, but for the delay."""
    (line,) = batch.lines
    pairs = dict(pair.split("=") for pair in line.decode().split(" ")[1].split(","))
    del pairs["delay"]
    return pairs


def list_points(batches: Sequence[Batch]) -> list[int]:
    return [mark.point for batch in batches for mark in batch.marks if mark.device and mark.names]


def test_several_lists_of_one_meter_in_one_second_are_one_point(go_on: Continue) -> None:
    payloads = [measure(speed=50, power=3), measure(occupancy=10), measure(energy=2.5)]
    batches = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert [read_fields(batch) for batch in batches] == [
        {"speed": "50.0", "power": "3.0"},
        {"occupancy": "10.0"},
        {"energy": "2.5"},
    ]
    assert list_points(batches) == [Point.NEW, Point.JOINED, Point.JOINED]


def test_a_list_with_a_sequence_number_of_its_own_loses_only_that(go_on: Continue) -> None:
    payloads = [measure(seq=1, speed=50), measure(seq=2, occupancy=10)]
    _, second = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert read_fields(second) == {"occupancy": "10.0"}
    (entry,) = second.quarantined
    assert (entry.level, entry.reason, entry.payload) == (Level.FIELD, Reason.CONFLICT, payloads[1])
    assert entry.fields == ()


def test_lists_of_an_older_second_are_held_apart_as_well(go_on: Continue) -> None:
    later = measure("2026-01-15T12:00:01Z", seq=9, speed=40)
    payloads = [measure(seq=1, speed=50), later, measure(seq=2, occupancy=10), measure(seq=3, speed=60)]
    batches = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert read_fields(batches[2]) == {"occupancy": "10.0"}
    assert batches[3].lines == []
    assert [entry.reason for entry in batches[3].quarantined] == [Reason.CONFLICT]
    assert list_points(batches) == [Point.NEW, Point.NEW, Point.JOINED]


@pytest.mark.hazard("partial-update", "native")
def test_one_value_for_each_topic_makes_one_reading(go_on: Continue) -> None:
    values = {"speed": 50.0, "power": 3.0, "occupancy": 10.0, "energy": 2.5}
    messages = [make_message("list_meter", measure(TIME, **{name: value})) for name, value in values.items()]
    batches = take_each(go_on, [*messages, *messages])
    assert [read_fields(batch) for batch in batches[:4]] == [{name: str(value)} for name, value in values.items()]
    assert [batch.ledger.duplicate_readings for batch in batches] == [0] * 4 + [1] * 4


def test_other_values_of_a_clock_that_stands_still_are_kept_in_quarantine(go_on: Continue) -> None:
    payloads = [measure(speed=50), measure(speed=51), measure(speed=52)]
    batches = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert len(batches[0].lines) == 1
    kept = [entry for batch in batches for entry in batch.quarantined]
    assert [(entry.reason, entry.payload) for entry in kept] == [(Reason.CONFLICT, one) for one in payloads[1:]]


def test_the_same_values_of_a_clock_that_stands_still_are_told_apart_by_their_sequence_numbers(
    go_on: Continue,
) -> None:
    payloads = [measure(seq=seq, speed=50) for seq in range(3)]
    batches = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert [batch.ledger.duplicate_readings for batch in batches] == [0, 0, 0]
    kept = [entry.payload for batch in batches for entry in batch.quarantined]
    assert kept == payloads[1:]


def test_a_sequence_number_alone_does_not_lend_itself_to_the_values_of_another_payload(go_on: Continue) -> None:
    payloads = [measure(speed=50), measure(seq=2, speed=60)]
    _, second = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert second.lines == []
    assert [(entry.level, entry.reason) for entry in second.quarantined] == [(Level.READING, Reason.CONFLICT)]


def test_an_overlapping_list_adds_what_is_new_and_overwrites_nothing(go_on: Continue) -> None:
    payloads = [measure(speed=50), measure(speed=60, occupancy=10)]
    _, second = take_each(go_on, [make_message("list_meter", payload) for payload in payloads])
    assert read_fields(second) == {"occupancy": "10.0"}
    assert [(entry.level, entry.reason) for entry in second.quarantined] == [(Level.FIELD, Reason.CONFLICT)]


def test_equal_values_of_a_device_without_a_clock_are_as_many_readings_as_messages(go_on: Continue) -> None:
    for payload in ('{"on":true,"power":10}', '{"on":true,"power":10,"seq":7}'):
        messages = [
            make_message("street_light", payload, received_ms=RECEIVED_MS + number // 2, packet_id=number + 1)
            for number in range(4)
        ]
        batches = take_each(go_on, messages)
        times = [int(line.rpartition(b" ")[2]) for batch in batches for line in batch.lines]
        assert len(times) == len(set(times)) == 4
        assert list_points(batches) == [Point.NEW] * 4


@pytest.mark.parametrize("device", ["street_light", "list_meter"])
@pytest.mark.parametrize("payload", ["nonsense", '{"on":true,"power":10,"speed":1,"time":"2026-01-15T12:00:00Z"}'])
def test_a_redelivered_message_of_a_committed_batch_is_recognised(go_on: Continue, device: str, payload: str) -> None:
    messages = [make_message(device, payload, packet_id=number) for number in (5, 6)]
    again = [message._replace(redelivered=True) for message in messages]
    batches = take_each(go_on, [*messages, *again])
    assert [batch.ledger.duplicate_messages for batch in batches] == [0, 0, 1, 1]


def test_a_redelivered_backlog_of_one_device_is_recognised_beyond_its_window(go_on: Continue) -> None:
    count = 10 * WINDOW
    messages = [
        make_message("list_meter", measure(f"2026-01-15T11:{n // 60:02}:{n % 60:02}Z", speed=50), packet_id=n + 1)
        for n in range(count)
    ]
    first = make_processor(types=TYPES)
    batch = first.process(messages)
    again = go_on(first, [batch]).process([message._replace(redelivered=True) for message in messages])
    assert (again.ledger.duplicate_messages, again.lines, again.marks) == (count, [], [])


def test_a_packet_identifier_that_is_used_anew_is_another_message(go_on: Continue) -> None:
    message = make_message("street_light", '{"on":true,"power":10}', packet_id=5)
    later = message._replace(received_ms=RECEIVED_MS + 60_000)
    other = make_message("street_light", '{"on":false,"power":10}', packet_id=5)
    batches = take_each(go_on, [message, later, other, later._replace(redelivered=True)])
    assert [batch.ledger.accepted for batch in batches] == [1, 1, 1, 1]


def test_a_new_session_uses_packet_identifiers_anew(go_on: Continue) -> None:
    message = make_message("street_light", '{"on":true,"power":10}', packet_id=5)
    processor = make_processor(types=TYPES)
    batches = [processor.process([message]), processor.forget_packets()]
    batch = go_on(processor, batches).process([message._replace(redelivered=True)])
    assert batch.ledger.accepted == 1


def test_a_late_reading_is_a_point_of_its_own_and_known_when_it_comes_again(go_on: Continue) -> None:
    payloads = [measure("2026-01-15T11:00:00Z", speed=50), measure("2026-01-15T10:00:00Z", speed=40)]
    messages = [make_message("list_meter", payload) for payload in (*payloads, payloads[1])]
    batches = take_each(go_on, messages)
    assert list_points(batches) == [Point.NEW, Point.LATE]
    assert batches[2].ledger.duplicate_readings == 1


def test_the_newest_time_is_known_however_many_late_readings_come(go_on: Continue) -> None:
    newest = make_message("list_meter", measure(speed=50))
    late = [make_message("list_meter", measure(f"2026-01-15T11:{minute:02}:00Z", speed=40)) for minute in range(40)]
    processor = make_processor(types=TYPES)
    batch = processor.process([newest, *late])
    other = make_message("list_meter", measure(speed=60, occupancy=10))
    again = go_on(processor, [batch]).process([newest, other])
    assert again.ledger.duplicate_readings == 1
    assert read_fields(again) == {"occupancy": "10.0"}


def test_of_a_payload_whose_fields_were_not_kept_any_field_is_a_conflict() -> None:
    memory = Memory()
    memory.restore([Mark("list_meter", TIME_MS, 1, (ANY_FIELD,))])
    batch = make_processor(memory=memory, types=TYPES).process([make_message("list_meter", measure(speed=50))])
    assert [entry.reason for entry in batch.quarantined] == [Reason.CONFLICT]


def test_a_collector_whose_clock_was_set_back_gives_no_time_twice() -> None:
    hour_ms = 3_600_000
    payloads = ["nonsense", "nonsense", '{"on":true,"power":10}', '{"on":true,"power":11}', "nonsense"]
    messages = [make_message("street_light", payloads[2], received_ms=RECEIVED_MS + hour_ms, packet_id=9)]
    messages += [make_message("street_light", payload, packet_id=n) for n, payload in enumerate(payloads, 1)]
    batch = make_processor(types=TYPES).process(messages)
    given = [entry.given_ms for entry in batch.quarantined]
    times = [int(line.rpartition(b" ")[2]) for line in batch.lines]
    assert times == [RECEIVED_MS + hour_ms, RECEIVED_MS + 2, RECEIVED_MS + 3]
    assert given == [RECEIVED_MS, RECEIVED_MS + 1, RECEIVED_MS + 4]


def test_a_device_that_sent_only_nonsense_is_not_alive(go_on: Continue) -> None:
    processor = make_processor(types=TYPES)
    batch = processor.process([make_message("street_light", "nonsense")])
    assert go_on(processor, [batch]).memory.recall("street_light").heard_ms == 0


LISTS = st.dictionaries(
    st.sampled_from(["speed", "power", "occupancy", "energy", "seq"]), st.integers(0, 3), min_size=1, max_size=3
)
EVENTS = st.lists(st.tuples(st.sampled_from(["list_meter", "street_light"]), st.integers(0, 30), LISTS))


def describe(memory: Memory) -> dict[str, object]:
    """Return what a restart must not change."""
    return {name: (one.newest_ms, set(one.names), one.window) for name, one in memory.devices.items() if one.window}


@given(EVENTS, st.integers(0, 40))
def test_a_snapshot_and_what_came_after_it_are_what_is_remembered(
    events: list[tuple[str, int, dict[str, int]]], taken_after: int
) -> None:
    processor, marks = make_processor(types=TYPES), list[Mark | Shard]()
    for number, (device, second, members) in enumerate(events):
        if number == taken_after:
            marks = [processor.memory.copy_shard(shard) for shard in range(SHARDS)]
        payload = measure(f"2026-01-15T12:00:{second:02}Z", **members)
        if device == "street_light":
            payload = json.dumps({"on": True, "power": second} if second % 3 else "nonsense").encode()
        message = make_message(device, payload, received_ms=RECEIVED_MS + 60_000 + number, packet_id=number + 1)
        marks += processor.process([message]).marks
    memory = Memory()
    memory.restore(marks)
    assert describe(memory) == describe(processor.memory)
