"""What rules hear of an accepted Observation: believed values, doubtful ones apart, and what was believed before."""

from collections.abc import Container

from ingest.arrival import Arrival, Candidate
from ingest.codec import Fields
from ingest.device_doubt import DeviceDoubt
from ingest.memory import Values
from ingest.route import PlacedAt
from schemas.reading import NOTHING, Reading


def make_reading(
    candidate: Candidate, placed: PlacedAt, fields: Fields, delay_s: float, doubts: Container[str]
) -> Reading:
    """Return an accepted Observation as rules hear it.

    Args:
        candidate: It, with its Device and its event time.
        placed: Where the Device was then.
        fields: What of it is stored: all, or what is new.
        delay_s: From event time to receipt.
        doubts: Fields whose values are doubtful.
    """
    device, observation = candidate.arrival.route.device, candidate.observation
    # All of them, or those that are new; the sequence number is none of them.
    values = observation.values if len(fields) > len(observation.values) else _leave_seq_out(fields)
    doubtful = {name: value for name, value in values.items() if name in doubts} if doubts else NOTHING
    return Reading(
        device=device.id,
        type_key=device.type_key,
        site=placed.placement.site,
        zone=placed.placement.zone,
        time_ms=candidate.time_ms,
        delay_s=delay_s,
        values={name: value for name, value in values.items() if name not in doubts} if doubts else values,
        seq=observation.seq,
        simulated=observation.simulated,
        doubtful=doubtful,
    )


def recall_newest(arrival: Arrival, doubted: DeviceDoubt | None) -> tuple[int | None, Values]:
    """Return event time and believed values of the newest reading that is remembered of a device."""
    time_ms = arrival.memory.newest_ms
    if time_ms is None:
        return None, {}
    known = arrival.memory.find_known(time_ms, arrival.route.read)
    told = {} if doubted is None else doubted.list_told(time_ms)
    return time_ms, {name: value for name, value in known.items() if name not in told} if told else known


def _leave_seq_out(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != "seq"}
