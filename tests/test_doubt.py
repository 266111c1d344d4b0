"""Doubt: which values are believed, as laws of the judge and as stories of single fields."""

from datetime import timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.doubt import HOUR_MS, IN_A_ROW, Doubt, Known, Scrutiny, judge, make_scrutinies, mark_doubtful
from schemas.device_type import Area, DeviceType, Field, Privacy

MINUTE_MS = 60_000
RATE = Scrutiny(-1.0 / MINUTE_MS, 1.0 / MINUTE_MS, MINUTE_MS, 0, (), is_total=False)
"""A degree in a minute; reports each minute."""
TOTAL = Scrutiny(0.0, 10.0 / MINUTE_MS, MINUTE_MS, 0, (1000.0, 10_000.0), is_total=True)
STUCK = Scrutiny(-inf, inf, MINUTE_MS, 20 * MINUTE_MS, (), is_total=False)
EVERY = Scrutiny(0.0, 10.0 / MINUTE_MS, MINUTE_MS, 20 * MINUTE_MS, (1000.0,), is_total=True)


def tell(scrutiny: Scrutiny, values: list[float], known: Known | None = None) -> list[Doubt | None]:
    """Return what is doubted of values that come each minute."""
    doubts: list[Doubt | None] = []
    for minute, value in enumerate(values):
        known, doubt = judge(scrutiny, known, value, minute * MINUTE_MS)
        doubts.append(doubt)
    return doubts


VALUES = st.lists(st.floats(0.0, 1100.0), min_size=1, max_size=40)


@given(VALUES, st.sampled_from([RATE, TOTAL, STUCK, EVERY]))
def test_never_are_three_in_a_row_doubted_for_what_is_plausible_beside_each_other(
    values: list[float], scrutiny: Scrutiny
) -> None:
    doubts = tell(scrutiny, values)
    assert doubts[0] is None
    for at in range(len(values) - IN_A_ROW + 1):
        same = tell(scrutiny, values[at : at + IN_A_ROW])
        if same == [None] * IN_A_ROW:
            later = doubts[at : at + IN_A_ROW]
            assert not all(doubt in {Doubt.RATE, Doubt.STEP} for doubt in later)


@given(VALUES)
def test_what_grows_slowly_is_never_doubted(steps: list[float]) -> None:
    total, values = 0.0, []
    for step in steps:
        total += step / 1100.0 * 9.9
        values.append(total)
    assert set(tell(TOTAL, values)) == {None}


@given(VALUES)
def test_without_limits_nothing_is_doubted(values: list[float]) -> None:
    assert set(tell(Scrutiny(-inf, inf, MINUTE_MS, 0, (), is_total=False), values)) == {None}


@given(VALUES, st.integers(1, 40))
def test_what_is_known_after_some_is_all_that_the_rest_depends_on(values: list[float], at: int) -> None:
    known = None
    for minute, value in enumerate(values[:at]):
        known, _ = judge(EVERY, known, value, minute * MINUTE_MS)
    doubts = []
    for minute, value in enumerate(values[at:], start=at):
        known, doubt = judge(EVERY, known, value, minute * MINUTE_MS)
        doubts.append(doubt)
    assert doubts == tell(EVERY, values)[at:] or at == 0


def test_a_spike_up_and_one_down_are_doubted_and_what_follows_is_not() -> None:
    assert tell(RATE, [20.0, 20.5, 80.0, 20.8, -30.0, 21.0]) == [None, None, Doubt.RATE, None, Doubt.RATE, None]


def test_a_sensor_that_was_moved_is_believed_from_the_third_reading_on() -> None:
    assert tell(RATE, [20.0, 5.0, 5.5, 5.2, 4.9]) == [None, Doubt.RATE, Doubt.RATE, None, None]


def test_what_leaps_about_is_no_new_level() -> None:
    assert tell(RATE, [20.0, 90.0, -10.0, 60.0, 20.5]) == [None, Doubt.RATE, Doubt.RATE, Doubt.RATE, None]


def test_a_long_time_allows_a_large_change() -> None:
    known, _ = judge(RATE, None, 20.0, 0)
    assert judge(RATE, known, 79.0, HOUR_MS)[1] is None
    assert judge(RATE, known, 81.0, HOUR_MS)[1] is Doubt.RATE


def test_an_interval_is_granted_however_close_two_readings_are() -> None:
    known, _ = judge(RATE, None, 20.0, 0)
    assert judge(RATE, known, 20.9, 1)[1] is None


@pytest.mark.parametrize(("before", "after"), [(998.0, 3.0), (999.5, 0.0), (9_995.0, 4.0)])
def test_a_register_that_rolls_over_is_believed(before: float, after: float) -> None:
    assert tell(TOTAL, [before, after, after + 1.0]) == [None, None, None]


@pytest.mark.parametrize(("before", "after"), [(900.0, 3.0), (998.0, 12.0), (1_001.0, 2.0)])
def test_a_register_that_goes_back_far_from_its_end_is_doubted(before: float, after: float) -> None:
    assert tell(TOTAL, [before, after]) == [None, Doubt.STEP]


def test_a_long_silence_makes_no_rollover_of_a_step_back() -> None:
    known, _ = judge(TOTAL, None, 500.0, 0)
    assert judge(TOTAL, known, 3.0, HOUR_MS)[1] is Doubt.STEP  # though it may grow by 600 in that time
    known, _ = judge(TOTAL, None, 950.0, 0)
    assert judge(TOTAL, known, 50.0, HOUR_MS)[1] is None
    assert judge(TOTAL, known, 50.1, HOUR_MS)[1] is Doubt.STEP


def test_a_meter_that_was_swapped_is_believed_from_the_third_reading_on() -> None:
    assert tell(TOTAL, [500.0, 0.5, 1.0, 1.5, 2.0]) == [None, Doubt.STEP, Doubt.STEP, None, None]
    assert tell(TOTAL, [500.0, 7000.0, 7001.0, 7002.0]) == [None, Doubt.RATE, Doubt.RATE, None]


def test_a_register_that_goes_back_once_keeps_its_level() -> None:
    assert tell(TOTAL, [500.0, 0.0, 501.0, 0.0, 502.0]) == [None, Doubt.STEP, None, Doubt.STEP, None]


def test_a_stuck_value_is_doubted_from_its_limit_on_until_it_changes() -> None:
    doubts = tell(STUCK, [20.0] * 25 + [20.1] * 3 + [20.0])
    assert doubts == [None] * 20 + [Doubt.STUCK] * 5 + [None] * 4


def test_after_a_silence_nobody_knows_whether_a_value_was_the_same() -> None:
    known, _ = judge(STUCK, None, 20.0, 0)
    assert judge(STUCK, known, 20.0, 5 * MINUTE_MS)[0].since_ms == 0
    known, doubt = judge(STUCK, known, 20.0, 60 * MINUTE_MS)
    assert (known.since_ms, doubt) == (60 * MINUTE_MS, None)


def test_a_stuck_value_that_is_not_heard_for_long_is_believed_again() -> None:
    known, doubt = judge(STUCK, None, 20.0, 0)
    for minute in range(1, 25):
        known, doubt = judge(STUCK, known, 20.0, minute * MINUTE_MS)
    assert doubt is Doubt.STUCK
    assert judge(STUCK, known, 20.0, 28 * MINUTE_MS)[1] is Doubt.STUCK
    assert judge(STUCK, known, 20.0, 40 * MINUTE_MS)[1] is None


def test_what_comes_after_it_was_stuck_may_be_as_far_away_as_that_long_lets_it_be() -> None:
    both = RATE._replace(stuck_ms=20 * MINUTE_MS)
    assert tell(both, [20.0] * 30 + [29.0])[-1] is None
    assert tell(both, [20.0] * 30 + [45.0])[-1] is Doubt.RATE


def test_a_doubtful_value_stands_under_another_name() -> None:
    told = {"energy": Doubt.STEP, "power": Doubt.RATE}
    assert mark_doubtful({"energy": 3.0, "flow": 1.0}, {"energy": Doubt.STEP}, told) == {
        "energy_doubtful": 3.0,
        "flow": 1.0,
        "quality": "energy:step;power:rate",
    }


def make_type(**fields: Field) -> DeviceType:
    return DeviceType("Prøve", Area.BUILDINGS, fields, timedelta(minutes=10), Privacy.INTERNAL, ())


def test_what_declares_nothing_is_not_looked_at() -> None:
    declared = Field("energy", "Målerstand", steepness=3_600.0, rollovers=(1e5,))
    scrutinies = make_scrutinies(make_type(power=Field("power", "Effekt"), energy=declared))
    rise = pytest.approx(0.001)
    assert scrutinies == {"energy": Scrutiny(0.0, rise, 600_000, 0, (1e5,), is_total=True)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quantity", "declared", "message"),
    [
        ("switch", {"stuck_after": timedelta(days=1)}, "true or false"),
        ("power", {"steepness": 0.0}, "above 0"),
        ("power", {"steepness": inf}, "above 0"),
        ("power", {"stuck_after": timedelta(0)}, "above 0"),
        ("power", {"rollovers": ()}, "no total"),
        ("energy", {"steepness": 5.0}, "rolls over"),
        ("energy", {"rollovers": (1e5,)}, "without a steepness"),
        ("energy", {"steepness": 5.0, "rollovers": (0.0,)}, "above 0"),
        ("energy", {"steepness": 5.0, "rollovers": (1e11,)}, "not above its bounds"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(quantity: str, declared: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Field(quantity, "Prøve", **declared)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["quality", "power_doubtful"])
def test_names_of_what_the_collector_writes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the collector writes"):
        make_type(**{name: Field("power", "Effekt")})


@given(
    st.integers(-400, 99_999),
    st.integers(1, 5_000),
    st.integers(1, 120),
    st.sampled_from([1, 10, 100]),
    st.sampled_from([1, -1]),
)
def test_a_change_of_exactly_the_limit_is_believed_and_a_tenth_more_is_not(
    start: int, step: int, minutes: int, parts: int, sign: int
) -> None:
    """Decimals as devices send them, whose differences are rounded one way or the other."""
    field = Field("temperature", "Prøve", steepness=step / parts * 60 / minutes)
    device_type = DeviceType(
        "Prøve", Area.BUILDINGS, {"field": field}, timedelta(minutes=minutes), Privacy.INTERNAL, ()
    )
    scrutiny = make_scrutinies(device_type)["field"]
    known = Known(start / parts, 0, 0)
    span_ms = minutes * MINUTE_MS
    assert judge(scrutiny, known, (start + sign * step) / parts, span_ms)[1] is None
    beyond = (10 * start + sign * (10 * step + 1)) / (10 * parts)
    assert judge(scrutiny, known, beyond, span_ms)[1] is Doubt.RATE


def test_a_register_that_went_back_by_one_in_the_last_place_is_doubted_until_it_is_past_it() -> None:
    # Nothing is used in a step back, and what is used after it is counted once: from the last one that was believed.
    assert tell(TOTAL, [500.0, 499.9, 500.0, 500.1]) == [None, Doubt.STEP, None, None]
    assert tell(TOTAL, [500.0, 499.9, 499.9, 499.9, 500.0]) == [None, Doubt.STEP, Doubt.STEP, None, None]


def test_a_register_may_roll_over_at_exactly_its_end_and_no_later() -> None:
    assert tell(TOTAL, [1000.0, 0.0, 0.1]) == [None, None, None]
    assert tell(TOTAL, [995.0, 5.0]) == [None, None]  # exactly what it may grow
    assert tell(TOTAL, [995.0, 5.1]) == [None, Doubt.STEP]


def test_a_few_readings_make_nothing_stuck() -> None:
    with pytest.raises(ValueError, match="12 intervals"):
        make_type(power=Field("power", "Effekt", stuck_after=timedelta(hours=1)))
