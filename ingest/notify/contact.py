"""Contact: a person or address that can be told, and what it is told in."""

from typing import NamedTuple

from pydantic import SecretStr

from ingest.alerts.words import Language


class Contact(NamedTuple):
    """A person or address that can be told.

    Attributes:
        key: Name in the configuration.
        title: What people call it.
        language: What it is told in.
        address: Where it is told: the URL of Apprise, with its passwords and tokens; never printed.
    """

    key: str
    title: str
    language: Language
    address: SecretStr
