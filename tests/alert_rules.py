"""Rules and readings of a school's rooms for tests of the alert engine: a rule of each shape."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from zoneinfo import ZoneInfo

from ingest.alerts.book import AlertBook
from ingest.alerts.derivations.mean import Mean
from ingest.alerts.derivations.rate import Rate
from ingest.inventory import OPEN_END_MS, Device, Inventory, OpeningHours, Placement, Site, Zone
from schemas.reading import Reading
from schemas.rule import Aggregate, Change, Flapping, Group, Level, Reference, Rule, Severity, Together, Transition
from schemas.schedule import Schedule, Use

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
INFO, WARNING, CRITICAL = Severity
ROOMS = ("room", "hall", "yard")
"""Devices of the type ``indoor_climate``, each in a zone that is called like it; the yard is a site of its own."""

HIGH = Level(INFO, high=1000.0, clear_high=900.0, hold_ms=30 * MINUTE_MS)
CO2 = Rule(key="co2-high", device_type="indoor_climate", field="co2", unit="[ppm]", levels=(HIGH,), text="Tett luft.")
COLD = replace(CO2, key="cold", field="temperature", unit="Cel", levels=(Level(INFO, low=16.0, clear_low=17.0),))
STEPS = replace(
    CO2,
    key="co2-steps",
    levels=(
        Level(INFO, high=1000.0, clear_high=900.0),
        Level(WARNING, high=1500.0, clear_high=1400.0, hold_ms=10 * MINUTE_MS),
        Level(CRITICAL, high=2000.0, clear_high=1800.0),
    ),
)
FLAPPING = replace(CO2, key="co2-flapping", levels=(replace(HIGH, hold_ms=0),), flapping=Flapping(3, HOUR_MS))
PATIENT = replace(STEPS, key="co2-patient", clear_ms=20 * MINUTE_MS, keep_ms=45 * MINUTE_MS, least=3)
AT_SCHOOL = replace(CO2, key="co2-open", levels=(replace(HIGH, hold_ms=0),), schedule=Schedule(Use.OPEN))
MEAN = replace(CO2, key="co2-mean", derivation=Mean(20 * MINUTE_MS), levels=(replace(HIGH, hold_ms=0),))
RISE = replace(
    CO2,
    key="co2-rise",
    unit="[ppm]/h",
    derivation=Rate(30 * MINUTE_MS),
    levels=(Level(INFO, -inf, 500.0, -inf, 100.0),),
)
TOGETHER = replace(
    CO2,
    key="co2-together",
    group=Group(by=Together.SITE, aggregate=Aggregate.MEAN, fresh_ms=15 * MINUTE_MS),
    levels=STEPS.levels,
)
TOGETHER_MEAN = replace(
    TOGETHER,
    key="co2-together-mean",
    group=Group(by=Together.ZONE, aggregate=Aggregate.MOST, fresh_ms=15 * MINUTE_MS),
    derivation=Mean(20 * MINUTE_MS),
)
AGAINST = replace(CO2, key="co2-against", reference=Reference("hall", 30 * MINUTE_MS), levels=STEPS.levels)
AGAINST_MEAN = replace(AGAINST, key="co2-against-mean", derivation=Mean(20 * MINUTE_MS))
SILENT = replace(CO2, key="silent", field="", unit="1", levels=(Level(WARNING, high=5.0, clear_high=5.0),))
MISSING = replace(
    SILENT,
    key="missing",
    unit="%",
    group=Group(by=Together.SITE, aggregate=Aggregate.MEAN, fresh_ms=0),
    levels=(Level(CRITICAL, high=50.0, clear_high=20.0),),
)
EVERY_SHAPE = {
    rule.key: rule
    for rule in (
        *(CO2, COLD, STEPS, FLAPPING, PATIENT, AT_SCHOOL, MEAN, RISE, TOGETHER, TOGETHER_MEAN, AGAINST, AGAINST_MEAN),
        *(SILENT, MISSING),
    )
}


class Quiet:
    """A device that is not heard."""

    type_key = "indoor_climate"

    def __init__(self, device: str, intervals: float) -> None:
        self.device = self.zone = device
        self.site = find_site(device)
        self.intervals = intervals
        self.seconds = 0.0


def at_once(rule: Rule, severity: Severity = INFO) -> Rule:
    """Return a rule whose mildest level holds at once."""
    return replace(rule, levels=(replace(rule.levels[0], hold_ms=0, severity=severity), *rule.levels[1:]))


def find_site(device: str) -> str:
    return "park" if device == "yard" else "school"


def make_device(name: str = "room", type_key: str = "indoor_climate") -> Device:
    return Device(name, type_key, "+A=360.001-RT001", (Placement(0, OPEN_END_MS, find_site(name), name),))


def make_town(*devices: Device, opening_hours: Sequence[OpeningHours] = ()) -> Inventory:
    """Return a school and a park with some devices; by default with the three."""
    placed = devices or tuple(map(make_device, ROOMS))
    zones = {name: Zone(name, name) for name in ROOMS}
    sites = (
        Site("school", "Skole", "school", 60.8, 10.7, 1000.0, zones, tuple(opening_hours)),
        Site("park", "Park", "park", 60.8, 10.7, None, zones, ()),
    )
    return Inventory({site.key: site for site in sites}, {one.id: one for one in placed}, ZoneInfo("Europe/Oslo"))


def make_reading(minute: float, co2: float | None = None, *, device: str = "room", **values: float | bool) -> Reading:
    """Return a reading some minutes after 1970 began."""
    fields: dict[str, float | bool] = dict(values)
    if co2 is not None:
        fields["co2"] = co2
    return Reading(device, "indoor_climate", find_site(device), device, round(minute * MINUTE_MS), 0.0, fields)


def judge_all(book: AlertBook, readings: Iterable[Reading]) -> list[Transition]:
    return [transition for reading in readings for transition in book.judge_reading(reading)]


def judge_series(book: AlertBook, *series: tuple[float, float], device: str = "room") -> list[Transition]:
    """Judge minutes and values of CO2."""
    return judge_all(book, [make_reading(minute, co2, device=device) for minute, co2 in series])


def tell(transitions: Iterable[Transition]) -> list[tuple[str, Change, float]]:
    """Return rule, change and minute of transitions."""
    return [(one.rule, one.change, one.time_ms / MINUTE_MS) for one in transitions]
