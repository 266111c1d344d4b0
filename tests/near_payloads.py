"""Payloads that are nearly right, for laws over whatever may come."""

import json

from hypothesis import strategies as st

from devices import load_device_types

TYPE_KEYS = st.sampled_from(sorted(load_device_types()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def near_payloads(draw: st.DrawFn) -> tuple[str, bytes]:
    """Payloads close to right ones: an example's members with some replaced, added or removed, perhaps cut short."""
    key = draw(TYPE_KEYS)
    device_type = load_device_types()[key]
    names = [*device_type.fields, "time", "seq", "simulated", "x"]
    members = json.loads(device_type.examples[0].payload)
    members |= draw(st.dictionaries(st.sampled_from(names), ANY_JSON, max_size=4))
    for name in draw(st.sets(st.sampled_from(names), max_size=2)):
        members.pop(name, None)
    payload = json.dumps(members).encode()
    return key, payload[: draw(st.integers(min_value=0, max_value=len(payload)))] if draw(st.booleans()) else payload
