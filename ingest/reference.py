"""The reference pages, made from the code so that they cannot go stale: settings, device types, products, reasons."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ingest.evidence import count_examples
from ingest.model import Model
from ingest.plain_model import PREFIX
from ingest.settings import list_settings, name_variable
from schemas.device_type import Area, Clock, DeviceType, Field
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
    if field.default == ():
        return "`[]`"
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
    version = f"Version {device_type.version} of `{device_type.name}`. " if device_type.version > 1 else ""
    yield f"{device_type.title}. {version}Reports every {minutes:g} minutes. Event time: {clock}."
    yield ""
    yield from (
        "| field | quantity | unit | range | says that it has none | required | privacy | in Norwegian |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    )
    for name, field in device_type.fields.items():
        quantity = field.measures
        total = ", total" if quantity.kind is Kind.TOTAL else ""
        unit = "" if field.is_state else _name_unit(field) or "1"
        none = "; ".join(f"{sentinel:,.12g}" for sentinel in field.every_sentinel)
        required = "yes" if field.required else ""
        yield (
            f"| `{name}` | {quantity.key}{total} | {unit} | {_show_range(field)} | {none} | {required} "
            f"| {device_type.privacy_of(name)} | {field.title} |"
        )
    example = next(example for example in device_type.examples if example.fields)
    yield from ("", "```json", example.payload, "```", "")


def _name_unit(field: Field) -> str:
    return find_unit(field.measures.unit).display


def _show_range(field: Field) -> str:
    low, high = field.bounds
    return "true or false" if field.is_state else f"{low:,.12g} to {high:,.12g}"


def describe_catalogue(types: Mapping[str, DeviceType], models: Mapping[str, Model]) -> str:
    """Return the catalogue: a table for each area, a row for each DeviceType, with the products that are one."""
    return "\n".join(
        [
            _MADE,
            "# Device types",
            "",
            f"{len(types)} device types, in the five areas of the programme. The tables say of each:",
            "",
            "- **Fields**, with range and unit. Without one in **bold** a reading is refused, but not where a format",
            "  tells one value at a time ([partial readings](../docs/sources.md#partial-readings)). Outside its range",
            "  a value is refused; what else stands beside it makes another value",
            "  [doubtful](../docs/rules.md#doubtful-values).",
            "- **Every**: how often a healthy device reports at least; after three times that it is silent.",
            "- **Privacy**: its [class](../docs/privacy.md); beside a field where that is more open.",
            "- **Products** with the `model` that the inventory gives them, and the formats that they come in. And",
            f"  devices of every type may send the fields by name: in `native`, and in {_list_plain_formats(models)}",
            f"  with the model `{PREFIX}<type>`.",
            "",
            "Kinds of values, sentinels and an example of each are in the [reference](../docs/reference/devices.md);",
            "how to add a type is in the [developer's guide](../docs/developer.md#add-a-device-type).",
            *_describe_evidence(types, models),
            *(line for area in Area for line in _describe_area(area, types, models)),
            "",
        ]
    )


def _is_plain(key: str) -> bool:
    """Return whether a Model is of what calls the fields of its DeviceType by their own names."""
    return key.startswith(PREFIX)


def _list_plain_formats(models: Mapping[str, Model]) -> str:
    formats = sorted({name for key, model in models.items() if _is_plain(key) for name in model.formats})
    return ", ".join(f"`{name}`" for name in formats)


def _describe_evidence(types: Mapping[str, DeviceType], models: Mapping[str, Model]) -> Iterator[str]:
    """Yield how much is known of the products: examples, each run by a test, by where they come from."""
    products = {key: model for key, model in models.items() if not _is_plain(key)}
    decoding = sum(model.decode is not None for model in products.values())
    counts = count_examples(products)
    native = [example for device_type in types.values() for example in device_type.examples]
    taken = sum(example.fields is not None for example in native)
    yield from ("", f"## {len(products)} products, and what is proved of them", "")
    yield from (
        f"{decoding} are decoded from the bytes of their LoRaWAN frames, the others translated name by name. Tests run",
        f"every example: those of products in the table, and {len(native)} in the native format, of which {taken} must",
        f"be taken and {len(native) - taken} refused.",
    )
    yield from ("", "| examples of products | examples | of them frames | products with none that proves more |")
    yield "| --- | ---: | ---: | ---: |"
    for evidence, count in counts.items():
        yield f"| {evidence.value} | {count.examples} | {count.frames} | {count.models} |"
    every = sum(count.examples for count in counts.values())
    yield f"| together | {every} | {sum(count.frames for count in counts.values())} | {len(products)} |"


def _describe_area(area: Area, types: Mapping[str, DeviceType], models: Mapping[str, Model]) -> Iterator[str]:
    there = {key: device_type for key, device_type in types.items() if device_type.area is area}
    yield from ("", f"## {area.value.capitalize()}: {len(there)}", "")
    yield from ("| type | in Norwegian | fields | every | privacy | products | formats |", "| --- " * 7 + "|")
    for key, device_type in there.items():
        fields = "<br>".join(_describe_field(device_type, name) for name in device_type.fields)
        same = {name: model for name, model in models.items() if model.device_type == key and not _is_plain(name)}
        titles = "<br>".join(sorted(f"{model.title} `{name}`" for name, model in same.items()))
        formats = ", ".join(f"`{name}`" for name in sorted({one for model in same.values() for one in model.formats}))
        yield (
            f"| `{key}` | {device_type.title} | {fields} | {_show_interval(device_type)} | {device_type.privacy} "
            f"| {titles} | {formats} |"
        )


def _describe_field(device_type: DeviceType, name: str) -> str:
    field = device_type.fields[name]
    shown = f"**`{name}`**" if field.required else f"`{name}`"
    unit = "" if field.is_state else f" {_name_unit(field)}".rstrip()
    privacy = f", {field.privacy}" if field.privacy else ""
    doubts = "".join(f"; {one}" for one in _list_doubts(field))
    return f"{shown} {_show_range(field)}{unit}{privacy}{doubts}"


def _list_doubts(field: Field) -> Iterator[str]:
    """Yield what makes a value doubtful."""
    if field.steepness is not None:
        unit = _name_unit(field)
        yield f"≤ {field.steepness:,.12g} {unit} in an hour".replace("  ", " ")
    if field.rollovers is not None:
        ends = " or ".join(f"{one:,.12g}" for one in field.rollovers)
        yield f"never back, but from {ends} to 0" if ends else "never back"
    if field.stuck_after is not None:
        yield f"the same for < {field.stuck_after / timedelta(hours=1):g} h"


def _show_interval(device_type: DeviceType) -> str:
    hours = device_type.interval / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{60 * hours:g} min"


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
Identifiers of people are blanked in it, and of payloads about people or their homes only length, hash and reason are
kept ([privacy](../privacy.md)).

""" + "\n".join([*rows, ""])
