"""The status as people read it: what is wrong comes first, and what is not known is not made up."""

from typing import Any

import pytest

from ingest.status_view import describe_status, list_problems

NOW_MS = 1_768_478_402_000
STATUS: dict[str, Any] = {
    "collector": "collector",
    "time_ms": NOW_MS - 500,
    "started_ms": NOW_MS - 7_200_000,
    "mqtt_connected": True,
    "mqtt_error": "",
    "influx_ok": True,
    "influx_error": "",
    "reload_error": "",
    "received_per_s": 12.0,
    "accepted_per_s": 11.5,
    "outbox_lines": 1000,
    "outbox_bytes": 20_480,
    "outbox_age_s": 90.0,
    "quarantined": 3,
    "devices": 40,
    "silent": [{"device": "climate-1", "seconds": 7200.0}],
    "silent_count": 1,
    "firing": [{"device": "climate-2", "rule": "room-too-cold"}],
}
LATER: dict[str, Any] = {
    "drain_per_s": 500.0,
    "empty_in_s": 2.0,
    "capacity_hours": 30.25,
    "store_hours": 20.0,
    "broker_hours": 10.25,
    "store_bytes": 2**30,
    "store_most_bytes": 2**31,
    "store_is_held": False,
    "store_has_reserve": True,
    "disk_free_bytes": 2**33,
    "sessions_lost": 1,
    "quarantine_bytes": 2048,
    "events": {"session_lost": 1, "alert_repeated": 2, "marks_damaged": 0},
    "notices": [],
    "reprocessed": 5,
    "discarded": 6,
    "expired": 7,
}


def test_a_healthy_status_has_no_problems() -> None:
    assert list_problems(STATUS | LATER, NOW_MS) == []


def test_everything_that_is_known_is_shown() -> None:
    assert dict(describe_status(STATUS | LATER, NOW_MS)) == {
        "Collector": "collector, started 2026-01-15 11:00:02 (2 h ago)",
        "Broker": "connected",
        "InfluxDB": "takes lines",
        "Messages": "12/s received, 12/s readings accepted",
        "Outbox": "1000 lines, 20.0 KiB, the oldest 1 min 30 s old",
        "Draining": "500 lines/s; empty in 2 s",
        "Room for": "30.2 hours without InfluxDB at the present rate (store 20.0 h, broker 10.2 h)",
        "Store": "1.0 GiB of 2.0 GiB (50%)",
        "Disk": "8.0 GiB free; the reserve is there",
        "Quarantine": "3 entries, 2.0 KiB",
        "Left quarantine": "5 reprocessed, 6 discarded, 7 expired",
        "Sessions lost": "1 since the store was made",
        "Silent devices": "1: climate-1 2 h",
        "Firing alerts": "1: climate-2/room-too-cold",
        "Events": "2 alert_repeated",
    }


@pytest.mark.parametrize(
    ("changed", "row", "text"),
    [
        ({"empty_in_s": None}, "Draining", "500 lines/s; does not get shorter"),
        ({"outbox_lines": 0}, "Draining", "500 lines/s; empty"),
        ({"capacity_hours": None}, "Room for", "any time: nothing comes at present"),
        ({"store_is_held": True}, "Store", "1.0 GiB of 2.0 GiB (50%); TAKES NOTHING until there is room"),
        ({"store_has_reserve": False}, "Disk", "8.0 GiB free; THE RESERVE IS USED UP"),
        ({"silent_count": 0}, "Silent devices", "none of 40"),
        ({"silent_count": 30}, "Silent devices", "30: climate-1 2 h and 29 more"),
        ({"mqtt_connected": False}, "Broker", "not connected"),
    ],
)
def test_what_is_unusual_is_said(changed: dict[str, Any], row: str, text: str) -> None:
    assert dict(describe_status(STATUS | LATER | changed, NOW_MS))[row] == text


def test_a_figure_that_an_earlier_collector_does_not_tell_is_left_out() -> None:
    shown = dict(describe_status(STATUS, NOW_MS))
    assert "Room for" not in shown
    assert shown["Quarantine"] == "3 entries"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"time_ms": NOW_MS - 60_000}, "does not run, or hangs: its last status is 1 min old"),
        ({"stopped": True}, "The collector was stopped at "),
        ({"time_ms": NOW_MS + 60_000}, "from the future"),
        ({"mqtt_error": "refused", "mqtt_connected": False}, "Nothing comes from the broker: refused. It"),
        ({"influx_error": "no answer."}, "lines wait in the outbox: no answer. It"),
        ({"store_error": "disk full"}, "The store: disk full"),
        ({"reload_error": "hall.toml:5"}, "hall.toml:5"),
        (
            {
                "notices": [
                    {"key": "store-half", "severity": "warning", "text": "Lageret er halvfullt.", "action": "Se."}
                ]
            },
            "Lageret er halvfullt. Se.",
        ),
    ],
)
def test_what_is_wrong_is_a_problem(changed: dict[str, Any], problem: str) -> None:
    (found,) = list_problems(STATUS | LATER | changed, NOW_MS)
    assert problem in found


def test_a_notice_that_is_only_for_information_is_no_problem() -> None:
    notice = {"key": "simulated-accepted", "severity": "info", "text": "Simulerte målinger tas imot."}
    assert list_problems(STATUS | {"notices": [notice]}, NOW_MS) == []
