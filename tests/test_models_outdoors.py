"""Simulated rivers, manholes, waste bins, air and gateways: what weather, people and time do to them."""

from datetime import datetime, timedelta
from itertools import pairwise
from statistics import correlation, mean

import pytest

from simulators.days import OSLO, is_free_day, make_day
from simulators.model import Sensor
from simulators.models.air_quality import find_dust, find_stagnation
from simulators.models.manhole_level import OVERFLOW_M
from simulators.models.waste_bin import find_fire
from simulators.noise import derive_key
from simulators.runoff import Runoff, find_inflow
from simulators.stories import Story
from simulators.weather import Weather
from tests.model_sensors import DAY_MS, HOUR_MS, MINUTE_MS, SEED, local_ms, make_sensor

YEAR = range(local_ms("2026-01-01"), local_ms("2027-01-01"), HOUR_MS)


def read(sensor: Sensor, field: str, times: range) -> list[float]:
    return [float(sensor(time_ms)[field]) for time_ms in times]


def find_month(time_ms: int) -> int:
    return datetime.fromtimestamp(time_ms / 1000, OSLO).month


def test_what_falls_runs_off_later_and_none_of_it_is_lost() -> None:
    weather = Weather(SEED)
    hours = range(local_ms("2026-06-01") // HOUR_MS, local_ms("2026-09-01") // HOUR_MS)
    fallen = sum(sum(find_inflow(weather, hour)) for hour in hours)
    for delay_h in (1, 14):
        runoff = Runoff(weather, delay_h)
        assert sum(runoff.rate(hour * HOUR_MS) for hour in hours) == pytest.approx(fallen, rel=0.1)


def test_snow_stays_until_it_melts() -> None:
    weather = Weather(SEED)
    frozen = [time_ms for time_ms in YEAR if weather.temperature(time_ms) < -1.0]
    assert sum(weather.precipitation(time_ms) for time_ms in frozen) > 10.0
    assert sum(sum(find_inflow(weather, time_ms // HOUR_MS)) for time_ms in frozen) == 0.0


def test_a_river_is_highest_while_snow_melts_and_lowest_in_frost() -> None:
    river = make_sensor("river_level", "park")
    by_month = {
        month: mean(river(time_ms)["level"] for time_ms in YEAR[::6] if find_month(time_ms) == month)
        for month in range(1, 13)
    }
    assert by_month[4] == max(by_month.values()) > 2.0 * by_month[2]


def test_a_river_rises_by_the_hour_and_not_at_once() -> None:
    river = make_sensor("river_level", "park")
    levels = read(river, "level", YEAR)
    assert max(levels) - min(levels) > 1.0
    assert max(abs(after - before) for before, after in pairwise(levels)) < 0.15


def test_the_water_of_a_river_does_not_get_colder_than_it_freezes() -> None:
    temperatures = read(make_sensor("river_level", "park"), "water_temperature", YEAR[::6])
    assert min(temperatures) == 0.0
    assert 14.0 < max(temperatures) < 26.0


def test_rain_fills_a_sewer_within_the_hour() -> None:
    manhole, weather = make_sensor("manhole_level", "street"), Weather(SEED)
    summer = [time_ms for time_ms in YEAR if 6 <= find_month(time_ms) <= 9]
    wettest = sorted(summer, key=weather.precipitation)[-20:]
    dry = [time_ms for time_ms in summer if not any(find_inflow(weather, time_ms // HOUR_MS))]
    heavy = mean(manhole(time_ms + HOUR_MS)["level"] for time_ms in wettest)
    assert heavy > 2.5 * mean(manhole(time_ms)["level"] for time_ms in dry)


def test_some_sewer_of_the_town_runs_over_on_a_few_days_of_the_year() -> None:
    days = {}
    for number in range(4):
        manhole = make_sensor("manhole_level", "street", device=f"device-{number}")
        readings = {time_ms: manhole(time_ms) for time_ms in YEAR}
        days[number] = {time_ms // DAY_MS for time_ms, reading in readings.items() if reading["overflow"]}
        assert all(reading["overflow"] == (float(reading["level"]) > OVERFLOW_M) for reading in readings.values())
    assert 0 < len(set().union(*days.values())) < 30


def test_a_bin_fills_and_is_emptied_in_the_morning_but_never_on_sundays() -> None:
    waste = make_sensor("waste_bin", "park")
    times = range(local_ms("2026-05-04"), local_ms("2026-06-29"), 30 * MINUTE_MS)
    fills = read(waste, "fill", times)
    emptied = [time for time, (before, after) in zip(times[1:], pairwise(fills), strict=True) if after < before - 10]
    assert 12 < len(emptied) < 45
    for time_ms in emptied:
        moment = datetime.fromtimestamp(time_ms / 1000, OSLO)
        assert moment.weekday() < 6
        assert 6 <= moment.hour <= 11
        assert waste(time_ms)["fill"] <= 12
    assert max(after - before for before, after in pairwise(fills)) < 15


def test_a_bin_that_is_rarely_emptied_overflows() -> None:
    times = range(local_ms("2026-05-04"), local_ms("2026-06-29"), HOUR_MS)
    rarely, usually = (
        mean(fill == 100.0 for fill in read(make_sensor("waste_bin", "park", story=story), "fill", times))
        for story in (Story.RARELY_EMPTIED, None)
    )
    assert rarely > 0.3
    assert usually < 0.1


def test_a_fire_in_a_bin_is_rare_and_shows_in_its_temperature() -> None:
    times = range(YEAR.start, YEAR.stop, 20 * MINUTE_MS)
    burning = {number: [time_ms for time_ms in times if find_fire(number, time_ms) > 50.0] for number in range(12)}
    fires = {(number, time_ms // DAY_MS) for number, found in burning.items() for time_ms in found}
    assert 5 < len(fires) < 30  # in a year of the town's bins
    key = derive_key(SEED, "device-1", "fire")
    waste = make_sensor("waste_bin", "park")
    glowing = [
        time_ms
        for time_ms in range(YEAR.start - 2 * 365 * DAY_MS, YEAR.stop, HOUR_MS // 3)
        if find_fire(key, time_ms) > 50.0
    ]
    assert glowing
    assert all(find_fire(key, time_ms) - 25.0 < waste(time_ms)["temperature"] < 120.0 for time_ms in glowing)


def test_smoke_comes_on_cold_evenings_and_dust_in_spring() -> None:
    air = make_sensor("air_quality", "street")
    evenings = {
        month: mean(
            air(time_ms)["pm2_5"]
            for time_ms in range(local_ms(f"2026-{month}-01 20:00"), local_ms(f"2026-{month}-28"), DAY_MS)
        )
        for month in ("01", "07")
    }
    assert evenings["01"] > 2.0 * evenings["07"]
    coarse = {
        month: mean(air(time_ms)["pm10"] - air(time_ms)["pm2_5"] for time_ms in YEAR if find_month(time_ms) == month)
        for month in (4, 7)
    }
    assert coarse[4] > 3.0 * coarse[7]


def test_exhaust_follows_traffic() -> None:
    air = make_sensor("air_quality", "street")
    days = [make_day((datetime(2026, 9, 1, tzinfo=OSLO) + timedelta(days=number)).date()) for number in range(28)]
    rush, night = (
        mean(air(day.start_ms + hour * HOUR_MS)["no2"] for day in days if not is_free_day(day.date)) for hour in (16, 3)
    )
    assert rush > 2.0 * night


def test_air_stands_in_cold_and_calm_and_rain_binds_dust() -> None:
    weather = Weather(SEED)
    held = [find_stagnation(weather, time_ms) for time_ms in YEAR]
    assert correlation(held, [weather.wind_speed(time_ms) for time_ms in YEAR]) < -0.5
    assert 0.3 < min(held) < 1.0
    assert 2.0 < max(held) < 5.0
    wet = [time_ms for time_ms in YEAR if weather.precipitation(time_ms) > 0.2]
    assert wet
    assert all(find_dust(weather, time_ms) == 0.0 for time_ms in wet)


def test_fine_particles_are_part_of_the_coarse() -> None:
    air = make_sensor("air_quality", "street")
    assert all(0.0 < air(time_ms)["pm2_5"] < air(time_ms)["pm10"] for time_ms in YEAR[::7])


def test_a_gateway_counts_its_uptime_from_a_restart_every_few_weeks() -> None:
    gateway = make_sensor("gateway", "office")
    uptimes = read(gateway, "uptime", YEAR)
    restarts = [after for before, after in pairwise(uptimes) if after < before]
    assert 12 <= len(restarts) <= 16
    assert all(0.0 <= after < HOUR_MS / 1000 for after in restarts)
    assert all(after - before == HOUR_MS / 1000 for before, after in pairwise(uptimes) if after > before)
