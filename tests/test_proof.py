"""The proof finds every difference there can be: a test that cannot fail would prove nothing."""

import hashlib
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Batch, Ledger, Quarantined
from ingest.duplicate import split_fields
from ingest.quarantine_filter import Filter
from schemas.reason import Level, Reason
from simulators.evidence import count_given_up, describe_ledger, list_published, sort_quarantined
from simulators.proof import Proof, Published, Refusals, compare, describe, judge
from simulators.tally import Tally
from tests.store_batches import open_in

DIGESTS = {seq: bytes([seq]) for seq in range(6)}
ONE = Published({"a": {0: b"x"}})


def store(*seqs: int) -> Counter[int]:
    """Return that each is in InfluxDB as often as it is named."""
    return Counter(seqs)


def refuse(*digests: bytes) -> Refusals:
    """Return that whole payloads are in quarantine."""
    return Refusals(whole=Counter(digests))


def test_everything_stored_or_quarantined_holds() -> None:
    proof = compare(Published({"a": DIGESTS}), {"a": store(0, 1, 2, 3)}, {"a": refuse(b"\x04", b"\x05")})
    assert proof.holds
    assert (proof.published, proof.stored, proof.quarantined, proof.both) == (6, 4, 2, 0)
    assert judge(proof) == "Nothing was lost."


def test_a_lost_reading_is_named() -> None:
    proof = compare(Published({"a": DIGESTS}), {"a": store(0, 1, 2, 3)}, {"a": refuse(b"\x04")})
    assert not proof.holds
    assert proof.missing == {"a": {5}}
    assert "missing: a seq 5 (1)" in describe(proof)
    assert "lost" in judge(proof)


def test_a_reading_that_nobody_published_is_named() -> None:
    proof = compare(ONE, {"a": store(0, 1), "b": store(7)}, {})
    assert not proof.holds
    assert proof.unexpected == {"a": {1}, "b": {7}}


def test_a_reading_stored_in_part_is_counted_once() -> None:
    proof = compare(ONE, {"a": store(0)}, {"a": Refusals(partial=Counter([b"x"]))})
    assert proof.holds
    assert (proof.stored, proof.quarantined, proof.both) == (1, 0, 1)


def test_a_reading_beside_another_of_the_same_moment_is_stored_in_part_without_its_number() -> None:
    published = Published({"meter": {0: b"power", 1: b"energy"}})
    fresh, conflicts = split_fields({"power": 1.0, "seq": 0.0}, {"energy": 2.0, "seq": 1.0})
    detail = "; ".join(refusal.detail for refusal in conflicts)
    entry = Quarantined(0, Level.FIELD, Reason.CONFLICT, "", "meter", detail, b"payload", 7, sha256=b"energy")
    assert fresh == {"energy": 2.0}
    refusals = sort_quarantined([entry])
    proof = compare(published, {"meter": store(0)}, refusals)
    assert proof.holds
    assert (proof.stored, proof.quarantined, proof.both) == (2, 0, 1)
    assert compare(published, {}, refusals).missing == {"meter": {0}}
    other = sort_quarantined([entry._replace(detail=f"sub{detail}")])
    assert compare(published, {"meter": store(0)}, other).missing == {"meter": {1}}


def test_a_refused_field_does_not_excuse_that_the_rest_of_its_reading_is_missing() -> None:
    proof = compare(ONE, {}, {"a": Refusals(partial=Counter([b"x"]))})
    assert not proof.holds
    assert proof.missing == {"a": {0}}


def test_a_line_that_the_database_refused_is_in_quarantine_by_its_sequence_number() -> None:
    refused = {"a": Refusals(lines=Counter([0]))}
    assert compare(ONE, {}, refused).quarantined == 1
    assert compare(Published({"a": {1: b"y"}}), {}, refused).missing == {"a": {1}}


def test_quarantine_of_another_device_does_not_count() -> None:
    assert not compare(ONE, {}, {"b": refuse(b"x")}).holds


def test_two_messages_of_the_same_bytes_need_two_entries() -> None:
    published = Published({"a": {0: b"same", 1: b"same"}})
    assert compare(published, {}, {"a": refuse(b"same", b"same")}).holds
    assert compare(published, {}, {"a": refuse(b"same")}).missing == {"a": {1}}


def test_what_was_never_acknowledged_may_be_stored_and_need_not_be() -> None:
    published = Published({"a": {0: b"x"}}, unanswered={"a": {1}, "b": {0}})
    for stored in ({"a": store(0, 1), "b": store(0)}, {"a": store(0)}):
        proof = compare(published, stored, {})
        assert proof.holds
        assert proof.unanswered == 2
        assert "unanswered 2, refused 0" in describe(proof)[1]


def test_nothing_published_proves_nothing() -> None:
    proof = compare(Published({}), {}, {})
    assert not proof.holds
    assert "nothing is proved" in judge(proof)


def test_a_fleet_that_the_broker_refuses_proves_nothing() -> None:
    proof = compare(Published({"a": {0: b"x"}}, refused=100), {"a": store(0)}, {})
    assert not proof.holds
    assert "refused 100" in describe(proof)[1]
    assert "refused 100 messages" in judge(proof)


def test_a_reading_stored_twice_is_shown() -> None:
    proof = compare(ONE, {"a": store(0, 0)}, {})
    assert proof.holds
    assert proof.repeated == {"a": {0}}
    assert "stored more than once: a seq 0 (1)" in describe(proof)
    assert judge(proof) == "Nothing was lost. Stored more than once: 1."


def test_the_quarantine_is_sorted_by_what_it_excuses() -> None:
    line = rb"m,device=a,type=x\ seq\=9\ ,zone=seq f=1.0,seq=12.0,delay=0.1 1768478400000"
    levels = {Level.MESSAGE: b"m", Level.READING: b"r", Level.FIELD: b"f", Level.LINE: line}
    entries = [
        Quarantined(0, level, Reason.CONFLICT, "", "a", "", payload, len(payload), hashlib.sha256(payload).digest())
        for level, payload in levels.items()
    ]
    digests = {payload: hashlib.sha256(payload).digest() for payload in levels.values()}
    whole, partial, lines, unnumbered = sort_quarantined(entries)["a"]
    assert whole == {digests[b"m"]: 1, digests[b"r"]: 1}
    assert partial == {digests[b"f"]: 1}
    assert lines == {12: 1}
    assert unnumbered == {}


def test_a_tally_says_what_was_taken_what_was_not_answered_and_what_was_refused() -> None:
    tally = Tally()
    for payload in (b"x", b"y", b"z"):
        tally.publish("a", payload)
    tally.answer("a", 0, refused=False)
    tally.answer("a", 2, refused=True)
    published = list_published(tally)
    assert published == ({"a": {0: hashlib.sha256(b"x").digest()}}, {"a": {1}}, 1)


def test_what_the_quarantine_gave_up_is_a_place_of_its_own_and_what_is_beyond_it_is_lost() -> None:
    published, stored, quarantined = Published({"a": DIGESTS}), {"a": store(0, 1)}, {"a": refuse(b"\x02")}
    proof = compare(published, stored, quarantined, most_given_up=7)
    assert proof.holds
    assert (proof.given_up, proof.lost) == (3, 0)
    assert describe(proof)[0].startswith("published 6 = stored 2 + quarantined 1 + given up 3 + missing 0")
    assert "given up: a seq 3, 4, 5 (3)" in describe(proof)
    assert judge(proof) == "Nothing was lost. Given up in quarantine: 3."
    proof = compare(published, stored, quarantined, most_given_up=2)
    assert not proof.holds
    assert (proof.given_up, proof.lost) == (2, 1)
    assert "given up 2 + missing 1" in describe(proof)[0]
    assert "missing or given up: a seq 3, 4, 5 (3)" in describe(proof)
    assert "lost" in judge(proof)
    assert not compare(published, {**stored, "b": store(0)}, quarantined, most_given_up=7).holds


def make_refused(level: Level, number: int) -> Quarantined:
    """Return an entry of the quarantine."""
    payload = b"%d" % number
    digest = hashlib.sha256(payload).digest()
    return Quarantined(number, level, Reason.OUT_OF_RANGE, "", "a", "", payload, len(payload), digest)


def test_only_entries_of_whole_readings_that_left_the_quarantine_for_good_are_given_up(tmp_path: Path) -> None:
    levels = [Level.MESSAGE] * 2 + [Level.READING] * 3 + [Level.FIELD] * 4
    entries = [make_refused(level, number) for number, level in enumerate(levels)]
    ledger = Ledger(received=9, decoded=7, undecodable=2, produced=7, accepted=4, rejected=3, refused_fields=4)
    with closing(open_in(tmp_path)) as opened:
        opened.commit(Batch(quarantined=entries, ledger=ledger), 0)
        assert count_given_up(tmp_path) == 0
        assert opened.discard(Filter(level=Level.FIELD), 3) == 3
        assert count_given_up(tmp_path) == 0
        opened.commit(Batch(released=[1]), 0)
        assert count_given_up(tmp_path) == 1, "which one was reprocessed is not known, so it is only a bound"
        assert opened.discard(Filter(), 9) == 5
        assert count_given_up(tmp_path) == 5
    ledger_lines = describe_ledger(tmp_path)
    assert "quarantine: quarantined 9 = held 0 + reprocessed 1 + discarded 8 + expired 0" in ledger_lines


SEQS = st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 20)), max_size=3)


@given(SEQS, SEQS, SEQS, SEQS)
def test_a_proof_holds_exactly_when_every_reading_is_somewhere_and_none_came_from_nowhere(
    published: dict[str, set[int]], stored: dict[str, set[int]], refused: dict[str, set[int]], cut: dict[str, set[int]]
) -> None:
    proof = compare(
        Published({device: {seq: bytes([seq]) for seq in seqs} for device, seqs in published.items()}),
        {device: Counter(seqs) for device, seqs in stored.items()},
        {
            device: Refusals(
                Counter(bytes([seq]) for seq in refused.get(device, ())),
                Counter(bytes([seq]) for seq in cut.get(device, ())),
            )
            for device in "abc"
        },
    )
    all_published, all_stored, all_refused = (
        {(device, seq) for device, seqs in one.items() for seq in seqs} for one in (published, stored, refused)
    )
    assert proof.stored == len(all_published & all_stored)
    assert proof.quarantined == len(all_published & all_refused - all_stored)
    is_whole = all_published <= all_stored | all_refused and all_stored <= all_published
    assert proof.holds == (is_whole and bool(all_published))


@pytest.mark.parametrize("different", [{"missing": {"a": {1}}}, {"unexpected": {"a": {1}}}, {"refused": 1}])
def test_a_verdict_is_never_good_when_the_proof_does_not_hold(different: dict[str, dict[str, set[int]]]) -> None:
    proof = Proof(published=1, stored=1, quarantined=0, both=0, **different)  # type: ignore[arg-type]  # one of them
    assert not proof.holds
    assert "Nothing was lost" not in judge(proof)
