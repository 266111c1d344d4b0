"""The compose file and what its containers run, as far as that goes without containers.

It is read as YAML and held against the settings, the files it mounts and the scripts that it has run; the scripts run
with a program in the place of InfluxDB's own that writes down what it is asked.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from ingest.settings import Health, Settings, list_settings, name_variable
from ingest.settings_file import load_settings
from tests.stand import ROOT
from tests.test_docs import BLOCK, PAGES

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
FAKE_INFLUX = r"""#!/bin/bash
printf '%q ' "$INFLUX_TOKEN" "$@" >>"$FAKE_LOG"
echo >>"$FAKE_LOG"
[[ "$1 $2" != "$FAKE_FAILS" ]] || exit 1
[[ "$1 $2" != "bucket create" ]] || printf '0a1b2c3d4e5f6071\tname\t720h0m0s\t168h0m0s\torg\timplicit\n'
[[ "$1 $2" != "v1 auth" ]] || echo "an answer that has the password in it"
"""
FLAGS = {
    "bucket create": {"--org", "--name", "--retention", "--hide-headers"},
    "v1 auth create": {"--org", "--username", "--password", "--read-bucket", "--write-bucket"},
    "delete": {"--org", "--bucket", "--start", "--stop", "--predicate"},
}
"""Of the commands of InfluxDB 2.7's program that are used, as its documentation has them."""
SECRETS = ("influx_admin_token", "influx_collector_password", "influx_grafana_password", "influx_health_password")


def find_environment(service: str) -> dict[str, str]:
    """Return the variables of a service."""
    return dict(SERVICES[service].get("environment", {}))


def list_mounts(service: str) -> Mapping[PurePosixPath, str]:
    """Return where a service has which file, folder or volume."""
    mounts = (one.split(":") for one in SERVICES[service].get("volumes", []))
    return {PurePosixPath(target): source for source, target, *_ in mounts}


def is_there(service: str, path: str | Path) -> bool:
    """Whether a path inside a service is in something that is mounted, or a secret that it is given."""
    inside = PurePosixPath(str(path))
    secrets = {PurePosixPath("/run/secrets", one) for one in SERVICES[service].get("secrets", [])}
    return inside in secrets or any(inside.is_relative_to(mount) for mount in list_mounts(service))


def load_collector(**variables: str) -> Settings:
    """Return the settings that the collector's container has, without the files of passwords, which are not here."""
    told = find_environment("collector")
    environment = {name: told[name] for name in told if name.startswith("GJOVIK_") and not name.endswith("_FILE")}
    return load_settings(DEPLOY / "collector.toml", environment | variables)


def test_the_collector_is_told_nothing_but_settings() -> None:
    known = {name_variable(path) for path, _ in list_settings()}
    for service in ("collector", "accounts"):
        told = {name for name in find_environment(service) if name.startswith("GJOVIK_")}
        assert told <= known, service


@pytest.mark.parametrize("health", ["", "health"])
def test_every_path_and_host_of_the_collectors_settings_is_in_its_container(health: str) -> None:
    settings = load_collector(**({"GJOVIK_HEALTH__DATABASE": health} if health else {}))
    assert settings.mqtt.host in SERVICES
    assert re.fullmatch(r"http://(\w+):8086", settings.influx.url or "")[1] in SERVICES  # type: ignore[index]
    told = find_environment("collector")
    passwords = [told[f"GJOVIK_{part}__PASSWORD_FILE"] for part in ("MQTT", "INFLUX", "HEALTH")]
    folders = [str(one) for one in (settings.inventory, settings.rules, settings.store.folder)]
    for path in folders + passwords:
        assert is_there("collector", path), path
    assert list_mounts("collector")[PurePosixPath(settings.store.folder)] in COMPOSE["volumes"]
    command = re.search(r'^CMD \[.*"--settings", "([^"]+)"\]$', (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert command is not None
    assert is_there("collector", command[1])


def test_what_the_settings_name_behind_a_hash_is_mounted_too() -> None:
    text = (DEPLOY / "collector.toml").read_text(encoding="utf-8")
    prepared = re.findall(r'^#\w+ = "(/etc/gjovik/(?!ca\.crt)[^"]+)"', text, re.MULTILINE)
    assert prepared
    assert [path for path in prepared if not is_there("collector", path)] == []


def test_the_accounts_are_made_from_the_same_files_as_the_collector_reads() -> None:
    command = SERVICES["accounts"]["command"]
    assert [one for one in command if one.startswith("/") and not is_there("accounts", one)] == []
    configured = {path: source for path, source in list_mounts("accounts").items() if path.is_relative_to("/etc")}
    assert configured.items() <= list_mounts("collector").items()
    # What it writes others read: the collector its password, the broker the hashes.
    written = command[command.index("--collector-file") + 1]
    assert written == find_environment("collector")["GJOVIK_MQTT__PASSWORD_FILE"]
    assert (
        list_mounts("accounts")[PurePosixPath("/broker")]
        == list_mounts("mosquitto")[PurePosixPath("/mosquitto/accounts")]
    )


def test_the_inventory_is_changed_in_a_container_that_has_what_the_collector_reads_and_its_socket() -> None:
    folder, store = PurePosixPath("/etc/gjovik/inventory"), PurePosixPath("/var/lib/gjovik")
    mounts, of_collector = list_mounts("inventory"), list_mounts("collector")
    assert mounts.items() <= of_collector.items()
    assert {folder, store} < mounts.keys()
    assert f"{mounts[folder]}:{folder}" in SERVICES["inventory"]["volumes"]
    assert f"{of_collector[folder]}:{folder}:ro" in SERVICES["collector"]["volumes"]
    assert SERVICES["inventory"]["profiles"]


def test_the_brokers_files_are_where_its_configuration_says() -> None:
    text = (DEPLOY / "mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    paths = re.findall(r"^(?:persistence_location|password_file|acl_file) (\S+)", text, re.MULTILINE)
    assert len(paths) == 3
    assert [path for path in paths if not is_there("mosquitto", path)] == []


def test_every_secret_that_a_service_reads_it_is_given() -> None:
    for name, service in SERVICES.items():
        told = yaml.safe_dump([service.get(part, "") for part in ("environment", "entrypoint", "command")])
        for mounted in service.get("volumes", []):
            source = DEPLOY / mounted.partition(":")[0]
            told += source.read_text(encoding="utf-8") if source.suffix == ".sh" else ""
        read = set(re.findall(r"/run/secrets/(\w+)", told))
        assert read == set(service.get("secrets", ())), name


def test_who_waits_for_others_waits_for_what_comes() -> None:
    for name, service in SERVICES.items():
        for other, awaited in service.get("depends_on", {}).items():
            if awaited["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other] or "build" in SERVICES[other], name
            else:
                assert (awaited["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no")


def test_grafana_has_every_variable_that_its_provisioning_reads_and_the_board_it_opens() -> None:
    files = (DEPLOY / "grafana/provisioning").rglob("*.yaml")
    read = {name for file in files for name in re.findall(r": \$(\w+)", file.read_text(encoding="utf-8"))}
    told, entrypoint = find_environment("grafana"), SERVICES["grafana"]["entrypoint"][-1]
    assert read == {*(name for name in told if name.startswith("GJOVIK_")), *re.findall(r"(GJOVIK_\w+)=", entrypoint)}
    board = PurePosixPath(told["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(board.parent) == told["GJOVIK_DASHBOARDS"]
    assert (DEPLOY / list_mounts("grafana")[board.parent] / board.name).exists()


def list_compose_commands() -> list[tuple[str, list[str]]]:
    """Return every command of compose that a page shows, in blocks and in sentences."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
        shown += re.findall(r"`(docker compose [^`]+)`", text)
        # One that ends in the middle is a beginning for others.
        found += [(page.name, shlex.split(one, comments=True)) for one in shown if one.startswith("docker compose ")]
    return found


def test_a_command_of_compose_that_is_shown_is_about_a_service_and_files_in_it() -> None:
    commands = list_compose_commands()
    assert len(commands) > 5
    for page, words in commands:
        assert words[2:4] == ["--file", "deploy/compose.yaml"], page
        if words[4] not in {"exec", "run"}:
            continue
        rest = iter(words[5:])
        service = next(one for one in rest if one in SERVICES)
        paths = [one for one in rest if re.fullmatch(r"/[\w./-]+", one)]
        assert [path for path in paths if not is_there(service, path)] == [], (page, words)


def test_what_is_shown_of_deleting_in_influxdb_2_is_understood_by_its_program() -> None:
    (shown,) = (words for page, words in list_compose_commands() if page == "privacy.md" and "-c" in words)
    assert shown[5:8] == ["influxdb", "bash", "-c"]
    token, *words = shlex.split(shown[8])
    assert token == "INFLUX_TOKEN=$(</run/secrets/influx_admin_token)"  # noqa: S105 - where it is
    assert is_there("influxdb", "/run/secrets/influx_admin_token")
    command, options = read_options(words[1:])
    assert (words[0], command) == ("influx", "delete")
    assert options.keys() == FLAGS[command]
    assert options["--org"] == [find_environment("influxdb")["DOCKER_INFLUXDB_INIT_ORG"]]
    assert options["--predicate"] == ['device="alarm-17"']


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """What the scripts of InfluxDB's container find there: secrets, and a program that writes down what it is asked."""
    for name in ("bin", "secrets"):
        (tmp_path / name).mkdir()
    for name in SECRETS:
        (tmp_path / "secrets" / name).write_text(f"word-of-{name}\n")
    program = tmp_path / "bin/influx"
    program.write_text(FAKE_INFLUX)
    program.chmod(0o755)
    for script in (DEPLOY / "influxdb").glob("*.sh"):
        text = script.read_text(encoding="utf-8").replace("/run/secrets", str(tmp_path / "secrets"))
        (tmp_path / script.name).write_text(text)
    return tmp_path


def run_script(container: Path, name: str, *words: str, fails: str = "") -> tuple[int, str, list[list[str]]]:
    """Return how a script ended, what it said, and what it asked: the token, then the words of the command."""
    (container / "log").unlink(missing_ok=True)
    environment = {
        "PATH": f"{container / 'bin'}:{os.environ['PATH']}",
        "FAKE_LOG": str(container / "log"),
        "FAKE_FAILS": fails,
        **{key: value for key, value in find_environment("influxdb").items() if key.endswith(("_ORG", "_BUCKET"))},
        "DOCKER_INFLUXDB_INIT_BUCKET_ID": "ffff000011112222",
    }
    bash = shutil.which("bash") or "/bin/bash"
    done = subprocess.run(
        [bash, str(container / name), *words], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    log = container / "log"
    return (
        done.returncode,
        done.stdout + done.stderr,
        [*map(shlex.split, log.read_text().splitlines())] if log.exists() else [],
    )


def read_options(words: list[str]) -> tuple[str, dict[str, list[str]]]:
    """Return the command, and its options, of which some may be repeated; InfluxDB's program must know them all."""
    command = next(one for one in FLAGS if " ".join(words).startswith(one))
    options: dict[str, list[str]] = {}
    rest = words[len(command.split()) :]
    while rest:
        assert rest[0] in FLAGS[command], words
        has_value = rest[0] != "--hide-headers"
        options.setdefault(rest[0], []).extend(rest[1:2] if has_value else [])
        rest = rest[2 if has_value else 1 :]
    return command, options


def test_the_bucket_for_health_is_made_with_one_account_that_may_use_it(container: Path) -> None:
    code, said, asked = run_script(container, "setup-health-2.x.sh", "health", "90d")
    assert (code, said) == (0, "")
    assert {words[0] for words in asked} == {"word-of-influx_admin_token"}
    (made, bucket), (granted, account) = (read_options(words[1:]) for words in asked)
    assert (made, granted) == ("bucket create", "v1 auth create")
    assert bucket == {"--org": ["gjovik"], "--name": ["health"], "--retention": ["90d"], "--hide-headers": []}
    assert account == {
        "--org": ["gjovik"],
        "--username": [Health().username],
        "--password": ["word-of-influx_health_password"],
        "--read-bucket": ["0a1b2c3d4e5f6071"],
        "--write-bucket": ["0a1b2c3d4e5f6071"],
    }
    # As the collector logs in, and with the same secret.
    assert load_collector(GJOVIK_HEALTH__DATABASE="health").health.username == Health().username
    assert find_environment("collector")["GJOVIK_HEALTH__PASSWORD_FILE"].endswith("/influx_health_password")
    _, _, (for_ever, _) = run_script(container, "setup-health-2.x.sh", "health")
    assert read_options(for_ever[1:])[1]["--retention"] == ["0"]


@pytest.mark.parametrize(
    ("words", "fails", "commands"),
    [
        ((), "", []),
        (("sensors",), "", []),
        (("health",), "bucket create", ["bucket create"]),
        (("health",), "v1 auth", ["bucket create", "v1 auth create"]),
    ],
)
def test_a_bucket_for_health_that_cannot_be_made_gets_no_account_and_that_of_grafana_is_refused(
    container: Path, words: tuple[str, ...], fails: str, commands: list[str]
) -> None:
    code, said, asked = run_script(container, "setup-health-2.x.sh", *words, fails=fails)
    assert code != 0
    assert [read_options(one[1:])[0] for one in asked] == commands
    assert said or commands


def test_the_shared_bucket_has_accounts_of_the_collector_and_of_grafana_which_only_reads(container: Path) -> None:
    code, said, asked = run_script(container, "setup-2.x.sh")
    assert (code, said) == (0, "")
    told = [read_options(words[1:]) for words in asked]
    assert [command for command, _ in told] == ["bucket create", "v1 auth create", "v1 auth create"]
    both = ["ffff000011112222", "0a1b2c3d4e5f6071"]
    accounts = {options["--username"][0]: options for _, options in told[1:]}
    assert accounts["collector"]["--read-bucket"] == accounts["collector"]["--write-bucket"] == both
    assert accounts["grafana"]["--read-bucket"] == both
    assert "--write-bucket" not in accounts["grafana"]
    assert load_collector().influx.username in accounts
    assert find_environment("grafana")["GJOVIK_INFLUX_USER"] in accounts
    assert told[0][1]["--name"] == [f"{load_collector().influx.database}/1h"]
