"""Zigbee2MQTT: what products of one kind have in common, whoever made them.

Zigbee2MQTT calls a thing by one name for all products (its documentation, "Exposes"), so there is a Model for each
kind of product. Old versions wrote the battery as text.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ingest.model import Take
from ingest.source import Plain

ZIGBEE = ("zigbee2mqtt",)
"""Keys of the Formats."""

TAKE_BATTERY: Mapping[str, Take] = MappingProxyType({"battery": Take("battery", "%"), "voltage": Take("voltage", "mV")})
TAKE_TAMPER: Mapping[str, Take] = MappingProxyType({"tamper": Take("tamper")})
CLOSED: Mapping[Plain, bool] = MappingProxyType({True: False, False: True})
"""A contact is true where it is closed."""
