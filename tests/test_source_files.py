"""Sources as people write them: the examples that ship are accepted, mistakes are named with file, line and field."""

import dataclasses
import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices import load_device_types
from ingest.codecs import load_formats
from ingest.configuration import Configuration
from ingest.inventory_files import load_inventory
from ingest.local_time import LOCAL
from ingest.models import load_models
from ingest.run import list_obsolete
from ingest.settings import Mqtt
from ingest.source import Source
from ingest.source_files import load_sources, place_sources
from ingest.toml_file import ConfigurationError, Mistake
from ingest.topic_filter import compile_filter
from tests.small_town import make_inventory
from tests.stand import ROOT

PREFIX = "gjovik"
FOLDER = ROOT / "deploy/sources"
EXAMPLES = sorted((FOLDER / "examples").glob("*.toml"))
PAGE = (ROOT / "docs/sources.md").read_text()
ACL = (ROOT / "deploy/mosquitto/acl").read_text()
PLAIN = 'format = "plain"\npatterns = ["hage/{address}/{member}"]\n'
SITE = """\
[[site]]
key = "radhuset"
title = "Rådhuset"
category = "office"
latitude = 60.7957
longitude = 10.6915
area_m2 = 8400.0
[[site.zone]]
key = "1-etasje"
title = "1. etasje"
"""
ZIGBEE = 'format = "zigbee2mqtt"\n'
PLUGS = 'format = "shelly"\npatterns = ["{address}"]\n'


def find_mistakes(folder: Path, **files: str) -> list[Mistake]:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_sources(folder, PREFIX)
    return list(caught.value.mistakes)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_that_ships_is_accepted(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_text(path.read_text())
    values = tomllib.loads(path.read_text())
    source = load_sources(tmp_path, PREFIX)[path.stem]
    assert (source.key, source.format_key) == (path.stem, values["format"])
    assert source.keeps_payloads is values.get("keep_payloads", True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_an_example_has_commented_out_is_accepted_too(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_text(re.sub(r"^#(?=\w+ = )", "", path.read_text(), flags=re.MULTILINE))
    source = load_sources(tmp_path, PREFIX)[path.stem]
    assert bool(source.patterns) is ("patterns = " in path.read_text())


def test_there_is_an_example_of_each_format_and_all_of_them_go_together() -> None:
    sources = load_sources(FOLDER / "examples", PREFIX)
    assert sorted(source.format_key for source in sources.values()) == sorted(load_formats())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_acl_names_what_the_collector_must_read_for_an_example(path: Path) -> None:
    source = load_sources(FOLDER / "examples", PREFIX)[path.stem]
    allowed = [compile_filter(one) for one in re.findall(r"^# topic read (\S+)$", ACL, re.MULTILINE)]
    for one in load_formats()[source.format_key].list_filters(source):
        topic = one.replace("+", "x").replace("#", "x/y")
        assert any(pattern.fullmatch(topic) for pattern in allowed), one


def test_examples_are_not_read_with_the_folder_above_them(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/other.toml").write_text(ZIGBEE)
    (tmp_path / "hage.toml").write_text(PLAIN)
    assert list(load_sources(tmp_path, PREFIX)) == ["hage"]


def test_no_folder_means_no_sources() -> None:
    assert load_sources(None, PREFIX) == {}


def test_a_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    assert [one.message for one in find_mistakes(tmp_path)] == ["holds no *.toml file"]


def test_a_source_has_its_formats_root_and_everything_else_that_is_usual(tmp_path: Path) -> None:
    (tmp_path / "skole.toml").write_text(ZIGBEE)
    assert load_sources(tmp_path, PREFIX) == {
        "skole": Source(key="skole", format_key="zigbee2mqtt", root="zigbee2mqtt", zone_info=LOCAL)
    }


def test_a_source_has_what_its_file_says(tmp_path: Path) -> None:
    text = 'format = "tasmota"\nroot = "bygg/tele"\npatterns = ["bygg/{address}/{member}"]\nkeep_payloads = false\n'
    (tmp_path / "bygg.toml").write_text(text)
    source = load_sources(tmp_path, PREFIX)["bygg"]
    assert (source.root, source.patterns) == ("bygg/tele", ("bygg/{address}/{member}",))
    assert not source.keeps_payloads


def test_sources_of_one_format_may_have_roots_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "skole.toml").write_text(f'{ZIGBEE}root = "zigbee/skole"\n')
    (tmp_path / "radhus.toml").write_text(f'{ZIGBEE}root = "zigbee/radhus"\n')
    assert {source.root for source in load_sources(tmp_path, PREFIX).values()} == {"zigbee/skole", "zigbee/radhus"}


def test_sources_are_given_the_zone_of_the_municipality(tmp_path: Path) -> None:
    (tmp_path / "hage.toml").write_text(PLAIN)
    placed = place_sources(load_sources(tmp_path, PREFIX), ZoneInfo("Atlantic/Reykjavik"))["hage"]
    assert (placed.zone_info.key, placed.patterns) == ("Atlantic/Reykjavik", ("hage/{address}/{member}",))


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ('format = "z2m"\n', 1, "format", 'format "z2m" does not exist; there are ams, chirpstack, '),
        ('root = "hage"\n', 1, "format", "is missing"),
        (f'{ZIGBEE}patterns = ["hage/{{address}}"]\n', 2, "patterns", "must be left out: the topics of zigbee2mqtt"),
        (f"{ZIGBEE}formt = 1\n", 2, "formt", "is not known; did you mean format"),
        (f'{ZIGBEE}root = "zigbee/#"\n', 2, "root", "must be the beginning of topics, without +, #"),
        (f'{ZIGBEE}root = "zigbee/"\n', 2, "root", "a slash at either end"),
        (f'{ZIGBEE}root = ""\n', 2, "root", "must be the beginning of topics"),
        (f'{ZIGBEE}root = "gjovik"\n', 2, "root", "must not be gjovik: that is the platform's own"),
        (f'{ZIGBEE}root = "gjovik/zigbee"\n', 2, "root", "must not be gjovik"),
        (f'{ZIGBEE}keep_payloads = "no"\n', 2, "keep_payloads", "must be true or false"),
        ('format = "plain"\n', 0, "", "patterns are missing: which topics does it have"),
        ('format = "plain"\npatterns = []\n', 0, "", "patterns are missing"),
        (PLAIN.replace("{address}", "vaer"), 2, "patterns[0]", "must have {address} once, and {member} at most once"),
        (PLAIN.replace("{member}", "{address}"), 2, "patterns[0]", "must have {address} once"),
        (PLAIN.replace("{address}", "hus-{address}"), 2, "patterns[0]", "each as a whole segment of the topic"),
        (PLAIN.replace("{address}/", "{address}/{member}/"), 2, "patterns[0]", "{member} at most once"),
        (PLAIN.replace("hage/", "hage//"), 2, "patterns[0]", "must have no empty segment"),
        (PLAIN.replace("hage/", "+/"), 2, "patterns[0]", "no +, # or braces elsewhere"),
        (PLAIN.replace("hage/", "{hage}/"), 2, "patterns[0]", "no +, # or braces elsewhere"),
        (PLAIN.replace("hage/", "gjovik/"), 2, "patterns[0]", "must not begin with gjovik: that is the platform's own"),
        ("format = plain\n", 1, "", "is not TOML: Invalid value"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(
    tmp_path: Path, text: str, line: int, field: str, message: str
) -> None:
    mistakes = find_mistakes(tmp_path, hage=text)
    assert [(one.file.name, one.line, one.field) for one in mistakes] == [("hage.toml", line, field)]
    assert message in mistakes[0].message


@pytest.mark.parametrize("name", ["Hage", "hage--2", "hage_2", "-hage", "hagen i øst"])
def test_a_file_of_a_name_that_no_inventory_can_have_is_refused(tmp_path: Path, name: str) -> None:
    (mistake,) = find_mistakes(tmp_path, **{name: PLAIN})
    assert mistake.message == "must be named with lower-case letters, digits and single hyphens"


def test_two_sources_of_the_same_topics_are_refused(tmp_path: Path) -> None:
    (mistake,) = find_mistakes(tmp_path, radhus=ZIGBEE, skole=ZIGBEE)
    assert (mistake.file.name, mistake.field) == ("skole.toml", "root")
    assert mistake.message == (
        "its topics zigbee2mqtt/# are those of source radhus too; give one of the two another root"
    )


@pytest.mark.parametrize(
    ("files", "field", "message"),
    [
        (
            {"radhus": ZIGBEE, "skole": ZIGBEE + 'root = "zigbee2mqtt/skole"\n'},
            "root",
            "its topics zigbee2mqtt/skole/# and those of source radhus, zigbee2mqtt/#, overlap",
        ),
        (
            {"hage": PLAIN.replace("hage/", ""), "plugger": PLUGS},
            "patterns",
            "its topics +/online and those of source hage, +/+, overlap; give one of the two other patterns",
        ),
        (
            {"ute": PLAIN.replace("hage/{address}/{member}", "{address}/{member}/ute/reading")},
            "patterns",
            "its topics +/+/ute/reading have some of the platform's own, gjovik/+/+/reading; name what stands first",
        ),
    ],
)
def test_sources_whose_topics_overlap_are_refused(
    tmp_path: Path, files: dict[str, str], field: str, message: str
) -> None:
    (mistake,) = find_mistakes(tmp_path, **files)
    assert mistake.field == field
    assert mistake.message.startswith(message)


def test_patterns_that_begin_with_the_address_go_beside_every_other_source(tmp_path: Path) -> None:
    """Theirs are the topics that no other has; which is which is told by ``SourceTable``."""
    for path in EXAMPLES:
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "plugger.toml").write_text(PLUGS)
    assert len(load_sources(tmp_path, PREFIX)) == len(EXAMPLES) + 1


def test_sources_side_by_side_below_one_root_are_accepted(tmp_path: Path) -> None:
    for key in ("radhus", "skole"):
        (tmp_path / f"{key}.toml").write_text(ZIGBEE + f'root = "zigbee2mqtt/{key}"\n')
    assert set(load_sources(tmp_path, PREFIX)) == {"radhus", "skole"}


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    mistakes = find_mistakes(tmp_path, hage=PLAIN.replace("{address}", "x"), radhus='format = "x"\n', skole=ZIGBEE)
    assert [one.file.name for one in mistakes] == ["hage.toml", "radhus.toml"]


def test_the_example_in_the_documentation_is_right(tmp_path: Path) -> None:
    source, device = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/radhuset-zigbee.toml").write_text(source)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/radhuset.toml").write_text(SITE + device)
    sources = load_sources(tmp_path / "sources", PREFIX)
    (found,) = load_inventory(tmp_path / "inventory", load_device_types(), sources=sources).devices.values()
    assert (found.source, found.model) == ("radhuset-zigbee", "zigbee_climate")


def test_the_documentation_says_of_each_format_its_root_and_whether_it_is_lossless() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+ \| [^|]+ \| [^|]+) \|$", PAGE, re.MULTILINE))
    assert rows.keys() == load_formats().keys()
    for key, one in load_formats().items():
        root, _, promise = rows[key].split(" | ")
        assert root.startswith(f"`{one.root}`" if one.root else "none"), key
        assert promise.startswith(("yes", "as the device publishes") if one.is_lossless else "no"), key


def test_the_documentation_names_every_parameter_of_every_model() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (`[a-z_]+`[^|]*) \|$", PAGE, re.MULTILINE))
    models = {key: one.parameters for key, one in load_models().items() if one.parameters}
    assert rows.keys() == models.keys()
    for key, parameters in models.items():
        assert re.findall("`([a-z_]+)`", rows[key]) == list(parameters), key


def test_what_a_source_that_is_gone_had_is_no_longer_subscribed_to() -> None:
    types = load_device_types()
    here = Configuration(types, make_inventory(types), {}, sources=load_sources(FOLDER / "examples", PREFIX))
    gone = dataclasses.replace(here, sources={})
    assert {"zigbee2mqtt/#", "spBv1.0/#"} <= set(list_obsolete(Mqtt(), gone))
    assert not set(list_obsolete(Mqtt(), here)) & set(here.list_source_filters())
    noted = ["gammelt/#", *here.list_source_filters()]
    assert "gammelt/#" in list_obsolete(Mqtt(), here, noted)
    assert not set(list_obsolete(Mqtt(), here, noted)) & set(here.list_source_filters())
