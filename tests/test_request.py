"""Requests and their answers as lines: what is sent is read again, and nothing else is taken."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.quarantine_filter import Filter
from ingest.request import (
    MOST_IDS,
    Answer,
    Outcome,
    Progress,
    Request,
    RequestError,
    RequestKind,
    Waiting,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from schemas.reason import Level, Reason

INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
FILTERS = st.builds(
    Filter,
    ids=st.none() | st.lists(INTEGERS, min_size=1, max_size=5).map(tuple),
    reason=st.none() | st.sampled_from(Reason),
    device=st.none() | st.text(max_size=20),
    topic=st.none() | st.sampled_from(["a/+/b", "gjovik/#", "x"]),
    level=st.none() | st.sampled_from(Level),
    from_ms=st.none() | INTEGERS,
    to_ms=st.none() | INTEGERS,
    last_id=st.none() | INTEGERS,
)


@given(st.sampled_from(RequestKind), FILTERS, st.sampled_from(["", "kari", "Åse Ødegård"]))
def test_a_request_is_read_as_it_was_sent(kind: RequestKind, where: Filter, author: str) -> None:
    request = Request(kind, where, author)
    line = encode_request(request)
    assert line.count(b"\n") == 1
    assert decode_request(line) == request


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(line: bytes) -> None:
    with contextlib.suppress(RequestError):
        assert decode_request(line).kind in RequestKind


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (b"", "JSON"),
        (b"[" * 50_000, "JSON"),
        (b"[]", "object"),
        (b'{"kind":"drop","where":{}}', "kind"),
        (b'{"kind":"discard"}', "where"),
        (b'{"kind":"discard","where":{},"force":true}', "force"),
        (b'{"kind":"discard","where":{"reasons":"conflict"}}', "where.reasons"),
        (b'{"kind":"discard","where":{"ids":[]}}', "where.ids"),
        (b'{"kind":"discard","where":{"ids":["1"]}}', "where.ids.0"),
        (b'{"kind":"discard","where":{"ids":[9223372036854775808]}}', "where.ids.0"),
        (b'{"kind":"discard","where":{"ids":[true]}}', "where.ids.0"),
        (b'{"kind":"discard","where":{"topic":"a/#/b"}}', "topic filter"),
        (b'{"kind":"discard","where":{},"author":"a\\u001bb"}', "author"),
    ],
)
def test_what_is_no_request_is_refused_with_its_place(line: bytes, place: str) -> None:
    with pytest.raises(RequestError, match=place):
        decode_request(line)


@pytest.mark.parametrize(
    "request_",
    [Request(RequestKind.DISCARD, Filter(), "a\nb"), Request(RequestKind.DISCARD, Filter((1,) * (MOST_IDS + 1)))],
)
def test_a_request_that_would_be_refused_is_not_sent(request_: Request) -> None:
    with pytest.raises(RequestError, match="cannot be asked"):
        encode_request(request_)


@pytest.mark.parametrize(
    "answer", [Waiting(RequestKind.DISCARD, "ola"), Progress(500, 1200), Outcome(3, 2, {Reason.CONFLICT: 1})]
)
def test_an_answer_is_read_as_it_was_sent(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


def test_an_error_is_raised_at_the_other_end() -> None:
    with pytest.raises(RequestError, match="the disk is full"):
        decode_answer(encode_answer(RequestError("the disk is full")))


@pytest.mark.parametrize("line", [b"", b"{}", b"null", b'{"outcome":{}}', b'{"progress":{"done":1}}'])
def test_what_is_no_answer_is_an_error(line: bytes) -> None:
    with pytest.raises(RequestError, match="answer"):
        decode_answer(line)
