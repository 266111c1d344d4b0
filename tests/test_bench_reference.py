"""The reference stores what it gets, and is compared fairly."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import gjovik
from simulators.bench import reference, reference_cli, reference_process
from simulators.bench.comparison import FIGURES, Comparison, compare
from simulators.bench.machine import Machine
from simulators.bench.plan import Plan
from simulators.bench.reference import make_line, read_options
from simulators.bench.reference_process import Reference
from simulators.bench.result import Result

TOPIC = "gjovik/hall/heat-000001/reading"
START = datetime(2026, 1, 15, 12, tzinfo=UTC)


def render(**members: object) -> bytes:
    """Return the payload of a heat meter."""
    fields = {"energy": 48211.7, "volume": 1022.41, "power": 64200, "flow": 1.38}
    temperatures = {"supply_temperature": 82.4, "return_temperature": 42.1}
    return json.dumps({"time": "2026-01-15T12:00:00Z", "seq": 7} | fields | temperatures | members).encode()


def test_a_reading_becomes_a_line_with_what_the_collector_stores() -> None:
    assert make_line(TOPIC, render(simulated=True)) == (
        "heat_meter,device=heat-000001,simulated=true,site=hall energy=48211.7,flow=1.38,power=64200,"
        "return_temperature=42.1,seq=7,supply_temperature=82.4,volume=1022.41 1768478400000000000"
    )


def test_readings_a_millisecond_apart_keep_their_times() -> None:
    times = [START + timedelta(milliseconds=ms) for ms in range(1_000)]
    lines = [make_line(TOPIC, render(time=time.isoformat())) for time in times]
    assert [int(line.split()[-1]) for line in lines] == [1_768_478_400_000_000_000 + ms * 10**6 for ms in range(1_000)]


@pytest.mark.parametrize("members", [{"flow": -1}, {"flow": "much"}, {"return_temperature": 161}, {"time": "12:00"}])
def test_a_field_that_is_wrong_is_no_reading(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_line(TOPIC, render(**members))


def test_passwords_come_from_files(tmp_path: Path) -> None:
    for name in ("mqtt", "influx"):
        (tmp_path / name).write_text(f"secret of {name}\n")
    files = ["--password-file", str(tmp_path / "mqtt"), "--influx-password-file", str(tmp_path / "influx")]
    options = read_options(files)
    assert (options.password, options.influx_password) == ("secret of mqtt", "secret of influx")


def test_who_starts_the_reference_waits_for_what_it_logs() -> None:
    assert reference_process.SUBSCRIBED == reference.SUBSCRIBED


def make_result(subject: str, cpu_us: float, **figures: object) -> Result:
    """Return a Result of which all but a few figures say nothing."""
    machine = Machine(processor="", cores=2, kernel="", python="", mosquitto="", influxdb="", json_us=2.0)
    blank = SimpleNamespace(**dict.fromkeys(Result.__dataclass_fields__, 1.0))
    result = Result(**vars(blank) | {"machine": machine, "published": 10, "stored": 10})
    return replace(result, subject=subject, cpu_us_per_reading=cpu_us, **figures)  # type: ignore[arg-type]


def test_a_comparison_is_of_medians() -> None:
    fast = [make_result("collector", cpu_us) for cpu_us in (8.0, 7.0, 900.0)]
    slow = [make_result("reference", cpu_us, p99_ack_ms=None) for cpu_us in (80.0, 88.0, 81.0)]
    comparison = Comparison(fast, slow)
    told = json.loads(comparison.to_json())
    assert told["median"]["collector"]["cpu_us_per_reading"] == 8.0
    assert told["median"]["reference"]["cpu_us_per_reading"] == 81.0
    assert told["ratio"]["cpu_us_per_reading"] == 81.0 / 8.0
    assert told["ratio"]["p99_ack_ms"] is None
    assert [run["subject"] for run in told["runs"]] == ["collector", "reference"] * 3
    assert len(list(comparison.list_rows())) == len(FIGURES)
    assert comparison.balances
    assert not Comparison(fast, [*slow[1:], replace(slow[0], stored=9)]).balances


async def test_the_reference_stores_everything_whatever_it_speaks(tmp_path: Path) -> None:
    subjects = (Reference(), Reference("--protocol", "5", "--gzip"))
    told: list[str] = []
    plan = Plan(rate=500, devices=100, seconds=2)
    comparison = await compare(subjects, plan, tmp_path, told.append, rounds=1)
    assert comparison.balances
    for result in (*comparison.first, *comparison.second):
        assert result.subject == "reference"
        assert result.published == result.stored
        assert result.measured == pytest.approx(1_000, rel=0.5)
        assert result.cpu_us_per_reading > 0
        assert result.p99_ack_ms is not None
        assert result.p99_queryable_ms is not None
        assert result.queryable_samples > 0
    assert all(value is not None for value in comparison.find_ratios().values())
    assert told[0].startswith("reference 1/1: ")


def test_a_library_that_is_missing_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference_cli.LIBRARIES, "no_such_module", "no-such-library")
    result = CliRunner().invoke(gjovik.app, ["bench", "reference"])
    assert result.exit_code == 2
    assert "no-such-library not installed" in result.output
