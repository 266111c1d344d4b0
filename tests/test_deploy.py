"""What installs and configures: scripts, pinned versions, compose file, systemd unit, the settings that ship."""

import base64
import importlib.metadata
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ingest.settings_file import load_settings
from simulators.testbed.port import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SCRIPTS = [
    *(DEPLOY / name for name in ("install", "demo", "test", "check", "secrets")),
    DEPLOY / "influxdb" / "setup-2.x.sh",
    DEPLOY / "influxdb" / "setup-health-2.x.sh",
    ROOT / ".ci" / "run",
]
NOBODY = 65_534
FAKE_PYTHON = """#!/bin/bash
case "$*" in
--version) echo "Python 3.11.2" ;;
"-m venv "*)
    mkdir -p .venv/bin
    cp "$0" .venv/bin/python
    echo "command = python -m venv $PWD/.venv" >.venv/pyvenv.cfg ;;
"-m pip "*) echo "pip ${*:3} with $PIP_CONSTRAINT" >>log ;;
esac
"""
FAKE_SUDO = """#!/bin/bash
echo "sudo $*" >>log
[[ $1 != install ]] || cat >/dev/null
"""


def _run(command: Sequence[str | Path], folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_executable_and_strict_and_bash_reads_it(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
    assert _run(["bash", "-n", script]).stderr == ""


def test_shellcheck_has_nothing_to_say() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    assert _run(["shellcheck", *SCRIPTS]).stdout == ""


@pytest.fixture
def clone() -> Iterator[Path]:
    """A folder that everybody may enter, with the installer, and ``bin`` with all that it calls but no packages."""
    with tempfile.TemporaryDirectory(prefix="gjovik-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "deploy").mkdir()
        for source in ("pyproject.toml", "deploy/install", "deploy/constraints.txt", "deploy/secrets"):
            shutil.copy(ROOT / source, folder / source)
        (folder / "bin").mkdir()
        for tool in ("bash", "cat", "cp", "cut", "dirname", "env", "grep", "mkdir", "rm", "setpriv", "sha256sum"):
            (folder / "bin" / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
        _add_program(folder, "python3.11", FAKE_PYTHON)
        _add_program(folder, "mosquitto")
        if os.geteuid() == 0:
            for path in (folder, folder / "deploy"):
                os.chown(path, NOBODY, NOBODY)
        yield folder


def _add_program(clone: Path, name: str, text: str = "#!/bin/bash\n") -> None:
    program = clone / "bin" / name
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)


def _install(clone: Path) -> subprocess.CompletedProcess[str]:
    """Run the installer as somebody who is not root."""
    command = ["/bin/bash", "deploy/install", "dev"]
    if os.geteuid() == 0:
        command = ["/usr/bin/setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    return _run(command, clone, PATH=str(clone / "bin"), PIP_CONSTRAINT="mine.txt")


def _log(clone: Path) -> list[str]:
    log = clone / "log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_nobody_is_asked_for_root_when_nothing_is_missing(clone: Path) -> None:
    _add_program(clone, "influxd")
    _add_program(clone, "sudo", FAKE_SUDO)
    done = _install(clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert _log(clone) == ["pip install --quiet --editable .[dev] with deploy/constraints.txt mine.txt"]


def test_a_second_run_does_nothing_until_something_changes(clone: Path) -> None:
    _add_program(clone, "influxd")
    _install(clone)
    again = _install(clone)
    assert again.stdout == "install: .venv is up to date\n"
    assert len(_log(clone)) == 1
    with (clone / "deploy" / "constraints.txt").open("a") as constraints:
        constraints.write("more==1\n")
    _install(clone)
    assert len(_log(clone)) == 2


def test_without_root_and_sudo_a_missing_package_is_one_clear_sentence(clone: Path) -> None:
    done = _install(clone)
    assert done.returncode == 1
    assert done.stderr == (
        "install: missing: influxdb. Only root can install them, and there is no sudo;"
        " run as root: apt-get install influxdb\n"
    )
    assert not (clone / ".venv").exists()


def test_sudo_installs_what_is_missing_and_touches_no_service_that_exists(clone: Path) -> None:
    _add_program(clone, "sudo", FAKE_SUDO)
    _add_program(clone, "apt-get")
    done = _install(clone)
    assert (done.returncode, done.stderr) == (0, "")
    log = _log(clone)
    install = "apt-get -qq install --yes --no-install-recommends influxdb"
    packages = [f"sudo {line}" for line in ("apt-get -qq update", f"env DEBIAN_FRONTEND=noninteractive {install}")]
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        assert log[:-1] == packages
    else:
        assert log[:-1] == [
            f"sudo install -m 0755 /dev/stdin {policy}",
            *packages,
            f"sudo rm -f {policy}",
        ]


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    shutil.copy(DEPLOY / "secrets", tmp_path / "deploy")
    assert _run(["deploy/secrets"], tmp_path).returncode == 0
    folder = tmp_path / "var" / "secrets"
    first = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert _run(["deploy/secrets"], tmp_path).returncode == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == first
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(set(first.values())) == len(first)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", secret) for secret in first.values())
    assert set(first) == set(_read_compose()["secrets"])


def _read_compose() -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return compose


def test_every_service_says_whether_it_is_well() -> None:
    assert "\nHEALTHCHECK " in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for name, service in _read_compose()["services"].items():
        ends_by_itself = service["restart"] == "no"
        assert "healthcheck" in service or "build" in service or ends_by_itself, name


def test_every_image_is_pinned() -> None:
    for name, service in _read_compose()["services"].items():
        assert "build" in service or re.search(r":\d+\.\d+\.\d+$", service["image"]), name


def test_no_service_has_a_secret_that_others_know() -> None:
    for name, service in _read_compose()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert re.match("/run/secrets/|/accounts/", value), (name, variable)


def test_nothing_listens_outside_the_machine_unless_somebody_says_so() -> None:
    published = [port for service in _read_compose()["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not re.match(r"\$\{\w+:-127\.0\.0\.1\}:", port)] == []


def test_every_file_and_volume_that_the_services_mount_exists() -> None:
    compose = _read_compose()
    sources = {mount.partition(":")[0] for one in compose["services"].values() for mount in one.get("volumes", [])}
    assert {source for source in sources if "/" not in source} == set(compose["volumes"])
    assert [source for source in sources if "/" in source and not (DEPLOY / source).exists()] == []


def _read_constraints() -> dict[str, str]:
    lines = (DEPLOY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def _walk_requirements(texts: Sequence[str], extras: frozenset[str] = frozenset({""})) -> Iterator[str]:
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield canonicalize_name(requirement.name)
            wanted = frozenset({"", *requirement.extras})
            yield from _walk_requirements(importlib.metadata.requires(requirement.name) or [], wanted)


def test_constraints_pin_all_that_is_installed_and_what_builds_it() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    stated = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    needed = {*_walk_requirements([text for text in stated if not text.startswith(project["name"])])}
    constraints = _read_constraints()
    assert needed - set(constraints) == set()
    assert {name: constraints[name] for name in needed} == {name: importlib.metadata.version(name) for name in needed}
    assert {Requirement(text).name for text in pyproject["build-system"]["requires"]} <= set(constraints)


def test_no_file_has_the_address_of_a_package_server() -> None:
    listed = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    if listed.returncode != 0:
        pytest.skip("this is not a clone: git lists no files")
    # Written apart so that this file does not find itself.
    words = ["pypi" + ".org", "python" + "hosted", "index" + "-url", "find" + "-links", "deb http" + "s?:"]
    forbidden = re.compile("|".join(words).encode())
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 50
    assert [path for path in files if path.is_file() and forbidden.search(path.read_bytes())] == []


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "systemd" / "gjovik-collector.service").read_text(encoding="utf-8")
    program = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert program is not None
    # It wants the program to exist.
    copy = tmp_path / "gjovik-collector.service"
    copy.write_text(unit.replace(program[1], "/bin/true"), encoding="utf-8")
    verified = _run(["systemd-analyze", "verify", "--man=no", copy])
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_settings_that_ship_are_settings() -> None:
    settings = load_settings(DEPLOY / "collector.toml", {})
    assert (settings.mqtt.username, settings.influx.database) == ("collector", "sensors")
    assert not settings.ingest.accept_simulated


def _read_rights(url: str, password: str) -> dict[str, set[str]]:
    """Return the databases to which each account but the administrator's has a right."""
    rights = {}
    for name in ("collector", "grafana", "collector-health"):
        login = base64.b64encode(f"admin:{password}".encode()).decode()
        body = urllib.parse.urlencode({"q": f'SHOW GRANTS FOR "{name}"'}).encode()
        request = urllib.request.Request(f"{url}/query", data=body, headers={"Authorization": f"Basic {login}"})  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
            (series,) = json.load(answer)["results"][0]["series"]
        rights[name] = {database for database, right in series.get("values", ()) if right != "NO PRIVILEGES"}
    return rights


def test_influxdb_1_is_set_up_once_and_again(tmp_path: Path) -> None:
    environment = os.environ | {
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{free_port()}",
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{(port := free_port())}",
        **{f"INFLUXDB_{name}": str(tmp_path / name) for name in ("META_DIR", "DATA_DIR", "DATA_WAL_DIR")},
    }
    script, url = str(DEPLOY / "influxdb/setup_1x.py"), f"http://127.0.0.1:{port}"
    setup = [sys.executable, script, str(tmp_path / "secrets"), "--url", url, "--health", "health"]
    command = ["setpriv", "--pdeathsig", "TERM", "influxd", "run", "-config", str(DEPLOY / "influxdb/influxdb.conf")]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=environment, stderr=log) as server:
        try:
            for _ in range(200):
                first = subprocess.run(setup, capture_output=True, text=True, check=False)
                if "cannot be reached" not in first.stderr:
                    break
                time.sleep(0.1)
            again = subprocess.run(setup, capture_output=True, text=True, check=False)
            rights = _read_rights(url, (tmp_path / "secrets/influx-admin").read_text().strip())
        finally:
            server.terminate()
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    passwords = {file.name: file.read_text().strip() for file in (tmp_path / "secrets").iterdir()}
    assert set(passwords) == {"influx", "influx-admin", "influx-grafana", "influx-health"}
    # Of the two databases each account sees its own.
    assert rights == {"collector": {"sensors"}, "grafana": {"sensors"}, "collector-health": {"health"}}
    shown = first.stdout + (tmp_path / "log").read_text()
    assert not [name for name, password in passwords.items() if password in shown]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (tmp_path / "secrets").iterdir())
