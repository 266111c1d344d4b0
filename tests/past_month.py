"""A month in the past for tests: a simulated device in a real InfluxDB, and files of settings, inventory and rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.line import build_line
from schemas.reading import Reading
from simulators.stories import Story
from simulators.testbed.collector import render_settings
from simulators.testbed.influxd import Influxd
from tests.model_sensors import local_ms, make_sensor

BEGIN, END = "2026-03-01", "2026-04-01"
"""Local days; the clocks are changed in it."""
BEGIN_MS, END_MS = local_ms(BEGIN), local_ms(END)
INTERVAL_MS = 600_000
INVENTORY = """
[[site]]
key = "radhuset"
title = "Rådhuset"
category = "office"
latitude = 60.79
longitude = 10.69
area_m2 = 8800.0
[[site.zone]]
key = "serverrom"
title = "Serverrom"

[[device]]
id = "climate-1"
type = "indoor_climate"
component = "+A=360.001-RT001"
placements = [{ from = 2024-01-01, site = "radhuset", zone = "serverrom" }]

[[device]]
id = "climate-2"
type = "indoor_climate"
component = "+A=360.001-RT002"
placements = [{ from = 2024-01-01, site = "radhuset", zone = "serverrom" }]
"""
WARM = """
device_type = "indoor_climate"
field = "temperature"
unit = "Cel"
above = {above}
clear = 28.0
for = "10m"
severity = "warning"
text = "For varmt"

[[example]]
series = [[0, 20.0], [10, 40.0], [20, 40.0], [30, 28.0]]
fires = 20
clears = 30
"""


@dataclass(frozen=True, slots=True)
class PastMonth:
    """What a test can reach.

    Attributes:
        settings: File of settings.
        folder: Of the store, the inventory ``inventory`` and the rules ``rules``.
        readings: Those of climate-1, in order of time.
    """

    settings: Path
    folder: Path
    readings: Sequence[Reading]


def list_readings() -> list[Reading]:
    """Return a month of a server room whose cooling is too small."""
    sensor = make_sensor("indoor_climate", "office", story=Story.POOR_COOLING, device="climate-1")
    return [
        Reading("climate-1", "indoor_climate", "radhuset", "serverrom", time_ms, 0.5, sensor(time_ms), simulated=True)
        for time_ms in range(BEGIN_MS, END_MS, INTERVAL_MS)
    ]


def format_reading(reading: Reading) -> str:
    """Return the line of a reading as a collector writes it."""
    tags = {"device": reading.device, "site": reading.site, "type": reading.type_key, "zone": reading.zone}
    if reading.simulated:
        tags["simulated"] = "true"
    fields = {**reading.values, "delay": reading.delay_s}
    return build_line(reading.type_key, tags, fields, reading.time_ms).decode()


async def write_month(folder: Path, influxd: Influxd, database: str) -> PastMonth:
    """Fill a database and a folder."""
    readings = list_readings()
    await influxd.write("\n".join(map(format_reading, readings)), database)
    for name in ("inventory", "rules"):
        (folder / name).mkdir()
    (folder / "inventory" / "radhuset.toml").write_text(INVENTORY)
    (folder / "rules" / "room-too-warm.toml").write_text(WARM.format(above="31.0"))
    password, settings = folder / "password", folder / "collector.toml"
    password.write_text(influxd.password)
    influx = {"url": influxd.url, "database": database, "username": influxd.username, "password_file": str(password)}
    whole = {"inventory": str(folder / "inventory"), "rules": str(folder / "rules")}
    settings.write_text(render_settings({**whole, "influx": influx, "store": {"folder": str(folder / "store")}}))
    return PastMonth(settings, folder, readings)
