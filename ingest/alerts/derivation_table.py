"""The table of a rule's file that says what is made of the field's values: ``[derive]``.

::

    [derive]
    kind = "mean"
    window = "20m"

A kind is a file in ``ingest/alerts/derivations``, which defines ``DERIVATION``: a subclass of ``DerivationTable`` whose
fields are the keys of the table beside ``kind``.
"""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from ingest.toml_table import Table
from schemas.derivation import Derivation

_DURATION = r"^[0-9]{1,6}(s|m|h|d)$"
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

PATTERNS = {_DURATION: 'must be a duration such as "30s", "10m", "2h" or "1d"'}
"""What each regular expression asks for, in words."""

Duration = Annotated[str, StringConstraints(pattern=_DURATION)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class DerivationTable(Table):
    """``[derive]``; subclasses add keys.

    Attributes:
        kind: Name of the file that defines it.
    """

    kind: str

    def build(self, zone_info: ZoneInfo) -> Derivation:
        """Return what the table asks for.

        Args:
            zone_info: The municipality's time zone, for kinds that know days and nights.

        Raises:
            ValueError: Its values contradict each other; the message says which.
        """
        raise NotImplementedError


def read_duration(text: Duration, key: str) -> int:
    """Return a duration in milliseconds.

    Args:
        text: Such as ``20m``.
        key: Where it stands, for the message.

    Raises:
        ValueError: It is zero.
    """
    duration_ms = int(text[:-1]) * _UNIT_MS[text[-1]]
    if duration_ms == 0:
        raise ValueError(f'{key} must be longer than 0, not "{text}"')
    return duration_ms
