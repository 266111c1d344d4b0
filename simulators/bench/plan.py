"""Plan: what is to be measured, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulators.bench.rules import USUAL_RULES
from simulators.testbed.collector import Value

Tell = Callable[[str], None]
"""Is told what happens, for whoever watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One measurement.

    Attributes:
        rate: Readings a second; 0 for as many as the Subjects acknowledge.
        devices: How many publish in turn.
        seconds: How long.
        rules: How many judge each reading, see ``RULES``.
        divisions: Which part of the load each Subject takes, see ``Place.division``; as many as there are Subjects.
    """

    rate: float = 0.0
    devices: int = 1_000
    seconds: float = 20.0
    rules: int = USUAL_RULES
    divisions: Sequence[Mapping[str, Value]] = ({},)
