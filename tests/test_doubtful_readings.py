"""Doubtful values on their way: what is stored, remembered, told to rules, kept over a restart, and read back."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.derivations.unchanged import Unchanged
from ingest.batch import Batch
from ingest.device_doubt import TOLD, Doubts
from ingest.doubt import DoubtRow, Known
from ingest.event_time import format_time
from ingest.history import Excerpt, read_piece
from ingest.influx import open_influx
from ingest.inventory import OPEN_END_MS, Inventory, Placement
from ingest.memory import WINDOW, Memory
from ingest.process import Processor
from ingest.sequence import read_line_seq
from ingest.settings import Influx
from ingest.shard import PACKET_SHARD, SHARDS
from ingest.store_hours import HOUR_MS, find_point
from schemas.reason import Reason
from schemas.rule import Change, Level, Rule, Severity
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from tests.board_queries import OSLO
from tests.small_town import FROM_MS, RECEIVED_MS, make_inventory, make_message, make_processor
from tests.stand import Stand, run_stand
from tests.store_batches import open_in

HIGH = Rule(
    key="high",
    device_type="river_level",
    field="level",
    unit="m",
    levels=(Level(Severity.WARNING, high=3.0, clear_high=2.5),),
    text="Høy vannstand",
)
METER = """
[[device]]
id = "meter-1"
type = "water_meter"
component = "+A=310.001-OE001"
placements = [{ from = 2024-01-01, site = "hall", zone = "first" }]
"""


def take(processor: Processor, device: str, hour: float, **values: object) -> Batch:
    """Return what becomes of a reading of so many hours after noon, received then."""
    time_ms = RECEIVED_MS + round(hour * HOUR_MS)
    payload = json.dumps({"time": format_time(time_ms), **values})
    return processor.process([make_message(device, payload, received_ms=time_ms + 1_500)])


def list_fields(batch: Batch) -> list[str]:
    """Return the fields of the lines of a batch, without delay."""
    return [line.decode().split(" ")[1].rsplit(",", 1)[0] for line in batch.lines]


def place_again(at_ms: int) -> Inventory:
    """Return the town with a water meter that has another placement from a time on."""
    town = make_inventory()
    places = (Placement(FROM_MS, at_ms, "hall", "first"), Placement(at_ms, OPEN_END_MS, "hall", "first"))
    return replace(
        town, devices={**town.devices, "water_meter": replace(town.devices["water_meter"], placements=places)}
    )


def test_a_doubtful_value_is_in_the_same_point_under_another_name() -> None:
    processor = make_processor()
    take(processor, "heat_meter", 0, energy=500.0, volume=90.0, power=100)
    batch = take(processor, "heat_meter", 1, energy=20.0, volume=90.5, power=100, seq=7)
    (line,) = batch.lines
    assert list_fields(batch) == ['energy_doubtful=20.0,volume=90.5,power=100.0,seq=7.0,quality="energy:step"']
    assert find_point(line) == ("heat_meter", RECEIVED_MS // HOUR_MS + 1)
    assert read_line_seq(line) == 7
    assert (batch.ledger.accepted, batch.ledger.doubtful_values, batch.ledger.refused_fields) == (1, 1, 0)
    assert batch.ledger.balances()
    assert batch.marks[-1].names == ("energy", "volume", "power", "seq")


def test_lines_of_a_batch_stay_in_order() -> None:
    processor = make_processor()
    values = [500.0, 500.5, 3.0, 501.0, 501.5]
    messages = [
        make_message("water_meter", json.dumps({"time": format_time(RECEIVED_MS - 5_000 + at), "volume": value}))
        for at, value in enumerate(values)
    ]
    batch = processor.process(messages)
    times = [int(line.rsplit(b" ", 1)[1]) for line in batch.lines]
    assert times == sorted(times)
    assert len(times) == len(values)


def test_a_reading_of_which_all_is_doubtful_is_stored_and_a_sign_of_life() -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    batch = take(processor, "water_meter", 1, volume=3.0)
    assert list_fields(batch) == ['volume_doubtful=3.0,quality="volume:step"']
    assert processor.memory.recall("water_meter").heard_ms == RECEIVED_MS + HOUR_MS


def test_a_doubtful_reading_is_remembered_as_it_came() -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    take(processor, "water_meter", 1, volume=3.0)
    again = take(processor, "water_meter", 1, volume=3.0)
    assert (again.ledger.duplicate_readings, again.lines) == (1, [])
    other = take(processor, "water_meter", 1, volume=4.0)
    assert [(one.reason, one.detail) for one in other.quarantined] == [
        (Reason.CONFLICT, "volume has a value at that time already, 3.0")
    ]


def test_two_payloads_of_one_moment_say_together_what_is_doubtful() -> None:
    processor = make_processor()
    take(processor, "power_meter", 0, energy=500.0, energy_export=80.0)
    take(processor, "power_meter", 1, energy=3.0)
    batch = take(processor, "power_meter", 1, energy_export=1.0)
    assert list_fields(batch) == ['energy_export_doubtful=1.0,quality="energy:step;energy_export:step"']


def test_a_swap_without_a_word_is_believed_from_the_third_reading_on() -> None:
    processor = make_processor()
    volumes = [500.0, 1.0, 1.5, 2.0, 2.5]
    fields = [list_fields(take(processor, "water_meter", hour, volume=one))[0] for hour, one in enumerate(volumes)]
    assert [one.split("=")[0] for one in fields] == ["volume", "volume_doubtful", "volume_doubtful", "volume", "volume"]


@pytest.mark.parametrize("heard", [1, 4])
def test_a_swap_that_the_inventory_tells_of_is_believed_at_once(heard: int) -> None:
    processor = make_processor(place_again(RECEIVED_MS + 4 * HOUR_MS - 1))
    for hour in range(heard):
        take(processor, "water_meter", hour, volume=500.0 + hour)
    volumes = [take(processor, "water_meter", 4 + hour, volume=1.0 + hour) for hour in range(3)]
    assert [batch.ledger.doubtful_values for batch in volumes] == [0, 0, 0]
    assert take(processor, "water_meter", 7, volume=0.5).ledger.doubtful_values == 1


def test_a_placement_that_is_written_down_later_counts_from_then_on() -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    assert take(processor, "water_meter", 1, volume=1.0).ledger.doubtful_values == 1
    processor.routes = make_processor(place_again(RECEIVED_MS + HOUR_MS)).routes
    assert take(processor, "water_meter", 2, volume=1.5).ledger.doubtful_values == 0


def test_what_comes_late_is_stored_as_it_is_and_changes_nothing() -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    take(processor, "water_meter", 2, volume=502.0)
    late = take(processor, "water_meter", 1, volume=1.0)
    assert list_fields(late) == ["volume=1.0"]
    assert take(processor, "water_meter", 3, volume=503.0).ledger.doubtful_values == 0


def test_what_comes_late_is_as_doubtful_as_it_was_before(tmp_path: Path) -> None:
    """A device that was not answered sends its log once more, beyond what deduplication remembers."""
    processor = make_processor()
    hours = 40
    volumes = [3.0 if hour in {5, 20} else 500.0 + hour for hour in range(hours)]
    first = [list_fields(take(processor, "water_meter", hour, volume=one)) for hour, one in enumerate(volumes)]
    keep(processor, tmp_path)
    for again in (processor, start(tmp_path)):
        for hour in range(hours - WINDOW):
            assert list_fields(take(again, "water_meter", hour, volume=volumes[hour])) == first[hour]
    assert first[5] == first[20] == ['volume_doubtful=3.0,quality="volume:step"']


def test_so_many_moments_of_doubt_are_remembered_and_no_more() -> None:
    processor = make_processor()
    levels = [20.0 if hour % 2 else 1.0 + hour / 1000 for hour in range(4 * TOLD)]
    for step, level in enumerate(levels):
        take(processor, "river_level", step / 6, level=level)
    again = [take(processor, "river_level", step / 6, level=levels[step]) for step in range(4 * TOLD - WINDOW)]
    doubtful = [step for step, batch in enumerate(again) if batch.ledger.doubtful_values]
    assert doubtful == list(range(2 * TOLD + 1, 4 * TOLD - WINDOW, 2))


def test_payloads_of_one_moment_say_together_what_is_doubtful_after_a_restart_too(tmp_path: Path) -> None:
    processor = make_processor()
    take(processor, "power_meter", 0, energy=500.0, energy_export=80.0)
    take(processor, "power_meter", 1, energy=3.0)
    keep(processor, tmp_path)
    batch = take(start(tmp_path), "power_meter", 1, energy_export=1.0)
    assert list_fields(batch) == ['energy_export_doubtful=1.0,quality="energy:step;energy_export:step"']


def test_what_an_earlier_version_kept_is_read() -> None:
    doubts, memory = Doubts(), make_processor().memory
    row = ("water_meter", "water_meter", 0, {"volume": (500.0, 0, 0)})
    doubts.restore([DoubtRow(*row)], memory)
    doubted = doubts.recall("water_meter", load_device_types()["water_meter"])
    assert doubted is not None
    assert doubted.list_known() == {"volume": Known(500.0, 0, 0)}
    assert not doubted.pack_told()


def test_nothing_is_doubted_across_the_days_on_which_clocks_are_changed() -> None:
    """Event times are UTC; a device that writes Norwegian time with its offset sends hour after hour all the same."""
    processor = make_processor()
    count = 0
    for day in ("2025-10-26", "2026-03-29"):
        first = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=OSLO)
        for hour in range(25):
            moment = datetime.fromtimestamp(first.timestamp() + 3600 * hour, OSLO)
            count += 1
            payload = json.dumps({"time": moment.isoformat(), "volume": 500.0 + 4_999.0 * count})
            received_ms = round(1000 * moment.timestamp()) + 1_500
            batch = processor.process([make_message("water_meter", payload, received_ms=received_ms)])
            assert (batch.ledger.accepted, batch.ledger.doubtful_values) == (1, 0)


def test_the_first_reading_ever_is_believed_however_strange_and_the_level_is_found_after_two() -> None:
    processor = make_processor()
    doubts = [
        take(processor, "water_meter", hour, volume=one).ledger.doubtful_values
        for hour, one in enumerate([0.0, 90_000.0, 90_000.5, 90_001.0, 90_001.5])
    ]
    assert doubts == [0, 1, 1, 0, 0]


def test_simulated_readings_are_judged_as_the_others_of_their_device() -> None:
    processor = make_processor(accept_simulated=True)
    values = [take(processor, "water_meter", hour, volume=one, simulated=True) for hour, one in enumerate([5.0, 1.0])]
    assert [batch.ledger.doubtful_values for batch in values] == [0, 1]
    assert values[1].lines[0].startswith(b"water_meter,device=water_meter,simulated=true,")


def test_a_doubtful_value_neither_fires_nor_clears_an_alert() -> None:
    processor = make_processor(rules={"high": HIGH})
    levels = {0.0: 1.0, 0.2: 20.0, 0.4: 1.1, 0.6: 4.0, 0.8: -4.9, 1.0: 3.9}
    batches = [take(processor, "river_level", hour, level=level) for hour, level in levels.items()]
    assert [batch.ledger.doubtful_values for batch in batches] == [0, 1, 0, 0, 1, 0]
    assert [[one.change for one in batch.transitions] for batch in batches] == [[], [], [], [Change.FIRED], [], []]
    assert batches[3].alerts[0].last_good == (RECEIVED_MS + round(0.4 * HOUR_MS), 1.1)


def test_a_rule_may_hear_what_is_doubtful() -> None:
    processor = make_processor(rules={"high": replace(HIGH, doubtful=True)})
    batches = [take(processor, "river_level", hour / 5, level=level) for hour, level in enumerate([1.0, 20.0, 1.1])]
    assert [[one.change for one in batch.transitions] for batch in batches] == [[], [Change.FIRED], [Change.CLEARED]]


def test_what_was_good_before_an_alert_is_nothing_doubtful() -> None:
    processor = make_processor(rules={"high": HIGH})
    levels = {0.0: 2.9, 0.2: -4.9, 0.3: 4.0}
    batches = [take(processor, "river_level", hour, level=level) for hour, level in levels.items()]
    assert batches[-1].transitions[0].change is Change.FIRED
    assert batches[-1].alerts[0].last_good is None


def test_what_looks_for_stuck_values_hears_them_when_they_are_doubtful() -> None:
    stuck = Rule(
        key="stuck",
        device_type="outdoor_temperature",
        field="temperature",
        unit="min",
        derivation=Unchanged(),
        doubtful=Unchanged.of_doubtful,
        levels=(Level(Severity.INFO, high=74 * 60.0, clear_high=0.0),),
        text="Står stille",
    )
    processor = make_processor(rules={"stuck": stuck})
    batches = [take(processor, "outdoor_temperature", hour, temperature=-3.2) for hour in range(76)]
    assert sum(batch.ledger.doubtful_values for batch in batches) == 4
    assert [number for number, batch in enumerate(batches) if batch.transitions] == [75]


def test_a_field_that_was_away_is_not_stuck_though_its_device_was_heard() -> None:
    types = load_device_types()
    weather = types["road_weather"]
    optional = replace(weather.fields["air_temperature"], required=False)
    changed = replace(weather, fields={**weather.fields, "air_temperature": optional})
    processor = make_processor(types={**types, "road_weather": changed})
    for hour in range(10):
        take(processor, "road_weather", hour, air_temperature=-3.2, surface_temperature=-3.0)
    for hour in range(10, 90):
        take(processor, "road_weather", hour, surface_temperature=-3.0)
    back = take(processor, "road_weather", 90, air_temperature=-3.2, surface_temperature=-3.0)
    assert back.ledger.doubtful_values == 0
    stuck = [
        take(processor, "road_weather", hour, air_temperature=-3.2, surface_temperature=-3.0).ledger.doubtful_values
        for hour in range(91, 165)
    ]
    assert stuck == [0] * 71 + [1] * 3


def list_known(doubts: Doubts, memory: Memory) -> Mapping[str, object]:
    """Return what is known of all devices."""
    shards = [doubts.copy_shard(number, memory) for number in range(PACKET_SHARD)]
    return {row.device: (row.type_key, row.newest_ms, dict(row.known)) for shard in shards for row in shard.rows}


def keep(processor: Processor, folder: Path) -> None:
    """Put on disk what a Processor remembers, as a stop does."""
    store = open_in(folder)
    doubts = [processor.doubts.copy_shard(number, processor.memory) for number in range(PACKET_SHARD)]
    store.keep_shards([processor.memory.copy_shard(number) for number in range(SHARDS)])
    store.commit(Batch(doubts=doubts), RECEIVED_MS)
    store.close()


def start(folder: Path, inventory: Inventory | None = None) -> Processor:
    """Return a Processor that remembers what is on disk."""
    store = open_in(folder)
    restored = store.load()
    store.close()
    processor = make_processor(inventory, memory=restored.memory)
    processor.doubts.restore(restored.doubts, restored.memory)
    processor.doubts.retain(processor.routes.devices)
    return processor


def test_what_was_believed_survives_a_restart(tmp_path: Path) -> None:
    processor = make_processor()
    for hour in range(70):
        take(processor, "outdoor_temperature", hour, temperature=-3.2)
    take(processor, "water_meter", 0, volume=500.0)
    take(processor, "water_meter", 1, volume=1.0)
    keep(processor, tmp_path)
    before = {name: json.loads(json.dumps(one)) for name, one in list_known(processor.doubts, processor.memory).items()}
    processor = start(tmp_path)
    after = {name: json.loads(json.dumps(one)) for name, one in list_known(processor.doubts, processor.memory).items()}
    assert after == before
    volumes = [take(processor, "water_meter", 2 + hour, volume=1.5).ledger.doubtful_values for hour in range(2)]
    assert volumes == [1, 0]
    hours = [take(processor, "outdoor_temperature", 70 + hour, temperature=-3.2) for hour in range(4)]
    assert [batch.ledger.doubtful_values for batch in hours] == [0, 0, 1, 1]


def test_what_is_older_than_the_readings_is_compared_with_and_no_more(tmp_path: Path) -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    take(processor, "water_meter", 1, volume=1.0)
    take(processor, "outdoor_temperature", 0, temperature=-3.2)
    old = [processor.doubts.copy_shard(number, processor.memory) for number in range(PACKET_SHARD)]
    take(processor, "water_meter", 2, volume=1.5)
    for hour in range(1, 90):
        take(processor, "outdoor_temperature", hour, temperature=-3.2 + hour % 2)
    keep(processor, tmp_path)
    store = open_in(tmp_path)
    store.commit(Batch(doubts=old), RECEIVED_MS)
    store.close()
    processor = start(tmp_path)
    volumes = [take(processor, "water_meter", 3 + hour, volume=1.5).ledger.doubtful_values for hour in range(3)]
    assert volumes == [1, 1, 0]
    assert take(processor, "outdoor_temperature", 90, temperature=-3.2).ledger.doubtful_values == 0


def test_what_left_the_inventory_is_forgotten(tmp_path: Path) -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    take(processor, "outdoor_temperature", 0, temperature=-3.2)
    keep(processor, tmp_path)
    town = make_inventory()
    smaller = replace(town, devices={key: one for key, one in town.devices.items() if key != "water_meter"})
    processor.routes = make_processor(smaller).routes
    assert list(list_known(processor.doubts, processor.memory)) == ["outdoor_temperature"]
    restarted = start(tmp_path, smaller)
    assert list(list_known(restarted.doubts, restarted.memory)) == ["outdoor_temperature"]


def test_a_device_that_is_of_another_type_by_now_begins_anew() -> None:
    processor = make_processor()
    take(processor, "water_meter", 0, volume=500.0)
    town = make_inventory()
    zone = replace(town.devices["water_meter"], type_key="water_zone")
    processor.routes = make_processor(replace(town, devices={**town.devices, "water_meter": zone})).routes
    assert take(processor, "water_meter", 1, volume=1.0, flow=2.0).ledger.doubtful_values == 0


@pytest.fixture
async def stand(tmp_path: Path, mosquitto: Mosquitto, influxd: Influxd, database: str) -> AsyncIterator[Stand]:
    async with run_stand(tmp_path, mosquitto, influxd, database, devices=METER) as stand:
        yield stand


async def test_the_database_has_what_is_believed_and_beside_it_what_is_not(stand: Stand) -> None:
    first_ms = RECEIVED_MS - 10 * HOUR_MS

    def volume(hour: int, value: float) -> str:
        return json.dumps({"time": format_time(first_ms + hour * HOUR_MS), "seq": hour, "volume": value})

    await stand.publish("meter-1", [volume(0, 500.0), volume(1, 501.0), volume(2, 3.0)])
    await stand.wait_received(3)
    await stand.wait_stored()
    await stand.collector.stop()
    await stand.collector.start()
    await stand.publish("meter-1", [volume(3, 4.0), volume(4, 5.0)])
    await stand.wait_received(5)
    await stand.wait_stored()
    rows = await stand.select("SELECT volume, volume_doubtful, quality FROM water_meter")
    assert [row[1:] for row in rows] == [
        (500, None, None),
        (501, None, None),
        (None, 3, "volume:step"),
        (None, 4, "volume:step"),
        (5, None, None),
    ]
    assert stand.collector.read_status()["ledger"]["doubtful_values"] == 2
    assert await stand.select("SELECT count(delay) FROM water_meter") == [(0, 5)]
    settings = Influx(url=stand.influxd.url, database=stand.database, username=stand.influxd.username)
    excerpt = Excerpt("water_meter", ("volume",), first_ms, first_ms + 10 * HOUR_MS)
    async with open_influx(settings, stand.influxd.password) as influx:
        believed = await read_piece(influx, excerpt)
        every = await read_piece(influx, excerpt._replace(fields=("volume", "volume_doubtful")))
    assert [one.values for one in believed] == [{"volume": 500.0}, {"volume": 501.0}, {}, {}, {"volume": 5.0}]
    assert [dict(one.doubtful) for one in every] == [{}, {}, {"volume": 3.0}, {"volume": 4.0}, {}]
