"""The benchmark: its load, how it counts and how it reckons, and one short measurement of the real thing."""

import itertools
import json
import os
from pathlib import Path

import mqtt5
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.alerts.rules import load_rules
from ingest.codecs.native import CODEC
from ingest.event_time import parse_time
from ingest.inventory_files import load_inventory
from simulators.bench.driver import measure
from simulators.bench.load import (
    BLOCK,
    FIRST_SEQ,
    PACKET_IDS,
    PAYLOAD,
    TYPE,
    Load,
    find_site,
    name_device,
    render_packet,
    write_inventory,
)
from simulators.bench.plan import Plan
from simulators.bench.puback import PubackCounter
from simulators.bench.rig import Cpu
from simulators.bench.rules import RULES, write_rules
from simulators.bench.scale import BY_SITES, list_plans
from simulators.bench.subject import Collector
from simulators.bench.trace import Trace, find_share, load_trace, measure_waits_ms
from simulators.errors import PublishError
from simulators.testbed.mosquitto import SHIPPED, permit_gateways
from simulators.testbed.process import ProgramError
from simulators.testbed.usage import read_cpu_s, read_machine_s, read_peak_mb

NOW_MS = parse_time("2026-10-18T12:34:56.789Z")
SUCCESS = mqtt5.PubAckPacket(7).write()
NOBODY = mqtt5.PubAckPacket(8, reason_code=mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS).write()
REFUSED = mqtt5.PubAckPacket(9, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED).write()
PING = mqtt5.PingReqPacket().write()
# Bytes like a PUBACK's, and longer than a remaining length of one byte can say.
ALERT = mqtt5.PublishPacket("gjovik/alerts/a/b", b"\x40\x02" * 100).write()


def make_packets(load: Load, count: int, now_ms: int) -> list[bytes]:
    """Return the next packets of a load, each by itself."""
    data = b""
    while count:
        part = min(count, load.ready)
        data += load.make(part, now_ms)
        count -= part
    size = len(render_packet())
    assert len(data) % size == 0
    return [data[at : at + size] for at in range(0, len(data), size)]


def read_publish(packet: bytes) -> mqtt5.PublishPacket:
    """Return a packet as the codec of the collector reads it."""
    read, length = mqtt5.read(memoryview(packet))
    assert length == len(packet)
    assert isinstance(read, mqtt5.PublishPacket)
    return read


@pytest.mark.parametrize("devices", [100, 1_500])
def test_packets_are_readings_of_the_devices_in_turn(devices: int) -> None:
    read = CODEC.prepare(load_device_types()[TYPE])
    for number, packet in enumerate(make_packets(Load(devices), 2 * BLOCK + 50, NOW_MS)):
        publish = read_publish(packet)
        device = number % devices
        assert publish.topic == f"gjovik/{find_site(device)}/{name_device(device)}/reading"
        assert publish.packet_id == number + 1
        assert publish.qos is mqtt5.QoS.AT_LEAST_ONCE
        assert len(publish.payload) == len(PAYLOAD)
        (observation,) = read(publish.payload)
        assert not observation.refusals
        assert observation.values.keys() == load_device_types()[TYPE].fields.keys()
        assert observation.seq == FIRST_SEQ + number // devices
        assert observation.simulated


def test_no_device_has_two_readings_of_one_time() -> None:
    devices = 100
    times: dict[int, list[int]] = {}
    for number, packet in enumerate(make_packets(Load(devices), 30 * devices, NOW_MS)):
        times.setdefault(number % devices, []).append(parse_time(json.loads(read_publish(packet).payload)["time"]))
    assert all(each == list(range(NOW_MS, NOW_MS + 30)) for each in times.values())


def test_a_reading_has_the_time_at_which_it_is_made_whatever_was_prepared_before() -> None:
    load = Load(100)
    for now_ms in (NOW_MS, NOW_MS + 5, NOW_MS + 90_000):
        for packet in make_packets(load, 10, now_ms):
            assert parse_time(json.loads(read_publish(packet).payload)["time"]) == now_ms


def test_packet_identifiers_come_again_after_all_were_used() -> None:
    packets = make_packets(Load(1_000), PACKET_IDS + 1, NOW_MS)
    assert [read_publish(packets[at]).packet_id for at in (0, PACKET_IDS - 1, PACKET_IDS)] == [1, PACKET_IDS, 1]


def test_the_inventory_has_the_devices_where_they_publish_and_no_reading_fires_a_rule(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "rules").mkdir()
    write_inventory(tmp_path / "inventory", 1_200)
    write_rules(tmp_path / "rules", len(RULES))
    inventory = load_inventory(tmp_path / "inventory", load_device_types())
    assert {key: device.placements[0].site for key, device in inventory.devices.items()} == {
        name_device(number): find_site(number) for number in range(1_200)
    }
    payloads = [json.loads(read_publish(packet).payload) for packet in make_packets(Load(120), 2_000, NOW_MS)]
    for rule in load_rules(tmp_path / "rules", load_device_types()).values():
        assert rule.device_type == TYPE
        values = [payload[rule.field] for payload in payloads]
        assert not any(rule.levels[0].is_beyond(value) for value in values)


@given(
    packets=st.lists(st.sampled_from([SUCCESS, SUCCESS, SUCCESS, NOBODY, PING, ALERT]), max_size=60),
    cuts=st.lists(st.integers(0, 5_000), max_size=20),
)
def test_pubacks_are_counted_over_any_borders_of_chunks(packets: list[bytes], cuts: list[int]) -> None:
    stream, counter = b"".join(packets), PubackCounter()
    borders = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    counts = [counter.take(stream[begin:end]) for begin, end in itertools.pairwise(borders)]
    assert sum(counts) == sum(packet in {SUCCESS, NOBODY} for packet in packets)


def test_a_puback_counts_when_its_last_byte_has_come() -> None:
    counter = PubackCounter()
    assert [counter.take(bytes([byte])) for byte in SUCCESS + SUCCESS] == [0, 0, 0, 1, 0, 0, 0, 1]


def test_a_puback_that_refuses_is_an_error() -> None:
    with pytest.raises(PublishError, match="0x87"):
        PubackCounter().take(SUCCESS + REFUSED)


def test_each_reading_waits_from_its_chunk_sent_to_its_chunk_acknowledged() -> None:
    sent = np.array([[1_000_000, 2], [2_000_000, 5]])
    acknowledged = np.array([[3_000_000, 1], [5_000_000, 4], [9_000_000, 5]])
    assert measure_waits_ms(sent, acknowledged, np.arange(5)).tolist() == [2, 4, 3, 3, 7]
    assert measure_waits_ms(sent, acknowledged, np.array([4])).tolist() == [7]


def test_a_trace_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    trace = Trace()
    for count in (3, 0, 4):
        trace.note(count)
    trace.save(tmp_path / "trace.npy")
    steps = load_trace(tmp_path / "trace.npy")
    assert trace.total == 7
    assert steps[:, 1].tolist() == [3, 7]
    assert steps[0, 0] <= steps[1, 0]


def test_a_share_is_a_wait_that_occurred() -> None:
    waits = np.arange(1.0, 101.0)
    assert find_share(waits, 50) == 51
    assert find_share(waits, 99) == 100
    assert find_share(np.array([]), 99) is None


def test_gateways_stand_before_the_patterns_of_devices() -> None:
    text = permit_gateways((SHIPPED / "acl").read_text(), ["gateway"])
    assert text.index("user gateway\ntopic write gjovik/+/+/reading\n") < text.index("user collector")
    with pytest.raises(ProgramError, match="paragraph"):
        permit_gateways("pattern write gjovik/+/%u/reading\n", ["gateway"])


def test_a_measurement_of_the_collector_balances(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    options = ["--rate", "500", "--seconds", "2", "--devices", "100", "--folder", str(tmp_path / "bench")]
    ran = CliRunner().invoke(gjovik.app, ["bench", "collector", *options, "--json", str(file)])
    assert ran.exit_code == 0, ran.output
    result = json.loads(file.read_text())
    assert result["published"] == result["stored"] == 5_000 + result["measured"]
    assert result["measured"] > 0
    assert result["payload_bytes"] == len(PAYLOAD)
    assert (result["subject"], result["subjects"], result["division"]) == ("collector", 1, "none")
    assert result["queryable_samples"] > 0
    figures = (
        *("cpu_us_per_reading", "readings_per_second", "p50_ack_ms", "p99_ack_ms", "p50_queryable_ms"),
        *("p99_queryable_ms", "peak_rss_mb", "start_s", "broker_cpu_us_per_reading", "database_cpu_us_per_reading"),
    )
    assert all(result[figure] >= 0 for figure in figures)
    assert result["machine"]["mosquitto"].count(".") == 2
    assert not list((tmp_path / "bench").iterdir())
    assert "CPU of the collector" in ran.output


async def test_two_collectors_divide_the_load_by_sites(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan(rate=500, devices=100, seconds=1, divisions=BY_SITES)
    result = await measure(Collector(), plan, tmp_path, said.append)
    assert result.balances
    assert (result.subjects, result.division, result.p99_ack_ms) == (2, "sites", None)
    assert said[-1] == "waiting until all is stored"


def test_scale_measures_one_collector_with_each_number_of_devices_and_two_in_each_division() -> None:
    plans = list_plans([100, 1_000], 500, rate=0, seconds=5)
    assert [(plan.devices, len(plan.divisions)) for plan in plans] == [(100, 1), (1_000, 1), (500, 2), (500, 2)]
    assert [next(iter(plan.divisions[0])) for plan in plans[2:]] == ["sites", "share"]
    assert len(list_plans([100], 0, rate=0, seconds=5)) == 1


def test_what_is_spent_elsewhere_is_what_none_of_ours_spent() -> None:
    before = Cpu(subjects=1, broker=2, database=3, publisher=4, working=100, machine=1_000)
    after = Cpu(subjects=2, broker=3, database=4, publisher=5, working=106, machine=1_020)
    spent = after.since(before)
    assert spent.subjects == 1
    assert spent.elsewhere == pytest.approx(0.1)


def test_the_processor_time_and_memory_of_a_process_are_read() -> None:
    begun_s = read_cpu_s(os.getpid())
    machine = read_machine_s()
    while read_cpu_s(os.getpid()) < begun_s + 0.05:
        sum(range(10_000))
    assert read_machine_s() > machine
    assert 1 < read_peak_mb(os.getpid()) < 100_000
    with pytest.raises(OSError, match="No such"):
        read_cpu_s(2**30)


def test_a_wrong_option_is_usage() -> None:
    assert CliRunner().invoke(gjovik.app, ["bench", "collector", "--devices", "0"]).exit_code == 2
