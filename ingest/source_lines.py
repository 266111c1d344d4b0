"""What Sources tell beside readings: radio quality and events, as lines for InfluxDB, and what of it is counted.

Measurement ``radio``: an uplink of a device each, tags as those of its readings (``simulated`` too, where the network
server says that no device sent it) and ``source``; fields ``rssi`` (dBm), ``snr`` (dB), ``spreading_factor``,
``gateways``, ``gateway`` (the one that received it best), ``frame_counter``, ``missed`` (uplinks lost just before it;
see ``ingest.source.Said``). Uplinks without a payload have a line too: what was missed before them must be in the sum.

Measurement ``source_events``: tags ``source``, ``kind`` and, where the inventory has it, ``device``, and ``simulated``
likewise; fields ``count`` (always 1), ``address``, ``detail``, and what the event tells in numbers, by the names of the
Source. Identifiers of people are blanked in ``detail``, and numbers under a name that tells of one are left out.
"""

import math
from collections.abc import Iterable, Iterator

from ingest.batch import Batch, UplinkFault
from ingest.identifier import blank_detail, blank_text, is_plural, is_telling
from ingest.line import build_line
from ingest.open_source import OpenSource, Unheard
from ingest.route import Route
from ingest.source import LONGEST_NAME, Event, EventKind, Radio, Said
from ingest.source_figures import NOBODY
from schemas.validation import shorten

RADIO = "radio"
EVENTS = "source_events"
MOST_FIGURES = 20
"""Numbers of an event that are kept: a device may describe itself at length."""


def note_event(source: OpenSource, event: Event, received_ms: int, batch: Batch) -> None:
    """Count what a Source tells that is no reading, and add its lines.

    Args:
        source: That tells it.
        event: What.
        received_ms: Milliseconds since 1970 in UTC.
        batch: Gets the lines.
    """
    batch.add_lines(format_events(source, (event,), received_ms), is_apart=source.is_apart(event))
    if event.kind in (EventKind.CODEC_FAILED, EventKind.FRAME_BROKEN) and not event.simulated:
        device = source.find_device(event.address)
        source.figures.codec_failed[device if device in source.devices else NOBODY] += 1
        if device in source.devices:
            batch.uplinks[device, UplinkFault.CODEC_FAILED] += 1
    if event.uplink is not None:
        note_uplink(source, event.uplink, received_ms, batch)


def note_broken(source: OpenSource, outcome: Unheard, received_ms: int, batch: Batch) -> None:
    """Tell that our own decoder refused the bytes of a device; the arguments are those of ``note_event``."""
    # What quotes a payload is as private as the payload.
    detail = outcome.error.detail if source.keeps_payload((outcome,)) else ""
    said = outcome.said
    event = Event(EventKind.FRAME_BROKEN, said.address, detail, simulated=said.simulated)
    note_event(source, event, received_ms, batch)


def note_uplink(source: OpenSource, said: Said, received_ms: int, batch: Batch) -> None:
    """Count the uplinks that were missed before one, and add its line; nothing for a device that is unknown.

    The arguments are those of ``note_event``.
    """
    route = source.find_route(said.address)
    if route is None:
        return
    if said.missed:
        source.figures.missed[route.device.id] += said.missed
        batch.uplinks[route.device.id, UplinkFault.MISSED] += said.missed
    batch.add_lines(format_radio(said, route, received_ms), is_apart=route.device_type.is_apart)


def format_radio(said: Said, route: Route, received_ms: int) -> Iterator[bytes]:
    """Yield the line of an uplink; none for what is no uplink, has no place, or is ahead of our clock.

    Args:
        said: An uplink.
        route: Of its device.
        received_ms: Milliseconds since 1970 in UTC, for an uplink that has no time.
    """
    radio = said.radio or Radio()
    time_ms = received_ms if said.time_ms is None else said.time_ms
    placement = route.device.find_placement(time_ms)
    if placement is None or time_ms > received_ms + route.ahead_ms:
        return
    figures: dict[str, float | None] = {
        "frame_counter": None if said.counter is None else said.counter.number,
        "gateways": radio.gateways or None,
        "missed": said.missed,
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
    if said.simulated:
        tags["simulated"] = "true"
    if fields:
        yield build_line(RADIO, tags, fields, time_ms)


def _is_kept(name: str) -> bool:
    """Whether a number of this name is kept: it identifies nobody, and the name is none that somebody made up."""
    return len(name) <= LONGEST_NAME and (is_plural(name) or not is_telling(name)) and blank_text(name) == name


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
        if event.simulated:
            tags["simulated"] = "true"
        fields: dict[str, float | bool | str] = {"count": 1.0}
        if event.address:
            fields["address"] = shorten(event.address)
        if event.detail:
            fields["detail"] = shorten(blank_detail(event.detail, event.address))
        figures = [
            (name, one)
            for name, one in event.members.items()
            if isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) and _is_kept(name)
        ]
        fields |= {name: float(one) for name, one in figures[:MOST_FIGURES] if name not in fields}
        yield build_line(EVENTS, tags, fields, received_ms)
