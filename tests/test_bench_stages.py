"""``gjovik bench stages``: every stage is there, does its work, and takes time; how much is no test's business."""

import json
from operator import attrgetter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.batch import Point
from ingest.codecs import NATIVE, load_formats
from simulators.bench.case import Case, make_cases, make_routes
from simulators.bench.source_case import GENERAL, make_source_cases, make_source_processor
from simulators.bench.stage_costs import StageReport, measure_stages
from simulators.bench.stage_material import (
    BATCH,
    SMALL_BATCH,
    Material,
    make_processor,
    prepare_material,
)
from simulators.bench.stages import STAGES

DEVICES = 7
READINGS = 1_300


@pytest.fixture(scope="module")
def material() -> Material:
    return prepare_material(DEVICES, READINGS)


@pytest.fixture(scope="module")
def report() -> StageReport:
    return measure_stages(DEVICES, READINGS, rounds=1)


def test_every_stage_takes_time(report: StageReport) -> None:
    assert [one.name for one in report.stages] == [stage.name for stage in STAGES]
    for one in report.stages:
        assert one.cost.cpu_us > 0, one.name
        assert one.cost.elapsed_us > 0, one.name


def test_a_part_names_the_stage_that_it_is_a_part_of() -> None:
    names = {stage.name for stage in STAGES}
    assert {stage.within for stage in STAGES} - {""} < names


def test_the_sum_counts_what_is_no_part_and_only_one_size_of_batches(report: StageReport) -> None:
    costs = {one.name: one.cost.cpu_us for one in report.stages}
    counted = ("receive", "process", f"commit, batches of {BATCH:,}", "acknowledge", "remove from the outbox")
    assert report.total_us == pytest.approx(sum(costs[name] for name in counted))


def test_every_device_type_has_a_cost_and_so_have_odd_readings(report: StageReport) -> None:
    assert set(load_device_types()) < set(report.cases)
    assert all(cost.cpu_us > 0 for cost in report.cases.values())


def test_every_format_that_has_readings_has_a_cost(report: StageReport) -> None:
    assert set(report.sources) == {NATIVE, GENERAL, *load_formats()} - {"homeassistant"}
    assert all(cost.cpu_us > 0 for cost in report.sources.values())
    assert [row[0] for row in report.list_sources()] == list(report.sources)


@pytest.mark.parametrize("case", make_source_cases(20), ids=attrgetter("name"))
def test_what_is_measured_of_a_format_is_one_reading_a_message(case: Case) -> None:
    processor = make_source_processor()
    processor.process(case.earlier)
    batch = processor.process(case.messages)
    assert (batch.ledger.received, batch.ledger.accepted, batch.ledger.refused_fields) == (20, 20, 0)
    assert any(mark.device == "" for mark in batch.marks) == (case.name != NATIVE)  # but one goes the general way


@pytest.mark.parametrize("size", [BATCH, SMALL_BATCH])
def test_the_readings_that_are_measured_are_accepted_quiet_and_go_the_straight_way(
    material: Material, size: int
) -> None:
    batches = material.batches[size]
    assert sum(batch.ledger.accepted for batch in batches) == READINGS
    assert sum(len(batch.lines) for batch in batches) == READINGS
    assert not any(batch.quarantined or batch.transitions or batch.alerts for batch in batches)
    assert all(len(batch.lines) <= size for batch in batches)
    # A message that needs the general way has a mark of its own.
    assert all(mark.device and mark.packet_id for batch in batches for mark in batch.marks)


def test_the_bytes_that_are_measured_are_those_of_the_messages(material: Material) -> None:
    stream = b"".join(material.chunks)
    assert all(message.payload in stream for message in material.messages)
    assert len(stream) % READINGS == 0


@pytest.mark.parametrize("case", make_cases(20), ids=attrgetter("name"))
def test_what_is_measured_of_a_case_is_what_its_name_says(case: Case) -> None:
    processor = make_processor(make_routes(), {})
    assert processor.process(case.earlier).ledger.accepted > 0
    batch = processor.process(case.messages)
    assert batch.ledger.received == 20
    assert batch.ledger.accepted == (0 if "no JSON" in case.name else 20)
    assert batch.ledger.refused_fields == (20 if "a field" in case.name else 0)
    assert any(mark.point is Point.LATE for mark in batch.marks) == ("older" in case.name)


def test_the_command_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "stages.json"
    words = ["bench", "stages", "--devices", "5", "--readings", "50", "--rounds", "1", "--json", str(file)]
    result = CliRunner().invoke(gjovik.app, words)
    assert result.exit_code == 0, result.output
    told = json.loads(file.read_text())
    assert [one["stage"] for one in told["stages"]] == [stage.name for stage in STAGES]
    assert all(stage.name in result.output for stage in STAGES)
    assert told["readings"] == 50
    assert told["machine"]["cores"] >= 1
