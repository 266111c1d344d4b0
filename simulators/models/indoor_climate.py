"""Indoor climate of a room: people warm it, breathe, and turn the light on."""

from typing import NamedTuple

from simulators.attendance import NIGHT_SHARE, Attendance
from simulators.days import MINUTE_MS
from simulators.model import Model, Sensor, Surroundings, Values, discharge
from simulators.noise import drift, normal, uniform
from simulators.stories import Story
from simulators.sun import find_elevation

LAMPS = 420.0
"""Light of the lamps in lux, where more people are than sleep there."""
OUTDOOR_CO2 = 425.0
"""Parts per million in fresh air."""
STUFFY_FACTOR = 4.0
COOLING_PERIOD_MS = 90 * MINUTE_MS
"""A server room whose cooling is too small warms up and is cooled again in this time."""
TRAILING = ((0, 0.4), (20, 0.3), (40, 0.2), (60, 0.1))
"""Air remembers: minutes back, and the weight of who was there then."""


class Room(NamedTuple):
    """What a room of a category is like.

    Attributes:
        used: Temperature while the building is in use, in degrees Celsius.
        lowered: Temperature when it is not.
        co2: What a full room adds to fresh air, in ppm.
        humidity: Moisture that the building adds, in percentage points.
    """

    used: float
    lowered: float
    co2: float
    humidity: float = 4.0


ROOMS = {
    "office": Room(22.0, 19.5, 330.0),
    "school": Room(21.5, 18.5, 450.0),
    "kindergarten": Room(21.5, 19.0, 420.0),
    "nursing_home": Room(23.0, 22.5, 300.0),
    "sports_hall": Room(18.5, 17.5, 330.0),
    "swimming_hall": Room(28.6, 28.0, 280.0, humidity=26.0),
}
OTHER_ROOM = Room(21.0, 19.0, 350.0)


def prepare(surroundings: Surroundings) -> Sensor:
    """Return the Sensor of the room."""
    if surroundings.story is Story.POOR_COOLING:
        return _prepare_server_room(surroundings)
    site, weather = surroundings.site, surroundings.weather
    room, attendance = ROOMS.get(site.category, OTHER_ROOM), Attendance(site)
    warmer, full = surroundings.choose("warmer", -0.7, 0.9), surroundings.choose("full", 0.7, 1.1)
    exhaled = room.co2 * full * (STUFFY_FACTOR if surroundings.story is Story.STUFFY else 1.0)
    noise, people, battery = surroundings.key("noise"), surroundings.key("people"), surroundings.key("battery")

    def crowd(time_ms: int) -> float:
        """Return who is in the room, 0 to 1: the building's attendance, and whether just this room is in use."""
        here = 0.75 + 0.45 * drift(people, time_ms, 50 * MINUTE_MS)
        return attendance.share(time_ms) * min(1.0, max(0.0, here))

    def sense(time_ms: int) -> Values:
        minute = time_ms // MINUTE_MS
        wobble = normal(noise, minute)
        recent = sum(weight * crowd(time_ms - back * MINUTE_MS) for back, weight in TRAILING)
        sunshine = max(0.0, find_elevation(site.latitude, site.longitude, time_ms) / 53.0)
        cold = max(0.0, -weather.temperature(time_ms))
        temperature = room.lowered + (room.used - room.lowered) * min(1.0, 2.0 * recent) + warmer - 0.03 * cold
        moisture = 24.0 + 1.1 * max(-10.0, weather.temperature(time_ms)) + room.humidity + 3.0 * recent
        now = crowd(time_ms)
        lit = now > 0.15 and attendance.share(time_ms) > NIGHT_SHARE  # noqa: PLR2004  somebody is in the room
        light = 900.0 * sunshine * (1.0 - 0.7 * weather.cloud(time_ms)) + LAMPS * lit
        return {
            "temperature": round(temperature + 2.2 * sunshine + 0.6 * recent + 0.08 * wobble, 2),
            "humidity": round(min(85.0, max(8.0, moisture + wobble)), 1),
            "co2": round(OUTDOOR_CO2 + exhaled * recent + 9.0 * wobble + 15.0),
            "illuminance": round(max(0.0, light + 4.0 * wobble)),
            "presence": uniform(people, minute) < now,
            "battery": discharge(battery, time_ms),
        }

    return sense


def _prepare_server_room(surroundings: Surroundings) -> Sensor:
    noise, battery = surroundings.key("noise"), surroundings.key("battery")

    def sense(time_ms: int) -> Values:
        wobble = normal(noise, time_ms // MINUTE_MS)
        part = (time_ms % COOLING_PERIOD_MS) / COOLING_PERIOD_MS
        warmth = part / 0.7 if part < 0.7 else (1.0 - part) / 0.3  # noqa: PLR2004  slow up, fast down
        return {
            "temperature": round(22.5 + 10.5 * warmth + 0.1 * wobble, 2),
            "humidity": round(34.0 - 10.0 * warmth + wobble, 1),
            "co2": round(OUTDOOR_CO2 + 20.0 + 6.0 * wobble),
            "illuminance": 0,
            "presence": False,
            "battery": discharge(battery, time_ms),
        }

    return sense


MODEL = Model(prepare)
