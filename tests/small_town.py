"""An inventory of one device of each type, for tests that need no files."""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from devices import load_device_types
from ingest.alerts.book import AlertBook
from ingest.alerts.words import Language
from ingest.codecs.native import CODEC
from ingest.configuration import Configuration
from ingest.inventory import OPEN_END_MS, Device, Inventory, Placement, Site, Zone
from ingest.lane import Limits
from ingest.memory import Memory
from ingest.message import Message
from ingest.notify.contact import Contact
from ingest.notify.routing import Routing
from ingest.process import Processor
from ingest.route import RouteTable
from schemas.device_type import DeviceType
from schemas.rule import Rule

FROM_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
RECEIVED_MS = 1_768_478_402_000  # 2026-01-15T12:00:02Z, when examples of device types are received


def make_site(key: str) -> Site:
    """Return a site of one zone, ``first``."""
    return Site(key, key.title(), "office", 60.8, 10.7, 1000.0, {"first": Zone("first", "1. etasje")}, ())


def make_inventory(types: Mapping[str, DeviceType] | None = None) -> Inventory:
    """Return site ``hall`` with one device of each type, named after it, and an empty site ``annex``."""
    devices = {
        key: Device(key, key, "+A=360.001-RT001", (Placement(FROM_MS, OPEN_END_MS, "hall", "first"),))
        for key in (types or load_device_types())
    }
    return Inventory({"hall": make_site("hall"), "annex": make_site("annex")}, devices, ZoneInfo("Europe/Oslo"))


def make_processor(
    inventory: Inventory | None = None,
    rules: dict[str, Rule] | None = None,
    *,
    memory: Memory | None = None,
    types: Mapping[str, DeviceType] | None = None,
    accept_simulated: bool = False,
    max_payload_bytes: int = 65_536,
    kept_payload_bytes: int = 4_096,
) -> Processor:
    """Return a Processor over an inventory, by default the small town's, without rules."""
    types = types or load_device_types()
    inventory = inventory or make_inventory(types)
    routes = RouteTable(inventory, types, CODEC, "gjovik")
    limits = Limits(accept_simulated, max_payload_bytes, kept_payload_bytes)
    return Processor(routes, memory or Memory(), AlertBook(rules or {}, inventory), limits)


def make_configuration(
    inventory: Inventory | None = None, *, rules: Iterable[Rule] = (), contacts: Iterable[str] = ()
) -> Configuration:
    """Return what a collector goes by: an inventory, by default the small town's, rules, and contacts by their keys."""
    types = load_device_types()
    routing = Routing(contacts={key: Contact(key, key.title(), Language.NB, SecretStr("json://x")) for key in contacts})
    return Configuration(types, inventory or make_inventory(types), {rule.key: rule for rule in rules}, routing)


def make_message(device: str, payload: bytes | str, *, received_ms: int = RECEIVED_MS, packet_id: int = 1) -> Message:
    """Return a Message from a device of site ``hall``."""
    data = payload.encode() if isinstance(payload, str) else payload
    return Message(f"gjovik/hall/{device}/reading", data, received_ms, packet_id=packet_id)


def make_alerts_fail_once(monkeypatch: pytest.MonkeyPatch, processor: Processor) -> None:
    """Have the alert engine of a Processor fail at its next reading, and work again after it."""
    original = processor.alerts.judge_reading

    def fail_once(*_: object) -> Sequence[object]:
        monkeypatch.setattr(processor.alerts, "judge_reading", original)
        raise ZeroDivisionError("the alert engine fell over")

    monkeypatch.setattr(processor.alerts, "judge_reading", fail_once)
