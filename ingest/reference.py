"""The reference pages, made from the code so that they cannot go stale: settings, device types, reasons."""

from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ingest.settings import list_settings, name_variable
from schemas.device_type import Clock, DeviceType
from schemas.quantities import Kind
from schemas.reason import Reason, explain
from schemas.units import find_unit

_MADE = "<!-- Made by deploy/generate.py; change the code, not this page. -->\n"


def describe_settings() -> str:
    """Return a page with every setting: its key in the file, its variable, its default, its meaning."""
    rows = ["| key in the file | variable | default | what it is |", "| --- | --- | --- | --- |"]
    rows.extend(
        f"| `{'.'.join(path)}` | `{name_variable(path)}` | {_show_default(field)} | {field.description} |"
        for path, field in list_settings()
    )
    return f"""{_MADE}
# Settings

One TOML file, given with `--settings`; a variable of the environment overrides it. Unknown keys and variables are
refused. A relative path in the file starts at the file's folder; in a variable, at the current folder. A secret comes
from the environment or from the file that a `password_file` names; it has no default and is never printed.

""" + "\n".join([*rows, ""])


def _show_default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined or field.default is None:
        return ""
    shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{shown}`"


def describe_devices(types: Mapping[str, DeviceType]) -> str:
    """Return a page with every DeviceType: its fields with unit, range and kind, and an example payload."""
    return "\n".join(
        [
            _MADE,
            "# Device types",
            "",
            "One file each in `devices/`. The contract for firmware is the JSON Schema in `schemas/json/`. Every type",
            "may also send `seq` (grows by one with every reading) and `simulated`.",
            "",
            *(line for key, device_type in types.items() for line in _describe_device(key, device_type)),
        ]
    )


def _describe_device(key: str, device_type: DeviceType) -> Iterator[str]:
    minutes = device_type.interval.total_seconds() / 60
    clock = "its own, in `time`" if device_type.clock is Clock.DEVICE else "the collector's; `time` is not needed"
    yield f"## {key}"
    yield ""
    yield f"{device_type.title}. Reports every {minutes:g} minutes. Event time: {clock}."
    yield ""
    yield from (
        "| field | quantity | unit | range | required | in Norwegian |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    for name, field in device_type.fields.items():
        quantity = field.measures
        low, high = field.bounds
        is_state = quantity.kind is Kind.STATE
        span = "true or false" if is_state else f"{low:,g} to {high:,g}"
        unit = "" if is_state else find_unit(quantity.unit).display or "1"
        total = ", total" if quantity.kind is Kind.TOTAL else ""
        required = "yes" if field.required else ""
        yield f"| `{name}` | {quantity.key}{total} | {unit} | {span} | {required} | {field.title} |"
    example = next(example for example in device_type.examples if example.fields)
    yield from ("", "```json", example.payload, "```", "")


def describe_reasons() -> str:
    """Return a page with every Reason: what is counted, what happened, what to do."""
    rows = ["| reason | about | what happened | what to do |", "| --- | --- | --- | --- |"]
    for reason in Reason:
        explanation = explain(reason)
        rows.append(f"| `{reason.value}` | {explanation.level} | {explanation.happened} | {explanation.remedy} |")
    return f"""{_MADE}
# Reasons

Whatever is not taken as it came has one of these reasons, is counted under it, and is kept in quarantine: a whole
`message`, a whole `reading`, a `field` of a reading whose rest was accepted, or a `line` that the database refused.

""" + "\n".join([*rows, ""])
