"""The book of alerts: of whom rules speak, what is withdrawn, and what silence says."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ingest.alerts.book import AlertBook
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.derivations.rate import Rate
from ingest.inventory import Device, OpeningHours
from schemas.rule import (
    AlertPhase,
    Change,
    Override,
    Reference,
    Rule,
    Subjects,
    Transition,
)
from tests.alert_rules import (
    AGAINST,
    AT_SCHOOL,
    CO2,
    COLD,
    CRITICAL,
    FLAPPING,
    INFO,
    MEAN,
    MINUTE_MS,
    MISSING,
    SILENT,
    STEPS,
    TOGETHER,
    WARNING,
    Quiet,
    at_once,
    judge_all,
    judge_series,
    make_device,
    make_reading,
    make_town,
    tell,
)

OK, PENDING, FIRING = AlertPhase.OK, AlertPhase.PENDING, AlertPhase.FIRING
TOWN = make_town()
MONDAY = 4 * 24 * 60  # 1970-01-05, in minutes of UTC, an hour behind Oslo
NOW = at_once(CO2)


def make_book(*rules: Rule) -> AlertBook:
    return AlertBook({rule.key: rule for rule in rules}, TOWN)


def test_a_transition_says_what_where_when_and_since_when() -> None:
    fired, cleared = judge_series(make_book(CO2), (0, 1100), (30, 1200), (60, 800))
    assert fired == Transition(
        *("room", "school", "room", "co2-high", FIRING, 30 * MINUTE_MS, 0, 1200),
        simulated=False,
        severity=INFO,
        change=Change.FIRED,
    )
    assert cleared == fired._replace(phase=OK, time_ms=60 * MINUTE_MS, value=800, change=Change.CLEARED)


def test_severities_go_with_the_changes_and_clearing_tells_the_worst() -> None:
    book = make_book(STEPS)
    transitions = judge_series(book, (0, 1100), (5, 2500))
    transitions += book.judge_silence([Quiet("room", 4)], 10 * MINUTE_MS)
    transitions += judge_series(book, (20, 1000), (30, 1600), (41, 2100), (50, 800))
    assert [(one.change, one.severity) for one in transitions] == [
        (Change.FIRED, INFO),
        (Change.ESCALATED, CRITICAL),
        (Change.SILENT, CRITICAL),
        (Change.HEARD, CRITICAL),
        (Change.EASED, INFO),
        (Change.ESCALATED, CRITICAL),
        (Change.CLEARED, CRITICAL),
    ]


def test_rules_and_devices_do_not_disturb_each_other() -> None:
    book = make_book(NOW, COLD)
    readings = [
        make_reading(0, 1200, temperature=10.0),
        make_reading(0, 1200, device="hall"),
        make_reading(1, temperature=20.0),
        make_reading(2, 500),
    ]
    assert tell(judge_all(book, readings)) == [
        ("co2-high", Change.FIRED, 0),
        ("cold", Change.FIRED, 0),
        ("co2-high", Change.FIRED, 0),
        ("cold", Change.CLEARED, 1),
        ("co2-high", Change.CLEARED, 2),
    ]
    assert [(record.device, record.rule) for record in book.list_firing()] == [("hall", "co2-high")]


def test_other_types_and_missing_fields_are_not_judged() -> None:
    book = make_book(NOW)
    assert not book.judge_reading(make_reading(0, 2000)._replace(type_key="water_meter"))
    assert not book.judge_reading(make_reading(0, temperature=20.0))
    assert book.take_changed() == []


def test_only_what_changed_is_stored_and_the_latest_counts() -> None:
    book = make_book(CO2)
    judge_series(book, (0, 1100), (10, 1100), (20, 1100))
    (record,) = book.take_changed()
    assert (record.phase, record.since_ms, record.time_ms) == (PENDING, 0, 0)
    judge_series(book, (29, 1300))
    assert book.take_changed() == []
    judge_series(book, (30, 1100), (40, 700))
    (record,) = book.take_changed()
    assert (record.phase, record.since_ms, record.time_ms, record.value) == (OK, 0, 40 * MINUTE_MS, 700)


def test_what_is_told_of_silence_is_the_same_after_a_restart() -> None:
    patient = replace(NOW, clear_ms=60 * MINUTE_MS)
    before, after = make_book(patient), make_book(patient)
    judge_series(before, (0, 1100), (5, 850), (10, 700))
    after.restore(before.take_changed())
    assert before.list_records() == after.list_records()
    told = [book.judge_silence([Quiet("room", 4)], 50 * MINUTE_MS) for book in (before, after)]
    assert told[0] == told[1] != []


# Withdrawals.


def test_an_alert_is_withdrawn_when_its_rule_vanishes() -> None:
    book = make_book(NOW, COLD)
    judge_all(book, [make_reading(5, 1200, temperature=10.0)])
    book.take_changed()
    (withdrawal,) = book.replace_rules({COLD.key: COLD}, TOWN, 99 * MINUTE_MS)
    assert withdrawal.rule is NOW
    assert tell([withdrawal.transition]) == [("co2-high", Change.WITHDRAWN, 99)]
    assert (withdrawal.transition.phase, withdrawal.transition.severity) == (OK, INFO)
    assert (withdrawal.transition.since_ms, withdrawal.transition.value) == (5 * MINUTE_MS, 1200)
    assert [(record.rule, record.phase) for record in book.take_changed()] == [("co2-high", OK)]
    assert [record.rule for record in book.list_firing()] == ["cold"]
    with pytest.raises(KeyError):
        book.find_rule("co2-high")
    assert not book.judge_reading(make_reading(100, 2000))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NOW, replace(NOW, field="humidity")),
        (NOW, replace(NOW, device_type="water_meter")),
        (NOW, replace(NOW, levels=COLD.levels)),
        (NOW, replace(NOW, derivation=Mean(MINUTE_MS))),
        (NOW, replace(NOW, reference=Reference("hall", MINUTE_MS))),
        (NOW, replace(NOW, group=TOGETHER.group)),
        (NOW, replace(NOW, subjects=Subjects(devices=frozenset({"hall"})))),
        (NOW, replace(NOW, overrides=(Override(Subjects(sites=frozenset({"school"})), ()),))),
        (TOGETHER, replace(TOGETHER, subjects=Subjects(categories=frozenset({"park"})))),
    ],
)
def test_an_alert_is_withdrawn_when_its_rule_watches_something_else(before: Rule, after: Rule) -> None:
    book = make_book(before)
    judge_series(book, (5, 1200))
    assert [one.transition.change for one in book.replace_rules({after.key: after}, TOWN, 0)] == [Change.WITHDRAWN]
    assert book.list_firing() == []


@pytest.mark.parametrize(
    ("rule", "devices"),
    [
        (NOW, [make_device("hall")]),
        (NOW, [make_device("room", "water_meter")]),
        (TOGETHER, [make_device("yard")]),
        (TOGETHER, [make_device("room", "water_meter")]),
    ],
)
def test_an_alert_is_withdrawn_when_its_device_or_the_last_of_its_group_is_gone(
    rule: Rule, devices: Sequence[Device]
) -> None:
    book = make_book(rule)
    judge_series(book, (5, 1200))
    assert len(book.replace_rules({rule.key: rule}, make_town(*devices), 0)) == 1
    assert book.list_firing() == []


def test_the_alert_of_a_group_stands_while_one_of_its_devices_is_there() -> None:
    book = make_book(TOGETHER)
    judge_series(book, (5, 1200))
    assert book.replace_rules({TOGETHER.key: TOGETHER}, make_town(make_device("hall")), 0) == []
    assert [record.device for record in book.list_firing()] == ["school:"]


def test_what_is_pending_is_withdrawn_without_a_word() -> None:
    book = make_book(CO2)
    judge_series(book, (5, 1200))
    assert book.replace_rules({}, TOWN, 0) == []
    assert [record.phase for record in book.take_changed()] == [OK]


def test_firings_that_count_for_flapping_are_forgotten_with_the_rule() -> None:
    book = make_book(FLAPPING)
    judge_series(book, (0, 1200), (1, 800))
    assert [record.phase for record in book.list_records()] == [OK]
    assert book.replace_rules({}, TOWN, 0) == []
    assert [record.firings_ms for record in book.take_changed()] == [()]


def test_an_alert_stands_when_only_the_levels_of_its_rule_change() -> None:
    book = make_book(NOW)
    judge_series(book, (5, 1200))
    higher = replace(NOW, levels=(replace(NOW.levels[0], high=1500.0, clear_high=1300.0),))
    assert book.replace_rules({"co2-high": higher}, TOWN, 0) == []
    assert tell(judge_series(book, (6, 1200))) == [("co2-high", Change.CLEARED, 6)]


def test_an_alert_of_a_severity_that_its_rule_has_lost_takes_the_mildest() -> None:
    book = make_book(NOW)
    judge_series(book, (5, 1200))
    graver = at_once(CO2, CRITICAL)
    assert book.replace_rules({"co2-high": graver}, TOWN, 0) == []
    (cleared,) = judge_series(book, (6, 1200), (7, 800))
    assert (cleared.change, cleared.severity) == (Change.CLEARED, CRITICAL)


def test_an_alert_whose_rule_vanished_while_no_collector_ran_is_withdrawn_at_its_old_place() -> None:
    before, after = make_book(NOW), make_book()
    judge_series(before, (5, 1200))
    after.restore(before.take_changed())
    (withdrawal,) = after.replace_rules({}, TOWN, 7 * MINUTE_MS)
    assert withdrawal.rule is None
    assert (withdrawal.transition.site, withdrawal.transition.zone) == ("school", "room")


def test_what_is_older_than_the_state_changes_nothing_also_after_a_restart() -> None:
    before, after = make_book(NOW), make_book(NOW)
    judge_series(before, (10, 2000))
    after.restore(before.take_changed())
    assert not after.judge_reading(make_reading(9, 500))
    assert after.judge_reading(make_reading(10, 500))


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (MEAN, replace(MEAN, derivation=Rate(20 * MINUTE_MS))),
        (MEAN, replace(MEAN, derivation=Mean(60 * MINUTE_MS))),
        (MEAN, replace(MEAN, reference=Reference("room", MINUTE_MS))),
        (MEAN, replace(MEAN, field="humidity")),
        (TOGETHER, replace(TOGETHER, derivation=Rate(20 * MINUTE_MS))),
        (AGAINST, replace(AGAINST, group=TOGETHER.group)),
    ],
)
def test_what_one_derivation_remembers_is_not_given_to_another(before: Rule, after: Rule, *, restarts: bool) -> None:
    book, fresh = make_book(before), make_book(replace(after, key=before.key))
    readings = [
        make_reading(number, 700, device=room, humidity=40.0) for number in range(30) for room in ("hall", "room")
    ]
    judge_all(book, readings)
    rules = {before.key: replace(after, key=before.key)}
    if restarts:
        states = book.take_states()
        book = AlertBook(rules, TOWN)
        book.restore([], states)
    book.replace_rules(rules, TOWN, 0)
    assert not any(book.copy_states(shard) for shard in range(64))
    later = [make_reading(number, 10.0 * number, device=room) for number in range(30, 60) for room in ("hall", "room")]
    assert judge_all(book, later) == judge_all(fresh, later)
    assert [book.copy_states(shard) for shard in range(64)] == [fresh.copy_states(shard) for shard in range(64)]


# Of whom a rule speaks.


def test_a_rule_speaks_only_of_the_devices_that_it_names_and_of_some_in_other_words() -> None:
    rule = replace(
        NOW,
        subjects=Subjects(sites=frozenset({"school"})),
        overrides=(
            Override(Subjects(devices=frozenset({"hall"})), (replace(NOW.levels[0], high=2000.0, clear_high=1900.0),)),
            Override(Subjects(categories=frozenset({"school"}), devices=frozenset({"cellar"})), ()),
        ),
    )
    rooms = ("room", "hall", "yard", "cellar")
    book = AlertBook({rule.key: rule}, make_town(*map(make_device, rooms)))
    fired = judge_all(book, [make_reading(0, 1500, device=room) for room in rooms])
    fired += judge_all(book, [make_reading(1, 2500, device=room) for room in rooms])
    assert [(one.device, one.time_ms) for one in fired] == [("room", 0), ("hall", MINUTE_MS)]


def test_a_rule_is_watched_in_the_opening_hours_of_the_site() -> None:
    hours = [OpeningHours(weekday, 8 * 60, 16 * 60) for weekday in range(5)]
    book = AlertBook({AT_SCHOOL.key: AT_SCHOOL}, make_town(opening_hours=hours))
    at_night, at_school, in_the_evening = (MONDAY + hour * 60 for hour in (5, 9, 17))
    series = [(float(minute), 1500.0) for minute in (at_night, at_school, in_the_evening)]
    assert tell(judge_series(book, *series)) == [
        ("co2-open", Change.FIRED, at_school),
        ("co2-open", Change.CLEARED, in_the_evening),
    ]
    assert tell(judge_series(book, *series, device="yard")) == [("co2-open", Change.FIRED, at_night)]


def test_a_group_is_judged_by_the_fresh_values_of_its_devices_together() -> None:
    book = make_book(TOGETHER)
    assert judge_series(book, (0, 700)) == []
    (fired,) = judge_series(book, (1, 1400), device="hall")
    assert (fired.device, fired.site, fired.zone, fired.value) == ("school:", "school", "hall", 1050)
    assert judge_series(book, (1, 5000), device="yard")[0].device == "park:"
    assert judge_series(book, (0.5, 100)) == []  # older than the newest of the group: it changes a member, no more
    (cleared,) = judge_series(book, (2, 1400), device="hall")
    assert (cleared.change, cleared.value) == (Change.CLEARED, 750)
    (fired,) = judge_series(book, (16, 1400), device="hall")
    assert (fired.change, fired.value) == (Change.FIRED, 1400)  # the room's value is no longer fresh


def test_what_is_older_than_the_newest_of_its_group_only_changes_a_member() -> None:
    book = make_book(TOGETHER)
    judge_series(book, (5, 500), device="hall")
    assert judge_series(book, (4, 9000)) == []
    assert [one.value for one in judge_series(book, (6, 500), device="hall")] == [4750]


def test_a_device_is_compared_with_another_while_that_is_heard() -> None:
    book = make_book(AGAINST)
    assert judge_series(book, (0, 2500)) == []
    assert judge_series(book, (1, 450), device="hall") == []
    (fired,) = judge_series(book, (2, 1500))
    assert (fired.device, fired.value) == ("room", 1050)
    assert judge_series(book, (40, 500)) == []
    judge_series(book, (41, 100), device="hall")
    assert [one.change for one in judge_series(book, (42, 500))] == [Change.CLEARED]


def test_the_other_device_is_heard_also_where_the_rule_does_not_watch_it() -> None:
    only = replace(AGAINST, reference=Reference("yard", 30 * MINUTE_MS), subjects=Subjects(sites=frozenset({"school"})))
    book = make_book(only)
    judge_series(book, (1, 450), device="yard")
    assert tell(judge_series(book, (2, 1500))) == [("co2-against", Change.FIRED, 2)]


# Silence.


def test_a_rule_about_silence_fires_when_it_lasts_and_clears_when_the_device_is_heard() -> None:
    book = make_book(SILENT)
    assert book.judge_silence([Quiet("room", 4.0)], 10 * MINUTE_MS) == []
    (fired,) = book.judge_silence([Quiet("room", 5.5), Quiet("hall", 4.0)], 20 * MINUTE_MS)
    assert (fired.device, fired.value, fired.severity, fired.time_ms) == ("room", 5.5, WARNING, 20 * MINUTE_MS)
    assert book.judge_silence([Quiet("room", 9.0)], 30 * MINUTE_MS) == []
    assert judge_series(book, (19, 500)) == []  # what it measured before says nothing of now
    assert tell(judge_series(book, (31, 500))) == [("silent", Change.CLEARED, 31)]


def test_a_dead_device_ends_no_alert_and_is_told_once() -> None:
    book = make_book(NOW)
    judge_series(book, (0, 1200), (0, 1200))
    told = [one for minute in range(10, 100, 10) for one in book.judge_silence([Quiet("room", 5)], minute * MINUTE_MS)]
    assert [(one.change, one.phase, one.value) for one in told] == [(Change.SILENT, AlertPhase.SILENT, 1200)]
    assert [record.phase for record in book.list_firing()] == [AlertPhase.SILENT]
    assert [record.phase for record in book.take_changed()] == [AlertPhase.SILENT]
    assert tell(judge_series(book, (100, 800))) == [("co2-high", Change.CLEARED, 100)]


def test_the_share_of_silent_devices_of_a_site_fires_and_clears() -> None:
    book = make_book(MISSING)
    assert book.judges_shares
    (fired,) = book.judge_shares({("indoor_climate", "school"): 60, ("water_meter", "school"): 90}, 10 * MINUTE_MS)
    assert (fired.device, fired.site, fired.zone, fired.value) == ("school:", "school", "", 60)
    assert book.judge_shares({("indoor_climate", "school"): 30}, 20 * MINUTE_MS) == []
    (cleared,) = book.judge_shares({("indoor_climate", "school"): 20}, 30 * MINUTE_MS)
    assert cleared.change is Change.CLEARED
    assert not make_book(CO2, SILENT).judges_shares


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        (replace(MISSING, subjects=Subjects(sites=frozenset({"park"}))), ["park:"]),
        (replace(MISSING, overrides=(Override(Subjects(categories=frozenset({"park"})), ()),)), ["school:"]),
        (MISSING, ["school:", "park:"]),
    ],
)
def test_the_share_of_silent_devices_is_judged_only_at_the_sites_that_are_meant(rule: Rule, fires: list[str]) -> None:
    shares = {("indoor_climate", site): 100.0 for site in ("school", "park")}
    assert [one.device for one in make_book(rule).judge_shares(shares, 0)] == fires


# Late readings.


def test_a_late_reading_is_named_with_the_level_it_is_beyond_and_changes_nothing() -> None:
    book = make_book(STEPS, MEAN, SILENT, COLD)
    judge_series(book, (10, 500))
    late = book.list_late(make_reading(5, 1600, temperature=20.0))
    assert [(rule.key, level.severity, value) for rule, level, value in late] == [("co2-steps", WARNING, 1600)]
    assert book.list_late(make_reading(5, 1000)) == []
    assert (book.list_records(), book.take_changed()) == ([], [])


def test_a_late_reading_of_a_time_that_is_not_watched_is_not_named() -> None:
    hours = [OpeningHours(weekday, 8 * 60, 16 * 60) for weekday in range(5)]
    book = AlertBook({AT_SCHOOL.key: AT_SCHOOL}, make_town(opening_hours=hours))
    assert [len(book.list_late(make_reading(MONDAY + hour * 60, 1600))) for hour in (5, 9, 17)] == [0, 1, 0]
