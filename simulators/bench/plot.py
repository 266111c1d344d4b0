"""Plot: one picture of the findings, with a panel for each thing that was measured.

Drawn without pyplot, so nothing is global. The colours are of the set that Okabe and Ito made for everybody's eyes
(Color Universal Design, 2008); they differ in lightness, so that a grey print can be read too.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from simulators.bench.findings import Findings, describe_load, format_figure, list_loads, list_machines, list_stages
from simulators.bench.result import Result
from simulators.bench.stage_costs import StageCost

DARK, MIDDLE, LIGHT = "#0072B2", "#E69F00", "#F0E442"
"""Blue, orange, yellow: ever lighter."""
COLOURS = {"collector": DARK, "reference": MIDDLE}
WAITS = (
    ("p50_ack_ms", "PUBACK, median", LIGHT),
    ("p99_ack_ms", "PUBACK, p99", MIDDLE),
    ("p99_queryable_ms", "queryable, p99", DARK),
)
PANEL_INCHES = (6.4, 4.2)
COLUMNS = 2
DPI = 110
ROOM = 1.6
"""How much longer an axis is than its longest bar, for the words behind the bar."""
THIN = 0.26
"""Height of a bar of which three make a row."""
SOURCE = "Source"
"""Key of the text in the picture (PNG, chunk tEXt) that holds the digest of the findings."""

Draw = Callable[[SubFigure, Findings], None]


def draw_findings(findings: Findings) -> Figure:
    """Return the picture, with a panel for each kind of finding that is there.

    Raises:
        ValueError: Nothing is there that can be drawn.
    """
    panels = _list_panels(findings)
    if not panels:
        raise ValueError("there is nothing to draw")
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows + 0.4)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    cells = figure.subfigures(rows, columns, squeeze=False, wspace=0.04, hspace=0.04)
    for cell, panel in zip(cells.flat, panels, strict=False):
        panel(cell, findings)
    figure.supxlabel("\n".join(list_machines(findings)), fontsize=8)
    return figure


def save_figure(figure: Figure, file: Path, digest: str) -> None:
    """Write a picture as PNG, with the digest of what it shows; the same findings give the same bytes.

    Raises:
        OSError: It cannot be written.
    """
    figure.savefig(file, format="png", metadata={"Software": None, SOURCE: digest})


def _list_panels(findings: Findings) -> list[Draw]:
    loads = list_loads(findings)
    panels: list[tuple[Draw, bool]] = [
        (_draw_costs, bool(loads)),
        (_draw_waits, any(load.rate for load in loads)),
        (_draw_scale, findings.scale is not None),
        (_draw_stages, findings.stages is not None),
    ]
    return [panel for panel, is_there in panels if is_there]


def _draw_costs(cell: SubFigure, findings: Findings) -> None:
    """Draw a bar for each subject and load."""
    loads = list_loads(findings)
    axes = _make_rows(cell, "What a reading costs", "CPU of the process, us a reading", [load.name for load in loads])
    costs = [load.figures["cpu_us_per_reading"] or 0.0 for load in loads]
    collector = {load.rate: cost for load, cost in zip(loads, costs, strict=True) if load.subject == "collector"}
    for row, (load, cost) in enumerate(zip(loads, costs, strict=True)):
        own = collector.get(load.rate)
        times = "" if not own or load.subject == "collector" else f", {format_figure(cost / own)} times the collector's"
        axes.barh(row, cost, color=COLOURS[load.subject])
        _write(axes, cost, row, f"{format_figure(cost)} us{times}")
    axes.set_xlim(0, max(costs) * ROOM)


def _draw_waits(cell: SubFigure, findings: Findings) -> None:
    """Draw three bars for each subject and rate. Flat out a wait only says how much may be on its way."""
    loads = [load for load in list_loads(findings) if load.rate]
    title = "How long a reading takes from the publisher's send"
    axes = _make_rows(cell, title, "milliseconds", [load.name for load in loads])
    for row, load in enumerate(loads):
        for place, (figure, words, colour) in enumerate(WAITS, start=-1):
            wait_ms = load.figures[figure]
            if wait_ms is not None:
                axes.barh(row + place * THIN, wait_ms, height=THIN, color=colour, edgecolor="black", linewidth=0.5)
                _write(axes, wait_ms, row + place * THIN, f"{wait_ms:,.0f} ms to {words}")
    longest = max((load.figures[figure] or 0.0 for load in loads for figure, _, _ in WAITS), default=0.0)
    axes.set_xlim(0, max(longest, 1.0) * ROOM)


def _draw_scale(cell: SubFigure, findings: Findings) -> None:
    """Draw cost and memory of one collector above the number of devices."""
    series = findings.scale.results if findings.scale is not None else ()
    results = sorted((one for one in series if one.subjects == 1), key=lambda one: one.devices)
    loads = dict.fromkeys(describe_load(result.rate) for result in results)
    upper, lower = cell.subplots(2, 1, sharex=True)
    upper.set_title(f"With ever more devices, {' and '.join(loads)}", loc="left", fontweight="bold")
    _draw_line(upper, results, "CPU, us a reading", lambda one: one.cpu_us_per_reading)
    _draw_line(lower, results, "peak memory, MB", lambda one: one.peak_rss_mb)
    lower.set_xlabel("devices that take turns (logarithmic)")
    lower.set_xticks([one.devices for one in results], labels=[f"{one.devices:,}" for one in results])
    lower.minorticks_off()


def _draw_line(axes: Axes, results: Sequence[Result], unit: str, find: Callable[[Result], float]) -> None:
    values = [find(result) for result in results]
    axes.plot([result.devices for result in results], values, color=DARK, marker="o")
    for result, value in zip(results, values, strict=True):
        axes.annotate(
            format_figure(value), (result.devices, value), (0, 6), textcoords="offset points", ha="center", fontsize=9
        )
    axes.set_xscale("log")
    axes.margins(x=0.1)
    axes.set_ylim(0, max(values, default=1.0) * ROOM)
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_stages(cell: SubFigure, findings: Findings) -> None:
    """Draw the stages as steps: each begins where the one before it ends, a part where the whole begins."""
    stages = list_stages(findings)
    depths, begins = _find_depths(stages), _find_begins(stages)
    title = "Where the time goes (lighter: part of what is above)"
    axes = _make_rows(cell, title, "CPU, us a reading", [""] * len(stages))
    for row, stage in enumerate(stages):
        cost_us, begin_us = stage.cost.cpu_us, begins[stage.name]
        colour = (DARK, MIDDLE, LIGHT)[min(depths[stage.name], 2)]
        axes.barh(row, cost_us, left=begin_us, color=colour, edgecolor="black", linewidth=0.5)
        _write(axes, begin_us + cost_us, row, f"{stage.name}: {format_figure(cost_us)} us")
    axes.set_xlim(0, max((begins[one.name] + one.cost.cpu_us for one in stages), default=1.0) * ROOM)


def _find_depths(stages: Sequence[StageCost]) -> Mapping[str, int]:
    """Return of how many stages each is a part, by name; a whole comes before its parts."""
    depths = {"": -1}
    for stage in stages:
        depths[stage.name] = depths[stage.within] + 1
    return depths


def _find_begins(stages: Sequence[StageCost]) -> Mapping[str, float]:
    """Return where each stage's step begins, in microseconds, by name."""
    begins, ends = {"": 0.0}, {"": 0.0}
    for stage in stages:
        begins[stage.name] = ends[stage.name] = ends[stage.within]
        ends[stage.within] += stage.cost.cpu_us
    return begins


def _make_rows(cell: SubFigure, title: str, unit: str, names: Sequence[str]) -> Axes:
    """Return axes with a named row for each bar, the first on top."""
    axes: Axes = cell.subplots()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(unit)
    axes.set_yticks(range(len(names)), labels=names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _write(axes: Axes, x: float, y: float, text: str) -> None:
    """Write a text behind a bar."""
    axes.annotate(text, (x, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
