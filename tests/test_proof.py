"""The proof finds every difference there can be: a test that cannot fail would prove nothing."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from simulators.proof import compare, describe

DIGESTS = {seq: bytes([seq]) for seq in range(6)}


def test_everything_stored_or_quarantined_holds() -> None:
    proof = compare({"a": DIGESTS}, {"a": {0, 1, 2, 3}}, {"a": Counter([b"\x04", b"\x05"])})
    assert proof.holds
    assert (proof.published, proof.stored, proof.quarantined, proof.both) == (6, 4, 2, 0)


def test_a_lost_reading_is_named() -> None:
    proof = compare({"a": DIGESTS}, {"a": {0, 1, 2, 3}}, {"a": Counter([b"\x04"])})
    assert not proof.holds
    assert proof.missing == {"a": {5}}
    assert "missing: a seq 5 (1)" in describe(proof)


def test_a_reading_that_nobody_published_is_named() -> None:
    proof = compare({"a": {0: b"\x00"}}, {"a": {0, 1}, "b": {7}}, {})
    assert not proof.holds
    assert proof.unexpected == {"a": {1}, "b": {7}}


def test_a_reading_stored_in_part_is_counted_once() -> None:
    proof = compare({"a": {0: b"\x00"}}, {"a": {0}}, {"a": Counter([b"\x00"])})
    assert proof.holds
    assert (proof.stored, proof.quarantined, proof.both) == (1, 0, 1)


def test_quarantine_of_another_device_does_not_count() -> None:
    assert not compare({"a": {0: b"\x00"}}, {}, {"b": Counter([b"\x00"])}).holds


def test_two_messages_of_the_same_bytes_need_two_entries() -> None:
    published = {"a": {0: b"same", 1: b"same"}}
    assert compare(published, {}, {"a": Counter([b"same", b"same"])}).holds
    assert compare(published, {}, {"a": Counter([b"same"])}).missing == {"a": {1}}


def test_what_was_never_acknowledged_may_be_stored_and_need_not_be() -> None:
    published = {"a": {0: b"\x00"}}
    assert compare(published, {"a": {0, 1}}, {}, unanswered={"a": {1}}).holds
    assert compare(published, {"a": {0}}, {}, unanswered={"a": {1}}).holds


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 50)), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 50)), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 50)), max_size=3),
)
def test_the_sum_always_adds_up(
    published: dict[str, set[int]], stored: dict[str, set[int]], refused: dict[str, set[int]]
) -> None:
    proof = compare(
        {device: {seq: bytes([seq]) for seq in seqs} for device, seqs in published.items()},
        stored,
        {device: Counter(bytes([seq]) for seq in seqs) for device, seqs in refused.items()},
    )
    assert proof.published == proof.stored + proof.quarantined + sum(map(len, proof.missing.values()))
