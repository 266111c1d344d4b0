"""Limits as people write them, made Levels; and everything that is wrong with them."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from ingest.alerts.duration import count_ms
from ingest.alerts.rule_tables import LimitsTable
from ingest.toml_file import Mistake, TomlFile, TomlPath
from schemas.device_type import Field
from schemas.rule import Level, Severity


class Scale(NamedTuple):
    """What the limits of a rule are held against.

    Attributes:
        name: Of the field, or of what it is.
        unit: UCUM code.
        low: No plausible value is below it.
        high: No plausible value is above it.
        is_state: Whether it is true or false.
    """

    name: str
    unit: str
    low: float = -inf
    high: float = inf
    is_state: bool = False

    def describe(self) -> str:
        """Return in words what is plausible."""
        return f"{self.name} is from {self.low:g} to {self.high:g} {self.unit}"


def make_scale(name: str, field: Field, unit: str, *, is_given: bool) -> Scale:
    """Return the Scale of a field, or of what a derivation makes of it, of which no bounds are known.

    Args:
        name: Of the field.
        field: Itself.
        unit: Of what the limits are held against.
        is_given: Whether that is the field's own value.
    """
    low, high = field.bounds
    return Scale(name, unit, low, high, field.is_state) if is_given else Scale(name, unit)


class LimitReader:
    """Makes Levels of the tables of one file, and gathers what is wrong with them.

    Args:
        file: Where they stand.
        scale: What they are held against.

    Attributes:
        mistakes: What was found so far.
    """

    def __init__(self, file: TomlFile, scale: Scale) -> None:
        self._file = file
        self._scale = scale
        self.mistakes: list[Mistake] = []

    def read(self, path: TomlPath, table: LimitsTable, severity: Severity, hold: str | None) -> Level | None:
        """Return the Level of a table; None where something is wrong.

        Args:
            path: Of the table in the file.
            table: Itself.
            severity: Of the Level.
            hold: ``for`` where the table has none; None where it must have it.
        """
        before = len(self.mistakes)
        limits = self._find_limits(path, table)
        hold = table.hold or hold
        if hold is None:
            self._add((*path, "for"), "is missing")
        if limits is None or hold is None:
            return None
        clears = self._find_clears(path, table, *limits)
        if clears is None or len(self.mistakes) > before:
            return None
        return Level(severity, *limits, *clears, count_ms(hold))

    def read_all(self, tables: Sequence[tuple[TomlPath, LimitsTable, Severity]], hold: str | None) -> tuple[Level, ...]:
        """Return the Levels of several tables, the mildest first; none where something is wrong."""
        levels = [self.read(path, table, severity, hold) for path, table, severity in tables]
        found = [level for level in levels if level is not None]
        for (path, _, _), before, level in zip(tables[1:], found, found[1:], strict=False):
            if level.severity.rank <= before.severity.rank:
                self._add((*path, "severity"), f"must be more severe than {before.severity}, the level before")
            if (
                level.low > before.low
                or level.high < before.high
                or (level.low, level.high) == (before.low, before.high)
            ):
                self._add(path, "its limit must lie beyond that of the level before")
        return tuple(found) if len(found) == len(levels) and not self.mistakes else ()

    def _find_limits(self, path: TomlPath, table: LimitsTable) -> tuple[float, float] | None:
        """Return the lowest and the highest good value."""
        given = [key for key in ("above", "below", "outside", "equals") if getattr(table, key) is not None]
        if len(given) != 1:
            key = given[1] if given else "above"
            self._add((*path, key), "exactly one of above, below, outside and equals must be there")
            return None
        if self._scale.is_state != (table.equals is not None):
            wanted = "equals = true or false" if self._scale.is_state else "above, below or outside"
            self._add((*path, given[0]), f"{self._scale.name} needs {wanted}")
            return None
        if table.equals is not None:
            return (-inf, 0.5) if table.equals else (0.5, inf)
        low, high = -inf, inf
        if table.above is not None:
            high = table.above
        elif table.below is not None:
            low = table.below
        elif table.outside is not None:
            low, high = table.outside
        if low >= high:
            self._add((*path, "outside"), "the first number must be below the second")
        self._check_plausible(path, given[0], low, high)
        return low, high

    def _check_plausible(self, path: TomlPath, key: str, low: float, high: float) -> None:
        scale = self._scale
        if high != inf and not scale.low <= high < scale.high:
            self._add((*path, key), f"no plausible value is above it: {scale.describe()}")
        if low != -inf and not scale.low < low <= scale.high:
            self._add((*path, key), f"no plausible value is below it: {scale.describe()}")

    def _find_clears(self, path: TomlPath, table: LimitsTable, low: float, high: float) -> tuple[float, float] | None:
        """Return between which values it clears."""
        if table.equals is not None:
            if table.clear is not None:
                self._add((*path, "clear"), "is not known where a rule has equals: it clears when it is otherwise")
            return low, high
        if table.outside is not None:
            clears = table.clear if isinstance(table.clear, list) else None
        else:
            clears = [table.clear, table.clear] if isinstance(table.clear, float) else None
        if clears is None:
            wanted = "two numbers in square brackets" if table.outside is not None else "a number"
            self._add((*path, "clear"), "is missing" if table.clear is None else f"must be {wanted}")
            return None
        clear_low = -inf if low == -inf else clears[0]
        clear_high = inf if high == inf else clears[1]
        if clear_low < low or clear_high > high or clear_low > clear_high:
            self._add(
                (*path, "clear"), "must be on the good side of the limit, or the alert would clear while it holds"
            )
        elif not (clear_low <= self._scale.high and clear_high >= self._scale.low):
            self._add((*path, "clear"), f"no plausible value reaches it: {self._scale.describe()}")
        return clear_low, clear_high

    def _add(self, path: TomlPath, message: str) -> None:
        self.mistakes.append(self._file.mistake(path, message))
