"""Derivations: laws over every kind, and what each makes of a series."""

import copy
import itertools
import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.alerts import derivations
from ingest.alerts.derivation_table import DerivationTable
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.duration import PATTERNS
from ingest.local_time import parse_local
from schemas.derivation import Derivation, Given, State
from schemas.quantities import QUANTITIES
from schemas.registry import load_registry

LOCAL = ZoneInfo("Europe/Oslo")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
TABLES: dict[str, type[DerivationTable]] = load_registry(derivations, "DERIVATION", type)
MOST = sys.float_info.max
KEYS: dict[str, dict[str, Any]] = {
    "hour_energy": {},
    "hour_forecast": {},
    "matches": {"value": 1.0},
    "mean": {"window": "20m"},
    "night_least": {"from": "23:00", "to": "06:00"},
    "night_use": {"from": "01:00", "to": "04:00"},
    "over": {"limit": 10.0, "window": "1h"},
    "rate": {"window": "1h"},
    "unchanged": {},
}
MARCH, OCTOBER = parse_local("2026-03-28"), parse_local("2026-10-24")
"""The days before those on which the clocks change."""

Sample = tuple[int, float]


def build(kind: str, **keys: object) -> Derivation:
    return TABLES[kind].model_validate({"kind": kind, **(keys or KEYS[kind])}).build(LOCAL)


ALL = {kind: build(kind) for kind in KEYS}


def hear(derivation: Derivation, state: State, time_ms: int, value: float, *limits: float) -> State:
    """Return what is remembered after one more value."""
    after = derivation.hear(state, time_ms, value, *limits)
    return state if after is None else after


def list_values(derivation: Derivation, series: Iterable[Sample]) -> list[float | None]:
    state, found = None, []
    for time_ms, value in series:
        found.append(derivation.tell(state, time_ms, value))
        state = hear(derivation, state, time_ms, value)
    return found


def list_told(derivation: Derivation, series: Sequence[Sample]) -> list[Sample]:
    """Return when something was said, and what."""
    values = list_values(derivation, series)
    return [(time_ms, value) for (time_ms, _), value in zip(series, values, strict=True) if value is not None]


def make_steady(
    begin_ms: int, minutes: float, step_min: float, *, slope: float = 0.0, start: float = 0.0
) -> list[Sample]:
    """Return a series that changes by ``slope`` in an hour."""
    step_ms = round(step_min * MINUTE_MS)
    times = range(begin_ms, begin_ms + round(minutes * MINUTE_MS) + 1, step_ms)
    return [(time_ms, start + slope * (time_ms - begin_ms) / HOUR_MS) for time_ms in times]


@st.composite
def series(draw: st.DrawFn, values: st.SearchStrategy[float], most: int = 80) -> list[Sample]:
    steps = draw(st.lists(st.one_of(st.integers(1, 120_000), st.integers(1, 30 * HOUR_MS)), max_size=most))
    time_ms = draw(st.sampled_from([0, MARCH, OCTOBER])) + draw(st.integers(0, 30 * HOUR_MS))
    found = []
    for step in steps:
        time_ms += step
        found.append((time_ms, draw(values)))
    return found


@st.composite
def steady_or_not(draw: st.DrawFn, values: st.SearchStrategy[float]) -> list[Sample]:
    """Return a series of any steps, or of the same ones, so that windows are full of values."""
    if draw(st.booleans()):
        return draw(series(values))
    step_ms = draw(st.sampled_from([10_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS]))
    begin_ms = draw(st.sampled_from([MARCH, OCTOBER])) + draw(st.integers(0, HOUR_MS))
    found = draw(st.lists(values, max_size=300))
    return [(begin_ms + number * step_ms, value) for number, value in enumerate(found)]


FINITE = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1.0, 10.0]), st.floats(0.0, 100.0)
)


def test_every_kind_is_shown_here() -> None:
    assert TABLES.keys() == KEYS.keys()
    assert all(issubclass(table, DerivationTable) for table in TABLES.values())


@pytest.mark.parametrize("kind", [*KEYS, "value"])
def test_a_derivation_knows_its_kind_and_equals_its_like(kind: str) -> None:
    derivation, same = (Given(), Given()) if kind == "value" else (build(kind), build(kind))
    assert isinstance(derivation, Derivation)
    assert derivation.kind == kind
    assert derivation == same
    assert hash(derivation) == hash(same)


@pytest.mark.parametrize("kind", KEYS)
def test_a_unit_is_found_or_refused(kind: str) -> None:
    found = 0
    for unit in {quantity.unit for quantity in QUANTITIES.values()}:
        try:
            found += bool(ALL[kind].find_unit(unit))
        except ValueError as error:
            assert len(str(error)) > 20  # noqa: PT017 - most units are not refused
    assert found


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data())
def test_law_what_is_said_is_finite_and_what_is_remembered_is_json(kind: str, data: st.DataObject) -> None:
    derivation, state = ALL[kind], None
    remembered = None
    for time_ms, value in data.draw(series(FINITE)):
        before: State = copy.deepcopy(state)
        told = derivation.tell(state, time_ms, value)
        assert state == before, "telling changes something"
        assert derivation.tell(remembered, time_ms, value) == told, "a round trip makes a difference"
        assert told is None or (isinstance(told, float) and math.isfinite(told))
        heard = derivation.hear(state, time_ms, value)
        if heard is None:
            assert state == before, "something was remembered, and not said"
        state = state if heard is None else heard
        remembered = json.loads(json.dumps(hear(derivation, remembered, time_ms, value), allow_nan=False))
        assert remembered == state


LIMITS = st.sampled_from([-MOST, -50.0, 0.0, 1.0, 9.5, 10.0, 60.0, 100.0, MOST]) | st.floats(-1e3, 1e3)
CALM_OR_NOT = st.one_of(
    st.floats(0.0, 100.0), st.sampled_from([0.0, 10.0, 100.0]), st.floats(allow_nan=False, allow_infinity=False)
)


def grow(samples: Iterable[Sample]) -> list[Sample]:
    """Return what a register shows that grows by the values."""
    register, found = 0.0, []
    for time_ms, value in samples:
        register = min(register + abs(value), MOST)
        found.append((time_ms, register))
    return found


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data())
def test_law_what_is_not_worked_out_is_between_the_limits(kind: str, data: st.DataObject) -> None:
    derivation, state, plain = ALL[kind], None, None
    low, high = sorted((data.draw(LIMITS), data.draw(LIMITS)))
    samples = data.draw(steady_or_not(CALM_OR_NOT))
    for time_ms, value in grow(samples) if data.draw(st.booleans()) else samples:
        told, worked_out = derivation.tell(state, time_ms, value, low, high), derivation.tell(plain, time_ms, value)
        assert told == worked_out or (told is None and worked_out is not None and low <= worked_out <= high)
        state, plain = hear(derivation, state, time_ms, value, low, high), hear(derivation, plain, time_ms, value)
        assert json.loads(json.dumps(state, allow_nan=False)) == state


@pytest.mark.parametrize(("kind", "limits"), [("mean", (0.0, 9.0)), ("over", (0.0, 50.0)), ("rate", (-9.0, 9.0))])
def test_while_all_is_well_nothing_is_worked_out(kind: str, limits: tuple[float, float]) -> None:
    for samples in (make_steady(MARCH, 600, 5, start=3.0), make_steady(MARCH, 600, 5, start=3.0, slope=0.5)):
        derivation, state = ALL[kind], None
        for time_ms, value in samples:
            assert derivation.tell(state, time_ms, value, *limits) is None
            state = hear(derivation, state, time_ms, value, *limits)
        assert derivation.tell(state, samples[-1][0] + MINUTE_MS, 3.0) is not None


def test_a_mean_is_calm_again_two_windows_after_a_value_beyond_its_limit() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 2000.0 if minute == 60 else 500.0) for minute in range(180)]
    derivation, state, worked_out = ALL["mean"], None, []
    for number, (time_ms, value) in enumerate(samples):
        if derivation.tell(state, time_ms, value, -MOST, 1000.0) is not None:
            worked_out.append(number)
        state = hear(derivation, state, time_ms, value, -MOST, 1000.0)
    assert worked_out == list(range(61, worked_out[-1] + 1))
    assert worked_out[-1] < 60 + 3 * 20


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("step_ms", [1, 999, 10_000, 20_001, MINUTE_MS, 10 * MINUTE_MS])
def test_law_what_is_remembered_is_bounded(kind: str, step_ms: int) -> None:
    state, sizes = None, list[int]()
    for number in range(3000):
        state = hear(ALL[kind], state, MARCH + number * step_ms, float(number))
        sizes.append(len(json.dumps(state)))
    assert max(sizes) < 8_000


# mean


def find_mean(samples: Sequence[Sample], window_ms: int) -> float | None:
    """Return the mean of the window that ends with the last sample, in one go over all of them."""
    now_ms = samples[-1][0]
    area, known_ms = 0.0, 0
    for (begin_ms, value), (end_ms, _) in itertools.pairwise(samples):
        until_ms = min(end_ms, begin_ms + window_ms // 2)
        span_ms = max(0, until_ms - max(begin_ms, now_ms - window_ms))
        area, known_ms = area + value * span_ms, known_ms + span_ms
    return area / known_ms if 2 * known_ms >= window_ms else None


@given(series(st.floats(-100.0, 100.0)))
def test_a_mean_is_that_of_the_whole_series_where_readings_are_slow(samples: list[Sample]) -> None:
    slow = [
        sample for number, sample in enumerate(samples) if not number or sample[0] - samples[number - 1][0] > 20_000
    ]
    for number, value in enumerate(list_values(build("mean", window="20m"), slow), start=1):
        assert value == pytest.approx(find_mean(slow[:number], 20 * MINUTE_MS), abs=1e-9)


@given(st.lists(st.floats(0.0, 100.0), min_size=40, max_size=90), st.integers(1, 11_999))
def test_a_mean_of_fast_readings_is_off_by_a_sixtieth_at_most(values: list[float], step_ms: int) -> None:
    samples = [(MARCH + number * step_ms, value) for number, value in enumerate(values * 3)]
    mean = Mean(window_ms=100 * step_ms)
    for number, value in enumerate(list_values(mean, samples), start=1):
        expected = find_mean(samples[:number][-110:], mean.window_ms)
        assert (value is None) == (expected is None)
        assert value is None or abs(value - (expected or 0.0)) <= 100.0 / 60 + 1e-9


def test_a_mean_says_nothing_before_half_of_its_window() -> None:
    values = list_values(build("mean", window="20m"), make_steady(MARCH, 30, 1, start=900.1))
    assert values == [None] * 10 + [900.1] * 21


def test_a_mean_forgets_what_lies_before_its_window() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 400.0 if minute < 20 else 1200.0) for minute in range(41)]
    values = list_values(build("mean", window="20m"), samples)
    assert (values[20], values[30], values[40]) == (400.0, 800.0, 1200.0)


def test_a_mean_is_not_shaken_for_ever_by_one_absurd_value() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 1e300 if minute == 5 else 20.0) for minute in range(60)]
    assert list_values(build("mean", window="20m"), samples)[-1] == 20.0


def test_a_value_counts_for_half_a_window_at_most() -> None:
    samples = [(MARCH, 100.0), (MARCH + 60 * MINUTE_MS, 0.0), (MARCH + 70 * MINUTE_MS, 0.0)]
    assert list_values(build("mean", window="20m"), samples) == [None, None, 0.0]


def test_a_direction_has_neither_mean_nor_rate() -> None:
    for kind in ("mean", "rate"):
        with pytest.raises(ValueError, match="direction"):
            ALL[kind].find_unit("deg")


def test_over_is_the_share_of_time_above_the_limit() -> None:
    samples = [(MARCH + minute * MINUTE_MS, 1200.0 if minute < 15 else 1000.0) for minute in range(61)]
    over = build("over", limit=1000.0, window="1h")
    values = list_values(over, samples)
    assert values[29] is None
    assert [values[30], values[60]] == pytest.approx([50.0, 25.0])
    assert over.find_unit("[ppm]") == "%"


# rate, unchanged, matches


def test_a_rate_is_per_hour_and_negative_where_it_falls() -> None:
    rate = build("rate", window="1h")
    assert rate.find_unit("Cel") == "Cel/h"
    for slope in (-3.0, 12.0):
        values = list_values(rate, make_steady(MARCH, 120, 10, slope=slope, start=20.0))
        assert values[:3] == [None] * 3
        assert values[3:] == [pytest.approx(slope)] * 10


def test_a_rate_sees_no_further_than_its_window() -> None:
    samples = [*make_steady(MARCH, 60, 1), *make_steady(MARCH + 61 * MINUTE_MS, 60, 1, start=2.0)]
    values = list_values(build("rate", window="1h"), samples)
    assert (values[60], values[61], values[-1]) == (0.0, 2.0, 0.0)


def test_a_rate_says_nothing_after_a_gap() -> None:
    samples = [(MARCH, 1.0), (MARCH + 5 * HOUR_MS, 9.0), (MARCH + 5 * HOUR_MS + 30 * MINUTE_MS, 10.0)]
    assert list_values(build("rate", window="1h"), samples) == [None, None, 2.0]


def test_unchanged_counts_minutes_since_the_value_was_another() -> None:
    values = [5.0, 5.0, 5.0, 5.1, 5.1]
    samples = [(MARCH + number * 10 * MINUTE_MS, value) for number, value in enumerate(values)]
    assert list_values(build("unchanged"), samples) == [0.0, 10.0, 20.0, 0.0, 10.0]


@pytest.mark.parametrize(("wanted", "values"), [(True, [0.0, 1.0]), (False, [1.0, 0.0]), (0, [1.0, 0.0])])
def test_matches_is_one_where_the_value_is_the_one(wanted: float, values: list[float]) -> None:
    assert list_values(build("matches", value=wanted), [(MARCH, 0.0), (MARCH + 1, 1.0)]) == values


# hours of a register


@given(st.lists(st.tuples(st.integers(1, 119), st.floats(0.0, 50.0)), min_size=1, max_size=100))
def test_hours_of_energy_add_up_to_the_register(steps: list[tuple[int, float]]) -> None:
    samples = [(MARCH, 1000.0)]
    for minutes, used in steps:
        minutes_left = min(minutes, 60)  # further apart, hours between them are not told
        samples.append((samples[-1][0] + minutes_left * MINUTE_MS, samples[-1][1] + used))
    told = list_told(build("hour_energy"), samples)
    last_ms = samples[-1][0] // HOUR_MS * HOUR_MS
    after = next(number for number, (time_ms, _) in enumerate(samples) if time_ms >= last_ms)
    if after == 0:
        assert not told
        return
    (before_ms, before), (time_ms, value) = samples[after - 1], samples[after]
    at_last = before + (value - before) * (last_ms - before_ms) / (time_ms - before_ms)
    assert len(told) == (last_ms - MARCH) // HOUR_MS
    assert sum(used for _, used in told) == pytest.approx(at_last - 1000.0, abs=1e-6)


def test_the_register_at_the_full_hour_lies_between_its_samples() -> None:
    samples = [
        (MARCH + minute * MINUTE_MS, value) for minute, value in ((50, 10.0), (70, 12.0), (110, 20.0), (130, 30.0))
    ]
    assert list_told(build("hour_energy"), samples) == [(MARCH + 130 * MINUTE_MS, 25.0 - 11.0)]


def test_of_the_hours_in_a_gap_the_last_is_told() -> None:
    samples = [(MARCH + 30 * MINUTE_MS, 10.0), (MARCH + 130 * MINUTE_MS, 30.0)]
    assert list_told(build("hour_energy"), samples) == [(MARCH + 130 * MINUTE_MS, 12.0)]


def test_a_swapped_meter_starts_over() -> None:
    old = make_steady(MARCH, 90, 10, slope=6.0, start=5000.0)
    new = make_steady(MARCH + 100 * MINUTE_MS, 150, 10, slope=6.0)
    told = list_told(build("hour_energy"), old + new)
    assert [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in told] == [60, 180, 240]
    assert [used for _, used in told] == pytest.approx([6.0] * 3)


def test_a_long_gap_says_nothing_of_its_hours() -> None:
    samples = make_steady(MARCH, 60, 30, slope=4.0) + make_steady(
        MARCH + 190 * MINUTE_MS, 120, 10, slope=4.0, start=12.7
    )
    times = [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in list_told(build("hour_energy"), samples)]
    assert times == [60, 300]


def test_a_forecast_is_what_was_used_and_the_slope_for_the_rest() -> None:
    calm = make_steady(MARCH, 90, 1, slope=10.0)
    busy = make_steady(MARCH + 91 * MINUTE_MS, 29, 1, slope=40.0, start=15.0 + 40 / 60)
    values = list_values(build("hour_forecast"), calm + busy)
    assert values[:5] == [None] * 5
    assert values[5:60] == [pytest.approx(10.0)] * 55
    assert values[60:65] == [None] * 5
    assert values[65:91] == [pytest.approx(10.0)] * 26
    assert values[100:120] == [pytest.approx(25.0)] * 20  # half an hour at 10 and half an hour at 40
    assert 10.0 < (values[95] or 0.0) < 25.0


def test_a_forecast_knows_the_slope_of_slow_registers_too() -> None:
    samples = make_steady(MARCH, 60, 15, slope=8.0) + make_steady(
        MARCH + 75 * MINUTE_MS, 45, 15, slope=16.0, start=12.0
    )
    values = list_values(build("hour_forecast"), samples)
    assert values == [None, 8.0, 8.0, 8.0, None, 16.0, 16.0, 16.0, None]


def test_a_forecast_needs_the_beginning_of_its_hour() -> None:
    samples = make_steady(MARCH + 20 * MINUTE_MS, 100, 1, slope=8.0)
    times = [(time_ms - MARCH) // MINUTE_MS for time_ms, _ in list_told(build("hour_forecast"), samples)]
    assert times == list(range(65, 120))


@pytest.mark.parametrize("kind", ["hour_energy", "hour_forecast", "night_use"])
def test_only_a_register_has_hours_and_nights_of_use(kind: str) -> None:
    assert ALL[kind].find_unit("kW.h") == "kW.h"
    assert ALL[kind].find_unit("m3") == "m3"
    with pytest.raises(ValueError, match="register"):
        ALL[kind].find_unit("Cel")


# nights


@pytest.mark.parametrize(("day_ms", "hours"), [(MARCH, (3, 2, 3)), (OCTOBER, (3, 4, 3))])
def test_use_of_the_nights_when_the_clocks_change(day_ms: int, hours: tuple[int, ...]) -> None:
    samples = make_steady(day_ms + 7 * MINUTE_MS, 3 * 24 * 60, 17, slope=5.0, start=300.0)
    told = list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)
    assert [used for _, used in told] == [pytest.approx(5.0 * hour) for hour in hours]


def test_use_of_a_night_is_told_once_after_its_end() -> None:
    samples = make_steady(MARCH, 24 * 60, 10, slope=1.0)
    told = list_told(build("night_use", **{"from": "22:00", "to": "23:00"}), samples)
    assert [time_ms for time_ms, _ in told] == [MARCH + 23 * HOUR_MS]
    assert told[0][1] == pytest.approx(1.0)


@pytest.mark.parametrize("hole", [(40, 170), (200, 330)])
def test_use_of_a_night_whose_begin_or_end_was_missed_is_not_told(hole: tuple[int, int]) -> None:
    samples = [
        sample
        for sample in make_steady(MARCH, 300, 10, slope=1.0)
        if not hole[0] <= (sample[0] - MARCH) // MINUTE_MS <= hole[1]
    ]
    assert not list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)


def test_use_of_a_night_with_a_new_meter_is_not_told() -> None:
    samples = make_steady(MARCH, 120, 10, slope=1.0, start=900.0) + make_steady(
        MARCH + 130 * MINUTE_MS, 27 * 60, 10, slope=1.0
    )
    told = list_told(build("night_use", **{"from": "01:00", "to": "04:00"}), samples)
    assert [time_ms for time_ms, _ in told] == [parse_local("2026-03-29T04:00")]  # only the next one
    assert told[0][1] == pytest.approx(2.0)


@pytest.mark.parametrize(("dip_min", "least"), [(59, 0.4), (60, 0.0), (150, 0.0), (239, 0.0), (240, 0.4)])
def test_the_least_flow_of_a_night_is_that_within_it(dip_min: int, least: float) -> None:
    dip_ms = MARCH + dip_min * MINUTE_MS
    samples = [(time_ms, 0.0 if time_ms == dip_ms else 0.4) for time_ms, _ in make_steady(MARCH, 24 * 60, 1)]
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00"}), samples)
    assert told == [(MARCH + 4 * HOUR_MS, least)]


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_the_least_flow_is_told_at_the_local_end_of_the_nights_when_the_clocks_change(night: str) -> None:
    samples = make_steady(parse_local(f"{night} 00:00"), 24 * 60, 10, start=0.4)
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00"}), samples)
    assert told == [(parse_local(f"{night} 04:00"), 0.4)]


@pytest.mark.parametrize(
    ("night", "missing_min", "is_told"),
    [  # from 01:00 to 04:00 it is two hours in March, four in October
        ("2026-03-29", 20, True),
        ("2026-03-29", 30, False),
        ("2026-10-25", 45, True),
        ("2026-10-25", 55, False),
    ],
)
def test_a_night_with_too_much_missing_is_not_told(night: str, missing_min: int, *, is_told: bool) -> None:
    hole_ms = parse_local(f"{night} 01:00") + 10 * MINUTE_MS
    samples = [
        sample
        for sample in make_steady(parse_local(night), 20 * 60, 5, start=0.4)
        if not hole_ms < sample[0] < hole_ms + missing_min * MINUTE_MS
    ]
    told = list_told(build("night_least", **{"from": "01:00", "to": "04:00", "gap": "10m"}), samples)
    assert len(told) == is_told


# tables


@pytest.mark.parametrize(
    ("kind", "keys", "says"),
    [
        ("mean", {"window": "0m"}, "window must be longer than 0"),
        ("night_use", {"from": "01:00", "to": "01:00"}, "from and to"),
        ("night_least", {"from": "24:00", "to": "01:00"}, "before"),
        ("night_least", {"from": "01:00", "to": "04:00", "gap": "0s"}, "gap must be longer"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(kind: str, keys: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(kind, **keys)


def test_a_table_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        build("mean", window="20 minutes")
    assert caught.value.errors()[0]["ctx"]["pattern"] in PATTERNS
    with pytest.raises(ValidationError):
        build("mean", window="20m", gap="1m")
