"""Milesight VS133 and VS135: how many people crossed the lines that were drawn under the sensor.

Entered and left are the sums over the lines that are in use, counted from the first. A frame that does not tell all
of them, such as one with the counts of a period or of the people in a region, gives no sum. Children, which the sensor
can count apart, are in the totals already.

Source: vs-series/vs133 and vs135 in https://github.com/Milesight-IoT/SensorDecoders; VS133 User Guide.
"""

from collections.abc import Mapping

from ingest.frames.milesight import LORAWAN, Channel, Item, build_decode, skip
from ingest.model import Model, ModelExample, Parameter, Take
from ingest.source import Plain

_LINES = (1, 2, 3, 4)


def _list_channels() -> dict[tuple[int, int], Channel]:
    channels = {
        (0x0F, 0xE3): skip(4),  # people in the regions
        (0x10, 0xE4): skip(5),  # how long they stayed
        (0x1D, 0xE3): skip(4),  # children likewise
        (0x1E, 0xE4): skip(5),
        (0x50, 0xFC): skip(3),  # the lens is covered
    }
    for line in _LINES:
        adults, children = 3 * line, 3 * line + 0x0E
        channels |= {
            (adults, 0xD2): Channel(Item(f"line_{line}_total_in", "I")),
            (adults + 1, 0xD2): Channel(Item(f"line_{line}_total_out", "I")),
            (adults + 2, 0xCC): skip(4),  # of the period
            (children, 0xD2): skip(4),
            (children + 1, 0xD2): skip(4),
            (children + 2, 0xCC): skip(4),
        }
    return channels


def _sum_lines(members: Mapping[str, Plain], direction: str, lines: int) -> float | None:
    """Return the sum over the lines in use; None where not all of them are told."""
    total = 0.0
    for line in range(1, lines + 1):
        # The one is how newer decoders call it, the other how older ones nest it.
        value = members.get(f"line_{line}_total_{direction}", members.get(f"line_{line}.total_{direction}"))
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        total += value
    return total


def _complete(members: dict[str, Plain], parameters: Mapping[str, float]) -> None:
    lines = min(max(int(parameters["lines"]), 1), len(_LINES))
    members["sum_in"] = _sum_lines(members, "in", lines)
    members["sum_out"] = _sum_lines(members, "out", lines)


MODEL = Model(
    title="Milesight VS133 / VS135",
    device_type="people_counter",
    formats=LORAWAN,
    takes={"sum_in": Take("entered"), "sum_out": Take("left")},
    decode=build_decode(_list_channels()),
    parameters={"lines": Parameter("How many lines are in use, 1 to 4", "1", default=1.0)},
    complete=_complete,
    hints=("vs133", "vs135"),
    examples=(
        ModelExample(
            frame=(85, "03D24800000004D2C800000006D20000000007D20000000005CC0000000008CC00000000"),
            parameters={"lines": 2},
            fields="entered=72.0,left=200.0",
            origin="TheThingsNetwork/lorawan-devices, vs133-codec.yaml",
        ),
        ModelExample(
            frame=(
                85,
                "03D24800000004D2C800000006D20000000007D20000000009D2000000000AD2000000000CD2B41400000DD28D1A0000",
            ),
            parameters={"lines": 4},
            fields="entered=5372.0,left=6997.0",
            origin="maker's table of channels",
        ),
        ModelExample(
            frame=(85, "05CC0000000008CC000000000BCC000000000ECC05000700"),
            fields="",
            origin="maker's table of channels: counts of a period",
        ),
        ModelExample(frame=(85, "0FE302100709"), fields="", origin="maker's table of channels: regions"),
        ModelExample(
            frame=(85, "10E4010910112110E4027521753310E4038121238910E40476001387"),
            fields="",
            origin="maker's table of channels: how long people stayed",
        ),
        ModelExample(
            members={"line_1.total_in": 72, "line_1.total_out": 200, "line_1.period_in": 0, "line_1.period_out": 0},
            fields="entered=72.0,left=200.0",
            origin="TheThingsNetwork/lorawan-devices, vs133-codec.yaml, its values",
        ),
        ModelExample(
            members={"line_1_total_in": 72, "line_1_total_out": 200, "line_2_total_in": 0, "line_2_total_out": 0},
            parameters={"lines": 2},
            fields="entered=72.0,left=200.0",
            origin="maker's decoder, its values",
        ),
    ),
)
