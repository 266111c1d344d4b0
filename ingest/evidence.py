"""Evidence: how much an example of a Model proves, by where it comes from."""

import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ingest.model import Model
from ingest.plain_model import ORIGIN


class Evidence(StrEnum):
    """Where an example comes from, the best first."""

    RECORDED = "recorded from a device"
    PUBLISHED = "published by the maker or by a project that reads the product"
    DERIVED = "put together of what was published: changed, completed, or under the names of another decoder"
    BY_HAND = "made by hand"


_DERIVED = re.compile(r"by hand|names|sister|without the|part of")


def judge_origin(origin: str) -> Evidence:
    """Return what the origin of an example says that it is; see ``ModelExample.origin``."""
    if not origin or origin.startswith("made by hand") or origin == ORIGIN:
        return Evidence.BY_HAND
    if _DERIVED.search(origin):
        return Evidence.DERIVED
    return Evidence.RECORDED if origin.startswith("recorded") else Evidence.PUBLISHED


class Count(NamedTuple):
    """How many examples there are of one kind.

    Attributes:
        examples: In all.
        frames: Of them, those that are frames of LoRaWAN devices.
        models: That have one of this kind and none of a better one.
    """

    examples: int
    frames: int
    models: int


def count_examples(models: Mapping[str, Model]) -> dict[Evidence, Count]:
    """Return how many examples there are, by what they prove."""
    found = [(judge_origin(one.origin), one) for model in models.values() for one in model.examples]
    examples = Counter(evidence for evidence, _ in found)
    frames = Counter(evidence for evidence, one in found if one.frame is not None)
    order = list(Evidence)
    best = Counter(
        min((judge_origin(one.origin) for one in model.examples), key=order.index) for model in models.values()
    )
    return {one: Count(examples[one], frames[one], best[one]) for one in order}
