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
    describe_filter,
    describe_outcome,
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


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Filter(), "everything"),
        (Filter(ids=(4,)), "entry 4"),
        (Filter(ids=(4, 5), last_id=504), "entries 4, 5, up to entry 504"),
        (Filter(reason=Reason.CONFLICT, level=Level.FIELD), "reason conflict, level field"),
        (Filter(from_ms=1_795_437_660_000), "received from 2026-11-23 13:41:00 in Oslo"),
        (
            Filter(device="a", from_ms=1_795_437_660_000, to_ms=1_795_441_260_000),
            "device a, received from 2026-11-23 13:41:00 and before 2026-11-23 14:41:00 in Oslo",
        ),
    ],
)
def test_what_is_meant_is_told_in_words_and_local_time(where: Filter, words: str) -> None:
    assert describe_filter(where) == words


@pytest.mark.parametrize(
    ("kind", "outcome", "words"),
    [
        (
            RequestKind.REPROCESS,
            Outcome(32, 0, {Reason.CONFLICT: 32}),
            "of 32 entries 0 were accepted and left, 32 stay",
        ),
        (RequestKind.REPROCESS, Outcome(1, 0, {Reason.CONFLICT: 1}), "of 1 entry 0 were accepted and left, 1 stays"),
        (RequestKind.REPROCESS, Outcome(1, 1, {}), "of 1 entry 1 was accepted and left, 0 stay"),
        (RequestKind.REPROCESS, Outcome(0, 0, {}), "no entry matched"),
        (RequestKind.DISCARD, Outcome(1, 1, {}), "1 entry was discarded"),
        (RequestKind.DISCARD, Outcome(57, 57, {}), "57 entries were discarded"),
    ],
)
def test_what_came_of_it_is_told_in_words(kind: RequestKind, outcome: Outcome, words: str) -> None:
    assert describe_outcome(kind, outcome) == words
