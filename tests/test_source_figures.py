"""How Sources fare: what is counted of each, and what people, InfluxDB and Prometheus are told of it."""

import base64
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from devices import load_device_types
from ingest.batch import Batch, UplinkFault
from ingest.health import Status
from ingest.inventory import Device, Inventory
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.metrics import AlertCounts, format_metrics
from ingest.process import Processor
from ingest.source import Source
from ingest.source_figures import NOBODY, SourceFigures, list_worst
from ingest.source_status import MUTE_S, SourceStatus, SourceWatch, describe_source, format_sources, list_intervals
from ingest.source_table import SourceTable
from ingest.status_view import describe_status
from schemas.reason import Reason
from tests.small_town import RECEIVED_MS, make_inventory, make_processor
from tests.test_metrics import make_status
from tests.test_status import LATER, NOW_MS, STATUS

if TYPE_CHECKING:
    from ingest.open_source import OpenSource

TYPES = load_device_types()
EUI = "24E124136B502011"
CLIMATE = "0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"
SOURCE = Source(key="lorawan", format_key="chirpstack", root="application", zone_info=LOCAL)
STATUSES = (
    SourceStatus(
        key="tts",
        format="tts",
        title="The Things Stack v3",
        is_lossless=False,
        heard_ms=NOW_MS - 60_000,
        messages=12,
        readings=9,
        refused=2,
        unknown=1,
        informational=1,
        missed=7,
        codec_failed=2,
    ),
    SourceStatus(key="zigbee", format="zigbee2mqtt", title="Zigbee2MQTT", is_lossless=True, is_mute=True),
)


def make_town() -> Inventory:
    """Return a town with one device behind ChirpStack."""
    town = make_inventory()
    placements = town.devices["indoor_climate"].placements
    device = Device(
        "room-1", "indoor_climate", "+A=360.001-RT009", placements, "", (), "lorawan", EUI.lower(), "milesight_am319"
    )
    return dataclasses.replace(town, devices={**town.devices, device.id: device})


@pytest.fixture
def inventory() -> Inventory:
    """A town with one device behind ChirpStack."""
    return make_town()


@pytest.fixture
def processor(inventory: Inventory) -> Processor:
    """What hears it."""
    processor = make_processor(inventory)
    processor.sources = SourceTable({"lorawan": SOURCE}, inventory, TYPES)
    return processor


def publish(event: str, eui: str = EUI, **told: object) -> Message:
    """Return what ChirpStack publishes of a device."""
    info = {"devEui": eui.lower(), "deviceProfileName": "AM319"}
    payload = json.dumps({"time": "2026-01-15T12:00:00Z", "deviceInfo": info, "devAddr": "00189440"} | told).encode()
    return Message(f"application/a/device/{eui.lower()}/event/{event}", payload, RECEIVED_MS)


def uplink(number: int, frame: str = CLIMATE, eui: str = EUI) -> Message:
    """Return an uplink, a second later than the one before; one of no bytes has MAC commands only."""
    body = {"data": base64.b64encode(bytes.fromhex(frame)).decode(), "fPort": 85} if frame else {"fPort": 0}
    heard = [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}]
    return publish("up", eui, time=f"2026-01-15T12:00:{number:02}Z", fCnt=number, rxInfo=heard, **body)


def find_figures(processor: Processor) -> SourceFigures:
    """Return the figures of the one Source."""
    return processor.sources.opened["lorawan"].figures


def list_radio(batch: Batch) -> list[tuple[str, str]]:
    """Return frame counter and missed uplinks of each line of radio quality."""

    def pick(line: str, name: str) -> str:
        return next((one.partition("=")[2] for one in line.split(" ")[1].split(",") if one.startswith(f"{name}=")), "")

    lines = [line.decode() for line in batch.lines if line.startswith(b"radio,")]
    return [(pick(line, "frame_counter"), pick(line, "missed")) for line in lines]


def test_what_came_is_counted(processor: Processor) -> None:
    log = publish("log", level="ERROR", code="OTAA", description="x")
    processor.process([uplink(1), uplink(2), uplink(1, eui="24E124136B502099"), log, uplink(3)])
    processor.process([uplink(3)._replace(payload=b"{"), log])
    figures = find_figures(processor)
    assert (figures.messages, figures.readings, figures.informational) == (7, 3, 2)
    assert (figures.refused, figures.unknown) == (2, 1)
    assert figures.heard_ms == RECEIVED_MS


def test_what_was_retained_is_counted_and_is_not_when_the_source_was_heard(processor: Processor) -> None:
    processor.process([uplink(1)._replace(retain=True)])
    figures = find_figures(processor)
    assert (figures.messages, figures.heard_ms) == (1, None)


def test_what_comes_again_from_the_quarantine_counts_nothing(processor: Processor) -> None:
    (kept,) = processor.process([uplink(5, CLIMATE[:-2])]).quarantined
    before = dataclasses.replace(find_figures(processor))
    again = processor.take_again(kept)
    assert again.lines == []
    assert find_figures(processor) == before


def test_each_uplink_has_a_line_with_what_was_missed_before_it(processor: Processor) -> None:
    """MAC commands only, bytes that our decoder refuses, and one that comes twice, among them."""
    messages = [uplink(1), uplink(4), uplink(6, ""), uplink(7), uplink(7), uplink(10, CLIMATE[:-2]), uplink(9)]
    radio = list_radio(processor.process(messages))
    assert radio == [("1.0", ""), ("4.0", "2.0"), ("6.0", "1.0"), ("7.0", "0.0"), ("10.0", "2.0"), ("9.0", "-1.0")]
    assert find_figures(processor).missed == Counter({"room-1": 4})


def test_failures_of_the_servers_codec_and_of_ours_are_counted_by_device(processor: Processor) -> None:
    failed = {"level": "ERROR", "code": "UPLINK_CODEC", "description": "JS error"}
    stranger = publish("log", "24E124136B502099", **failed)
    batch = processor.process([publish("log", **failed), uplink(1, CLIMATE[:-2]), stranger])
    assert find_figures(processor).codec_failed == Counter({"room-1": 2, NOBODY: 1})
    events = [line for line in batch.lines if line.startswith(b"source_events,")]
    server, ours, unknown = events
    assert b"device=room-1,kind=codec_failed" in server
    assert b"device=room-1,kind=frame_broken" in ours
    assert b"device=" not in unknown
    assert batch.ledger.reasons[Reason.BROKEN_FRAME] == 1


def test_what_a_device_repeats_or_cannot_be_decoded_is_counted_for_the_store(processor: Processor) -> None:
    failed = publish("log", level="ERROR", code="UPLINK_CODEC", description="JS error")
    messages = [uplink(1), uplink(1), uplink(1), failed, uplink(4, CLIMATE[:-2]), uplink(1, eui="24E124136B502099")]
    assert processor.process(messages).uplinks == Counter(
        {
            ("room-1", UplinkFault.DUPLICATE): 2,
            ("room-1", UplinkFault.MISSED): 2,
            ("room-1", UplinkFault.CODEC_FAILED): 2,
        }
    )


@pytest.mark.parametrize("frame", [CLIMATE, CLIMATE[:-2], ""], ids=["decoded", "broken", "no bytes"])
def test_what_a_simulated_uplink_says_is_marked_and_counts_for_nothing(inventory: Inventory, frame: str) -> None:
    processor = make_processor(inventory, accept_simulated=True)
    tts = dataclasses.replace(SOURCE, format_key="tts", root="v3")
    processor.sources = SourceTable({"lorawan": tts}, inventory, TYPES)
    ids = {"device_id": "d", "application_ids": {"application_id": "a"}, "dev_eui": EUI, "dev_addr": "00189440"}
    told = json.loads(uplink(1, frame).payload)
    sent = {"f_port": told["fPort"], "frm_payload": told.get("data", ""), "rx_metadata": [{"rssi": -36, "snr": 10.5}]}
    payload = json.dumps({"end_device_ids": ids, "uplink_message": sent, "simulated": True}).encode()
    batch = processor.process([Message("v3/a/devices/d/up", payload, RECEIVED_MS)])
    assert {line.split(b",")[0] for line in batch.lines} > {b"radio"}
    assert all(b",simulated=true," in line for line in batch.lines)
    assert find_figures(processor).codec_failed == batch.uplinks == Counter()


def test_what_quotes_a_payload_that_is_not_kept_is_not_told(inventory: Inventory) -> None:
    private = make_processor(inventory)
    private.sources = SourceTable({"lorawan": dataclasses.replace(SOURCE, keeps_payloads=False)}, inventory, TYPES)
    frame = CLIMATE[:-2]
    batch = private.process([uplink(1, frame)])
    (event,) = [line for line in batch.lines if b"kind=frame_broken" in line]
    assert frame.lower().encode() not in event
    assert b"detail" not in event


def test_a_reload_keeps_the_figures_and_forgets_names_that_are_gone(processor: Processor, inventory: Inventory) -> None:
    processor.process([uplink(1), uplink(4)])
    processor.sources = SourceTable({"lorawan": SOURCE}, inventory, TYPES, processor.sources)
    assert find_figures(processor).missed == Counter({"room-1": 2})
    processor.sources = SourceTable({"lorawan": SOURCE}, make_inventory(), TYPES, processor.sources)
    figures = find_figures(processor)
    assert (figures.messages, figures.missed) == (2, Counter({NOBODY: 2}))
    other = dataclasses.replace(SOURCE, root="other")
    processor.sources = SourceTable({"lorawan": other}, inventory, TYPES, processor.sources)
    assert find_figures(processor) == SourceFigures()


def test_the_worst_come_first_and_those_of_nobody_are_not_named() -> None:
    counts = Counter({"b": 3, "a": 3, "c": 9, NOBODY: 50, "d": 0, "e": -1})
    assert list_worst(counts, 2) == [("c", 9), ("a", 3)]
    assert list_worst(counts, 10) == [("c", 9), ("a", 3), ("b", 3)]


class Looks:
    """Looks at one Source from second to second."""

    def __init__(self, processor: Processor, intervals: dict[str, float]) -> None:
        self.opened: dict[str, OpenSource] = processor.sources.opened
        self.watch = SourceWatch()
        self.watch.intervals = intervals

    def is_mute(self, now_s: float, *, is_hearing: bool = True) -> bool:
        """Return whether the Source is mute now."""
        (status,) = self.watch.look(self.opened, now_s, is_hearing=is_hearing)
        return status.is_mute


def test_a_source_of_which_nothing_came_is_mute_after_a_while(processor: Processor) -> None:
    looks = Looks(processor, {})
    assert [looks.is_mute(now_s) for now_s in (50.0, 49.0 + MUTE_S, 50.0 + MUTE_S)] == [False, False, True]
    processor.process([uplink(1)])
    assert not looks.is_mute(51.0 + MUTE_S)


def test_a_source_whose_devices_speak_seldom_is_waited_for(processor: Processor) -> None:
    looks = Looks(processor, {"lorawan": 3600.0})
    assert [looks.is_mute(now_s) for now_s in (0.0, 10_799.0, 10_800.0)] == [False, False, True]


def test_who_cannot_hear_calls_nobody_mute(processor: Processor) -> None:
    looks = Looks(processor, {})
    assert not looks.is_mute(0.0)
    assert not looks.is_mute(MUTE_S + 1, is_hearing=False)
    assert [looks.is_mute(now_s) for now_s in (MUTE_S + 2, 2 * MUTE_S + 1, 2 * MUTE_S + 2)] == [False, False, True]


def test_the_shortest_interval_of_a_sources_devices_counts(inventory: Inventory) -> None:
    expected = TYPES["indoor_climate"].interval.total_seconds()
    assert list_intervals(inventory, TYPES) == {"lorawan": expected}


def test_a_status_says_what_a_source_is_and_what_came(processor: Processor) -> None:
    processor.process([uplink(1), uplink(4)])
    status = describe_source(processor.sources.opened["lorawan"], is_mute=False)
    assert json.loads(json.dumps(status.to_json())) == {
        "key": "lorawan",
        "format": "chirpstack",
        "title": "ChirpStack v4",
        "is_lossless": False,
        "filters": ["application/+/device/+/event/+"],
        "devices": 1,
        "heard_ms": RECEIVED_MS,
        "messages": 2,
        "readings": 2,
        "refused": 0,
        "unknown": 0,
        "informational": 0,
        "missed": 2,
        "missed_devices": [{"device": "room-1", "uplinks": 2}],
        "codec_failed": 0,
        "codec_failed_devices": [],
        "is_mute": False,
    }


def test_people_are_told_of_each_source_and_of_the_devices_that_are_heard_worst() -> None:
    worst = [{"device": f"room-{number}", "uplinks": number} for number in range(12, 2, -1)]
    one, other = (status.to_json() for status in STATUSES)
    told = one | {"missed": 80, "missed_devices": worst, "codec_failed_devices": [{"device": "room-3", "uplinks": 2}]}
    rows = dict(describe_status(STATUS | LATER | {"sources": [told, other]}, NOW_MS))
    assert rows["Source tts"] == (
        "The Things Stack v3, outside the promise of no loss; last heard 2026-01-15 12:59:02; "
        "12 messages, 9 readings, 2 refused (1 of unknown devices), 1 informational"
    )
    assert rows["Source zigbee"] == "Zigbee2MQTT; NOTHING CAME YET"
    assert rows["Missed uplinks"].startswith("80 since the start: room-12 12, room-11 11, ")
    assert rows["Missed uplinks"].count("room-") == 10
    assert rows["Codec failures"] == "2 since the start: room-3 2"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (0, "nothing came yet"),
        (3, "only what was retained came; 3 messages, 0 readings, 0 refused, 0 informational"),
    ],
)
def test_a_source_that_was_not_heard_yet_is_said_to_be_so(messages: int, text: str) -> None:
    status = dataclasses.replace(STATUSES[1], is_mute=False, messages=messages)
    rows = dict(describe_status(STATUS | {"sources": [status.to_json()]}, NOW_MS))
    assert rows["Source zigbee"] == f"Zigbee2MQTT; {text}"
    assert "Missed uplinks" not in rows


def test_each_source_has_a_line_for_the_dashboard() -> None:
    first, second = format_sources(STATUSES, "collector", NOW_MS)
    assert first == (
        b"sources,collector=collector,format=tts,source=tts codec_failed=2.0,informational=1.0,is_mute=0.0,"
        b"is_lossless=0.0,messages=12.0,missed=7.0,readings=9.0,refused=2.0,unknown=1.0,heard_age_s=60.0 "
        + str(NOW_MS).encode()
    )
    assert b"is_mute=1.0" in second
    assert b"heard_age_s" not in second


def list_samples(status: Status) -> Iterator[str]:
    """Yield the lines about Sources of what Prometheus gets."""
    text = format_metrics(status, AlertCounts({}, 0, {})).decode()
    return (line for line in text.splitlines() if line.startswith("gjovik_source_"))


def test_prometheus_is_told_of_sources_and_not_of_devices() -> None:
    samples = list(list_samples(make_status(sources=list(STATUSES))))
    assert 'gjovik_source_readings_total{source="tts",format="tts"} 9.0' in samples
    assert 'gjovik_source_codec_failed_total{source="tts",format="tts"} 2.0' in samples
    assert 'gjovik_source_missed{source="tts",format="tts"} 7.0' in samples
    assert 'gjovik_source_mute{source="zigbee",format="zigbee2mqtt"} 1.0' in samples
    assert sum("heard_time_seconds" in one for one in samples) == 1
    assert list(list_samples(make_status())) == []


def test_a_session_that_a_fault_of_ours_left_unwritten_is_in_the_next_batch_not_in_that_of_the_quarantine(
    processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(processor.sources.opened["lorawan"], "_find_outcome", fail)
        failed = processor.process([uplink(1)])
    (kept,) = failed.quarantined
    assert (kept.reason, failed.sessions) == (Reason.COLLECTOR_FAULT, [])
    assert processor.take_again(kept).sessions == []
    assert {one.address for one in processor.process([publish("log", level="INFO", code="X")]).sessions} == {EUI}
