"""Stories: what is out of the ordinary in the example town, so that dashboards and alerts have something to find."""

from collections.abc import Mapping
from enum import StrEnum


class Story(StrEnum):
    """One thing that a facility manager or an operator would want to know."""

    VENTILATION_AT_NIGHT = "ventilation_at_night"  # fans run at full speed around the clock
    LEAK = "leak"  # a constant flow, also at night
    STUFFY = "stuffy"  # a classroom with too little fresh air
    POOR_COOLING = "poor_cooling"  # a server room that grows too warm before its cooling starts


STORIES: Mapping[tuple[str, str], Story] = {
    ("idrettshallen", "ventilasjon"): Story.VENTILATION_AT_NIGHT,
    ("vannforsyningen", "sone-03"): Story.LEAK,
    ("vestre-ungdomsskole", "klasserom-201"): Story.STUFFY,
    ("radhuset", "serverrom"): Story.POOR_COOLING,
}
"""By the keys of Site and Zone."""


def find_story(site: str, zone: str) -> Story | None:
    """Return what is out of the ordinary in a Zone, if anything is."""
    return STORIES.get((site, zone))
