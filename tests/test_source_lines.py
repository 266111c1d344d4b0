"""What Sources tell beside readings, as lines: of numbers only those that InfluxDB takes, under names of a bound."""

import pytest

from ingest.inventory import Inventory
from ingest.local_time import LOCAL
from ingest.source import LONGEST_NAME, Event, EventKind, Source
from ingest.source_lines import format_events
from ingest.source_table import SourceTable
from tests.small_town import RECEIVED_MS


def tell(**members: float) -> bytes:
    """Return the line of an event with these numbers."""
    source = Source(key="hage", format_key="homie", root="homie", zone_info=LOCAL)
    opened = SourceTable({"hage": source}, Inventory({}, {}, LOCAL), {}).opened["hage"]
    (line,) = format_events(opened, [Event(EventKind.STATUS, "a", members=members)], RECEIVED_MS)
    return line


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_number_in_line_protocol_is_left_out_of_an_event(number: float) -> None:
    assert b' count=1.0,address="a",signal=60.0 ' in tell(battery=number, signal=60.0)


def test_a_name_that_somebody_made_up_at_length_is_no_field_of_an_event() -> None:
    longest = "x" * LONGEST_NAME
    assert f",{longest}=1.0 ".encode() in tell(**{longest: 1.0})
    assert b"xx" not in tell(**{longest + "x": 1.0})
