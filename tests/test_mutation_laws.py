"""Laws over every Format and every decoder of frames: broken samples are understood or refused, and change nothing.

``python -m tests.fuzz`` searches for the same things for as long as one likes.
"""

import contextlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, RefusedError
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.model import Model
from ingest.models import load_models
from ingest.source import Frame, Interpreter, UnbornError
from tests.format_samples import RECEIVED_MS, SAMPLES, Told, open_interpreter
from tests.fuzz.target import list_makers, list_names, make_target
from tests.mutation import mutate

EVERY_FORMAT = pytest.mark.parametrize("key", sorted(SAMPLES))
DECODERS = [model for model in load_models().values() if model.decode is not None]
SEEDS = st.integers(0, 2**64 - 1)


def read_all(interpreter: Interpreter, told: list[Told]) -> list[object]:
    """Return what messages say, one after another; of what is refused, the error."""
    heard: list[object] = []
    for one in told:
        try:
            heard.append(interpreter.read(one.topic, one.payload, RECEIVED_MS))
        except CodecError as error:
            heard.append(error)
    return heard


def test_there_are_samples_of_every_format_and_they_are_understood() -> None:
    assert set(SAMPLES) == set(load_formats())
    for key, samples in SAMPLES.items():
        interpreter = open_interpreter(key)
        for one in samples.told:
            interpreter.read(one.topic, one.payload, RECEIVED_MS)


@EVERY_FORMAT
@settings(max_examples=50)
@given(seed=SEEDS)
def test_a_broken_sample_is_understood_or_refused_and_what_is_refused_might_not_have_come(key: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    samples = SAMPLES[key].told
    payloads = [one.payload for one in samples]
    told_all, told_good = open_interpreter(key), open_interpreter(key)
    for _ in range(5):
        chosen = random.choice(samples)
        broken = Told(chosen.topic, mutate(chosen.payload, payloads, random))
        (heard,) = read_all(told_all, [broken])
        if not isinstance(heard, CodecError):
            assert repr(read_all(told_good, [broken])) == repr([heard])
        elif isinstance(heard, UnbornError):  # that it came, and was asked about, may be remembered
            read_all(told_good, [broken])
    assert repr(read_all(told_all, [*samples])) == repr(read_all(told_good, [*samples]))


@settings(max_examples=100)
@given(seed=SEEDS, key=st.sampled_from(sorted(load_device_types())))
def test_a_broken_native_payload_is_understood_or_refused(seed: int, key: str) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    device_type = load_device_types()[key]
    payloads = [one.payload.encode() for one in device_type.examples]
    with contextlib.suppress(RefusedError):
        CODEC.prepare(device_type)(mutate(random.choice(payloads), payloads, random))


@pytest.mark.parametrize("model", DECODERS, ids=[model.key for model in DECODERS])
@settings(max_examples=40)
@given(seed=SEEDS)
def test_a_broken_frame_is_decoded_or_refused(model: Model, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    assert model.decode is not None
    frames = [(one.frame[0], bytes.fromhex(one.frame[1])) for one in model.examples if one.frame is not None]
    port, body = random.choice(frames)
    with contextlib.suppress(CodecError):
        model.decode(Frame(port, mutate(body, [other for _, other in frames], random)))


@settings(max_examples=300)
@given(seed=SEEDS, payload=st.binary(max_size=40) | st.sampled_from([b"{}", b"[1]", b'{"a":[1,{"b":null}]}']))
def test_the_same_choices_make_the_same_mutation(seed: int, payload: bytes) -> None:
    first, second = (mutate(payload, [b"other"], Random(seed)) for _ in range(2))  # noqa: S311 - no secret
    assert first == second


def test_every_format_and_every_decoder_can_be_fuzzed_from_its_samples() -> None:
    assert list_names() == [NATIVE, *load_formats(), *list_makers()]
    assert sum(map(len, list_makers().values())) == len(DECODERS)
    for name in list_names():
        target = make_target(name)
        assert target.seeds
        for seed in target.seeds:
            target.run(seed)
