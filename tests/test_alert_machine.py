"""The alert machine: where a rule stands after one more value; by examples, and by laws over any values."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.machine import Judged, begin_record, fall_silent, is_flapping, judge, list_changes
from ingest.batch import AlertRecord
from schemas.rule import AlertPhase, Change, Flapping, Level, Rule, Severity
from tests.alert_rules import (
    CO2,
    COLD,
    CRITICAL,
    FLAPPING,
    HOUR_MS,
    INFO,
    MINUTE_MS,
    PATIENT,
    STEPS,
    WARNING,
    at_once,
)

OK, PENDING, FIRING, RECOVERING, SILENT = AlertPhase
Told = list[tuple[float, Change, Severity]]


class Step(NamedTuple):
    """A value some minutes after the one before it.

    Attributes:
        minutes: Since the one before.
        value: None for silence.
        is_watched: Whether the schedule watches it.
    """

    minutes: float
    value: float | None
    is_watched: bool = True


def run(rule: Rule, steps: Iterable[Step]) -> list[tuple[int, AlertRecord]]:
    """Return time and state before the first step and after each."""
    time_ms, record = 0, begin_record("room", rule)
    found = [(time_ms, record)]
    for step in steps:
        time_ms += round(step.minutes * MINUTE_MS)
        if step.value is None:
            record = fall_silent(record)
        else:
            judged = Judged(time_ms, step.value, "school", "room", is_watched=step.is_watched)
            record = judge(rule, rule.levels, record, judged)
        found.append((time_ms, record))
    return found


def list_told(rule: Rule, states: Sequence[tuple[int, AlertRecord]]) -> Told:
    """Return minute, change, and severity then."""
    return [
        (time_ms / MINUTE_MS, change, after.worst if change is Change.CLEARED else after.severity)
        for (_, before), (time_ms, after) in itertools.pairwise(states)
        for change in list_changes(rule, before, after)
    ]


def tell(rule: Rule, *series: tuple[float, float | None]) -> Told:
    """Return what a series of minutes (since the start) and values tells."""
    minutes = [0.0, *(minute for minute, _ in series)]
    steps = [Step(at - before, value) for before, (at, value) in zip(minutes, series, strict=False)]
    return list_told(rule, run(rule, steps))


def stand(phase: AlertPhase, since: int) -> AlertRecord:
    began = None if phase is OK else since * MINUTE_MS
    record = begin_record("room", CO2)._replace(phase=phase, since_ms=began or 0, begun_ms=(began,))
    return record._replace(firings_ms=(record.since_ms,)) if phase.is_active else record


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
        (SILENT, 10, 50, 1001.0, FIRING),
        (SILENT, 10, 50, 950.0, FIRING),
        (SILENT, 10, 50, 900.0, OK),
    ],
)
def test_a_phase_follows_from_the_one_before(
    phase: AlertPhase, since: int, minute: int, value: float, after: AlertPhase
) -> None:
    judged = Judged(minute * MINUTE_MS, value, "school", "room")
    assert judge(CO2, CO2.levels, stand(phase, since), judged).phase is after


def test_below_is_the_mirror_of_above() -> None:
    assert tell(COLD, (0, 16.0)) == []
    assert tell(COLD, (0, 15.9), (1, 16.9)) == [(0, Change.FIRED, INFO)]
    assert tell(COLD, (0, 15.9), (1, 17.0)) == [(0, Change.FIRED, INFO), (1, Change.CLEARED, INFO)]


def test_outside_fires_on_both_sides_and_clears_between() -> None:
    outside = replace(COLD, levels=(Level(INFO, low=16.0, high=26.0, clear_low=17.0, clear_high=25.0),))
    fired, cleared = (0, Change.FIRED, INFO), (2, Change.CLEARED, INFO)
    assert tell(outside, (0, 15.9), (1, 16.5), (2, 17.0)) == [fired, cleared]
    assert tell(outside, (0, 26.1), (1, 25.5), (2, 25.0)) == [fired, cleared]
    assert tell(outside, (0, 15.9), (1, 26.1)) == [fired]


def test_a_worse_level_is_reached_after_its_own_hold_and_left_at_its_own_clear_level() -> None:
    series = ((0, 1100), (5, 1600), (14, 1600), (15, 1600), (20, 1450), (25, 1400), (30, 950), (35, 900))
    assert tell(STEPS, *series) == [
        (0, Change.FIRED, INFO),
        (15, Change.ESCALATED, WARNING),
        (25, Change.EASED, INFO),
        (35, Change.CLEARED, WARNING),
    ]


def test_a_level_that_holds_at_once_does_not_wait_for_the_milder_ones() -> None:
    slow = replace(STEPS, levels=(CO2.levels[0], *STEPS.levels[1:]))
    assert tell(slow, (0, 2500), (10, 1500), (20, 900)) == [
        (0, Change.FIRED, CRITICAL),
        (10, Change.EASED, WARNING),
        (20, Change.CLEARED, CRITICAL),
    ]


def test_the_hold_of_a_worse_level_begins_anew_when_its_condition_was_broken() -> None:
    assert tell(STEPS, (0, 1600), (9, 1500), (10, 1600), (19, 1600)) == [(0, Change.FIRED, INFO)]
    assert tell(STEPS, (0, 1600), (9, 1500), (10, 1600), (20, 1600))[1:] == [(20, Change.ESCALATED, WARNING)]


def test_it_clears_only_when_it_was_good_for_long_enough() -> None:
    rule = replace(at_once(CO2), clear_ms=20 * MINUTE_MS)
    series = ((0, 1100), (10, 800), (20, 1100), (30, 800), (49, 800), (50, 800))
    assert tell(rule, *series) == [(0, Change.FIRED, INFO), (50, Change.CLEARED, INFO)]
    phases = [
        record.phase
        for _, record in run(rule, [Step(10 if value else 0, value) for value in (1100.0, 800.0, 1100.0, 800.0)])
    ]
    assert phases == [OK, FIRING, RECOVERING, FIRING, RECOVERING]


def test_between_limit_and_clear_level_nothing_changes() -> None:
    rule = replace(at_once(CO2), clear_ms=20 * MINUTE_MS)
    for begin in ([Step(1, 1100.0), Step(1, 1100.0)], [Step(1, 1100.0), Step(1, 800.0)]):
        *_, (_, before), (_, after) = run(rule, [*begin, Step(5, 950.0)])
        assert after is before
    assert tell(rule, (0, 1100), (10, 800), (20, 950), (30, 800))[1:] == [(30, Change.CLEARED, INFO)]
    assert tell(CO2, (0, 1100), (10, 950), (40, 1100)) == []  # before it fires, only what is beyond the limit counts


def test_it_fires_for_at_least_so_long() -> None:
    rule = replace(at_once(CO2), keep_ms=45 * MINUTE_MS)
    assert tell(rule, (0, 1100), (10, 800), (44, 800), (45, 800))[1:] == [(45, Change.CLEARED, INFO)]
    assert tell(rule, (0, 1100), (44, 1100), (46, 800))[1:] == [(46, Change.CLEARED, INFO)]


def test_so_many_readings_in_a_row_must_be_beyond_the_limit() -> None:
    rule = replace(at_once(CO2), least=3)
    assert tell(rule, (0, 1100), (1, 1100), (2, 1000), (3, 1100), (4, 1100)) == []
    assert tell(rule, (0, 1100), (1, 1100), (2, 1100)) == [(2, Change.FIRED, INFO)]
    assert tell(replace(rule, levels=CO2.levels), (0, 1100), (30, 1100), (31, 1100)) == [(31, Change.FIRED, INFO)]


def test_an_alert_that_fires_again_and_again_is_held_named_and_released() -> None:
    blinking = [(10.0 * number, 1100.0 if number % 2 == 0 else 800.0) for number in range(5)]
    told = tell(FLAPPING, *blinking)
    assert [change for _, change, _ in told] == [
        *(Change.FIRED, Change.CLEARED, Change.FIRED, Change.CLEARED),
        *(Change.FIRED, Change.FLAPPING),
    ]
    held = [*blinking, (50, 800), (60, 1100), (70, 800), (129, 800)]
    assert tell(FLAPPING, *held) == told
    assert tell(FLAPPING, *held, (130, 800)) == [*told, (130, Change.CLEARED, INFO)]
    after = [*held, (130.0, 800.0), (140.0, 1100.0), (150.0, 800.0)]
    assert [change for _, change, _ in tell(FLAPPING, *after)[-3:]] == [Change.CLEARED, Change.FIRED, Change.CLEARED]


def test_what_fires_seldom_does_not_flap_and_what_does_not_flap_is_not_remembered() -> None:
    seldom = [(31.0 * number, 1100.0 if number % 2 == 0 else 800.0) for number in range(9)]
    assert Change.FLAPPING not in {change for _, change, _ in tell(FLAPPING, *seldom)}
    *_, (_, last) = run(FLAPPING, [Step(1, 1100.0), Step(1, 800.0), Step(60, 800.0)])
    assert last.firings_ms == ()
    *_, (_, last) = run(at_once(CO2), [Step(1, 1100.0), Step(1, 800.0)])
    assert last.firings_ms == ()


def test_a_time_that_is_not_watched_clears_and_begins_nothing() -> None:
    rule = at_once(CO2)
    states = run(rule, [Step(1, 1100.0), Step(10, 1200.0, is_watched=False), Step(10, 1200.0, is_watched=False)])
    assert list_told(rule, states) == [(1, Change.FIRED, INFO), (11, Change.CLEARED, INFO)]
    waiting = run(CO2, [Step(1, 1100.0), Step(10, 1100.0, is_watched=False), Step(10, 1100.0), Step(29, 1100.0)])
    assert [record.phase for _, record in waiting] == [OK, PENDING, OK, PENDING, PENDING]


def test_a_device_that_falls_silent_ends_nothing_and_is_heard_again() -> None:
    told = tell(at_once(CO2), (0, 1100), (5, None), (60, None), (10_000, None))
    assert told == [(0, Change.FIRED, INFO), (5, Change.SILENT, INFO)]
    assert tell(at_once(CO2), (0, 1100), (5, None), (60, 1100), (70, 800))[2:] == [
        (60, Change.HEARD, INFO),
        (70, Change.CLEARED, INFO),
    ]
    assert tell(at_once(CO2), (0, 1100), (5, None), (60, 800))[2:] == [(60, Change.CLEARED, INFO)]
    assert tell(STEPS, (0, 1100), (5, None), (60, 2500))[2:] == [
        (60, Change.HEARD, CRITICAL),
        (60, Change.ESCALATED, CRITICAL),
    ]


def test_a_device_that_falls_silent_while_it_recovers_goes_on_from_there() -> None:
    rule = replace(at_once(CO2), clear_ms=20 * MINUTE_MS)
    states = run(rule, [Step(0, 1100.0), Step(10, 800.0), Step(1, None), Step(1, 950.0)])
    assert [record.phase for _, record in states] == [OK, FIRING, RECOVERING, SILENT, RECOVERING]
    assert states[-1][1].good_ms == 10 * MINUTE_MS


def test_silence_says_nothing_of_what_does_not_fire() -> None:
    assert [record.phase for _, record in run(CO2, [Step(1, None), Step(1, 1100.0), Step(1, None)])] == [
        *(OK, OK, PENDING, PENDING)
    ]


def test_a_rule_that_has_got_another_level_goes_on_from_where_it_stood() -> None:
    *_, (_, pending) = run(CO2, [Step(0, 1100.0)])
    more = replace(CO2, levels=(*CO2.levels, Level(CRITICAL, high=2000.0, clear_high=1800.0)))
    assert judge(more, more.levels, pending, Judged(30 * MINUTE_MS, 1100.0, "school", "room")).phase is FIRING
    *_, (_, firing) = run(STEPS, [Step(0, 2500.0)])
    after = judge(CO2, CO2.levels, firing._replace(severity=INFO), Judged(MINUTE_MS, 2500.0, "school", "room"))
    assert (after.phase, after.begun_ms, after.worst) == (FIRING, (0,), CRITICAL)


VALUES = st.sampled_from([500.0, 900.0, 950.0, 1000.0, 1001.0, 1400.0, 1501.0, 1800.0, 2001.0])
STEPS_DRAWN = st.lists(
    st.builds(Step, st.integers(0, 40), VALUES | st.none(), st.sampled_from([True, True, True, False])), max_size=60
)
WATCHED = True
READINGS = st.lists(st.builds(Step, st.integers(0, 40), VALUES, st.just(WATCHED)), max_size=60)


def _make_rule(numbers: Sequence[int], clear: int, keep: int, least: int, flapping: Flapping | None) -> Rule:
    limits = ((INFO, 1000.0, 900.0), (WARNING, 1500.0, 1400.0), (CRITICAL, 2000.0, 1800.0))
    levels = [
        Level(severity, high=high, clear_high=clear_high, hold_ms=minutes * MINUTE_MS)
        for (severity, high, clear_high), minutes in zip(limits, numbers, strict=False)
    ]
    return replace(
        CO2,
        levels=tuple(levels),
        clear_ms=clear * MINUTE_MS,
        keep_ms=keep * MINUTE_MS,
        least=least,
        flapping=flapping,
    )


SOON = st.sampled_from([0, 0, 10, 45])
RULES = st.builds(
    _make_rule,
    st.lists(st.sampled_from([0, 1, 30, 60]), min_size=1, max_size=3),
    SOON,
    SOON,
    st.sampled_from([1, 1, 2, 4]),
    st.sampled_from([None, Flapping(2, HOUR_MS), Flapping(3, 2 * HOUR_MS)]),
)


@given(RULES, STEPS_DRAWN)
def test_between_two_firings_it_clears(rule: Rule, steps: list[Step]) -> None:
    ends = [change for _, change, _ in list_told(rule, run(rule, steps)) if change in {Change.FIRED, Change.CLEARED}]
    assert ends == [Change.FIRED, Change.CLEARED] * (len(ends) // 2) + [Change.FIRED] * (len(ends) % 2)


@given(RULES, STEPS_DRAWN)
def test_the_state_holds_together(rule: Rule, steps: list[Step]) -> None:
    states = run(rule, [Step(1, 500.0), *steps])[1:]
    for (_, before), (_, after), step in zip(states, states[1:], steps, strict=False):
        assert (after.phase is OK) == (after.since_ms == 0)
        assert after.good_ms is not None or after.phase is not RECOVERING
        assert after.good_ms is None or after.phase in {RECOVERING, SILENT}
        assert len(after.firings_ms) <= (rule.flapping.times if rule.flapping else 0) + 1
        if step.value is None:
            assert after == (before._replace(phase=SILENT) if before.phase.is_active else before)
        else:
            assert after.phase is not SILENT
            assert after is before or after != before  # what changes nothing is not stored


@given(RULES, READINGS)
def test_it_fires_only_after_the_condition_has_held_and_often_enough(rule: Rule, steps: list[Step]) -> None:
    states = run(rule, steps)
    for number, ((_, before), (time_ms, after)) in enumerate(itertools.pairwise(states)):
        if before.phase.is_active or not after.phase.is_active:
            continue
        level = rule.find_level(after.severity)
        held = [(at_ms, step) for (at_ms, _), step in zip(states[1:], steps, strict=False)][: number + 1]
        beyond = next(
            (held[at + 1 :] for at in range(number, -1, -1) if not level.is_beyond(held[at][1].value or 0)), held
        )
        assert time_ms - beyond[0][0] >= level.hold_ms
        mildest = next(
            (held[at + 1 :] for at in range(number, -1, -1) if not rule.levels[0].is_beyond(held[at][1].value or 0)),
            held,
        )
        assert len(mildest) >= rule.least
        assert after.since_ms == mildest[0][0]


@given(RULES, READINGS)
def test_what_has_held_for_long_enough_fires_at_its_level_or_a_worse_one(rule: Rule, steps: list[Step]) -> None:
    begun: list[int | None] = [None] * len(rule.levels)
    beyond = 0
    for (time_ms, after), step in zip(run(rule, steps)[1:], steps, strict=True):
        value = step.value or 0.0
        beyond = beyond + 1 if rule.levels[0].is_beyond(value) else 0
        for at, level in enumerate(rule.levels):
            since_ms = begun[at]
            begun[at] = since_ms = (time_ms if since_ms is None else since_ms) if level.is_beyond(value) else None
            if since_ms is not None and time_ms - since_ms >= level.hold_ms and beyond >= rule.least:
                assert after.phase is FIRING
                assert after.severity.rank >= level.severity.rank


@given(RULES, STEPS_DRAWN)
def test_it_clears_only_at_the_level_after_all_that_holds_it(rule: Rule, steps: list[Step]) -> None:
    fired_ms, states = 0, run(rule, steps)
    for (_, before), (time_ms, after), step in zip(states, states[1:], steps, strict=False):
        if not before.phase.is_active:
            fired_ms = time_ms if after.phase.is_active else fired_ms
            continue
        if after.phase.is_active:
            continue
        assert step.value is not None
        assert rule.levels[0].is_clear(step.value) or not step.is_watched
        assert time_ms - fired_ms >= rule.keep_ms
        needed_ms = rule.clear_ms
        if rule.flapping is not None and is_flapping(rule, before):
            needed_ms = max(needed_ms, rule.flapping.within_ms)
        assert time_ms - (time_ms if before.good_ms is None else before.good_ms) >= needed_ms


@given(st.sampled_from([CO2, STEPS, PATIENT, FLAPPING]), STEPS_DRAWN)
def test_what_is_good_for_long_enough_is_forgotten(rule: Rule, steps: list[Step]) -> None:
    ending = [Step(120, 500.0), Step(120, 500.0), Step(120, 500.0)]
    *_, (_, last) = run(rule, [*steps, *ending])
    assert (last.phase, last.firings_ms, last.begun_ms, last.beyond, last.good_ms) == (OK, (), (), 0, None)
