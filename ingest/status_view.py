"""A collector's ``status.json`` as people read it. Pure: the status and a time in, texts out.

The status may be of another version of the collector: a figure that it does not have is left out, never made up.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.local_time import format_local, format_span
from ingest.printed_table import format_bytes

Status = Mapping[str, Any]

OLD_S = 10.0
"""The collector writes its status each second; after this time without a new one it is not running, or hangs."""
SHOWN = 20
"""Devices and alerts that are named; the rest is counted."""
SHOWN_WORST = 10
"""Devices of Sources that are named, those with the greatest counts."""
HARMLESS = "info"
"""Severity of a Notice that nothing is wrong with."""
_ERRORS = {
    "mqtt_error": "Nothing comes from the broker: {}. It is tried again; if that does not help, see that Mosquitto "
    "runs.",
    "influx_error": "Nothing is written to InfluxDB, and lines wait in the outbox: {}. It is tried again; if that does "
    "not help, see that InfluxDB runs.",
    "health_database_error": "Nothing is written to the database for health, and lines wait in the outbox: {}. It is "
    "tried again; if that does not help, see that InfluxDB runs.",
    "store_error": "The store: {}",
    "reload_error": "The last reload was refused, the old inventory and rules are in use: {}",
    "store_set_aside": "The store was damaged and was set aside as {}",
}


def measure_age(status: Status, now_ms: int) -> float:
    """Return how old a status is, in seconds; negative where a clock was set."""
    time_ms: int = status["time_ms"]
    return (now_ms - time_ms) / 1000


def is_running(status: Status, now_ms: int) -> bool:
    """Whether the collector wrote its status just now, and not as its last."""
    return not status.get("stopped") and abs(measure_age(status, now_ms)) <= OLD_S


def list_problems(status: Status, now_ms: int) -> list[str]:
    """Return what is wrong, a sentence each; nothing when all is well."""
    problems = []
    if status.get("stopped"):
        problems.append(
            f"The collector was stopped at {format_local(status['time_ms'])}. What follows is how it was then."
        )
    elif not is_running(status, now_ms):
        age_s = measure_age(status, now_ms)
        when = f"{format_span(age_s)} old" if age_s > 0 else "from the future, so a clock was set"
        problems.append(
            f"The collector does not run, or hangs: its last status is {when}, of {format_local(status['time_ms'])}. "
            "What follows is how it was then."
        )
    problems += [sentence.format(status[name].rstrip(".")) for name, sentence in _ERRORS.items() if status.get(name)]
    return problems + [
        f"{notice['text']} {notice.get('action', '')}".strip()
        for notice in status.get("notices", ())
        if notice.get("severity") != HARMLESS
    ]


def describe_status(status: Status, now_ms: int) -> list[tuple[str, str]]:
    """Return the rows of the status: what, and how it is."""
    parts = (_describe_flow, _describe_room, _describe_rest, _describe_sources)
    return [row for part in parts for row in part(status, now_ms)]


def _describe_flow(status: Status, now_ms: int) -> Iterator[tuple[str, str]]:
    ran_s = (now_ms - status["started_ms"]) / 1000
    yield "Collector", f"{status['collector']}, started {format_local(status['started_ms'])} ({format_span(ran_s)} ago)"
    yield "Broker", "connected" if status["mqtt_connected"] else "not connected"
    yield "InfluxDB", "takes lines" if status["influx_ok"] else "takes no lines"
    if status.get("has_health_database") or status.get("health_outbox_lines"):
        yield "Health database", _describe_health(status)
    yield "Messages", f"{status['received_per_s']:.0f}/s received, {status['accepted_per_s']:.0f}/s readings accepted"
    waiting = f"{status['outbox_lines']} lines, {format_bytes(status['outbox_bytes'])}"
    yield "Outbox", f"{waiting}, the oldest {format_span(status['outbox_age_s'])} old"
    if "drain_per_s" in status:
        yield "Draining", f"{status['drain_per_s']:.0f} lines/s; {_describe_emptying(status)}"


def _describe_health(status: Status) -> str:
    if not status.get("has_health_database"):
        state = "NOT SET (health.database)"
    else:
        state = "takes no lines" if status.get("health_database_error") else "takes lines"
    waiting = status["health_outbox_lines"]
    return f"{state}; {waiting} lines wait, the oldest {format_span(status['health_outbox_age_s'])} old"


def _describe_emptying(status: Status) -> str:
    if not status["outbox_lines"]:
        return "empty"
    empty_in_s = status.get("empty_in_s")
    return "does not get shorter" if empty_in_s is None else f"empty in {format_span(empty_in_s)}"


def _describe_room(status: Status, _now_ms: int) -> Iterator[tuple[str, str]]:
    if "capacity_hours" in status:
        yield "Room for", _describe_capacity(status)
    if status.get("store_most_bytes"):
        used, most = status["store_bytes"], status["store_most_bytes"]
        state = "; TAKES NOTHING until there is room" if status.get("store_is_held") else ""
        yield "Store", f"{format_bytes(used)} of {format_bytes(most)} ({used / most:.0%}){state}"
    if "disk_free_bytes" in status:
        reserve = "the reserve is there" if status.get("store_has_reserve") else "THE RESERVE IS USED UP"
        yield "Disk", f"{format_bytes(status['disk_free_bytes'])} free; {reserve}"
    held = f"{status['quarantined']} entries"
    if "quarantine_bytes" in status:
        held += f", {format_bytes(status['quarantine_bytes'])}"
    yield "Quarantine", held
    doubtful = status.get("ledger", {}).get("doubtful_values", 0)
    if doubtful:
        yield "Doubtful values", f"{doubtful} stored under other names"
    left = [f"{status[name]} {name}" for name in ("reprocessed", "discarded", "expired") if name in status]
    if left:
        yield "Left quarantine", ", ".join(left)


def _describe_capacity(status: Status) -> str:
    if status["capacity_hours"] is None:
        return "any time: nothing comes at present"
    parts = [
        f"{name} {status[key]:.1f} h"
        for name, key in (("store", "store_hours"), ("broker", "broker_hours"))
        if status.get(key) is not None
    ]
    return f"{status['capacity_hours']:.1f} hours without InfluxDB at the present rate ({', '.join(parts)})"


def _describe_rest(status: Status, _now_ms: int) -> Iterator[tuple[str, str]]:
    if "sessions_lost" in status:
        yield "Sessions lost", f"{status['sessions_lost']} since the store was made"
    silent = [f"{one['device']} {format_span(one['seconds'])}" for one in status["silent"]]
    yield "Silent devices", _enumerate(status["silent_count"], silent, f"none of {status['devices']}")
    firing = [f"{one['device']}/{one['rule']}" for one in status["firing"]]
    yield "Firing alerts", _enumerate(len(firing), firing, "none")
    others = {name: count for name, count in status.get("events", {}).items() if count and name != "session_lost"}
    if others:
        yield "Events", ", ".join(f"{count} {name}" for name, count in sorted(others.items()))


def _describe_sources(status: Status, _now_ms: int) -> Iterator[tuple[str, str]]:
    """Yield a row for each Source, and which devices are heard worst; all counts are since the collector started."""
    sources = status.get("sources", ())
    for one in sources:
        yield f"Source {one['key']}", "; ".join(_list_source_parts(one))
    for what, name in (("Missed uplinks", "missed"), ("Codec failures", "codec_failed")):
        if sum(one[name] for one in sources):
            counts = {device["device"]: device["uplinks"] for one in sources for device in one[f"{name}_devices"]}
            worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_WORST]
            named = ", ".join(f"{device} {count}" for device, count in worst)
            total = f"{sum(one[name] for one in sources)} since the start"
            yield what, f"{total}: {named}" if named else total


def _list_source_parts(source: Mapping[str, Any]) -> Iterator[str]:
    yield source["title"] if source["is_lossless"] else f"{source['title']}, outside the promise of no loss"
    if source["heard_ms"] is not None:
        yield f"last heard {format_local(source['heard_ms'])}"
    elif source["messages"]:
        yield "only what was retained came"
    else:
        yield "NOTHING CAME YET" if source.get("is_mute") else "nothing came yet"
        return
    refused = f"{source['refused']} refused"
    if source["unknown"]:
        refused += f" ({source['unknown']} of unknown devices)"
    counts = [f"{source['messages']} messages", f"{source['readings']} readings", refused]
    yield ", ".join([*counts, f"{source['informational']} informational"])


def _enumerate(count: int, names: Sequence[str], none: str) -> str:
    if not count:
        return none
    shown = names[:SHOWN]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"{count}: {', '.join(shown)}{more}"
