"""Laws over every Model: what it takes exists, its examples give exactly their line, and bytes never end in a fault."""

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, Observation, check_observation
from ingest.line import format_value
from ingest.model import Model, ModelExample, Take, translate
from ingest.models import load_models
from ingest.source import Frame, Said
from schemas.units import UnitError, convert
from schemas.validation import build_validator

TYPES = load_device_types()
MODELS = load_models()
RECEIVED_MS = 1_768_478_402_000
EVERY_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
EXAMPLES = [
    pytest.param(model, example, id=f"{key}-{number}")
    for key, model in MODELS.items()
    for number, example in enumerate(model.examples)
]


def observe(model: Model, example: ModelExample) -> list[Observation]:
    """Return what becomes of an example before it is held against the DeviceType."""
    frame = None if example.frame is None else Frame(example.frame[0], bytes.fromhex(example.frame[1]))
    said = Said("0", example.members, example.units, frame=frame)
    parameters = model.complete_parameters(example.parameters)
    return translate(model, TYPES[model.device_type], said, parameters, RECEIVED_MS)


def list_takes(model: Model) -> Sequence[Take]:
    """Return everything that a Model takes."""
    return [one for takes in model.takes.values() for one in ((takes,) if isinstance(takes, Take) else takes)]


@EVERY_MODEL
def test_what_it_takes_is_a_field_of_its_type_in_a_unit_of_the_same_thing(model: Model) -> None:
    fields = TYPES[model.device_type].fields
    for take in list_takes(model):
        field = fields[take.field]
        if take.unit:
            with contextlib.suppress(UnitError):
                convert(1.0, take.unit, field.measures.unit)
                continue
            pytest.fail(f"{take.field} is in {field.measures.unit}, not in {take.unit}")
        if field.is_state:
            assert all(isinstance(one, bool) for one in take.states.values())


@EVERY_MODEL
def test_it_has_an_example_that_is_accepted(model: Model) -> None:
    assert any(example.fields for example in model.examples)
    assert model.formats


@EVERY_MODEL
def test_what_decodes_frames_has_one_that_somebody_published(model: Model) -> None:
    published = [example for example in model.examples if example.frame and not example.origin.startswith("made by")]
    assert all(example.origin for example in model.examples if example.frame)
    assert model.decode is None or published


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_an_example_gives_its_fields(model: Model, example: ModelExample) -> None:
    device_type = TYPES[model.device_type]
    validator = build_validator(device_type)
    expected = (example.fields,) if isinstance(example.fields, str) else example.fields
    checked = [check_observation(device_type, validator, one._replace(time_ms=1)) for one in observe(model, example)]
    lines = [
        ",".join(f"{name}={format_value(one.values[name])}" for name in device_type.fields if name in one.values)
        for one in checked
    ]
    assert lines == [one for one in expected if one]
    refused = {refusal.member: refusal.reason for one in checked for refusal in one.refusals}
    assert refused == dict(example.refused)


@EVERY_MODEL
@given(port=st.integers(0, 255), body=st.binary(max_size=60))
def test_any_frame_is_decoded_or_refused(model: Model, port: int, body: bytes) -> None:
    if model.decode is not None:
        with contextlib.suppress(CodecError):
            model.decode(Frame(port, body))


@EVERY_MODEL
def test_a_frame_that_was_cut_never_gives_a_number_that_the_whole_one_does_not(model: Model) -> None:
    for example in model.examples:
        if example.frame is None or model.decode is None:
            continue
        port, body = example.frame[0], bytes.fromhex(example.frame[1])
        with contextlib.suppress(CodecError):
            whole = [dict(one.members) for one in model.decode(Frame(port, body))]
            for end in range(len(body)):
                with contextlib.suppress(CodecError):
                    for one in model.decode(Frame(port, body[:end])):
                        assert any(one.members.items() <= full.items() for full in whole), body[:end].hex()
