"""Milesight EM300-DI: what its counter tells, shared by the Models for electricity and for water.

Firmware before 1.3 sends the pulses. Later it may send what it made of them instead: ``water``, in a unit that the
frame does not tell, and the two numbers of its own conversion. Pulses are made of that again, so that one parameter in
the inventory says what a pulse is, whatever is set in the device: ``water = pulses * water_conv / pulse_conv``.

Source: EM300-DI and EM300-DI (Hall) in https://github.com/Milesight-IoT/SensorDecoders, where the converted counter is
on channel 05 for one and 06 for the other; EM300 Series User Guide.
"""

from collections.abc import Mapping

from ingest.frames.milesight import CLIMATE, HUMIDITY, TEMPERATURE, TIME, Channel, Item, build_decode, skip
from ingest.model import read_number
from ingest.source import Plain

_PULSE = Item("pulse", "I")
_CONVERTED = (Item("water_conv", "H", 10), Item("pulse_conv", "H", 10), Item("water", "f"))
_NOTHING = Item("", "1x")
_KIND = Item("gpio_type", "B")
_COUNTS = 2  # in gpio_type; 1 is a contact that is open or closed
_COUNTED = ("pulse", "water", "water_conv", "pulse_conv")


def _refine(members: dict[str, Plain]) -> None:
    """Leave out the counter of a history record that was made while there was none."""
    if members.pop("gpio_type", _COUNTS) != _COUNTS:
        for name in _COUNTED:
            members.pop(name, None)


decode = build_decode(
    {
        **CLIMATE,
        (0x05, 0x00): skip(1),
        (0x85, 0x00): skip(2),
        (0x05, 0xC8): Channel(_PULSE),
        (0x05, 0xE1): Channel(*_CONVERTED),
        (0x06, 0xE1): Channel(*_CONVERTED),
        (0x85, 0xE1): Channel(*_CONVERTED, _NOTHING),
        (0x86, 0xE1): Channel(*_CONVERTED, _NOTHING),
        (0x20, 0xCE): Channel(TIME, TEMPERATURE, HUMIDITY, _KIND, _NOTHING, _PULSE),
        (0x21, 0xCE): Channel(TIME, TEMPERATURE, HUMIDITY, _NOTHING, _KIND, _NOTHING, *_CONVERTED),
    },
    _refine,
)


def count_pulses(members: Mapping[str, Plain]) -> float | None:
    """Return the state of the counter; None where there is none."""
    pulse = _number(members, "pulse")
    if pulse is not None:
        return pulse
    # The maker's own documentation has both spellings.
    water, per, pulses = (
        _number(members, *names) for names in (("water",), ("water_conv",), ("pulse_conv", "pluse_conv"))
    )
    if water is None or not per or not pulses:
        return None
    return float(f"{water * pulses / per:.7g}")  # ``water`` has no more digits than that


def _number(members: Mapping[str, Plain], *names: str) -> float | None:
    value = next((members[name] for name in names if name in members), None)
    if isinstance(value, str):
        return read_number(value, "")[0]
    return None if value is None or isinstance(value, bool) else float(value)
