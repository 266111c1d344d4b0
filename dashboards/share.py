"""How much of the rows meet a condition. InfluxQL cannot count states, nor divide one count by another."""

from dataclasses import replace

from dashboards.query import Select


def share(title: str, rows: Select, number: str, yes: str, no: str) -> Select:
    """Percent of rows that meet a condition, named ``title``; rows that meet neither condition do not count.

    Rows that meet it become 1 and the others 0, out of a number that every row has; the percentage is their mean.

    Args:
        title: Name of the result.
        rows: What is looked at; its columns are replaced. The result is for each of its tags.
        number: InfluxQL of a number that every row has.
        yes: The condition.
        no: Its opposite.
    """
    hits = replace(rows, columns=f'{number} * 0 + 1 AS "hit"', where=(*rows.where, yes))
    misses = replace(rows, columns=f'{number} * 0 AS "hit"', where=(*rows.where, no))
    return Select(columns=f'mean("hit") * 100 AS "{title}"', source=(hits, misses), by=rows.by)
