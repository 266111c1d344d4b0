"""What is made of a distance."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.frames.finite_number import find_number
from ingest.frames.mounting import find_fill, find_level, find_snow_depth, read_metres
from ingest.source import Plain


@pytest.mark.hazard("number-as-text", "tts", "chirpstack")
@pytest.mark.parametrize(
    ("value", "metres"),
    [
        (2799, 2.799),
        ("2799 mm", 2.799),
        ("2799", 2.799),
        ("15 cm", 0.15),
        ("25 ℃", None),
        ("No Sensor", None),
        (True, None),
        (None, None),
        (math.nan, None),
        (10**400, None),
    ],
)
def test_a_distance_comes_as_a_number_or_as_a_text_with_its_unit(value: Plain, metres: float | None) -> None:
    assert read_metres(value, "mm") == (None if metres is None else pytest.approx(metres))


def test_the_ground_is_at_zero_though_the_tape_was_a_little_off() -> None:
    assert find_snow_depth(2.53, 2.5) == 0
    assert find_snow_depth(2.6, 2.5) == -10
    assert find_snow_depth(1.5, 2.5) == 100
    assert find_level(4.02, 4.0) == 0
    assert find_fill(1.22, 1.2) == 0


def test_without_the_height_of_the_sensor_there_is_no_level() -> None:
    assert find_level(1.5, 0.0) is None


@given(value=st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers()))
def test_anything_is_a_finite_number_or_none(value: Plain) -> None:
    number, _ = find_number(value)
    assert number is None or math.isfinite(number)
