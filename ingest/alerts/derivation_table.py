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

from pydantic import Field

from ingest.alerts.duration import Duration, count_ms
from ingest.toml_table import Table
from schemas.derivation import Derivation

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
    duration_ms = count_ms(text)
    if duration_ms == 0:
        raise ValueError(f'{key} must be longer than 0, not "{text}"')
    return duration_ms
