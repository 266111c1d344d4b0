"""What Sources tell beside readings, as lines for InfluxDB: radio quality, and events.

Measurement ``radio``: an uplink of a device each, tags as those of its readings and ``source``; fields ``rssi`` (dBm),
``snr`` (dB), ``spreading_factor``, ``gateways``, ``gateway`` (the one that received it best), ``frame_counter``.

Measurement ``source_events``: tags ``source``, ``kind`` and, where the inventory has it, ``device``; fields ``count``
(always 1), ``address``, ``detail``, and what the event tells in numbers, under the names that the Source uses.
"""

from collections.abc import Iterable, Iterator

from ingest.line import build_line
from ingest.route import Route
from ingest.source import Event, EventKind, Said
from ingest.source_table import OpenSource
from schemas.validation import shorten

RADIO = "radio"
EVENTS = "source_events"
MOST_FIGURES = 20
"""Numbers of an event that are kept: a device may describe itself at length."""


def format_radio(said: Said, route: Route, received_ms: int) -> Iterator[bytes]:
    """Yield the line of an uplink; none where nothing is known, or the device had no place then.

    Args:
        said: An uplink.
        route: Of its device.
        received_ms: Milliseconds since 1970 in UTC, for an uplink that has no time.
    """
    radio = said.radio
    time_ms = received_ms if said.time_ms is None else said.time_ms
    placement = route.device.find_placement(time_ms)
    if radio is None or placement is None:
        return
    figures: dict[str, float | None] = {
        "frame_counter": None if said.counter is None else said.counter.number,
        "gateways": radio.gateways or None,
        "rssi": radio.rssi_dbm,
        "snr": radio.snr_db,
        "spreading_factor": radio.spreading_factor,
    }
    fields: dict[str, float | bool | str] = {name: float(one) for name, one in figures.items() if one is not None}
    if radio.gateway:
        fields["gateway"] = shorten(radio.gateway)
    device = route.device
    tags = {
        "device": device.id,
        "site": placement.site,
        "source": device.source,
        "type": device.type_key,
        "zone": placement.zone,
    }
    if fields:
        yield build_line(RADIO, tags, fields, time_ms)


def format_events(source: OpenSource, events: Iterable[Event], received_ms: int) -> Iterator[bytes]:
    """Yield a line for each event that is of interest.

    Args:
        source: That tells of them.
        events: In order.
        received_ms: Milliseconds since 1970 in UTC.
    """
    for event in events:
        if event.kind is EventKind.OTHER:
            continue
        device = source.find_device(event.address) if event.address else ""
        tags = {
            "device": "" if ":" in device else device,
            "kind": event.kind.value,
            "source": source.source.key,
        }
        fields: dict[str, float | bool | str] = {"count": 1.0}
        if event.address:
            fields["address"] = shorten(event.address)
        if event.detail:
            fields["detail"] = shorten(event.detail)
        figures = [
            (name, one)
            for name, one in event.members.items()
            if isinstance(one, int | float) and not isinstance(one, bool)
        ]
        fields |= {name: float(one) for name, one in figures[:MOST_FIGURES] if name not in fields}
        yield build_line(EVENTS, tags, fields, received_ms)
