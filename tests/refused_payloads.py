"""Payloads that were refused, and towns in which they are refused or not, for tests of ``reprocess``."""

import json
from collections.abc import Sequence
from dataclasses import replace

from devices import load_device_types
from ingest.batch import Batch, QuarantineRow
from ingest.inventory import Inventory
from ingest.memory import Memory
from ingest.process import Processor
from schemas.device_type import DeviceType
from schemas.rule import Level, Rule, Severity
from tests.small_town import make_inventory, make_processor

TIME = "2026-01-15T12:00:00Z"
TIME_MS = 1_768_478_400_000
LIGHT = '{"on":true,"power":10}'
WARM = Rule(
    key="warm",
    device_type="indoor_climate",
    field="temperature",
    unit="Cel",
    levels=(Level(Severity.WARNING, high=30.0, clear_high=28.0),),
    text="Varmt",
)


def climate(**members: object) -> str:
    """Return the payload of an indoor-climate sensor."""
    return json.dumps({"time": TIME, "temperature": 20.0} | members)


def leave_out(*devices: str) -> Inventory:
    """Return the small town without some of its devices."""
    inventory = make_inventory()
    return replace(inventory, devices={k: one for k, one in inventory.devices.items() if k not in devices})


def widen(device: str, field: str, high: float) -> dict[str, DeviceType]:
    """Return the types with another upper bound for one field."""
    types = dict(load_device_types())
    fields = dict(types[device].fields)
    fields[field] = replace(fields[field], high=high)
    types[device] = replace(types[device], fields=fields)
    return types


def number(batch: Batch, first_id: int = 1) -> list[QuarantineRow]:
    """Return what a batch refused as rows of the quarantine."""
    return [QuarantineRow(row_id, one) for row_id, one in enumerate(batch.quarantined, first_id)]


def restart(batches: Sequence[Batch], **options: object) -> Processor:
    """Return another process that knows what was accepted in these batches."""
    memory = Memory()
    memory.restore(mark for batch in batches for mark in batch.marks)
    return make_processor(memory=memory, **options)  # type: ignore[arg-type]


def read_time(line: bytes) -> int:
    return int(line.rpartition(b" ")[2])


def list_points(batch: Batch) -> list[int]:
    return [mark.point for mark in batch.marks if mark.device and mark.names]
