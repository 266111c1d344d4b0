"""From a DeviceType to a validator, and from its errors to Reasons.

The validator is pydantic's core validator over a typed dictionary, numbers strictly numbers; it explains what it
refuses.
"""

from typing import NamedTuple

from pydantic_core import ErrorDetails, SchemaValidator, ValidationError, core_schema

from schemas.device_type import DeviceType, Field
from schemas.reason import Reason

_REASONS = {
    "missing": Reason.MISSING_FIELD,
    "finite_number": Reason.NOT_FINITE,
    "greater_than_equal": Reason.OUT_OF_RANGE,
    "less_than_equal": Reason.OUT_OF_RANGE,
}
SHOWN_CHARACTERS = 80
"""Most characters of a value or a name that a refusal quotes: payloads can be large."""


class Refusal(NamedTuple):
    """Why a member of a payload was not taken.

    Attributes:
        member: Its name; empty when the payload as a whole is meant.
        reason: The Reason for a field; WRONG_TYPE for anything that is neither range nor presence.
        detail: The name, the value and what was expected, for people.
    """

    member: str
    reason: Reason
    detail: str


def build_field_schema(field: Field) -> core_schema.CoreSchema:
    """Return the schema of one field's values: a strict boolean, or a finite number within its bounds."""
    if field.is_state:
        return core_schema.bool_schema(strict=True)
    low, high = field.bounds
    return core_schema.float_schema(strict=True, allow_inf_nan=False, ge=low, le=high)


def build_validator(device_type: DeviceType) -> SchemaValidator:
    """Return a validator of the fields of a reading."""
    fields = {
        name: core_schema.typed_dict_field(build_field_schema(field), required=field.required)
        for name, field in device_type.fields.items()
    }
    return SchemaValidator(core_schema.typed_dict_schema(fields, extra_behavior="forbid"))


def list_refusals(device_type: DeviceType, error: ValidationError) -> list[Refusal]:
    """Return one Refusal for each member that the DeviceType's validator did not take, in the payload's order."""
    return [_describe(device_type, detail) for detail in error.errors(include_url=False, include_context=False)]


def refuse_unknown(name: str) -> Refusal:
    """Return the Refusal of a member that is no field of the type."""
    return Refusal(name, Reason.UNKNOWN_FIELD, f"{shorten(name)} is not a field of this type")


def _describe(device_type: DeviceType, detail: ErrorDetails) -> Refusal:
    member = str(detail["loc"][0]) if detail["loc"] else ""
    reason = _REASONS.get(detail["type"], Reason.WRONG_TYPE)
    if detail["type"] == "float_type" and type(detail["input"]) is int:
        reason = Reason.OUT_OF_RANGE  # an integer too large to be a float is a number all the same
    name = shorten(member)
    if reason is Reason.MISSING_FIELD:
        return Refusal(member, reason, f"{name} is missing")
    if reason is Reason.OUT_OF_RANGE and detail["input"] in device_type.fields[member].every_sentinel:
        return Refusal(member, Reason.SENTINEL, f"{name} is {detail['input']:g}: that says that there is no value")
    return Refusal(member, reason, f"{name} is {shorten(repr(detail['input']))}: {detail['msg']}")


def shorten(text: str) -> str:
    """Return a text of at most ``SHOWN_CHARACTERS`` characters; a longer one ends in an ellipsis."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
