"""Milesight: what decoders call an open door, a leak and a broken seal, in all their versions."""

from ingest.model import Take

_OPEN = Take("door_open", states={"open": True, "close": False, "closed": False, 1: True, 0: False})
TAKE_DOOR = {"magnet_status": _OPEN, "door": _OPEN, "state": _OPEN, "magnet": _OPEN}

_REMOVED = Take("tamper", states={"uninstalled": True, "installed": False, 1: True, 0: False})
TAKE_TAMPER = {
    "tamper_status": _REMOVED,
    "install": Take("tamper", states={"no": True, "yes": False}),  # the same byte, asked the other way round
}

_LEAK = Take("leak", states={"leak": True, "normal": False, 1: True, 0: False})
TAKE_LEAK = {"leakage_status": _LEAK, "water_leak": _LEAK, "water": _LEAK, "leak": _LEAK}
