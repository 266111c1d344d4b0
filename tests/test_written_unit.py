"""One table of how units are written, for every format that tells one and for numbers that come as text."""

import pytest

from ingest.model import read_number
from ingest.payloads.written_unit import read_unit
from schemas.units import UNITS
from schemas.validation import SHOWN_CHARACTERS


@pytest.mark.parametrize("ucum", UNITS)
def test_a_unit_is_known_by_its_code_and_as_people_write_it(ucum: str) -> None:
    assert read_unit(ucum) == ucum
    display = UNITS[ucum].display
    assert read_unit(f" {display} ") == (ucum if display else "")


@pytest.mark.parametrize(
    ("written", "ucum"),
    [
        ("C", "Cel"),  # Homie and makers' decoders
        ("℃", "Cel"),
        ("F", "[degF]"),
        ("#", "1"),
        ("m^3", "m3"),
        ("dB(A)", "dB"),
        ("μg/m³", "ug/m3"),  # the Greek letter for the micro sign
        ("kWH", "kW.h"),
        ("%RH", "%"),
        ("degrees-celsius", "Cel"),  # BACnet
        ("Degrees-Celsius", "Cel"),
        ("pounds-force-per-square-inch", "[psi]"),
        ("PSI", "[psi]"),
        ("inHg", "[in_i'Hg]"),
        ("us-gallons", "[gal_us]"),
        ("feet", "[ft_i]"),
        ("cubic-meters-per-second", "m3/s"),
    ],
)
def test_a_spelling_is_understood_wherever_it_is_written(written: str, ucum: str) -> None:
    assert read_unit(written) == ucum
    assert read_number(f"21.5 {written}", "") == (21.5, ucum)


def test_a_unit_that_is_not_known_stays_as_it_is() -> None:
    assert [read_unit(one) for one in ("inH2O", "", "kilofurlong")] == ["inH2O", "", "kilofurlong"]
    assert len(read_unit("x" * 10_000)) == SHOWN_CHARACTERS


@pytest.mark.parametrize("written", ["mW", "Mbar", "MWH", "mwh", "ms/cm", "MS", "s/m", "KM"])
def test_units_that_only_the_case_tells_apart_are_never_guessed(written: str) -> None:
    assert read_unit(written) == written
    assert written not in UNITS
