"""Page: the tables of ``docs/performance.md``, made from the findings.

In the page each table stands between the markers ``<!-- made: <name> -->`` and ``<!-- end -->``; all else is written by
people.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from simulators.bench.comparison import Comparison
from simulators.bench.findings import Findings, describe_load, format_figure, list_machines
from simulators.bench.result import Result
from simulators.bench.stage_costs import SOURCE_HEADINGS

PICTURE = "performance.png"
"""Beside the page."""
NO_RESULT = "No results are there yet; *How to repeat it* makes them."
_MARKED = re.compile(r"(<!-- made: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_page(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with its tables replaced.

    Args:
        page: With markers.
        tables: Markdown by the name in the marker.

    Raises:
        LookupError: A table has no place in the page, or more than one, or a place has no table.
    """
    places = [name for _, name, _ in _MARKED.findall(page)]
    if sorted(places) != sorted(tables):
        raise LookupError(f"the page has markers for {sorted(places)}, and the tables are {sorted(tables)}")
    return _MARKED.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n\n{found[3]}", page)


def render_tables(findings: Findings) -> dict[str, str]:
    """Return every table as Markdown by its name."""
    tables = {name: render(findings) for name, render in _TABLES.items()}
    return {name: text or NO_RESULT for name, text in tables.items()}


def _render_picture(findings: Findings) -> str:
    return "" if findings.is_empty else f"![The figures below, drawn]({PICTURE})"


def _render_machines(findings: Findings) -> str:
    dates = sorted(result.date[:10] for result in findings.list_runs())
    commits = dict.fromkeys(f"`{result.commit}`" for result in findings.list_runs() if result.commit)
    if not dates:
        return ""
    days = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    lines = [*list_machines(findings), f"Measured on {days}, of commit {', '.join(commits) or 'unknown'}"]
    return "\n".join(f"- {line}." for line in lines)


def _render_costs(findings: Findings) -> str:
    headings = ("load", "CPU, us", "Mosquitto, us", "InfluxDB, us", "acknowledged/s", "stored/s", "peak MB", "missing")
    return _render(
        (*headings, *_CONDITIONS),
        (
            (
                describe_load(one.rate),
                *map(
                    format_figure,
                    (one.cpu_us_per_reading, one.broker_cpu_us_per_reading, one.database_cpu_us_per_reading),
                ),
                *map(format_figure, (one.acknowledged_per_second, one.readings_per_second, one.peak_rss_mb)),
                _count_missing([one]),
                *_list_conditions([one]),
            )
            for one in findings.results
        ),
    )


def _render_waits(findings: Findings) -> str:
    headings = ("load", "PUBACK, median ms", "p99 ms", "queryable, median ms", "p99 ms", "samples")
    return _render(
        (*headings, *_CONDITIONS),
        (
            (
                describe_load(one.rate),
                *map(format_figure, (one.p50_ack_ms, one.p99_ack_ms, one.p50_queryable_ms, one.p99_queryable_ms)),
                f"{one.queryable_samples:,}",
                *_list_conditions([one]),
            )
            for one in findings.results
        ),
    )


def _render_comparisons(findings: Findings) -> str:
    return "\n\n".join(map(_render_comparison, findings.comparisons))


def _render_comparison(comparison: Comparison) -> str:
    runs = [*comparison.first, *comparison.second]
    first, second = comparison.first[0], comparison.second[0]
    speeds = [result.machine.json_us for result in runs]
    words = (
        f"{describe_load(first.rate).capitalize()}, {first.devices:,} devices, {first.seconds:g} s, median of "
        f"{len(comparison.first)} runs each; json_us {format_figure(min(speeds))} to {format_figure(max(speeds))}, at "
        f"most {max(result.elsewhere_share for result in runs):.0%} elsewhere, {_count_missing(runs)} readings missing:"
    )
    return f"{words}\n\n{_render(('figure', first.subject, second.subject, 'ratio'), comparison.list_rows())}"


def _render_scale(findings: Findings) -> str:
    results = findings.scale.results if findings.scale is not None else ()
    headings = ("devices", "collectors", "load", "CPU, us", "acknowledged/s", "peak MB", "start, s", "missing")
    return _render(
        (*headings, *_CONDITIONS),
        (
            (
                f"{one.devices:,}",
                f"{one.subjects}" if one.subjects == 1 else f"{one.subjects}, by {one.division}",
                describe_load(one.rate),
                *map(format_figure, (one.cpu_us_per_reading, one.acknowledged_per_second, one.peak_rss_mb)),
                format_figure(one.start_s),
                _count_missing([one]),
                *_list_conditions([one]),
            )
            for one in results
        ),
    )


def _render_stages(findings: Findings) -> str:
    report = findings.stages
    if report is None:
        return ""
    words = (
        f"{report.readings:,} readings of {report.payload_bytes} bytes from {report.devices:,} devices, median of "
        f"{report.rounds} rounds; json_us {format_figure(report.machine.json_us)}. The stages that are no part of "
        f"another add up to {format_figure(report.total_us)} us:"
    )
    rows = [
        (one.name, one.within or "–", format_figure(one.cost.cpu_us), format_figure(one.cost.elapsed_us))
        for one in report.stages
    ]
    return f"{words}\n\n{_render(('stage', 'part of', 'CPU, us', 'elapsed, us'), rows)}"


def _render_cases(findings: Findings) -> str:
    cases = findings.stages.cases if findings.stages is not None else {}
    return _render(("reading", "CPU, us"), ((name, format_figure(cost.cpu_us)) for name, cost in cases.items()))


def _render_sources(findings: Findings) -> str:
    """Render what a reading costs in each format, beside one of the native format."""
    rows = findings.stages.list_sources() if findings.stages is not None else []
    return _render(SOURCE_HEADINGS, rows)


def _render_sizes(findings: Findings) -> str:
    """Render of each load what share of a core each process takes."""
    rows = []
    for one in findings.results:
        a_second = one.rate or one.acknowledged_per_second
        costs = (one.cpu_us_per_reading, one.broker_cpu_us_per_reading, one.database_cpu_us_per_reading)
        shares = [cost * a_second / 1e6 for cost in costs]
        rows.append((f"{a_second:,.0f}", *(f"{share:.0%}" for share in (*shares, sum(shares)))))
    return _render(("readings a second", "collector", "Mosquitto", "InfluxDB", "together"), rows)


_CONDITIONS = ("json_us", "elsewhere")


def _list_conditions(results: Sequence[Result]) -> tuple[str, str]:
    """Return under what conditions something was measured; see ``_CONDITIONS``."""
    speed = median(result.machine.json_us for result in results)
    return format_figure(speed), f"{max(result.elsewhere_share for result in results):.0%}"


def _count_missing(results: Iterable[Result]) -> str:
    return f"{sum(result.published - result.stored for result in results):,}"


def _render(headings: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a table whose first columns are texts and whose others are numbers; nothing without rows."""
    lines = [_render_row(row) for row in rows]
    ruler = [*["---"] * texts, *["---:"] * (len(headings) - texts)]
    return "\n".join([_render_row(headings), _render_row(ruler), *lines]) if lines else ""


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_TABLES: Mapping[str, Callable[[Findings], str]] = {
    "picture": _render_picture,
    "machines": _render_machines,
    "costs": _render_costs,
    "waits": _render_waits,
    "comparisons": _render_comparisons,
    "scale": _render_scale,
    "stages": _render_stages,
    "cases": _render_cases,
    "sources": _render_sources,
    "sizes": _render_sizes,
}
