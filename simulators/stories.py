"""Stories: what is out of the ordinary in the example town, so that dashboards and alerts have something to find."""

from collections.abc import Mapping
from enum import StrEnum


class Story(StrEnum):
    """One thing that a facility manager or an operator would want to know."""

    VENTILATION_AT_NIGHT = "ventilation_at_night"  # fans run at full speed around the clock
    LEAK = "leak"  # a constant flow, also at night
    STUFFY = "stuffy"  # a classroom with too little fresh air
    POOR_COOLING = "poor_cooling"  # a server room that grows too warm before its cooling starts
    DOOR_LEFT_OPEN = "door_left_open"  # a cold room whose door is forgotten on every third day
    WORN_COMPRESSOR = "worn_compressor"  # a freezer that stands still for hours on every fifth day
    RARELY_EMPTIED = "rarely_emptied"  # a waste bin that is emptied once a week and overflows before


STORIES: Mapping[tuple[str, str], Story] = {
    ("idrettshallen", "ventilasjon"): Story.VENTILATION_AT_NIGHT,
    ("vannforsyningen", "sone-03"): Story.LEAK,
    ("vestre-ungdomsskole", "klasserom-201"): Story.STUFFY,
    ("radhuset", "serverrom"): Story.POOR_COOLING,
    ("solbakken-sykehjem", "kjolerom"): Story.DOOR_LEFT_OPEN,
    ("solbakken-sykehjem", "fryserom"): Story.WORN_COMPRESSOR,
    ("promenaden", "bru"): Story.RARELY_EMPTIED,
}
"""By the keys of Site and Zone."""


def find_story(site: str, zone: str) -> Story | None:
    """Return what is out of the ordinary in a Zone, if anything is."""
    return STORIES.get((site, zone))
