"""JSON Schema of a DeviceType: the contract for whoever writes a device's firmware (draft 2020-12)."""

import json
from pathlib import Path
from typing import Any

from schemas.device_type import Clock, DeviceType, Example, Field
from schemas.quantities import Kind
from schemas.units import find_unit

FOLDER = Path(__file__).parent / "json"
"""Where the committed JSON Schemas are, one file for each DeviceType; installed with the program."""


def build_json_schema(device_type: DeviceType) -> dict[str, Any]:
    """Return the JSON Schema of a DeviceType's payloads in the native format.

    The platform's own keywords begin with ``x-``: the quantity and UCUM unit of a field, what kind of values it has, by
    which values sensors say that they have none, what makes a value doubtful (most change in an hour, seconds for which
    it may be the same, where a total begins anew at 0, an empty list where it never does), who may see it, the expected
    interval and how far ahead a time is good in seconds, and name and version of the type. JSON Schema has no words for
    them.
    """
    required = [name for name, field in device_type.fields.items() if field.required]
    if device_type.clock is Clock.DEVICE:
        required.insert(0, "time")
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": device_type.key,
        "description": f"{device_type.title}. Published to <prefix>/<site>/<device>/reading with QoS 1.",
        "type": "object",
        "properties": _describe_members(device_type) | _describe_fields(device_type),
        "required": required,
        "additionalProperties": False,
        "examples": [json.loads(example.payload) for example in device_type.examples if _is_taken_whole(example)],
        "x-name": device_type.name,
        "x-version": device_type.version,
        "x-area": device_type.area.value,
        "x-interval-seconds": device_type.interval.total_seconds(),
        "x-privacy": device_type.privacy.value,
    }
    if not any(field.required for field in device_type.fields.values()):
        schema["anyOf"] = [{"required": [name]} for name in device_type.fields]
    return schema


def render_json_schema(device_type: DeviceType) -> str:
    """Return the file's text: indented, with a last newline."""
    return json.dumps(build_json_schema(device_type), indent=2, ensure_ascii=False) + "\n"


def read_committed(folder: Path = FOLDER) -> dict[str, str]:
    """Return the texts of the committed JSON Schemas by the keys of their DeviceTypes; none where there is no folder.

    Raises:
        OSError: A file cannot be read.
    """
    return {file.stem: file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.glob("*.json"))}


def _is_taken_whole(example: Example) -> bool:
    return example.reason is None and not example.refused


def _describe_members(device_type: DeviceType) -> dict[str, Any]:
    time: dict[str, Any] = {"type": "string", "format": "date-time"}
    if device_type.clock is Clock.DEVICE:
        ahead_s = device_type.ahead.total_seconds()
        time["description"] = f"When it was measured, RFC 3339 with an offset, at most {ahead_s:.0f} s ahead."
        time["x-ahead-seconds"] = ahead_s
    else:
        time["description"] = (
            "Not needed: the time of a reading is when it was received. One that is sent is kept as the delay."
        )
    return {
        "time": time,
        "seq": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**53 - 1,
            "description": "Grows by one with every reading of the device; gaps in it tell what was lost on the way.",
        },
        "simulated": {"type": "boolean", "description": "True on readings that no sensor measured."},
    }


def _describe_fields(device_type: DeviceType) -> dict[str, Any]:
    return {name: _describe_field(field) for name, field in device_type.fields.items()}


def _describe_field(field: Field) -> dict[str, Any]:
    quantity = field.measures
    described: dict[str, Any] = {"description": field.title, "x-quantity": quantity.key, "x-kind": quantity.kind.value}
    if field.privacy is not None:
        described["x-privacy"] = field.privacy.value
    if quantity.kind is Kind.STATE:
        return {"type": "boolean"} | described
    low, high = field.bounds
    unit = find_unit(quantity.unit)
    described["x-unit"] = unit.ucum
    if field.every_sentinel:
        described["x-sentinels"] = list(field.every_sentinel)
    return {"type": "number", "minimum": low, "maximum": high} | described | _describe_doubts(field)


def _describe_doubts(field: Field) -> dict[str, Any]:
    """Return what makes a value doubtful; such a value is stored all the same."""
    described: dict[str, Any] = {}
    if field.steepness is not None:
        described["x-steepness-per-hour"] = field.steepness
    if field.stuck_after is not None:
        described["x-stuck-after-seconds"] = field.stuck_after.total_seconds()
    if field.rollovers is not None:
        described["x-rollovers"] = list(field.rollovers)
    return described
