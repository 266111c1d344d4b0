"""Transformations that Grafana applies to an answer before it is drawn, with the options of Grafana 11 to 13."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.query import ZONE_NAME


@dataclass(frozen=True, slots=True)
class Transformation:
    """One step: its identifier in Grafana and its options."""

    id: str
    options: Mapping[str, object]


def arrange(*names: str) -> Transformation:
    """Put columns in this order and leave the times out; the order of tags in an answer is random."""
    return Transformation(
        "organize",
        {
            "excludeByName": {name: True for name in ("Time", "Time 1", "Time 2") if name not in names},
            "indexByName": {name: index for index, name in enumerate(names)},
            "renameByName": {},
        },
    )


def sort(name: str, *, descending: bool = True) -> Transformation:
    """Sort rows by a column."""
    return Transformation("sortBy", {"fields": {}, "sort": [{"field": name, "desc": descending}]})


def first(count: int) -> Transformation:
    """Keep the first rows."""
    return Transformation("limit", {"limitField": count})


def join(name: str) -> Transformation:
    """Make one table of the answers of several queries, rows with the same value of a column side by side."""
    return Transformation("joinByField", {"byField": name, "mode": "inner"})


def divide(over: str, under: str, title: str) -> Transformation:
    """Add a column: one divided by another."""
    return Transformation(
        "calculateField",
        {
            "mode": "binary",
            "binary": {
                "left": {"matcher": {"id": "byName", "options": over}},
                "operator": "/",
                "right": {"matcher": {"id": "byName", "options": under}},
            },
            "alias": title,
            "replaceFields": False,
        },
    )


def mean_by_hour_of_day(*names: str) -> tuple[Transformation, ...]:
    """Turn a table of hours into 24 rows: the mean of each column at each local hour of the day, called ``Time``.

    The columns are called ``<name> (mean)`` afterwards.
    """
    return (
        Transformation("formatTime", {"timeField": "Time", "outputFormat": "HH", "timezone": ZONE_NAME}),
        Transformation(
            "groupBy",
            {
                "fields": {
                    "Time": {"operation": "groupby", "aggregations": []},
                    **{name: {"operation": "aggregate", "aggregations": ["mean"]} for name in names},
                }
            },
        ),
        sort("Time", descending=False),
    )
