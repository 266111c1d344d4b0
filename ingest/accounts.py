"""Accounts at the broker: one for each Device of the inventory, named by its id, and the platform's own.

Passwords live in a file that only its owner may read, one ``name:password`` a line, for whoever sets up the
devices. The broker gets a file of hashes in Mosquitto's own format (PBKDF2 with SHA-512), made here without
Mosquitto's program, so that thousands of accounts take a second.

Errors:
    AccountError
"""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.inventory import Inventory

COLLECTOR = "collector"
MONITOR = "monitor"
"""Reads the alerts, for whatever shows them elsewhere, and nothing more."""
ITERATIONS = 101
"""Mosquitto's own number. It is small, but nobody guesses the 192 random bits of a password."""
SALT_BYTES = 12
PASSWORD_BYTES = 24
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What is safe as a segment of a topic, in an ACL pattern, and in a line of a password file."""


class AccountError(Exception):
    """Accounts cannot be made or read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What ``write_accounts`` did.

    Attributes:
        added: Names that got an account.
        kept: Names that had one and keep their password.
        others: Names that had one and keep it, though no Device of this inventory has that id.
        removed: Names of that kind that lost theirs, because that was asked for.
    """

    added: tuple[str, ...]
    kept: tuple[str, ...]
    others: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owners:
    """Who gets an account beside the devices.

    Attributes:
        username: Account of the collector whose settings these are.
        collectors: Accounts of further collectors.
        prune: Whether accounts of nobody that is known here are removed; another inventory may need them.
    """

    username: str = COLLECTOR
    collectors: tuple[str, ...] = ()
    prune: bool = False


def make_password() -> str:
    """Return a random password of 192 bits, of letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def hash_password(password: str, salt: bytes) -> str:
    """Return the hash of a password as Mosquitto 2 writes it: ``$7$<iterations>$<salt>$<hash>``, both base64.

    Args:
        password: Any text.
        salt: Random; Mosquitto's own are 12 bytes.
    """
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def account_names(inventory: Inventory, owners: Owners | None = None) -> tuple[str, ...]:
    """Return the names of all accounts that the broker needs: the platform's own, then one for each Device.

    Raises:
        AccountError: When a name is unfit, or a Device's id is one of the platform's own.
    """
    owners = owners or Owners()
    own = tuple(dict.fromkeys((owners.username, MONITOR, *owners.collectors)))
    for name in own:
        _require_name(name)
    if MONITOR in (owners.username, *owners.collectors):
        raise AccountError(f"A collector may not be called {MONITOR}: that account reads alerts only; rename it.")
    for device in inventory.devices:
        _require_name(device)
        if device in (COLLECTOR, *own):
            raise AccountError(f"A device may not be called {device}: that account reads more; rename the device.")
    return (*own, *inventory.devices)


def complete_accounts(
    names: Iterable[str], known: Mapping[str, str], make: Callable[[], str] = make_password
) -> dict[str, str]:
    """Return an account for each name: with its known password, or with a new one.

    Args:
        names: Names that need an account; no others get one.
        known: Passwords by name.
        make: Gives a new password.
    """
    return {name: known[name] if name in known else make() for name in names}


def render_password_file(accounts: Mapping[str, str], salt: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return Mosquitto's ``password_file`` for these passwords by name.

    Raises:
        AccountError: When a name or a password cannot stand in such a file.
    """
    lines: list[str] = []
    for name, password in accounts.items():
        _require_name(name)
        lines.append(f"{name}:{hash_password(password, salt(SALT_BYTES))}\n")
    return "".join(lines)


def parse_secrets(text: str) -> dict[str, str]:
    """Return the passwords by name of a secrets file.

    Raises:
        AccountError: When a line is not ``name:password``; the message has its number, never its text.
    """
    accounts: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, password = line.partition(":")
        if not colon or not password or not NAME.fullmatch(name):
            raise AccountError(f"Line {number} of the secrets is not name:password; correct it, or remove the line.")
        accounts[name] = password
    return accounts


def write_accounts(
    inventory: Inventory,
    secrets_file: Path,
    password_file: Path,
    collector_file: Path | None = None,
    owners: Owners | None = None,
) -> AccountChange:
    """Give every Device of an inventory, and every collector, an account.

    The broker reads the password file again on SIGHUP.

    Args:
        inventory: What is installed.
        secrets_file: Passwords in the clear, mode 0600; its accounts keep theirs. Made when it is missing.
        password_file: Mosquitto's file of hashes; mode 0640. It keeps its group: give it the broker's once.
        collector_file: Gets the collector's password alone, mode 0600, for its ``mqtt.password_file``.
        owners: Who gets one beside the devices, and what becomes of the accounts of others.

    Raises:
        AccountError: When an id is unfit, a line is malformed, or a file cannot be read or written.
    """
    owners = owners or Owners()
    names = account_names(inventory, owners)
    files = [file for file in (secrets_file, password_file, collector_file) if file is not None]
    if len({file.resolve() for file in files}) < len(files):
        raise AccountError("Secrets, hashes and the collector's password need a file each; name different ones.")
    for file in files:
        if file.exists() and not file.is_file():
            raise AccountError(f"{file} is not a file that can be replaced; name another.")
    try:
        known = parse_secrets(secrets_file.read_text(encoding="utf-8")) if secrets_file.exists() else {}
        needed = complete_accounts(names, known)
        others = {name: password for name, password in known.items() if name not in needed}
        accounts = needed if owners.prune else needed | others
        write_private(secrets_file, "".join(f"{name}:{password}\n" for name, password in accounts.items()), mode=0o600)
        if collector_file is not None:
            write_private(collector_file, f"{accounts[owners.username]}\n", mode=0o600)
        write_private(password_file, render_password_file(accounts), mode=0o640)
    except OSError as error:
        raise AccountError(
            f"{error.filename}: {error.strerror}; the accounts need files that can be written."
        ) from error
    except UnicodeDecodeError as error:
        raise AccountError(f"{secrets_file} is not UTF-8 text, so it is no file of passwords; name another.") from error
    return AccountChange(
        added=tuple(name for name in needed if name not in known),
        kept=tuple(name for name in needed if name in known),
        others=() if owners.prune else tuple(others),
        removed=tuple(others) if owners.prune else (),
    )


def write_private(path: Path, text: str, *, mode: int) -> None:
    """Replace a file in one step; nobody but its owner can read it before it has its group and mode.

    A file that exists keeps its group.

    Raises:
        OSError: When it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chown(name, -1, path.stat().st_gid)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise AccountError(f"{name!r} cannot be the name of an account; use letters, digits, '-', '_' and '.' only.")
