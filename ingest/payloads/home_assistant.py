"""Home Assistant discovery: what devices of other formats tell of themselves, read for a proposal. Pure.

A message describes one entity, or all of a device at once (``cmps``). Names may be abbreviated and topics may begin or
end with ``~``, which stands for a base that the message tells. Where a value is in a payload a Jinja template says: of
those only such are read that name one place in it, with filters that at most round what is there.

Source: Home Assistant's documentation, "MQTT" (discovery) and "Sensor"; its ``abbreviations.py``.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_object
from ingest.payloads.written_unit import read_unit
from schemas.reason import Reason
from schemas.validation import shorten

_ENTITY_NAMES = {
    "avty": "availability", "cmps": "components", "dev": "device", "dev_cla": "device_class", "exp_aft": "expire_after",
    "o": "origin", "p": "platform", "stat_cla": "state_class", "stat_t": "state_topic", "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}  # fmt: skip
_DEVICE_NAMES = {"ids": "identifiers", "mdl": "model", "mdl_id": "model_id", "mf": "manufacturer"}
LONGEST_TEMPLATE = 300
_SHARED = ("state_topic",)
"""What the entities of one device may have in common."""

_PLACE = r"""(?:\.[A-Za-z_]\w*|\[\s*(?:'[^'\]]*'|"[^"\]]*"|\d+)\s*\])"""
_FILTER = r"\s*\|\s*(?:float|int|round|is_defined)\s*(?:\([\w\s.,'\"-]*\))?"
_TEMPLATE = re.compile(rf"\s*\{{\{{\s*(value|value_json(?P<place>{_PLACE}+))(?:{_FILTER})*\s*\}}\}}\s*", re.ASCII)
_STEP = re.compile(r"""\.(\w+)|\[\s*(?:'([^'\]]*)'|"([^"\]]*)"|(\d+))\s*\]""", re.ASCII)


class Described(NamedTuple):
    """What a device tells of one value.

    Attributes:
        device: Identifier of the device, the first where it has several; empty where none is told.
        name: Of the device, as people call it.
        maker: Of the device.
        model: Likewise.
        component: Kind of entity, such as ``sensor`` and ``binary_sensor``.
        entity: Its own name or identifier.
        topic: Where its values come.
        member: Its path in a JSON payload, joined with dots as Formats do; empty for the whole payload; None where the
            template says something else.
        unit: UCUM code, or as it is written where the platform does not know it; empty for none.
        device_class: What it measures in the words of Home Assistant; empty for untold.
        state_class: ``measurement``, ``total`` or ``total_increasing``; empty for untold.
        expire_after_s: Seconds after which a value no longer counts; None for untold.
    """

    device: str
    name: str
    maker: str
    model: str
    component: str
    entity: str
    topic: str
    member: str | None
    unit: str = ""
    device_class: str = ""
    state_class: str = ""
    expire_after_s: float | None = None


def read_discovery(component: str, object_id: str, payload: bytes) -> list[Described]:
    """Return the values that a discovery message describes; entities that only take commands have none.

    Args:
        component: As the topic names it; ``device`` for all of a device.
        object_id: Likewise.
        payload: Any bytes.

    Raises:
        CodecError: No JSON object, nested too deeply, or a member of it is not what it should be.
    """
    told = read_object(payload)
    flatten(told)  # neither nested too deeply nor too long
    whole = _spell_out(told, _ENTITY_NAMES)
    device = _spell_out(_object(whole, "device"), _DEVICE_NAMES)
    if component != "device":
        entities = {object_id: whole | {"platform": component}}
    else:
        shared = {name: whole[name] for name in _SHARED if name in whole}
        components = _object(whole, "components")
        entities = {key: shared | _spell_out(_object(components, key), _ENTITY_NAMES) for key in components}
    described = [_describe(device, key, entity, _text(whole, "~")) for key, entity in entities.items()]
    return [one for one in described if one.topic]


def _describe(device: Mapping[str, Any], key: str, entity: Mapping[str, Any], base: str) -> Described:
    base = _text(entity, "~") or base
    return Described(
        device=_identify(device),
        name=_text(device, "name"),
        maker=_text(device, "manufacturer"),
        model=_text(device, "model_id") or _text(device, "model"),
        component=_text(entity, "platform"),
        entity=_text(entity, "name") or _text(entity, "unique_id") or key,
        topic=_expand(_text(entity, "state_topic"), base),
        member=find_member(_text(entity, "value_template")),
        unit=read_unit(_text(entity, "unit_of_measurement")),
        device_class=_text(entity, "device_class"),
        state_class=_text(entity, "state_class"),
        expire_after_s=_number(entity, "expire_after"),
    )


def find_member(template: str) -> str | None:
    """Return the path that a value template names; empty for the whole payload, None for what says something else."""
    if not template:
        return ""
    match = _TEMPLATE.fullmatch(template) if len(template) <= LONGEST_TEMPLATE else None
    if match is None:
        return None
    return ".".join(next(filter(None, step.groups()), "") for step in _STEP.finditer(match["place"] or ""))


def _spell_out(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in members.items()}


def _expand(topic: str, base: str) -> str:
    """Return a topic with its base in place of a ``~`` at either end."""
    if topic.startswith("~"):
        topic = base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic


def _identify(device: Mapping[str, Any]) -> str:
    found = device.get("identifiers")
    first = next(iter(found), "") if isinstance(found, list) else found
    return first if isinstance(first, str) else ""


def _object(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = members.get(name)
    if found is not None and not isinstance(found, dict):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{shorten(name)} is no object")
    return found or {}


def _text(members: Mapping[str, Any], name: str) -> str:
    """Return a text; empty where it is left out, and null says the same."""
    found = members.get(name)
    if found is not None and not isinstance(found, str):
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"{name} is no text")
    return found or ""


def _number(members: Mapping[str, Any], name: str) -> float | None:
    found = members.get(name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
