"""Adoption: the inventory's entry of a device that sends already, of what is known and what is wanted. Pure.

Errors:
    WrongRequestError    see ``ingest.request``
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ingest.discovery import Discovered, Guess
from ingest.inventory import OPEN_END_MS, Device, Inventory, Placement
from ingest.known_names import describe_unknown
from ingest.model import Model
from ingest.request import WrongRequestError
from schemas.device_type import DeviceType

LONGEST_ID = 64


class Wanted(NamedTuple):
    """What a person wants in the entry of a device.

    Attributes:
        type_key: Key of the DeviceType; empty for a guess.
        model: Key of the Model; likewise.
        site: Key of the Site; empty for that of the topic of a native device.
        zone: Key of the Zone; empty for the only one of the Site.
        id: Id in the inventory; empty for a name made of the address.
        component: Component code; empty for none.
        parameters: Of the Model.
    """

    type_key: str = ""
    model: str = ""
    site: str = ""
    zone: str = ""
    id: str = ""
    component: str = ""
    parameters: Mapping[str, float] = {}


class Known(NamedTuple):
    """What names may be of.

    Attributes:
        types: By key.
        models: By key.
        inventory: As it is.
    """

    types: Mapping[str, DeviceType]
    models: Mapping[str, Model]
    inventory: Inventory


def make_entry(found: Discovered, wanted: Wanted, from_ms: int, known: Known) -> Device:
    """Return the entry of a device that sends.

    Args:
        found: The device.
        wanted: By a person.
        from_ms: Since when it is there, milliseconds since 1970 in UTC.
        known: What there is.

    Raises:
        WrongRequestError: Something is misspelt, or cannot be guessed.
    """
    is_native = not found.source
    if is_native and wanted.id not in ("", found.id):
        raise WrongRequestError(f"{found.id} publishes under its own name, which is its id: leave --id out.")
    guess = _choose_guess(found, wanted, known)
    site = wanted.site or found.site
    if is_native and site != found.site:
        raise WrongRequestError(
            f"{found.id} publishes for site {found.site}; at {site} its readings would be refused as wrong_site. Have "
            "it publish for the right one."
        )
    site, zone = choose_place(site, wanted.zone, known.inventory)
    return Device(
        id=found.id if is_native else wanted.id or name_device(found.source, found.address),
        type_key=guess.type_key,
        component=wanted.component,
        placements=(Placement(from_ms, OPEN_END_MS, site, zone),),
        source=found.source,
        address=found.address,
        model=guess.model,
        parameters=dict(wanted.parameters),
    )


def choose_place(site: str, zone: str, inventory: Inventory) -> tuple[str, str]:
    """Return a Site and a Zone in it: the only one, where none is said.

    Raises:
        WrongRequestError: One of them does not exist, or there are several.
    """
    if not site:
        raise WrongRequestError("Say --site: where is the device?")
    place = inventory.sites.get(site)
    if place is None:
        raise WrongRequestError(describe_unknown("site", site, inventory.sites))
    if zone and zone not in place.zones:
        raise WrongRequestError(f"{describe_unknown('zone', zone, place.zones)} Site {site} has {_list(place.zones)}.")
    if not zone and len(place.zones) != 1:
        raise WrongRequestError(f"Say --zone: site {site} has {_list(place.zones)}.")
    return site, zone or next(iter(place.zones))


def refuse_known(entry: Device, inventory: Inventory) -> None:
    """Refuse an entry whose id or address another device has.

    Raises:
        WrongRequestError: One has.
    """
    if entry.id in inventory.devices:
        known = f'Device "{entry.id}" is in the inventory already'
        raise WrongRequestError(f"{known}: `gjovik devices show {entry.id}` shows it; another one needs another id.")
    address = entry.address.lower()
    for other in inventory.devices.values() if entry.source and address else ():
        if (other.source, other.address.lower()) == (entry.source, address):
            raise WrongRequestError(f'Address {entry.address} at source {entry.source} is that of device "{other.id}".')


def name_device(source: str, address: str) -> str:
    """Return an id for a device that a Source tells of, made of both names."""
    words = re.findall("[a-z0-9]+", f"{source} {address}".lower())
    return "-".join(words)[:LONGEST_ID].rstrip("-")


def _choose_guess(found: Discovered, wanted: Wanted, known: Known) -> Guess:
    """Return type and Model: what is said, and for the rest the only guess that agrees with it."""
    for kind, name, names in (("type", wanted.type_key, known.types), ("model", wanted.model, known.models)):
        if name and name not in names:
            raise WrongRequestError(describe_unknown(kind, name, names))
    if not found.source:
        if wanted.model:
            raise WrongRequestError(f"{found.id} is native: it has no model; leave --model out.")
        keys = [wanted.type_key] if wanted.type_key else [one.type_key for one in found.guesses]
        return Guess(_require_one("--type", found, keys))
    if wanted.model:
        return Guess(wanted.type_key or known.models[wanted.model].device_type, wanted.model)
    models = [one.model for one in found.guesses if one.model and wanted.type_key in ("", one.type_key)]
    if not models and wanted.type_key:
        models = [key for key, one in known.models.items() if _can_be(one, wanted.type_key, found.format_key)]
    model = _require_one("--model", found, models)
    return Guess(known.models[model].device_type, model)


def _can_be(model: Model, type_key: str, format_key: str) -> bool:
    return model.device_type == type_key and format_key in model.formats


def _require_one(option: str, found: Discovered, keys: Collection[str]) -> str:
    """Return the only key; raise WrongRequestError where there is none, or another one may be meant."""
    if len(keys) == 1:
        return next(iter(keys))
    why = f"it may be {_list(keys)}" if keys else found.note or "nothing fits what it says"
    raise WrongRequestError(f"Say {option}: what {found.id} is cannot be told for sure: {why}.")


def _list(names: Collection[str]) -> str:
    return ", ".join(names) or "none"
