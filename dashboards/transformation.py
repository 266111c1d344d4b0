"""Transformations that Grafana applies to an answer before it is drawn, with the options of Grafana 11 to 13."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.query import ZONE_NAME


@dataclass(frozen=True, slots=True)
class Transformation:
    """One step: its identifier in Grafana and its options."""

    id: str
    options: Mapping[str, object]


def arrange(*names: str) -> tuple[Transformation, ...]:
    """Keep these columns, in this order; the order of tags in an answer is random."""
    return (
        Transformation("filterFieldsByName", {"include": {"names": list(names)}}),
        Transformation(
            "organize",
            {
                "excludeByName": {},
                "indexByName": {name: index for index, name in enumerate(names)},
                "renameByName": {},
            },
        ),
    )


def sort(name: str, *, descending: bool = True) -> Transformation:
    """Sort rows by a column."""
    return Transformation("sortBy", {"fields": {}, "sort": [{"field": name, "desc": descending}]})


def first(count: int) -> Transformation:
    """Keep the first rows."""
    return Transformation("limit", {"limitField": count})


def join(name: str) -> Transformation:
    """Make one table of the answers of several queries: a row for each value of a column that any of them has."""
    return Transformation("joinByField", {"byField": name, "mode": "outer"})


def add(title: str, *names: str) -> Transformation:
    """Add a column: the sum of others, of which some may be empty."""
    return Transformation(
        "calculateField",
        {
            "mode": "reduceRow",
            "reduce": {"include": list(names), "reducer": "sum"},
            "alias": title,
            "replaceFields": False,
        },
    )


def divide(over: str, under: str, title: str) -> Transformation:
    """Add a column: one divided by another."""
    return Transformation(
        "calculateField",
        {
            "mode": "binary",
            # Plain names: matchers are read from 11.3 on, names by all.
            "binary": {"left": over, "operator": "/", "right": under},
            "alias": title,
            "replaceFields": False,
        },
    )


def above(name: str, value: float) -> Transformation:
    """Keep the rows whose value in a column is greater."""
    greater = {"id": "greater", "options": {"value": value}}
    return Transformation(
        "filterByValue", {"filters": [{"fieldName": name, "config": greater}], "match": "all", "type": "include"}
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
