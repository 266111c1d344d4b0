"""Recording: a measured series in a CSV file, read whole and checked before anything is made of it.

The file is UTF-8, plain or gzip, with a header; commas or semicolons stand between its columns.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from simulators.errors import RecordingError

TIME_COLUMNS = ("timestamp", "time", "start", "dt")
"""What the column of times may be called, without regard to case, in order of preference."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GZIP_MAGIC = b"\x1f\x8b"


class Sample(NamedTuple):
    """One row of a recording.

    Attributes:
        line: Number of its line in the file; the header is line 1.
        time_ms: Milliseconds since 1970 in UTC.
        value: In the unit of the file.
    """

    line: int
    time_ms: int
    value: float


class Columns(NamedTuple):
    """Where in a row to look.

    Attributes:
        time: Index of the column of times.
        value: Index of the column of values.
    """

    time: int
    value: int


def read_recording(
    file: Path, zone: ZoneInfo | None, time_column: str | None = None, value_column: str | None = None
) -> list[Sample]:
    """Return the samples of a file, in its order.

    Args:
        file: CSV, or CSV in gzip.
        zone: What times without an offset are local to; those with one are taken as they are.
        time_column: Name of the column of times; when left out, one of ``TIME_COLUMNS``.
        value_column: Name of the column of values; the last one when left out.

    Raises:
        RecordingError: The file cannot be read, a row is not a time and a number, or two rows have the same time.
    """
    text = _read_text(file)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text))
    try:
        header = [name.strip() for name in next(rows, [])]
        columns = _find_columns(file, header, time_column, value_column)
        samples = list(_parse_rows(file, ((rows.line_num, row) for row in rows), columns, zone))
    except csv.Error as error:
        raise RecordingError(f"{file}: line {rows.line_num} is not CSV: {error}") from None
    if not samples:
        raise RecordingError(f"{file} has a header and no rows")
    _refuse_same_times(file, samples)
    return samples


def _read_text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{file} is not UTF-8 text (byte {error.start}); convert it first") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecordingError(f"{file} is not a whole gzip file: {error}") from None
    except OSError as error:
        raise RecordingError(f"{file} cannot be read: {error.strerror}") from None


def _find_delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return ";" if header.count(";") > header.count(",") else ","


def _find_columns(file: Path, header: Sequence[str], time_column: str | None, value_column: str | None) -> Columns:
    if len(header) < 2:  # noqa: PLR2004  a time and a value
        raise RecordingError(f"{file}: line 1 is not a header of at least two columns")
    names = [name.lower() for name in header]
    if time_column is None:
        time_column = next((name for name in TIME_COLUMNS if name in names), None)
    if time_column is None:
        raise RecordingError(
            f"{file}: no column of its header is called {', '.join(TIME_COLUMNS)}; "
            f"give --time-column as one of {', '.join(filter(None, header))}"
        )
    time = _find_column(file, header, time_column)
    value = len(header) - 1 if value_column is None else _find_column(file, header, value_column)
    if time == value:
        raise RecordingError(f"{file}: the column {header[time]} cannot be both time and value; give --value-column")
    return Columns(time, value)


def _find_column(file: Path, header: Sequence[str], name: str) -> int:
    for index, found in enumerate(header):
        if found.lower() == name.lower():
            return index
    raise RecordingError(f"{file} has no column {name!r}; it has {', '.join(filter(None, header))}")


def _parse_rows(
    file: Path, rows: Iterator[tuple[int, list[str]]], columns: Columns, zone: ZoneInfo | None
) -> Iterator[Sample]:
    last_ms: int | None = None
    for number, row in rows:
        if not row:
            continue
        place = f"{file}: line {number}"
        if len(row) <= max(columns):
            raise RecordingError(f"{place} has {len(row)} columns, fewer than the header")
        time_ms = parse_local_time(row[columns.time].strip(), zone, last_ms, place)
        yield Sample(number, time_ms, _parse_value(row[columns.value].strip(), place))
        last_ms = time_ms


def _parse_value(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RecordingError(f"{place}: {text!r} is not a number; correct or remove the row")
    return value


def parse_local_time(text: str, zone: ZoneInfo | None, last_ms: int | None, place: str) -> int:
    """Return a time of a recording in milliseconds since 1970 in UTC.

    The hour that a clock runs through twice in autumn is the first one until the series has passed it.

    Args:
        text: ISO 8601, with or without an offset.
        zone: What a time without an offset is local to.
        last_ms: Time of the row before; None for the first.
        place: File and line, for messages.

    Raises:
        RecordingError: The text is no time, or one that the zone's clocks never showed, or there is no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RecordingError(f"{place}: {text!r} is not a time in ISO 8601") from None
    if moment.tzinfo is not None:
        return _to_ms(moment)
    if zone is None:
        raise RecordingError(f"{place}: {text!r} has no offset; give --tz, for example --tz Europe/Oslo or --tz UTC")
    first = moment.replace(tzinfo=zone)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise RecordingError(
            f"{place}: {text!r} never was on a clock in {zone.key}, which was put forward then; if the recorder "
            f"kept standard time all year, give --tz {_name_standard_time(first)}"
        )
    time_ms = _to_ms(first)
    return _to_ms(first.replace(fold=1)) if last_ms is not None and time_ms <= last_ms else time_ms


def _to_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _name_standard_time(moment: datetime) -> str:
    """Return a zone without daylight saving that fits; the sign in ``Etc/GMT`` names is turned around."""
    offset = (moment.utcoffset() or timedelta()) - (moment.dst() or timedelta())
    hours, rest = divmod(-offset, timedelta(hours=1))
    return f"Etc/GMT{hours:+d}" if hours and not rest else "UTC"


def _refuse_same_times(file: Path, samples: Sequence[Sample]) -> None:
    seen: dict[int, int] = {}
    for sample in samples:
        first = seen.setdefault(sample.time_ms, sample.line)
        if first != sample.line:
            raise RecordingError(
                f"{file}: lines {first} and {sample.line} have the same time; a device has one reading at a time"
            )
