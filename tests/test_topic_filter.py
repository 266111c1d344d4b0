"""Topic filters: which topics they have, and whether two of them have one in common."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.topic_filter import compile_filter, overlap

LEVELS = ("a", "b", "")
TOPICS = ["/".join(levels) for length in range(1, 6) for levels in product((*LEVELS, "other"), repeat=length)]
FILTERS = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(st.sampled_from([*LEVELS, "+"]), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
) | st.just("#")


@given(FILTERS, FILTERS)
def test_two_filters_overlap_where_a_topic_is_of_both(first: str, second: str) -> None:
    matches = compile_filter(first).fullmatch, compile_filter(second).fullmatch
    common = any(all(match(topic) for match in matches) for topic in TOPICS)
    assert overlap(first, second) == overlap(second, first) == common


@pytest.mark.parametrize(
    ("first", "second", "is_common"),
    [
        ("zigbee2mqtt/#", "zigbee2mqtt/school/#", True),
        ("zigbee2mqtt/#", "zigbee2mqtt", True),
        ("zigbee/school/#", "zigbee/hall/#", False),
        ("+/status/+", "shelly/status/switch:0", True),
        ("tele/+/+", "tele/+", False),
        ("v3/+/devices/+/#", "v3/app/devices/dev1/up", True),
        ("application/+/device/+/event/+", "application/+/device/+/command/down", False),
    ],
)
def test_filters_as_sources_have_them(first: str, second: str, is_common: bool) -> None:  # noqa: FBT001 - a value
    assert overlap(first, second) is is_common
