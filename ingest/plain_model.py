"""Models of whatever names its values as the fields of a DeviceType: a device that was made for this platform.

A field is known by its own name, with hyphens for underscores where a format has none of these, and behind the node
``sensor`` (ESPHome, Homie) or ``binary_sensor`` (ESPHome). Values are in the field's own unit, unless the message tells
another.
"""

import json
import re
from collections.abc import Iterator, Mapping

from ingest.model import Model, ModelExample, Take
from ingest.source import Plain
from schemas.device_type import DeviceType, Field

PREFIX = "fields_"
"""Beginning of the keys of such Models, before that of the DeviceType."""
ORIGIN = "example of the device type"
"""Of the example of such a Model."""
FORMATS = ("senml", "homie", "esphome", "plain")
_NODES = ("", "sensor.", "binary_sensor.")
_STATES: Mapping[Plain, bool] = {
    True: True,
    False: False,
    **dict.fromkeys(("true", "True", "TRUE", "on", "On", "ON", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "off", "Off", "OFF", "0"), False),
}
_QUANTITIES_BY_UNIT = {
    "Cel": "temperature",
    "%RH": "relative_humidity",
    "%EL": "battery",
    "lx": "illuminance",
    "lat": "latitude",
    "lon": "longitude",
}
"""What SenML calls a value without a name: its unit, where that says what is measured."""
_RESERVED = ("time", "seq", "simulated")


def make_plain_model(device_type: DeviceType) -> Model:
    """Return the Model of devices that name their values as the fields of a DeviceType.

    Its example is the first of the DeviceType that is taken as a whole.
    """
    takes = {
        f"{node}{written}": _take(name, field)
        for name, field in device_type.fields.items()
        for written in (name, name.replace("_", "-"))
        for node in _NODES
    }
    return Model(
        title=f"Names its values as the fields of {device_type.key}",
        device_type=device_type.key,
        formats=FORMATS,
        takes=takes | dict(_take_units(device_type)),
        examples=tuple(_list_examples(device_type))[:1],
        key=f"{PREFIX}{device_type.key}",
    )


def make_plain_models(types: Mapping[str, DeviceType]) -> dict[str, Model]:
    """Return such a Model for each DeviceType, by its key."""
    models = map(make_plain_model, types.values())
    return {model.key: model for model in models}


def _take(name: str, field: Field) -> Take:
    return Take(name, states=_STATES if field.is_state else {})


def _take_units(device_type: DeviceType) -> Iterator[tuple[str, Take]]:
    """Yield what is taken by its unit alone: of what only one field measures."""
    for unit, quantity in _QUANTITIES_BY_UNIT.items():
        names = [name for name, field in device_type.fields.items() if field.quantity == quantity]
        if len(names) == 1:
            yield unit, Take(names[0])


def _list_examples(device_type: DeviceType) -> Iterator[ModelExample]:
    for example in device_type.examples:
        if example.fields is not None and not example.refused:
            members = json.loads(example.payload)
            yield ModelExample(
                members={name: value for name, value in members.items() if name not in _RESERVED},
                fields=re.sub(r",seq=[^,]*\Z", "", example.fields),
                origin=ORIGIN,
            )
