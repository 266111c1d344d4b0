"""What was used: questions to meters that several boards ask in the same way.

A register grows; what was used in an hour is its last reading in the hour less its last reading before. So the figure
of a day is exact to one interval of the meter at each end, the days of a period add up to the period, and what was used
during a gap belongs to the hour in which the meter was heard again. A negative difference is a swapped or reset
register, or one that rolled over: that hour counts as nothing, never as negative energy. A reading that is doubtful is
in another field (``ingest.doubt``), and what was used meanwhile comes with the next one that is believed. Hours, not
readings, because InfluxDB 1.6.7 takes seven times as long over each reading (60 meters in a month: 0.8 s against 5.5
s).
"""

from dataclasses import replace

from dashboards.query import AT_SITE, Select

LOW_PERCENTILE = 5
"""Base load is the 5th percentile of the hours: what always runs, without the one hour when the mains were off."""

METERS = ("site", "device")
METERS_IN_ZONES = ("site", "zone", "device")
ZONES = ("site", "zone")

PERIOD_HOURS = "((${__to} - ${__from}) / 3600000)"
"""InfluxQL of the length of the period that the reader chose."""


def used(measurement: str, field: str = "energy", by: tuple[str, ...] = METERS) -> Select:
    """What each device used in each hour, in its register's unit, as ``used``."""
    return Select(
        columns=f'non_negative_difference(last("{field}")) AS "used"',
        source=(measurement,),
        where=(AT_SITE,),
        by=by,
        every="1h",
    )


def total(measurement: str, title: str, field: str = "energy", by: tuple[str, ...] = ()) -> Select:
    """What was used in the period, named ``title``; in all, or for each value of the tags ``by``."""
    return Select(columns=f'sum("used") AS "{title}"', source=used(measurement, field), by=by)


def per_day(measurement: str, title: str, field: str = "energy", by: tuple[str, ...] = ()) -> Select:
    """What was used in each local day, of 23, 24 or 25 hours."""
    return replace(total(measurement, title, field, by), every="1d")


def meter_power(measurement: str) -> Select:
    """Mean power of each device in each hour in W, as ``watts``."""
    return Select(
        columns='mean("power") AS "watts"', source=(measurement,), where=(AT_SITE,), by=METERS_IN_ZONES, every="1h"
    )


def hourly_power(measurement: str, by: tuple[str, ...] = ()) -> Select:
    """Mean power of each hour in W, the devices added up, as ``watts``."""
    return Select(columns='sum("watts") AS "watts"', source=meter_power(measurement), by=by, every="1h")


def hourly_volume(measurement: str, by: tuple[str, ...] = ()) -> Select:
    """What a volume register grew in each hour in m³, the devices added up, as ``volume_used``."""
    each = used(measurement, "volume", by=METERS_IN_ZONES)
    return Select(columns='sum("used") AS "volume_used"', source=each, by=by, every="1h")


def base_load(columns: str, hours: Select, column: str, by: tuple[str, ...] = ()) -> Select:
    """Base load, added up from the zones, each over the hours in which it was heard.

    Over the sum of the meters, every hour in which one of them is silent would look like rest. Zones and not meters,
    because a meter and the one that it was swapped for stand in the same zone.

    Args:
        columns: What is selected of ``base``, ``mean`` and ``hours``, one row a zone.
        hours: Hours of each of the ``ZONES``.
        column: The column of ``hours`` that is looked at.
        by: Tags that the zones are added up by.
    """
    each = Select(
        columns=(
            f'percentile("{column}", {LOW_PERCENTILE}) AS "base", mean("{column}") AS "mean", '
            f'count("{column}") AS "hours"'
        ),
        source=hours,
        by=ZONES,
    )
    return Select(columns=columns, source=each, by=by)


BASE = 'sum("base")'
"""InfluxQL of the base load of the zones of a ``base_load``."""

BASE_SHARE = 'sum("base") / sum("mean") * 100'
"""InfluxQL of how many percent of the use is base load."""

COVERAGE = f'mean("hours") / {PERIOD_HOURS} * 100'
"""InfluxQL of how many percent of the hours of the period were heard."""


def base_power(columns: str, measurement: str, by: tuple[str, ...] = ()) -> Select:
    """Base load of meters with ``power``; columns as for ``base_load``, in W."""
    return base_load(columns, hourly_power(measurement, by=ZONES), "watts", by)
