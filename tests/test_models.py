"""Laws over every Model: what it takes exists, its examples give exactly their line, and bytes never end in a fault."""

import contextlib
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError, Observation, check_observation
from ingest.line import format_value
from ingest.model import Decoded, Model, ModelExample, Take, translate
from ingest.models import load_models
from ingest.source import Frame, Plain, Said
from schemas.reason import Reason
from schemas.units import UnitError, convert
from schemas.validation import build_validator

TYPES = load_device_types()
MODELS = load_models()
RECEIVED_MS = 1_768_478_402_000
EVERY_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
EVERY_DECODER = pytest.mark.parametrize(
    "model", [model for model in MODELS.values() if model.decode is not None], ids=lambda model: model.key
)
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


def test_every_product_that_was_asked_for_is_decoded_from_its_bytes() -> None:
    milesight = "am307 am308 am319 em300_th em300_di em300_sld em300_mcs em400_tld em500_co2 em500_swl em500_smtc vs133"
    products = {f"milesight_{one}" for one in f"{milesight} vs341 ws301 ws302".split()}
    products |= {f"elsys_{one}" for one in ("ers", "ers_co2", "ers_eye", "ers_sound", "desk", "ems_door", "elt2")}
    products |= {f"decentlab_dl_{one}" for one in ("iam", "pm", "mbx", "trs12", "cws")}
    products |= {f"dragino_{one}" for one in ("ldds75", "lht65n", "lds02", "lse01")}
    products |= {"adeunis_pulse", "bosch_tps110", "nwave_nps405", "dingtek_dc520", "dingtek_df703"}
    products |= {"digital_matter_oyster", "mclimate_vicki"}
    for product in products:
        assert MODELS[product].decode is not None, product


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


@EVERY_DECODER
@settings(max_examples=30)
@given(port=st.integers(0, 255), body=st.binary(max_size=60))
def test_any_frame_is_decoded_or_refused(model: Model, port: int, body: bytes) -> None:
    assert model.decode is not None
    with contextlib.suppress(CodecError):
        model.decode(Frame(port, body))


def list_frames(model: Model) -> list[tuple[Frame, Sequence[Decoded]]]:
    """Return the frames of a Model's examples that tell of something, and what each says."""
    assert model.decode is not None
    frames = [Frame(one.frame[0], bytes.fromhex(one.frame[1])) for one in model.examples if one.frame is not None]
    return [(frame, decoded) for frame in frames if (decoded := model.decode(frame))]


def is_part(one: Decoded, whole: Sequence[Decoded]) -> bool:
    """Whether what a frame says of a moment is said of the same moment by another."""
    return any(one.members.items() <= full.members.items() and one[1:] == full[1:] for full in whole)


@EVERY_DECODER
def test_a_frame_that_was_cut_never_says_what_the_whole_one_does_not_nor_of_another_time(model: Model) -> None:
    assert model.decode is not None
    for frame, whole in list_frames(model):
        for end in range(len(frame.body)):
            with contextlib.suppress(CodecError):
                cut = frame._replace(body=frame.body[:end])
                assert all(is_part(one, whole) for one in model.decode(cut)), cut.body.hex()


@EVERY_DECODER
def test_bytes_behind_a_frame_are_refused_or_say_more_and_nothing_else(model: Model) -> None:
    assert model.decode is not None
    for frame, whole in list_frames(model):
        for more in (*(bytes([one]) for one in range(256)), bytes(2), bytes(4), b"\xff\xff", b"\x03\x67\xff"):
            with contextlib.suppress(CodecError):
                found = model.decode(frame._replace(body=frame.body + more))
                assert all(is_part(one, found) for one in whole), more.hex()


@EVERY_DECODER
def test_a_frame_that_comes_twice_in_one_is_refused_or_says_the_same(model: Model) -> None:
    assert model.decode is not None
    for frame, whole in list_frames(model):
        with contextlib.suppress(CodecError):
            found = model.decode(frame._replace(body=frame.body * 2))
            assert all(is_part(one, whole) for one in found), frame.body.hex()


def is_value(value: Plain) -> bool:
    """Whether this is a state, or a number that can be stored."""
    return isinstance(value, int | float) and math.isfinite(value)


@EVERY_DECODER
def test_one_byte_that_changed_never_gives_a_value_that_no_number_is(model: Model) -> None:
    assert model.decode is not None
    frames = [frame for frame, _ in list_frames(model)]
    # Those that mean something somewhere, in whichever place, and those at the ends of ranges.
    octets = sorted({0, 1, 0x7F, 0x80, 0xFE, 0xFF}.union(*(frame.body for frame in frames)))
    for frame in frames:
        for place in range(len(frame.body)):
            for byte in octets:
                body = frame.body[:place] + bytes([byte]) + frame.body[place + 1 :]
                with contextlib.suppress(CodecError):
                    for one in model.decode(frame._replace(body=body)):
                        assert one.members
                        assert all(value is None or is_value(value) for value in one.members.values())
                        assert one.time_ms is None or 0 <= one.time_ms < 2**32 * 1000


@pytest.mark.hazard("clock-wrong", "tts", "chirpstack")
@pytest.mark.parametrize(
    ("key", "frame", "dated"),
    [
        ("milesight_em300_th", Frame(85, bytes.fromhex("20CE0000000010015D00")), "1970-01-01"),
        ("dragino_lht65n", Frame(2, bytes.fromhex("CBF60B0D0376410ADD7FFF")), "1975-10-11"),
    ],
)
def test_a_reading_of_a_clock_that_was_never_set_is_not_stored_in_the_year_1970(
    key: str, frame: Frame, dated: str
) -> None:
    model = MODELS[key]
    with pytest.raises(CodecError, match=f"{dated}T.*: the device's clock was never set") as caught:
        translate(model, TYPES[model.device_type], Said("0", frame=frame), {}, RECEIVED_MS)
    assert caught.value.reason is Reason.BROKEN_FRAME
