"""A law over every Model: whatever a Source says under its names is translated or refused, and never a fault."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.codec import CodecError
from ingest.model import Model, translate
from ingest.models import load_models
from ingest.source import Plain, Said

# No integer is longer than 64 bits: the JSON reader makes floats of those.
ANYTHING: st.SearchStrategy[Plain] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from((0, 1, 1e308, -1e308, 5e-324, "0", "2000 mm", "-12.5", "9" * 400, "No Sensor", "")),
    st.text(max_size=8),
)
MODELS = load_models()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
@settings(max_examples=30)
@given(data=st.data())
def test_anything_under_its_names_is_translated_or_refused(model: Model, data: st.DataObject) -> None:
    names = {*model.takes, *(name for example in model.examples for name in example.members)}
    members = data.draw(st.dictionaries(st.sampled_from(sorted(names)), ANYTHING))
    parameters = {name: data.draw(st.floats(0, 1e6)) for name in model.parameters}
    with contextlib.suppress(CodecError):
        translate(model, load_device_types()[model.device_type], Said("0", members), parameters, 0)
