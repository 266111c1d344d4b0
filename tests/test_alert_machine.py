"""The alert machine and the book of alerts: when they fire and clear, and that nothing is forgotten."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.alerts.machine import is_beyond, is_clear, judge
from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.sample import define_sample
from schemas.reading import Reading
from schemas.rule import AlertPhase, Direction, Rule, Severity, Transition

MINUTE_MS = 60_000
INDOOR_CLIMATE = load_device_types()["indoor_climate"]
SAMPLE = define_sample(INDOOR_CLIMATE, None, ())
OK, PENDING, FIRING = AlertPhase.OK, AlertPhase.PENDING, AlertPhase.FIRING


CO2 = Rule(
    key="co2-high",
    device_type="indoor_climate",
    field="co2",
    unit="[ppm]",
    direction=Direction.ABOVE,
    limit=1000.0,
    clear=900.0,
    hold_ms=30 * MINUTE_MS,
    severity=Severity.INFO,
    text="Tett luft.",
    examples=(),
)


COLD = replace(
    CO2, key="cold", field="temperature", unit="Cel", direction=Direction.BELOW, limit=16.0, clear=17.0, hold_ms=0
)


def make_reading(minute: float, co2: float | None = None, *, device: str = "room", **values: float | bool) -> Reading:
    fields: dict[str, float | bool] = dict(values)
    if co2 is not None:
        fields["co2"] = co2
    return Reading(device, "indoor_climate", "school", "room", round(minute * MINUTE_MS), 0.0, fields)


def make_device(name: str = "room", type_key: str = "indoor_climate") -> Device:
    return Device(name, type_key, "+A=360.001-RT001", (Placement(0, OPEN_END_MS, "school", "room"),))


def judge_all(book: AlertBook, readings: Sequence[Reading]) -> list[Transition]:
    return [transition for reading in readings for transition in book.judge_reading(reading)]


def tell(transitions: Sequence[Transition]) -> list[tuple[str, AlertPhase, float]]:
    return [(transition.rule, transition.phase, transition.time_ms / MINUTE_MS) for transition in transitions]


@pytest.mark.parametrize(
    ("phase", "since", "minute", "value", "after"),
    [
        (OK, 0, 10, 1000.0, OK),
        (OK, 0, 10, 1000.1, PENDING),
        (PENDING, 10, 39, 1001.0, PENDING),
        (PENDING, 10, 40, 1001.0, FIRING),
        (PENDING, 10, 500, 1001.0, FIRING),
        (PENDING, 10, 40, 1000.0, OK),
        (FIRING, 10, 50, 950.0, FIRING),
        (FIRING, 10, 50, 900.0, OK),
    ],
)
def test_a_phase_follows_from_the_one_before(
    phase: AlertPhase, since: int, minute: int, value: float, after: AlertPhase
) -> None:
    assert judge(CO2, phase, since * MINUTE_MS, minute * MINUTE_MS, value) is after


def test_below_is_the_mirror_of_above() -> None:
    assert judge(COLD, OK, 0, 0, 16.0) is OK
    assert judge(COLD, OK, 0, 0, 15.9) is FIRING
    assert judge(COLD, FIRING, 0, 0, 16.9) is FIRING
    assert judge(COLD, FIRING, 0, 0, 17.0) is OK


def test_a_transition_says_where_when_and_since_when() -> None:
    book = AlertBook({"co2-high": CO2})
    fired, cleared = judge_all(book, [make_reading(0, 1100), make_reading(30, 1200), make_reading(60, 800)])
    assert fired == Transition("room", "school", "room", "co2-high", FIRING, 30 * MINUTE_MS, 0, 1200, simulated=False)
    assert cleared == Transition("room", "school", "room", "co2-high", OK, 60 * MINUTE_MS, 0, 800, simulated=False)


def test_rules_and_devices_do_not_disturb_each_other() -> None:
    book = AlertBook({"co2-high": replace(CO2, hold_ms=0), "cold": COLD})
    readings = [
        make_reading(0, 1200, temperature=10.0),
        make_reading(0, 1200, device="other"),
        make_reading(1, temperature=20.0),
        make_reading(2, 500),
    ]
    assert tell(judge_all(book, readings)) == [
        ("co2-high", FIRING, 0),
        ("cold", FIRING, 0),
        ("co2-high", FIRING, 0),
        ("cold", OK, 1),
        ("co2-high", OK, 2),
    ]
    assert [(record.device, record.rule) for record in book.list_firing()] == [("other", "co2-high")]


def test_other_types_and_missing_fields_are_not_judged() -> None:
    book = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    assert not book.judge_reading(make_reading(0, 2000)._replace(type_key="water_meter"))
    assert not book.judge_reading(make_reading(0, temperature=20.0))
    assert book.take_changed() == []


def test_only_changes_of_phase_are_stored_and_the_latest_counts() -> None:
    book = AlertBook({"co2-high": CO2})
    judge_all(book, [make_reading(minute, 1100) for minute in (0, 10, 20)])
    (record,) = book.take_changed()
    assert (record.phase, record.since_ms, record.time_ms) == (PENDING, 0, 0)
    assert book.take_changed() == []
    judge_all(book, [make_reading(30, 1100), make_reading(40, 700)])
    (record,) = book.take_changed()
    assert (record.phase, record.since_ms, record.time_ms, record.value) == (OK, 0, 40 * MINUTE_MS, 700)


def test_an_alert_is_withdrawn_when_its_rule_vanishes() -> None:
    rule = replace(CO2, hold_ms=0)
    book = AlertBook({rule.key: rule, COLD.key: COLD})
    judge_all(book, [make_reading(5, 1200, temperature=10.0)])
    book.take_changed()
    (withdrawal,) = book.replace_rules({COLD.key: COLD}, {"room": make_device()}, 99 * MINUTE_MS)
    assert withdrawal.rule is rule
    assert tell([withdrawal.transition]) == [("co2-high", OK, 99)]
    assert (withdrawal.transition.since_ms, withdrawal.transition.value) == (5 * MINUTE_MS, 1200)
    assert [(record.rule, record.phase) for record in book.take_changed()] == [("co2-high", OK)]
    assert [record.rule for record in book.list_firing()] == ["cold"]
    with pytest.raises(KeyError):
        book.find_rule("co2-high")
    assert not book.judge_reading(make_reading(100, 2000))


@pytest.mark.parametrize("rule", [replace(CO2, field="humidity"), replace(CO2, device_type="water_meter")])
def test_an_alert_is_withdrawn_when_its_rule_watches_something_else(rule: Rule) -> None:
    book = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    judge_all(book, [make_reading(5, 1200)])
    assert len(book.replace_rules({"co2-high": rule}, {"room": make_device()}, 0)) == 1


@pytest.mark.parametrize("devices", [{}, {"room": make_device("room", "water_meter")}])
def test_an_alert_is_withdrawn_when_its_device_vanishes_or_changes_its_type(devices: dict[str, Device]) -> None:
    rules = {"co2-high": replace(CO2, hold_ms=0)}
    book = AlertBook(rules)
    judge_all(book, [make_reading(5, 1200)])
    assert len(book.replace_rules(rules, devices, 0)) == 1
    assert book.list_firing() == []


def test_what_is_pending_is_withdrawn_without_a_word() -> None:
    book = AlertBook({"co2-high": CO2})
    judge_all(book, [make_reading(5, 1200)])
    assert book.replace_rules({}, {"room": make_device()}, 0) == []
    assert [record.phase for record in book.take_changed()] == [OK]


def test_an_alert_stands_when_only_the_levels_of_its_rule_change() -> None:
    book = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    judge_all(book, [make_reading(5, 1200)])
    assert book.replace_rules({"co2-high": replace(CO2, limit=1500.0, clear=1300.0)}, {"room": make_device()}, 0) == []
    assert tell(judge_all(book, [make_reading(6, 1200)])) == [("co2-high", OK, 6)]


def test_an_alert_whose_rule_vanished_while_no_collector_ran_is_withdrawn_at_its_old_place() -> None:
    before = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    judge_all(before, [make_reading(5, 1200)])
    after = AlertBook({})
    after.restore(before.take_changed())
    (withdrawal,) = after.replace_rules({}, {}, 7 * MINUTE_MS)
    assert withdrawal.rule is None
    assert (withdrawal.transition.site, withdrawal.transition.zone) == ("school", "room")


def test_what_is_older_than_the_state_changes_nothing_also_after_a_restart() -> None:
    before = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    judge_all(before, [make_reading(10, 2000)])
    after = AlertBook({"co2-high": replace(CO2, hold_ms=0)})
    after.restore(before.take_changed())
    assert not after.judge_reading(make_reading(9, 500))
    assert after.judge_reading(make_reading(10, 500))


@given(
    st.lists(st.tuples(st.sampled_from(["room", "hall"]), st.sampled_from([None, 500.0, 2000.0, 1000.0]))),
    st.sampled_from([0, 30 * MINUTE_MS]),
)
def test_where_it_is_quiet_judging_does_nothing(steps: list[tuple[str, float | None]], hold_ms: int) -> None:
    book = AlertBook({"co2-high": replace(CO2, hold_ms=hold_ms), COLD.key: COLD})
    for minute, (device, co2) in enumerate(steps):
        reading = make_reading(minute, co2, device=device, humidity=40.0)
        sample = SAMPLE(**dict.fromkeys(INDOOR_CLIMATE.fields, UNSET) | reading.values)
        is_quiet = book.is_quiet(reading.type_key, device, sample)
        transitions = book.judge_reading(reading)
        changed = book.take_changed()
        assert not (is_quiet and (transitions or changed))
        assert not (is_quiet and co2 == 2000.0)


class Step(NamedTuple):
    """A reading some minutes after (or before) the one before it."""

    minutes: int
    value: float


steps = st.lists(
    st.builds(Step, st.integers(-2, 40), st.sampled_from([500.0, 900.0, 950.0, 1000.0, 1001.0, 2000.0])), max_size=60
)
rules = st.builds(
    lambda hold, direction: replace(
        CO2, hold_ms=hold * MINUTE_MS, direction=direction, clear=900.0 if direction is Direction.ABOVE else 1001.0
    ),
    st.sampled_from([0, 1, 30, 60]),
    st.sampled_from(Direction),
)


def make_readings(steps: Sequence[Step]) -> list[Reading]:
    minute, readings = 100, []
    for step in steps:
        minute += step.minutes
        readings.append(make_reading(minute, step.value))
    return readings


def keep_in_time(readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings that are not late."""
    kept: list[Reading] = []
    for reading in readings:
        if not kept or reading.time_ms >= kept[-1].time_ms:
            kept.append(reading)
    return kept


@given(rules, steps)
def test_it_fires_only_after_the_condition_has_held_and_clears_only_at_the_level(
    rule: Rule, steps: Sequence[Step]
) -> None:
    in_time = keep_in_time(make_readings(steps))
    transitions = judge_all(AlertBook({rule.key: rule}), in_time)
    for number, transition in enumerate(transitions):
        assert transition.phase is (OK if number % 2 else FIRING)
        assert transition.time_ms - transition.since_ms >= rule.hold_ms
        if transition.phase is FIRING:
            during = [reading for reading in in_time if transition.since_ms < reading.time_ms < transition.time_ms]
            assert all(is_beyond(rule, reading.values["co2"]) for reading in during)
            assert is_beyond(rule, transition.value)
        else:
            fired_ms = transitions[number - 1].time_ms
            during = [reading for reading in in_time if fired_ms < reading.time_ms < transition.time_ms]
            assert not any(is_clear(rule, reading.values["co2"]) for reading in during)
            assert is_clear(rule, transition.value)


@given(rules, steps)
def test_what_must_fire_fires(rule: Rule, steps: Sequence[Step]) -> None:
    readings = keep_in_time(make_readings(steps))
    fired = [
        transition.time_ms
        for transition in judge_all(AlertBook({rule.key: rule}), readings)
        if transition.phase is FIRING
    ]
    began_ms = None
    for reading in readings:
        if not is_beyond(rule, reading.values["co2"]):
            began_ms = None
            continue
        began_ms = reading.time_ms if began_ms is None else began_ms
        if reading.time_ms - began_ms >= rule.hold_ms:
            assert any(time_ms <= reading.time_ms for time_ms in fired)


@given(rules, steps, st.integers(0, 60))
def test_the_same_readings_give_the_same_transitions_across_a_restart(
    rule: Rule, steps: Sequence[Step], restart: int
) -> None:
    readings = keep_in_time(make_readings(steps))
    straight = judge_all(AlertBook({rule.key: rule}), readings)
    assert judge_all(AlertBook({rule.key: rule}), readings) == straight

    first = AlertBook({rule.key: rule})
    transitions = judge_all(first, readings[:restart])
    stored = {(record.device, record.rule): record for record in first.take_changed()}
    second = AlertBook({rule.key: rule})
    second.restore(stored.values())
    assert second.replace_rules({rule.key: rule}, {"room": make_device()}, 0) == []
    assert second.list_firing() == first.list_firing()
    assert transitions + judge_all(second, readings[restart:]) == straight
