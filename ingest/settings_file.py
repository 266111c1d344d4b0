"""Settings from a TOML file and environment variables, and the secrets that they point to. Nothing connects here.

A relative path in the settings file is relative to the folder of that file; in a variable, and in the defaults, to the
current folder. A variable overrides the file.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from ingest.settings import VARIABLE_PREFIX, Health, Influx, Mqtt, Settings, Tls, list_settings, name_variable
from ingest.toml_file import ConfigurationError, Mistake, TomlFile, read_toml
from ingest.toml_table import explain_error, explain_unknown

ENVIRONMENT = Path("environment")
"""Stands for the file in a Mistake about a variable."""

_PATTERNS = {
    r"^[^/+#\x00]+(/[^/+#\x00]+)*$": "must be segments of a topic with / between them, without + and #",
    r"^https?://[^/@]+/?$": "must be http:// or https:// with a host and a port, without a path, user or password",
    r"^[A-Za-z0-9][A-Za-z0-9_-]*$": "must be letters, digits, _ and -, beginning with a letter or digit",
    r"^[^\s\x00/]+$": "must be a host name or an address, without spaces, a scheme or a path",
    r"^[^/+#\x00]+$": "must be one segment of a topic, without /, + and #",
    r"^https?://": "must begin with http:// or https://",
}
_NEVER_SHOWN = frozenset({"password", "url"})
_FILES = frozenset({"ca_file", "cert_file", "key_file", "password_file"})


class _Environment(EnvSettingsSource):
    """The variables of a given environment instead of this process's."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        path: The TOML file; None for defaults and variables only.
        environ: Environment variables, as in ``os.environ``.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is, with secrets left out.
    """
    mistakes: list[Mistake] = []
    file = None if path is None else read_toml(path)
    stated = {} if file is None else _read_file(file, mistakes)
    variables = _choose_variables(environ, mistakes)
    try:
        settings = Settings(**merge(stated, _read_variables(variables, mistakes)))
    except ValidationError as error:
        mistakes += [_describe(details, file, variables) for details in error.errors(include_url=False)]
        # Without its cause: pydantic's own text repeats what it was given, which may be secret.
        raise ConfigurationError(mistakes) from None
    found = (*_check_files(settings), *_check_health(settings))
    mistakes += [_place(where, message, file, variables) for where, message in found]
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def read_secret(part: Mqtt | Influx | Health, name: str) -> str:
    """Return the password of a connection.

    Args:
        part: Settings of the connection.
        name: Of that part in the settings, ``mqtt``, ``influx`` or ``health``, for messages.

    Raises:
        ConfigurationError: There is none, there are two, or the file cannot be read or holds none.
    """
    variable, field = name_variable((name, "password")), f"{name}.password_file"
    if part.password is not None and part.password_file is not None:
        message = f"is set beside {variable}; keep one of them, so that it is clear which counts"
        raise ConfigurationError([Mistake(part.password_file, 0, field, message)])
    if part.password is not None:
        return _check_secret(part.password.get_secret_value(), ENVIRONMENT, variable)
    if part.password_file is None:
        message = f"is missing: name a file that holds the password, or set {variable}"
        raise ConfigurationError([Mistake(ENVIRONMENT, 0, field, message)])
    try:
        text = part.password_file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigurationError([Mistake(part.password_file, 0, field, message)]) from error
    except UnicodeDecodeError:
        raise ConfigurationError([Mistake(part.password_file, 0, field, "is not UTF-8 text")]) from None
    return _check_secret(text.rstrip("\r\n"), part.password_file, field)


def _check_secret(secret: str, file: Path, field: str) -> str:
    if not secret:
        raise ConfigurationError([Mistake(file, 0, field, "is empty; put the password in it")])
    if not secret.isprintable():
        raise ConfigurationError([Mistake(file, 0, field, "must hold the password in one line and nothing else")])
    return secret


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees of tables as one; where both have a value, that of ``over`` counts."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _read_file(file: TomlFile, mistakes: list[Mistake]) -> dict[str, Any]:
    """Return the values of a settings file, without passwords and with its relative paths resolved."""
    stated = file.values
    for path, info in list_settings():
        *parents, key = path
        table: Any = stated
        for parent in parents:
            table = table.get(parent) if isinstance(table, dict) else None
        if not isinstance(table, dict) or key not in table:
            continue
        if info.annotation == SecretStr | None:
            del table[key]
            message = f"must not be in the settings file; put it in a file of its own and name that in {key}_file"
            mistakes.append(file.mistake(path, message))
        elif info.annotation in (Path, Path | None) and isinstance(table[key], str):
            table[key] = str(file.path.parent / table[key])
    return stated


def _choose_variables(environ: Mapping[str, str], mistakes: list[Mistake]) -> dict[str, str]:
    """Return the platform's variables, and refuse those that it does not know."""
    known = {name_variable(path) for path, _ in list_settings()}
    chosen: dict[str, str] = {}
    for name, value in environ.items():
        if name in known:
            chosen[name] = value
        elif name.upper().startswith(VARIABLE_PREFIX):
            branch = sorted(other for other in known if other.startswith(f"{name}__"))
            message = (
                f"is a branch, not a setting; set for example {branch[0]}" if branch else explain_unknown(name, known)
            )
            mistakes.append(Mistake(ENVIRONMENT, 0, name, message))
    return chosen


def _read_variables(variables: Mapping[str, str], mistakes: list[Mistake]) -> dict[str, Any]:
    """Return the tree that the variables give; what is no JSON where JSON is asked for is a mistake and left out."""
    good = dict(variables)
    while True:
        try:
            return _Environment(good)()
        except SettingsError:
            wrong = next(name for name in sorted(good) if not _is_readable({name: good[name]}))
            del good[wrong]
            message = 'must be a JSON array such as ["school", "town-hall"]'
            mistakes.append(Mistake(ENVIRONMENT, 0, wrong, message))


def _is_readable(variables: Mapping[str, str]) -> bool:
    try:
        _Environment(variables)()
    except SettingsError:
        return False
    return True


def _describe(details: ErrorDetails, file: TomlFile | None, variables: Mapping[str, str]) -> Mistake:
    """Return one of pydantic's errors as a Mistake at the variable or the line that it comes from."""
    path = details["loc"]
    hidden = any(part in _NEVER_SHOWN for part in path)
    return _place(path, explain_error(details, Settings, _PATTERNS, show_value=not hidden), file, variables)


def _place(path: tuple[str | int, ...], message: str, file: TomlFile | None, variables: Mapping[str, str]) -> Mistake:
    """Return a Mistake about a setting, at the variable that gives it or else in the file."""
    variable = name_variable(tuple(map(str, path)))
    if variable in variables or file is None:
        return Mistake(ENVIRONMENT, 0, variable, message)
    return file.mistake(path, message)


def _check_files(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the files that the settings name, with the path of the setting."""
    for path, _ in list_settings():
        named: Any = settings
        for part in path:
            named = getattr(named, part)
        if isinstance(named, Path) and "\0" in str(named):
            yield path, "holds a NUL character, which no name of a file does"
        elif path[-1] in _FILES:
            if isinstance(named, Path) and not os.access(named, os.R_OK):
                yield path, f"{named} does not exist or cannot be read"
            elif isinstance(named, Path) and not named.is_file():
                yield path, f"{named} is not a file"
    yield from _check_tls(settings.mqtt.tls)
    if settings.influx.ca_file is not None and settings.influx.url.startswith("http://"):
        yield ("influx", "ca_file"), "is of no use with an http:// address: the connection is not encrypted"


def _check_health(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the database of what tells of people's health."""
    health, influx = settings.health, settings.influx
    if health.database is not None and health.database == influx.database:
        yield ("health", "database"), "must not be that of influx.database, which dashboards can read"
    if health.database is not None and health.username == influx.username:
        yield ("health", "username"), "must not be that of influx.username: the account needs rights of its own"


def _check_tls(tls: Tls) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the encryption of the broker's connection."""
    if (tls.cert_file is None) != (tls.key_file is None):
        missing = "key_file" if tls.key_file is None else "cert_file"
        yield ("mqtt", "tls", missing), "is missing: a certificate and its key belong together"
    for name in ("ca_file", "cert_file", "key_file"):
        if getattr(tls, name) is not None and not tls.enabled:
            yield ("mqtt", "tls", name), "is set but the connection is not encrypted; set mqtt.tls.enabled = true"
