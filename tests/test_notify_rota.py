"""Who is on call when, by the local calendar."""

import itertools
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingest.notify.rota import Rota, StandIn, Turn, find_on_call
from tests.notify_stand import HOUR_MS, MINUTE_MS, local_ms

WEEKLY = Rota("vakt", 8 * 60, (Turn(date(2026, 1, 5), ("kari", "ola", "per"), 7),))
DAILY = Rota("vakt", 2 * 60 + 30, (Turn(date(2026, 1, 1), ("kari", "ola"), 1),))


def utc_ms(text: str) -> int:
    """Return milliseconds since 1970 of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_week_ends_at_the_handover_not_at_midnight() -> None:
    assert find_on_call(WEEKLY, local_ms("2026-01-05T07:59")) is None
    assert find_on_call(WEEKLY, local_ms("2026-01-05T08:00")) == "kari"
    assert find_on_call(WEEKLY, local_ms("2026-01-12T07:59")) == "kari"
    assert find_on_call(WEEKLY, local_ms("2026-01-12T08:00")) == "ola"
    assert find_on_call(WEEKLY, local_ms("2026-01-26T08:00")) == "kari"


def test_a_later_turn_replaces_the_one_before() -> None:
    rota = WEEKLY._replace(turns=(*WEEKLY.turns, Turn(date(2026, 1, 14), ("per", "ola"), 1)))
    assert find_on_call(rota, local_ms("2026-01-14T07:59")) == "ola"
    assert find_on_call(rota, local_ms("2026-01-14T08:00")) == "per"
    assert find_on_call(rota, local_ms("2026-01-15T08:00")) == "ola"


def test_a_stand_in_counts_whatever_the_turns_say() -> None:
    from_ms, to_ms = local_ms("2026-01-07T12:00"), local_ms("2026-01-08T12:00")
    rota = WEEKLY._replace(stand_ins=(StandIn(from_ms, to_ms, "leder"),))
    assert [find_on_call(rota, one) for one in (from_ms - 1, from_ms, to_ms - 1, to_ms)] == [
        "kari", "leder", "leder", "kari",
    ]  # fmt: skip
    assert rota.members == {"kari", "ola", "per", "leder"}


def test_the_handover_stays_at_its_time_of_day_over_days_of_23_and_25_hours() -> None:
    # Summer time from Sunday 29 March, until Sunday 25 October.
    for day in ("2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26"):
        handover = local_ms(f"{day}T08:00")
        rota = DAILY._replace(at_min=8 * 60)
        assert find_on_call(rota, handover - 1) != find_on_call(rota, handover), day


def test_the_hour_that_autumn_has_twice_hands_over_once() -> None:
    # 02:30 in summer time is 00:30 UTC; 02:30 in standard time, an hour later, changes nothing.
    start = utc_ms("2026-10-25T00:00")
    seen = [find_on_call(DAILY, start + minute * MINUTE_MS) for minute in range(180)]
    assert sum(one != other for one, other in itertools.pairwise(seen)) == 1
    assert seen[29] != seen[30]


@given(st.integers(local_ms("2026-01-03T00:00"), local_ms("2028-01-01T00:00")), st.integers(0, 24 * 60 - 1))
def test_in_any_26_hours_there_are_one_or_two_handovers(time_ms: int, at_min: int) -> None:
    rota = DAILY._replace(at_min=at_min)
    seen = [find_on_call(rota, time_ms + quarter * 15 * MINUTE_MS) for quarter in range(26 * 4)]
    changes = sum(one != other for one, other in itertools.pairwise(seen))
    assert changes in {1, 2}
    assert find_on_call(rota, time_ms + 49 * HOUR_MS) in {"kari", "ola"}
