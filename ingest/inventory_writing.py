"""Devices as TOML text, and files of the inventory replaced in one step by one command at a time.

``format_device`` and ``read_inventory`` are each other's inverse: what is written is read back as the same Device.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path

from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.local_time import LOCAL
from ingest.request import RequestError

PATIENCE_S = 30.0
"""How long to wait for another command that changes the inventory: it may wait for a reload."""
AGAIN_S = 0.05
USUAL_MODE = 0o644
MIDNIGHT = clock()

_HINTS = {
    errno.EACCES: "run the command as somebody who may write there",
    errno.EPERM: "run the command as somebody who may write there",
    errno.EROFS: "run the command where the file system can be written",
    errno.ENOSPC: "make room, then ask again",
    errno.EDQUOT: "make room, then ask again",
    errno.ENOENT: "make its folder first",
}
"""What to do about what the system says."""
_ANYBODY_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def format_device(device: Device) -> str:
    """Return the ``[[device]]`` of a Device; what is empty is left out."""
    members = [("id", device.id), ("type", device.type_key), ("component", device.component)]
    members += [("gateway", device.gateway)]
    lines = ["[[device]]", *(f"{name} = {_quote(value)}" for name, value in members if value)]
    if device.tags:
        lines.append(f"tags = [{', '.join(map(_quote, device.tags))}]")
    bound = (("source", device.source), ("address", device.address), ("model", device.model))
    lines += [f"{name} = {_quote(value)}" for name, value in bound if value]
    if device.parameters:
        given = ", ".join(f"{_format_key(name)} = {value!r}" for name, value in device.parameters.items())
        lines.append(f"parameters = {{ {given} }}")
    lines += ["placements = [", *(f"  {_format_placement(one)}," for one in device.placements), "]"]
    return "\n".join(lines) + "\n"


def append_devices(before: bytes, devices: Iterable[Device], heading: str) -> bytes:
    """Return what a file is to hold: what it held, byte for byte, and the devices behind that, with its line ends.

    Args:
        before: What it holds; nothing where there is no such file.
        devices: New.
        heading: Comment that a new file begins with, without its ``#``.
    """
    begun = before or "".join(f"# {line}\n" for line in heading.splitlines()).encode()
    end = "" if begun.endswith(b"\n") else "\n"
    added = end + "".join(f"\n{format_device(one)}" for one in devices)
    return begun + (added.replace("\n", "\r\n") if b"\r\n" in begun else added).encode()


def _format_placement(placement: Placement) -> str:
    parts = [f"from = {_format_moment(placement.from_ms)}"]
    if placement.to_ms != OPEN_END_MS:
        parts.append(f"to = {_format_moment(placement.to_ms)}")
    parts += [f"site = {_quote(placement.site)}", f"zone = {_quote(placement.zone)}"]
    return f"{{ {', '.join(parts)} }}"


def _format_moment(time_ms: int) -> str:
    """Return a date where the moment is its local midnight, else a date-time with its offset."""
    moment = _to_local(time_ms)
    is_midnight = moment.tzinfo is LOCAL and moment.time() == MIDNIGHT
    return moment.date().isoformat() if is_midnight else moment.isoformat()


def find_day(time_ms: int) -> date:
    """Return the day in Oslo of a moment, milliseconds since 1970 in UTC."""
    return _to_local(time_ms).date()


def _to_local(time_ms: int) -> datetime:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    try:
        return moment.astimezone(LOCAL)
    except OverflowError:  # in the last hours of the year 9999
        return moment


def _format_key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    """Return a basic string of TOML."""
    return '"' + "".join(_ESCAPES.get(one) or _escape(one) for one in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    is_control = code < 0x20 or code == 0x7F  # noqa: PLR2004 - what TOML wants escaped
    return f"\\u{code:04x}" if is_control else character


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have no other command change the inventory of a folder while the block runs.

    Raises:
        RequestError: Another one has it for too long, or the folder cannot be opened.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RequestError(f"The inventory {folder} cannot be opened: {error.strerror}.") from error
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise RequestError(
                    f"Another command changes the inventory {folder}; nothing was written. Try again when it is done."
                ) from None
            time.sleep(AGAIN_S)
        else:
            return


def read_present(path: Path) -> bytes:
    """Return what a file holds; nothing where there is no such file.

    Raises:
        RequestError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.") from error


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that nobody ever reads half of it; no bytes remove it.

    A file that exists keeps its mode, and where it is a link the file that it leads to is replaced.

    Raises:
        RequestError: It cannot be written, is read-only, or is no file; it is as it was.
    """
    try:
        path = _follow(path)
        _require_replaceable(path)
        if data:
            _write(path, data)
        else:
            path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "name another file")
        raise RequestError(f"{path} cannot be written ({error.strerror}); {hint}.") from error


def _follow(path: Path) -> Path:
    """Return the file that a link leads to, be it there or not."""
    try:
        return path.resolve()
    except RuntimeError:  # that is what pathlib makes of links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def _require_replaceable(path: Path) -> None:
    """Refuse what is no file, which a file would replace all the same, and what its owner keeps from being written."""
    if not path.exists():
        return
    if not path.is_file():
        raise RequestError(f"{path} is no file, and is not replaced by one; name another.")
    if not path.stat().st_mode & _ANYBODY_WRITES:
        raise RequestError(f"{path} is read-only; make it writable if it is to be changed.")


def _write(path: Path, data: bytes) -> None:
    # The name is hidden: a collector that reads the folder now passes it over.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode) if path.exists() else USUAL_MODE)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
