"""Requests and their answers as lines: what is sent is read again, and nothing else is taken."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.incidents.act import LONGEST_TEXT, Act, ActKind
from ingest.incidents.maintenance import Maintenance
from ingest.quarantine_filter import Filter
from ingest.request import (
    MOST_IDS,
    Answer,
    Outcome,
    Performed,
    Progress,
    Reloaded,
    Request,
    RequestError,
    RequestKind,
    Waiting,
    describe_filter,
    describe_outcome,
)
from ingest.request_alert import (
    ActRequest,
    Asked,
    BeginMaintenance,
    ContactTest,
    EndMaintenance,
    Reload,
    describe_asked,
    describe_ending,
    name_author,
)
from ingest.request_lines import MOST_NAMES, decode_answer, decode_request, encode_answer, encode_request
from schemas.reason import Level, Reason

INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
FILTERS = st.builds(
    Filter,
    ids=st.none() | st.lists(INTEGERS, min_size=1, max_size=5).map(tuple),
    reason=st.none() | st.sampled_from(Reason),
    device=st.none() | st.text(max_size=20),
    topic=st.none() | st.sampled_from(["a/+/b", "gjovik/#", "x"]),
    level=st.none() | st.sampled_from(Level),
    of_schema=st.none() | st.sampled_from(["indoor_climate", "indoor_climate/1"]),
    from_ms=st.none() | INTEGERS,
    to_ms=st.none() | INTEGERS,
    last_id=st.none() | INTEGERS,
)
IDS = st.integers(1, 2**63 - 1)
TEXTS = st.text(max_size=20)
NAMES = st.frozensets(st.text(min_size=1, max_size=5), max_size=3)
MOMENTS = st.integers(0, 2_000_000_000_000)
AUTHORS = st.sampled_from(["", "kari", "Åse Ødegård"])
NEVER, FREELY = st.just(0), st.just(value=False)
ACTS = st.one_of(
    st.builds(Act, st.sampled_from([ActKind.ACKNOWLEDGE, ActKind.ASSIGN, ActKind.COMMENT]), TEXTS, NEVER, FREELY),
    st.builds(Act, st.just(ActKind.SNOOZE), TEXTS, MOMENTS, FREELY),
    st.builds(Act, st.just(ActKind.CLOSE), TEXTS, NEVER, st.booleans()),
)
PLANNED = st.builds(
    Maintenance, st.just(0), NAMES, NAMES, NAMES, TEXTS, st.just(""), MOMENTS, MOMENTS, st.none(), st.just("")
)
REQUESTS = st.one_of(
    st.builds(Request, st.sampled_from([RequestKind.REPROCESS, RequestKind.DISCARD]), FILTERS, AUTHORS),
    st.builds(ActRequest, ACTS, st.lists(IDS, min_size=1, max_size=5).map(tuple), AUTHORS),
    st.builds(BeginMaintenance, PLANNED, AUTHORS),
    st.builds(EndMaintenance, IDS, AUTHORS),
    st.builds(Reload, AUTHORS),
    st.builds(ContactTest, TEXTS, AUTHORS),
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_sent(request: Asked) -> None:
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
        (b'{"kind":"ack","where":{}}', "incidents"),
        (b'{"kind":"ack","incidents":[]}', "incidents"),
        (b'{"kind":"ack","incidents":[0]}', "incidents.0"),
        (b'{"kind":"ack","incidents":[1.0]}', "incidents.0"),
        (b'{"kind":"ack","incidents":[9223372036854775808]}', "incidents.0"),
        (b'{"kind":"ack","incidents":[1],"until_ms":5}', "until_ms"),
        (b'{"kind":"comment","incidents":[1],"text":7}', "text"),
        (b'{"kind":"snooze","incidents":[1]}', "until_ms"),
        (b'{"kind":"snooze","incidents":[1],"until_ms":null}', "until_ms"),
        (b'{"kind":"snooze","incidents":[1],"until_ms":9223372036854775807}', "until_ms"),
        (b'{"kind":"close","incidents":[1],"is_forced":"yes"}', "is_forced"),
        (b'{"kind":"begin_maintenance","sites":["a"],"reason":"r","from_ms":1}', "to_ms"),
        (b'{"kind":"begin_maintenance","sites":[""],"reason":"r","from_ms":1,"to_ms":2}', "sites.0"),
        (b'{"kind":"end_maintenance","maintenance":-1}', "maintenance"),
        (b'{"kind":"test","contact":["a"]}', "contact"),
    ],
)
def test_what_is_no_request_is_refused_with_its_place(line: bytes, place: str) -> None:
    with pytest.raises(RequestError, match=place):
        decode_request(line)


@pytest.mark.parametrize(
    "request_",
    [
        Request(RequestKind.DISCARD, Filter(), "a\nb"),
        Request(RequestKind.DISCARD, Filter((1,) * (MOST_IDS + 1))),
        Request(RequestKind.CLOSE, Filter()),
        ActRequest(Act(ActKind.COMMENT, "x" * (LONGEST_TEXT + 1)), (1,)),
        ActRequest(Act(ActKind.CLOSE), (1,) * (MOST_IDS + 1)),
        ActRequest(Act(ActKind.CLOSE), ()),
        ActRequest(Act(ActKind.ACKNOWLEDGE), (1,), "x" * 101),
        BeginMaintenance(
            Maintenance(0, frozenset(map(str, range(MOST_NAMES + 1))), frozenset(), frozenset(), "r", "", 1, 2)
        ),
    ],
)
def test_a_request_that_would_be_refused_is_not_sent(request_: Asked) -> None:
    with pytest.raises(RequestError, match="cannot be asked"):
        encode_request(request_)


@pytest.mark.parametrize(
    "answer",
    [
        Waiting(RequestKind.DISCARD, "ola"),
        Progress(500, 1200),
        Outcome(3, 2, {Reason.CONFLICT: 1}),
        Performed({"7": "acknowledged"}, {"8": "there is no such incident"}),
        Reloaded(120, 30),
    ],
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
        (Filter(of_schema="indoor_climate/1"), "schema indoor_climate/1"),
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


HALL = Maintenance(0, frozenset({"hall"}), frozenset(), frozenset(), "rør", "", 1_795_437_660_000, 1_795_441_260_000)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(RequestKind.DISCARD, Filter(ids=(4,))), "entry 4"),
        (ActRequest(Act(ActKind.ACKNOWLEDGE, "på vei"), (4,)), "incident 4: på vei"),
        (ActRequest(Act(ActKind.CLOSE, "tatt ned", is_forced=True), (4, 5)), "incidents 4, 5, by force: tatt ned"),
        (
            ActRequest(Act(ActKind.SNOOZE, until_ms=1_795_437_660_000), (4,)),
            "incident 4, until 2026-11-23 13:41:00 in Oslo",
        ),
        (ActRequest(Act(ActKind.SNOOZE), (4,)), "incident 4, no longer"),
        (
            BeginMaintenance(HALL),
            "site hall, from 2026-11-23 13:41:00 to 2026-11-23 14:41:00 in Oslo: rør",
        ),
        (EndMaintenance(3), "maintenance 3"),
        (ContactTest(""), "every contact"),
        (ContactTest("vakt"), "contact vakt"),
    ],
)
def test_what_is_asked_is_told_in_words(request_: Asked, words: str) -> None:
    assert describe_asked(request_) == words


def test_what_came_of_many_incidents_is_told_in_a_bounded_line() -> None:
    performed = Performed({str(one): "closed" for one in range(500)}, {"x": "no"})
    line = describe_ending(RequestKind.CLOSE, performed)
    assert line.startswith("done: 0 closed, 1 closed, ")
    assert line.endswith("19 closed and 480 more; refused: x: no")


@pytest.mark.parametrize(
    ("author", "login", "name"),
    [("", "kn", "kn"), ("kn", "kn", "kn"), ("Kari", "kn", "Kari (kn)"), ("ola", "kn", "ola (kn)")],
)
def test_an_author_is_shown_with_the_login_that_the_system_knows(author: str, login: str, name: str) -> None:
    assert name_author(author, login) == name
