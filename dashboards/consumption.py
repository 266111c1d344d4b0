"""What was used: questions to meters that several boards ask in the same way.

A register grows; what was used in an hour is its last reading in the hour less its last reading before. So the figure
of a day is exact to one interval of the meter at each end, the days of a period add up to the period, and what was used
during a gap belongs to the hour in which the meter was heard again. A negative difference is a swapped or reset
register: that hour counts as nothing, never as negative energy. Hours, not readings, because InfluxDB 1.6.7 takes seven
times as long over each reading (60 meters in a month: 0.8 s against 5.5 s).
"""

from dataclasses import replace

from dashboards.query import AT_SITE, Select

LOW_PERCENTILE = 5
"""Base load is the 5th percentile of the hours: what always runs, without the one hour when the mains were off."""


def used(measurement: str, field: str = "energy") -> Select:
    """What each device used in each hour, in its register's unit, as ``used``."""
    return Select(
        columns=f'non_negative_difference(last("{field}")) AS "used"',
        source=(measurement,),
        where=(AT_SITE,),
        by=("site", "device"),
        every="1h",
    )


def total(measurement: str, title: str, field: str = "energy", by: tuple[str, ...] = ()) -> Select:
    """What was used in the period, named ``title``; in all, or for each value of the tags ``by``."""
    return Select(columns=f'sum("used") AS "{title}"', source=used(measurement, field), by=by)


def per_day(measurement: str, title: str, field: str = "energy", by: tuple[str, ...] = ()) -> Select:
    """What was used in each local day, of 23, 24 or 25 hours."""
    return replace(total(measurement, title, field, by), every="1d")


def hourly_power(measurement: str, by: tuple[str, ...] = ()) -> Select:
    """Mean power of each hour in W, the devices added up, as ``watts``."""
    each = Select(
        columns='mean("power") AS "watts"', source=(measurement,), where=(AT_SITE,), by=("site", "device"), every="1h"
    )
    return Select(columns='sum("watts") AS "watts"', source=each, by=by, every="1h")


def hourly_volume(measurement: str, by: tuple[str, ...] = ()) -> Select:
    """What a volume register grew in each hour in m³, the devices added up, as ``volume_used``."""
    return Select(columns='sum("used") AS "volume_used"', source=used(measurement, "volume"), by=by, every="1h")


def base(column: str) -> str:
    """InfluxQL of the base load of a column of hours."""
    return f'percentile("{column}", {LOW_PERCENTILE})'


def base_share(column: str) -> str:
    """InfluxQL of how many percent of the use is base load."""
    return f'{base(column)} / mean("{column}") * 100'
