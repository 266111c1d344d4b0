"""Examples of rules: a series, and when the rule fires and clears; run whenever a rule is read."""

import itertools
from zoneinfo import ZoneInfo

from ingest.alerts.book import AlertBook
from ingest.inventory import OPEN_END_MS, Category, Device, Inventory, OpeningHours, Placement, Site
from schemas.reading import Reading
from schemas.rule import EVERY, Change, Rule, RuleExample, Transition

MINUTE_MS = 60_000
PLACE = "example"
OPENING_HOURS = tuple(OpeningHours(weekday, 7 * 60 + 30, 16 * 60) for weekday in range(5))
"""Of the site in examples: Monday to Friday, 07:30 to 16:00."""
_HEARD = 0.0


def run_example(rule: Rule, example: RuleExample, zone_info: ZoneInfo) -> str:
    """Return in what an example does not behave as it says; nothing when it does.

    Args:
        rule: Judged without its ``only`` and ``except``.
        example: What should happen.
        zone_info: Local time of its schedule.
    """
    stated = [(Change.FIRED, example.fires), (Change.CLEARED, example.clears)]
    happened = [one for one in list_events(rule, example, zone_info) if one[0] in {Change.FIRED, Change.CLEARED}]
    if happened == [pair for pair in stated if pair[1] is not None]:
        return ""
    return f"does not behave as it says: {_tell(happened)}"


def list_events(rule: Rule, example: RuleExample, zone_info: ZoneInfo) -> list[tuple[Change, float | None]]:
    """Return what happens in an example, and at which minutes."""
    book = AlertBook({rule.key: rule.speak_of(EVERY)}, _make_inventory(rule, zone_info))
    happened: list[tuple[Change, float | None]] = []
    for minute, value in example.series:
        time_ms = example.start_ms + round(minute * MINUTE_MS)
        happened += [(transition.change, minute) for transition in _judge(book, rule, time_ms, value)]
    return happened


def _judge(book: AlertBook, rule: Rule, time_ms: int, value: float) -> list[Transition]:
    """Return what a value of a series changes: a field's, or for how long or in what share devices are silent."""
    if rule.reference is not None:
        # The value of a series is the difference from the other device.
        book.judge_reading(_make_reading(rule, time_ms, {rule.field: 0.0})._replace(device=rule.reference.device))
    if rule.field:
        return list(book.judge_reading(_make_reading(rule, time_ms, {rule.field: value})))
    if rule.group is not None:
        return list(book.judge_shares({(rule.device_type, PLACE): value}, time_ms))
    if value == _HEARD:
        return list(book.judge_reading(_make_reading(rule, time_ms, {})))
    return list(book.judge_silence([_Quiet(rule.device_type, value)], time_ms))


class _Quiet:
    """The example's device, silent."""

    device = site = PLACE
    zone = ""
    seconds = 0.0

    def __init__(self, type_key: str, intervals: float) -> None:
        self.type_key = type_key
        self.intervals = intervals


def _make_reading(rule: Rule, time_ms: int, values: dict[str, float | bool]) -> Reading:
    return Reading(PLACE, rule.device_type, PLACE, "", time_ms, 0.0, values)


def _make_inventory(rule: Rule, zone_info: ZoneInfo) -> Inventory:
    site = Site(PLACE, PLACE, Category.OFFICE, 60.8, 10.7, 1.0, {}, OPENING_HOURS)
    device = Device(PLACE, rule.device_type, "", (Placement(0, OPEN_END_MS, PLACE, ""),))
    return Inventory({PLACE: site}, {PLACE: device}, zone_info)


def _tell(happened: list[tuple[Change, float | None]]) -> str:
    """Return events as a sentence: ``it fires at minute 30 and clears at minute 60``."""
    if not happened:
        return "it does not fire"
    shown = itertools.islice(happened, 6)
    verbs = (f"{'fires' if change is Change.FIRED else 'clears'} at minute {minute:g}" for change, minute in shown)
    return f"it {' and '.join(verbs)}"
