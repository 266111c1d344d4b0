"""Combinations of field names, by number: what is remembered of a payload is a number, not its names.

Anyone may send any combination, and ever new ones. So those that no payload in memory has any more are forgotten, and
their numbers are given again; ``Memory.forget_names`` says when.
"""

from collections.abc import Collection

SPARE_NAMES = 4_096
"""Combinations that are kept although no payload has them, at least: to find out which those are takes a while."""

Names = tuple[str, ...]


class NameSets(dict[Names, int]):
    """Combinations of field names, each once for all devices: its number, a new one at the first time.

    Attributes:
        names: By number; nothing under a number that is free.
        held: Numbers that somebody else than a DeviceMemory goes by; whoever does adds them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[Names] = []
        self.held: set[int] = set()
        self._free: list[int] = []
        self._most = SPARE_NAMES

    def __missing__(self, names: Names) -> int:
        """Give a combination its number."""
        if self._free:
            number = self[names] = self._free.pop()
            self.names[number] = names
        else:
            number = self[names] = len(self.names)
            self.names.append(names)
        return number

    @property
    def is_due(self) -> bool:
        """Whether there are so many that some should be forgotten."""
        return len(self) > self._most

    def keep(self, numbers: Collection[int]) -> None:
        """Forget all combinations but these and those that are held; their numbers are given again."""
        for names, number in [one for one in self.items() if one[1] not in numbers and one[1] not in self.held]:
            del self[names]
            self.names[number] = ()
            self._free.append(number)
        self._most = 2 * len(self) + SPARE_NAMES
