"""The pure parts of a trial: plans, loads and what must come of them."""

import json
from pathlib import Path

import pytest

from devices import load_device_types
from ingest.alerts.rules import load_rules
from simulators.trials.disturbances import load_disturbances
from simulators.trials.expectation import Change, Judge, find_last
from simulators.trials.load import RULES, Item, Sensor, Traits, make_sensors, make_steps
from simulators.trials.stage import write_configuration
from simulators.trials.trial import Trial

BEGIN_MS = 1_795_000_000_000
ROOM = Sensor("device-1", "indoor_climate", "hall")
EVERYTHING = Traits(faults=0.05, conflicts=0.01, copies=0.1, swaps=0.1, retained=0.1, jumps=0.02)


@pytest.mark.parametrize("key", [*load_disturbances()])
def test_a_seed_alone_gives_the_plan(key: str) -> None:
    disturbance = load_disturbances()[key]

    def plan(seed: int) -> object:
        return Trial(key=key, disturbance=disturbance, seed=seed, size=disturbance.full).plan()

    assert plan(1) == plan(1)
    blows = Trial(key=key, disturbance=disturbance, seed=1, size=disturbance.full).plan()
    assert all(0.0 < blow.at < 1.0 for blow in blows)
    assert not blows or any(plan(seed) != plan(1) for seed in range(2, 10))
    assert disturbance.full.devices % 2 == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def publish(seed: int) -> list[bytes]:
        return [item.payload for step in make_steps(ROOM, seed, 500, BEGIN_MS, EVERYTHING) for item in step.sending]

    assert publish(1) == publish(1) != publish(2)


@pytest.mark.parametrize("sensor", make_sensors(7))
def test_every_sequence_number_is_published_and_no_other(sensor: Sensor) -> None:
    steps = list(make_steps(sensor, 1, 1000, BEGIN_MS, EVERYTHING))
    assert [item.seq for step in steps for item in step.fresh] == list(range(1000))
    sent = [item.seq for step in steps for item in step.sending]
    assert set(sent) == set(range(1000))
    assert (len(sent) > 1000) is sensor.has_clock
    good = [item for step in steps for item in step.fresh if not item.is_fault]
    assert [json.loads(item.payload)["seq"] for item in good] == [item.seq for item in good]
    assert 0.02 < 1 - len(good) / 1000 < 0.1


def test_times_of_one_device_are_all_different_also_when_its_clock_jumps() -> None:
    items = [item for step in make_steps(ROOM, 1, 5000, BEGIN_MS, Traits(jumps=0.05)) for item in step.fresh]
    times = [item.time_ms for item in items]
    assert len(set(times)) == 5000
    assert sorted(filter(None, times)) != times


def judge(temperatures: list[tuple[int, float | None]], folder: Path) -> list[Change]:
    _, rules, _ = write_configuration(folder, [ROOM])
    judging = Judge(load_rules(rules, load_device_types()))
    judging.take(
        ROOM,
        [Item(seq, b"", False, at, degrees, False) for seq, (at, degrees) in enumerate(temperatures)],  # noqa: FBT003
    )
    return judging.changes


def test_what_must_fire_follows_from_the_log_in_the_order_of_publishing(tmp_path: Path) -> None:
    cold = [(0, 20.0), (400, 16.0), (800, 16.0), (1200, 16.0), (1600, 16.0), (2000, 19.0)]
    fired, cleared = (Change(ROOM.id, "room-too-cold", at, firing) for at, firing in ((1600, True), (2000, False)))
    assert judge([*cold], tmp_path / "a") == [fired, cleared]
    assert judge([*cold, (1600, 16.0), (1500, 1.0)], tmp_path / "b") == [fired, cleared]  # a copy, and a late one
    assert judge([(at, None) for at, _ in cold], tmp_path / "c") == []
    assert find_last([fired, cleared]) == {(ROOM.id, "room-too-cold"): cleared}


def test_rules_of_trials_do_what_their_examples_say(tmp_path: Path) -> None:
    _, folder, by_key = write_configuration(tmp_path, [ROOM])
    assert by_key.keys() == RULES.keys()
    assert load_rules(folder, load_device_types()) == by_key
