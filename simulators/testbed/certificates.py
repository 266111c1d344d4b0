"""Certificates of a server that speaks TLS."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files (PEM) of a server that speaks TLS.

    Attributes:
        ca: What clients trust.
        cert: The server's certificate.
        key: The key of that certificate.
    """

    ca: Path
    cert: Path
    key: Path
