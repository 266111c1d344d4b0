"""Metrics are what Prometheus reads, whole and current, and there is nothing else to be had at that address."""

import asyncio
import dataclasses
import re
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client.metrics_core import Metric as ParsedMetric
from prometheus_client.parser import text_string_to_metric_families

from ingest.batch import Ledger
from ingest.health import Firing, Silence, Status
from ingest.metrics import CONTENT_TYPE, AlertCounts, format_metrics
from ingest.metrics_server import STALE_MS, MetricsError, serve_metrics
from ingest.notice import Notice, NoticeKey
from schemas.reason import Reason
from schemas.rule import Severity
from simulators.testbed.port import LOOPBACK, free_port

COUNTS = AlertCounts({"firing/critical": 2, "recovering/info": 1}, incidents_open=3, deliveries={"waiting": 4})
LEDGER = Ledger(
    received=100,
    decoded=90,
    undecodable=5,
    duplicate_messages=3,
    informational=2,
    produced=120,
    accepted=110,
    rejected=6,
    duplicate_readings=4,
)
ANY_PORT = f"{LOOPBACK}:0"


def make_status(**changes: object) -> Status:
    """Return a collector that is doing well, as it stands now."""
    ledger = dataclasses.asdict(LEDGER)
    del ledger["reasons"]
    plain: dict[str, Any] = {
        "collector": "collector",
        "time_ms": time.time_ns() // 1_000_000,
        "started_ms": 1_768_456_800_000,
        "accepts_simulated": False,
        "ledger": ledger,
        "reasons": {Reason.OUT_OF_RANGE.value: 6},
        "stored": 100,
        "refused_by_database": 1,
        "received_per_s": 9.5,
        "accepted_per_s": 9.5,
        "outbox_lines": 9,
        "outbox_bytes": 4_000,
        "outbox_age_s": 0.25,
        "quarantined": 12,
        "mqtt_connected": True,
        "mqtt_error": "",
        "influx_ok": True,
        "influx_error": "",
        "reload_error": "",
        "devices": 220,
        "events": {"session_lost": 1},
    }
    return Status(**(plain | changes))


def parse(status: Status, counts: AlertCounts = COUNTS) -> dict[str, ParsedMetric]:
    """Return the metrics as Prometheus' own parser reads them."""
    families = list(text_string_to_metric_families(format_metrics(status, counts).decode()))
    assert len({family.name for family in families}) == len(families)
    return {family.name: family for family in families}


def read(status: Status, counts: AlertCounts = COUNTS) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the value of each sample by its name and labels."""
    samples = [sample for family in parse(status, counts).values() for sample in family.samples]
    values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(values) == len(samples)
    return values


def pick(values: Mapping[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    """Return the value of one sample."""
    return values[f"gjovik_{name}", frozenset(labels.items())]


def add_up(values: Mapping[tuple[str, frozenset[tuple[str, str]]], float], name: str) -> float:
    """Return the sum of a metric's samples."""
    return sum(value for (key, _), value in values.items() if key == f"gjovik_{name}")


def test_prometheus_reads_every_line() -> None:
    text = format_metrics(make_status(), COUNTS).decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(len(family.samples) for family in parse(make_status()).values()) == len(lines)
    assert text.endswith("\n")


def test_names_and_types_are_as_prometheus_wants_them() -> None:
    for family in parse(make_status()).values():
        assert family.documentation.endswith(".")
        assert family.type in {"counter", "gauge"}
        for sample in family.samples:
            assert re.fullmatch(r"gjovik_[a-z][a-z_]*[a-z]", sample.name)
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert not sample.name.endswith(("_s", "_ms", "_total_total"))


def test_the_ledger_adds_up() -> None:
    values = read(make_status())
    assert add_up(values, "messages_total") == pick(values, "messages_received_total") == 100
    assert add_up(values, "readings_total") == pick(values, "readings_produced_total") == 120
    assert pick(values, "readings_total", outcome="rejected") == 6


def test_every_reason_notice_and_severity_has_a_value_before_it_first_happens() -> None:
    values = read(make_status())
    assert {dict(labels)["reason"] for name, labels in values if name == "gjovik_refusals_total"} == set(Reason)
    assert {dict(labels)["notice"] for name, labels in values if name == "gjovik_notice_raised"} == set(NoticeKey)
    assert pick(values, "refusals_total", reason="out_of_range") == 6
    assert add_up(values, "refusals_total") == 6
    assert add_up(values, "notice_raised") == 0
    assert all(pick(values, "alerts", phase="firing", severity=severity) >= 0 for severity in Severity)


def test_alerts_incidents_and_deliveries_are_told() -> None:
    firing = Firing("climate-1", "room-too-cold", "warning", "Kaldt", 0, 16.5)
    values = read(make_status(firing=[firing]))
    assert pick(values, "alerts", phase="firing", severity="critical") == 2
    assert pick(values, "alerts", phase="recovering", severity="info") == 1
    assert add_up(values, "alerts") == 3
    assert pick(values, "alerts_firing") == 1
    assert pick(values, "incidents_open") == 3
    assert pick(values, "deliveries", state="waiting") == 4
    assert pick(values, "deliveries", state="dead") == 0


def test_what_is_wrong_is_zero_or_raised() -> None:
    notice = Notice(NoticeKey.STORE_FULL, Severity.CRITICAL, "Fullt", "Rydd", 0)
    silence = Silence("climate-1", "indoor_climate", "hall", "first", 5400.0)
    values = read(
        make_status(
            mqtt_error="no connection",
            mqtt_connected=False,
            influx_ok=False,
            store_error="disk full",
            reload_error="a rule is wrong",
            notices=[notice],
            silent=[silence],
        )
    )
    for name in ("mqtt_ok", "mqtt_connected", "influx_ok", "store_ok", "configuration_ok"):
        assert pick(values, name) == 0, name
        assert pick(read(make_status()), name) == 1, name
    assert pick(values, "notice_raised", notice="store-full") == 1
    assert pick(values, "devices_silent") == 1


def test_what_cannot_be_said_now_is_left_out() -> None:
    unknown, known = parse(make_status()), parse(make_status(empty_in_s=0.5, store_hours=300.0, capacity_hours=310.0))
    assert set(known) - set(unknown) == {"gjovik_outbox_empty_in_seconds", "gjovik_capacity_hours"}
    assert {sample.labels["place"]: sample.value for sample in known["gjovik_capacity_hours"].samples} == {
        "store": 300.0,
        "together": 310.0,
    }


@pytest.mark.parametrize("name", ['with "quotes"', "back\\slash", "a\nline", "blåbær", "}{,="])
def test_a_label_may_be_any_text(name: str) -> None:
    (sample,) = parse(make_status(collector=name))["gjovik_collector_info"].samples
    assert sample.labels == {"collector": name}


def test_large_counts_keep_every_digit() -> None:
    assert pick(read(make_status(stored=9_007_199_254_740_991)), "lines_stored_total") == 9_007_199_254_740_991


async def get(url: str, method: str = "GET") -> tuple[int, str, str]:
    """Return the status, the content type and the text of an answer."""
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


async def test_a_scrape_gets_the_latest_figures() -> None:
    status = make_status()
    async with serve_metrics(ANY_PORT, lambda: (status, COUNTS), lambda: True) as address:
        code, kind, text = await get(f"{address}/metrics")
        assert (code, kind, text.encode()) == (200, CONTENT_TYPE, format_metrics(status, COUNTS))
        status = make_status(stored=101)
        _, _, text = await get(f"{address}/metrics")
        assert "gjovik_lines_stored_total 101.0\n" in text


async def test_figures_that_are_missing_or_old_are_no_answer() -> None:
    status: Status | None = None
    async with serve_metrics(ANY_PORT, lambda: None if status is None else (status, COUNTS), lambda: True) as address:
        assert (await get(f"{address}/metrics"))[0] == 503
        status = make_status()
        assert (await get(f"{address}/metrics"))[0] == 200
        status = make_status(time_ms=status.time_ms - STALE_MS - 5_000)
        code, _, text = await get(f"{address}/metrics")
        assert code == 503
        assert re.fullmatch(r"The last figures are 3\d s old\.\n", text)


async def test_health_follows_the_collector() -> None:
    well = True
    async with serve_metrics(ANY_PORT, lambda: None, lambda: well) as address:
        assert (await get(f"{address}/healthz"))[0] == 200
        well = False
        assert (await get(f"{address}/healthz"))[0] == 503


async def test_nothing_else_is_served_and_nothing_is_taken() -> None:
    async with serve_metrics(ANY_PORT, lambda: (make_status(), COUNTS), lambda: True) as address:
        assert (await get(f"{address}/"))[0] == 404
        assert (await get(f"{address}/metrics/../status.json"))[0] == 404
        for method in ("POST", "PUT", "DELETE"):
            assert (await get(f"{address}/metrics", method))[0] == 405


async def test_nothing_listens_unless_it_is_asked_for() -> None:
    async with serve_metrics(None, lambda: None, lambda: True) as address:
        assert address is None


async def test_nothing_listens_after_the_block() -> None:
    async with serve_metrics(ANY_PORT, lambda: None, lambda: True) as address:
        assert address is not None
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(f"{address}/healthz")


async def test_a_port_that_is_taken_is_named() -> None:
    port = free_port()
    server = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, port)
    async with server:
        with pytest.raises(MetricsError, match=rf"{LOOPBACK}:{port}.*metrics\.listen"):
            async with serve_metrics(f"{LOOPBACK}:{port}", lambda: None, lambda: True):
                pass


@pytest.mark.parametrize("listen", [f"{LOOPBACK}:70000", f"{LOOPBACK}:http", "no such host:9464"])
async def test_a_place_where_nobody_can_listen_is_named(listen: str) -> None:
    with pytest.raises(MetricsError, match=r"metrics\.listen"):
        async with serve_metrics(listen, lambda: None, lambda: True):
            pass
