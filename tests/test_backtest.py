"""Backtest: what a rule would have done, by laws over every rule that ships, and on a month in a real InfluxDB."""

import asyncio
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner, Result

from devices import load_device_types
from ingest import alerts_trial_cli
from ingest.alerts import backtest as backtest_module
from ingest.alerts.backtest import Backtest, Outcome
from ingest.alerts.book import AlertBook
from ingest.alerts.outcome_comparison import Kind, compare_outcomes
from ingest.alerts.rule_examples import OPENING_HOURS
from ingest.alerts.rules import load_rules
from ingest.alerts.subjects import Period, list_subjects
from ingest.alerts.trace import PARTS, Trace
from ingest.alerts_trial_cli import trial_app
from ingest.backtest_plot import DPI, WIDTH_IN, draw_outcome
from ingest.health import list_silent, measure_shares
from ingest.inventory import OPEN_END_MS, Category, Device, Inventory, OpeningHours, Placement, Site
from ingest.local_time import LOCAL
from ingest.memory import Memory
from schemas.reading import Reading
from schemas.rule import Aggregate, Change, Flapping, Group, Level, Rule, RuleExample, Severity, Together, Transition
from schemas.schedule import Schedule, Use
from simulators.testbed.influxd import Influxd
from tests.past_month import BEGIN, END, WARM, PastMonth, write_month
from tests.stand import ROOT

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
TYPES = load_device_types()
RULES = load_rules(ROOT / "deploy/rules", TYPES)
EXAMPLES = [(key, number) for key, rule in RULES.items() if rule.field for number in range(len(rule.examples))]
WARM_RULE = Rule(
    key="warm",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(Level(Severity.WARNING, high=25.0, clear_high=23.0, hold_ms=20 * MINUTE_MS),),
    text="Varmt",
    flapping=Flapping(3, 6 * HOUR_MS),
)
SILENT_RULE = dataclasses.replace(
    WARM_RULE, key="silent", field="", unit="1", levels=(Level(Severity.INFO, high=6.0, clear_high=3.0),)
)


def make_inventory(
    *devices: str, type_key: str = "indoor_climate", hours: Sequence[OpeningHours] = OPENING_HOURS
) -> Inventory:
    site = Site("hall", "Hallen", Category.OFFICE, 60.8, 10.7, 1000.0, {}, tuple(hours))
    placed = {
        name: Device(name, type_key, "", (Placement(0, OPEN_END_MS, "hall", "first"),)) for name in devices or ("room",)
    }
    return Inventory({"hall": site}, placed, LOCAL)


def run(
    rule: Rule, readings: Iterable[Reading], period: Period, inventory: Inventory, pieces: Iterable[int] = ()
) -> Outcome:
    """Backtest a rule, with the readings in pieces that begin at the given places."""
    everything = list(readings)
    test = Backtest(rule, inventory, TYPES, period, list_subjects(rule, inventory, period))
    for begin, end in itertools.pairwise([0, *sorted(pieces), len(everything)]):
        test.hear(everything[begin:end])
    return test.finish()


def make_readings(values: Iterable[float], device: str = "room", step_ms: int = 10 * MINUTE_MS) -> list[Reading]:
    return [
        Reading(device, "indoor_climate", "hall", "first", MONDAY_MS + number * step_ms, 0.0, {"temperature": value})
        for number, value in enumerate(values)
    ]


def play_example(rule: Rule, example: RuleExample) -> Outcome:
    """Backtest an example as if it were history."""
    times = [(example.start_ms + round(minute * MINUTE_MS), value) for minute, value in example.series]
    readings = [
        Reading("room", rule.device_type, "hall", "", at_ms, 0.0, {rule.field: value}) for at_ms, value in times
    ]
    names = ["room"]
    if rule.reference is not None:  # the value of a series is the difference from it
        names.append(rule.reference.device)
        zeros = [one._replace(device=names[1], values={rule.field: 0.0}) for one in readings]
        readings = [one for pair in zip(zeros, readings, strict=True) for one in pair]
    period = Period(times[0][0], times[-1][0] + 1)
    return run(rule, readings, period, make_inventory(*names, type_key=rule.device_type))


@pytest.mark.parametrize(("key", "number"), EXAMPLES)
def test_the_examples_of_a_rule_that_ships_give_exactly_the_stated_firings(key: str, number: int) -> None:
    example = RULES[key].examples[number]
    outcome = play_example(dataclasses.replace(RULES[key], subjects=WARM_RULE.subjects, overrides=()), example)
    happened = [
        tuple(
            None if at_ms is None else (at_ms - example.start_ms) / MINUTE_MS
            for at_ms in (one.fired_ms, one.cleared_ms)
        )
        for one in outcome.firings
    ]
    assert happened == ([] if example.fires is None else [(example.fires, example.clears)])


@pytest.mark.parametrize(("key", "number"), EXAMPLES)
def test_a_rule_that_ships_is_no_different_from_itself(key: str, number: int) -> None:
    outcome = play_example(RULES[key], RULES[key].examples[number])
    comparison = compare_outcomes(outcome, outcome)
    assert comparison.differences == []
    assert len(comparison.events) == outcome.count


VALUES = st.lists(st.sampled_from([20.0, 22.9, 24.0, 25.1, 30.0]), min_size=1, max_size=80)


@given(VALUES, VALUES, st.lists(st.integers(0, 160), max_size=6), st.sampled_from([WARM_RULE, SILENT_RULE]))
def test_any_division_of_history_gives_the_same(
    values: list[float], others: list[float], pieces: list[int], rule: Rule
) -> None:
    readings = [*make_readings(values), *make_readings(others, "other", 25 * MINUTE_MS)]
    readings.sort(key=lambda one: (one.time_ms, one.device))
    period, inventory = Period(MONDAY_MS, MONDAY_MS + 40 * HOUR_MS), make_inventory("room", "other")
    whole = run(rule, readings, period, inventory)
    assert run(rule, readings, period, inventory, [min(one, len(readings)) for one in pieces]) == whole


def test_a_firing_says_where_how_severe_and_for_how_long() -> None:
    levels = (*WARM_RULE.levels, Level(Severity.CRITICAL, high=29.0, clear_high=27.0))
    rule = dataclasses.replace(WARM_RULE, levels=levels)
    outcome = run(
        rule,
        make_readings([20, 26, 26, 26, 30, 28, 22, 20]),
        Period(MONDAY_MS, MONDAY_MS + 2 * HOUR_MS),
        make_inventory(),
    )
    (firing,) = outcome.firings
    assert (firing.device, firing.site, firing.zone, firing.severity) == ("room", "hall", "first", Severity.CRITICAL)
    assert (firing.since_ms, firing.fired_ms) == (MONDAY_MS + 10 * MINUTE_MS, MONDAY_MS + 30 * MINUTE_MS)
    assert (firing.cleared_ms, firing.value, firing.flapping) == (MONDAY_MS + 60 * MINUTE_MS, 26.0, False)
    assert (outcome.count, outcome.lasted_ms, outcome.readings) == (1, 30 * MINUTE_MS, {"room": 8})


def test_what_still_fires_at_the_end_lasts_until_then_and_others_never_fired() -> None:
    period, inventory = Period(MONDAY_MS, MONDAY_MS + HOUR_MS), make_inventory("room", "other", "dead")
    readings = [*make_readings([26.0] * 5), *make_readings([20.0] * 5, "other")]
    outcome = run(WARM_RULE, sorted(readings, key=lambda one: one.time_ms), period, inventory)
    assert [(one.cleared_ms, one.find_end(period.to_ms)) for one in outcome.firings] == [(None, period.to_ms)]
    assert (outcome.tallies["room"].lasted_ms, outcome.tallies["room"].longest_ms) == (40 * MINUTE_MS,) * 2
    assert (outcome.calm, outcome.unheard) == (["dead", "other"], ["dead"])
    assert outcome.list_worst(3) == ["room", "other"]


def test_flapping_is_named_and_a_device_that_dies_while_firing_too() -> None:
    period = Period(MONDAY_MS, MONDAY_MS + 24 * HOUR_MS)
    outcome = run(WARM_RULE, make_readings([26, 26, 26, 20] * 5), period, make_inventory())
    assert [one.flapping for one in outcome.firings] == [False, False, True]
    assert outcome.firings[-1].cleared_ms is None
    assert outcome.firings[-1].silent
    assert outcome.tallies["room"].flapping == 1


def test_of_very_many_firings_all_are_counted_and_only_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_module, "MOST_FIRINGS", 4)
    rule = dataclasses.replace(WARM_RULE, levels=(Level(Severity.INFO, high=25.0, clear_high=25.0),), flapping=None)
    outcome = run(rule, make_readings([26.0, 20.0] * 10), Period(MONDAY_MS, MONDAY_MS + 4 * HOUR_MS), make_inventory())
    assert (len(outcome.firings), outcome.left_out, outcome.count) == (4, 6, 10)
    assert outcome.lasted_ms == 100 * MINUTE_MS


LOOK_MS = 5_000


def live_through(rule: Rule, inventory: Inventory, readings: Sequence[Reading], period: Period) -> list[Transition]:
    """Return what a collector does that looks for silent devices every few seconds."""
    book, memory, told = AlertBook({rule.key: rule}, inventory), Memory(), list[Transition]()
    waiting = list(readings)
    for now_ms in range(period.from_ms, period.to_ms, LOOK_MS):
        while waiting and waiting[0].time_ms <= now_ms:
            reading = waiting.pop(0)
            memory.recall(reading.device).heard_ms = reading.time_ms
            told += book.judge_reading(reading)
        silences = list_silent(inventory, TYPES, memory, period.from_ms, now_ms)
        told += book.judge_silence(silences, now_ms)
        told += book.judge_shares(measure_shares(inventory, silences, now_ms), now_ms)
    return told


def are_near(found: Sequence[tuple[str, int]], expected: Sequence[tuple[str, int]], tolerance_ms: int) -> bool:
    return [name for name, _ in found] == [name for name, _ in expected] and all(
        abs(one - other) <= tolerance_ms for (_, one), (_, other) in zip(found, expected, strict=True)
    )


HOLDING = Level(Severity.WARNING, high=6.0, clear_high=3.0, hold_ms=25 * MINUTE_MS)
SHARE = Level(Severity.WARNING, high=40.0, clear_high=20.0, hold_ms=10 * MINUTE_MS)
SHARE_GROUP = Group(by=Together.SITE, aggregate=Aggregate.MEAN, fresh_ms=0)
OPEN = Schedule(use=Use.OPEN)


@pytest.mark.parametrize(
    ("rule", "tolerance_ms"),
    [
        (SILENT_RULE, LOOK_MS),
        (dataclasses.replace(SILENT_RULE, levels=(HOLDING,), least=3), LOOK_MS),
        (dataclasses.replace(SILENT_RULE, levels=(*SILENT_RULE.levels, Level(Severity.CRITICAL, high=9.0))), LOOK_MS),
        (dataclasses.replace(SILENT_RULE, schedule=OPEN), 4 * MINUTE_MS),
        (dataclasses.replace(SILENT_RULE, levels=(SHARE,), group=SHARE_GROUP, unit="%"), 2 * MINUTE_MS),
        (WARM_RULE, LOOK_MS),
    ],
    ids=["silence", "held", "levels", "schedule", "share", "dead sensor"],
)
def test_silence_is_judged_as_a_collector_does_that_looks_every_few_seconds(rule: Rule, tolerance_ms: int) -> None:
    period, inventory = Period(MONDAY_MS, MONDAY_MS + 12 * HOUR_MS), make_inventory("room", "other")
    gaps = {"room": (4.5, 6.0, 9.0, 11.0), "other": (2.0, 8.0)}  # hours at which one falls silent, is heard, and so on
    readings = [
        one
        for name, hours in gaps.items()
        for one in make_readings([26.0] * 72, name)
        if sum(MONDAY_MS + at * HOUR_MS <= one.time_ms for at in hours) % 2 == 0
    ]
    readings.sort(key=lambda one: (one.time_ms, one.device))
    firings = run(rule, readings, period, inventory).firings
    lived = live_through(rule, inventory, readings, period)
    ends = [(one.device, one.time_ms) for one in lived if one.change is Change.CLEARED]
    begins = [(one.device, one.time_ms) for one in lived if one.change is Change.FIRED]
    assert begins
    assert are_near([(one.device, one.fired_ms) for one in firings], begins, tolerance_ms)
    cleared = sorted((one.cleared_ms, one.device) for one in firings if one.cleared_ms is not None)
    assert are_near([(name, at_ms) for at_ms, name in cleared], ends, tolerance_ms)
    assert any(one.silent for one in firings) is any(one.change is Change.SILENT for one in lived)
    worst = [one.severity for one in lived if one.change is Change.ESCALATED]
    assert [one.severity for one in firings if one.severity is Severity.CRITICAL] == worst


def test_a_device_that_is_not_placed_is_not_silent() -> None:
    inventory = make_inventory()
    moved = dataclasses.replace(
        inventory.devices["room"], placements=(Placement(0, MONDAY_MS + 2 * HOUR_MS, "hall", "first"),)
    )
    inventory = dataclasses.replace(inventory, devices={"room": moved})
    readings = make_readings([20.0] * 12)
    assert run(SILENT_RULE, readings, Period(MONDAY_MS, MONDAY_MS + 24 * HOUR_MS), inventory).firings == ()


def compare_values(before: Sequence[float], after: Sequence[float]) -> list[tuple[Kind, int]]:
    period = Period(MONDAY_MS, MONDAY_MS + 24 * HOUR_MS)
    rule = dataclasses.replace(WARM_RULE, levels=(Level(Severity.INFO, high=25.0, clear_high=25.0),), flapping=None)
    outcomes = (run(rule, make_readings(values), period, make_inventory()) for values in (before, after))
    return [(one.kind, one.more_ms // MINUTE_MS) for one in compare_outcomes(*outcomes).events]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        ([20, 26, 26, 20], [20, 26, 26, 20], [(Kind.SAME, 0)]),
        ([20, 20, 20, 20], [20, 26, 26, 20], [(Kind.NEW, 20)]),
        ([20, 26, 26, 20], [20, 20, 20, 20], [(Kind.GONE, -20)]),
        ([20, 26, 20, 20], [20, 26, 26, 20], [(Kind.LONGER, 10)]),
        ([26, 26, 26, 20], [20, 26, 26, 20], [(Kind.SHORTER, -10)]),
        ([26, 26, 20, 20], [20, 26, 26, 20], [(Kind.OTHERWISE, 0)]),
        ([26, 26, 26, 26, 20], [20, 26, 20, 26, 20], [(Kind.SHORTER, -20)]),
        ([26, 20, 20, 26, 20], [26, 20, 26, 20, 20], [(Kind.SAME, 0), (Kind.NEW, 10), (Kind.GONE, -10)]),
    ],
)
def test_two_versions_are_compared_event_by_event(
    before: list[float], after: list[float], events: list[tuple[Kind, int]]
) -> None:
    assert compare_values(before, after) == events


def test_a_trace_keeps_the_extremes_of_each_part_of_the_time() -> None:
    values = [20.0 + number % 7 for number in range(10_000)]
    period = Period(MONDAY_MS, MONDAY_MS + 10_000 * MINUTE_MS)
    trace = Trace(WARM_RULE, make_inventory(), TYPES, period, ["room"])
    trace.hear(make_readings(values, step_ms=MINUTE_MS))
    points = trace.list_points("room")
    assert len(points) <= 2 * PARTS
    assert points == sorted(points)
    assert {min(value for _, value in points), max(value for _, value in points)} == {20.0, 26.0}
    silent = Trace(SILENT_RULE, make_inventory(), TYPES, period, ["room"])
    silent.hear(make_readings([20.0] * 4, step_ms=50 * MINUTE_MS))
    assert max(value for _, value in silent.list_points("room")) == 5.0


@pytest.mark.parametrize("firings", [0, 3])
def test_a_picture_can_be_drawn_of_any_outcome(firings: int) -> None:
    period = Period(MONDAY_MS, MONDAY_MS + 24 * HOUR_MS)
    outcome = run(WARM_RULE, make_readings([26, 26, 26, 20] * firings), period, make_inventory())
    figure = draw_outcome(outcome, {"room": [(MONDAY_MS, 20.0), (MONDAY_MS + HOUR_MS, 26.0)]}, outcome)
    values, timeline = figure.axes
    assert len(values.patches) == len(outcome.firings)
    assert [label.get_text() for label in timeline.get_yticklabels()] == (["room"] if firings else [])
    # Local time: midnight is where the clock on the wall shows it, 23:00 in UTC.
    assert values.get_xlim() == (MONDAY_MS / 86_400_000, MONDAY_MS / 86_400_000 + 1)
    assert getattr(timeline.xaxis.get_major_locator(), "tz", None) == LOCAL


# A month in a real InfluxDB.


@pytest.fixture(scope="module")
async def month(
    tmp_path_factory: pytest.TempPathFactory, influxd: Influxd, database_names: Iterable[str]
) -> AsyncIterator[PastMonth]:
    database = next(iter(database_names))
    await influxd.create_database(database)
    yield await write_month(tmp_path_factory.mktemp("month"), influxd, database)
    await influxd.drop_database(database)


async def ask(month: PastMonth, *words: str) -> Result:
    """Run the command as in a pipe, over the month, simulated readings among it."""
    arguments = ["backtest", "--settings", str(month.settings), "--from", BEGIN, "--to", END, *words]
    ended = await asyncio.to_thread(lambda: CliRunner().invoke(trial_app, arguments))
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


def find_warm(month: PastMonth, above: float) -> list[tuple[int, int | None]]:
    """Return when the room fires and clears, by a loop of its own."""
    found: list[tuple[int, int | None]] = []
    since_ms, fires = None, False
    for reading in month.readings:
        value, at_ms = reading.values["temperature"], reading.time_ms
        if fires and value <= 28.0:
            fires, since_ms = False, None
            found[-1] = (found[-1][0], at_ms)
        elif not fires:
            since_ms = (since_ms or at_ms) if value > above else None
            if since_ms is not None and at_ms - since_ms >= 10 * MINUTE_MS:
                fires = True
                found.append((at_ms, None))
    return found


async def test_a_month_of_a_device_is_judged_from_the_database(month: PastMonth) -> None:
    ended = await ask(month, "room-too-warm", "--simulated", "--json", "-")
    assert ended.exit_code == 0, ended.output
    plain: dict[str, Any] = json.loads(ended.stdout)
    expected = find_warm(month, 31.0)
    assert len(expected) > 20
    assert plain["count"] == len(expected) == plain["devices"]["climate-1"]["firings"]
    length_s = sum((cleared_ms or 0) - fired_ms for fired_ms, cleared_ms in expected) / 1000
    assert plain["lasted_s"] == pytest.approx(length_s)
    assert (plain["never"], plain["unheard"], plain["readings"]) == (["climate-2"], ["climate-2"], len(month.readings))


async def test_a_pipe_gets_a_row_for_each_firing_and_no_bar(month: PastMonth) -> None:
    ended = await ask(month, "room-too-warm", "--simulated", "--site", "radhuset", "--device", "climate-1")
    assert ended.exit_code == 0, ended.output
    expected = find_warm(month, 31.0)
    rows = [line for line in ended.stdout.splitlines() if line.startswith("climate-1  radhuset  warning")]
    assert len(rows) == min(len(expected), alerts_trial_cli.SHOWN)
    assert "\x1b" not in ended.output
    assert f"it would have fired {len(expected)} times" in ended.stdout
    assert ended.stderr == "" or "more; --json has them" in ended.stderr


async def test_another_version_is_compared_and_a_picture_drawn(month: PastMonth, tmp_path: Path) -> None:
    other, png, result = tmp_path / "room-too-warm.toml", tmp_path / "warm.png", tmp_path / "result.json"
    other.write_text(WARM.format(above="32.5"))
    ended = await ask(
        *(month, "room-too-warm", "--simulated", "--compare", str(other), "--png", str(png), "--json", str(result))
    )
    assert ended.exit_code == 0, ended.output
    comparison = json.loads(result.read_text())["comparison"]
    before, after = find_warm(month, 31.0), find_warm(month, 32.5)
    assert comparison["other"]["count"] == len(after)
    assert comparison["counts"]["gone"] == sum(
        not any(fired_ms < (end or inf) and begin < (cleared_ms or inf) for begin, end in after)
        for fired_ms, cleared_ms in before
    )
    assert comparison["counts"]["new"] == 0
    assert f"The other version fires {len(after)} times instead of {len(before)}" in ended.stdout
    with Image.open(png) as image:
        image.verify()
        assert (image.format, image.width) == ("PNG", round(WIDTH_IN * DPI))
        assert image.height > 3 * DPI
    again = tmp_path / "again.png"
    await ask(month, "room-too-warm", "--simulated", "--compare", str(other), "--png", str(again))
    assert again.read_bytes() == png.read_bytes()


async def test_a_rule_is_no_different_from_itself_over_a_month(month: PastMonth) -> None:
    ended = await ask(month, "room-too-warm", "--simulated", "--compare", "room-too-warm", "--json", "-")
    counts = json.loads(ended.stdout)["comparison"]["counts"]
    assert sum(counts.values()) == counts["same"] == len(find_warm(month, 31.0))


async def test_without_a_reading_to_judge_the_command_says_so(month: PastMonth) -> None:
    ended = await ask(month, "room-too-warm")
    assert ended.exit_code == 1
    assert "no reading to judge" in ended.stderr
    assert "it would never have fired" in ended.stdout


async def test_a_wrong_rule_is_named_with_its_mistakes(month: PastMonth, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(WARM.format(above="31.0").replace('"Cel"', '"[degF]"').replace("clears = 30", "clears = 10"))
    ended = await ask(month, str(wrong))
    assert ended.exit_code == 2
    assert f"{wrong}:4: unit: temperature is in Cel" in ended.stderr
    wrong.write_text(WARM.format(above="31.0") + '\n[only]\nsites = ["radhus"]\n')
    ended = await ask(month, str(wrong))
    assert (ended.exit_code, "did you mean radhuset" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["room-to-warm"], 2, "did you mean room-too-warm?"),
        (["nowhere/room.toml"], 2, "cannot be read"),
        (["room-too-warm", "--site", "annex"], 2, 'no site "annex"'),
        (["room-too-warm", "--device", "climate-9"], 2, 'no device "climate-9"'),
        (["room-too-warm", "--to", "2026-01-01"], 2, "before --to"),
        (["room-too-warm", "--simulated", "--json", "/nowhere/a.json"], 2, "cannot be written"),
    ],
)
async def test_what_cannot_be_asked_is_said_in_a_sentence(
    month: PastMonth, words: list[str], code: int, message: str
) -> None:
    ended = await ask(month, *words)
    assert ended.exit_code == code, ended.output
    assert message in " ".join(ended.stderr.replace("│", " ").split())


async def test_rules_about_different_types_cannot_be_compared(month: PastMonth) -> None:
    ended = await ask(month, "room-too-warm", "--compare", str(ROOT / "deploy/rules/water-burst.toml"))
    assert (ended.exit_code, "water_meter" in ended.stderr) == (2, True)


async def test_without_matplotlib_the_command_says_which_extra_has_it(
    month: PastMonth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(alerts_trial_cli, "find_spec", lambda name: None)  # noqa: ARG005 - as if nothing were installed
    ended = await ask(month, "room-too-warm", "--png", str(tmp_path / "a.png"))
    assert (ended.exit_code, "gjovik-sensors[bench]" in ended.stderr) == (2, True)


async def test_a_database_that_does_not_answer_is_named(month: PastMonth, tmp_path: Path) -> None:
    away = tmp_path / "away.toml"
    away.write_text(month.settings.read_text().replace('url = "http://127.0.0.1:', 'url = "http://127.0.0.1:1'))
    ended = await ask(dataclasses.replace(month, settings=away), "room-too-warm")
    assert ended.exit_code in {1, 2}
    assert "InfluxDB" in ended.stderr or "url" in ended.stderr
