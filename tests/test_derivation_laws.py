"""Laws over every kind of derivation."""

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.derivation_table import DerivationTable
from schemas.derivation import Derivation, Given, State
from schemas.quantities import QUANTITIES
from tests.derivation_series import (
    ALL,
    CALM_OR_NOT,
    FINITE,
    KEYS,
    MARCH,
    MINUTE_MS,
    MOST,
    TABLES,
    build,
    grow,
    hear,
    list_values,
    make_steady,
    series,
    steady_or_not,
)

LIMITS = st.sampled_from([-MOST, -50.0, 0.0, 1.0, 9.5, 10.0, 60.0, 100.0, MOST]) | st.floats(-1e3, 1e3)


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


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data())
def test_law_what_is_not_worked_out_is_between_the_limits(kind: str, data: st.DataObject) -> None:
    derivation = ALL[kind]
    samples = data.draw(steady_or_not(CALM_OR_NOT))
    samples = grow(samples) if data.draw(st.booleans()) else samples
    worked_out = list_values(derivation, samples)
    # Limits that some of what is said is just at, or just beyond.
    near = [one for told in worked_out if told is not None for one in (told, math.nextafter(told, 0.0))]
    limits = LIMITS | st.sampled_from(near) if near else LIMITS
    low, high = sorted((data.draw(limits), data.draw(limits)))
    state = None
    for (time_ms, value), expected in zip(samples, worked_out, strict=True):
        told = derivation.tell(state, time_ms, value, low, high)
        assert told == expected or (told is None and expected is not None and low <= expected <= high)
        state = hear(derivation, state, time_ms, value, low, high)
        assert json.loads(json.dumps(state, allow_nan=False)) == state


@pytest.mark.parametrize("step_min", [1, 5, 15])
@pytest.mark.parametrize("steep_min", [0, 7, 29, 35])
@pytest.mark.parametrize(("begin_min", "dip"), [(0, 0.0), (61, 0.0), (61, 20.0)])
@pytest.mark.parametrize("kind", ["mean", "rate", "hour_forecast"])
def test_what_is_just_beyond_a_limit_is_worked_out(
    kind: str, begin_min: int, dip: float, steep_min: int, step_min: int
) -> None:
    """A rise, perhaps out of a dip, as steep as can be: each value that is said is made the limit in turn."""
    derivation = ALL[kind]
    samples = []
    for minute in range(0, 180, step_min):
        risen = min(max(0.0, minute - begin_min), steep_min + 1.0)
        samples.append(
            (MARCH + minute * MINUTE_MS, 500.0 + risen - (dip if begin_min - 9 < minute <= begin_min else 0))
        )
    for limit in {told for told in list_values(derivation, samples) if told}:
        state, high = None, math.nextafter(limit, -MOST)
        for (time_ms, value), expected in zip(samples, list_values(derivation, samples), strict=True):
            told = derivation.tell(state, time_ms, value, -MOST, high)
            assert told == expected or (told is None and expected is not None and expected <= high)
            state = hear(derivation, state, time_ms, value, -MOST, high)


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
