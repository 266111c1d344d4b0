"""Plot of a backtest: values of the subjects that fired for the longest, and when each subject fired; in local time.

Drawn without pyplot, so nothing is global. The colours are of the set that Okabe and Ito made for everybody's eyes
(Color Universal Design, 2008); they differ in lightness, so that a grey print can be read too. Matplotlib is an extra.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from ingest.alerts.backtest import Outcome, PastFiring
from ingest.alerts.trace import Point
from ingest.local_time import LOCAL
from schemas.rule import Level, Severity
from schemas.units import UNITS

VALUE, LIMIT, CLEAR = "#0072B2", "#D55E00", "#009E73"
"""Blue, vermillion, bluish green."""
SEVERITY = {Severity.INFO: "#56B4E9", Severity.WARNING: "#E69F00", Severity.CRITICAL: "#D55E00"}
OTHER = "#CC79A7"
"""Reddish purple: firings of the other version."""
MOST_ROWS = 40
"""Subjects in the timeline."""
WIDTH_IN, PANEL_IN, ROW_IN, MARGIN_IN = 11.0, 2.1, 0.22, 1.2
DPI = 110
_DAY_MS = 86_400_000


def draw_outcome(outcome: Outcome, traces: Mapping[str, Sequence[Point]], other: Outcome | None = None) -> Figure:
    """Return the picture.

    Args:
        outcome: What the Rule would have done.
        traces: Values by subject, a panel each, in this order; see ``ingest.alerts.trace``.
        other: What another version would have done; drawn below it in the timeline.
    """
    rows = list_rows(outcome, other)
    timeline_in = 0.6 + ROW_IN * max(1, len(rows)) * (1 if other is None else 1.6)
    heights = [*(PANEL_IN for _ in traces), timeline_in]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + MARGIN_IN), dpi=DPI, layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    figure.suptitle(f"{outcome.rule.key}: {outcome.count} firings", x=0.01, ha="left", fontweight="bold")
    for axes, (name, points) in zip(panels, traces.items(), strict=False):
        _draw_values(axes, outcome, name, points)
    _draw_timeline(panels[-1], rows, outcome, other)
    _make_time_axis(panels[-1], outcome)
    return figure


def list_rows(outcome: Outcome, other: Outcome | None) -> list[str]:
    """Return the subjects of the timeline: those that fired for the longest, the longest first."""
    lasted: dict[str, int] = {}
    for one in (outcome, other):
        for name, tally in one.tallies.items() if one is not None else ():
            lasted[name] = max(lasted.get(name, 0), tally.lasted_ms)
    return sorted(lasted, key=lambda name: (-lasted[name], name))[:MOST_ROWS]


def save_picture(figure: Figure, file: Path) -> None:
    """Write a picture as PNG; the same outcome gives the same bytes.

    Raises:
        OSError: It cannot be written.
    """
    figure.savefig(file, format="png", metadata={"Software": None})


def _draw_values(axes: Axes, outcome: Outcome, name: str, points: Sequence[Point]) -> None:
    """Draw what the limits are held against, the limits, and when it fired."""
    rule = outcome.rule
    axes.set_title(name, loc="left", fontsize=9)
    unit = UNITS[rule.unit].display if rule.unit in UNITS else rule.unit
    axes.set_ylabel(unit if rule.field else "intervals" if rule.group is None else "%", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot([_to_date(time_ms) for time_ms, _ in points], [value for _, value in points], color=VALUE, linewidth=0.8)
    _draw_limits(axes, next((one.levels for one in outcome.subjects if one.name == name), rule.levels))
    for firing in outcome.firings:
        if firing.device == name:
            begin, end = _find_ends(firing, outcome)
            axes.axvspan(begin, end, color=SEVERITY[firing.severity], alpha=0.3, linewidth=0)


def _draw_limits(axes: Axes, levels: Sequence[Level]) -> None:
    for level in levels:
        for limit in (level.low, level.high):
            if isfinite(limit):
                axes.axhline(limit, color=LIMIT, linewidth=0.9, label=f"limit ({level.severity})")
    for clear in (levels[0].clear_low, levels[0].clear_high):
        if isfinite(clear):
            axes.axhline(clear, color=CLEAR, linewidth=0.9, linestyle="--", label="clear level")
    if axes.get_legend_handles_labels()[0]:
        # Beside the title: it hides no value there.
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=6, fontsize=7, frameon=False)


def _draw_timeline(axes: Axes, rows: Sequence[str], outcome: Outcome, other: Outcome | None) -> None:
    """Draw a row for each subject, a bar for each firing; of two versions one above the other."""
    title = "firings" if other is None else "firings: above as it is, below the other version"
    axes.set_title(title, loc="left", fontsize=9)
    height = 0.7 if other is None else 0.35
    _draw_bars(axes, rows, outcome, 0.0 if other is None else -height / 2, height, None)
    if other is not None:
        _draw_bars(axes, rows, other, height / 2, height, OTHER)
    axes.set_yticks(range(len(rows)), labels=rows, fontsize=7)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", linewidth=0.3)
    if not rows:
        axes.text(0.5, 0.5, "it would never have fired", transform=axes.transAxes, ha="center", va="center")


def _draw_bars(
    axes: Axes, rows: Sequence[str], outcome: Outcome, offset: float, height: float, colour: str | None
) -> None:
    places = {name: place for place, name in enumerate(rows)}
    for name, firings in _group(outcome.firings).items():
        if name in places:
            ends = [_find_ends(firing, outcome) for firing in firings]
            bars = [(begin, max(end - begin, outcome.period.length_ms / _DAY_MS / 1_000)) for begin, end in ends]
            colours = [colour or SEVERITY[firing.severity] for firing in firings]
            axes.broken_barh(bars, (places[name] + offset - height / 2, height), facecolors=colours, linewidth=0)


def _group(firings: Iterable[PastFiring]) -> Mapping[str, list[PastFiring]]:
    found: dict[str, list[PastFiring]] = {}
    for firing in firings:
        found.setdefault(firing.device, []).append(firing)
    return found


def _make_time_axis(axes: Axes, outcome: Outcome) -> None:
    axes.set_xlim(_to_date(outcome.period.from_ms), _to_date(outcome.period.to_ms))
    locator = AutoDateLocator(tz=LOCAL)  # type: ignore[no-untyped-call] # matplotlib annotates only a part of itself
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz=LOCAL)  # type: ignore[no-untyped-call] # likewise
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel(f"time in {LOCAL.key}", fontsize=8)


def _find_ends(firing: PastFiring, outcome: Outcome) -> tuple[float, float]:
    return _to_date(firing.fired_ms), _to_date(firing.find_end(outcome.period.to_ms))


def _to_date(time_ms: int) -> float:
    """Return matplotlib's number of a moment: days since 1970 in UTC."""
    return time_ms / _DAY_MS
