"""What is written of a device that no inventory has: who tells of it, and what that calls the product.

The product is often told in another message than the reading: in Zigbee2MQTT's ``bridge/devices``, or by Home Assistant
discovery. The quarantine keeps the reading alone, so its detail says the product too: ``find_product`` is the inverse
of ``describe_unknown_device``. Pure.
"""

from schemas.validation import shorten

_CALLED = "; the product is called "


def describe_unknown_device(address: str, source: str, product: str) -> str:
    """Return the detail of a reading.

    Args:
        address: What the Source calls the device.
        source: Key of the Source.
        product: What it calls the product; empty where it does not say.
    """
    called = f"{_CALLED}{shorten(product)}" if product else ""
    return f"no device of the inventory has address {shorten(address)} at source {source}{called}"


def find_product(detail: str) -> str:
    """Return the product that a detail tells; empty for none."""
    return detail.rpartition(_CALLED)[2] if _CALLED in detail else ""
