"""ChirpStack v4: JSON of its MQTT integration.

- Topics: ``application/{application id}/device/{DevEUI}/event/{event}``.
- The address of a device is its DevEUI in upper case.
- Values are ``object``, which the codec of the device profile makes; without one there are only bytes.
- The session is the DevAddr, for it has no other name here: a device that joins again gets another one.
- It publishes with QoS 0 unless told otherwise (``qos`` in ``[integration.mqtt]`` of its settings), and keeps nothing
  that it could not publish: so it counts as outside the promise of no loss.

Sources: ChirpStack's documentation, "Event types" and "MQTT"; its ``integration.proto`` and ``gw.proto``.
"""

import re

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_object
from ingest.payloads.lorawan import (
    GREATEST_COUNT,
    Moment,
    Sessions,
    Uplink,
    judge_radio,
    order_by,
    read_device_address,
    read_eui,
    read_frame,
    read_reception,
)
from ingest.payloads.protobuf_json import Part
from ingest.payloads.topic_pattern import split_below
from ingest.source import Event, EventKind, Format, Heard, Plain, Radio, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

# How each event begins as raw Protobuf: field 1 is a UUID, a moment (of a log) or a number (of a txack).
_RAW_PROTOBUF = re.compile(rb"\x0a\x24[0-9a-f-]{36}|\x0a[\x02-\x14]\x08|\x08")


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self.sessions = Sessions()

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is not of the format (raw Protobuf, v3), its topic and its payload name two devices, or its
                payload is encrypted for somebody else.
        """
        named, event = self._split(topic)
        whole = _read_whole(payload)
        info = whole.require("deviceInfo", " (ChirpStack v3 has none, and is not understood)")
        address = read_eui(info.text("devEui"), "deviceInfo.devEui")
        if named.upper() != address:
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic names {shorten(named)}, the payload {address}")
        if event == "up":
            return self.sessions.hear(_read_uplink(whole, info, address), received_ms)
        told = _read_event(event, whole, address)
        if told.kind is EventKind.JOINED:
            self.sessions.rejoin(address, _read_session(whole), order_by(whole.time_ms("time"), received_ms))
        return Heard(events=(told,))

    def _split(self, topic: str) -> tuple[str, str]:
        """Return the DevEUI and the event that a topic names."""
        match split_below(self._root, topic):
            case [_, "device", device, "event", event]:
                return device, event
        expected = f"{self._root}/{{application id}}/device/{{DevEUI}}/event/{{event}}"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}")


FORMAT = Format(
    title="ChirpStack v4",
    root="application",
    is_lossless=False,
    is_partial=False,
    traits=Traits(
        own=frozenset(
            {"deduplicationId", "time", "devAddr", "data", "rxInfo.gatewayId", "rxInfo.context"}
            | {f"deviceInfo.{name}" for name in ("devEui", "tenantId", "applicationId", "deviceProfileId")}
            | {"deviceInfo.deviceProfileName"}
        )
    ),
    open=_Interpreter,
    list_filters=lambda source: (f"{source.root}/+/device/+/event/+",),
)


def _read_whole(payload: bytes) -> Part:
    try:
        return Part(read_object(payload))
    except CodecError:
        if not _RAW_PROTOBUF.match(payload):
            raise
    raise CodecError(
        Reason.UNRECOGNISED_PAYLOAD,
        "the payload is raw Protobuf: set json=true in [integration.mqtt] of ChirpStack's settings",
    )


def _read_event(event: str, whole: Part, address: str) -> Event:
    match event:
        case "join":
            return Event(EventKind.JOINED, address, members={"devAddr": _read_session(whole)})
        case "status":
            return Event(EventKind.STATUS, address, members=_read_status(whole))
        case "log":
            return _read_log(whole, address)
        case "location":
            zeros = {"latitude": 0.0, "longitude": 0.0}  # as the rest of what is zero they may be left out
            return Event(EventKind.LOCATED, address, members=zeros | flatten(whole.struct("location")))
        case "integration":
            told = f"{whole.text('integrationName')} {whole.text('eventType')}".strip()
            return Event(EventKind.OTHER, address, f"{event}: {shorten(told)}")
        case "ack" | "txack":
            return Event(EventKind.OTHER, address, event)
    raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic ends in {shorten(repr(event))}, which is no event")


def _read_status(whole: Part) -> dict[str, Plain]:
    """Return the link margin in dB and the battery level in per cent; None for a device that has or tells none."""
    is_external, is_unknown = whole.truth("externalPowerSource"), whole.truth("batteryLevelUnavailable")
    level = whole.number("batteryLevel") if "batteryLevel" in whole else 0.0
    return {
        "margin": whole.number("margin") if "margin" in whole else 0.0,
        "externalPowerSource": is_external,
        "batteryLevelUnavailable": is_unknown,
        "batteryLevel": None if is_external or is_unknown else level,
    }


def _read_log(whole: Part, address: str) -> Event:
    """Return what the server's log says of a device; of information only it is no fault."""
    code, level = whole.text("code") or "UNKNOWN", whole.text("level") or "INFO"
    kind = EventKind.OTHER if level == "INFO" else EventKind.FAILED
    if code == "UPLINK_CODEC":
        kind = EventKind.CODEC_FAILED
    description = whole.text("description")
    members: dict[str, Plain] = {"level": level, "code": code}
    return Event(kind, address, shorten(f"{code}: {description}" if description else code), members)


def _read_uplink(whole: Part, info: Part, address: str) -> Uplink:
    if whole.struct("joinServerContext"):
        raise whole.refuse(
            "joinServerContext",
            "is there: the payload is encrypted for whoever has the AppSKey; let the join server give it to ChirpStack",
        )
    time_ms = whole.time_ms("time")
    frame = read_frame(whole, "data", "fPort")
    decoded = whole.struct("object")
    return Uplink(
        address=address,
        session=_read_session(whole),
        number=whole.whole("fCnt", GREATEST_COUNT),
        time_ms=time_ms,
        frame=frame,
        moments=[Moment(flatten(decoded), time_ms)] if decoded else (),
        radio=_read_radio(whole),
        model=info.text("deviceProfileName"),
    )


def _read_session(whole: Part) -> str:
    return read_device_address(whole.text("devAddr"), "devAddr")


def _read_radio(whole: Part) -> Radio | None:
    modulation = whole.part("txInfo").part("modulation")
    receptions = [read_reception(one, one.text("gatewayId")) for one in whole.parts("rxInfo")]
    return judge_radio(receptions, modulation.part("lora").number("spreadingFactor"))
