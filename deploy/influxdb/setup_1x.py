"""Set up InfluxDB 1.x for the platform: accounts, the database, and who may do what in it. Harmless when run again.

Usage: .venv/bin/python deploy/influxdb/setup_1x.py SECRETS_FOLDER [--url http://127.0.0.1:8086] [--health DATABASE]

In the folder it reads, or makes with a random password each:
    influx-admin    the administrator's, account `admin`
    influx          the collector's, account `collector`: reads and writes the database `sensors`
    influx-grafana  Grafana's, account `grafana`: only reads it
    influx-health   with --health: the collector's for that database alone, account `collector-health`; no other account
                    but the administrator's has a right to it
"""

import argparse
import base64
import json
import re
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

DATABASE = "sensors"
ACCOUNTS = {"admin": "influx-admin", "collector": "influx", "grafana": "influx-grafana"}
HEALTH_ACCOUNT, HEALTH_FILE = "collector-health", "influx-health"


class SetupError(Exception):
    """InfluxDB cannot be set up; the message says why and what to do."""


def read_password(file: Path) -> str:
    """Return the password in a file; a file that is missing is made, for its owner only, with a random one."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24) + "\n")
    return file.read_text().strip()


def quote(text: str) -> str:
    """Return a text as InfluxQL writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ask(url: str, password: str, statement: str) -> None:
    """Send one statement as the administrator; it goes in the body, so no log or process list shows a password.

    Raises:
        SetupError: The server cannot be reached or refuses.
    """
    login = base64.b64encode(f"admin:{password}".encode()).decode()
    body = urllib.parse.urlencode({"q": statement}).encode()
    request = urllib.request.Request(f"{url}/query", data=body, headers={"Authorization": f"Basic {login}"})  # noqa: S310 - main allows http and https only
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
            results = json.load(answer).get("results", [])
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace").strip()
        raise SetupError(f"{url} refused the account admin: {reason}; is its password another one?") from None
    except (urllib.error.URLError, TimeoutError) as error:
        raise SetupError(f"{url} cannot be reached ({error}); is InfluxDB running?") from None
    for result in results:
        if "error" in result:
            raise SetupError(f"InfluxDB refused: {result['error']}")


def set_up(url: str, folder: Path, health: str | None = None) -> None:
    """Make accounts, databases and rights.

    Args:
        url: Of the server.
        folder: Of the password files.
        health: Database of what tells of people's health; none when left out.

    Raises:
        SetupError: The server cannot be reached or refuses.
    """
    passwords = {name: read_password(folder / file) for name, file in ACCOUNTS.items()}
    admin = passwords["admin"]
    # First: until there is an administrator, 1.x lets anybody make one, and nothing else.
    ask(url, admin, f"CREATE USER admin WITH PASSWORD {quote(admin)} WITH ALL PRIVILEGES")
    ask(url, admin, f"CREATE DATABASE {DATABASE}")
    for name, right in (("collector", "ALL"), ("grafana", "READ")):
        ask(url, admin, f"CREATE USER {name} WITH PASSWORD {quote(passwords[name])}")
        ask(url, admin, f"GRANT {right} ON {DATABASE} TO {name}")
    if health is not None:
        password = read_password(folder / HEALTH_FILE)
        ask(url, admin, f'CREATE DATABASE "{health}"')
        ask(url, admin, f'CREATE USER "{HEALTH_ACCOUNT}" WITH PASSWORD {quote(password)}')
        ask(url, admin, f'GRANT ALL ON "{health}" TO "{HEALTH_ACCOUNT}"')


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the password files")
    parser.add_argument("--url", default="http://127.0.0.1:8086", help="address of InfluxDB")
    parser.add_argument("--health", metavar="DATABASE", help="also make the database of what tells of people's health")
    options = parser.parse_args()
    if urllib.parse.urlsplit(options.url).scheme not in {"http", "https"}:
        parser.error("--url must begin with http:// or https://")
    if options.health is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", options.health):
        parser.error("--health must be letters, digits, _ and -, beginning with a letter or digit")
    if options.health == DATABASE:
        parser.error(f"--health must not be {DATABASE}, which Grafana can read")
    try:
        set_up(options.url.rstrip("/"), options.folder, options.health)
    except (SetupError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    ready = f"database {DATABASE} is" if options.health is None else f"databases {DATABASE} and {options.health} are"
    print(f"{ready} ready; passwords are in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
