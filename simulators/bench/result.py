"""Result: what a measurement gave, for people and for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from simulators.bench.machine import Machine
from simulators.bench.rules import USUAL_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Figures of one measurement. All but ``published`` and ``stored`` leave the warm-up out.

    Attributes:
        subject: What was measured.
        subjects: How many of it.
        division: How several divide the load: ``none``, ``sites`` or ``share``.
        rate: Readings a second that were asked for; 0 for as many as possible.
        devices: How many published in turn.
        seconds: How long.
        rules: How many judged each reading.
        payload_bytes: Of each reading.
        published: Readings that the broker acknowledged.
        stored: Readings in the database.
        measured: Readings that the figures are of.
        cpu_us_per_reading: Processor time of the Subjects, user and system.
        broker_cpu_us_per_reading: Of Mosquitto.
        database_cpu_us_per_reading: Of InfluxDB.
        publisher_cpu_us_per_reading: Of the publisher and the taps.
        elsewhere_share: Share of the machine, 0 to 1, that something else took; then the figures are too large.
        readings_per_second: From the first send until all was stored.
        acknowledged_per_second: From the first send until the Subjects had acknowledged all.
        p50_ack_ms: From a publisher's send to the Subject's PUBACK, median; None with several Subjects.
        p99_ack_ms: The same, 99th percentile.
        p50_queryable_ms: From a publisher's send until a query gives the reading, median.
        p99_queryable_ms: The same, 99th percentile.
        queryable_samples: Readings that the two are of.
        peak_rss_mb: Most resident memory, in 10^6 bytes, of the Subject that took most.
        start_s: From starting the Subjects until all are subscribed.
        machine: What it ran on.
        date: When, RFC 3339 in UTC.
        commit: Of the checkout, or None.
    """

    subject: str
    subjects: int
    division: str
    rate: float
    devices: int
    seconds: float
    payload_bytes: int
    published: int
    stored: int
    measured: int
    cpu_us_per_reading: float
    broker_cpu_us_per_reading: float
    database_cpu_us_per_reading: float
    publisher_cpu_us_per_reading: float
    elsewhere_share: float
    readings_per_second: float
    acknowledged_per_second: float
    p50_ack_ms: float | None
    p99_ack_ms: float | None
    p50_queryable_ms: float | None
    p99_queryable_ms: float | None
    queryable_samples: int
    peak_rss_mb: float
    start_s: float
    machine: Machine
    date: str
    commit: str | None
    rules: int = USUAL_RULES

    @property
    def balances(self) -> bool:
        """Whether all that was published is stored, once."""
        return self.published == self.stored

    def to_json(self) -> str:
        """Return it for programs."""
        return json.dumps(asdict(self), indent=2)

    def list_figures(self) -> Iterator[tuple[str, str]]:
        """Yield what is measured and how much, for people."""
        yield f"CPU of the {self.subject}", f"{self.cpu_us_per_reading:.2f} us a reading"
        yield "CPU of Mosquitto", f"{self.broker_cpu_us_per_reading:.2f} us a reading"
        yield "CPU of InfluxDB", f"{self.database_cpu_us_per_reading:.2f} us a reading"
        yield "CPU of publisher and tap", f"{self.publisher_cpu_us_per_reading:.2f} us a reading"
        yield "machine busy with something else", f"{self.elsewhere_share:.0%}"
        yield "throughput until stored", f"{self.readings_per_second:,.0f} readings/s"
        yield "throughput until acknowledged", f"{self.acknowledged_per_second:,.0f} readings/s"
        yield "send to PUBACK, median", _format_ms(self.p50_ack_ms)
        yield "send to PUBACK, p99", _format_ms(self.p99_ack_ms)
        yield "send to queryable, median", _format_ms(self.p50_queryable_ms)
        yield "send to queryable, p99", f"{_format_ms(self.p99_queryable_ms)} ({self.queryable_samples} samples)"
        yield "peak memory", f"{self.peak_rss_mb:.0f} MB"
        yield "start", f"{self.start_s:.2f} s"
        yield "published", f"{self.published:,}"
        yield "stored", f"{self.stored:,}"


def _format_ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
