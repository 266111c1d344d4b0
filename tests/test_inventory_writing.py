"""Files of the inventory that commands write to: what people wrote stays, and what cannot be replaced is left."""

import errno
import os
from pathlib import Path

import pytest

from ingest.inventory import OPEN_END_MS, Device, Placement
from ingest.inventory_writing import append_devices, replace_file
from ingest.request import RequestError
from ingest.toml_file import parse_toml

DEVICE = Device("rom-1", "indoor_climate", "", (Placement(1_700_000_000_000, OPEN_END_MS, "hall", "first"),))
WRITTEN = '# min kommentar æøå\n[[device]] # og en til\nid = "x-1"'


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n# slutt", "\n\n"])
def test_what_people_wrote_stays_byte_for_byte_and_so_do_their_line_ends(ends: str, last: str) -> None:
    before = (WRITTEN + last).replace("\n", ends).encode()
    after = append_devices(before, [DEVICE], "never seen")
    assert after.startswith(before)
    assert after.endswith(ends.encode())
    assert after.replace(b"\r\n", b"").count(b"\n") == (0 if ends == "\r\n" else after.count(b"\n"))
    assert [one["id"] for one in parse_toml(Path("a.toml"), after).values["device"]] == ["x-1", "rom-1"]


def test_a_link_is_followed_and_a_mode_is_kept(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to("file")
    replace_file(link, b"made")
    file.chmod(0o640)
    replace_file(link, b"replaced")
    assert (link.is_symlink(), file.read_bytes(), file.stat().st_mode & 0o777) == (True, b"replaced", 0o640)


def make_circle(path: Path) -> None:
    """Make a link that leads to itself."""
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "told"),
    [(make_circle, "symbolic links"), (Path.mkdir, "is no file"), (os.mkfifo, "is no file")],
)
def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path, make: object, told: str) -> None:
    assert callable(make)
    path = tmp_path / "odd"
    make(path)
    kind = path.lstat().st_mode
    with pytest.raises(RequestError, match=told):
        replace_file(path, b"x")
    assert path.lstat().st_mode == kind
    with pytest.raises(RequestError, match="make its folder first"):
        replace_file(tmp_path / "none" / "file", b"x")


def test_a_file_that_is_read_only_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    file.chmod(0o444)
    with pytest.raises(RequestError, match="is read-only"):
        replace_file(file, b"after")
    assert file.read_bytes() == b"before"


def test_where_there_is_no_room_the_file_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "file"
    file.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(RequestError, match="No space left on device"):
        replace_file(file, b"after")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"before")]
