"""Every kind of derivation, and series for tests of them."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ingest.alerts import derivations
from ingest.alerts.derivation_table import DerivationTable
from ingest.local_time import parse_local
from schemas.derivation import Derivation, State
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
