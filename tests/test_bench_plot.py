"""The results that are kept: read back as they were written, drawn, and the same in the page of figures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from typer.testing import CliRunner

import gjovik
from simulators.bench import plot
from simulators.bench.comparison import Comparison
from simulators.bench.findings import EXPECTED, Findings, list_loads, load_findings
from simulators.bench.machine import Machine
from simulators.bench.page import NO_RESULT, fill_page, render_tables
from simulators.bench.plot_cli import DEFAULT_PICTURE, DEFAULT_RESULTS
from simulators.bench.result import Result
from simulators.bench.scale import Scale
from simulators.bench.stage_costs import Cost, StageCost, StageReport
from simulators.bench.stages import COMMIT, SMALL_COMMIT
from simulators.errors import UsageError
from tests.stand import ROOT

PAGE = ROOT / "docs/performance.md"
MACHINE = Machine(
    processor="AMD EPYC", cores=2, kernel="6.1.0", python="3.11.2", mosquitto="2.0.11", influxdb="1.6.7", json_us=2.34
)
RESULT = Result(
    subject="collector",
    subjects=1,
    division="none",
    rate=0.0,
    devices=1_000,
    seconds=20.0,
    payload_bytes=184,
    published=605_000,
    stored=605_000,
    measured=600_000,
    cpu_us_per_reading=7.77,
    broker_cpu_us_per_reading=19.2,
    database_cpu_us_per_reading=15.3,
    publisher_cpu_us_per_reading=4.1,
    elsewhere_share=0.04,
    readings_per_second=29_800.0,
    acknowledged_per_second=30_300.0,
    p50_ack_ms=55.5,
    p99_ack_ms=111.1,
    p50_queryable_ms=222.2,
    p99_queryable_ms=444.4,
    queryable_samples=600,
    peak_rss_mb=85.5,
    start_s=0.83,
    machine=MACHINE,
    date="2026-11-23T12:00:00+00:00",
    commit="0123abc",
)
REFERENCE = replace(RESULT, subject="reference", cpu_us_per_reading=77.7)
DIVIDED = replace(RESULT, subjects=2, division="sites", p50_ack_ms=None, p99_ack_ms=None)
SCALE = Scale([*(replace(RESULT, devices=devices) for devices in (100, 1_000, 10_000)), DIVIDED])
STAGES = StageReport(
    devices=1_000,
    readings=20_000,
    rounds=5,
    payload_bytes=184,
    stages=[
        StageCost("receive", "", Cost(1.0, 1.1)),
        StageCost("process", "", Cost(4.0, 4.1)),
        StageCost("lane", "process", Cost(2.5, 2.6)),
        StageCost(COMMIT, "", Cost(1.5, 1.9)),
        StageCost(SMALL_COMMIT, "", Cost(3.0, 4.9)),
    ],
    cases={"heat_meter": Cost(4.2, 4.3), "heat_meter, no JSON": Cost(14.2, 14.3)},
    sources={"native": Cost(4.0, 4.1), "native, the general way": Cost(8.0, 8.1), "tts": Cost(40.0, 40.1)},
    machine=MACHINE,
    date=RESULT.date,
    commit=None,
)
TEXTS = {
    "collector-flat-out.json": RESULT.to_json(),
    "collector-5000.json": replace(RESULT, rate=5_000.0, cpu_us_per_reading=11.1).to_json(),
    "collector-80-percent.json": replace(RESULT, rate=24_000.0).to_json(),
    "comparison.json": Comparison([RESULT] * 3, [REFERENCE] * 3).to_json(),
    "scale.json": SCALE.to_json(),
    "stages.json": STAGES.to_json(),
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Folder with a full series of results."""
    folder = tmp_path / "results"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


def list_axes(figure: Figure) -> Iterator[Axes]:
    """Yield the axes of every panel."""
    for panel in figure.subfigs:
        yield from panel.axes


def list_texts(figure: Figure) -> list[str]:
    """Return what stands beside bars and points."""
    return [text.get_text() for axes in list_axes(figure) for text in axes.texts]


def test_results_come_back_as_the_commands_wrote_them(results: Path) -> None:
    (results / "README.md").write_text("What these are.")
    findings = load_findings(results)
    assert [result.rate for result in findings.results] == [0, 5_000, 24_000]
    assert findings.results[0] == RESULT
    assert findings.comparisons == (Comparison([RESULT] * 3, [REFERENCE] * 3),)
    assert findings.scale == SCALE
    assert findings.stages == STAGES
    assert findings.missing == ()


def test_without_a_folder_everything_is_missing(tmp_path: Path) -> None:
    assert load_findings(tmp_path / "none") == Findings()
    assert Findings().is_empty
    assert set(EXPECTED) == set(TEXTS)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"runs": [], "results": [{}], "stages": 7}'])
def test_a_file_that_is_no_result_is_named(results: Path, name: str, text: str) -> None:
    (results / name).write_text(text)
    with pytest.raises(UsageError, match=name):
        load_findings(results)


def test_of_a_load_that_was_compared_the_figures_are_those_of_the_comparison(results: Path) -> None:
    compared = Comparison([replace(RESULT, cpu_us_per_reading=8.88)], [REFERENCE])
    (results / "comparison.json").write_text(compared.to_json())
    costs = {load.name: load.figures["cpu_us_per_reading"] for load in list_loads(load_findings(results))}
    assert costs == {
        "collector, flat out": 8.88,
        "reference, flat out": 77.7,
        "collector, 5,000/s": 11.1,
        "collector, 24,000/s": 7.77,
    }


def test_the_picture_has_a_unit_on_every_axis_and_its_figures_beside_the_bars(results: Path) -> None:
    figure = plot.draw_findings(load_findings(results))
    units = [axes.get_xlabel() or axes.get_ylabel() for axes in list_axes(figure)]
    assert len(units) == 5
    assert all("us" in unit or "milliseconds" in unit or "devices" in unit for unit in units)
    texts = list_texts(figure)
    assert {"7.77 us", "77.7 us, 10.0 times the collector's", "11.1 us", "444 ms to queryable, p99"} <= set(texts)
    assert "lane: 2.50 us" in texts
    assert not any(SMALL_COMMIT in text for text in texts)


def test_a_stage_is_drawn_where_the_one_before_it_ends_and_a_part_where_its_whole_begins(results: Path) -> None:
    axes = list(list_axes(plot.draw_findings(load_findings(results))))[-1]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 1), (1, 4), (1, 2.5), (5, 1.5)]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_result_alone_makes_a_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    findings = load_findings(tmp_path)
    assert findings.missing == tuple(other for other in EXPECTED if other != name)
    assert list_texts(plot.draw_findings(findings))


def test_nothing_is_no_picture() -> None:
    with pytest.raises(ValueError, match="nothing"):
        plot.draw_findings(Findings())


def test_colours_differ_in_lightness() -> None:
    weights = (0.2126, 0.7152, 0.0722)  # of red, green and blue in luminance, ITU-R BT.709
    greys = [
        sum(w * c for w, c in zip(weights, to_rgb(one), strict=True)) for one in (plot.DARK, plot.MIDDLE, plot.LIGHT)
    ]
    assert greys[0] + 0.15 < greys[1] < greys[2] - 0.15


def test_the_command_draws_what_is_there_and_says_what_is_not(results: Path, tmp_path: Path) -> None:
    (results / "stages.json").unlink()
    picture = tmp_path / "picture.png"
    ran = CliRunner().invoke(gjovik.app, ["bench", "plot", "--results", str(results), "--out", str(picture)])
    assert ran.exit_code == 0, ran.output
    assert "stages.json is missing" in ran.output
    assert ran.output.count("missing") == 1
    with Image.open(picture) as image:
        assert min(image.size) > 500
        assert image.info[plot.SOURCE] == load_findings(results).digest


@pytest.mark.parametrize(("folder", "out"), [("none", "picture.png"), ("results", "none/picture.png")])
def test_what_cannot_be_drawn_or_written_is_said(results: Path, tmp_path: Path, folder: str, out: str) -> None:
    options = ["--results", str(results.parent / folder), "--out", str(tmp_path / out)]
    ran = CliRunner().invoke(gjovik.app, ["bench", "plot", *options])
    assert ran.exit_code == 2
    assert len(ran.output.splitlines()) == 1


def test_the_page_is_made_of_the_results_that_are_kept() -> None:
    page = PAGE.read_text()
    findings = load_findings(ROOT / DEFAULT_RESULTS)
    assert page == fill_page(page, render_tables(findings)), "run deploy/generate.py"


def test_the_picture_is_drawn_of_the_results_that_are_kept() -> None:
    findings, picture = load_findings(ROOT / DEFAULT_RESULTS), ROOT / DEFAULT_PICTURE
    assert picture.exists() == (not findings.is_empty), "run gjovik bench plot"
    if picture.exists():
        with Image.open(picture) as image:
            assert image.info[plot.SOURCE] == findings.digest, "run gjovik bench plot"


def test_a_page_shows_every_result(results: Path) -> None:
    page = fill_page(PAGE.read_text(), render_tables(load_findings(results)))
    assert NO_RESULT not in page
    assert fill_page(page, render_tables(load_findings(results))) == page
    for shown in ("| flat out | 7.77 |", "| 5,000/s | 11.1 |", "| CPU, us a reading | 7.77 | 77.70 | 10.00 |"):
        assert shown in page
    for shown in ("| 10,000 | 1 | flat out | 7.77 |", "| lane | process | 2.50 | 2.60 |", "| 24,000 | 19% | 46% |"):
        assert shown in page


@pytest.mark.parametrize("name", EXPECTED)
def test_a_page_is_stale_when_a_result_changes(results: Path, name: str) -> None:
    page = fill_page(PAGE.read_text(), render_tables(load_findings(results)))
    before, after = ('"cpu_us": 2.5', '"cpu_us": 2.6') if name == "stages.json" else ('_mb": 85.5', '_mb": 86.5')
    assert before in TEXTS[name]
    (results / name).write_text(TEXTS[name].replace(before, after))
    assert fill_page(page, render_tables(load_findings(results))) != page


def test_a_page_without_results_says_so() -> None:
    page = fill_page(PAGE.read_text(), render_tables(Findings()))
    assert page.count(NO_RESULT) == len(render_tables(Findings()))
    assert "performance.png)" not in page


def test_a_page_has_a_place_for_each_table() -> None:
    tables = render_tables(Findings())
    for page in ("no markers", PAGE.read_text() + "<!-- made: more -->\n<!-- end -->\n"):
        with pytest.raises(LookupError, match="markers"):
            fill_page(page, tables)
