"""Binding: what the inventory says of a device that a Source tells of, and what is wrong with it."""

from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from typing import NamedTuple

from ingest.inventory import NO_PARAMETERS
from ingest.inventory_tables import DeviceTable
from ingest.model import Model
from ingest.models import load_models
from ingest.near_names import offer_near
from ingest.source import Source
from ingest.toml_table import show


class Wrong(NamedTuple):
    """One thing to correct.

    Attributes:
        key: Of the device's table; with the parameter's name, where it is one of those.
        message: What is wrong and what would be right.
    """

    key: tuple[str, ...]
    message: str


def find_wrong(table: DeviceTable, sources: Mapping[str, Source]) -> Iterator[Wrong]:
    """Yield what is wrong with how a device is bound to a Source.

    Args:
        table: The device.
        sources: By key.
    """
    if not table.source:
        for key, value in (("address", table.address), ("model", table.model), ("parameters", table.parameters)):
            if value:
                yield Wrong((key,), "says nothing without source: which source tells of the device?")
        return
    source = sources.get(table.source)
    if source is None:
        yield Wrong(("source",), f"source {show(table.source)} does not exist{_suggest(table.source, sources)}")
    if not table.address:
        yield Wrong(("address",), "is missing: what does the source call the device?")
    models = load_models()
    model = models.get(table.model)
    if not table.model:
        fitting = sorted(key for key, one in models.items() if one.device_type == table.type)
        yield Wrong(("model",), f"is missing; of type {table.type} there are {', '.join(fitting) or 'none'}")
    elif model is None:
        yield Wrong(("model",), f"model {show(table.model)} does not exist{_suggest(table.model, models)}")
    else:
        yield from _find_misfit(table, model, source)


def _find_misfit(table: DeviceTable, model: Model, source: Source | None) -> Iterator[Wrong]:
    """Yield why a Model is not that of a device."""
    if model.device_type != table.type:
        yield Wrong(("type",), f"is {table.type}, and model {table.model} is {model.device_type}")
    if source is not None and source.format_key not in model.formats:
        formats = ", ".join(model.formats)
        yield Wrong(("model",), f"{table.model} comes as {formats}; source {source.key} is {source.format_key}")
    for name, value in table.parameters.items():
        if name not in model.parameters:
            known = f"; it has {', '.join(model.parameters)}" if model.parameters else "; it has none"
            yield Wrong(("parameters", name), f"model {table.model} has no such parameter{known}")
        elif not isfinite(value):
            yield Wrong(("parameters", name), "must be a number, not nan or inf")
    for name, parameter in model.parameters.items():
        if parameter.default is None and name not in table.parameters:
            wanted = f"{parameter.title}, in {parameter.unit}"
            yield Wrong(("parameters",), f"lacks {name} ({wanted}): model {table.model} needs it")


def complete_parameters(table: DeviceTable) -> Mapping[str, float]:
    """Return the parameters of a device, with the usual ones where it does not say."""
    if not table.source:
        return NO_PARAMETERS
    model = load_models().get(table.model)
    return table.parameters if model is None else model.complete_parameters(table.parameters)


def _suggest(name: str, known: Collection[str]) -> str:
    if near := offer_near(name, known):
        return f"; {near}"
    return f"; there are {', '.join(sorted(known))}" if known else "; there is none"
