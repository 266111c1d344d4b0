"""Evidence: what examples prove is counted by where they come from, and no product says nothing of that."""

import dataclasses

import pytest

from ingest.evidence import Count, Evidence, count_examples, judge_origin
from ingest.model import Model, ModelExample
from ingest.models import load_models


@pytest.mark.parametrize(
    ("origin", "evidence"),
    [
        ("recorded: list 1 of an Aidon 6525", Evidence.RECORDED),
        ("recorded (amsreader-firmware, issue 893); the transformers are made by hand", Evidence.DERIVED),
        ("TheThingsNetwork/lorawan-devices, am319-codec.yaml", Evidence.PUBLISHED),
        ("maker's table of channels", Evidence.PUBLISHED),
        ("TheThingsNetwork/lorawan-devices, as its decoder names it", Evidence.DERIVED),
        ("TheThingsNetwork/lorawan-devices, completed by hand", Evidence.DERIVED),
        ("made by hand, names of the maker's decoder", Evidence.BY_HAND),
        ("example of the device type", Evidence.BY_HAND),
        ("", Evidence.BY_HAND),
    ],
)
def test_an_origin_says_what_an_example_proves(origin: str, evidence: Evidence) -> None:
    assert judge_origin(origin) is evidence


def test_examples_are_counted_by_what_they_prove_and_a_model_by_its_best() -> None:
    frame = ModelExample(fields="", frame=(1, "00"), origin="recorded: x")
    hand = ModelExample(fields="", origin="made by hand")
    model = Model("x", "x", ("tts",), {}, (frame, hand, hand))
    counts = count_examples({"a": model, "b": dataclasses.replace(model, examples=(hand,))})
    assert counts == {
        Evidence.RECORDED: Count(1, 1, 1),
        Evidence.PUBLISHED: Count(0, 0, 0),
        Evidence.DERIVED: Count(0, 0, 0),
        Evidence.BY_HAND: Count(3, 0, 1),
    }


def test_every_example_of_a_product_says_where_it_comes_from() -> None:
    assert [key for key, model in load_models().items() for one in model.examples if not one.origin] == []
