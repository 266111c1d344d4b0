"""Combinations of field names are forgotten when nothing needs them, and nothing else changes for it."""

import json
import random
from datetime import timedelta
from itertools import combinations, islice, permutations

import pytest

from ingest import name_sets
from ingest.batch import Batch, Mark
from ingest.codec import Observation
from ingest.event_time import format_time
from ingest.memory import WINDOW, Memory
from ingest.message import Message
from ingest.name_sets import SPARE_NAMES, NameSets
from ingest.sample import MOST_SAMPLERS
from ingest.shard import SHARDS
from schemas.device_type import Area, DeviceType, Example, Field, Privacy
from tests.small_town import RECEIVED_MS, make_message, make_processor
from tests.store_batches import recall

NAMES = ("speed", "occupancy", "power", "energy", "temperature", "humidity", "co2")
METER = DeviceType(
    title="Måler med mange felt",
    area=Area.MOBILITY,
    fields={name: Field("temperature", name.title(), required=False) for name in NAMES},
    interval=timedelta(minutes=5),
    privacy=Privacy.PUBLIC,
    examples=(Example(payload='{"time":"2026-01-15T12:00:00Z","speed":1}', fields="speed=1.0"),),
)
"""Every field may be missing: 127 combinations."""
TYPES = {"meter": METER, "other": METER}
EVERY_COMBINATION = [some for count in range(1, 8) for some in combinations(NAMES, count)]


def test_a_combination_has_its_number_until_it_is_forgotten_and_then_another_gets_it() -> None:
    sets = NameSets()
    assert [sets["a",], sets["a", "b"], sets["a",], sets["c",]] == [0, 1, 0, 2]
    sets.held.add(2)
    sets.keep({0})
    assert sets == {("a",): 0, ("c",): 2}
    assert [sets["d",], sets["e",], sets["a", "b"]] == [1, 3, 4]
    assert sets.names == [("a",), ("d",), ("c",), ("e",), ("a", "b")]


def read_nothing(_: bytes) -> list[Observation]:
    """Stand for a Reader where values are known without it."""
    return []


def test_ever_new_combinations_do_not_become_more_and_more() -> None:
    memory, words, most = Memory(), "abcdefghi", 0
    memory.recall("steady").remember(1, 1, {"temperature": 20.0}, read_nothing)
    for time_ms, names in enumerate(islice(permutations(words), 5 * SPARE_NAMES)):
        memory.recall("restless").remember(time_ms, time_ms, dict.fromkeys(names, 1.0), read_nothing)
        memory.forget_names()
        most = max(most, len(memory.sets.names), len(memory.sets))
    assert SPARE_NAMES < most <= SPARE_NAMES + 3 * WINDOW
    assert memory.devices["steady"].window == [(1, 1, ("temperature",))]
    expected = list(islice(permutations(words), 5 * SPARE_NAMES))[-WINDOW:]
    assert [names for _, _, names in memory.devices["restless"].window] == expected


def test_what_is_restored_leaves_no_more_combinations_than_are_needed() -> None:
    names = list(islice(permutations("abcdefghi"), 2 * SPARE_NAMES))
    memory = Memory()
    memory.restore(Mark("restless", time_ms, time_ms, one) for time_ms, one in enumerate(names))
    assert len(memory.sets) <= WINDOW + 2
    assert [one for _, _, one in memory.devices["restless"].window] == names[-WINDOW:]


def take(messages: list[Message], *, reload_every: int) -> tuple[list[Batch], Memory]:
    """Return a batch for every three messages, and what is remembered."""
    processor, batches = make_processor(types=TYPES), list[Batch]()
    for at in range(0, len(messages), 3):
        if at % reload_every == 0:
            processor.routes = processor.routes
        batches.append(processor.process(messages[at : at + 3]))
    return batches, processor.memory


def draw_messages(chance: random.Random, count: int) -> list[Message]:
    """Return messages of two meters: mostly new readings, some of the same moment or late; fields of all kinds."""
    time_ms, messages = RECEIVED_MS - 100_000_000, list[Message]()
    for number in range(count):
        time_ms += chance.choice([1_000, 1_000, 1_000, 0, -1_000])
        names = chance.choice(EVERY_COMBINATION)
        values: dict[str, object] = {name: chance.choice([1.0, 2.0]) for name in chance.sample(names, len(names))}
        if chance.random() < 0.3:
            values["seq"] = number
        payload = json.dumps({"time": format_time(time_ms), **values})
        messages.append(make_message(chance.choice(["meter", "other"]), payload, packet_id=number % 1_000 + 1))
    return messages


@pytest.mark.parametrize("reload_every", [75, 10**9])
def test_whatever_is_forgotten_changes_nothing(monkeypatch: pytest.MonkeyPatch, reload_every: int) -> None:
    """With every batch, or never; in lanes, of which each DeviceType has only so many, and beside them."""
    messages = draw_messages(random.Random(7), 1_500)  # noqa: S311 - the same each time
    assert len(EVERY_COMBINATION) > MOST_SAMPLERS
    expected, known = take(messages, reload_every=reload_every)
    monkeypatch.setattr(name_sets, "SPARE_NAMES", 0)
    found, again = take(messages, reload_every=reload_every)
    assert found == expected
    assert sum(batch.ledger.accepted for batch in found) > 1_000
    assert recall(again) == recall(known)
    windows = {names for device in again.devices.values() for _, _, names in device.window}
    assert len(again.sets) < len(known.sets)
    assert windows <= set(again.sets)
    restored = Memory()
    restored.restore(again.copy_shard(shard) for shard in range(SHARDS))
    assert recall(restored) == recall(known)
