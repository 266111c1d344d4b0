"""Bisection: lines at fault are found in few requests, and no other line is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bisection import Parts, find_shape
from ingest.line import build_line

NOW_MS = 1_768_471_200_000


def write(parts: Parts, guilty: set[bytes], *, says_dropped: bool) -> tuple[list[bytes], int]:
    """Answer as InfluxDB does, which stores the rest of a request; return what is stored, and the requests."""
    stored: list[bytes] = []
    requests = 0
    while parts.waiting:
        requests += 1
        part = parts.waiting[-1]
        dropped = sum(line in guilty for line in part)
        if dropped:
            parts.refuse("field type conflict", dropped if says_dropped else None)
        else:
            stored += part
            parts.accept()
    return stored, requests


@given(
    st.lists(st.sampled_from([b"a v=1.0", b'a v="x"', b"b v=t", b"b v=1i"]), min_size=1, max_size=60),
    st.data(),
    st.booleans(),
)
def test_exactly_the_guilty_lines_are_refused(kinds: list[bytes], data: st.DataObject, says_dropped: bool) -> None:  # noqa: FBT001 - given by hypothesis
    lines = [b"%b %d" % (kind, number) for number, kind in enumerate(kinds)]
    guilty = set(data.draw(st.lists(st.sampled_from(lines), unique=True)))
    parts = Parts(lines, most_bytes=200)
    stored, _ = write(parts, guilty, says_dropped=says_dropped)
    assert {one.line for one in parts.refused} == guilty
    assert sorted(stored) == sorted(line for line in lines if line not in guilty)


def test_a_fault_that_thousands_share_costs_a_request() -> None:
    good = [b"m,device=d%d v=1.0 %d" % (number, number) for number in range(3_000)]
    bad = [b'm,device=d%d v="x" %d' % (number, number) for number in range(3_000)]
    mixed = [line for pair in zip(good, bad, strict=True) for line in pair]
    parts = Parts(mixed, most_bytes=1_000_000)
    stored, requests = write(parts, set(bad), says_dropped=True)
    assert (len(stored), len(parts.refused), requests) == (3_000, 3_000, 2)


def test_one_line_among_thousands_costs_two_log_n() -> None:
    lines = [b"m v=1.0 %d" % number for number in range(4_096)]
    _, requests = write(Parts(lines, most_bytes=1_000_000), {lines[1_234]}, says_dropped=True)
    assert requests <= 1 + 2 * 12


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        (b"m v=1.0 5", (b"m", b"v=float")),
        (
            b'm,a=b\\ c,d=e v=1i,w=t,x="a, \\"b\\" c=d",y=-2e9 5',
            (b"m", b"v=integer", b"w=boolean", b"x=text", b"y=float"),
        ),
        (b"m\\,n\\ o,a=b v=false", (b"m\\,n\\ o", b"v=boolean")),
        (b"", ()),
        (b"nothing", ()),
        (b"\xff\x00 \n", (b"\xff\x00",)),
    ],
)
def test_the_shape_of_a_line(line: bytes, shape: tuple[bytes, ...]) -> None:
    assert find_shape(line) == shape


@given(
    st.text(min_size=1),
    st.text(min_size=1),
    st.dictionaries(st.text(min_size=1), st.floats() | st.booleans() | st.text(), min_size=1),
)
def test_lines_that_we_write_have_a_field_each_in_their_shape(
    measurement: str, tag: str, fields: dict[str, float | bool | str]
) -> None:
    line = build_line(measurement, {"device": tag}, fields, NOW_MS)
    names = {name for name in fields if not name.isspace()}
    assert len(find_shape(line)) <= len(fields) + 1
    assert len(find_shape(line)) >= 1 + (len(names) == len(fields) and all(name.isalnum() for name in names)) * len(
        names
    )


@given(st.binary())
def test_any_bytes_have_a_shape(line: bytes) -> None:
    find_shape(line)
