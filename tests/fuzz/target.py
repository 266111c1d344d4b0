"""Target: what is fuzzed, the inputs that the search begins with, and what may come out.

An input begins with two octets, which choose; the payload is behind them. Whatever is raised but what a Format, a
Model or a DeviceType may raise is a finding.
"""

import contextlib
import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from devices import load_device_types
from ingest.codec import CodecError, RefusedError, SchemaError, check_observation
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.model import Model, translate
from ingest.models import load_models
from ingest.payloads.lorawan import MOST_OCTETS
from ingest.source import Frame, Said
from schemas.validation import build_validator
from tests.format_samples import RECEIVED_MS, SAMPLES, open_interpreter
from tests.han_frames import EVERY, frame

HEAD = 2
"""Octets that choose."""


class Target(NamedTuple):
    """What is fuzzed.

    Attributes:
        name: Of a Format, or of a maker whose frames are decoded.
        seeds: Inputs that the search begins with.
        run: Takes an input; what it raises is a finding.
    """

    name: str
    seeds: Sequence[bytes]
    run: Callable[[bytes], None]


@functools.cache
def list_makers() -> dict[str, list[Model]]:
    """Return the Models that decode frames, by the word that their keys begin with."""
    makers: dict[str, list[Model]] = {}
    for key, model in load_models().items():
        if model.decode is not None:
            makers.setdefault(key.split("_", 1)[0], []).append(model)
    return makers


def list_names() -> list[str]:
    """Return the names of all targets: the native format, the Formats, then the makers."""
    return [NATIVE, *load_formats(), *list_makers()]


def make_target(name: str) -> Target:
    """Return a target.

    Raises:
        KeyError: There is none of this name.
    """
    if name == NATIVE:
        return _make_native()
    return _make_format(name) if name in load_formats() else _make_frames(name)


def _make_native() -> Target:
    types = load_device_types()
    readers = [CODEC.prepare(device_type) for device_type in types.values()]
    seeds = [
        bytes([number, 0]) + example.payload.encode()
        for number, device_type in enumerate(types.values())
        for example in device_type.examples
    ]

    def run(data: bytes) -> None:
        with contextlib.suppress(RefusedError):
            readers[data[0] % len(readers)](data[HEAD:])
        with contextlib.suppress(CodecError):
            CODEC.decode(data[HEAD:])

    return Target(NATIVE, seeds, run)


def _make_format(key: str) -> Target:
    """Return a Format: the first octet chooses the topic, the second the Model of what is said."""
    told = SAMPLES[key].told
    models = [model for model in load_models().values() if key in model.formats]
    informed = open_interpreter(key)
    seeds = [bytes([number, number]) + one.payload for number, one in enumerate(told)]
    if key == "han":
        seeds += [bytes([0, 255]) + one[one.index(b"\xe6\xe7\x00\x0f") : -3] for one in EVERY.values()]

    def run(data: bytes) -> None:
        payload = data[HEAD:]
        if key == "han" and data[1] > 127:
            payload = frame(payload[:1_500])
        try:
            heard = copy.deepcopy(informed).read(told[data[0] % len(told)].topic, payload, RECEIVED_MS)
        except CodecError:
            return
        for said in heard.said:
            if models:
                _make_of(models[data[1] % len(models)], said)

    return Target(key, seeds, run)


def _make_frames(maker: str) -> Target:
    """Return a maker's decoders: the first octet is the port, the second chooses the Model."""
    models = list_makers()[maker]
    seeds = [
        bytes([example.frame[0], number]) + bytes.fromhex(example.frame[1])
        for number, model in enumerate(models)
        for example in model.examples
        if example.frame is not None
    ]

    def run(data: bytes) -> None:
        _make_of(models[data[1] % len(models)], Said("0", frame=Frame(data[0], data[HEAD : HEAD + MOST_OCTETS])))

    return Target(maker, seeds, run)


def _make_of(model: Model, said: Said) -> None:
    """Have a Model say what it makes of something, and a DeviceType what it takes of that."""
    device_type = load_device_types()[model.device_type]
    try:
        observations = translate(model, device_type, said, _give_parameters(model), RECEIVED_MS)
    except CodecError:
        return
    for one in observations:
        with contextlib.suppress(SchemaError):
            check_observation(device_type, build_validator(device_type), one)


def _give_parameters(model: Model) -> Mapping[str, float]:
    return {name: 1.0 if one.default is None else one.default for name, one in model.parameters.items()}
