"""Target: which database a line is for."""

from enum import IntEnum


class Target(IntEnum):
    """The two databases; the numbers are those on disk.

    Which one follows from the DeviceType of the device that a line names (``DeviceType.is_apart``), never from the
    line: a type is at least as private as each of its fields.
    """

    SHARED = 0  # ``influx.database``: what dashboards show
    HEALTH = 1  # ``health.database``: what tells of people's health, and all else about the devices that tell it

    @classmethod
    def choose(cls, *, is_apart: bool) -> "Target":
        """Return the database for what is kept apart, or for what is not."""
        return cls.HEALTH if is_apart else cls.SHARED
