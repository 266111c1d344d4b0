"""The reader of MClimate Vicki's frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.models import load_models
from ingest.source import Frame, Plain
from schemas.reason import Reason

KEEP_ALIVE = bytes.fromhex("011D5A78FA2C01F080")
# Answers with as many bytes as the maker's decoder reads of them, of which some look like the begin of a keep-alive.
ANSWERS = [
    bytes.fromhex(one) for one in ("040101", "120A", "1301010181", "1401", "150581", "210101818101 81", "520101")
]


def decode(body: bytes) -> list[dict[str, Plain]]:
    """Return what a frame says of each moment."""
    decode = load_models()["mclimate_vicki"].decode
    assert decode is not None
    return [dict(one.members) for one in decode(Frame(2, body))]


def refuse(body: bytes) -> str:
    """Return why a frame is refused."""
    with pytest.raises(CodecError) as caught:
        decode(body)
    assert caught.value.reason is Reason.BROKEN_FRAME
    return caught.value.detail


@given(answers=st.lists(st.sampled_from(ANSWERS), max_size=5).map(b"".join), cut=st.integers(1, 40))
def test_answers_come_before_a_keep_alive_and_every_cut_is_refused(answers: bytes, cut: int) -> None:
    assert decode(answers + KEEP_ALIVE) == decode(KEEP_ALIVE)
    assert refuse((answers + KEEP_ALIVE)[:-cut])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (KEEP_ALIVE + b"\x00", "has 10 bytes, not 9"),
        (b"\x16\x01\x02\x03" + KEEP_ALIVE, "answer 0x16 is unknown"),
        (b"\x82" + KEEP_ALIVE[1:], "answer 0x82 is unknown"),
        (b"\x12\x0a", "too early"),  # an answer alone tells nothing of the room
        (b"", "too early"),
    ],
)
def test_what_is_no_keep_alive_is_refused(body: bytes, why: str) -> None:
    assert why in refuse(body)


def test_a_motor_that_was_never_calibrated_has_no_position() -> None:
    (members,) = decode(KEEP_ALIVE[:5] + b"\x00\x00" + KEEP_ALIVE[7:])
    assert members["valveOpenness"] is None
