"""Hearing: the short way of a reading that changes nothing is the long way, of every derivation, also over restarts."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.batch import AlertRecord, RuleState
from ingest.inventory import Placement
from ingest.sample import define_sample
from ingest.shard import SHARDS
from schemas.derivation import Derivation, State
from schemas.reading import Reading
from schemas.rule import Level, Rule, Transition
from tests.alert_rules import CO2, INFO, MEAN, ROOMS, find_site, make_town
from tests.derivation_series import ALL, CALM_OR_NOT, KEYS, MARCH, Sample, build, grow, steady_or_not

SAMPLE = define_sample(load_device_types()["indoor_climate"], ("co2", "temperature"), ())
TOWN = make_town()
LIMITS = [-50.0, -1.0, 0.0, 0.5, 1.0, 9.5, 10.0, 60.0, 100.0, 1e6]


def make_rule(kind: str, low: float, high: float, **keys: object) -> Rule:
    derivation = build(kind, **keys) if keys else ALL[kind]
    return replace(CO2, key=kind, levels=(Level(INFO, low, high, low, high),), derivation=derivation)


def make_reading(device: str, sample: Sample) -> Reading:
    return Reading(device, "indoor_climate", find_site(device), device, sample[0], 0.0, {"co2": sample[1]})


def is_quiet(book: AlertBook, reading: Reading, **others: float) -> bool:
    sample = SAMPLE(co2=reading.values["co2"], temperature=others.get("temperature", 20.0))
    return book.is_quiet(
        reading.type_key, reading.device, sample, Placement(0, 1, reading.site, reading.zone), reading.time_ms
    )


def hear(book: AlertBook, reading: Reading) -> list[Transition]:
    """Have a book hear a reading as the collector does."""
    return [] if is_quiet(book, reading) else list(book.judge_reading(reading))


def list_states(book: AlertBook) -> dict[tuple[str, str], RuleState]:
    return {(one.rule, one.device): one for shard in range(SHARDS) for one in book.copy_states(shard)}


class Disk:
    """What of a book was stored: rows of batches, and of shards that take the place of older ones of their subjects."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._records: dict[tuple[str, str], AlertRecord] = {}

    def commit(self, book: AlertBook, shard: int | None) -> None:
        """Write down what changed, and perhaps a shard."""
        self._records |= {(one.rule, one.device): one for one in book.take_changed()}
        self._rows.append(json.dumps(book.take_states(), allow_nan=False))
        if shard is not None:
            self._rows.append(json.dumps(book.copy_states(shard), allow_nan=False))

    def begin(self, rules: Sequence[Rule]) -> AlertBook:
        """Return the book of another process."""
        book = AlertBook({rule.key: rule for rule in rules}, TOWN)
        book.restore(self._records.values(), [RuleState(*one) for row in self._rows for one in json.loads(row)])
        assert book.replace_rules({rule.key: rule for rule in rules}, TOWN, 0) == []
        return book


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data())
def test_law_the_short_way_is_the_long_way_and_a_restart_makes_no_difference(kind: str, data: st.DataObject) -> None:
    low, high = sorted((data.draw(st.sampled_from([-inf, *LIMITS])), data.draw(st.sampled_from([*LIMITS, inf]))))
    rules = [make_rule(kind, low, high)]
    samples = data.draw(steady_or_not(CALM_OR_NOT))
    if data.draw(st.booleans()):
        samples = grow(samples)
    commits = data.draw(st.integers(1, 40))
    disk = Disk()
    long, short, restarted = (AlertBook({kind: rules[0]}, TOWN) for _ in range(3))
    for number, sample in enumerate(samples):
        reading = make_reading(ROOMS[0], sample)
        expected = list(long.judge_reading(reading))
        assert hear(short, reading) == expected
        assert hear(restarted, reading) == expected
        if number % commits == 0:
            disk.commit(restarted, shard=number % SHARDS if number % 3 else None)
            restarted = disk.begin(rules)
    disk.commit(restarted, None)
    assert long.take_states() == short.take_states()
    assert list_states(long) == list_states(short) == list_states(restarted) == list_states(disk.begin(rules))


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data())
def test_law_a_sample_is_heard_by_all_rules_or_by_none(kind: str, data: st.DataObject) -> None:
    """The second rule is about another field, whose value decides: on either side of the first in their order."""
    cold = replace(MEAN, key="cold", field="temperature", levels=(Level(INFO, low=16.0, clear_low=17.0),))
    cold = replace(cold, derivation=ALL["unchanged"] if data.draw(st.booleans()) else build("matches", value=20.0))
    cold = replace(cold, levels=(Level(INFO, -inf, 1e9, -inf, 1e9),))
    picky = replace(
        cold, key="picky", derivation=build("matches", value=5.0), levels=(Level(INFO, -inf, 0.5, -inf, 0.5),)
    )
    rules = data.draw(st.permutations([make_rule(kind, -sys.float_info.max, sys.float_info.max), cold, picky]))
    book = AlertBook({rule.key: rule for rule in rules}, TOWN)
    for sample in data.draw(steady_or_not(CALM_OR_NOT)):
        reading = make_reading(ROOMS[0], sample)
        before = list_states(book)
        if data.draw(st.booleans()):
            assert not is_quiet(book, reading, temperature=5.0)
            assert list_states(book) == before
            assert book.take_states() == []
        else:
            assert is_quiet(book, reading)
            book.take_states()


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_taken_for_the_store_does_not_change_afterwards(kind: str) -> None:
    rule = make_rule(kind, -1e9, 1e9)
    book = AlertBook({kind: rule}, TOWN)
    readings = [make_reading(ROOMS[0], (number * 300_000, float(number))) for number in range(100)]
    assert all(is_quiet(book, reading) for reading in readings[:50])
    taken, copied = book.take_states(), list_states(book)
    then = json.dumps([taken, list(copied.values())])
    assert all(is_quiet(book, reading) for reading in readings[50:])
    assert json.dumps([taken, list(copied.values())]) == then
    assert kind == "matches" or list_states(book) != copied


def test_what_a_batch_stores_of_a_long_window_is_what_was_heard() -> None:
    rule = make_rule("mean", -inf, 1e6, window="24h")
    book = AlertBook({rule.key: rule}, TOWN)
    sizes = []
    for number in range(300):
        assert is_quiet(book, make_reading(ROOMS[0], (number * 300_000, 500.0 + number)))
        sizes.append(len(json.dumps(book.take_states())))
    assert max(sizes[1:]) < 60 + len(json.dumps(rule.key)) + len(ROOMS[0])


def test_a_rule_that_becomes_another_and_itself_again_begins_anew_also_after_a_restart() -> None:
    rules = [make_rule("unchanged", -inf, 1e6)]
    others = [replace(rules[0], derivation=ALL["rate"])]
    disk, book = Disk(), AlertBook({rules[0].key: rules[0]}, TOWN)
    for number, now in enumerate((rules, others, rules)):
        book.replace_rules({now[0].key: now[0]}, TOWN, 0)
        assert is_quiet(book, make_reading(ROOMS[0], (number * 3_600_000, 7.0)))
        disk.commit(book, None)
    (state,) = list_states(book).values()
    assert state.state == [[2 * 3_600_000, 7.0]]
    assert list_states(disk.begin(rules)) == list_states(book)


def make_growing(count: int) -> list[Sample]:
    """Return what grows by 12 in an hour."""
    return [(MARCH + number * 300_000, 500.0 + number) for number in range(count)]


@pytest.mark.parametrize("kind", ["mean", "over", "rate", "hour_forecast", "hour_energy", "night_use"])
def test_while_all_is_well_a_derivation_is_seldom_asked(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    tell = type(ALL[kind]).tell

    def count(
        derivation: Derivation, state: State, time_ms: int, value: float, low: float, high: float
    ) -> float | None:
        asked.append(derivation.kind)
        return tell(derivation, state, time_ms, value, low, high)

    monkeypatch.setattr(type(ALL[kind]), "tell", count)
    book = AlertBook({kind: make_rule(kind, -inf, 1e6)}, TOWN)
    assert all(is_quiet(book, make_reading(ROOMS[0], sample)) for sample in make_growing(288))
    assert 0 < len(asked) < 288 / 4


@pytest.mark.parametrize("kind", ["mean", "over", "rate", "hour_forecast"])
def test_other_limits_hold_from_the_next_reading_on(kind: str) -> None:
    book = AlertBook({kind: make_rule(kind, -inf, 1e6)}, TOWN)
    *before, last = make_growing(44)  # the last is half an hour into its hour
    assert all(is_quiet(book, make_reading(ROOMS[0], sample)) for sample in before)
    book.replace_rules({kind: make_rule(kind, -inf, 5.0)}, TOWN, 0)
    assert hear(book, make_reading(ROOMS[0], last))
