"""Comparison: collector and reference in turn, several times, and the medians of both.

In turn, so that what else the machine does falls on both; the median, so that one disturbed run does not count.
"""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from simulators.bench.driver import measure
from simulators.bench.plan import Plan, Tell
from simulators.bench.result import Result
from simulators.bench.subject import Subject

ROUNDS = 3
FIGURES = (
    ("cpu_us_per_reading", "CPU, us a reading"),
    ("readings_per_second", "throughput, readings/s"),
    ("p50_ack_ms", "send to PUBACK, median, ms"),
    ("p99_ack_ms", "send to PUBACK, p99, ms"),
    ("p50_queryable_ms", "send to queryable, median, ms"),
    ("p99_queryable_ms", "send to queryable, p99, ms"),
    ("peak_rss_mb", "peak memory, MB"),
)
"""What is compared: names in a Result, and what people read."""

Medians = Mapping[str, float | None]
"""Figures by name; None where no run had one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two Subjects under the same load.

    Attributes:
        first: Results of the one, round by round.
        second: Results of the other.
    """

    first: Sequence[Result]
    second: Sequence[Result]

    @property
    def balances(self) -> bool:
        """Whether in every run all that was published was stored, once."""
        return all(result.balances for result in (*self.first, *self.second))

    def find_ratios(self) -> Medians:
        """Return how many times the first one's median the second one's is."""
        first, second = find_medians(self.first), find_medians(self.second)
        return {name: _divide(second[name], first[name]) for name, _ in FIGURES}

    def list_rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield for each figure what it is, both medians, and the second one's as a multiple of the first one's."""
        first, second, ratios = find_medians(self.first), find_medians(self.second), self.find_ratios()
        for name, words in FIGURES:
            yield words, _format(first[name]), _format(second[name]), _format(ratios[name])

    def to_json(self) -> str:
        """Return it for programs: ``median`` of each Subject, ``ratio`` of the second to the first, and every run."""
        pair = (self.first, self.second)
        return json.dumps(
            {
                "rounds": len(self.first),
                "median": {results[0].subject: find_medians(results) for results in pair},
                "ratio": self.find_ratios(),
                "runs": [asdict(result) for both in zip(*pair, strict=True) for result in both],
            },
            indent=2,
        )


def find_medians(results: Sequence[Result]) -> Medians:
    """Return the median of each figure over the runs that have it."""
    found: dict[str, float | None] = {}
    for name, _ in FIGURES:
        values = [value for result in results if (value := getattr(result, name)) is not None]
        found[name] = statistics.median(values) if values else None
    return found


async def compare(
    subjects: tuple[Subject, Subject], plan: Plan, folder: Path, tell: Tell, rounds: int = ROUNDS
) -> Comparison:
    """Measure two Subjects in turn; see ``driver.measure``.

    Raises:
        ProgramError: A server is missing, does not start, or ends.
        RunError: The load cannot be published, or its effect cannot be judged.
    """
    results: tuple[list[Result], list[Result]] = ([], [])
    for number in range(1, rounds + 1):
        for subject, found in zip(subjects, results, strict=True):
            told = f"{subject.name} {number}/{rounds}"
            found.append(await measure(subject, plan, folder, lambda text, told=told: tell(f"{told}: {text}")))  # type: ignore[misc]
    return Comparison(*results)


def _divide(number: float | None, by: float | None) -> float | None:
    return None if number is None or not by else number / by


def _format(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - digits that mean something
