"""Tables of a configuration file as strict models, and pydantic's errors in words for people."""

import json
import types
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ingest.near_names import offer_near
from ingest.toml_file import Mistake, TomlFile, TomlPath

SHOWN_CHARACTERS = 60
"""Most characters of a wrong value that a message repeats."""

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be a text in quotes",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of a usual size",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a number, not nan or inf",
    "list_type": "must be an array in square brackets",
    "tuple_type": "must be an array in square brackets",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "path_type": "must be a text in quotes that names a file or folder",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
}
_TOLD_WITHOUT_VALUE = frozenset({"missing", "model_type", "list_type", "tuple_type", "too_short", "too_long"})
_DATE = "must be a date such as 2025-01-01, or a date-time with its offset such as 2025-01-01T08:00:00+01:00"


V = TypeVar("V")


class Table(BaseModel):
    """A table that people write: unknown keys are refused, nothing is converted, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _check_choice(values: list[V]) -> list[V]:
    """Refuse a choice of nothing, which would mean everything, and what is chosen twice."""
    if not values:
        raise ValueError("must name at least one, or be left out for all")
    most, times = Counter(values).most_common(1)[0]
    if times > 1:
        raise ValueError(f"must not name {most} twice")
    return values


CHOICE = AfterValidator(_check_choice)
"""Of a list that, where it is left out, chooses all."""
T = TypeVar("T", bound=Table)


def read_table(
    file: TomlFile, path: TomlPath, raw: object, model: type[T], patterns: Mapping[str, str]
) -> T | list[Mistake]:
    """Return a table as its model, or everything that is wrong with it.

    Args:
        file: Where it stands.
        path: Where in the file.
        raw: The table as tomli read it.
        model: What it must be.
        patterns: What each regular expression of the model asks for, in words.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return [
            file.mistake((*path, *details["loc"]), explain_error(details, model, patterns))
            for details in error.errors(include_url=False)
        ]


def explain_error(
    error: ErrorDetails, model: type[BaseModel], patterns: Mapping[str, str], *, show_value: bool = True
) -> str:
    """Return one of pydantic's errors as a sentence for people.

    Args:
        error: What pydantic found.
        model: What it was validating, for the keys that would be known there.
        patterns: What each regular expression of the model asks for, in words.
        show_value: Whether the wrong value may be repeated; never for what may be secret.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return explain_unknown(str(error["loc"][-1]), known_keys(model, error["loc"][:-1]))
    if kind == "list_type" and isinstance(error["input"], dict) and known_keys(model, error["loc"]):
        name = ".".join(part for part in error["loc"] if isinstance(part, str))
        return f"must stand in double brackets, [[{name}]], also where there is only one: there may be several"
    if kind == "string_pattern_mismatch":
        sentence = patterns.get(context["pattern"], f"must match {context['pattern']}")
    elif kind == "is_instance_of" and context["class"] == date.__name__:
        sentence = _DATE
    elif kind in _SENTENCES:
        sentence = _SENTENCES[kind].format(**context)
    else:
        sentence = error["msg"].removeprefix("Value error, ")
    if not show_value or kind in _TOLD_WITHOUT_VALUE:
        return sentence
    return f"{sentence}, not {show(error['input'])}"


def show(value: object) -> str:
    """Return a wrong value as a message repeats it: texts in double quotes and in one line, long values cut."""
    try:
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    except ValueError:  # Python writes no more than 4,300 digits
        return "one of thousands of digits"
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}..."


def explain_unknown(name: str, known: Collection[str]) -> str:
    """Return a sentence that a key or variable is not known, with the nearest known one or all of them."""
    if near := offer_near(name, known):
        return f"is not known; {near}"
    return f"is not known; known here: {', '.join(known)}" if known else "is not known"


def known_keys(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """Return the keys that a model knows at a path into it; none when the path leads nowhere."""
    for part in path:
        if isinstance(part, str):
            fields = {info.alias or name: info for name, info in model.model_fields.items()}
            inner = find_model(fields[part].annotation) if part in fields else None
            if inner is None:
                return []
            model = inner
    return [info.alias or name for name, info in model.model_fields.items()]


def find_model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation has no narrower type
    """Return the model in an annotation such as ``list[Model]`` or ``Model | None``; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (list, tuple, Annotated, Union, types.UnionType):
        return next(filter(None, map(find_model, get_args(annotation))), None)
    return None
