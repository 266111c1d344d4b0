"""Settings from a file and the environment: what counts, what is refused, and that no secret is printed."""

import json
import os
import re
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest.settings import Influx, Mqtt, Settings, list_settings, name_variable
from ingest.settings_file import load_settings, merge, read_secret
from ingest.toml_file import ConfigurationError, Mistake

SECRET = "correct horse"  # noqa: S105 - it opens nothing
SAMPLES = {
    "GJOVIK_MQTT__HOST": "broker.example",
    "GJOVIK_MQTT__USERNAME": "collector-2",
    "GJOVIK_MQTT__SITES": '["school","town-hall"]',
    "GJOVIK_MQTT__SHARE": "collectors",
    "GJOVIK_MQTT__TOPIC_PREFIX": "town/sensors",
    "GJOVIK_INFLUX__URL": "https://database:8086",
    "GJOVIK_INFLUX__DATABASE": "readings",
    "GJOVIK_HEALTH__DATABASE": "health",
    "GJOVIK_HEARTBEAT__URL": "https://watcher/1",
    "GJOVIK_METRICS__LISTEN": "127.0.0.1:9464",
}
"""Values of settings that take only some texts."""


def write(folder: Path, text: str) -> Path:
    path = folder / "collector.toml"
    path.write_text(text)
    return path


def find_mistakes(path: Path | None, environ: dict[str, str] | None = None) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environ or {})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    return caught.value.mistakes


def test_without_file_and_variables_the_defaults_count() -> None:
    assert load_settings(None, {"PATH": "/bin", "HOME": "/root"}) == Settings()
    assert Settings().mqtt.port == 1883


def test_settings_take_nothing_from_the_process_behind_ones_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GJOVIK_MQTT__HOST", "elsewhere")
    assert Settings().mqtt.host == "127.0.0.1"
    assert load_settings(None, {}).mqtt.host == "127.0.0.1"
    assert load_settings(None, os.environ).mqtt.host == "elsewhere"


def test_a_variable_overrides_the_file_and_leaves_its_neighbours(tmp_path: Path) -> None:
    path = write(tmp_path, '[mqtt]\nhost = "broker"\nport = 8883\n[ingest]\naccept_simulated = true\n')
    environ = {"GJOVIK_MQTT__HOST": "other", "GJOVIK_INFLUX__TIMEOUT_S": "2.5"}
    settings = load_settings(path, environ)
    assert (settings.mqtt.host, settings.mqtt.port) == ("other", 8883)
    assert settings.ingest.accept_simulated
    assert settings.influx.timeout_s == 2.5


def test_every_setting_has_a_variable(tmp_path: Path) -> None:
    named = tmp_path / "file"
    named.touch()
    # What certificates need beside themselves.
    together = {"GJOVIK_MQTT__TLS__ENABLED": "true", "GJOVIK_INFLUX__URL": "https://database:8086"}
    together |= {f"GJOVIK_MQTT__TLS__{name}_FILE": str(named) for name in ("CERT", "KEY")}
    for path, info in list_settings():
        variable = name_variable(path)
        of_its_kind: dict[object, str] = {int: str(info.default), float: "70.5", bool: "true"}
        value = SAMPLES.get(variable) or of_its_kind.get(info.annotation, str(named))
        found: object = load_settings(None, together | {variable: value})
        for part in path:
            found = getattr(found, part)
        shown = found.get_secret_value() if isinstance(found, SecretStr) else str(found)
        if isinstance(found, tuple):
            shown = json.dumps(found, separators=(",", ":"))
        assert (shown.lower() if isinstance(found, bool) else shown) == value


def test_relative_paths_of_a_file_start_at_its_folder_and_others_at_the_current_one(tmp_path: Path) -> None:
    path = write(tmp_path, 'inventory = "town"\nrules = "/rules"\n')
    settings = load_settings(path, {"GJOVIK_STORE__FOLDER": "store"})
    assert settings.inventory == tmp_path / "town"
    assert settings.rules == Path("/rules")
    assert settings.store.folder == Path("store")
    assert load_settings(path, {"GJOVIK_INVENTORY": "town"}).inventory == Path("town")


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ('\n[mqtt]\nhots = "broker"\n', 3, "mqtt.hots", r"is not known; did you mean host\?"),
        ("[mqt]\n", 1, "mqt", r"did you mean mqtt\?"),
        (
            "xyz = 1\n",
            1,
            "xyz",
            "is not known; known here: inventory, rules, sources, mqtt, influx, health, store, quarantine, ingest",
        ),
        ("[mqtt.tls]\nenable = 1\n", 2, "mqtt.tls.enable", r"did you mean enabled\?"),
        ("mqtt.port = 70000\n", 1, "mqtt.port", "must be at most 65535, not 70000"),
        ('mqtt.port = "a"\n', 1, "mqtt.port", 'must be a whole number, not "a"'),
        ("mqtt = 1\n", 1, "mqtt", "must be a table$"),
        ('[mqtt]\ntopic_prefix = "a/#"\n', 2, "mqtt.topic_prefix", "must be segments of a topic"),
        ('[influx]\nurl = "localhost:8086"\n', 2, "influx.url", "must be http:// or https://"),
        ("[influx]\ntimeout_s = 0\n", 2, "influx.timeout_s", "must be more than 0, not 0"),
        ("inventory = 1\n", 1, "inventory", "must be a text in quotes that names a file or folder"),
        ("[mqtt]\nhost =\n", 2, "", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, field: str, message: str
) -> None:
    path = write(tmp_path, text)
    (mistake,) = find_mistakes(path)
    assert (mistake.file, mistake.line, mistake.field) == (path, line, field)
    assert re.search(message, mistake.message)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GJOVIK_MQTT__HOTS", "x", r"is not known; did you mean GJOVIK_MQTT__HOST\?"),
        ("GJOVIK_MQTT_HOST", "x", r"is not known; did you mean GJOVIK_MQTT__HOST\?"),
        ("gjovik_mqtt__host", "x", "is not known"),
        (
            "GJOVIK_MQTT",
            '{"host": "x"}',
            "is a branch, not a setting; set for example GJOVIK_MQTT__BROKER_MEMORY_BYTES",
        ),
        ("GJOVIK_MQTT__PORT", "many", 'must be a whole number, not "many"'),
        ("GJOVIK_MQTT__PASSWORD_FILE", "/nowhere/secret", "/nowhere/secret does not exist or cannot be read"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(variable: str, value: str, message: str) -> None:
    (mistake,) = find_mistakes(None, {variable: value})
    assert (str(mistake.file), mistake.line, mistake.field) == ("environment", 0, variable)
    assert re.search(message, mistake.message)


def test_all_mistakes_are_reported_together_at_their_own_places(tmp_path: Path) -> None:
    path = write(tmp_path, "[mqtt]\nport = 0\nkeep_alive_s = 1\nxyz = 1\n")
    mistakes = find_mistakes(path, {"GJOVIK_MQTT__PORT": "x", "GJOVIK_XYZ": "1"})
    assert sorted((mistake.file.name, mistake.line, mistake.field) for mistake in mistakes) == [
        ("collector.toml", 3, "mqtt.keep_alive_s"),
        ("collector.toml", 4, "mqtt.xyz"),
        ("environment", 0, "GJOVIK_MQTT__PORT"),
        ("environment", 0, "GJOVIK_XYZ"),
    ]


@pytest.mark.parametrize("part", ["mqtt", "influx"])
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, part: str) -> None:
    path = write(tmp_path, f'[{part}]\nusername = "x"\npassword = "{SECRET}"\nxyz = 1\n')
    mistakes = find_mistakes(path)
    assert (mistakes[0].line, mistakes[0].field) == (3, f"{part}.password")
    assert "name that in password_file" in mistakes[0].message


@pytest.mark.parametrize(
    "text",
    [
        f'[mqtt]\npasswort = "{SECRET}"\n',
        f'mqtt = "{SECRET}"\n',
        f'[influx]\nurl = "http://collector:{SECRET}@host:8086"\n',
        f'[heartbeat]\nurl = "{SECRET}"\n',
    ],
)
def test_what_may_be_secret_is_not_repeated(tmp_path: Path, text: str) -> None:
    assert find_mistakes(write(tmp_path, text))


def test_a_secret_in_the_settings_is_masked() -> None:
    settings = load_settings(None, {"GJOVIK_MQTT__PASSWORD": SECRET, "GJOVIK_INFLUX__PASSWORD": SECRET})
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert SECRET not in shown
    assert read_secret(settings.mqtt, "mqtt") == read_secret(settings.influx, "influx") == SECRET


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    path = write(tmp_path, '[influx]\npassword_file = "token"\n')
    assert read_secret(load_settings(path, {}).influx, "influx") == SECRET


def test_a_secret_must_be_given_exactly_once_and_be_readable(tmp_path: Path) -> None:
    empty, long, binary = tmp_path / "empty", tmp_path / "long", tmp_path / "binary"
    empty.write_text("\n")
    long.write_text(f"{SECRET}\nagain\n")
    binary.write_bytes(b"\xff\xfe")
    for part, name, message in (
        (Mqtt(), "mqtt", "environment: mqtt.password_file: is missing: .* or set GJOVIK_MQTT__PASSWORD$"),
        (Influx(), "influx", "or set GJOVIK_INFLUX__PASSWORD$"),
        (Mqtt(password=SecretStr(""), password_file=empty), "mqtt", "is set beside GJOVIK_MQTT__PASSWORD"),
        (Mqtt(password=SecretStr("")), "mqtt", "environment: GJOVIK_MQTT__PASSWORD: is empty"),
        (Mqtt(password_file=empty), "mqtt", "empty: mqtt.password_file: is empty"),
        (Mqtt(password_file=long), "mqtt", "must hold the password in one line"),
        (Mqtt(password_file=binary), "mqtt", "is not UTF-8 text"),
        (Mqtt(password_file=tmp_path), "mqtt", "cannot be read: Is a directory"),
        (Mqtt(password_file=tmp_path / "nothing"), "mqtt", "cannot be read: No such file"),
    ):
        with pytest.raises(ConfigurationError, match=message) as caught:
            read_secret(part, name)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ('mqtt.tls = { enabled = true, ca_file = "no.pem" }', 1, "mqtt.tls.ca_file", "no.pem does not exist"),
        ('mqtt.tls = { enabled = true, ca_file = "." }', 1, "mqtt.tls.ca_file", "is not a file"),
        ('mqtt.tls = { enabled = true, cert_file = "x" }', 1, "mqtt.tls.key_file", "belong together"),
        ('[mqtt.tls]\nca_file = "x"', 2, "mqtt.tls.ca_file", "the connection is not encrypted"),
        ('[influx]\nca_file = "x"', 2, "influx.ca_file", "is of no use with an http:// address"),
    ],
)
def test_files_of_encryption_must_exist_and_make_sense(
    tmp_path: Path, text: str, line: int, field: str, message: str
) -> None:
    (tmp_path / "x").touch()
    (mistake,) = find_mistakes(write(tmp_path, text))
    assert (mistake.line, mistake.field) == (line, field)
    assert message in mistake.message


def test_trees_are_merged_leaf_by_leaf() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "d": {"e": 5}}) == {
        "a": {"b": 4, "c": 2},
        "d": {"e": 5},
    }


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ('[mqtt]\nhost = "broker\\u0000"', "mqtt.host", "must be a host name"),
        ('[mqtt]\nhost = "mqtt://broker"', "mqtt.host", "must be a host name"),
        ('[mqtt]\nusername = "a/b"', "mqtt.username", "one segment of a topic"),
        ('[mqtt]\nsites = ["school", "a/+"]', "mqtt.sites[1]", "one segment of a topic"),
        ('[mqtt]\nsites = "school"', "mqtt.sites", "must be an array"),
        ('[mqtt]\nshare = "#"', "mqtt.share", "one segment of a topic"),
        ("[mqtt]\nbroker_memory_bytes = 1e300", "mqtt.broker_memory_bytes", "must be a whole number"),
        (f"[store]\nmost_bytes = {2**63}", "store.most_bytes", "must be at most"),
        ("[store]\nmost_bytes = 1_000", "store.most_bytes", "must be at least"),
        (f"[ingest]\nkept_payload_bytes = {2**40}", "ingest.kept_payload_bytes", "must be at most"),
        ("[influx]\nrequests_in_flight = 0", "influx.requests_in_flight", "must be at least 1"),
        ('[store]\nfolder = "a\\u0000b"', "store.folder", "NUL"),
        (f"[mqtt]\nport = 0x{'f' * 5_000}", "mqtt.port", "must be at most 65535, not one of thousands of digits"),
        ('[mqtt]\nport = "a\\nb\\u001b"', "mqtt.port", r'must be a whole number, not "a\nb\u001b"'),
        ('[mqtt]\npassword_file = "a\\u0000b"', "mqtt.password_file", "NUL"),
    ],
)
def test_odd_values_are_mistakes_and_no_crash(tmp_path: Path, text: str, field: str, message: str) -> None:
    (mistake,) = find_mistakes(write(tmp_path, text))
    assert mistake.field == field
    assert message in mistake.message


def test_sites_in_the_environment_must_be_json() -> None:
    (mistake,) = find_mistakes(None, {"GJOVIK_MQTT__SITES": "school,town-hall"})
    assert (mistake.field, "JSON array" in mistake.message) == ("GJOVIK_MQTT__SITES", True)


def test_settings_from_a_pipe_are_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "collector.toml")
    (mistake,) = find_mistakes(tmp_path / "collector.toml")
    assert "is a pipe" in mistake.message
