"""Who is told when: routes, escalation, reminders, quiet, backlog, grouping and limits."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.incidents.incident import Incident
from ingest.incidents.maintenance import Maintenance
from ingest.notify.rota import Rota, Turn
from ingest.notify.routing import Route, Routing
from ingest.notify.want import (
    ACKNOWLEDGED_BEFORE,
    BACKLOG_CLEARED,
    CLEARED_BEFORE,
    NO_ROUTE,
    SIMULATED,
)
from schemas.rule import AlertPhase, Severity
from schemas.schedule import Schedule, Use
from tests.notify_stand import (
    DEVICE,
    HOUR_MS,
    INVENTORY,
    MINUTE_MS,
    NOW_MS,
    RULES,
    World,
    local_ms,
    make_contact,
    make_incident,
    make_routing,
)

DRIFT = Route("drift", ("kari",))
INFO, WARNING, CRITICAL = Severity


def clear(incident: Incident, time_ms: int) -> Incident:
    """Return an Incident when it is over."""
    return incident._replace(cleared_ms=time_ms, phase=AlertPhase.OK)


def raise_severity(incident: Incident) -> Incident:
    """Return an Incident when it became critical."""
    return incident._replace(severity=CRITICAL, acknowledged_ms=None, acknowledged_by="")


def list_untold(world: World) -> list[str]:
    """Return why nobody is told, in order."""
    return [step.text for step in world.situation.untold]


def test_what_fires_is_told_once_and_its_end_once() -> None:
    world = World(make_routing(DRIFT), make_incident())
    assert world.tell() == [("kari", "first-warning")]
    assert world.tell(MINUTE_MS) == []
    world.become(clear(make_incident(), NOW_MS + MINUTE_MS))
    assert world.tell(MINUTE_MS) == [("kari", "cleared-warning")]
    assert world.tell(MINUTE_MS) == []
    assert list_untold(world) == []


def test_a_route_may_be_quiet_about_the_end() -> None:
    world = World(make_routing(DRIFT._replace(say_cleared=False)), make_incident())
    world.tell()
    world.become(clear(make_incident(), NOW_MS))
    assert world.tell() == []


@pytest.mark.parametrize(
    "route",
    [
        DRIFT._replace(severities=frozenset({CRITICAL})),
        DRIFT._replace(sites=frozenset({"school"})),
        DRIFT._replace(categories=frozenset({"school"})),
        DRIFT._replace(rules=frozenset({"co2-high"})),
        DRIFT._replace(schedule=Schedule(Use.CLOSED)),
        DRIFT._replace(schedule=Schedule(weekdays=frozenset({5, 6}))),
    ],
)
def test_an_incident_that_no_route_is_for_is_seen_to_be_told_to_nobody(route: Route) -> None:
    world = World(make_routing(route), make_incident())
    assert world.tell() == []
    assert world.tell(MINUTE_MS) == []
    assert list_untold(world) == [NO_ROUTE]


def test_a_route_of_the_night_tells_when_its_time_comes() -> None:
    world = World(make_routing(DRIFT._replace(schedule=Schedule(from_min=16 * 60, to_min=7 * 60))), make_incident())
    assert world.tell() == []
    assert world.tell(4 * HOUR_MS) == [("kari", "first-warning")]


def test_a_contact_of_two_routes_is_told_once() -> None:
    other = Route("other", ("kari", "ola"), group_within_ms=MINUTE_MS)
    world = World(make_routing(other, DRIFT), make_incident())
    assert world.tell() == [("kari", "first-warning")]
    assert world.tell(MINUTE_MS) == [("ola", "first-warning")]
    world.become(clear(make_incident(), NOW_MS))
    assert sorted(world.tell()) == [("kari", "cleared-warning"), ("ola", "cleared-warning")]


ESCALATING = DRIFT._replace(
    escalate_after_ms=15 * MINUTE_MS, escalate_to=(("ola",), ("leder",)), remind_every_ms=HOUR_MS
)


def test_while_nobody_acknowledges_it_escalates_and_reminds() -> None:
    world = World(make_routing(ESCALATING), make_incident())
    world.tell()
    assert world.tell(14 * MINUTE_MS) == []
    assert world.tell(MINUTE_MS) == [("ola", "escalation-warning-1")]
    assert world.tell(15 * MINUTE_MS) == [("leder", "escalation-warning-2")]
    assert world.tell(30 * MINUTE_MS) == [("kari", "reminder-warning-1")]
    assert world.tell(3 * HOUR_MS) == [("kari", "reminder-warning-4")]


def test_an_acknowledgement_ends_escalation_until_it_is_more_severe() -> None:
    world = World(make_routing(ESCALATING), make_incident())
    world.tell()
    world.become(make_incident()._replace(acknowledged_ms=NOW_MS + 1))
    assert world.tell(5 * HOUR_MS) == []
    world.become(raise_severity(make_incident()))
    assert world.tell() == [("kari", "raised-critical")]
    assert world.tell(15 * MINUTE_MS) == [("ola", "escalation-critical-1")]


def test_one_that_eased_is_followed_up_as_what_it_was() -> None:
    world = World(make_routing(ESCALATING), make_incident(severity=CRITICAL))
    world.tell()
    world.become(make_incident(severity=WARNING))
    assert world.tell(15 * MINUTE_MS) == [("ola", "escalation-critical-1")]
    world.become(make_incident(severity=CRITICAL))
    assert world.tell() == []


def test_one_acknowledged_before_anybody_was_told_says_so() -> None:
    world = World(make_routing(DRIFT), make_incident()._replace(acknowledged_ms=NOW_MS))
    assert world.tell() == []
    assert list_untold(world) == [ACKNOWLEDGED_BEFORE]


def test_nobody_is_told_while_it_is_snoozed() -> None:
    world = World(make_routing(ESCALATING), make_incident())
    world.tell()
    world.become(make_incident()._replace(snoozed_until_ms=NOW_MS + 2 * HOUR_MS))
    assert world.tell(2 * HOUR_MS - 1) == []
    assert sorted(world.tell(1)) == [
        ("kari", "reminder-warning-2"),
        ("leder", "escalation-warning-2"),
        ("ola", "escalation-warning-1"),
    ]


def test_what_cleared_in_a_snooze_is_told_at_its_end() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.tell()
    world.become(clear(make_incident()._replace(snoozed_until_ms=NOW_MS + HOUR_MS), NOW_MS + 1))
    assert world.tell(MINUTE_MS) == []
    assert world.tell(HOUR_MS) == [("kari", "cleared-warning")]


def maintain(sites: frozenset[str] = frozenset({"hall"})) -> Maintenance:
    """Return a Maintenance of an hour."""
    nothing = frozenset[str]()
    return Maintenance(3, sites, nothing, nothing, "ny kompressor", "kari", NOW_MS, NOW_MS + HOUR_MS)


def test_nobody_is_told_in_a_maintenance_and_what_still_fires_is_told_at_its_end() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.change(maintenance=[maintain()])
    assert world.tell() == []
    assert list_untold(world) == ["maintenance 3: ny kompressor"]
    assert world.tell(HOUR_MS) == [("kari", "first-warning")]


def test_what_began_and_ended_in_a_maintenance_is_never_told() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.change(maintenance=[maintain()])
    world.tell()
    world.become(clear(make_incident(), NOW_MS + MINUTE_MS))
    assert world.tell(2 * HOUR_MS) == []
    assert list_untold(world) == ["maintenance 3: ny kompressor"]


def test_who_was_told_is_told_once_that_the_sensor_has_fallen_silent_acknowledged_or_not() -> None:
    for acknowledged_ms in (None, NOW_MS):
        world = World(make_routing(DRIFT), make_incident())
        assert world.tell() == [("kari", "first-warning")]
        silent = make_incident()._replace(phase=AlertPhase.SILENT, acknowledged_ms=acknowledged_ms)
        world.become(silent)
        assert world.tell(MINUTE_MS) == [("kari", "silent-warning")]
        assert world.tell(MINUTE_MS) == []


def test_who_was_told_of_the_silence_is_told_once_that_the_sensor_is_heard_again_acknowledged_or_not() -> None:
    for acknowledged_ms in (None, NOW_MS):
        world = World(make_routing(DRIFT), make_incident())
        world.tell()
        fires = make_incident()._replace(acknowledged_ms=acknowledged_ms)
        world.become(fires._replace(phase=AlertPhase.SILENT))
        world.tell(MINUTE_MS)
        world.become(fires)
        assert world.tell(MINUTE_MS) == [("kari", "heard-warning")]
        assert world.tell(HOUR_MS) == []


def test_who_was_not_told_of_the_silence_is_not_told_that_it_ended() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.tell()
    world.become(make_incident()._replace(phase=AlertPhase.SILENT, snoozed_until_ms=NOW_MS + HOUR_MS))
    assert world.tell(MINUTE_MS) == []
    world.become(make_incident())
    assert world.tell(MINUTE_MS) == []


def test_a_sensor_that_comes_and_goes_is_told_silent_once_an_hour_and_ends_as_what_it_is() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.tell()
    silent, told = make_incident()._replace(phase=AlertPhase.SILENT), []
    for minute in range(150):
        world.become(silent if minute % 10 < 5 else make_incident())
        told += [stage for _, stage in world.tell(MINUTE_MS)]
    assert told == [f"{kind}-warning{number}" for number in ("", "-1", "-2") for kind in ("silent", "heard")]


def test_that_a_sensor_is_heard_again_waits_for_the_limit_of_its_route_and_is_not_told_if_it_is_over_by_then() -> None:
    for is_over, told in ((False, "heard-warning"), (True, "cleared-warning")):
        world = World(make_routing(DRIFT._replace(most_per_hour=2)), make_incident())
        world.tell()
        world.become(make_incident()._replace(phase=AlertPhase.SILENT))
        world.tell(MINUTE_MS)
        world.become(make_incident())
        assert world.tell(MINUTE_MS) == []
        if is_over:
            world.become(clear(make_incident(), NOW_MS + 3 * MINUTE_MS))
        assert world.tell(HOUR_MS) == [("kari", told)]


def test_an_inhibited_incident_waits_until_what_explains_it_is_over() -> None:
    gateway = make_incident(1)._replace(rule="gateway-silent")
    world = World(make_routing(DRIFT), gateway, make_incident(2))
    made = world.plan()
    assert [[telling.incident for telling in one.tellings] for one in made.deliveries] == [[1]]
    assert [(step.incident, step.text) for step in made.steps] == [
        (2, "gateway-silent fires at hall, which explains it")
    ]
    world.become(clear(gateway, NOW_MS + MINUTE_MS))
    made = world.plan(MINUTE_MS)
    assert [telling.incident for telling in made.deliveries[0].tellings] == [1, 2]


@pytest.mark.parametrize(("device", "inhibits"), [("gateway-1", True), ("gateway-2", False)])
def test_a_silent_gateway_inhibits_what_is_heard_through_it_wherever_it_is(device: str, inhibits: bool) -> None:  # noqa: FBT001
    silent = make_incident(1)._replace(rule="gateway-silent", device=device, site="tower")
    heard = replace(DEVICE, gateway="gateway-1")
    world = World(make_routing(DRIFT), silent, make_incident(2), make_incident(3)._replace(device="hall:"))
    world.change(
        rules={**RULES, "gateway-silent": replace(RULES["gateway-silent"], device_type="gateway")},
        inventory=replace(INVENTORY, devices={heard.id: heard}),
    )
    made = world.plan()
    why = "gateway-silent fires for gateway-1, through which it is heard, which explains it"
    assert [(step.incident, step.text) for step in made.steps] == ([(2, why), (3, why)] if inhibits else [])
    assert [telling.incident for telling in made.deliveries[0].tellings] == ([1] if inhibits else [1, 2, 3])


def test_what_fires_at_a_whole_inhibits_its_parts_but_not_the_other_way() -> None:
    whole = make_incident(1)._replace(rule="gateway-silent", site="campus")
    world = World(make_routing(DRIFT), whole, make_incident(2))
    sites = {
        "hall": replace(INVENTORY.sites["hall"], part_of="campus"),
        "campus": replace(INVENTORY.sites["hall"], key="campus"),
    }
    world.change(inventory=replace(INVENTORY, sites=sites))
    assert [step.text for step in world.plan().steps] == ["gateway-silent fires at campus, which explains it"]
    other = World(make_routing(DRIFT), whole._replace(site="hall"), make_incident(2)._replace(site="campus"))
    other.change(inventory=replace(INVENTORY, sites=sites))
    assert other.plan().steps == ()


def test_rules_that_inhibit_each_other_inhibit_nothing() -> None:
    gateway = make_incident(1)._replace(rule="gateway-silent")
    world = World(make_routing(DRIFT), gateway, make_incident(2))
    world.change(rules={**RULES, "gateway-silent": replace(RULES["gateway-silent"], inhibited_by=("room-too-cold",))})
    assert len(world.plan().deliveries[0].tellings) == 2


def test_a_simulated_incident_neither_inhibits_nor_is_told() -> None:
    gateway = make_incident(1)._replace(rule="gateway-silent", simulated=True)
    world = World(make_routing(DRIFT), gateway, make_incident(2))
    assert [telling.incident for telling in world.plan().deliveries[0].tellings] == [2]
    assert list_untold(world) == [SIMULATED]
    world.change(accepts_simulated=True)
    assert [telling.incident for telling in world.plan().deliveries[0].tellings] == [1]


def test_a_freezer_that_thawed_in_an_outage_is_told_once_when_the_backlog_is_judged() -> None:
    world = World(make_routing(DRIFT), make_incident()._replace(fired_ms=NOW_MS - 3 * HOUR_MS))
    world.change(is_caught_up=False)
    assert world.tell() == []
    assert world.tell(MINUTE_MS) == []
    world.change(is_caught_up=True)
    assert world.tell() == [("kari", "first-warning")]
    assert world.tell(MINUTE_MS) == []


def test_what_came_and_went_in_the_backlog_is_written_down_only() -> None:
    late = make_incident()._replace(fired_ms=NOW_MS - 3 * HOUR_MS)
    world = World(make_routing(DRIFT), clear(late, NOW_MS - 2 * HOUR_MS))
    assert world.tell() == []
    assert world.tell(MINUTE_MS) == []
    assert list_untold(world) == [BACKLOG_CLEARED]


def test_what_is_new_is_told_at_once_although_a_backlog_waits() -> None:
    world = World(make_routing(DRIFT), make_incident())
    world.change(is_caught_up=False)
    assert world.tell() == [("kari", "first-warning")]


def test_what_fires_within_the_grouping_window_is_one_message() -> None:
    world = World(make_routing(DRIFT._replace(group_within_ms=2 * MINUTE_MS)), make_incident(1))
    assert world.tell() == []
    world.change(incidents=[make_incident(1), make_incident(2, time_ms=NOW_MS + 119_000)])
    assert world.tell(119_000) == []
    assert world.tell(1_000) == [("kari", "summary")]


def test_what_is_over_within_the_grouping_window_is_written_down_only() -> None:
    world = World(make_routing(DRIFT._replace(group_within_ms=2 * MINUTE_MS)), make_incident())
    world.tell()
    world.become(clear(make_incident(), NOW_MS + MINUTE_MS))
    assert world.tell(2 * MINUTE_MS) == []
    assert list_untold(world) == [CLEARED_BEFORE]


def test_a_thousand_alerts_at_once_are_one_summary_to_each_contact() -> None:
    world = World(make_routing(DRIFT._replace(to=("kari", "ola"))), *map(make_incident, range(1, 1_001)))
    made = world.plan()
    told = [(one.contact, one.stage, len(one.tellings)) for one in made.deliveries]
    assert told == [("kari", "summary", 1_000), ("ola", "summary", 1_000)]
    assert all(len(one.body) < 5_000 for one in made.deliveries)
    assert world.plan(MINUTE_MS).deliveries == ()


def test_no_more_messages_an_hour_than_the_limit_and_what_waited_comes_as_one() -> None:
    world = World(make_routing(DRIFT._replace(most_per_hour=3)))
    told = list(world.situation.deliveries)
    for number in range(1, 31):  # one each minute
        time_ms = NOW_MS + number * MINUTE_MS
        world.change(incidents=[*world.situation.incidents, make_incident(number, time_ms=time_ms)], now_ms=time_ms)
        told += world.plan().deliveries
    assert [len(one.tellings) for one in told] == [1, 1, 1]
    assert "samles til 15.01.2026 kl. 13.01" in told[-1].body
    assert len(set(list_untold(world))) == 1
    assert [len(one.tellings) for one in world.plan(31 * MINUTE_MS).deliveries] == [27]
    assert "held back" in list_untold(world)[0]


ROTA = Rota("vakt", 8 * 60, (Turn(date(2026, 1, 12), ("kari", "ola"), 7),))


def test_a_handover_tells_nobody_again_and_the_next_reminder_goes_to_who_is_on_call() -> None:
    routing = make_routing(Route("drift", ("vakt",), remind_every_ms=24 * HOUR_MS))._replace(rotas={"vakt": ROTA})
    world = World(routing, make_incident())
    assert world.tell() == [("kari", "first-warning")]
    world.change(now_ms=local_ms("2026-01-19T08:01"))
    assert world.tell() == [("ola", "reminder-warning-3")]
    assert world.tell(MINUTE_MS) == []


def test_an_escalation_to_a_rota_is_told_once_whoever_takes_over() -> None:
    route = DRIFT._replace(escalate_after_ms=MINUTE_MS, escalate_to=(("vakt",),), to=("leder",))
    routing = make_routing(route)._replace(rotas={"vakt": ROTA})
    world = World(routing, make_incident())
    world.tell()
    assert world.tell(MINUTE_MS) == [("kari", "escalation-warning-1")]
    world.change(now_ms=local_ms("2026-01-19T08:01"))
    assert world.tell() == []


def test_a_route_whose_contact_another_route_told_escalates_all_the_same() -> None:
    other = Route("other", ("kari",), escalate_after_ms=MINUTE_MS, escalate_to=(("leder",),))
    world = World(make_routing(DRIFT, other), make_incident())
    assert world.tell() == [("kari", "first-warning")]
    assert world.tell(MINUTE_MS) == [("leder", "escalation-warning-1")]


def test_where_nobody_is_on_call_that_is_seen() -> None:
    routing = make_routing(Route("drift", ("vakt",)))._replace(rotas={"vakt": ROTA})
    world = World(routing, make_incident(), now_ms=local_ms("2026-01-10T12:00"))
    assert world.tell() == []
    assert list_untold(world) == ["nobody is on call for route drift"]


def test_a_contact_held_back_by_its_limit_is_not_forgotten_when_another_was_told() -> None:
    world = World(make_routing(DRIFT._replace(to=("kari", "ola"), most_per_hour=1)), make_incident())
    world.tell()
    other = make_routing(DRIFT._replace(to=("kari", "ola", "leder"), most_per_hour=1))
    world.change(routing=other, incidents=[make_incident(1), make_incident(2)])
    assert world.tell(MINUTE_MS) == [("leder", "summary")]
    assert sorted(world.tell(HOUR_MS)) == [("kari", "first-warning"), ("ola", "first-warning")]


severities = st.sampled_from(list(Severity))
moments = st.integers(NOW_MS - 2 * HOUR_MS, NOW_MS + 2 * HOUR_MS)
incidents = st.builds(
    lambda severity, fired, noted, rule, simulated, snoozed, acknowledged, cleared: make_incident(
        1, severity, fired
    )._replace(
        noted_ms=noted, rule=rule, simulated=simulated, snoozed_until_ms=snoozed, acknowledged_ms=acknowledged,
        cleared_ms=cleared,
    ),
    severities, moments, moments, st.sampled_from(["room-too-cold", "gateway-silent", "gone"]), st.booleans(),
    st.just(0) | moments, st.none() | moments, st.none() | moments,
)  # fmt: skip
routes = st.builds(
    Route,
    key=st.sampled_from(["a", "b"]),
    to=st.sampled_from([("kari",), ("kari", "ola"), ("vakt",)]),
    severities=st.frozensets(severities),
    schedule=st.sampled_from([Schedule(), Schedule(Use.OPEN), Schedule(from_min=16 * 60, to_min=7 * 60)]),
    escalate_after_ms=st.just(15 * MINUTE_MS),
    escalate_to=st.sampled_from([(), (("leder",),), (("vakt",), ("leder",))]),
    remind_every_ms=st.sampled_from([0, HOUR_MS]),
    group_within_ms=st.sampled_from([0, 2 * MINUTE_MS]),
    most_per_hour=st.integers(1, 3),
)
routings = st.builds(
    lambda some: Routing(
        {key: make_contact(key) for key in ("kari", "ola", "leder")}, {"vakt": ROTA}, {one.key: one for one in some}
    ),
    st.lists(routes, max_size=2),
)
numbered = st.lists(incidents, max_size=5).map(lambda some: [one._replace(id=n) for n, one in enumerate(some, 1)])
waits = st.lists(st.integers(0, 2 * HOUR_MS), max_size=6)


@given(numbered, routings, waits, st.booleans())
def test_planned_again_with_its_own_result_it_adds_nothing(
    some: list[Incident],
    routing: Routing,
    after: list[int],
    is_caught_up: bool,  # noqa: FBT001 - drawn
) -> None:
    world = World(routing, *some)
    world.change(is_caught_up=is_caught_up)
    keys: list[str] = []
    for wait_ms in [0, *after]:
        keys += [one.key for one in world.plan(wait_ms).deliveries]
        again = world.plan()
        assert again.deliveries == ()
        assert again.steps == ()
    assert len(keys) == len(set(keys))


@given(numbered, routings, waits)
def test_nobody_is_told_of_what_is_snoozed_or_in_maintenance(
    some: list[Incident], routing: Routing, after: list[int]
) -> None:
    world = World(routing, *some)
    world.change(maintenance=[maintain()])
    for wait_ms in [0, *after]:
        made = world.plan(wait_ms)
        now_ms = world.situation.now_ms
        told = {telling.incident for one in made.deliveries for telling in one.tellings}
        for one in some:
            if one.id in told:
                assert now_ms >= one.snoozed_until_ms
                assert not maintain().covers(one, now_ms)


@given(numbered, routings)
def test_every_critical_incident_that_fires_is_told_in_the_end_or_there_is_a_reason(
    some: list[Incident], routing: Routing
) -> None:
    world = World(routing, *some)
    for _ in range(6):
        world.plan(HOUR_MS)
    told = {telling.incident for one in world.situation.deliveries for telling in one.tellings}
    with_reason = {step.incident for step in world.situation.untold}
    for one in some:
        if one.severity is CRITICAL and one.cleared_ms is None:
            assert one.id in told | with_reason
