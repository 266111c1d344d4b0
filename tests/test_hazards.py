"""Hazards and formats: every pair has a test, or a reason why it cannot occur, and no mark is of something unknown."""

import pytest

from tests.hazards import HAZARDS, find_reason, list_formats, list_marked, render_hazards

MARKED = list_marked()


@pytest.mark.parametrize("key", list_formats())
@pytest.mark.parametrize("hazard", HAZARDS)
def test_a_hazard_has_a_test_or_a_reason_in_every_format(hazard: str, key: str) -> None:
    tests = [one.test for one in MARKED if one.hazard == hazard and key in one.formats]
    reason = find_reason(hazard, key)
    assert tests or reason, f"nothing shows what becomes of {hazard} in {key}: mark a test, or say why it cannot occur"
    assert not (tests and reason), f"{hazard} in {key} has both a reason and {tests}"


def test_every_mark_is_of_a_known_hazard_and_known_formats() -> None:
    assert {one.hazard for one in MARKED} == set(HAZARDS)
    assert {key for one in MARKED for key in one.formats} == set(list_formats())
    assert all(one.formats and one.test.startswith("test_") for one in MARKED)


def test_a_reason_is_of_known_formats_and_given_once() -> None:
    for hazard in HAZARDS.values():
        keys = [key for some in hazard.absent for key in some]
        assert set(keys) <= set(list_formats())
        assert len(keys) == len(set(keys))


def test_the_marks_that_are_found_are_those_of_the_tests(request: pytest.FixtureRequest) -> None:
    found = {(one.file, one.test, one.hazard, one.formats) for one in MARKED}
    collected = {
        (item.path.name, item.originalname, mark.args[0], mark.args[1:])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        for mark in item.iter_markers("hazard")
    }
    files = {file for file, *_ in collected}
    assert {one for one in found if one[0] in files} == collected or not collected


def test_the_page_has_a_row_for_each_hazard_and_names_every_test() -> None:
    page = render_hazards()
    assert all(f"| [{key}](#{key}) |" in page and f"\n## {key}\n" in page for key in HAZARDS)
    assert all(f": {one.title} ([{one.file}]" in page for one in MARKED)
