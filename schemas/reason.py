"""Why something was not taken as it came. Every rejection has exactly one Reason, is counted and is kept."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """What a Reason is about, and so which sum of the ledger it stands in."""

    MESSAGE = "message"  # no reading could be made of it: `undecodable`
    READING = "reading"  # a whole reading was refused: `rejected`
    FIELD = "field"  # one field was refused and the rest accepted: `refused fields`, counted apart
    LINE = "line"  # the database refused a line that had been accepted: a move with its own counter


class Reason(StrEnum):
    """Every reason there is; ``explain`` gives its level and its sentence."""

    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_SITE = "wrong_site"
    EMPTY_PAYLOAD = "empty_payload"
    OVERSIZED_PAYLOAD = "oversized_payload"
    INVALID_UTF8 = "invalid_utf8"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    MALFORMED_PAYLOAD = "malformed_payload"
    UNRECOGNISED_PAYLOAD = "unrecognised_payload"
    BROKEN_FRAME = "broken_frame"
    MISSING_BIRTH = "missing_birth"
    COLLECTOR_FAULT = "collector_fault"
    MISSING_TIME = "missing_time"
    INVALID_TIME = "invalid_time"
    FUTURE_TIME = "future_time"
    NOT_PLACED = "not_placed"
    INVALID_MEMBER = "invalid_member"
    SIMULATED_REFUSED = "simulated_refused"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    SENTINEL = "sentinel"
    WRONG_UNIT = "wrong_unit"
    UNKNOWN_FIELD = "unknown_field"
    CONFLICT = "conflict"
    REFUSED_BY_DATABASE = "refused_by_database"
    DAMAGED_ENTRY = "damaged_entry"


class Explanation(NamedTuple):
    """What a Reason means to the person who finds it.

    Attributes:
        level: Where a reading that fails for it is counted when nothing of it could be kept.
        happened: What happened, one sentence without a full stop.
        remedy: What to do about it, one sentence without a full stop.
    """

    level: Level
    happened: str
    remedy: str


_EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.UNKNOWN_TOPIC: Explanation(
        Level.MESSAGE,
        "the topic is not of the form <prefix>/<site>/<device>/reading",
        "correct the device's topic, or the prefix in the settings",
    ),
    Reason.UNKNOWN_DEVICE: Explanation(
        Level.MESSAGE,
        "no device of this name is in the inventory",
        "adopt it (`gjovik devices adopt`), or add it to the inventory and reload",
    ),
    Reason.WRONG_SITE: Explanation(
        Level.READING,
        "the topic names a site where the device was not placed at the time of the reading",
        "correct the topic in the device, or its placements in the inventory",
    ),
    Reason.EMPTY_PAYLOAD: Explanation(
        Level.MESSAGE, "the payload has no bytes", "look at the device's firmware: it publishes nothing"
    ),
    Reason.OVERSIZED_PAYLOAD: Explanation(
        Level.MESSAGE,
        "the payload is larger than the settings allow",
        "look at what the device sends; its beginning, length and hash are kept",
    ),
    Reason.INVALID_UTF8: Explanation(
        Level.MESSAGE, "the payload is not UTF-8 text", "have the device send JSON in UTF-8"
    ),
    Reason.MALFORMED_JSON: Explanation(
        Level.MESSAGE, "the payload is not JSON", "compare it with the type's JSON Schema"
    ),
    Reason.NOT_AN_OBJECT: Explanation(
        Level.MESSAGE, "the payload is JSON but not an object", "send one object with a member for each field"
    ),
    Reason.MALFORMED_PAYLOAD: Explanation(
        Level.MESSAGE,
        "the bytes are not of the source's encoding, such as CBOR, Protobuf or base64",
        "compare what the source sends with its documentation",
    ),
    Reason.UNRECOGNISED_PAYLOAD: Explanation(
        Level.MESSAGE,
        "the payload or its topic is none of those that the source's format has",
        "look at the payload; correct the source's format in its file, or report the payload",
    ),
    Reason.BROKEN_FRAME: Explanation(
        Level.READING,
        "the bytes that the device sent are truncated, or not of its model",
        "correct the device's model in the inventory, and reprocess; or look at the device's firmware",
    ),
    Reason.MISSING_BIRTH: Explanation(
        Level.MESSAGE,
        "the edge node has not told yet what its aliases mean",
        "wait: it was asked to tell everything again",
    ),
    Reason.COLLECTOR_FAULT: Explanation(
        Level.MESSAGE,
        "the collector itself failed on this message",
        "report it with the payload: it is a fault of the platform, not of the device",
    ),
    Reason.MISSING_TIME: Explanation(
        Level.READING,
        "the reading has no time, and this type's time is the device's own",
        "send `time` in RFC 3339 with an offset",
    ),
    Reason.INVALID_TIME: Explanation(
        Level.READING, "`time` is not RFC 3339 with an offset", "send for example 2026-01-15T12:00:00Z"
    ),
    Reason.FUTURE_TIME: Explanation(
        Level.READING,
        "the reading's time is further ahead than its type allows",
        "set the device's clock; where the collector's was behind, set that, and reprocess with --reason future_time",
    ),
    Reason.NOT_PLACED: Explanation(
        Level.READING,
        "the device had no placement in the inventory at the reading's time",
        "set the device's clock, or give it a placement that covers that time",
    ),
    Reason.INVALID_MEMBER: Explanation(
        Level.READING,
        "`seq` is not a whole number from 0 to 2^53 - 1, or `simulated` is not true or false",
        "correct the member or leave it out",
    ),
    Reason.SIMULATED_REFUSED: Explanation(
        Level.READING,
        "the reading is marked as simulated and the settings do not accept simulated readings",
        "stop the simulator, or set accept_simulated where simulation is meant",
    ),
    Reason.MISSING_FIELD: Explanation(
        Level.READING, "a required field is missing, or no field is left", "send every required field"
    ),
    Reason.WRONG_TYPE: Explanation(
        Level.FIELD, "a field has the wrong type", "send numbers as numbers and on/off as true or false"
    ),
    Reason.NOT_FINITE: Explanation(Level.FIELD, "a field is NaN or infinite", "leave out a field that has no value"),
    Reason.OUT_OF_RANGE: Explanation(
        Level.FIELD, "a field is outside its plausible range", "look at the sensor, and at the unit it sends"
    ),
    Reason.SENTINEL: Explanation(
        Level.FIELD,
        "the value is the one by which this product says that it has none, such as -127 degrees",
        "look at the sensor: it may not be connected",
    ),
    Reason.WRONG_UNIT: Explanation(
        Level.FIELD, "the source gives the value in a unit of something else", "correct the device's model, or its type"
    ),
    Reason.UNKNOWN_FIELD: Explanation(
        Level.FIELD,
        "a field is not in the device type's schema",
        "correct the name, or extend the device type",
    ),
    Reason.CONFLICT: Explanation(
        Level.FIELD,
        "the field already has another value at that time",
        "look for two devices with one name, or a clock that stands still",
    ),
    Reason.REFUSED_BY_DATABASE: Explanation(
        Level.LINE, "InfluxDB refused the line", "read the server's answer that is kept with it"
    ),
    Reason.DAMAGED_ENTRY: Explanation(
        Level.LINE,
        "lines that waited for InfluxDB were damaged on the collector's disk",
        "look at the disk; `gjovik reconcile` says which hours of which devices miss readings",
    ),
}


def explain(reason: Reason) -> Explanation:
    """Return the level of a Reason, what happened and what to do."""
    return _EXPLANATIONS[reason]
