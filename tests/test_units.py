"""Conversions are checked against values that stand in textbooks, not against the table itself."""

import pytest

from schemas.units import UNITS, UnitError, convert, find_unit


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (212.0, "[degF]", "Cel", 100.0),
        (32.0, "[degF]", "Cel", 0.0),
        (-40.0, "Cel", "[degF]", -40.0),
        (0.0, "K", "Cel", -273.15),
        (60.0, "[mi_i]/h", "km/h", 96.56064),
        (10.0, "m/s", "km/h", 36.0),
        (1.5, "MW.h", "kW.h", 1500.0),
        (250.0, "L", "m3", 0.25),
        (2.0, "L/s", "m3/h", 7.2),
        (5.0, "cm", "mm", 50.0),
        (90.0, "min", "h", 1.5),
        (0.5, "1", "%", 50.0),
        (3.6, "MJ", "kW.h", 1.0),
        (110_046.0, "mW.h", "W.h", 110.046),
        (1.5, "kvar", "var", 1500.0),
        (3594.0, "mV", "V", 3.594),
        (60.0, "L/min", "m3/h", 3.6),
        (10.0, "[kn_i]", "km/h", 18.52),
        (3.0, "mm/h", "m/h", 0.003),
        (96_412.0, "Pa", "hPa", 964.12),
        (100.0, "mm[Hg]", "kPa", 13.3322),
        (1.5, "bar", "mbar", 1500.0),
        (4.0, "pCi/L", "Bq/m3", 148.0),
        (0.4, "dS/m", "uS/cm", 400.0),
        (400.0, "[ppb]", "[ppm]", 0.4),
        (29.92, "[in_i'Hg]", "hPa", 1013.20453696),
        (1.0, "[in_i'Hg]", "mm[Hg]", 25.4),
        (14.5037737730209, "[psi]", "bar", 1.0),
        (1.0, "[gal_us]", "L", 3.785411784),
        (10.0, "[ft_i]", "m", 3.048),
        (0.5, "m3/s", "L/s", 500.0),
        (0.1, "S/m", "mS/cm", 1.0),
        (1e-9, "kg/m3", "ug/m3", 1.0),
    ],
)
def test_convert(value: float, source: str, target: str, expected: float) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_unit_converted_to_itself_is_the_very_same_number() -> None:
    for ucum in UNITS:
        assert convert(0.1, ucum, ucum) == 0.1


def test_units_of_different_things_do_not_convert() -> None:
    with pytest.raises(UnitError, match="do not measure the same thing"):
        convert(1.0, "Cel", "kW.h")


def test_an_unknown_unit_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnitError, match=r"'furlong' is not known; known units: .*Cel"):
        find_unit("furlong")


def test_what_people_read_is_of_one_unit() -> None:
    # Sources write units in this way; see ``ingest.payloads.written_unit``.
    displays = [unit.display for unit in UNITS.values()]
    assert len(set(displays)) == len(displays)


def test_every_unit_names_a_base_that_is_in_the_table() -> None:
    for unit in UNITS.values():
        base = UNITS[unit.base]
        assert (base.factor, base.offset) == (1.0, 0.0)
