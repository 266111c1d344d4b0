"""What messages say, in Norwegian and English, and what they never say."""

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from devices import load_device_types
from ingest.alerts.rules import load_rules
from ingest.alerts.words import Language, fill_text, write_moment, write_number
from ingest.incidents.incident import Incident
from ingest.notify.delivery import Stage, StageKind, make_reference
from ingest.notify.message import SHOWN, TITLE_CHARACTERS, Message, Names, write_message
from ingest.notify.situation import LastGood
from schemas.device_type import Privacy
from schemas.rule import AlertPhase, Level, Severity
from tests.notify_stand import HOUR_MS, INVENTORY, MINUTE_MS, NOW_MS, RULES, local_ms, make_incident
from tests.stand import ROOT

DESK = "driftsvakta, tlf. 61 12 34 56"
NAMES = Names(INVENTORY, RULES, "https://tavler.example.no", DESK, {1: LastGood(18.25, NOW_MS - HOUR_MS)})


def test_what_is_over_is_told_as_what_it_was_and_with_what_is_measured_now() -> None:
    fired = make_incident()._replace(fired_value=14.5)
    over = fired._replace(value=21.5, cleared_ms=NOW_MS + MINUTE_MS, phase=AlertPhase.OK)
    told = [(over, Stage(StageKind.CLEARED, over.severity))]
    message = write_message(told, "key", Names(INVENTORY, RULES, ""), Language.NB, None)
    assert message.title == "Varselet er over: Hallen – Rommet er kaldere enn 16 °C: 14,5 (nå 21,5 °C)"
    assert "Verdi: 21,5 °C" in message.body


def write(
    incident: Incident, kind: StageKind = StageKind.FIRST, language: Language = Language.NB, names: Names = NAMES
) -> Message:
    """Return the message of one Incident."""
    return write_message([(incident, Stage(kind, incident.severity))], "key", names, language)


def test_a_message_in_norwegian_says_everything() -> None:
    message = write(make_incident(1, Severity.CRITICAL)._replace(value=8.5))
    assert message.title == "KRITISK: Hallen – Rommet er kaldere enn 10 °C: 8,5"
    assert message.body.splitlines() == [
        "Rommet er kaldere enn 10 °C: 8,5.",
        "",
        "Sted: Hallen, 1. etasje",
        "Komponent: +A=360.001-RT001 (climate-1)",
        "Verdi: 8,5 °C (grense 10 °C)",
        "Sist i orden: 18,25 °C, 15.01.2026 kl. 11.00",
        "Startet 15.01.2026 kl. 11.50",
        "Hendelse 1",
        "Kvitter: si fra til driftsvakta, tlf. 61 12 34 56, eller kjør: gjovik alerts ack 1",
        "Se: https://tavler.example.no/d/gjovik-bygg?var-site=hall",
        "",
        f"Ref: {make_reference('key')}",
    ]


def test_a_message_in_english_says_the_same() -> None:
    message = write(make_incident(), language=Language.EN)
    assert message.title == "Warning: Hallen – The room is colder than 16 °C: 14.5"
    assert "Value: 14.5 °C (limit 16 °C)" in message.body
    assert "Began 2026-01-15 11:50" in message.body


def test_the_end_says_how_long_it_lasted_and_asks_for_nothing() -> None:
    over = make_incident()._replace(cleared_ms=NOW_MS + 2 * HOUR_MS, phase=AlertPhase.OK, value=17.5)
    message = write(over, StageKind.CLEARED)
    assert message.title.startswith("Varselet er over: Hallen")
    assert "Varte 2 t 10 min" in message.body
    assert "Kvitter" not in message.body
    assert "Lasted 2 h 10 min" in write(over, StageKind.CLEARED, Language.EN).body


@pytest.mark.parametrize("rule", ["resident", "gone"])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(StageKind))
def test_of_what_is_private_neither_value_nor_zone_nor_device_is_told(
    rule: str, language: Language, kind: StageKind
) -> None:
    incident = make_incident()._replace(rule=rule, cleared_ms=NOW_MS if kind is StageKind.CLEARED else None)
    one = write(incident, kind, language)
    both = write_message([(incident, Stage(kind, incident.severity))] * 2, "key", NAMES, language)
    for text in (one.title, one.body, both.title, both.body):
        assert not any(told in text for told in ("14,5", "14.5", "18,25", "18.25", "1. etasje", "climate-1", "RT001"))
    assert "Hallen" in one.body


def test_a_dead_sensor_and_a_held_alert_are_named() -> None:
    body = write(make_incident()._replace(phase=AlertPhase.SILENT, flapping=True)).body
    assert "Sensoren har sluttet å sende" in body
    assert "kommer og går" in body


def test_a_rule_may_have_a_link_of_its_own() -> None:
    for link, shown in (
        ("/d/kulde", "https://tavler.example.no/d/kulde"),
        ("https://annen.no/x", "https://annen.no/x"),
    ):
        rules = {"room-too-cold": replace(RULES["room-too-cold"], link=link)}
        assert f"Se: {shown}\n" in write(make_incident(), names=NAMES._replace(rules=rules)).body
    assert "Se: " not in write(make_incident(), names=NAMES._replace(link="")).body


def test_a_summary_names_the_most_severe_and_counts_the_rest() -> None:
    told = [(make_incident(number), Stage(StageKind.FIRST, Severity.WARNING)) for number in range(1, 31)]
    told += [(make_incident(31, Severity.CRITICAL), Stage(StageKind.RAISED, Severity.CRITICAL))]
    told += [(make_incident(32)._replace(cleared_ms=NOW_MS), Stage(StageKind.CLEARED, Severity.WARNING))]
    message = write_message(told, "key", NAMES, Language.NB, NOW_MS + 5 * MINUTE_MS)
    lines = message.body.splitlines()
    assert message.title == "KRITISK: Hallen – 32 varsler: 30 nye, 1 forverret, 1 over"
    assert lines[0] == (
        "- KRITISK, forverret: Hallen, 1. etasje – Rommet er kaldere enn 10 °C: 14,5; "
        "startet 15.01.2026 kl. 11.50; hendelse 31"
    )
    assert lines[SHOWN] == "… og 12 til."
    assert "samles til 15.01.2026 kl. 12.05" in message.body
    assert lines[-1].startswith("Ref: ")


def test_a_summary_says_how_many_sites_and_asks_to_acknowledge_only_what_nobody_has() -> None:
    acknowledged = make_incident(2)._replace(site="tower", acknowledged_ms=NOW_MS, acknowledged_by="Kari")
    told = [(one, Stage(StageKind.FIRST, Severity.WARNING)) for one in (make_incident(1), acknowledged)]
    message = write_message(told, "key", NAMES, Language.NB)
    assert message.title == "Advarsel: 2 steder – 2 varsler: 2 nye"
    assert f"Kvitter: si fra til {DESK}, eller kjør: gjovik alerts ack 1\n" in message.body
    over = make_incident()._replace(cleared_ms=NOW_MS)
    message = write_message([(over, Stage(StageKind.CLEARED, Severity.WARNING))] * 2, "key", NAMES, Language.EN)
    assert message.title == "Hallen – 2 alerts: 2 over"
    assert "gjovik alerts ack" not in message.body


def test_brackets_are_never_nested() -> None:
    shipped = load_rules(ROOT / "deploy/rules", load_device_types())
    for rule, language, kind in itertools.product(shipped.values(), Language, StageKind):
        incident = make_incident()._replace(rule=rule.key, severity=rule.severity, fired_value=31.0)
        told = [(incident, Stage(kind, incident.severity))]
        names = NAMES._replace(rules=shipped)
        for message in (write_message(told, "key", names, language), write_message(told * 2, "key", names, language)):
            assert not re.search(r"\([^)\n]*\(|\[", f"{message.title}\n{message.body}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Rommet er for kaldt. Sjekk ovnen.", "Rommet er for kaldt (14,5 °C, grense 16 °C)"),
        ("Rommet er {value} {unit}. Sjekk ovnen.", "Rommet er 14,5 °C (grense 16 °C)"),
        ("Kaldere enn 16 °C siden kl. 8. Sjekk.", "Kaldere enn 16 °C siden kl. 8 (14,5 °C)"),
        ("For kaldt (under 16 °C)", "For kaldt (under 16 °C): 14,5 °C"),
        ("Under 160 eller 1,16?", "Under 160 eller 1,16? (14,5 °C, grense 16 °C)"),
    ],
)
def test_the_title_says_what_with_value_unit_and_limit_each_once(text: str, shown: str) -> None:
    names = NAMES._replace(rules={"room-too-cold": replace(RULES["room-too-cold"], text=text)})
    assert write(make_incident(), names=names).title == f"Advarsel: Hallen – {shown}"


def test_what_is_true_or_false_and_silence_have_no_figures() -> None:
    changes: list[dict[str, Any]] = [
        {"unit": "1", "levels": (Level(Severity.WARNING, high=0.5),)},
        {"unit": "1", "field": ""},
    ]
    for changed in changes:
        names = NAMES._replace(rules={"room-too-cold": replace(RULES["room-too-cold"], text="Feil.", **changed)})
        message = write(make_incident()._replace(value=1.0), names=names)
        assert message.title == "Advarsel: Hallen – Feil"
        assert "Verdi" not in message.body


def test_whoever_has_no_command_is_told_whom_to_ask_and_nobody_is_asked_twice() -> None:
    unnamed = NAMES._replace(desk="")
    assert (
        "Kvitter: be driftsvakta om det, eller kjør: gjovik alerts ack 1\n"
        in write(make_incident(), names=unnamed).body
    )
    english = write(make_incident(), language=Language.EN, names=unnamed)
    assert "Acknowledge: ask the operator on duty, or run: gjovik alerts ack 1\n" in english.body
    acknowledged = make_incident()._replace(acknowledged_ms=NOW_MS, acknowledged_by="Kari (kari)")
    body = write(acknowledged, StageKind.SILENT).body
    assert "Kvittert av Kari (kari); du trenger ikke kvittere på nytt.\n" in body
    assert "gjovik alerts ack" not in body


def test_that_a_sensor_is_heard_again_is_short() -> None:
    heard = make_incident()._replace(acknowledged_ms=NOW_MS, acknowledged_by="Kari")
    message = write(heard, StageKind.HEARD)
    assert message.title == "Advarsel, sensoren sender igjen: Hallen – Rommet er kaldere enn 16 °C: 14,5"
    assert message.body.splitlines()[:6] == [
        "Sensoren sender igjen, og varselet gjelder fortsatt.",
        "Rommet er kaldere enn 16 °C: 14,5.",
        "",
        "Sted: Hallen, 1. etasje",
        "Verdi: 14,5 °C (grense 16 °C)",
        "Hendelse 1",
    ]


@pytest.mark.parametrize("kind", [StageKind.REMINDER, StageKind.ESCALATION, StageKind.SILENT])
def test_a_value_that_is_not_new_is_called_so(kind: StageKind) -> None:
    assert "Verdi ved siste endring: 14,5 °C (grense 16 °C)" in write(make_incident(), kind).body


def test_a_rule_says_the_same_to_a_board_and_to_people() -> None:
    for rule in load_rules(ROOT / "deploy/rules", load_device_types()).values():
        incident = make_incident()._replace(rule=rule.key, severity=rule.severity, value=31.0)
        body = write(incident, names=NAMES._replace(rules={rule.key: rule})).body
        limit = rule.levels[0].find_limit(31.0)
        hides = rule.privacy in {Privacy.PERSONAL, Privacy.HEALTH}
        assert body.startswith(fill_text(rule, 31.0, limit, hides_value=hides))


@pytest.mark.parametrize(("unit", "shown"), [("Cel", "31 °C, over 5"), ("1", "31, over 5"), ("s", "31 s, over 5 s")])
def test_a_text_is_filled_with_figures_and_no_blank_stands_for_a_unit_that_is_none(unit: str, shown: str) -> None:
    rule = replace(RULES["room-too-cold"], unit=unit, text="{value} {unit}, over {limit}")
    assert fill_text(rule, 31.0, 5.0) == shown
    assert fill_text(rule, float("nan"), 5.0).startswith("…")


def test_a_long_title_is_cut() -> None:
    rules = {"room-too-cold": replace(RULES["room-too-cold"], text="kaldt " * 80)}
    assert len(write(make_incident(), names=NAMES._replace(rules=rules)).title) <= TITLE_CHARACTERS


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (15.256, "Cel", "15,26 °C"), (15.0, "Cel", "15 °C"), (-0.001, "Cel", "0 °C"), (1234.56, "[ppm]", "1234,6 ppm"),
        (1000.0, "[ppm]", "1000 ppm"), (7500.0, "s", "2 t 5 min"), (3.0, "1", "3"), (float("nan"), "Cel", ""),
        (float("inf"), "Cel", ""), (2.0, "furlong", "2 furlong"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_read_them(value: float, unit: str, shown: str) -> None:
    assert write_number(value, unit, Language.NB) == shown


def test_the_hour_that_autumn_has_twice_says_which() -> None:
    first = local_ms("2026-10-25T02:30")
    assert write_moment(first, Language.NB) == "25.10.2026 kl. 02.30 (sommertid)"
    assert write_moment(first + HOUR_MS, Language.NB) == "25.10.2026 kl. 02.30 (normaltid)"
    assert write_moment(first + 2 * HOUR_MS, Language.EN) == "2026-10-25 03:30"
