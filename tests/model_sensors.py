"""Simulated sensors for tests: one device of a type at a site of a category, with or without a story."""

from datetime import datetime

from devices import load_device_types
from ingest.inventory import Category, OpeningHours, Site
from simulators.days import OSLO
from simulators.model import Sensor, Surroundings
from simulators.models import load_models
from simulators.stories import STORIES, Story
from simulators.weather import Weather

SEED = 7
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
HOURS = tuple(OpeningHours(weekday, 7 * 60 + 30, 16 * 60) for weekday in range(5))


def make_site(category: str, key: str = "somewhere") -> Site:
    """Return a site in Gjøvik, open on working days where it is a building."""
    is_building = Category(category).is_building
    return Site(key, key, category, 60.795, 10.69, 5000.0 if is_building else None, {}, HOURS if is_building else ())


def make_sensor(
    type_key: str, category: str, *, story: Story | None = None, seed: int = SEED, device: str = "device-1"
) -> Sensor:
    """Return what a device reports at a moment when it reports at the interval of its type."""
    interval_ms = round(load_device_types()[type_key].interval.total_seconds() * 1000)
    site, zone = next((place for place, told in STORIES.items() if told is story), ("somewhere", "1-etasje"))
    weather = Weather(seed)
    model = load_models()[type_key]
    sensor = model.prepare(Surroundings(device, make_site(category, site), zone, seed, weather))
    return lambda time_ms: model.observe(sensor, time_ms - interval_ms, time_ms)


def local_ms(text: str) -> int:
    """Return a time on the wall clock in milliseconds since 1970 in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() * 1000)
