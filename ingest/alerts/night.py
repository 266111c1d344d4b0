"""The local night that a rule speaks of, in UTC. The nights on which the clocks change are shorter or longer."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ingest.written_time import to_minutes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = timedelta(minutes=1)


class Night(NamedTuple):
    """Hours of the local day, every day; or of any other part of it.

    Attributes:
        from_min: Minutes since local midnight.
        to_min: Likewise, not included; below ``from_min`` where it is over midnight.
        zone_info: Whose midnight.
    """

    from_min: int
    to_min: int
    zone_info: ZoneInfo

    def find(self, after_ms: int) -> tuple[int, int]:
        """Return begin and end of the first night that ends after a moment; all in milliseconds since 1970 in UTC.

        An hour that autumn has twice is in it twice. A time that spring leaves out is the moment of the jump; a night
        of which nothing is left is none.
        """
        today = (_EPOCH + after_ms * _MILLISECOND).astimezone(self.zone_info).date()
        is_over_midnight = self.to_min <= self.from_min
        for number in itertools.count(-1):
            day = today + timedelta(days=number)
            begin_ms = self._find_moment(day, self.from_min, is_last=False)
            end_ms = self._find_moment(day + timedelta(days=is_over_midnight), self.to_min, is_last=True)
            if begin_ms < end_ms > after_ms:
                return begin_ms, end_ms
        raise AssertionError  # there is always another day

    def _find_moment(self, day: date, minute: int, *, is_last: bool) -> int:
        """Return the first or last moment at which the clock shows a time, or jumps over it."""
        shown = datetime(day.year, day.month, day.day) + minute * _MINUTE  # noqa: DTZ001 - as a clock on the wall
        folds = (shown.replace(tzinfo=self.zone_info, fold=fold).astimezone(UTC) for fold in (0, 1))
        moment, later = sorted(folds)
        if moment != later:
            if self._read_clock(moment) == shown:
                moment = later if is_last else moment
            while self._read_clock(moment) < shown:  # the clock never shows it: at most two hours, once a year
                moment += _MINUTE
        return (moment - _EPOCH) // _MILLISECOND

    def _read_clock(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone_info).replace(tzinfo=None)


def read_night(from_clock: str, to_clock: str, zone_info: ZoneInfo) -> Night:
    """Return the night between two times of the local day.

    Args:
        from_clock: ``HH:MM``.
        to_clock: Likewise.
        zone_info: The municipality's time zone.

    Raises:
        ValueError: They are the same, or the night begins at 24:00.
    """
    from_min, to_min = to_minutes(from_clock), to_minutes(to_clock)
    if from_min == 24 * 60:
        raise ValueError('from must be before "24:00"; write "00:00"')
    if from_min == to_min:
        raise ValueError(f'from and to must not both be "{from_clock}"')
    return Night(from_min, to_min, zone_info)
