"""Explain: in words why an alert is in its state, for every state there is, in both languages."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
import ingest.alerts.derivations
from devices import load_device_types
from ingest.alerts.explain import Case, explain
from ingest.alerts.explain_words import ENGLISH, NORWEGIAN
from ingest.alerts.rules import load_rules
from ingest.alerts.words import Language
from ingest.batch import AlertRecord
from ingest.configuration import Configuration
from ingest.incidents.incident import Step, StepKind
from ingest.incidents.maintenance import Maintenance
from ingest.inventory import OpeningHours
from ingest.settings import Store as StoreSettings
from ingest.status_file import STATUS_FILE
from ingest.store import Store
from ingest.store_file import FILE, transaction
from ingest.store_rows import put_alerts
from schemas.registry import load_registry
from schemas.rule import AlertPhase, Change, Flapping, Level, Override, Rule, Severity, Subjects
from schemas.schedule import Schedule, Use
from simulators.testbed.collector import render_settings
from tests.incident_rows import make_incident, make_transition, note, open_tables
from tests.small_town import make_inventory
from tests.stand import COLD, INVENTORY, ROOT

TYPES = load_device_types()
SHIPPED = load_rules(ROOT / "deploy/rules", TYPES)
NOW_MS = 1_768_478_400_000  # 2026-01-15T12:00:00Z, 13:00 on a Thursday in Oslo
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DEVICE = "indoor_climate"
RULE = Rule(
    key="cold",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(
        Level(Severity.WARNING, low=16.0, clear_low=17.0, hold_ms=3 * HOUR_MS),
        Level(Severity.CRITICAL, low=10.0, clear_low=11.0, hold_ms=HOUR_MS),
    ),
    text="Kaldt",
)
RECORD = AlertRecord(
    *(DEVICE, "cold", AlertPhase.FIRING, NOW_MS - 5 * HOUR_MS, NOW_MS - 10 * MINUTE_MS, 14.5, "hall", "first"),
    simulated=False,
    severity=Severity.WARNING,
    begun_ms=(NOW_MS - 5 * HOUR_MS, None),
    firings_ms=(NOW_MS - 2 * HOUR_MS,),
    worst=Severity.WARNING,
)
PENDING = RECORD._replace(
    phase=AlertPhase.PENDING, begun_ms=(NOW_MS - HOUR_MS, None), since_ms=NOW_MS - HOUR_MS, firings_ms=()
)


def make_case(
    *records: AlertRecord,
    rule: Rule = RULE,
    others: tuple[Rule, ...] = (),
    hours: tuple[OpeningHours, ...] = (),
    subject: str = DEVICE,
) -> Case:
    inventory = make_inventory(TYPES)
    hall = dataclasses.replace(inventory.sites["hall"], opening_hours=hours)
    inventory = dataclasses.replace(inventory, sites={**inventory.sites, "hall": hall})
    rules = {one.key: one for one in (rule, *others)}
    return Case(
        subject=subject,
        rule=rule.key,
        configuration=Configuration(TYPES, inventory, rules),
        records=records,
        now_ms=NOW_MS,
    )


def tell(case: Case, language: Language = Language.EN) -> str:
    return " ".join(explain(case, language))


def test_an_alert_that_fires_says_since_when_and_beyond_what() -> None:
    sentences = explain(make_case(RECORD), Language.NB)
    limits = "under 16 °C i minst 3 t (advarsel); deretter under 10 °C i minst 1 t (kritisk)"
    assert sentences == [
        "Varselet er utløst. Avviket har vart siden 15.01.2026 kl. 08.00.",
        "Varselet ble utløst 15.01.2026 kl. 11.00.",
        "Alvorlighetsgraden er nå: advarsel.",
        "Verdien har ennå ikke vært god nok til at varselet går over.",
        "Verdien som avgjorde dette, var 14,5 °C, målt 15.01.2026 kl. 12.50.",
        f"Regelen «cold» ser på «Temperatur» og varsler når verdien er {limits}.",
        "Varselet går over når verdien er minst 17 °C.",
    ]


def test_an_alert_that_is_pending_says_when_it_will_fire_and_what_it_still_needs() -> None:
    assert "the alert fires 2026-01-15 15:00" in tell(make_case(PENDING))
    waiting = dataclasses.replace(RULE, least=4)
    assert "So far 2 of 4 readings in a row are beyond the limit." in tell(
        make_case(PENDING._replace(beyond=2), rule=waiting)
    )
    due = PENDING._replace(begun_ms=(NOW_MS - 4 * HOUR_MS, None), beyond=9)
    assert "The wait is over: the alert fires with the next reading" in tell(make_case(due))


def test_an_alert_that_recovers_says_how_long_it_must_be_good() -> None:
    rule = dataclasses.replace(RULE, clear_ms=30 * MINUTE_MS, keep_ms=3 * HOUR_MS)
    record = RECORD._replace(phase=AlertPhase.RECOVERING, good_ms=NOW_MS - 10 * MINUTE_MS, value=18.0)
    told = tell(make_case(record, rule=rule))
    assert "has been good since 2026-01-15 12:50. The alert clears when it has been good for 30 min" in told
    assert "The alert is kept open until 2026-01-15 14:00 at least." in told
    assert "at least 17 °C, and that has lasted for 30 min." in told
    assert "has not been good enough" not in told


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Level(Severity.CRITICAL, high=8.0, clear_high=7.0), "clears when the value is at most 7 °C."),
        (Level(Severity.CRITICAL, 2.0, 8.0, 2.5, 7.0), "clears when the value is between 2.5 °C and 7 °C."),
    ],
)
def test_when_it_clears_is_told_in_words(level: Level, told: str) -> None:
    sentences = tell(make_case(RECORD, rule=dataclasses.replace(RULE, levels=(level,))))
    assert told in sentences


@pytest.mark.parametrize("language", Language)
def test_no_sentence_shouts_or_has_signs_for_words(language: Language) -> None:
    told = tell(make_case(RECORD._replace(severity=Severity.CRITICAL)), language)
    assert not {"≥", "≤"} & set(told)
    assert not re.search(r"\b[A-ZÆØÅ]{4,}\b", told)


def test_an_alert_that_flaps_says_that_it_is_held() -> None:
    rule = dataclasses.replace(RULE, flapping=Flapping(2, HOUR_MS))
    record = RECORD._replace(firings_ms=(NOW_MS - 90 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS))
    assert "come and gone 2 times, and is therefore kept open until the value has been good for 1 h" in tell(
        make_case(record, rule=rule)
    )


@pytest.mark.parametrize(
    ("device_type", "field", "unit", "said"),
    [
        ("river_level", "level", "m", "changes by more than 30 m in an hour"),
        ("road_weather", "air_temperature", "Cel", "has been exactly the same for 3 d"),
        ("water_meter", "volume", "m3", "changes by more than 5000 m³ in an hour or goes back"),
        (
            "outdoor_temperature",
            "temperature",
            "Cel",
            "changes by more than 30 °C in an hour or has been exactly the same for 3 d",
        ),
    ],
)
def test_what_makes_a_value_doubtful_is_told_and_what_that_means(
    device_type: str, field: str, unit: str, said: str
) -> None:
    rule = dataclasses.replace(RULE, device_type=device_type, field=field, unit=unit)
    title = TYPES[device_type].fields[field].title
    told = tell(make_case(rule=rule, subject=device_type))
    assert f'A value of "{title}" is doubtful when it {said}. A doubtful value neither fires nor clears the' in told
    heard = tell(make_case(rule=dataclasses.replace(rule, doubtful=True), subject=device_type))
    assert f"when it {said}. This rule hears doubtful values too." in heard
    assert "neither fires" not in heard
    norwegian = tell(make_case(rule=rule, subject=device_type), Language.NB)
    assert f"En verdi for «{title}» er tvilsom når den " in norwegian


def test_nothing_is_told_of_doubt_where_nothing_is_declared() -> None:
    assert "doubt" not in tell(make_case())


def test_a_dead_sensor_is_said_to_be_dead() -> None:
    told = tell(dataclasses.replace(make_case(RECORD._replace(phase=AlertPhase.SILENT)), silent_s=7_500.0))
    assert "nobody knows whether it is still wrong" in told
    assert "The device has sent nothing for 2 h 5 min." in told
    assert "does not count as silent" in tell(dataclasses.replace(make_case(), silent_s=0.0))
    assert "The device" not in tell(make_case())


def test_an_alert_that_does_not_fire_says_so_and_what_would_make_it() -> None:
    told = tell(make_case())
    assert told.startswith("The alert does not fire. No reading has been beyond the limit lately.")
    assert "below 16 °C for at least 3 h (warning); then below 10 °C" in told


@pytest.mark.parametrize(
    ("use", "told"),
    [(Use.OPEN, "The rule is in use now."), (Use.CLOSED, "It is in use again from 2026-01-15 16:00.")],
)
def test_the_schedule_now_is_told_and_when_it_changes(use: Use, told: str) -> None:
    hours = tuple(OpeningHours(weekday, 450, 960) for weekday in range(5))
    assert told in tell(make_case(rule=dataclasses.replace(RULE, schedule=Schedule(use=use)), hours=hours))


def test_the_exception_that_applies_is_told_with_its_limits() -> None:
    other = Override(Subjects(devices=frozenset({DEVICE})), (Level(Severity.INFO, low=5.0, clear_low=6.0),))
    told = tell(make_case(rule=dataclasses.replace(RULE, overrides=(other,))))
    assert "An exception of the rule, with limits of its own, applies to indoor_climate." in told
    assert "below 5 °C (information)" in told
    assert "16 °C" not in told


def test_a_device_that_the_rule_leaves_out_is_told_why() -> None:
    excepted = dataclasses.replace(RULE, overrides=(Override(Subjects(sites=frozenset({"hall"})), ()),))
    assert explain(make_case(rule=excepted), Language.EN) == [
        "An exception of the rule says that indoor_climate is not watched."
    ]
    elsewhere = dataclasses.replace(RULE, subjects=Subjects(sites=frozenset({"annex"})))
    assert "can never fire here" in tell(make_case(rule=elsewhere))
    assert "can never fire here" in tell(make_case(subject="street_light"))


def test_what_does_not_exist_is_said_not_to() -> None:
    assert tell(make_case(subject="nothing")) == "nothing is not in the inventory."
    assert tell(dataclasses.replace(make_case(), rule="none")) == "There is no rule called none."


def test_an_inhibition_says_whether_it_works_now() -> None:
    gateway = dataclasses.replace(RULE, key="gateway", device_type="gateway", field="", unit="1")
    rule = dataclasses.replace(RULE, inhibited_by=("gateway",))
    fires = RECORD._replace(device="gateway", rule="gateway")
    assert "Nobody is told now" in tell(make_case(RECORD, fires, rule=rule, others=(gateway,)))
    elsewhere = fires._replace(site="annex")
    for case in (
        make_case(RECORD, rule=rule, others=(gateway,)),
        make_case(fires, rule=rule, others=(gateway,)),
        make_case(RECORD, elsewhere, rule=rule, others=(gateway,)),
    ):
        assert 'While "gateway" fires at the same site' in tell(case)
    mutual = dataclasses.replace(gateway, inhibited_by=("cold",))
    assert "gateway" not in tell(make_case(RECORD, fires, rule=rule, others=(mutual,)))


def test_what_people_did_about_it_is_told() -> None:
    incident = make_incident()._replace(
        acknowledged_ms=NOW_MS - HOUR_MS, acknowledged_by="Kari", assigned="Ola", snoozed_until_ms=NOW_MS + HOUR_MS
    )
    sites = frozenset({incident.site})
    one = Maintenance(3, sites, frozenset(), frozenset(), "bytter vindu", "Per", NOW_MS - 1, NOW_MS + 2 * HOUR_MS)
    over = one._replace(id=4, to_ms=NOW_MS)
    told = tell(dataclasses.replace(make_case(RECORD), incident=incident, maintenance=(one, over)), Language.NB)
    assert "Ingen får beskjed før 15.01.2026 kl. 15.00, på grunn av vedlikehold 3: bytter vindu (Per)." in told
    assert "vedlikehold 4" not in told
    assert "Kvittert av Kari 15.01.2026 kl. 12.00. Tildelt Ola. Utsatt til 15.01.2026 kl. 14.00" in told


def test_the_last_changes_are_told_in_order_and_what_people_said_is_not() -> None:
    kinds = (StepKind.FIRED, StepKind.COMMENTED, StepKind.ESCALATED, StepKind.SILENT, StepKind.CLEARED)
    steps = tuple(Step(7, NOW_MS + number * HOUR_MS, kind, "", "x") for number, kind in enumerate(kinds))
    sentences = explain(dataclasses.replace(make_case(), steps=steps), Language.EN)
    assert [one.partition(": ")[2] for one in sentences[-4:]] == [
        "fired.",
        "got worse.",
        "the device stopped sending.",
        "cleared.",
    ]


def test_a_device_of_a_rule_about_a_group_is_explained_as_its_group() -> None:
    rule = SHIPPED["sensors-missing"]
    record = RECORD._replace(device="hall:", rule=rule.key, value=45.0)
    told = tell(make_case(record, rule=dataclasses.replace(rule, inhibited_by=())), Language.NB)
    assert told.startswith("Varselet er utløst")
    assert "45 %" in told


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("key", SHIPPED)
def test_every_rule_that_ships_can_be_explained_in_every_state(key: str, language: Language) -> None:
    rule = SHIPPED[key]
    rule = dataclasses.replace(rule, subjects=RULE.subjects, overrides=())
    for phase in AlertPhase:
        record = RECORD._replace(device=rule.device_type, rule=key, phase=phase, good_ms=NOW_MS)
        sentences = explain(
            make_case(record, rule=rule, others=tuple(SHIPPED.values()), subject=rule.device_type), language
        )
        assert len(sentences) > 3
        assert all(re.fullmatch(r"\S.*[.]", one) for one in sentences)
        assert not any(brace in one for one in sentences for brace in "{}")
        assert not any("nan" in one.split() or "inf" in one.split() for one in sentences)


def test_both_languages_say_the_same_things() -> None:
    for name in NORWEGIAN._fields:
        one, other = getattr(NORWEGIAN, name), getattr(ENGLISH, name)
        pairs = [(one, other)] if isinstance(one, str) else [(one[key], other[key]) for key in one]
        assert isinstance(one, str) or one.keys() == other.keys()
        assert all(first.count("{}") == second.count("{}") for first, second in pairs), name
    assert NORWEGIAN.derived.keys() == set(load_registry(ingest.alerts.derivations, "DERIVATION", type))
    assert NORWEGIAN.change.keys() == set(Change)
    assert NORWEGIAN.phase.keys() == set(AlertPhase)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings of a collector whose store knows an alert that fires, and one of another device that is pending."""
    for name, text in (("inventory/hall.toml", INVENTORY), ("rules/room-too-cold.toml", COLD)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    folder = tmp_path / "store"
    Store.open(StoreSettings(folder=folder, reserve_bytes=0)).close()
    with open_tables(folder / FILE) as connection, transaction(connection):
        put_alerts(connection, [RECORD._replace(device="climate-1", rule="room-too-cold")])
    note(folder, [make_transition()])
    file = tmp_path / "collector.toml"
    folders = {"inventory": str(tmp_path / "inventory"), "rules": str(tmp_path / "rules")}
    file.write_text(render_settings({**folders, "store": {"folder": str(folder)}}))
    return file


def test_the_command_explains_from_the_store_in_a_pipe(settings: Path) -> None:
    ended = CliRunner().invoke(
        gjovik.app, ["alerts", "explain", "climate-1", "room-too-cold", "--settings", str(settings)]
    )
    assert (ended.exit_code, ended.stderr) == (0, ""), ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("Varselet er utløst. Avviket har vart siden 15.01.2026")
    assert lines[-1].endswith(": utløst.")
    assert "ikke sendt" not in ended.stdout  # no collector runs: nobody knows


def test_the_command_answers_programs_and_asks_the_collector_who_is_silent(settings: Path) -> None:
    clock_ms = 4_000_000_000_000  # ahead of any clock: such a status is of no collector that runs
    status = {"time_ms": clock_ms, "mqtt_connected": True, "silent": [{"device": "climate-1", "seconds": 7_500.0}]}
    (settings.parent / "store" / STATUS_FILE).write_text(json.dumps(status))
    named = ["--settings", str(settings), "--language", "en", "--json"]
    plain = json.loads(
        CliRunner().invoke(gjovik.app, ["alerts", "explain", "climate-1", "room-too-cold", *named]).stdout
    )
    assert (plain["device"], plain["rule"], plain["phase"]) == ("climate-1", "room-too-cold", "firing")
    assert not any("sent nothing" in one for one in plain["sentences"])


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("climate-9", "room-too-cold"), 'There is no device "climate-9"; did you mean climate-'),
        (("climate-1", "rom-too-cold"), 'There is no rule "rom-too-cold"; did you mean room-too-cold?'),
        (("climate-1", "xyz"), 'There is no rule "xyz"; name one that is configured.'),
    ],
)
def test_what_the_command_does_not_know_is_wrong_usage(settings: Path, words: tuple[str, str], meant: str) -> None:
    ended = CliRunner().invoke(gjovik.app, ["alerts", "explain", *words, "--settings", str(settings)])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert meant in ended.stderr
    told = CliRunner().invoke(gjovik.app, ["alerts", "explain", *words, "--settings", str(settings), "--json"])
    assert (told.exit_code, told.stderr) == (2, "")
    assert meant in json.loads(told.stdout)["error"]


def test_a_store_alone_does_not_say_which_rules_go_with_it(settings: Path) -> None:
    words = ["alerts", "explain", "climate-1", "room-too-cold", "--store", str(settings.parent / "store")]
    ended = CliRunner().invoke(gjovik.app, words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "--settings" in ended.stderr
    both = CliRunner().invoke(gjovik.app, [*words, "--settings", str(settings), "--json"])
    assert json.loads(both.stdout)["read"] == {
        "store": str(settings.parent / "store"),
        "inventory": str(settings.parent / "inventory"),
        "rules": str(settings.parent / "rules"),
    }


def test_who_may_not_read_addresses_is_told_all_the_same(settings: Path) -> None:
    contacts = settings.parent / "notify.toml"
    contacts.write_text('[[contact]]\nkey = "vakt"\ntitle = "Vakt"\naddress_file = "secret"\n')
    settings.write_text(f"{settings.read_text()}\n[alerts]\ncontacts = '{contacts}'\n")
    words = ["alerts", "explain", "climate-1", "room-too-cold", "--settings", str(settings)]
    assert CliRunner().invoke(gjovik.app, words).exit_code == 0


def test_without_settings_it_says_what_it_read(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("inventory", "rules"):
        monkeypatch.setenv(f"GJOVIK_{name.upper()}", str(settings.parent / name))
    monkeypatch.setenv("GJOVIK_STORE__FOLDER", str(settings.parent / "store"))
    ended = CliRunner().invoke(gjovik.app, ["alerts", "explain", "climate-1", "room-too-cold"])
    assert ended.exit_code == 0, ended.output
    assert f"inventory {settings.parent / 'inventory'}, rules {settings.parent / 'rules'}" in ended.stderr
