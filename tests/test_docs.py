"""The documentation says what there is: every command, every setting, every file that it points to."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gjovik
from ingest.settings import list_settings, name_variable
from schemas.reason import Reason
from tests.stand import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "devices/README.md"]
PAGES += [*sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("deploy/**/*.md"))]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PLACE = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def list_places(page: Path) -> set[str]:
    """Return the anchors of a page, as a forge makes them of its headings."""
    headings = HEADING.findall(ANY_BLOCK.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    for target, place in PLACE.findall(page.read_text()):
        leads_to = page.parent / target if target else page
        if leads_to.suffix == ".md":
            assert place in list_places(leads_to), f"{target}#{place}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / target).resolve() for target in LINK.findall((ROOT / "README.md").read_text())}
    assert {page.name for page in ROOT.glob("docs/**/*.md") if page.resolve() not in linked} == set()


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "deploy/decisions"
    linked = LINK.findall((folder / "README.md").read_text())
    assert linked == sorted(page.name for page in folder.glob("0*.md"))


def test_every_command_and_its_options_are_documented() -> None:
    text = (ROOT / "docs/reference/commands.md").read_text()
    for name, command in gjovik.list_commands().items():
        assert f"\n## {name}\n" in text
        assert command.help, f"{name} has no help"
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name} has no help"
            assert all(f"`{option}" in text or f", {option}" in text for option in parameter.opts if option[0] == "-")


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    for path, field in list_settings():
        assert f"`{'.'.join(path)}`" in text
        assert f"`{name_variable(path)}`" in text
        assert field.description, path


def test_every_reason_is_documented() -> None:
    text = (ROOT / "docs/reference/reasons.md").read_text()
    assert all(f"`{reason.value}`" in text for reason in Reason)


def list_shown_commands() -> list[tuple[str, list[str]]]:
    """Return every ``gjovik`` command that a page shows, split into words."""
    shown = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            lines = (line.strip() for line in block.splitlines())
            shown += [(str(page.relative_to(ROOT)), shlex.split(line, comments=True)) for line in lines if line]
    return [(page, ["gjovik", *words[1:]]) for page, words in shown if words and words[0].endswith("gjovik")]


@pytest.mark.parametrize(("page", "words"), list_shown_commands(), ids=lambda value: " ".join(value)[:60])
def test_a_command_that_is_shown_exists_with_its_options(page: str, words: list[str]) -> None:
    commands = gjovik.list_commands()
    name = next((" ".join(words[:length]) for length in (4, 3, 2) if " ".join(words[:length]) in commands), None)
    assert name is not None, f"{page} shows {words[:3]}"
    options = {option for parameter in commands[name].params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"{page}: {name} has no {word}"


def list_decoded() -> list[tuple[str, ...]]:
    """Return the words of every ``gjovik decode`` with bytes in it that a page or a help text shows."""
    texts = [page.read_text() for page in PAGES]
    lines = {line.strip() for text in texts for line in text.splitlines() if line.strip().startswith("gjovik decode")}
    return sorted(tuple(shlex.split(line, comments=True)[1:]) for line in lines if "--hex" in line)


@pytest.mark.parametrize("words", list_decoded(), ids=" ".join)
def test_a_payload_that_is_shown_is_decoded(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(gjovik.app, list(words))
    assert result.exit_code == 0, result.output


def test_ci_runs_exactly_what_the_readme_names() -> None:
    script = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("deploy/")]
    assert script == ["deploy/check", "deploy/test"]
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{command}`" in readme or f"\n{command} " in readme for command in script)
    for command in script:
        assert (ROOT / command).exists()
