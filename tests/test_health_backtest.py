"""Backtests of rules about health, on a real server: they read their own database, with its account and no other."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gjovik
from ingest.line import build_line
from simulators.testbed.collector import render_settings
from simulators.testbed.influxd import Influxd, quote_name, quote_text
from tests.stand import COLD, INVENTORY
from tests.test_health_database import ALARMS, CALLED

BEGIN_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
MINUTE_MS = 60_000
BATTERY = """
device_type = "safety_alarm"
field = "battery"
unit = "%"
below = 10.0
clear = 20.0
for = "0s"
severity = "warning"
text = "Svakt batteri"

[[example]]
series = [[0, 50.0], [10, 5.0], [20, 60.0]]
fires = 10
clears = 20
"""


def format_reading(type_key: str, device: str, minute: int, **fields: float | bool) -> str:
    tags = {"device": device, "site": "hall", "type": type_key, "zone": "first"}
    return build_line(type_key, tags, fields | {"delay": 0.5}, BEGIN_MS + minute * MINUTE_MS).decode()


@pytest.fixture
async def databases(influxd: Influxd, database_names: Iterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Names of two databases, the shared one and that for health, each with an account of its own of the same name."""
    names = next(database_names), f"health-{next(database_names)}"
    for name in names:
        await influxd.query(f"CREATE DATABASE {quote_name(name)}")
        await influxd.query(f"CREATE USER {quote_name(name)} WITH PASSWORD {quote_text(name)}")
        await influxd.query(f"GRANT READ ON {quote_name(name)} TO {quote_name(name)}")
    yield names
    for name in names:
        await influxd.drop_database(name)
        await influxd.query(f"DROP USER {quote_name(name)}")


@pytest.fixture
async def settings(tmp_path: Path, influxd: Influxd, databases: tuple[str, str]) -> Path:
    """A file of settings with both databases, an inventory and rules, and readings of the past."""
    shared, health = databases
    for name in ("inventory", "rules"):
        (tmp_path / name).mkdir()
    (tmp_path / "inventory/hall.toml").write_text(INVENTORY + ALARMS)
    for key, text in (("called", CALLED), ("battery", BATTERY), ("cold", COLD)):
        (tmp_path / f"rules/{key}.toml").write_text(text)
    alarms = [
        format_reading("safety_alarm", "alarm-kari", minute, alarm=30 <= minute < 50, battery=100.0 - 2 * minute)
        for minute in range(0, 60, 10)
    ]
    climate = [
        format_reading("indoor_climate", "climate-1", minute, temperature=16.0 if 20 <= minute < 50 else 20.0)
        for minute in range(0, 60, 10)
    ]
    # What the shared database must never have, so that an answer tells where it is from.
    false = [format_reading("safety_alarm", "alarm-kari", minute, alarm=True, battery=1.0) for minute in (5, 15)]
    await influxd.write("\n".join(alarms), health)
    await influxd.write("\n".join(climate + false), shared)
    parts = {
        part: {"database": name, "username": name, "password_file": str(tmp_path / part)}
        for part, name in (("influx", shared), ("health", health))
    }
    for part, one in parts.items():
        (tmp_path / part).write_text(str(one["username"]))
    parts["influx"] |= {"url": influxd.url}
    file = tmp_path / "collector.toml"
    folders = {name: str(tmp_path / name) for name in ("inventory", "rules")}
    file.write_text(render_settings({**folders, **parts, "store": {"folder": str(tmp_path / "store")}}))
    return file


async def run_backtest(settings: Path, *words: str) -> Result:
    period = ["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-05T02:00:00Z"]
    command = ["alerts", "backtest", *words, *period, "--settings", str(settings), "--json", "-"]
    ended = await asyncio.to_thread(CliRunner().invoke, gjovik.app, command)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


def list_firings(ended: Result) -> list[tuple[str, int]]:
    """Return who fired, and after how many minutes."""
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)["firings"]
    return [(one["device"], int(one["fired"][14:16])) for one in found]


@pytest.mark.parametrize(
    ("rule", "firings"),
    [
        ("called", [("alarm-kari", 30)]),
        ("battery", [("alarm-kari", 50)]),
        ("cold", [("climate-1", 30)]),
    ],
)
async def test_a_rule_is_tried_on_the_database_of_its_class(
    settings: Path, rule: str, firings: list[tuple[str, int]]
) -> None:
    assert list_firings(await run_backtest(settings, rule)) == firings
    assert list_firings(await run_backtest(settings, rule, "--compare", rule, "--site", "hall")) == firings


async def test_the_account_of_one_database_is_of_no_use_for_the_other(
    settings: Path, influxd: Influxd, databases: tuple[str, str]
) -> None:
    shared, health = databases
    (settings.parent / "health").write_text(secrets.token_urlsafe(16))
    refused = await run_backtest(settings, "called")
    assert refused.exit_code == 1
    assert "correct health.username or health.password_file" in refused.output
    assert list_firings(await run_backtest(settings, "cold")) == [("climate-1", 30)]
    (settings.parent / "health").write_text(health)
    await influxd.query(f"REVOKE ALL ON {quote_name(health)} FROM {quote_name(health)}")
    await influxd.query(f"GRANT READ ON {quote_name(health)} TO {quote_name(shared)}")
    assert (await run_backtest(settings, "called")).exit_code == 1
