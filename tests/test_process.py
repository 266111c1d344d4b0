"""``process``: every message ends in exactly one count, and nothing that the collector refuses is lost."""

import gc
import hashlib
import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.batch import Batch
from ingest.codecs.native import CODEC
from ingest.inventory import Device, Inventory, Placement
from ingest.memory import WINDOW, Memory
from ingest.message import Message
from ingest.process import Processor
from ingest.route import RouteTable
from schemas.reason import Level, Reason
from schemas.rule import AlertPhase
from tests.alert_rules import CO2, at_once
from tests.near_payloads import TYPE_KEYS, near_payloads
from tests.small_town import FROM_MS, RECEIVED_MS, make_alerts_fail_once, make_inventory, make_message, make_processor

TIME = "2026-01-15T12:00:00Z"
TIME_MS = 1_768_478_400_000


def take(payload: bytes | str, device: str = "indoor_climate", **limits: int) -> Batch:
    """Return what becomes of one payload."""
    return make_processor(**limits).process([make_message(device, payload)])  # type: ignore[arg-type]


def climate(**members: object) -> str:
    """Return the payload of an indoor-climate sensor."""
    return json.dumps({"time": TIME, "temperature": 20.0} | members)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY_PAYLOAD),
        (b"\xff\xfe", Reason.INVALID_UTF8),
        (b'{"time":', Reason.MALFORMED_JSON),
        (b"[" * 100_00, Reason.MALFORMED_JSON),
        (b"21.5", Reason.NOT_AN_OBJECT),
        (b"[1]", Reason.NOT_AN_OBJECT),
        (b" " * 65_537, Reason.OVERSIZED_PAYLOAD),
        (climate(time="yesterday"), Reason.INVALID_TIME),
        (climate(time=1768478400), Reason.INVALID_TIME),
        ('{"temperature":20}', Reason.MISSING_TIME),
        (climate(time="1970-01-01T00:00:00Z"), Reason.NOT_PLACED),
        (climate(time="2026-01-15T12:05:03Z"), Reason.FUTURE_TIME),
        (climate(seq=-1), Reason.INVALID_MEMBER),
        (climate(seq=2**53), Reason.INVALID_MEMBER),
        (climate(seq=None), Reason.INVALID_MEMBER),
        (climate(simulated="yes"), Reason.INVALID_MEMBER),
        (climate(simulated=True), Reason.SIMULATED_REFUSED),
        (climate(temperature="20"), Reason.WRONG_TYPE),
        (climate(temperature=True), Reason.WRONG_TYPE),
        (climate(temperature=[20]), Reason.WRONG_TYPE),
        (climate(temperature=float("nan")), Reason.NOT_FINITE),
        (climate(temperature=float("-inf")), Reason.NOT_FINITE),
        (climate(temperature=1e300), Reason.OUT_OF_RANGE),
        (climate(temperature=10**400), Reason.OUT_OF_RANGE),
        (f'{{"time":"{TIME}"}}', Reason.MISSING_FIELD),
        (f'{{"time":"{TIME}","humidity":40}}', Reason.MISSING_FIELD),
    ],
)
def test_bad_input_is_refused_counted_and_kept(payload: bytes | str, reason: Reason) -> None:
    batch = take(payload)
    data = payload.encode() if isinstance(payload, str) else payload
    (entry,) = batch.quarantined
    assert entry.reason is reason
    assert entry.device == "indoor_climate"
    assert entry.length == len(data)
    assert entry.sha256 == hashlib.sha256(data).digest()
    assert data.startswith(entry.payload)
    assert entry.detail
    assert batch.lines == []
    assert batch.ledger.balances()
    assert batch.ledger.reasons == {reason: 1}


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("gjovik/hall/nobody/reading", Reason.UNKNOWN_DEVICE),
        ("gjovik/annex/indoor_climate/reading", Reason.WRONG_SITE),
        ("gjovik/alerts/indoor_climate/reading", Reason.WRONG_SITE),
        ("gjovik/hall/indoor_climate/status", Reason.UNKNOWN_TOPIC),
        ("gjovik/hall/indoor_climate/deep/reading", Reason.UNKNOWN_TOPIC),
        ("hall/indoor_climate/reading", Reason.UNKNOWN_TOPIC),
        ("", Reason.UNKNOWN_TOPIC),
    ],
)
def test_a_topic_that_speaks_for_no_placed_device_is_refused(topic: str, reason: Reason) -> None:
    batch = make_processor().process([Message(topic, climate().encode(), RECEIVED_MS)])
    assert [entry.reason for entry in batch.quarantined] == [reason]
    assert batch.ledger.balances()


@pytest.mark.hazard("type-drift", "native")
def test_a_bad_optional_field_costs_only_itself() -> None:
    batch = take(climate(humidity=138, co2="high", colour="red", battery=80))
    assert batch.ledger.accepted == 1
    assert batch.ledger.refused_fields == 3
    assert b"temperature=20.0,battery=80.0" in batch.lines[0]
    (entry,) = batch.quarantined
    assert entry.level is Level.FIELD
    for name in ("humidity", "co2", "colour"):
        assert name in entry.detail


@pytest.mark.hazard("other-name", "native")
def test_a_payload_full_of_unknown_fields_leaves_one_short_entry() -> None:
    batch = take(climate(**{f"field_{number}": number for number in range(2000)}))
    assert batch.ledger.refused_fields == 2000
    (entry,) = batch.quarantined
    assert len(entry.detail) < 4_000
    assert len(entry.payload) == 4_096


def test_of_a_large_payload_the_beginning_length_and_hash_are_kept() -> None:
    payload = b"x" * 50_000
    (entry,) = take(payload, kept_payload_bytes=1000).quarantined
    assert (entry.payload, entry.length) == (b"x" * 1000, 50_000)
    assert entry.sha256 == hashlib.sha256(payload).digest()


def test_one_bad_message_does_not_touch_its_neighbours() -> None:
    messages = [
        make_message("indoor_climate", climate()),
        make_message("indoor_climate", b"\x00"),
        make_message("road_weather", f'{{"time":"{TIME}","air_temperature":1,"surface_temperature":0}}'),
    ]
    batch = make_processor().process(messages)
    assert len(batch.lines) == 2
    assert batch.ledger.balances()


def test_a_simulated_reading_is_taken_where_the_settings_allow_it_and_carries_a_tag() -> None:
    batch = make_processor(accept_simulated=True).process([make_message("indoor_climate", climate(simulated=True))])
    assert b",simulated=true,site=" in batch.lines[0]


@pytest.mark.hazard("duplicate", "native")
def test_the_same_message_again_is_a_duplicate() -> None:
    processor = make_processor()
    message = make_message("indoor_climate", climate())
    batch = processor.process([message, message])
    assert (batch.ledger.accepted, batch.ledger.duplicate_readings) == (1, 1)
    assert len(batch.lines) == 1


def test_an_older_reading_that_comes_again_is_a_duplicate_within_the_window() -> None:
    processor = make_processor()
    payloads = [climate(time=f"2026-01-15T11:{minute:02}:00Z") for minute in range(WINDOW)]
    messages = [make_message("indoor_climate", payload) for payload in payloads]
    processor.process(messages)
    batch = processor.process(messages)
    assert batch.ledger.duplicate_readings == WINDOW


def test_another_payload_for_an_older_time_never_overwrites_what_was_accepted() -> None:
    processor = make_processor()
    times = ("2026-01-15T10:00:00Z", "2026-01-15T11:00:00Z", "2026-01-15T10:00:00Z")
    payloads = [climate(time=time, seq=seq) for seq, time in enumerate(times)]
    batch = processor.process([make_message("indoor_climate", payload) for payload in payloads])
    assert [entry.reason for entry in batch.quarantined] == [Reason.CONFLICT]
    assert batch.ledger.accepted == 2


def test_after_a_restart_what_comes_again_is_a_duplicate_and_anything_else_for_its_time_a_conflict() -> None:
    before = make_processor()
    lists = [f'{{"time":"{TIME}","speed":50}}', f'{{"time":"{TIME}","occupancy":10}}']
    messages = [make_message("traffic_detector", payload) for payload in lists]
    accepted = before.process(messages)
    memory = Memory()
    memory.restore(accepted.marks)
    other = make_message("traffic_detector", f'{{"time":"{TIME}","speed":70}}')
    batch = make_processor(memory=memory).process([*messages, other])
    assert batch.ledger.duplicate_readings == 2
    assert [entry.reason for entry in batch.quarantined] == [Reason.CONFLICT]


def test_a_late_reading_is_accepted() -> None:
    processor = make_processor()
    messages = [make_message("indoor_climate", climate(time=f"2026-01-15T{hour}:00:00Z")) for hour in (11, 10)]
    assert processor.process(messages).ledger.accepted == 2


def test_an_alert_remembers_the_last_good_value_until_it_clears() -> None:
    processor = make_processor(rules={CO2.key: at_once(CO2)})
    payloads = [
        climate(time=f"2026-01-15T{hour:02}:00:00Z", co2=co2) for hour, co2 in enumerate((500, 640, 5_000, 400), 8)
    ]
    batches = [
        processor.process([make_message("indoor_climate", payload, received_ms=TIME_MS)]) for payload in payloads
    ]
    nine_ms = TIME_MS - 3 * 3_600_000
    assert [[one.last_good for one in batch.alerts] for batch in batches] == [[], [], [(nine_ms, 640.0)], [None]]


@pytest.mark.parametrize("restarts", [False, True])
def test_late_readings_neither_fire_nor_clear(*, restarts: bool) -> None:
    rules = {CO2.key: at_once(CO2)}
    processor, batches = make_processor(rules=rules), list[Batch]()
    for hour, co2 in ((10, 500), (9, 5_000), (11, 5_000), (10, 400), (12, 400)):
        if restarts:
            memory = Memory()
            memory.restore(mark for batch in batches for mark in batch.marks)
            processor = make_processor(rules=rules, memory=memory)
            processor.alerts.restore({one.device: one for batch in batches for one in batch.alerts}.values())
        payload = climate(time=f"2026-01-15T{hour:02}:00:00Z", co2=co2)
        batches.append(processor.process([make_message("indoor_climate", payload, received_ms=TIME_MS)]))
    told = [(one.phase, one.time_ms // 3_600_000 % 24) for batch in batches for one in batch.transitions]
    assert told == [(AlertPhase.FIRING, 11), (AlertPhase.OK, 12)]


@pytest.mark.hazard("partial-update", "native")
def test_other_fields_of_the_same_moment_are_accepted() -> None:
    processor = make_processor()
    first = f'{{"time":"{TIME}","speed":50}}'
    second = f'{{"time":"{TIME}","occupancy":10}}'
    batch = processor.process([make_message("traffic_detector", payload) for payload in (first, second, first)])
    assert (batch.ledger.accepted, batch.ledger.duplicate_readings) == (2, 1)
    assert b" occupancy=10.0," in batch.lines[1]


def test_another_value_for_a_field_of_the_same_moment_is_a_conflict() -> None:
    processor = make_processor()
    payloads = [climate(seq=1), climate(seq=2, temperature=25), climate(seq=3, co2=800)]
    batch = processor.process([make_message("indoor_climate", payload) for payload in payloads])
    assert [(entry.level, entry.reason) for entry in batch.quarantined] == [
        (Level.READING, Reason.CONFLICT),
        (Level.FIELD, Reason.CONFLICT),
    ]
    assert batch.ledger.balances()
    assert b" co2=800.0,delay" in batch.lines[1]


def test_a_frozen_clock_with_steady_values_is_seen_by_its_sequence_numbers() -> None:
    payloads = [climate(seq=seq) for seq in range(3)]
    batch = make_processor().process([make_message("indoor_climate", payload) for payload in payloads])
    assert [entry.reason for entry in batch.quarantined] == [Reason.CONFLICT] * 2


@pytest.mark.hazard("time-missing", "native")
def test_readings_without_a_time_of_their_own_never_share_a_moment() -> None:
    payload = '{"on":true,"power":10}'
    messages = [make_message("street_light", payload, packet_id=packet_id) for packet_id in range(1, 4)]
    batch = make_processor().process(messages)
    assert [int(line.rpartition(b" ")[2]) - RECEIVED_MS for line in batch.lines] == [0, 1, 2]


def test_a_backlog_without_times_is_as_many_points_as_readings() -> None:
    payload = '{"on":true,"power":10}'
    messages = [make_message("street_light", payload, packet_id=packet_id) for packet_id in range(1, 5001)]
    batch = make_processor().process(messages)
    assert batch.ledger.accepted == 5000
    assert len({line.rpartition(b" ")[2] for line in batch.lines}) == 5000


def test_collectors_that_share_a_subscription_keep_the_readings_of_a_device_without_a_clock_apart() -> None:
    light = make_message("street_light", '{"on":true,"power":10}')
    climate_now = make_message("indoor_climate", climate())
    series: dict[str, set[bytes]] = {"light": set(), "climate": set()}
    for sharer in ("collector-a", "collector-b"):
        processor = make_processor()
        processor.routes = RouteTable(make_inventory(), load_device_types(), CODEC, "gjovik", sharer)
        for name, line in zip(series, processor.process([light, climate_now]).lines, strict=True):
            series[name].add(line.split(b" ")[0])
    assert len(series["light"]) == 2
    assert len(series["climate"]) == 1


@pytest.mark.hazard("clock-wrong", "native")
def test_a_clock_of_ours_that_was_ahead_does_not_stay_ahead() -> None:
    processor = make_processor()
    hour_ms = 3_600_000
    times = [RECEIVED_MS, RECEIVED_MS + hour_ms, RECEIVED_MS + 1000, RECEIVED_MS + 2000]
    messages = [
        make_message("street_light", '{"on":true,"power":10}', received_ms=time_ms, packet_id=number)
        for number, time_ms in enumerate(times, 1)
    ]
    batch = processor.process(messages)
    assert [int(line.rpartition(b" ")[2]) for line in batch.lines] == times


def test_a_refused_topic_is_remembered_without_its_message() -> None:
    processor, payload = make_processor(), bytes(bytearray(1000))
    before = sys.getrefcount(payload)
    processor.process([Message("gjovik/hall/nobody/reading", payload, RECEIVED_MS)])
    gc.collect()
    assert sys.getrefcount(payload) == before


def test_a_redelivered_message_without_a_time_is_recognised_by_its_packet_identifier() -> None:
    processor = make_processor()
    message = make_message("street_light", '{"on":true,"power":10}', packet_id=9)
    processor.process([message])
    again = processor.process([message._replace(redelivered=True)])
    assert (again.ledger.duplicate_messages, again.lines) == (1, [])
    used_anew = processor.process([message])
    assert used_anew.ledger.accepted == 1


@pytest.mark.hazard("retained", "native")
@pytest.mark.hazard("time-missing", "native")
def test_a_retained_reading_without_a_time_only_informs() -> None:
    message = make_message("street_light", '{"on":true,"power":10}')._replace(retain=True)
    batch = make_processor().process([message])
    assert (batch.ledger.informational, batch.lines) == (1, [])
    assert batch.ledger.balances()


@pytest.mark.hazard("retained", "native")
def test_a_retained_reading_with_a_time_is_accepted_if_it_is_new() -> None:
    processor = make_processor()
    message = make_message("indoor_climate", climate())._replace(retain=True)
    assert processor.process([message]).ledger.accepted == 1
    assert processor.process([message]).ledger.duplicate_readings == 1


def test_a_time_that_an_untrusted_clock_states_is_kept_as_the_delay() -> None:
    batch = take(f'{{"time":"{TIME}","on":true,"power":10}}', "street_light")
    assert batch.lines[0].endswith(b",delay=2.0 %d" % RECEIVED_MS)


def move(inventory: Inventory) -> Inventory:
    """Return the inventory with the indoor-climate sensor moved to the annex an hour before the examples' time."""
    moved_ms = TIME_MS - 3_600_000
    device = inventory.devices["indoor_climate"]
    placements = (
        Placement(FROM_MS, moved_ms, "hall", "first"),
        Placement(moved_ms, device.placements[0].to_ms, "annex", "first"),
    )
    devices = dict(inventory.devices) | {device.id: Device(device.id, device.type_key, device.component, placements)}
    return Inventory(inventory.sites, devices, inventory.zone_info)


def test_history_keeps_where_a_device_was_then() -> None:
    processor = make_processor(move(make_inventory()))
    before = make_message("indoor_climate", climate(time="2026-01-15T10:59:59Z"))
    after = make_message("indoor_climate", climate())._replace(topic="gjovik/annex/indoor_climate/reading")
    batch = processor.process([before, after, before._replace(payload=climate().encode())])
    assert [b",site=hall," in line for line in batch.lines] == [True, False]
    assert [entry.reason for entry in batch.quarantined] == [Reason.WRONG_SITE]


def test_a_fault_of_our_own_costs_one_message_and_is_loud(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    processor = make_processor()
    make_alerts_fail_once(monkeypatch, processor)
    messages = [make_message("indoor_climate", climate(time=f"2026-01-15T{hour}:00:00Z")) for hour in (10, 11)]
    with caplog.at_level(logging.ERROR):
        batch = processor.process(messages)
    assert [entry.reason for entry in batch.quarantined] == [Reason.COLLECTOR_FAULT]
    assert (batch.ledger.accepted, len(batch.lines)) == (1, 1)
    assert batch.ledger.balances()
    assert "the alert engine fell over" in caplog.text


def check_one(processor: Processor, message: Message) -> None:
    """Hold one message against the laws of ``process``."""
    batch = processor.process([message])
    ledger = batch.ledger
    assert ledger.received == 1
    assert ledger.balances()
    assert len(batch.lines) + len(batch.health_lines) == ledger.accepted
    whole = [entry for entry in batch.quarantined if entry.level is not Level.FIELD]
    assert len(whole) == ledger.undecodable + ledger.rejected
    assert Reason.COLLECTOR_FAULT not in ledger.reasons


@given(TYPE_KEYS, st.binary(max_size=300), st.booleans())
def test_process_never_raises_for_any_bytes(key: str, payload: bytes, retain: bool) -> None:  # noqa: FBT001
    check_one(make_processor(), make_message(key, payload)._replace(retain=retain))


@given(near_payloads())
def test_process_never_raises_for_bytes_that_are_nearly_right(key_and_payload: tuple[str, bytes]) -> None:
    check_one(make_processor(accept_simulated=True), make_message(*key_and_payload))


@given(st.text(max_size=60), st.binary(max_size=60))
def test_process_never_raises_for_any_topic(topic: str, payload: bytes) -> None:
    check_one(make_processor(), Message(topic, payload, RECEIVED_MS))


@given(st.lists(near_payloads(), max_size=20))
def test_the_ledger_balances_over_a_batch_and_the_next(entries: list[tuple[str, bytes]]) -> None:
    processor = make_processor(accept_simulated=True)
    messages = [make_message(key, payload, packet_id=number) for number, (key, payload) in enumerate(entries, 1)]
    for batch in (processor.process(messages), processor.process(messages)):
        assert batch.ledger.received == len(messages)
        assert batch.ledger.balances()
