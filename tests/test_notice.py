"""Notices: raised when something must be done, cleared when it has passed, and not flickering in between."""

import json
from collections.abc import Iterable

import pytest

from ingest.notice import (
    DAY_MS,
    Facts,
    MuteSource,
    NearQuota,
    Notice,
    NoticeKey,
    Raised,
    format_notice,
    format_notice_topic,
    judge_facts,
)
from schemas.rule import Severity

NOW_MS = 1_768_471_200_000
WELL = Facts(NOW_MS)


def follow(series: Iterable[Facts]) -> list[set[str]]:
    """Return which Notices are raised after each."""
    raised: Raised = {}
    shown = []
    for facts in series:
        raised = judge_facts(facts, raised)
        shown.append({str(key) for key in raised})
    return shown


def test_nothing_is_said_while_all_is_well() -> None:
    assert judge_facts(WELL, {}) == {}


def test_a_filling_store_warns_at_half_is_critical_at_80_percent_and_at_the_end_is_full() -> None:
    shares = [0.49, 0.5, 0.79, 0.8, 0.99]
    assert follow(WELL._replace(store_share=share) for share in shares) == [
        set(),
        {"store-half"},
        {"store-half"},
        {"store-nearly-full"},
        {"store-nearly-full"},
    ]
    (full,) = judge_facts(WELL._replace(store_share=1.0, is_held=True, store_error="full"), {}).values()
    assert (full.key, full.severity) == (NoticeKey.STORE_FULL, Severity.CRITICAL)


def test_a_share_that_hovers_at_its_limit_does_not_flicker() -> None:
    shares = [0.5, 0.48, 0.51, 0.46, 0.44, 0.48]
    assert follow(WELL._replace(store_share=share) for share in shares) == [
        {"store-half"},
        {"store-half"},
        {"store-half"},
        {"store-half"},
        set(),
        set(),
    ]


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        (WELL._replace(has_reserve=False, is_held=False), NoticeKey.DISK_FULL),
        (WELL._replace(store_error="database is locked"), NoticeKey.STORE_FAILS),
        (WELL._replace(read_error="disk I/O error"), NoticeKey.STORE_FAILS),
        (WELL._replace(set_aside=["store.damaged-1.sqlite"]), NoticeKey.STORE_SET_ASIDE),
        (WELL._replace(session_lost_ms=NOW_MS - DAY_MS + 1, sessions_lost=3), NoticeKey.SESSION_LOST),
        (WELL._replace(quarantine_share=0.8), NoticeKey.QUARANTINE_QUOTA),
        (WELL._replace(near_quota=[NearQuota("meter-1", "malformed_json", 0.8)]), NoticeKey.QUARANTINE_QUOTA),
        (WELL._replace(first_expiry_ms=NOW_MS + 7 * DAY_MS), NoticeKey.QUARANTINE_EXPIRY),
        (WELL._replace(influx_error="does not accept user"), NoticeKey.DATABASE_REFUSES),
        (WELL._replace(lines_refused_ms=NOW_MS), NoticeKey.LINES_REFUSED),
        (WELL._replace(messages_dead=1), NoticeKey.MESSAGES_FAIL),
        (WELL._replace(messages_failing=2), NoticeKey.MESSAGES_FAIL),
        (WELL._replace(mute_sources=[MuteSource("tts", "The Things Stack v3", ["v3/#"])]), NoticeKey.SOURCE_MUTE),
        (WELL._replace(reload_error="hall.toml:5"), NoticeKey.RELOAD_REFUSED),
        (WELL._replace(accepts_simulated=True), NoticeKey.SIMULATED_ACCEPTED),
    ],
)
def test_each_condition_raises_its_notice_and_its_end_clears_it(facts: Facts, key: NoticeKey) -> None:
    raised = judge_facts(facts, {})
    assert list(raised) == [key]
    errors = (facts.store_error, facts.read_error, facts.influx_error, facts.reload_error)
    assert raised[key].text.endswith((".", *filter(None, errors)))
    assert raised[key].action.endswith(".")
    assert judge_facts(WELL._replace(now_ms=NOW_MS + 1), raised) == {}


def test_what_is_said_names_what_it_is_about() -> None:
    near = NearQuota("meter-1", "malformed_json", 0.93)
    quota = judge_facts(WELL._replace(near_quota=[near]), {})[NoticeKey.QUARANTINE_QUOTA]
    assert "meter-1 (malformed_json) 93 %" in quota.text
    lost = judge_facts(WELL._replace(session_lost_ms=NOW_MS, sessions_lost=3), {})[NoticeKey.SESSION_LOST]
    assert "3 ganger" in lost.text


def test_sources_of_which_nothing_came_are_named_and_the_acl_is_what_to_look_at() -> None:
    mute = [MuteSource(f"kilde-{number}", "Tasmota", ["tele/+/+", "stat/+/+"]) for number in range(5)]
    notice = judge_facts(WELL._replace(mute_sources=mute), {})[NoticeKey.SOURCE_MUTE]
    assert "kilde-0 (Tasmota: tele/+/+, stat/+/+)" in notice.text
    assert "2 til" in notice.text
    assert "kilde-3" not in notice.text
    assert "acl" in notice.action


def test_a_lost_session_is_told_of_for_a_day() -> None:
    ages = [0, DAY_MS - 1, DAY_MS]
    assert follow(WELL._replace(session_lost_ms=NOW_MS - age) for age in ages) == [
        {"session-lost"},
        {"session-lost"},
        set(),
    ]


def test_entries_that_expire_in_more_than_a_week_are_not_announced_yet() -> None:
    assert judge_facts(WELL._replace(first_expiry_ms=NOW_MS + 7 * DAY_MS + 1), {}) == {}


def test_a_notice_keeps_the_time_at_which_it_was_raised() -> None:
    raised: Raised = {}
    for minute in range(5):
        raised = judge_facts(WELL._replace(now_ms=NOW_MS + minute * 60_000, store_share=0.5 + minute / 100), raised)
    (notice,) = raised.values()
    assert notice.since_ms == NOW_MS
    assert "54 %" in notice.text


def test_a_notice_is_published_as_an_alert_is() -> None:
    notice = Notice(NoticeKey.STORE_FULL, Severity.CRITICAL, "Lageret er fullt.", "Gjør noe.", NOW_MS)
    state = json.loads(format_notice("collector", notice.key, notice, NOW_MS + 1_000))
    assert state == {
        "id": f"collector/store-full/{NOW_MS}/firing",
        "state": "firing",
        "device": "collector",
        "rule": "store-full",
        "time": "2026-01-15T10:00:01.000Z",
        "since": "2026-01-15T10:00:00.000Z",
        "severity": "critical",
        "text": "Lageret er fullt.",
        "action": "Gjør noe.",
    }
    cleared = json.loads(format_notice("collector", notice.key, None, NOW_MS))
    assert (cleared["state"], cleared["device"], cleared["rule"]) == ("ok", "collector", "store-full")
    assert format_notice_topic("town/x", "collector", notice.key) == "town/x/alerts/collector/store-full"
