"""Lanes: the straight way through ``process`` gives what the general way gives."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.alerts.derivations.mean import Mean
from ingest.batch import Batch, Mark
from ingest.event_time import format_time
from ingest.inventory import OPEN_END_MS, Placement
from ingest.lane import KEPT_BYTES
from ingest.memory import PACKET_MARK, WINDOW, Memory
from ingest.message import Message
from ingest.process import Processor
from ingest.sample import MOST_SAMPLERS
from ingest.shard import PACKET_SHARD, SHARDS
from schemas.reason import Reason
from schemas.rule import Reference
from tests.alert_rules import AGAINST, EVERY_SHAPE, MEAN
from tests.small_town import RECEIVED_MS, make_inventory, make_message, make_processor
from tests.test_rules import RULES

MOVED_MS = RECEIVED_MS + 20_000
"""When the moved meter came to its present place."""


SECONDS = {
    "quick-mean": replace(MEAN, key="quick-mean", derivation=Mean(20_000)),
    "quick-reference": replace(AGAINST, key="quick-reference", reference=Reference("indoor_climate", 20_000)),
}
WATCHED = RULES | EVERY_SHAPE | SECONDS
"""Rules of every shape, some of which a minute is enough for."""


def make_town(memory: Memory | None = None) -> Processor:
    """Return a Processor that accepts simulated readings, over a town of which one device has moved."""
    types = load_device_types()
    inventory = make_inventory(types)
    places = (
        Placement(0, MOVED_MS, "hall", "first"),
        Placement(MOVED_MS, RECEIVED_MS + 40_000, "hall", "second"),
        Placement(RECEIVED_MS + 40_000, OPEN_END_MS, "annex", "first"),
    )
    devices = {**inventory.devices, "water_meter": replace(inventory.devices["water_meter"], placements=places)}
    town = replace(inventory, devices=devices)
    return make_processor(town, WATCHED, memory=memory, accept_simulated=True)


def take_all(messages: Sequence[Message], *, straight: bool) -> tuple[list[Batch], Processor]:
    """Return a batch for each message, and the Processor with what it remembers."""
    processor, batches = make_town(), list[Batch]()
    for message in messages:
        if not straight:
            processor.routes = processor.routes  # closes every lane
        batches.append(processor.process([message]))
    return batches, processor


def tell_marks(batches: Sequence[Batch]) -> list[Mark]:
    """Return the marks of readings and, apart, those of messages, however these are told."""
    marks = [mark for batch in batches for mark in batch.marks]
    packets = [
        Mark(PACKET_MARK, mark.packet_id if mark.device else mark.key, mark.digest)
        for mark in marks
        if mark.packet_id or not mark.device
    ]
    return [mark._replace(packet_id=0) for mark in marks if mark.device] + packets


def describe(batches: Sequence[Batch], processor: Processor) -> list[object]:
    """Return everything that batches say, and what is remembered."""
    restored, memory = Memory(), processor.memory
    restored.restore(memory.copy_shard(shard) for shard in range(SHARDS))
    known = [(name, one.newest_ms, one.heard_ms, one.names, one.window) for name, one in sorted(memory.devices.items())]
    return [
        [
            (batch.lines, batch.quarantined, batch.transitions, batch.alerts, batch.states, batch.ledger)
            for batch in batches
        ],
        tell_marks(batches),
        known,
        [(name, one.newest_ms, one.window) for name, one in sorted(restored.devices.items())],
        [list_believed(processor)],
    ]


def list_believed(processor: Processor) -> list[object]:
    """Return by what values those of each device are believed; since when they are the same where that matters."""
    shards = [processor.doubts.copy_shard(number, processor.memory) for number in range(PACKET_SHARD)]
    return [
        (row.device, row.newest_ms, name, known if name == "temperature" else (*known[:2], *known[3:]))
        for shard in shards
        for row in shard.rows
        for name, known in sorted(row.known.items())
    ]


CLIMATE = st.fixed_dictionaries(
    {"temperature": st.sampled_from([21.5, 35, 60.5, "warm", 1e300])},
    optional={"humidity": st.floats(0, 110), "co2": st.sampled_from([400.0, 2500.0]), "presence": st.booleans()},
)
MEMBERS = st.fixed_dictionaries(
    {}, optional={"seq": st.integers(-1, 5), "simulated": st.sampled_from([True, False, 1])}
)
TIMES = st.integers(-3, 60).map(lambda second: RECEIVED_MS + 1000 * second) | st.just(RECEIVED_MS + 400_000)
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["indoor_climate", "water_meter", "street_light", "nobody"]),
        TIMES,
        CLIMATE | st.just({"volume": 12.5}) | st.just({"on": True, "power": 40}),
        MEMBERS,
        st.booleans(),
        st.sampled_from([None, 1, 2, 3]),
    ),
    max_size=24,
)


DOUBTED = st.lists(
    st.tuples(
        st.sampled_from(["water_meter", "outdoor_temperature", "sub_meter", "ams_meter"]),
        st.integers(-3, 90).map(lambda hour: RECEIVED_MS - 90 * 3_600_000 + 3_600_000 * hour) | TIMES,
        st.fixed_dictionaries(
            {
                "volume": st.sampled_from([0.0, 1.0, 12.5, 99_999.5, 500_000.0]),
                "temperature": st.sampled_from([-40.0, 10.0, 10.1, 59.0]),
                "energy": st.sampled_from([5.0, 6.0, 50_000.0]),
            },
            optional={
                "pulses": st.sampled_from([1, 5, 2**32 - 1]),
                "energy_export": st.sampled_from([0, 7.5]),
                "reactive_energy": st.sampled_from([0, 7.5]),
            },
        ),
    ),
    max_size=30,
)
FIELDS = {
    "water_meter": {"volume"},
    "outdoor_temperature": {"temperature"},
    "sub_meter": {"energy", "pulses"},
    "ams_meter": {"energy", "energy_export", "reactive_energy"},
}


@given(DOUBTED)
def test_both_ways_doubt_the_same(drawn: list[tuple[str, int, dict[str, float]]]) -> None:
    messages = [
        make_message(
            device,
            json.dumps({"time": format_time(time_ms)} | {key: values[key] for key in FIELDS[device] & values.keys()}),
        )
        for device, time_ms, values in drawn
    ]
    assert describe(*take_all(messages, straight=True)) == describe(*take_all(messages, straight=False))


def test_both_ways_doubt_what_is_stuck_and_the_lane_is_used() -> None:
    hours = [20.0] * 80 + [20.1, 20.1, 19.9, 55.0, 20.0]
    messages = [
        make_message(
            "outdoor_temperature",
            json.dumps({"time": format_time(RECEIVED_MS + 3_600_000 * (hour - 90)), "temperature": value}),
            packet_id=hour + 1,
        )
        for hour, value in enumerate(hours)
    ]
    straight, general = take_all(messages, straight=True), take_all(messages, straight=False)
    assert describe(*straight) == describe(*general)
    assert [batch.ledger.doubtful_values for batch in straight[0]] == [0] * 72 + [1] * 8 + [0, 0, 0, 1, 0]
    # A reading that went down the lane needs no mark for its message.
    ways = [len(batch.marks) for batch in straight[0]]
    assert ways == [2] + [1] * 71 + [2] * 9 + [1, 1, 2, 2]


@given(MESSAGES)
def test_both_ways_give_the_same(
    drawn: list[tuple[str, int, dict[str, object], dict[str, object], bool, int | None]],
) -> None:
    messages = [
        Message(
            f"gjovik/hall/{device}/reading",
            json.dumps({"time": format_time(time_ms), **values, **members}).encode(),
            RECEIVED_MS + number,
            retain=number % 7 == 6,
            packet_id=packet_id,
            redelivered=redelivered,
        )
        for number, (device, time_ms, values, members, redelivered, packet_id) in enumerate(drawn)
    ]
    assert describe(*take_all(messages, straight=True)) == describe(*take_all(messages, straight=False))


def climate(seq: int, time_ms: int) -> bytes:
    return json.dumps({"time": format_time(time_ms), "seq": seq, "temperature": 21.5}).encode()


def test_ordinary_readings_go_straight_and_need_no_mark_for_their_message() -> None:
    processor = make_town()
    messages = [
        make_message("indoor_climate", climate(seq, RECEIVED_MS + seq), packet_id=seq + 1) for seq in range(100)
    ]
    first, rest = processor.process(messages[:1]), processor.process(messages[1:])
    assert [mark.device for mark in first.marks] == [PACKET_MARK, "indoor_climate"]
    assert [(mark.device, mark.packet_id) for mark in rest.marks] == [
        ("indoor_climate", seq + 1) for seq in range(1, 100)
    ]
    assert rest.ledger.accepted == 99
    assert rest.ledger.balances()


def test_a_message_that_comes_again_is_known_by_the_mark_of_its_reading() -> None:
    processor = make_town()
    messages = [make_message("indoor_climate", climate(seq, RECEIVED_MS + seq), packet_id=seq + 1) for seq in range(10)]
    batches = [processor.process([message]) for message in messages]
    memory = Memory()
    memory.restore(mark for batch in batches for mark in batch.marks)
    again = make_town(memory).process([message._replace(redelivered=True) for message in messages])
    assert again.ledger.duplicate_messages == 10
    assert again.ledger.received == 10
    assert not again.lines


def test_a_message_that_comes_again_in_the_same_batch_is_known() -> None:
    message = make_message("indoor_climate", climate(0, RECEIVED_MS))
    batch = make_town().process([message, message._replace(redelivered=True)])
    assert (batch.ledger.accepted, batch.ledger.duplicate_messages) == (1, 1)


def test_what_went_straight_is_known_by_its_values_when_another_value_comes_for_its_time() -> None:
    processor = make_town()
    first, second = (climate(seq, RECEIVED_MS + seq) for seq in range(2))
    other = json.dumps({"time": format_time(RECEIVED_MS + 1), "temperature": 30, "humidity": 40}).encode()
    batches = [processor.process([make_message("indoor_climate", payload)]) for payload in (first, second, other)]
    assert [len(batch.lines) for batch in batches] == [1, 1, 1]
    (refused,) = batches[2].quarantined
    assert (refused.reason, refused.detail) == (Reason.CONFLICT, "temperature has a value at that time already, 21.5")
    assert b" humidity=40.0,delay=" in batches[2].lines[0]


def test_a_window_stays_in_order_when_it_is_a_ring() -> None:
    processor, keys = make_town(), range(3 * WINDOW + 5)
    processor.process([make_message("indoor_climate", climate(key, RECEIVED_MS + key)) for key in keys])
    memory = processor.memory.recall("indoor_climate")
    assert [time_ms - RECEIVED_MS for time_ms, _, _ in memory.window] == [*keys][-WINDOW:]
    late = make_message("indoor_climate", climate(99, RECEIVED_MS - 5))
    processor.process([late])
    assert [time_ms - RECEIVED_MS for time_ms, _, _ in memory.window] == [*[*keys][1 - WINDOW :], -5]
    assert processor.process([late]).ledger.duplicate_readings == 1


def drop_fields(number: int) -> bytes:
    """Return a payload with the optional fields that the bits of a number stand for."""
    fields = {"humidity": 40.5, "co2": 612, "illuminance": 320.5, "presence": True, "battery": 91.5, "seq": number}
    kept = {name: value for bit, (name, value) in enumerate(fields.items()) if number >> bit & 1}
    return json.dumps({"time": format_time(RECEIVED_MS + number), **kept, "temperature": 21.5}).encode()


@pytest.mark.parametrize("most", [3, MOST_SAMPLERS])
def test_a_device_that_sends_other_fields_each_time_stays_in_its_lane(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("ingest.sample.MOST_SAMPLERS", most)
    messages = [make_message("indoor_climate", drop_fields(number), packet_id=number + 1) for number in range(64)]
    batches, processor = take_all(messages, straight=True)
    assert describe(batches, processor) == describe(*take_all(messages, straight=False))
    assert all(mark.device for batch in batches[1:] for mark in batch.marks)


def test_a_large_payload_is_known_by_its_values() -> None:
    processor = make_town()
    padding = b" " * KEPT_BYTES
    messages = [
        make_message("indoor_climate", climate(seq, RECEIVED_MS + seq).replace(b"{", b"{" + padding, 1))
        for seq in range(2)
    ]
    assert len(messages[1].payload) > KEPT_BYTES
    batch = processor.process(messages)
    assert batch.ledger.accepted == 2
    memory = processor.memory.recall("indoor_climate")
    known = memory.find_known(RECEIVED_MS + 1, lambda payload: pytest.fail(f"{len(payload)} bytes were kept"))
    assert known == {"temperature": 21.5, "seq": 1}
