"""Findings: the results that are kept as JSON files in a folder, read back for the plot and the page of figures.

A file's name says what it holds: ``collector-<load>.json`` a Result, ``comparison.json`` or ``comparison-<load>.json``
a Comparison, ``scale.json`` a Scale, ``stages.json`` a StageReport. Other files are left alone.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from simulators.bench.comparison import Comparison, find_medians
from simulators.bench.machine import Machine
from simulators.bench.result import Result
from simulators.bench.scale import Scale
from simulators.bench.stage_costs import Cost, StageCost, StageReport
from simulators.bench.stages import SMALL_COMMIT
from simulators.errors import UsageError

EXPECTED = (
    "collector-flat-out.json",
    "collector-5000.json",
    "collector-80-percent.json",
    "comparison.json",
    "scale.json",
    "stages.json",
)
"""What a full series of measurements leaves; see docs/performance.md."""

_RESULT = TypeAdapter(Result)
_MACHINE = TypeAdapter(Machine)
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was measured.

    Attributes:
        results: Of the collector by itself, flat out first, then by rate.
        comparisons: Of the collector with the reference, in the same order.
        scale: With ever more devices; None where it was not measured.
        stages: Likewise.
        missing: Names of files of the full series that are not there.
        digest: Of the files, as a plot of them carries it.
    """

    results: Sequence[Result] = ()
    comparisons: Sequence[Comparison] = ()
    scale: Scale | None = None
    stages: StageReport | None = None
    missing: Sequence[str] = EXPECTED
    digest: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not (self.results or self.comparisons or self.scale or self.stages)

    def list_runs(self) -> Iterator[Result]:
        """Yield every single measurement on real servers."""
        yield from self.results
        for comparison in self.comparisons:
            for pair in zip(comparison.first, comparison.second, strict=True):
                yield from pair
        if self.scale is not None:
            yield from self.scale.results


def load_findings(folder: Path) -> Findings:
    """Return the results of a folder; none of one that is not there.

    Raises:
        UsageError: A file cannot be read, or does not hold what its name says.
    """
    files = {file.name: file for pattern in _KINDS for file in sorted(folder.glob(pattern))}
    found = {pattern: [_load(file, read) for file in sorted(folder.glob(pattern))] for pattern, read in _KINDS.items()}
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return Findings(
        results=tuple(sorted(found["collector-*.json"], key=lambda result: result.rate)),
        comparisons=tuple(sorted(found["comparison*.json"], key=lambda comparison: comparison.first[0].rate)),
        scale=next(iter(found["scale.json"]), None),
        stages=next(iter(found["stages.json"]), None),
        missing=tuple(name for name in EXPECTED if name not in files),
        digest=digest.hexdigest()[:16] if files else "",
    )


def _load(file: Path, read: Callable[[Any], _Found]) -> _Found:
    try:
        return read(from_json(file.read_bytes()))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        why = str(error).replace("\n", " ")
        raise UsageError(f"{file} is not what its name says ({why}); measure again, or take it away") from None


def _read_comparison(told: Mapping[str, Any]) -> Comparison:
    """Return it from its runs alone: medians and ratios follow from them."""
    runs = [_RESULT.validate_python(run) for run in told["runs"]]
    if not runs or len(runs) % 2:
        raise ValueError(f"{len(runs)} runs are no pairs")
    return Comparison(runs[::2], runs[1::2])


def _read_scale(told: Mapping[str, Any]) -> Scale:
    return Scale([_RESULT.validate_python(result) for result in told["results"]])


def _read_stages(told: Mapping[str, Any]) -> StageReport:
    return StageReport(
        devices=told["devices"],
        readings=told["readings"],
        rounds=told["rounds"],
        payload_bytes=told["payload_bytes"],
        stages=[
            StageCost(stage["stage"], stage["within"], Cost(stage["cpu_us"], stage["elapsed_us"]))
            for stage in told["stages"]
        ],
        cases={name: Cost(**cost) for name, cost in told["cases"].items()},
        sources={name: Cost(**cost) for name, cost in told["sources"].items()},
        machine=_MACHINE.validate_python(told["machine"]),
        date=told["date"],
        commit=told["commit"],
    )


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "collector-*.json": _RESULT.validate_python,
    "comparison*.json": _read_comparison,
    "scale.json": _read_scale,
    "stages.json": _read_stages,
}
"""How files are read, by their names."""


def describe_load(rate: float) -> str:
    """Return what people call a load: ``flat out``, or readings a second."""
    return f"{rate:,.0f}/s" if rate else "flat out"


def list_machines(findings: Findings) -> list[str]:
    """Return what the findings were measured on: each machine once, with the range of its speed."""
    machines = [result.machine for result in findings.list_runs()]
    machines += [findings.stages.machine] if findings.stages is not None else []
    speeds: dict[str, list[float]] = {}
    for machine in machines:
        speeds.setdefault(_describe_machine(machine), []).append(machine.json_us)
    return [f"{name}; json.loads of a payload {_describe_range(speed)} us" for name, speed in speeds.items()]


def _describe_machine(machine: Machine) -> str:
    return (
        f"{machine.processor}, {machine.cores} cores, Linux {machine.kernel}, Python {machine.python}, "
        f"Mosquitto {machine.mosquitto}, InfluxDB {machine.influxdb}"
    )


def _describe_range(values: Sequence[float]) -> str:
    first, last = format_figure(min(values)), format_figure(max(values))
    return first if first == last else f"{first} to {last}"


def format_figure(value: float | None) -> str:
    """Return a number with the digits that mean something."""
    if value is None:
        return "–"
    digits = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004 - three digits in all
    return f"{value:,.{digits}f}"


@dataclass(frozen=True, slots=True)
class Load:
    """What one subject did under one load: a measurement, or the medians of several.

    Attributes:
        subject: Which.
        rate: Readings a second; 0 for flat out.
        figures: By their names in a Result.
    """

    subject: str
    rate: float
    figures: Mapping[str, float | None]

    @property
    def name(self) -> str:
        """What people read."""
        return f"{self.subject}, {describe_load(self.rate)}"


def list_loads(findings: Findings) -> list[Load]:
    """Return each load that was measured, by rate, the collector before the reference.

    Of a load that was compared the collector's figures are those of the comparison: only they were taken in turn with
    the reference's, under what else the machine did then.
    """
    loads = [
        Load(runs[0].subject, runs[0].rate, find_medians(runs))
        for comparison in findings.comparisons
        for runs in (comparison.first, comparison.second)
    ]
    compared = {load.rate for load in loads}
    loads += [
        Load(result.subject, result.rate, find_medians([result]))
        for result in findings.results
        if result.rate not in compared
    ]
    return sorted(loads, key=lambda load: load.rate)


def list_stages(findings: Findings) -> list[StageCost]:
    """Return the stages that a reading passes at full load, where commits are large."""
    return [one for one in findings.stages.stages if one.name != SMALL_COMMIT] if findings.stages is not None else []
