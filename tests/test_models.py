"""Laws over all simulated models, and what their readings must tell people."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import correlation, mean

import pytest

from devices import load_device_types
from ingest.codec import Observation
from ingest.codecs.native import CODEC
from schemas.device_type import Clock
from schemas.quantities import Kind
from simulators.blueprint import SYSTEMS
from simulators.days import TooEarlyError, find_easter, is_school_day, make_day
from simulators.model import Surroundings
from simulators.models import load_models
from simulators.noise import mix, normal, uniform
from simulators.stories import Story
from simulators.sun import find_elevation, is_dark
from simulators.town import RECORDINGS
from simulators.weather import Weather
from tests.model_sensors import DAY_MS, HOUR_MS, MINUTE_MS, SEED, local_ms, make_sensor, make_site

WET, DRY = 0.1, 0.75
"""Melted snow of an hour in millimetres, and the friction of a dry road."""
CATEGORIES = ("office", "school", "nursing_home", "sports_hall", "street", "road", "park", "water_supply")


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shift(times: range, days: int) -> range:
    return range(times.start + days * DAY_MS, times.stop + days * DAY_MS, times.step)


def scattered_times(count: int) -> list[int]:
    """Moments to the millisecond over two years and a half."""
    return [local_ms("2024-01-02") + mix(1, number) % (900 * DAY_MS) for number in range(count)]


def test_there_is_a_model_for_each_type_of_the_town() -> None:
    recorded = {type_key for _, type_key, *_ in RECORDINGS}
    assert set(load_models()) == set(SYSTEMS)
    assert set(load_device_types()) == set(load_models()) | recorded


@pytest.mark.parametrize("key", sorted(load_models()))
def test_a_thousand_values_validate(key: str) -> None:
    device_type = load_device_types()[key]
    read = CODEC.prepare(device_type)
    for category in CATEGORIES:
        sensor = make_sensor(key, category)
        for time_ms in scattered_times(1000 // len(CATEGORIES) + 1):
            time = time_ms if device_type.clock is Clock.DEVICE else None
            (observation,) = read(CODEC.encode(Observation(sensor(time_ms), time, 0, simulated=True)))
            assert observation.refusals == ()
            required = {name for name, field in device_type.fields.items() if field.required}
            assert required <= set(observation.values)


@pytest.mark.parametrize("key", sorted(load_models()))
def test_the_same_seed_gives_the_same_bytes_in_any_order(key: str) -> None:
    times = scattered_times(50)
    forward, backward, other = (
        make_sensor(key, "school"),
        make_sensor(key, "school"),
        make_sensor(key, "school", seed=8),
    )
    first = {time_ms: CODEC.encode(Observation(forward(time_ms), time_ms)) for time_ms in times}
    again = {time_ms: CODEC.encode(Observation(backward(time_ms), time_ms)) for time_ms in reversed(times)}
    assert again == first
    assert {time_ms: CODEC.encode(Observation(other(time_ms), time_ms)) for time_ms in times} != first


@pytest.mark.parametrize("key", sorted(load_models()))
@pytest.mark.parametrize("start", ["2026-03-28", "2026-10-24", "2026-12-31"])
def test_registers_never_fall_also_when_the_clocks_are_changed(key: str, start: str) -> None:
    totals = [name for name, field in load_device_types()[key].fields.items() if field.measures.kind is Kind.TOTAL]
    sensor = make_sensor(key, "school")
    readings = [sensor(local_ms(start) + slot * 5 * MINUTE_MS) for slot in range(3 * 288)]
    for name in totals:
        values = [reading[name] for reading in readings]
        assert all(before <= after for before, after in pairwise(values))
        assert values[-1] > values[0]


@pytest.mark.parametrize(("key", "category"), [("electricity_meter", "school"), ("heat_meter", "office")])
def test_power_agrees_with_what_the_register_gained(key: str, category: str) -> None:
    sensor = make_sensor(key, category)
    for hour in range(7 * 24):
        start = local_ms("2026-01-12") + hour * HOUR_MS
        gained = sensor(start + HOUR_MS)["energy"] - sensor(start)["energy"]
        power = mean(sensor(start + minute * MINUTE_MS)["power"] for minute in range(60))
        assert power / 1000 == pytest.approx(gained, rel=0.02, abs=0.05)


def test_flow_agrees_with_what_the_volume_gained() -> None:
    sensor = make_sensor("water_meter", "water_supply")
    start = local_ms("2026-05-04")
    flows = [sensor(start + quarter * 15 * MINUTE_MS)["flow"] for quarter in range(96)]
    assert sum(flows) / 4 == pytest.approx(sensor(start + DAY_MS)["volume"] - sensor(start)["volume"], rel=1e-3)


def test_counts_agree_with_their_counters() -> None:
    sensor = make_sensor("cycle_pedestrian_counter", "street")
    start = local_ms("2026-05-04")
    readings = [sensor(start + quarter * 15 * MINUTE_MS) for quarter in range(97)]
    for name in ("bicycles", "pedestrians"):
        counted = sum(reading[name] for reading in readings[1:])
        assert counted == readings[-1][f"{name}_total"] - readings[0][f"{name}_total"]
        assert counted > 0


@pytest.mark.parametrize("key", ["traffic_counter", "cycle_pedestrian_counter", "gateway"])
@pytest.mark.parametrize("interval_ms", [911, 4_300, 5 * MINUTE_MS, HOUR_MS])
def test_counts_add_up_to_what_passed_however_often_a_counter_reports(key: str, interval_ms: int) -> None:
    model = load_models()[key]
    sensor = model.prepare(Surroundings("device-1", make_site("street"), "1-etasje", SEED, Weather(SEED)))
    begin, end = local_ms("2026-05-04 07:58:13"), local_ms("2026-05-04 09:03:31")
    times = [*range(begin, end, interval_ms), end]
    messages = [model.observe(sensor, before, after) for before, after in pairwise(times)]
    for name in model.counted:
        assert sum(message[name] for message in messages) == model.observe(sensor, begin, end)[name] > 0
        assert all(message[name] >= 0 for message in messages)
    if key == "traffic_counter":
        assert all(message["heavy_vehicles"] <= message["vehicles"] for message in messages)
        assert 300 < model.observe(sensor, begin, begin + HOUR_MS)["vehicles"] < 1_400


@pytest.mark.parametrize("empty", ["2026-01-14 03:00", "2026-01-17 11:00", "2026-05-14 11:00", "2026-07-15 11:00"])
def test_a_school_is_empty_at_night_on_weekends_and_on_holidays(empty: str) -> None:
    room, meter = make_sensor("indoor_climate", "school"), make_sensor("electricity_meter", "school")
    used, unused = local_ms("2026-01-14 11:00"), local_ms(empty)
    assert not any(room(unused + minute * MINUTE_MS)["presence"] for minute in range(60))
    assert sum(room(used + minute * MINUTE_MS)["presence"] for minute in range(60)) > 20
    assert room(unused)["co2"] < 500 < room(used)["co2"]
    assert meter(unused)["power"] < 0.4 * meter(used)["power"]


def test_a_nursing_home_is_in_use_round_the_clock() -> None:
    room = make_sensor("indoor_climate", "nursing_home")
    night = local_ms("2026-01-17 02:00")
    assert sum(room(night + minute * MINUTE_MS)["presence"] for minute in range(120)) > 20
    assert room(night)["temperature"] > 21.0


@pytest.mark.parametrize("day", ["2026-06-21", "2026-12-21", "2026-03-29"])
def test_street_lights_follow_the_sun(day: str) -> None:
    light = make_sensor("street_light", "street")
    noon, midnight = light(local_ms(f"{day} 13:00")), light(local_ms(f"{day} 01:00"))
    assert (noon["on"], noon["power"], noon["dimming"]) == (False, 0.0, 0.0)
    assert (midnight["on"], midnight["dimming"]) == (True, 50.0)
    assert midnight["power"] > 100.0
    assert light(local_ms(f"{day} 14:00"))["energy"] == noon["energy"]


def test_street_lights_burn_longer_in_winter() -> None:
    light = make_sensor("street_light", "street")
    hours = {
        day: light(local_ms(day) + DAY_MS)["burning_hours"] - light(local_ms(day))["burning_hours"]
        for day in ("2026-06-21", "2026-12-21")
    }
    assert 3.0 < hours["2026-06-21"] < 6.0
    assert 16.0 < hours["2026-12-21"] < 19.0


@pytest.mark.parametrize(("latitude", "longitude"), [(60.8, 10.7), (-33.9, 151.2), (21.3, -157.9), (78.2, 15.6)])
def test_darkness_agrees_with_the_height_of_the_sun_anywhere(latitude: float, longitude: float) -> None:
    wrong = [
        time_ms
        for time_ms in range(utc_ms("2026-01-01"), utc_ms("2027-01-01"), 37 * 15 * MINUTE_MS)
        if is_dark(latitude, longitude, time_ms) != (find_elevation(latitude, longitude, time_ms) < -3.0)
        and abs(find_elevation(latitude, longitude, time_ms) + 3.0) > 4.0  # the sun sinks so far in a quarter-hour
    ]
    assert wrong == []


@pytest.mark.parametrize(("key", "field"), [("traffic_counter", "vehicles"), ("cycle_pedestrian_counter", "bicycles")])
def test_traffic_peaks_before_and_after_work(key: str, field: str) -> None:
    sensor = make_sensor(key, "street")

    def count(day: str, first_hour: int) -> float:
        start = local_ms(day) + first_hour * HOUR_MS
        return mean(float(sensor(start + minute * MINUTE_MS)[field]) for minute in range(5, 121, 5))

    morning, midday, afternoon = (count("2026-05-06", hour) for hour in (7, 11, 15))
    night, sunday = count("2026-05-06", 2), count("2026-05-10", 7)
    assert min(morning, afternoon) > 1.3 * midday > 3.0 * night
    assert morning > 2.0 * sunday


def test_heat_follows_the_outdoor_temperature() -> None:
    sensor, weather = make_sensor("heat_meter", "office"), Weather(SEED)
    days = [make_day(date(2026, 1, 5) + timedelta(days=7 * week)) for week in range(50)]
    heat = [sensor(day.end_ms)["energy"] - sensor(day.start_ms)["energy"] for day in days]
    assert correlation(heat, [weather.mean_temperature(day) for day in days]) < -0.9


def test_cycling_depends_on_the_season() -> None:
    sensor = make_sensor("cycle_pedestrian_counter", "street")
    january, june = (
        sensor(local_ms(f"2026-{month}-26"))["bicycles_total"] - sensor(local_ms(f"2026-{month}-05"))["bicycles_total"]
        for month in ("01", "06")
    )
    assert june > 2.5 * january


def test_a_leak_shows_at_night() -> None:
    night = [local_ms("2026-05-06 02:00") + minute * MINUTE_MS for minute in range(0, 120, 15)]
    leaking, tight = (
        make_sensor("water_meter", "water_supply", story=Story.LEAK),
        make_sensor("water_meter", "water_supply"),
    )
    assert min(leaking(time_ms)["flow"] for time_ms in night) > 6.0 > max(tight(time_ms)["flow"] for time_ms in night)


def test_a_third_of_what_flows_into_a_zone_leaks_and_shows_at_night() -> None:
    zone = make_sensor("water_meter", "water_supply")
    flows = [zone(local_ms("2026-05-04") + slot * 15 * MINUTE_MS)["flow"] for slot in range(7 * 96)]
    assert 0.25 < min(flows) / mean(flows) < 0.45


def test_lamps_are_out_at_night_also_where_people_sleep() -> None:
    room = make_sensor("indoor_climate", "nursing_home")
    night, day = (
        [room(local_ms(f"2026-01-14 {hour}:00") + minute * MINUTE_MS)["illuminance"] for minute in range(60)]
        for hour in ("03", "11")
    )
    assert max(night) < 50
    assert max(day) > 300


def test_a_road_does_not_dry_the_moment_the_snow_ends() -> None:
    road, weather = make_sensor("road_weather", "road"), Weather(SEED)
    quarters = [local_ms("2026-01-02") + slot * 15 * MINUTE_MS for slot in range(50 * 96)]
    ends = [
        after
        for before, after in pairwise(quarters)
        if weather.precipitation(before) > 0.0 == weather.precipitation(after)
        and weather.precipitation(after - 2 * HOUR_MS) > WET
        and road(after)["surface_temperature"] < -1.0
    ]
    assert ends
    assert all(road(end)["friction"] < DRY for end in ends)
    assert max(road(quarter)["friction"] for quarter in quarters) > DRY


def test_ventilation_that_runs_all_night_shows_in_power() -> None:
    site = make_site("sports_hall", "idrettshallen")
    meters = [
        load_models()["electricity_meter"].prepare(Surroundings("device-1", place, "ventilasjon", SEED, Weather(SEED)))
        for place in (site, make_site("sports_hall"))
    ]
    always, usual = (meter(local_ms("2026-05-06 02:00"))["power"] for meter in meters)
    assert always > 5.0 * usual


def test_a_stuffy_classroom_is_above_what_is_recommended_and_others_are_not() -> None:
    lessons = [local_ms("2026-01-12 08:30") + day * DAY_MS + hour * HOUR_MS for day in range(5) for hour in range(6)]
    stuffy, usual = (make_sensor("indoor_climate", "school", story=story) for story in (Story.STUFFY, None))
    assert mean(stuffy(time_ms)["co2"] for time_ms in lessons) > 1200.0
    assert max(usual(time_ms)["co2"] for time_ms in lessons) < 1000.0


def test_a_server_room_with_poor_cooling_grows_too_warm_and_cools_again() -> None:
    sensor = make_sensor("indoor_climate", "office", story=Story.POOR_COOLING)
    warmth = [sensor(local_ms("2026-01-12") + minute * MINUTE_MS)["temperature"] for minute in range(180)]
    assert max(warmth) > 32.0
    assert min(warmth) < 24.0


def test_the_weather_has_seasons_and_stays_plausible() -> None:
    weather = Weather(SEED)
    hours = range(local_ms("2026-01-01"), local_ms("2027-01-01"), HOUR_MS)
    january, july = (
        mean(weather.temperature(time_ms) for time_ms in range(local_ms(begin), local_ms(begin) + 28 * DAY_MS, HOUR_MS))
        for begin in ("2026-01-02", "2026-07-02")
    )
    assert january < 0.0
    assert july > 12.0
    coldest = min(weather.temperature(time_ms) for year in range(3) for time_ms in shift(hours, -365 * year))
    assert -32.0 < coldest < -15.0
    assert all(weather.temperature(time_ms) < 33.0 for time_ms in hours)
    assert 450.0 < sum(weather.precipitation(time_ms) for time_ms in hours) < 900.0
    assert max(weather.precipitation(time_ms) for time_ms in hours) > 0.5
    assert sum(weather.precipitation(time_ms) == 0.0 for time_ms in hours) > len(hours) / 2
    assert weather.snow_depth(local_ms("2026-02-15")) > 10.0
    assert weather.snow_depth(local_ms("2026-07-15")) == 0.0


def test_days_have_23_24_or_25_hours() -> None:
    assert [make_day(date(2026, *day)).hours for day in ((3, 29), (3, 30), (10, 25))] == [23.0, 24.0, 25.0]
    assert [len(make_day(date(2026, *day)).slots) for day in ((3, 29), (3, 30), (10, 25))] == [92, 96, 100]


@pytest.mark.parametrize(
    ("year", "easter"), [(2024, (3, 31)), (2025, (4, 20)), (2026, (4, 5)), (2027, (3, 28)), (2038, (4, 25))]
)
def test_easter_is_found(year: int, easter: tuple[int, int]) -> None:
    assert find_easter(year) == date(year, *easter)
    assert not is_school_day(find_easter(year) + timedelta(days=1))


def test_the_time_before_the_first_day_is_refused() -> None:
    with pytest.raises(TooEarlyError, match="2023-12-31 cannot be simulated: the simulated town begins on 2024-01-01"):
        make_sensor("water_meter", "water_supply")(local_ms("2023-12-31"))


def test_noise_has_the_mean_and_the_deviation_that_it_says() -> None:
    numbers = [normal(3, slot) for slot in range(4000)]
    assert abs(mean(numbers)) < 0.05
    assert mean(number**2 for number in numbers) == pytest.approx(1.0, abs=0.1)
    assert max(map(abs, numbers)) < 3.47
    assert mean(uniform(3, slot, 10.0, 20.0) for slot in range(4000)) == pytest.approx(15.0, abs=0.2)
