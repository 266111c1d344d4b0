"""Laws of the alert engine over any readings, silences, changes of rules, and restarts; for rules of every shape."""

import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.batch import Batch
from ingest.inventory import OpeningHours, Placement
from ingest.sample import define_sample
from ingest.shard import SHARDS
from ingest.store_rows import put_alerts, read_alerts
from ingest.store_schema import migrate
from ingest.store_states import StateRows, StatesOfShard, read_states
from schemas.reading import Reading
from schemas.rule import Change, Rules, Transition
from tests.alert_rules import EVERY_SHAPE, MINUTE_MS, ROOMS, Quiet, at_once, make_reading, make_town
from tests.store_batches import NOW_MS, open_in

INDOOR_CLIMATE = load_device_types()["indoor_climate"]
SAMPLE = define_sample(INDOOR_CLIMATE, None, ())
TOWN = make_town(opening_hours=[OpeningHours(weekday, 60, 5 * 60) for weekday in range(7)])
SMALLER_TOWN = replace(TOWN, devices={"hall": TOWN.devices["hall"]})
OTHER_RULES: Rules = {
    key: at_once(rule) for key, rule in EVERY_SHAPE.items() if key not in {"co2-mean", "co2-together", "silent"}
} | {"co2-rise": replace(EVERY_SHAPE["co2-mean"], key="co2-rise")}


class Heard(NamedTuple):
    """A reading."""

    device: str
    co2: float | None
    temperature: float | None


class Missed(NamedTuple):
    """Devices that are silent."""

    devices: tuple[str, ...]
    intervals: float


class Changed(NamedTuple):
    """Other rules, or another inventory."""

    is_usual: bool
    is_smaller: bool


class Event(NamedTuple):
    """What happens so many minutes after the event before it."""

    minutes: int
    what: Heard | Missed | Changed


HEARD = st.builds(
    Heard,
    st.sampled_from(ROOMS),
    st.sampled_from([None, 500.0, 900.0, 950.0, 1001.0, 1400.0, 1501.0, 2001.0, 3500.0]),
    st.sampled_from([None, None, 15.0, 16.5, 20.0]),
)
MISSED = st.builds(
    Missed, st.sets(st.sampled_from(ROOMS), max_size=2).map(tuple), st.sampled_from([3.5, 5.0, 6.0, 40.0])
)
CHANGED = st.builds(Changed, st.booleans(), st.booleans())
MINUTES = st.integers(0, 25)
EVENTS = st.lists(st.builds(Event, MINUTES, HEARD | HEARD | HEARD | MISSED), max_size=50)
EVENTS_AND_CHANGES = st.lists(st.builds(Event, MINUTES, HEARD | HEARD | HEARD | MISSED | CHANGED), max_size=50)


def find_reading(minute: int, heard: Heard) -> Reading:
    others = {} if heard.temperature is None else {"temperature": heard.temperature}
    return make_reading(minute, heard.co2, device=heard.device, **others)


def happen(book: AlertBook, minute: int, event: Event) -> list[Transition]:
    """Have an event happen to a book."""
    what = event.what
    if isinstance(what, Heard):
        return list(book.judge_reading(find_reading(minute, what)))
    if isinstance(what, Changed):
        rules = EVERY_SHAPE if what.is_usual else OTHER_RULES
        town = SMALLER_TOWN if what.is_smaller else TOWN
        return [one.transition for one in book.replace_rules(rules, town, minute * MINUTE_MS)]
    sites = [site for site in ("school", "park") if book.judges_shares]
    shares = {("indoor_climate", site): 10.0 * what.intervals for site in sites}
    quiet = [Quiet(device, what.intervals) for device in what.devices]
    return [*book.judge_silence(quiet, minute * MINUTE_MS), *book.judge_shares(shares, minute * MINUTE_MS)]


def at_minutes(events: Sequence[Event]) -> Iterator[tuple[int, Event]]:
    """Yield events with their minutes; the devices are heard in order of time."""
    minute = 100
    for event in events:
        minute += event.minutes
        yield minute, event


def describe(book: AlertBook) -> tuple[object, object]:
    """Return everything that a book knows."""
    states = {(one.rule, one.device): one for shard in range(SHARDS) for one in book.copy_states(shard)}
    return sorted(book.list_records()), sorted(states.items(), key=lambda item: item[0])


class Disk:
    """The tables of the store that keep alerts, without a file; a commit a step."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        migrate(connection)
        self._connection = connection
        self._rows = StateRows(connection)

    def commit(self, book: AlertBook) -> None:
        """Write down what changed."""
        put_alerts(self._connection, book.take_changed())
        number = self._rows.find_due()
        shard = None if number is None else StatesOfShard(number, book.copy_states(number))
        self._rows.note(self._rows.add(self._connection, book.take_states(), shard))

    def begin(self, rules: Rules) -> AlertBook:
        """Return the book of another process."""
        self._rows = StateRows(self._connection)
        book = AlertBook(rules, TOWN)
        book.restore(read_alerts(self._connection), read_states(self._connection))
        assert book.replace_rules(rules, TOWN, 0) == []
        return book


@given(EVENTS, st.integers(0, 50))
def test_the_same_events_give_the_same_across_a_restart_after_any_of_them(events: list[Event], restart: int) -> None:
    straight = AlertBook(EVERY_SHAPE, TOWN)
    expected = [happen(straight, minute, event) for minute, event in at_minutes(events)]
    with closing(sqlite3.connect(":memory:")) as connection, pytest.MonkeyPatch.context() as patched:
        patched.setattr("ingest.store_states.LOOSE_FLOOR", 3)
        disk, book, told = Disk(connection), AlertBook(EVERY_SHAPE, TOWN), list[list[Transition]]()
        for number, (minute, event) in enumerate(at_minutes(events)):
            if number == restart:
                book = disk.begin(EVERY_SHAPE)
            told.append(happen(book, minute, event))
            disk.commit(book)
        assert told == expected
        assert describe(book) == describe(straight)
        assert describe(disk.begin(EVERY_SHAPE)) == describe(straight)


@given(EVENTS)
def test_where_it_is_quiet_judging_would_have_done_the_same(events: list[Event]) -> None:
    quick, slow = AlertBook(EVERY_SHAPE, TOWN), AlertBook(EVERY_SHAPE, TOWN)
    for minute, event in at_minutes(events):
        expected = happen(slow, minute, event)
        found: list[Transition] = []
        if not isinstance(event.what, Heard) or not is_quiet(quick, find_reading(minute, event.what)):
            found = happen(quick, minute, event)
        assert found == expected
        assert quick.take_changed() == slow.take_changed()
        assert quick.take_states() == slow.take_states()
        assert describe(quick) == describe(slow)


def is_quiet(book: AlertBook, reading: Reading) -> bool:
    sample = SAMPLE(**dict.fromkeys(INDOOR_CLIMATE.fields, UNSET) | reading.values)
    placement = Placement(0, 1, reading.site, reading.zone)
    return book.is_quiet(reading.type_key, reading.device, sample, placement, reading.time_ms)


@pytest.mark.parametrize("key", EVERY_SHAPE)
def test_a_good_reading_is_quiet_and_a_bad_one_is_not(key: str) -> None:
    rule = EVERY_SHAPE[key]
    book = AlertBook({key: rule}, TOWN)
    readings = [
        make_reading(minute, 500.0, device=room, temperature=20.0) for minute in range(60) for room in ("hall", "room")
    ]
    assert all(is_quiet(book, reading) for reading in readings)
    if rule.field:
        late = [make_reading(minute, 9000.0, temperature=-9.0) for minute in range(60, 90)]
        assert not all(is_quiet(book, reading) for reading in late)


@given(EVENTS_AND_CHANGES)
def test_between_two_firings_an_alert_clears_or_is_withdrawn_whatever_happens(events: list[Event]) -> None:
    book, firing = AlertBook(EVERY_SHAPE, TOWN), set[tuple[str, str]]()
    for minute, event in at_minutes(events):
        for one in happen(book, minute, event):
            key = (one.rule, one.device)
            assert (one.change is Change.FIRED) != (key in firing)
            assert one.phase.is_active == (one.change not in {Change.CLEARED, Change.WITHDRAWN})
            (firing.add if one.phase.is_active else firing.discard)(key)
        assert {(one.rule, one.device) for one in book.list_firing()} == firing


@given(EVENTS)
def test_severities_follow_from_each_other(events: list[Event]) -> None:
    book, known = AlertBook(EVERY_SHAPE, TOWN), dict[tuple[str, str], list[int]]()
    for minute, event in at_minutes(events):
        for one in happen(book, minute, event):
            ranks, rank = known.setdefault((one.rule, one.device), []), one.severity.rank
            assert one.severity in {level.severity for level in EVERY_SHAPE[one.rule].levels}
            if one.change is Change.FIRED:
                ranks[:] = [rank]
            elif one.change in {Change.ESCALATED, Change.EASED}:
                assert (rank > ranks[-1]) if one.change is Change.ESCALATED else (rank < ranks[-1])
                ranks.append(rank)
            else:
                assert rank == (max(ranks) if one.change is Change.CLEARED else ranks[-1])


@given(EVENTS_AND_CHANGES)
def test_a_dead_sensor_never_ends_an_alert(events: list[Event]) -> None:
    book = AlertBook({key: rule for key, rule in EVERY_SHAPE.items() if rule.field}, TOWN)
    for minute, event in at_minutes(events):
        if not isinstance(event.what, Changed):
            happen(book, minute, event)
        before = {(one.rule, one.device) for one in book.list_firing()}
        told = book.judge_silence([Quiet(room, 1e6) for room in ROOMS], (minute + 10**6) * MINUTE_MS)
        assert {one.change for one in told} <= {Change.SILENT}
        assert {(one.rule, one.device) for one in book.list_firing()} == before


def test_the_events_of_these_laws_reach_every_change() -> None:
    book, changes = AlertBook(EVERY_SHAPE, TOWN), set[Change]()
    for minute, event in at_minutes(draw_events(1_000)):
        changes |= {one.change for one in happen(book, minute, event)}
    assert changes == set(Change) - {Change.REPEATED}


def draw_events(count: int, *, changes: bool = True) -> list[Event]:
    """Return events that are the same every time."""
    chance = random.Random(6)  # noqa: S311 - not a secret
    events: list[Event] = []
    for number in range(count):
        what: Heard | Missed | Changed = Heard(
            chance.choice(ROOMS),
            chance.choice([500.0, 800.0, 1001.0, 1501.0, 2001.0, 4000.0]),
            chance.choice([15.0, 20.0]),
        )
        if number % 9 == 8:
            what = Missed((chance.choice(ROOMS),), chance.choice([1.0, 3.5, 6.0, 9.0]))
        elif changes and number % 50 == 49:
            what = Changed(is_usual=number % 100 == 99, is_smaller=number % 150 == 149)
        events.append(Event(chance.choice([0, 1, 3, 10]), what))
    return events


def test_a_kill_after_any_commit_loses_no_transition_and_repeats_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = list(at_minutes(draw_events(60, changes=False)))
    book, expected = AlertBook(EVERY_SHAPE, TOWN), list[list[Transition]]()
    folder = tmp_path / "store"
    monkeypatch.setattr("ingest.store_states.LOOSE_FLOOR", 20)
    with closing(open_in(folder)) as store:
        for number, (minute, event) in enumerate(timed):
            transitions = happen(book, minute, event)
            expected.append(transitions)
            due = store.wants_states()
            states = None if due is None else StatesOfShard(due, book.copy_states(due))
            batch = Batch(transitions=transitions, alerts=book.take_changed(), states=book.take_states())
            store.commit(batch, NOW_MS, None, states)
            if number % 4 == 0:
                shutil.copytree(folder, tmp_path / f"killed-{number}")
    for number in range(0, len(timed), 4):
        with closing(open_in(tmp_path / f"killed-{number}")) as store:
            restored, waiting = store.load(), [one.transition for one in store.unpublished()]
        assert waiting == [one for some in expected[: number + 1] for one in some]
        again = AlertBook(EVERY_SHAPE, TOWN)
        again.restore(restored.alerts, restored.states)
        assert again.replace_rules(EVERY_SHAPE, TOWN, 0) == []
        assert [happen(again, minute, event) for minute, event in timed[number + 1 :]] == expected[number + 1 :]
        assert describe(again) == describe(book)
