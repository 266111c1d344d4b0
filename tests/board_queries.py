"""Queries of the boards as Grafana sends them, and what tests of them share."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from dashboards.query import ZONE_NAME
from dashboards.render import render_all
from schemas.rule import AlertPhase, Change, Level, Rule, Severity, Transition
from simulators.testbed.influxd import Influxd

OSLO = ZoneInfo(ZONE_NAME)
Json = dict[str, Any]
BOARDS: dict[str, Json] = {name: json.loads(text) for name, text in render_all().items()}
FIRES = Rule(
    key="too_warm",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(
        Level(Severity.WARNING, high=26, clear_high=25),
        Level(Severity.CRITICAL, high=30, clear_high=25),
    ),
    text="For varmt",
)
FIRED = Transition(
    device="radhuset-klima-14",
    site="radhuset",
    zone="serverrom",
    rule=FIRES.key,
    phase=AlertPhase.FIRING,
    time_ms=0,
    since_ms=0,
    value=27.5,
    simulated=False,
    severity=Severity.WARNING,
    change=Change.FIRED,
)
"""A transition that a test gives the times it needs."""


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def write_lines(server: Influxd, database: str, lines: list[bytes]) -> None:
    """Write lines as the collector's user."""
    login = {"Authorization": aiohttp.encode_basic_auth(server.username, server.password)}
    address = f"{server.url}/write?db={database}&precision=ms"
    async with aiohttp.ClientSession() as session:
        for start in range(0, len(lines), 2500):
            body = b"\n".join(lines[start : start + 2500])
            async with session.post(address, data=body, headers=login) as response:
                assert response.status == 204, await response.text()


def fill_in(query: str, start: datetime, end: datetime, choices: dict[str, str]) -> str:
    """Put in what Grafana puts in: variables first, then its macros."""
    for name, value in choices.items():
        query = query.replace(f"${name}", value)
    query = query.replace("$timeFilter", f"time >= {to_ms(start)}ms and time <= {to_ms(end)}ms")
    query = query.replace("${__from}", str(to_ms(start))).replace("${__to}", str(to_ms(end)))
    return query.replace("$__interval", "10m")


def find_query(file: str, title: str, letter: str = "A") -> str:
    """Return the text of one query as it is committed."""
    panel = next(panel for panel in BOARDS[file]["panels"] if panel["title"] == title)
    return str(next(target["query"] for target in panel["targets"] if target["refId"] == letter))
