"""What commands read: a file or standard input, never without an end."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.input_file import read_input
from ingest.request import WrongRequestError


def test_a_file_and_standard_input_are_read_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\xef\xbb\xbf\r\n\x00"
    (tmp_path / "file").write_bytes(data)
    assert read_input(tmp_path / "file", len(data)) == data
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert read_input(Path("-"), len(data)) == data


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("/dev/zero", "larger than 10 bytes"),
        ("/nonexistent", "/nonexistent cannot be read (No such file"),
        ("/", "/ cannot be read (Is a directory)"),
        ("-", "standard input is closed"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(file: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(WrongRequestError) as caught:
        read_input(Path(file), 10)
    assert told in str(caught.value)
