"""What the numbers of a device say: gaps, restarts, repeated numbers, and nothing where nothing is wrong."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Quarantined
from ingest.sequence import MOST_RUNS, Account, Gap, Restart, Runs, examine, join_spans, read_seq, subtract
from schemas.reason import Level, Reason


def account_for(rows: Iterable[tuple[int, int]]) -> Account:
    """Return what (time in seconds, number) rows say, taken in order of time."""
    runs = Runs()
    for time_s, seq in sorted(rows):
        runs.add(time_s * 1000, seq)
    return examine(runs)


def in_turn(numbers: Iterable[int]) -> Account:
    """Return what numbers say that come a second apart."""
    return account_for(enumerate(numbers))


def list_missing(account: Account) -> list[int]:
    return [number for gap in account.gaps for number in range(gap.first, gap.last + 1)]


def test_consecutive_numbers_say_nothing() -> None:
    assert in_turn(range(7, 5000)) == Account()
    assert in_turn([]) == Account()


def test_missing_numbers_are_a_gap_between_the_readings_around_it() -> None:
    account = in_turn([10, 11, 14, 15, 17])
    assert account.gaps == (Gap(12, 13, 1000, 2000), Gap(16, 16, 3000, 4000))
    assert account.gaps[0].missing == 2
    assert (account.restarts, account.repeated) == ((), 0)


def test_a_counter_that_begins_anew_is_a_restart_and_no_gap() -> None:
    assert in_turn([4998, 4999, 0, 1, 2, 3]) == Account((), (Restart(4999, 0, 2000),))
    assert in_turn([4998, 4999, 3, 4]).restarts == (Restart(4999, 3, 2000),)


def test_a_gap_after_a_restart_is_found_though_the_number_was_used_before_it() -> None:
    account = in_turn([*range(100), 0, 1, 2, 6, 7])
    assert list_missing(account) == [3, 4, 5]
    assert len(account.restarts) == 1


def test_a_counter_that_restarts_again_and_again_has_no_gaps() -> None:
    account = in_turn([*range(100), *range(40), *range(80)])
    assert (account.gaps, len(account.restarts), account.repeated) == ((), 2, 0)


def test_a_clock_that_was_set_back_an_hour_makes_no_gap() -> None:
    before = [(time_s, time_s) for time_s in range(7200)]
    after = [(time_s - 3600, time_s) for time_s in range(7200, 14_400)]
    assert account_for(before + after) == Account()


def test_a_clock_that_was_ahead_for_a_while_makes_no_gap() -> None:
    rows = [(number + (3600 if 50 <= number < 60 else 0), number) for number in range(5000)]
    assert account_for(rows) == Account()


def test_a_reading_that_was_lost_while_clocks_were_set_is_still_found() -> None:
    before = [(time_s, time_s) for time_s in range(7200)]
    after = [(time_s - 3600, time_s) for time_s in range(7200, 14_400) if time_s != 8000]
    assert list_missing(account_for(before + after)) == [8000]


def test_a_number_that_comes_twice_is_repeated() -> None:
    assert in_turn([1, 2, 3, 3, 4]) == Account((), (), 1)
    assert in_turn([*range(5, 100), *range(60, 150)]) == Account((), (), 40)


def test_a_frame_counter_of_sixteen_bits_wraps_without_a_gap() -> None:
    assert in_turn([65_533, 65_534, 65_535, 0, 1, 2]) == Account()
    assert in_turn([number % 65_536 for number in range(65_000, 2 * 65_536 + 500)]) == Account()


def test_what_is_missing_around_a_wrap_has_the_numbers_of_the_device() -> None:
    account = in_turn([65_533, 65_534, 2, 3, 5])
    assert list_missing(account) == [65_535, 0, 1, 4]
    assert account.restarts == ()


def test_a_counter_that_is_wider_than_sixteen_bits_does_not_wrap() -> None:
    assert in_turn(range(65_500, 65_600)) == Account()
    assert in_turn([131_070, 131_071, 0, 1]) == Account((), (Restart(131_071, 0, 2000),))


@given(st.integers(0, 2**40), st.integers(2, 300), st.sets(st.integers(1, 298)), st.randoms())
def test_exactly_what_was_lost_is_missing(first: int, length: int, lost: set[int], dice: random.Random) -> None:
    kept = [number for number in range(length) if number not in lost or number == length - 1]
    rows = [(number, first + number) for number in kept]
    dice.shuffle(rows)
    account = account_for(rows)
    expected = [first + number for number in range(length) if number not in kept]
    if first + length < 65_536 - 64 or first > 65_536:
        assert list_missing(account) == expected
        assert (account.restarts, account.repeated) == ((), 0)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2**53 - 1))))
def test_any_numbers_at_all_have_an_account(rows: Sequence[tuple[int, int]]) -> None:
    account = account_for(rows)
    assert all(gap.missing > 0 for gap in account.gaps)
    assert account.repeated <= len(rows)


def test_a_gap_of_a_quadrillion_costs_no_more_than_a_small_one() -> None:
    account = in_turn([1, 2**53 - 1])
    assert sum(gap.missing for gap in account.gaps) == 2**53 - 3
    assert subtract(account.gaps[0], [(5, 5), (7, 7)]) == [
        Gap(2, 4, 0, 1000),
        Gap(6, 6, 0, 1000),
        Gap(8, 2**53 - 2, 0, 1000),
    ]


def test_numbers_without_any_order_are_judged_only_so_far_and_in_time() -> None:
    dice = random.Random(1)  # noqa: S311 - no secrets
    account = in_turn([dice.randrange(2**40) for _ in range(30_000)])
    assert account.judged_to_ms == MOST_RUNS * 1000
    assert 0 < len(account.gaps) < MOST_RUNS


def test_a_leap_after_a_wrap_is_one_gap() -> None:
    (gap,) = in_turn([65_534, 65_535, 0, 1, 2**50]).gaps
    assert (gap.first, gap.last) == (2, 2**50 - 1)


def test_spans_that_touch_are_one() -> None:
    assert join_spans([(5, 6), (1, 2), (3, 3), (8, 9), (6, 6)]) == [(1, 3), (5, 6), (8, 9)]


def test_numbers_that_are_accounted_for_leave_what_is_not() -> None:
    gap = Gap(10, 14, 0, 1)
    assert subtract(gap, [(2, 3), (9, 10), (12, 12), (15, 20)]) == [Gap(11, 11, 0, 1), Gap(13, 14, 0, 1)]
    assert subtract(gap, [(0, 11), (12, 99)]) == []
    assert subtract(gap, []) == [gap]


@pytest.mark.parametrize(
    ("level", "payload", "seq"),
    [
        (Level.READING, b'{"seq": 12, "temperature": 900}', 12),
        (Level.MESSAGE, b'{"time": "x", "seq":13', 13),
        (Level.MESSAGE, b'{"seq": -3}', None),
        (Level.MESSAGE, b'{"seq": true}', None),
        (Level.MESSAGE, b'[{"seq": 14}]', 14),
        (Level.MESSAGE, b'[{"seq": 14}, {"seq": 15}]', None),
        (Level.MESSAGE, b"[1, 2]", None),
        (Level.MESSAGE, b"\xff\x00", None),
        (Level.MESSAGE, b"[" * 10_000, None),
        (Level.LINE, b"indoor_climate,device=a,site=b temperature=20.0,seq=14.0,delay=0.1 1", 14),
        (Level.LINE, b"indoor_climate,device=a\\ seq\\=9,site=b seq=1e3,delay=0.1 1", 1000),
        (Level.LINE, b"indoor_climate,device=a delay=0.1 1", None),
        (Level.LINE, b"indoor_climate,device=a seq=290.2.0,delay=0.1 1", None),
        (Level.LINE, b"indoor_climate,device=a seq=1e99,delay=0.1 1", None),
        (Level.LINE, b"indoor_climate,device=a seq=9007199254740991.0,delay=0.1 1", 2**53 - 1),
        (Level.LINE, b"indoor_climate,device=a seq=%s.0,delay=0.1 1" % (b"9" * 400), None),
    ],
)
def test_the_number_of_a_quarantined_reading_is_read_where_it_can_be(
    level: Level, payload: bytes, seq: int | None
) -> None:
    entry = Quarantined(0, level, Reason.MALFORMED_JSON, "", "a", "", payload, len(payload), b"")
    assert read_seq(entry) == seq
