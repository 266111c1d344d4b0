"""The live view shows what an operator asks first, in a terminal of 80 columns and 24 lines."""

import dataclasses
import io

import pytest
from rich.console import Console

from ingest.batch import Ledger
from ingest.health import Firing, Status
from ingest.notice import Facts, judge_facts
from simulators.live_view import Latest, View, format_span, render_view

NOW_MS = 1_768_471_200_000


def make_view(**changes: object) -> View:
    """Return a view with as much to show as there can be."""
    ledger = Ledger(received=10_000_000, decoded=10_000_000, produced=10_000_000, accepted=9_000_000)
    status = Status(
        collector="collector",
        time_ms=NOW_MS,
        started_ms=NOW_MS,
        accepts_simulated=True,
        ledger=dataclasses.asdict(ledger),
        reasons={f"reason_{number}": 100_000 for number in range(12)},
        stored=9_000_000,
        refused_by_database=0,
        received_per_s=5_000.0,
        accepted_per_s=4_900.0,
        outbox_lines=1_234_567,
        outbox_bytes=50_000_000,
        outbox_age_s=4_000.0,
        quarantined=123_456,
        mqtt_connected=True,
        mqtt_error="",
        influx_ok=False,
        influx_error="InfluxDB at http://127.0.0.1:8086 cannot be reached: [Errno 111] Connect call failed.",
        reload_error="",
        devices=5_000,
        store_bytes=1_700 * 1024**2,
        store_most_bytes=2 * 1024**3,
        drain_per_s=64_000.0,
        empty_in_s=754.0,
        capacity_hours=17.4,
        notices=list(judge_facts(Facts(NOW_MS, store_share=0.83, accepts_simulated=True), {}).values()),
        firing=[Firing(f"device-{n}", "rule", "critical", "Rommet er for kaldt", NOW_MS, 12.0) for n in range(9)],
    )
    plain = dataclasses.replace(status, **changes).to_json()  # type: ignore[arg-type]
    values = [("temperature Cel", "20.0"), ("co2 [ppm]", "800")]
    latest = [Latest(f"device-{n}", NOW_MS, values) for n in range(9)]
    return View(plain, 10_000_000, latest, ["a note", "b"], None, influx_answers=status.influx_ok)


def draw(view: View) -> list[str]:
    """Return the lines of the view as a small terminal shows them."""
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=False)
    with console.capture() as capture:
        console.print(render_view(view, 24))
    return capture.get().splitlines()


def test_everything_fits_a_small_terminal() -> None:
    lines = draw(make_view())
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_capacity_and_notices_are_shown() -> None:
    text = "\n".join(draw(make_view()))
    for shown in ("64000/s, 13 min", "83.0 %, 17 h", "store-nearly-full"):
        assert shown in text


def test_while_influxdb_is_away_its_latest_values_stay_and_it_is_said_that_they_are_not_of_now() -> None:
    away = "\n".join(draw(make_view()))
    assert "Latest values in InfluxDB, as last known: it cannot be asked now" in away
    assert "temperature Cel 20.0" in away
    unknown = "\n".join(draw(make_view()._replace(latest=[])))
    assert "it cannot be asked now" in unknown
    assert "nothing stored yet" not in unknown
    assert "nothing stored yet" in "\n".join(draw(make_view()._replace(latest=[], influx_answers=True)))


def test_what_is_not_known_is_not_invented() -> None:
    text = "\n".join(draw(make_view(capacity_hours=None, empty_in_s=None, notices=[])))
    assert "83.0 %, not known yet" in text
    assert "growing" in text
    assert "notices" not in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min"), (7200, "2 h"), (None, "growing")]
)
def test_spans_are_in_the_unit_that_suits_them(seconds: float | None, text: str) -> None:
    assert format_span(seconds) == text
