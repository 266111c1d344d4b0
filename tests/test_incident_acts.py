"""What people do about an incident: done, or refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.incidents.act import LONGEST_TEXT, MOST_SNOOZED_MS, Act, Acted, ActKind, Refused, act
from ingest.incidents.incident import Incident, IncidentState, StepKind, follow_transition, make_step
from schemas.rule import Change, Severity
from tests.incident_rows import NOW_MS, make_incident, make_transition

LATER_MS = NOW_MS + 600_000
FIRING = make_incident()
CLEARED = follow_transition(FIRING, make_transition(Change.CLEARED))
CLOSED = CLEARED._replace(closed_ms=NOW_MS)
SNOOZE = Act(ActKind.SNOOZE, until_ms=LATER_MS + 3_600_000)


def do(one: Act, incident: Incident, author: str = "Kari (kn)") -> Acted:
    """Return what came of an act that must be done."""
    acted = act(one, incident, author, LATER_MS)
    assert isinstance(acted, Acted), acted
    return acted


def refuse(one: Act, incident: Incident) -> str:
    """Return why an act is refused, which it must be."""
    refused = act(one, incident, "Kari (kn)", LATER_MS)
    assert isinstance(refused, Refused), refused
    return refused.why


def test_who_acknowledges_is_written_down_with_the_reason() -> None:
    acted = do(Act(ActKind.ACKNOWLEDGE, " på vei "), FIRING)
    assert (acted.incident.acknowledged_ms, acted.incident.acknowledged_by) == (LATER_MS, "Kari (kn)")
    assert acted.step == (7, LATER_MS, StepKind.ACKNOWLEDGED, "Kari (kn)", "på vei")


def test_who_acknowledges_second_is_told_who_was_first_and_their_words_are_kept() -> None:
    first = do(Act(ActKind.ACKNOWLEDGE), FIRING).incident
    silent, spoken = do(Act(ActKind.ACKNOWLEDGE), first, "Ola"), do(Act(ActKind.ACKNOWLEDGE, "jeg også"), first, "Ola")
    assert silent == (first, None, "was acknowledged already, by Kari (kn) at 2026-01-15 13:10:02")
    assert spoken.incident == first
    assert spoken.step == (7, LATER_MS, StepKind.COMMENTED, "Ola", "jeg også")


def test_it_is_assigned_to_somebody_and_to_nobody_again() -> None:
    assigned = do(Act(ActKind.ASSIGN, "Ola"), FIRING)
    assert (assigned.incident.assigned, assigned.step and assigned.step.text) == ("Ola", "to Ola")
    assert do(Act(ActKind.ASSIGN, "Ola"), assigned.incident).step is None
    nobody = do(Act(ActKind.ASSIGN), assigned.incident)
    assert (nobody.incident.assigned, nobody.step and nobody.step.text) == ("", "to nobody")


def test_a_comment_says_something_and_can_come_after_the_end() -> None:
    assert do(Act(ActKind.COMMENT, "ventilen var stengt"), CLOSED).incident == CLOSED
    assert "write its text" in refuse(Act(ActKind.COMMENT, "  "), FIRING)


def test_a_snooze_has_an_end_that_is_near_and_can_be_ended() -> None:
    snoozed = do(SNOOZE, FIRING)
    assert snoozed.incident.snoozed_until_ms == SNOOZE.until_ms
    assert snoozed.step is not None
    assert snoozed.step.text == "until 2026-01-15 14:10:02"
    assert do(SNOOZE._replace(until_ms=0), snoozed.incident).incident.snoozed_until_ms == 0
    assert do(SNOOZE._replace(until_ms=0), FIRING).step is None
    assert "to come" in refuse(SNOOZE._replace(until_ms=LATER_MS), FIRING)
    assert do(SNOOZE._replace(until_ms=LATER_MS + MOST_SNOOZED_MS), FIRING).step is not None
    assert "7 d is the most" in refuse(SNOOZE._replace(until_ms=LATER_MS + MOST_SNOOZED_MS + 1), FIRING)
    assert "nothing to snooze" in refuse(SNOOZE, CLEARED)


def test_what_fires_is_closed_only_by_force_and_with_a_reason() -> None:
    assert "open still" in refuse(Act(ActKind.CLOSE), FIRING)
    assert "open still" in refuse(Act(ActKind.CLOSE, "sensor tatt ned"), FIRING)
    assert "says why" in refuse(Act(ActKind.CLOSE, is_forced=True), FIRING)
    forced = do(Act(ActKind.CLOSE, "sensor tatt ned", is_forced=True), FIRING)
    assert forced.incident.state is IncidentState.CLOSED
    assert forced.step is not None
    assert forced.step.text == "before it cleared; sensor tatt ned"


def test_what_has_cleared_is_closed_once() -> None:
    closed = do(Act(ActKind.CLOSE), CLEARED)
    assert closed.incident.closed_ms == LATER_MS
    assert closed.step is not None
    assert do(Act(ActKind.CLOSE), closed.incident).step is None


@pytest.mark.parametrize("kind", [ActKind.ACKNOWLEDGE, ActKind.ASSIGN])
def test_what_is_closed_is_done_with(kind: ActKind) -> None:
    assert "closed, since 2026-01-15 13:00:02" in refuse(Act(kind, "Ola"), CLOSED)


def test_a_text_is_bounded() -> None:
    assert do(Act(ActKind.COMMENT, "x" * LONGEST_TEXT), FIRING).step is not None
    assert f"{LONGEST_TEXT} are the most" in refuse(Act(ActKind.COMMENT, "x" * (LONGEST_TEXT + 1)), FIRING)


def test_an_escalation_is_news_to_who_acknowledged_snoozed_and_closed() -> None:
    incident = do(SNOOZE, do(Act(ActKind.ACKNOWLEDGE), FIRING).incident).incident
    incident = do(Act(ActKind.CLOSE, "mildt", is_forced=True), incident).incident
    worse = follow_transition(incident, make_transition(Change.ESCALATED, severity=Severity.CRITICAL))
    assert (worse.state, worse.acknowledged_ms, worse.acknowledged_by) == (IncidentState.OPEN, None, "")
    assert (worse.snoozed_until_ms, worse.severity) == (0, Severity.CRITICAL)
    eased = follow_transition(incident, make_transition(Change.EASED, severity=Severity.INFO))
    assert (eased.closed_ms, eased.acknowledged_by) == (LATER_MS, "Kari (kn)")


def test_a_change_that_was_learned_of_late_says_when_it_was_measured() -> None:
    assert make_step(7, make_transition(), NOW_MS + 1000).text == "warning, at 14.5"
    late = make_step(7, make_transition(), NOW_MS + 7_200_000)
    assert late.text == "warning, at 14.5, measured 2026-01-15 13:00:02"


@given(
    st.sampled_from([FIRING, CLEARED, CLOSED]),
    st.lists(
        st.builds(
            Act,
            st.sampled_from(ActKind),
            st.sampled_from(["", "Ola"]),
            st.sampled_from([0, LATER_MS, LATER_MS + 60_000, LATER_MS + 10 * MOST_SNOOZED_MS]),
            st.booleans(),
        ),
        max_size=8,
    ),
)
def test_no_act_changes_what_the_engine_says_and_each_change_has_its_step(incident: Incident, acts: list[Act]) -> None:
    for one in acts:
        acted = act(one, incident, "Kari", LATER_MS)
        if isinstance(acted, Refused):
            continue
        assert acted.incident[:14] == incident[:14]
        assert acted.step is not None or acted.incident == incident
        assert acted.incident.snoozed_until_ms <= LATER_MS + MOST_SNOOZED_MS
        incident = acted.incident
