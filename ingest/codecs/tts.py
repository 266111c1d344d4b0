"""The Things Stack v3: JSON of its application server.

- Topics: ``v3/{application}@{tenant}/devices/{device id}/{event}``; an open-source installation has no ``@{tenant}``.
- The address of a device is its DevEUI in upper case. The device id is a name that people choose.
- The time of an uplink is when the network server received it, else the application server: gateways' clocks may be
  wrong. Measurements that were normalised may have times of their own.
- Values are ``decoded_payload``; where there is none, ``normalized_payload``, with names such as ``air.temperature``.
- It publishes with MQTT 3.1.1 and QoS 0 only: it comes through a bridge (``deploy/mosquitto/bridge-tts.conf``), and
  what is lost before our broker nobody can tell but by gaps in FCnt.

Sources: The Things Stack's documentation, "Data Formats" and "MQTT Server"; its API, ``ApplicationUp``.
"""

import hashlib

from ingest.codec import CodecError
from ingest.payloads.json_payload import flatten, read_object
from ingest.payloads.lorawan import (
    GREATEST_COUNT,
    Moment,
    Reception,
    Sessions,
    Uplink,
    judge_radio,
    read_device_address,
    read_eui,
    read_frame,
    read_reception,
)
from ingest.payloads.protobuf_json import Part
from ingest.payloads.topic_pattern import split_below
from ingest.source import LONGEST_NAME, Event, EventKind, Format, Heard, Plain, Radio, Source
from ingest.stripping import Traits
from schemas.reason import Reason
from schemas.validation import shorten

MOST_MEASUREMENTS = 100

_COMMANDS = frozenset({"down/push", "down/replace"})
"""What applications publish; it names no device but in the topic."""
_DOWNLINKS = frozenset({"down/queued", "down/sent", "down/ack", "down/nack", "down/failed", "down/invalidated"})

_OWN = frozenset(
    {"received_at", "end_device_ids.application_ids.application_id", "join_accept.session_key_id"}
    | {f"end_device_ids.{name}" for name in ("device_id", "dev_eui", "join_eui", "dev_addr")}
    | {f"uplink_message.{name}" for name in ("frm_payload", "session_key_id", "received_at", "normalized_payload.time")}
    | {f"uplink_message.version_ids.{name}" for name in ("brand_id", "model_id")}
    | {f"uplink_message.rx_metadata.gateway_ids.{name}" for name in ("gateway_id", "eui")}
    | {f"uplink_message.rx_metadata.packet_broker.forwarder_gateway_{name}" for name in ("id", "eui")}
    | {"uplink_message.rx_metadata.uplink_token"}
)


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self._root = source.root
        self.sessions = Sessions()

    def read(self, topic: str, payload: bytes, received_ms: int) -> Heard:
        """Return what a message says.

        Raises:
            CodecError: It is not of the format, its topic and its payload name two devices, or its payload is
                encrypted for somebody else.
        """
        application, device, event = self._split(topic)
        whole = Part(read_object(payload))
        if event in _COMMANDS:
            return Heard(events=(Event(EventKind.OTHER, detail=f"{event} to {shorten(device)}"),))
        ids = whole.part("end_device_ids")
        told = ids.part("application_ids").text("application_id"), ids.text("device_id")
        if told != (application, device):
            detail = f"the topic names {shorten(f'{application}/{device}')}, the payload {shorten('/'.join(told))}"
            raise CodecError(Reason.UNRECOGNISED_PAYLOAD, detail)
        if event == "up":
            return self.sessions.hear(_read_uplink(whole, ids), received_ms)
        return Heard(events=(_read_event(event, whole, ids),))

    def _split(self, topic: str) -> tuple[str, str, str]:
        """Return the application, the device id and the event that a topic names."""
        match split_below(self._root, topic):
            case [application, "devices", device, *event] if device and event:
                return application.partition("@")[0], device, "/".join(event)
        expected = f"{self._root}/{{application}}/devices/{{device id}}/{{event}}"
        raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic is not of the form {expected}")


FORMAT = Format(
    title="The Things Stack v3",
    root="v3",
    is_lossless=False,
    is_partial=False,
    traits=Traits(own=_OWN),
    open=_Interpreter,
    list_filters=lambda source: (f"{source.root}/+/devices/+/#",),
)


def _read_event(event: str, whole: Part, ids: Part) -> Event:
    if event == "join":
        accept = whole.require("join_accept")
        members: dict[str, Plain] = {"session_key_id": accept.text("session_key_id"), "dev_addr": ids.text("dev_addr")}
        return Event(EventKind.JOINED, _read_address(ids), members=members)
    if event == "location/solved":
        solved = whole.require("location_solved")
        zeros = {"latitude": 0.0, "longitude": 0.0}  # as the rest of what is zero they are left out
        located = zeros | flatten(solved.struct("location"))
        return Event(EventKind.LOCATED, _read_address(ids), solved.text("service"), located)
    address = _read_address(ids) if "dev_eui" in ids else ""
    if event == "service/data":
        service = whole.require("service_data").text("service")
        return Event(EventKind.OTHER, address, f"{event} of {shorten(service)}")
    if event in _DOWNLINKS:
        failure = whole.part("downlink_failed").part("error").text("message_format")
        return Event(EventKind.OTHER, address, f"{event}: {shorten(failure)}" if failure else event)
    raise CodecError(Reason.UNRECOGNISED_PAYLOAD, f"the topic ends in {shorten(repr(event))}, which is no event")


def _read_uplink(whole: Part, ids: Part) -> Uplink:
    message = whole.require("uplink_message")
    if "app_s_key" in message:
        raise message.refuse(
            "app_s_key",
            "is there: the payload is encrypted for whoever holds that key; unset skip_payload_crypto of the device",
        )
    time_ms = message.time_ms("received_at")
    if time_ms is None:
        time_ms = whole.time_ms("received_at")
    address = ids.text("dev_addr") and read_device_address(ids.text("dev_addr"), "end_device_ids.dev_addr")
    frame = read_frame(message, "frm_payload", "f_port")
    return Uplink(
        address=_read_address(ids),
        session=_read_session(message) or address,
        number=message.whole("f_cnt", GREATEST_COUNT),
        time_ms=time_ms,
        frame=frame,
        moments=_list_moments(message, time_ms),
        radio=_read_radio(message),
        simulated=whole.truth("simulated"),
        model=_read_model(message.part("version_ids")),
    )


def _read_session(message: Part) -> str:
    """Return the name of the session keys: usually of 16 bytes; of one longer than a name may be, a checksum."""
    name = message.text("session_key_id")
    return name if len(name) <= LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest()


def _list_moments(message: Part, uplink_ms: int | None) -> list[Moment]:
    """Return what was decoded, by time: measurements of one time are one Moment as long as their names differ."""
    if decoded := message.struct("decoded_payload"):
        return [Moment(flatten(decoded), uplink_ms)]
    measurements = message.parts("normalized_payload")
    if len(measurements) > MOST_MEASUREMENTS:
        raise message.refuse("normalized_payload", f"has more than {MOST_MEASUREMENTS} measurements")
    moments: list[Moment] = []
    for measurement in measurements:
        own_ms = measurement.time_ms("time")
        members = flatten({name: value for name, value in measurement.members.items() if name != "time"})
        _add_moment(moments, Moment(members, uplink_ms if own_ms is None else own_ms))
    return sorted(moments, key=lambda one: (one.time_ms is None, one.time_ms or 0))


def _add_moment(moments: list[Moment], new: Moment) -> None:
    for index, known in enumerate(moments):
        if known.time_ms == new.time_ms and known.members.keys().isdisjoint(new.members):
            moments[index] = known._replace(members={**known.members, **new.members})
            return
    moments.append(new)


def _read_radio(message: Part) -> Radio | None:
    factor = message.part("settings").part("data_rate").part("lora").number("spreading_factor")
    return judge_radio([_read_reception(one) for one in message.parts("rx_metadata")], factor)


def _read_reception(metadata: Part) -> Reception:
    # All that other networks received comes from one gateway by the name of packetbroker.
    forwarded, own = metadata.part("packet_broker"), metadata.part("gateway_ids")
    names = (
        forwarded.text("forwarder_gateway_id"),
        forwarded.text("forwarder_gateway_eui"),
        own.text("gateway_id"),
        own.text("eui"),
    )
    return read_reception(metadata, next(filter(None, names), ""))


def _read_model(version: Part) -> str:
    return "/".join(filter(None, (version.text("brand_id"), version.text("model_id"))))


def _read_address(ids: Part) -> str:
    if "dev_eui" not in ids:
        raise ids.refuse("dev_eui", "is missing: give the device a DevEUI in The Things Stack, its address here")
    return read_eui(ids.text("dev_eui"), "end_device_ids.dev_eui")
