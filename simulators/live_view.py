"""The demo's live view: figures in, something that rich can print out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

LOCAL = ZoneInfo("Europe/Oslo")
TALL = 36
"""Lines of a terminal that has room for ``MANY`` rows in each part; a smaller one gets ``FEW``."""
MANY, FEW = 6, 2
REASONS = 7
"""Reasons that are named, the most frequent first; the rest is counted."""
VALUE_WIDTH = 22
"""Characters of a figure in the path's panel: with more, 80 columns would be too few."""
SEVERITIES = ("critical", "warning", "info")


class Latest(NamedTuple):
    """The latest values of one device, as InfluxDB holds them.

    Attributes:
        device: Id in the inventory.
        time_ms: Event time, milliseconds since 1970 in UTC.
        values: Field with its unit, and value.
    """

    device: str
    time_ms: int
    values: Sequence[tuple[str, str]]


class View(NamedTuple):
    """What the view shows.

    Attributes:
        status: The collector's ``status.json``; empty before there is one.
        published: Messages that the broker acknowledged to the fleet.
        latest: Of a few devices.
        notes: Sentences under the title: addresses, what is simulated, what is missing.
        seconds_left: Until the demo ends by itself; None when it runs until Ctrl-C.
        influx_answers: Whether InfluxDB answered just now; if not, ``latest`` is what it said before.
    """

    status: Mapping[str, Any]
    published: int
    latest: Sequence[Latest]
    notes: Sequence[str]
    seconds_left: float | None
    influx_answers: bool = True


def render_view(view: View, height: int) -> RenderableType:
    """Return the whole view for a terminal of so many lines; it fits 80 columns and 24 lines."""
    end = "Ctrl-C stops it" if view.seconds_left is None else f"ends by itself in {max(0.0, view.seconds_left):.0f} s"
    title = Text.assemble(("Gjøvik sensor platform, demo", "bold"), f"   {end}")
    if not view.status:
        return Group(title, *view.notes, "The collector is starting …")
    rows = MANY if height >= TALL else FEW
    side = Table.grid(padding=(0, 1))
    side.add_row(_render_flow(view), _render_reasons(view.status))
    return Group(title, *view.notes, side, _render_alerts(view.status, rows), _render_latest(view, rows))


def summarise(view: View) -> str:
    """Return the view as one line, for a pipe."""
    status = view.status
    if not status:
        return "the collector is starting"
    rejected = status["ledger"]["rejected"] + status["ledger"]["undecodable"]
    return (
        f"published {view.published}  received {status['ledger']['received']} ({status['received_per_s']:.0f}/s)"
        f"  accepted {status['ledger']['accepted']}  rejected {rejected}  stored {status['stored']}"
        f"  outbox {status['outbox_lines']} lines, {status['outbox_age_s']:.0f} s  alerts {len(status['firing'])}"
    )


def _render_flow(view: View) -> Panel:
    status, ledger = view.status, view.status["ledger"]
    table = Table.grid(padding=(0, 1))
    rows = {
        "published, a second": f"{view.published}, {status['accepted_per_s']:.0f}",
        "received, accepted": f"{ledger['received']}, {ledger['accepted']}",
        "lines in InfluxDB": f"{status['stored']}",
        "outbox: lines, oldest": f"{status['outbox_lines']}, {status['outbox_age_s']:.1f} s",
        "outbox: leaves, empty in": f"{status['drain_per_s']:.0f}/s, {format_span(status['empty_in_s'])}",
        "store: used, room for": f"{_used_share(status):.1f} %, {_format_hours(status['capacity_hours'])}",
        "in quarantine": f"{status['quarantined']}",
        "broker": "connected" if status["mqtt_connected"] else f"away: {status['mqtt_error']}",
        "InfluxDB": "answers" if status["influx_ok"] else f"away: {status['influx_error']}",
    }
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(name, value if len(value) <= VALUE_WIDTH else f"{value[: VALUE_WIDTH - 1]}…")
    return Panel(table, title="Path", title_align="left")


def _render_reasons(status: Mapping[str, Any]) -> Panel:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right")
    reasons = list(status["reasons"].items())
    shown, rest = reasons[:REASONS], reasons[REASONS:]
    for reason, count in shown:
        table.add_row(reason, str(count))
    if rest:
        table.add_row(f"{len(rest)} more reasons", str(sum(count for _, count in rest)))
    return Panel(table if reasons else Text("nothing"), title="Rejected, by reason", title_align="left")


def _render_alerts(status: Mapping[str, Any], rows: int) -> Panel:
    firing = sorted(status["firing"], key=lambda one: SEVERITIES.index(one["severity"]))
    table = Table.grid(padding=(0, 1), expand=True)
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for one in firing[:rows]:
        style = "red" if one["severity"] == "critical" else "yellow"
        since = format_local(one["since_ms"])
        table.add_row(Text(one["severity"], style=style), one["device"], f"{one['value']:.1f}", since, one["text"])
    if len(firing) > rows:
        table.add_row("", f"{len(firing) - rows} more")
    title = f"Alerts firing: {len(firing)}   silent devices: {status['silent_count']}"
    notices = ", ".join(one["key"] for one in status["notices"])
    if notices:
        title += f"   notices: {notices}"
    return Panel(table if firing else Text("none"), title=title, title_align="left")


def _render_latest(view: View, rows: int) -> Panel:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for one in view.latest[:rows]:
        shown = "  ".join(f"{name} {value}" for name, value in one.values)
        table.add_row(Text(one.device, style="bold"), format_local(one.time_ms), shown)
    title, nothing = "Latest values in InfluxDB", "nothing stored yet"
    if not view.influx_answers:
        title, nothing = f"{title}, as last known: it cannot be asked now", "none known"
    return Panel(table if view.latest else Text(nothing), title=title, title_align="left")


def format_span(seconds: float | None) -> str:
    """Return a span of time in the unit that suits it; None is one that does not end."""
    if seconds is None:
        return "growing"
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.1f} s"


def _format_hours(hours: float | None) -> str:
    return "not known yet" if hours is None else f"{hours:.0f} h"


def _used_share(status: Mapping[str, Any]) -> float:
    most: int = status["store_most_bytes"]
    return 100.0 * status["store_bytes"] / most if most else 0.0


def format_local(time_ms: int) -> str:
    """Return a moment as people in the municipality read it: date only when it is not today's."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(LOCAL)
    today = datetime.now(LOCAL).date()
    return moment.strftime("%H:%M:%S") if moment.date() == today else moment.strftime("%Y-%m-%d %H:%M")
