"""Who is told, as people write it: what is right is read, what is wrong is named, and no address is ever shown."""

import re
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from ingest.alerts.words import Language
from ingest.notify.apprise_sender import check_address
from ingest.notify.hints import list_routing_hints
from ingest.notify.rota import StandIn, Turn
from ingest.notify.routing import Routing
from ingest.notify.routing_file import Known, load_routing, read_routing
from ingest.toml_file import ConfigurationError
from schemas.rule import Severity
from schemas.schedule import Use
from tests.notify_stand import HOUR_MS, MINUTE_MS, capture_log, local_ms
from tests.stand import ROOT

SECRET = "hemmelig77"  # noqa: S105 - the secret that must not be shown
KNOWN = Known(
    {"hall"}, {"room-too-cold"}, {"ADDRESS_OLA": f"json://ola:{SECRET}@127.0.0.1/", "BAD": SECRET}, check_address,
    date(2026, 1, 15),
)  # fmt: skip
EVERYTHING = """
[public]
link = "https://tavler.example.no/"

[[contact]]
key = "kari"
title = "Kari"
language = "en"
address_file = "secrets/kari"

[[contact]]
key = "ola"
title = "Ola"
address_env = "ADDRESS_OLA"

[[rota]]
key = "vakt"
handover = "08:00"
turns = [ { from = 2026-01-05, contacts = ["kari", "ola"] }, { from = 2026-06-01, every = "day", contacts = ["ola"] } ]
overrides = [ { from = 2026-02-12T12:00:00+01:00, to = 2026-02-14, contact = "ola" } ]

[[route]]
key = "kritisk"
severities = ["critical"]
sites = ["hall"]
categories = ["sports_hall"]
rules = ["room-too-cold"]
times = { use = "closed", days = "mon-fri", from = "16:00", to = "08:00", holidays = false }
to = ["vakt", "kari"]
escalate_after = "15m"
escalate_to = [ ["ola"], ["vakt", "kari"] ]
remind_every = "1h"
group_within = "2m"
most_per_hour = 6
say_cleared = false
"""


def read(folder: Path, text: str) -> tuple[Routing, list[str]]:
    """Return what a file says, and what is wrong with it, each without the folder."""
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/kari").write_text(f"mailto://kari:{SECRET}@example.no?to=kari@example.no\n")
    (folder / "notify.toml").write_text(text)
    routing, mistakes = read_routing(folder / "notify.toml", KNOWN)
    return routing, [str(mistake).replace(f"{folder}/", "") for mistake in mistakes]


def test_everything_is_read(tmp_path: Path) -> None:
    routing, mistakes = read(tmp_path, EVERYTHING)
    assert mistakes == []
    assert routing.link == "https://tavler.example.no"
    assert [one.language for one in routing.contacts.values()] == [Language.EN, Language.NB]
    assert SECRET in routing.contacts["kari"].address.get_secret_value()
    assert SECRET not in repr(routing)
    rota = routing.rotas["vakt"]
    assert [(turn.contacts, turn.days) for turn in rota.turns] == [(("kari", "ola"), 7), (("ola",), 1)]
    assert isinstance(rota.turns[0], Turn)
    assert rota.stand_ins == (StandIn(local_ms("2026-02-12T12:00"), local_ms("2026-02-14T00:00"), "ola"),)
    route = routing.routes["kritisk"]
    assert (route.severities, route.sites) == (frozenset({Severity.CRITICAL}), frozenset({"hall"}))
    assert (route.categories, route.rules) == (frozenset({"sports_hall"}), frozenset({"room-too-cold"}))
    assert (route.schedule.use, route.schedule.from_min, route.schedule.to_min) == (Use.CLOSED, 960, 480)
    assert (route.escalate_after_ms, route.escalate_to) == (15 * MINUTE_MS, (("ola",), ("vakt", "kari")))
    assert (route.remind_every_ms, route.group_within_ms) == (HOUR_MS, 2 * MINUTE_MS)
    assert (route.most_per_hour, route.say_cleared) == (6, False)


def test_the_shipped_file_is_right_and_tells_nobody() -> None:
    assert load_routing(ROOT / "deploy/notify.toml", KNOWN) == Routing()


def test_the_shipped_file_is_right_when_its_lines_are_filled_in(tmp_path: Path) -> None:
    text = re.sub(
        r"^# (?=[\[a-z])", "", (ROOT / "deploy/notify.toml").read_text().partition("\n\n")[2], flags=re.MULTILINE
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/leder").write_text("json://127.0.0.1/\n")
    routing, mistakes = read(tmp_path, text)
    assert mistakes == []
    assert (len(routing.contacts), len(routing.rotas), len(routing.routes)) == (3, 1, 2)


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        (
            'to = ["vakt", "kari"]',
            'to = ["vagt"]',
            'notify.toml:28: route[0].to[0]: "vagt" is not known; did you mean vakt?',
        ),
        (
            '["ola"], ["vakt"',
            '["olav"], ["vakt"',
            'notify.toml:30: route[0].escalate_to[0][0]: "olav" is not known; did you mean ola?',
        ),
        (
            'sites = ["hall"]',
            'sites = ["hal"]',
            'notify.toml:24: route[0].sites[0]: "hal" is not known; did you mean hall?',
        ),
        (
            'rules = ["room-too-cold"]',
            'rules = ["cold"]',
            'notify.toml:26: route[0].rules[0]: "cold" is not known; known here: room-too-cold',
        ),
        (
            'severities = ["critical"]',
            'severities = ["kritisk"]',
            "notify.toml:23: route[0].severities[0]: must be one of 'info', 'warning' or 'critical'",
        ),
        (
            'escalate_after = "15m"',
            "",
            "notify.toml:21: route[0].escalate_after: and escalate_to belong together: one is missing",
        ),
        ('days = "mon-fri"', 'days = "fri-mon"', "notify.toml:27: route[0].times.days: runs backwards"),
        ('remind_every = "1h"', 'remind_every = "1 h"', "notify.toml:31: route[0].remind_every: must be a duration"),
        *(
            (
                before,
                f'{key} = "{duration}"',
                f'notify.toml:{line}: route[0].{key}: must be from {bounds}, not "{duration}": ',
            )
            for before, line, key, bounds, durations in (
                ('remind_every = "1h"', 31, "remind_every", "5m to 7d", ("1s", "0s", "8d")),
                ('group_within = "2m"', 32, "group_within", "0s to 1h", ("9999d", "61m")),
                ('escalate_after = "15m"', 29, "escalate_after", "1m to 1d", ("0s", "59s", "25h")),
            )
            for duration in durations
        ),
        (
            'remind_every = "1h"',
            'remind_every = "5m"',
            "notify.toml:31: route[0].remind_every: makes 12 messages an hour, more than most_per_hour = 6",
        ),
        ("most_per_hour = 6", "most_per_hour = 241", "notify.toml:33: route[0].most_per_hour: must be at most 240"),
        ('"vakt", "kari"]\nesc', '"vakt", "vakt"]\nesc', "notify.toml:28: route[0].to: must not name vakt twice"),
        ('[ ["ola"], ', '[ ["ola", "ola"], ', "notify.toml:30: route[0].escalate_to[0]: must not name ola twice"),
        (
            '["critical"]',
            '["critical", "critical"]',
            "notify.toml:23: route[0].severities: must not name critical twice",
        ),
        ('sites = ["hall"]', "sites = []", "notify.toml:24: route[0].sites: must name at least one, or be left out"),
        ('use = "closed"', "months = []", "notify.toml:27: route[0].times.months: must name at least one, or be left"),
        ('use = "closed"', "months = [2, 2]", "notify.toml:27: route[0].times.months: must not name 2 twice"),
        ('[ ["ola"], ["vakt", "kari"] ]', "[]", "notify.toml:30: route[0].escalate_to: must have at least 1"),
        (
            "from = 2026-01-05",
            "from = 0026-01-05",
            "notify.toml:18: rota[0].turns[0].from: must be 2000-01-01 or later",
        ),
        (
            "from = 2026-01-05",
            "from = 2099-01-05",
            "notify.toml:18: rota[0].turns[0].from: must be at most a year ahead, not 2099-01-05: nobody would be on",
        ),
        (
            "to = 2026-02-14",
            "to = 2036-02-14",
            "notify.toml:19: rota[0].overrides[0].to: must be at most a year after from",
        ),
        ('key = "vakt"', 'key = "ola"', 'notify.toml:16: rota[0].key: "ola" is there already'),
        (
            'contacts = ["ola"]',
            'contacts = ["per"]',
            'notify.toml:18: rota[0].turns[1].contacts[0]: "per" is not known',
        ),
        (
            "from = 2026-06-01",
            "from = 2025-06-01",
            "notify.toml:18: rota[0].turns[1].from: must be after the turn before it",
        ),
        ("to = 2026-02-14", "to = 2026-02-12", "notify.toml:19: rota[0].overrides[0].to: must be after from"),
        (
            "2026-02-12T12:00:00+01:00",
            "2026-02-12T12:00:00",
            "notify.toml:19: rota[0].overrides[0]: 2026-02-12T12:00:00 has no offset",
        ),
        (
            '"ADDRESS_OLA"',
            '"ADDRESS_PER"',
            "notify.toml:13: contact[1].address_env: the variable ADDRESS_PER is not set, or empty",
        ),
        ('"ADDRESS_OLA"', '"GJOVIK_OLA"', "notify.toml:13: contact[1].address_env: must not begin with GJOVIK_"),
        ('"ADDRESS_OLA"', '"BAD"', "notify.toml:13: contact[1].address_env: is no address that Apprise knows"),
        (
            '"secrets/kari"',
            '"secrets/per"',
            "notify.toml:8: contact[0].address_file: {folder}/secrets/per cannot be read: No such file",
        ),
        (
            '"secrets/kari"',
            '"a\\u0000b"',
            "notify.toml:8: contact[0].address_file: ",
        ),
        ('address_file = "secrets/kari"', 'address = "json://x"', "notify.toml:8: contact[0].address: is not known"),
        ('link = "https://tavler.example.no/"', 'link = "tavler"', "notify.toml:2: public.link: must be an address"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_field(tmp_path: Path, before: str, after: str, mistake: str) -> None:
    text = EVERYTHING.lstrip()
    assert before in text
    _, mistakes = read(tmp_path, text.replace(before, after))
    expected = mistake.replace("{folder}/", "")
    assert any(one.startswith(expected) for one in mistakes), mistakes


def test_an_address_in_two_places_or_none_is_refused(tmp_path: Path) -> None:
    _, mistakes = read(tmp_path, EVERYTHING.replace('address_env = "ADDRESS_OLA"', ""))
    assert "contact[1].address_file: is missing: name a file that holds the address" in mistakes[0]
    both = EVERYTHING.replace(
        'address_env = "ADDRESS_OLA"', 'address_env = "ADDRESS_OLA"\naddress_file = "secrets/kari"'
    )
    _, mistakes = read(tmp_path, both)
    assert "contact[1].address_env: must not stand beside address_file: remove one of the two" in mistakes[0]


@pytest.mark.parametrize("name", ["contact", "rota", "route"])
def test_single_brackets_are_answered_with_double_ones(tmp_path: Path, name: str) -> None:
    _, (alone, *_) = read(tmp_path, f'[{name}]\nkey = "x"\n')
    assert alone.startswith(
        f"notify.toml:1: {name}: must stand in double brackets, [[{name}]], also where there is only"
    )
    for headers in ((f"[{name}]", f"[{name}]"), (f"[{name}]", f"[[{name}]]"), (f"[[{name}]]", f"[{name}]")):
        _, (twice,) = read(tmp_path, "\n".join((headers[0], 'key = "x"', headers[1], 'key = "y"\n')))
        assert twice.startswith("notify.toml:3: is not TOML: Cannot ")
        assert twice.endswith(f"; where several are meant, each begins with double brackets: [[{name}]]")


@pytest.mark.parametrize(
    ("address", "receivers"),
    [
        ("mailtos://u:p@example.no?to=a@example.no", 0),
        ("mailtos://u:p@example.no", 0),
        ("ntfy://host/topic", 0),
        ("json://host/one/two", 0),
        ("mailtos://u:p@example.no?to=a@example.no,b@example.no", 2),
        ("mailtos://u:p@example.no?to=a@example.no%2Cb@example.no", 2),
        ("mailtos://u:p@example.no/a@example.no?to=b@example.no", 2),
        ("mailtos://u:p@example.no?to=a@example.no&cc=b@example.no&bcc=c@example.no", 3),
        ("ntfy://host/one/two", 2),
    ],
)
def test_a_contact_is_one_receiver(address: str, receivers: int) -> None:
    said = check_address(address)
    assert said.startswith(f"names {receivers} receivers; a contact is one receiver") if receivers else said == ""


def test_an_address_that_names_nobody_is_refused() -> None:
    assert check_address("mailtos://u:p@example.no?to=kari").startswith("names no receiver")


def test_what_is_right_and_perhaps_not_meant_is_hinted_at(tmp_path: Path) -> None:
    text = EVERYTHING.replace("from = 2026-01-05", "from = 2026-05-05").replace('"vakt", "kari"', '"ola"')
    routing, mistakes = read(tmp_path, text.replace('[ ["ola"], ["ola"] ]', '[ ["ola"] ]'))
    assert mistakes == []
    assert list_routing_hints(routing, local_ms("2026-01-15T12:00")) == [
        "rota vakt is in no route.",
        "contact kari is told of nothing: it is in no route, nor in a rota of one.",
        "nobody is on call in rota vakt before 2026-05-05 08:00.",
        "nobody is told of what is info: no route is for it.",
        "nobody is told of what is warning: no route is for it.",
    ]
    assert list_routing_hints(Routing(), local_ms("2026-01-15T12:00")) == []


def test_the_desk_is_read_with_and_without_a_link(tmp_path: Path) -> None:
    for link in ('link = "https://tavler.example.no"\n', ""):
        routing, mistakes = read(tmp_path, f'[public]\n{link}desk = "driftsvakta, tlf. 61 12 34 56"\n')
        assert (mistakes, routing.desk) == ([], "driftsvakta, tlf. 61 12 34 56")


@pytest.fixture
def log_text() -> Iterator[StringIO]:
    """What our log gets at its most talkative."""
    with capture_log() as text:
        yield text


def test_a_wrong_address_is_shown_neither_in_the_mistake_nor_in_the_log(
    tmp_path: Path, log_text: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notify.toml").write_text(
        '[[contact]]\nkey = "kari"\ntitle = "Kari"\naddress_file = "one"\n'
        '[[contact]]\nkey = "ola"\ntitle = "Ola"\naddress_file = "two"\n'
    )
    (tmp_path / "one").write_text(f"slack://{SECRET}")
    (tmp_path / "two").write_text(f"json://a:{SECRET}@127.0.0.1/, json://b:{SECRET}@127.0.0.1/")
    with pytest.raises(ConfigurationError) as caught:
        load_routing(tmp_path / "notify.toml", KNOWN)
    assert [mistake.line for mistake in caught.value.mistakes] == [4, 8]
    assert "several addresses" in str(caught.value)
    shown = f"{caught.value}{log_text.getvalue()}{''.join(capfd.readouterr())}"
    assert SECRET not in shown
