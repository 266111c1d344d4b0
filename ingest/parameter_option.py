"""The option ``--parameter NAME=NUMBER`` of commands about Models."""

from collections.abc import Iterable
from math import isfinite
from typing import Annotated

import typer

from ingest.request import WrongRequestError

ParameterOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=NUMBER", help="Parameter of the model; may be repeated.")
]


def read_parameters(written: Iterable[str]) -> dict[str, float]:
    """Return parameters by name.

    Raises:
        WrongRequestError: One is not of the form, or no number.
    """
    found = {}
    for one in written:
        name, _, number = one.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise WrongRequestError(f"--parameter {one} is not of the form NAME=NUMBER.") from None
        if not isfinite(found[name]):
            raise WrongRequestError(f"--parameter {one} must be a number, not nan or inf.")
    return found
