"""Scale: the collector with ever more devices, and several collectors that divide the load."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from simulators.bench.driver import measure
from simulators.bench.load import SITES
from simulators.bench.plan import Plan, Tell
from simulators.bench.result import Result
from simulators.bench.subject import Subject
from simulators.testbed.collector import Value

ALONE: Sequence[Mapping[str, Value]] = ({},)
BY_SITES: Sequence[Mapping[str, Value]] = tuple({"sites": [site]} for site in SITES)
BY_SHARE: Sequence[Mapping[str, Value]] = ({"share": "bench"}, {"share": "bench"})


@dataclass(frozen=True, slots=True)
class Scale:
    """What came of a series of measurements.

    Attributes:
        results: In their order.
    """

    results: Sequence[Result]

    @property
    def balances(self) -> bool:
        """Whether every measurement does."""
        return all(result.balances for result in self.results)

    @property
    def spread(self) -> float:
        """How much more a reading costs one collector where it costs most than where it costs least; 0.2 is 20 %."""
        costs = [result.cpu_us_per_reading for result in self.results if result.subjects == 1]
        return max(costs) / min(costs) - 1 if costs and min(costs) > 0 else 0.0

    def to_json(self) -> str:
        """Return it for programs."""
        return json.dumps({"spread": self.spread, "results": [asdict(result) for result in self.results]}, indent=2)

    def list_rows(self) -> Iterator[tuple[str, ...]]:
        """Yield a row of a table for each measurement; see ``COLUMNS``."""
        for result in self.results:
            yield (
                f"{result.devices:,}",
                f"{result.subjects}" if result.subjects == 1 else f"{result.subjects} by {result.division}",
                f"{result.cpu_us_per_reading:.2f}",
                f"{result.acknowledged_per_second:,.0f}",
                f"{result.readings_per_second:,.0f}",
                "-" if result.p99_ack_ms is None else f"{result.p99_ack_ms:.0f}",
                f"{result.peak_rss_mb:.0f}",
                f"{result.start_s:.2f}",
                f"{result.published - result.stored}",
            )


COLUMNS = ("Devices", "Collectors", "CPU us", "Acked/s", "Stored/s", "p99 ack ms", "Peak MB", "Start s", "Missing")


def list_plans(devices: Sequence[int], divided: int, rate: float, seconds: float) -> list[Plan]:
    """Return what is measured: one collector with each number of devices, then two in each way of dividing.

    Args:
        devices: How many publish, measurement by measurement.
        divided: How many publish to two collectors; 0 leaves two collectors out.
        rate: Readings a second; 0 for as many as possible.
        seconds: How long each measurement takes.
    """
    loads = [(count, ALONE) for count in devices]
    loads += [(divided, divisions) for divisions in (BY_SITES, BY_SHARE) if divided]
    return [Plan(rate=rate, devices=count, seconds=seconds, divisions=divisions) for count, divisions in loads]


async def measure_scale(subject: Subject, plans: Sequence[Plan], folder: Path, tell: Tell) -> Scale:
    """Run one measurement after another.

    The arguments and errors are those of ``measure``.
    """
    results = []
    for number, plan in enumerate(plans, start=1):

        def tell_which(text: str, which: str = f"{number} of {len(plans)}, {plan.devices:,} devices") -> None:
            tell(f"{which}: {text}")

        results.append(await measure(subject, plan, folder, tell_which))
    return Scale(results)
