"""The inventory's TOML files: read, checked as a whole, and turned into an Inventory.

The format is described in ``docs/inventory.md``. Sites and devices may stand in any file of the folder; everything
that is wrong in any of them is reported together.

A file's values are let go before the next file is read, and what many devices have in common is kept once: 100,000
devices take 27 MB, 70 MB while they are read, and less than 2 s.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from ingest.binding import complete_parameters, find_wrong
from ingest.inventory import GATEWAY, OPEN_END_MS, Device, Inventory, Placement, Site
from ingest.inventory_sites import find_wrong_site, make_site
from ingest.inventory_tables import PATTERNS, DeviceTable, PlacementTable, SiteTable
from ingest.local_time import LOCAL
from ingest.near_names import offer_near
from ingest.source import Source
from ingest.toml_file import NO_DRAFTS, ConfigurationError, Mistake, TomlFile, TomlPath, iterate_toml_folder
from ingest.toml_table import explain_unknown, read_table, show
from ingest.written_time import to_ms
from schemas.device_type import DeviceType

RESERVED_SITES = frozenset({"alerts"})
"""Site keys that are segments of the platform's own topics."""

BROKER_ACCOUNTS = frozenset({"admin", "bridge", "collector", "console", "monitor", "replay", "simulator"})
"""Accounts at the broker that are not devices; a device of that name would get their rights."""

MOST_NEAR = 3
"""Device types that are offered for one that does not exist."""


def load_inventory(
    folder: Path,
    types: Mapping[str, DeviceType],
    accounts: Collection[str] = BROKER_ACCOUNTS,
    sources: Mapping[str, Source] | None = None,
    drafts: Mapping[Path, bytes] = NO_DRAFTS,
    *,
    keeps_apart: bool = False,
) -> Inventory:
    """Read an inventory.

    Args:
        folder: Holds the TOML files.
        types: DeviceTypes by key.
        accounts: Names that no device may have, because they are accounts of the platform at the broker.
        sources: Sources by key, which devices may name; None where that is not looked at.
        drafts: What files are to hold; see ``iterate_toml_folder``.
        keeps_apart: Whether there is a place for what tells of people's health; see ``DeviceType.is_apart``.

    Raises:
        ConfigurationError: Something is wrong; it carries everything that is.
    """
    inventory, mistakes = read_inventory(folder, types, accounts, sources, drafts, keeps_apart=keeps_apart)
    if mistakes:
        raise ConfigurationError(mistakes)
    return inventory


def read_inventory(
    folder: Path,
    types: Mapping[str, DeviceType],
    accounts: Collection[str] = BROKER_ACCOUNTS,
    sources: Mapping[str, Source] | None = None,
    drafts: Mapping[Path, bytes] = NO_DRAFTS,
    *,
    keeps_apart: bool = False,
) -> tuple[Inventory, list[Mistake]]:
    """Return what could be understood of an inventory, and everything that is wrong with it.

    The arguments are those of ``load_inventory``. The Inventory is to be used only when there are no mistakes.
    """
    unread: list[Mistake] = []
    draft = _Draft(types, accounts, sources, keeps_apart=keeps_apart)
    for file in iterate_toml_folder(folder, unread, drafts):
        draft.add_file(file)
    draft.check_waiting(is_whole=not unread)
    mistakes = sorted(unread + draft.mistakes, key=lambda mistake: mistake[:2])
    return Inventory(draft.sites, draft.devices, LOCAL), mistakes


def _tables(values: Mapping[str, Any], key: str) -> Iterator[tuple[TomlPath, object]]:
    """Yield the tables of an array of tables with their paths; none when something else has its name."""
    found = values.get(key)
    if isinstance(found, list):
        for index, raw in enumerate(found):
            yield (key, index), raw


class _Waiting(NamedTuple):
    """A placement at a site that no file had defined so far."""

    file: TomlFile
    path: TomlPath
    placement: Placement


class _Heard(NamedTuple):
    """A device that names a gateway which no file had defined so far."""

    file: TomlFile
    path: TomlPath
    gateway: str


@dataclass(slots=True)
class _Draft:
    """An inventory while its files are read.

    Attributes:
        mistakes: What is wrong so far.
        defined: Where each site and device was defined first.
        placements: Each once, by what is written of it.
        waiting: To be looked at when every file was read.
        heard: Likewise.
        bound: Devices by their Source and address.
    """

    types: Mapping[str, DeviceType]
    accounts: Collection[str]
    sources: Mapping[str, Source] | None = None
    keeps_apart: bool = field(default=False, kw_only=True)
    mistakes: list[Mistake] = field(default_factory=list)
    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    defined: dict[tuple[str, str], tuple[TomlFile, TomlPath]] = field(default_factory=dict)
    placements: dict[tuple[date, date | None, str, str], Placement] = field(default_factory=dict)
    waiting: list[_Waiting] = field(default_factory=list)
    heard: list[_Heard] = field(default_factory=list)
    bound: dict[tuple[str, str], str] = field(default_factory=dict)

    def add_file(self, file: TomlFile) -> None:
        """Check a file, and keep what it defines."""
        self.check_keys(file)
        if not file.values:
            self.mistakes.append(Mistake(file.path, 0, "", "is empty; is it still being copied? Fill it or remove it"))
        place = file.forget_values()
        for path, raw in _tables(file.values, "site"):
            self.add_site(place, path, raw)
        for path, raw in _tables(file.values, "device"):
            self.add_device(place, path, raw)

    def check_waiting(self, *, is_whole: bool) -> None:
        """Check what names a site or gateway that was not defined when it was read.

        Args:
            is_whole: Whether every file could be read; otherwise it may be defined in one that could not.
        """
        for file, path, placement in self.waiting:
            site = self.sites.get(placement.site)
            if site is not None:
                self._check_zone(file, path, placement, site)
            elif is_whole and ("site", placement.site) not in self.defined:
                self.refuse(file, (*path, "site"), _explain_missing("site", placement.site, self.sites))
        self._check_parts(is_whole=is_whole)
        gateways = [device.id for device in self.devices.values() if device.type_key == GATEWAY] if self.heard else []
        for file, path, gateway in self.heard:
            device = self.devices.get(gateway)
            if device is not None:
                self._check_gateway(file, path, device)
            elif is_whole and ("device", gateway) not in self.defined:
                self.refuse(file, (*path, "gateway"), _explain_missing("device", gateway, gateways))

    def _check_parts(self, *, is_whole: bool) -> None:
        """Check of what sites are a part."""
        for site in self.sites.values():
            file, path = self.defined["site", site.key]
            whole, passed = site.part_of, {site.key}
            while whole in self.sites and whole not in passed:
                passed.add(whole)
                whole = self.sites[whole].part_of
            if whole == site.key:
                self.refuse(file, (*path, "part_of"), f'"{site.key}" would be a part of itself')
            elif is_whole and site.part_of and ("site", site.part_of) not in self.defined:
                self.refuse(file, (*path, "part_of"), _explain_missing("site", site.part_of, self.sites))

    def refuse(self, file: TomlFile, path: TomlPath, message: str) -> None:
        """Note a mistake."""
        self.mistakes.append(file.mistake(path, message))

    def check_keys(self, file: TomlFile) -> None:
        """Refuse everything at the top of a file but ``[[site]]`` and ``[[device]]``."""
        for key, value in file.values.items():
            if key not in ("site", "device"):
                self.refuse(file, (key,), explain_unknown(key, ("site", "device")))
            elif not isinstance(value, list):
                self.refuse(file, (key,), f"must be an array of tables; write [[{key}]] in double brackets")

    def define(self, file: TomlFile, path: TomlPath, name: str) -> None:
        """Remember where a site or device was defined, and refuse a second one of that name."""
        kind = str(path[0])
        first_file, first_path = self.defined.setdefault((kind, name), (file, path))
        if (first_file, first_path) != (file, path):
            place = f"{first_file.path}:{first_file.line(first_path)}"
            self.refuse(
                file, (*path, "id" if kind == "device" else "key"), f'{kind} "{name}" is defined before, at {place}'
            )

    def add_site(self, file: TomlFile, path: TomlPath, raw: object) -> None:
        """Check a ``[[site]]`` and keep it."""
        table = read_table(file, path, raw, SiteTable, PATTERNS)
        if isinstance(table, list):
            self.mistakes += table
            # Its devices must not be told that their site is unknown.
            if isinstance(raw, dict) and isinstance(raw.get("key"), str):
                self.define(file, path, raw["key"])
            return
        self.define(file, path, table.key)
        if table.key in RESERVED_SITES:
            self.refuse(
                file, (*path, "key"), f'"{table.key}" is reserved: it is a segment of the platform\'s own topics'
            )
        self.mistakes += find_wrong_site(file, path, table)
        self.sites[table.key] = make_site(table)

    def add_device(self, file: TomlFile, path: TomlPath, raw: object) -> None:
        """Check a ``[[device]]`` and keep it."""
        table = read_table(file, path, raw, DeviceTable, PATTERNS)
        if isinstance(table, list):
            self.mistakes += table
            if isinstance(raw, dict) and isinstance(raw.get("id"), str):
                self.define(file, path, raw["id"])
            return
        self.define(file, path, table.id)
        if table.id in self.accounts:
            self.refuse(
                file, (*path, "id"), f'"{table.id}" is reserved: it is an account of the platform at the broker'
            )
        if table.type not in self.types:
            near = offer_near(table.type, self.types, MOST_NEAR) or f"there are {', '.join(sorted(self.types))}"
            message = f"device type {show(table.type)} does not exist; {near}"
            self.refuse(file, (*path, "type"), message)
        elif self.types[table.type].is_apart and not self.keeps_apart:
            message = (
                f"{table.type} tells of people's health, and there is no database to keep that apart: name one in "
                "health.database (docs/privacy.md), or leave the device out"
            )
            self.refuse(file, (*path, "type"), message)
        placements: list[Placement] = []
        for index, row in enumerate(table.placements):
            here = (*path, "placements", index)
            placement = self._read_placement(file, here, row)
            if placement is None:
                continue
            if placements:
                self._check_order(file, here, placements[-1], placement)
            placements.append(placement)
        self.devices[table.id] = Device(
            table.id,
            sys.intern(table.type),
            table.component,
            tuple(placements),
            sys.intern(table.gateway),
            tuple(map(sys.intern, table.tags)),
            sys.intern(table.source),
            table.address,
            sys.intern(table.model),
            complete_parameters(table),
        )
        self._check_binding(file, path, table)
        if table.gateway:
            self._read_gateway(file, path, table)

    def _check_binding(self, file: TomlFile, path: TomlPath, table: DeviceTable) -> None:
        """Check what is said of the Source that tells of a device, and refuse a second device of its address."""
        if self.sources is not None:
            for wrong in find_wrong(table, self.sources):
                self.refuse(file, (*path, *wrong.key), wrong.message)
        if table.source and table.address:
            first = self.bound.setdefault((table.source, table.address.lower()), table.id)
            if first != table.id:
                self.refuse(file, (*path, "address"), f"is that of device {show(first)} at source {table.source}")

    def _read_gateway(self, file: TomlFile, path: TomlPath, table: DeviceTable) -> None:
        """Check through which gateway a device is heard, or note that to be done when every file was read."""
        if table.type == GATEWAY:
            self.refuse(file, (*path, "gateway"), "must be left out: a gateway is not heard through another")
        elif table.gateway in self.devices:
            self._check_gateway(file, path, self.devices[table.gateway])
        else:
            self.heard.append(_Heard(file, path, table.gateway))

    def _check_gateway(self, file: TomlFile, path: TomlPath, device: Device) -> None:
        """Refuse a device of another type as the one through which others are heard; a type that is not known was."""
        if device.type_key != GATEWAY and device.type_key in self.types:
            message = f"device {show(device.id)} is of type {device.type_key}; name one of type {GATEWAY}"
            self.refuse(file, (*path, "gateway"), message)

    def _read_placement(self, file: TomlFile, path: TomlPath, row: PlacementTable) -> Placement | None:
        """Return a placement in milliseconds; None when its times cannot be understood."""
        written = (row.begins, row.ends, row.site, row.zone)
        placement = self.placements.get(written)
        if placement is None:
            placement = self._make_placement(file, path, row)
            if placement is None:
                return None
            if placement.from_ms < placement.to_ms:
                self.placements[written] = placement
            else:
                self.refuse(file, (*path, "to"), f"must be after from: {row.ends} is not after {row.begins}")
        site = self.sites.get(row.site)
        if site is None:
            self.waiting.append(_Waiting(file, path, placement))
        else:
            self._check_zone(file, path, placement, site)
        return placement

    def _make_placement(self, file: TomlFile, path: TomlPath, row: PlacementTable) -> Placement | None:
        times = []
        for key, moment in (("from", row.begins), ("to", row.ends)):
            try:
                times.append(OPEN_END_MS if moment is None else to_ms(moment))
            except ValueError as error:
                self.refuse(file, (*path, key), str(error))
                return None
        begins, ends = times
        return Placement(begins, ends, sys.intern(row.site), sys.intern(row.zone))

    def _check_zone(self, file: TomlFile, path: TomlPath, placement: Placement, site: Site) -> None:
        """Refuse a zone that its site does not have."""
        if placement.zone not in site.zones:
            zones = f"its zones are {', '.join(site.zones)}" if site.zones else "it has no zones"
            message = f"zone {show(placement.zone)} is not a zone of site {show(site.key)}; {zones}"
            self.refuse(file, (*path, "zone"), message)

    def _check_order(self, file: TomlFile, path: TomlPath, before: Placement, placement: Placement) -> None:
        """Refuse placements that are not in order of time, or overlap."""
        if placement.from_ms < before.from_ms:
            self.refuse(file, (*path, "from"), "is earlier than the placement before it; write them in order of time")
        elif before.to_ms == OPEN_END_MS:
            self.refuse(file, path, "the placement before it has no end; give that one a `to`")
        elif placement.from_ms < before.to_ms:
            self.refuse(file, (*path, "from"), "overlaps the placement before it: a device is in one place at a time")


def _explain_missing(kind: str, name: str, known: Collection[str]) -> str:
    """Return a sentence that a site or device does not exist, with the nearest that does."""
    near = offer_near(name, known)
    return f"{kind} {show(name)} does not exist{f'; {near}' if near else ', in no file of the inventory'}"
