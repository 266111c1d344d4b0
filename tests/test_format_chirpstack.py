"""ChirpStack v4: the samples of its documentation, and what goes wrong with such messages."""

import contextlib
import json
from typing import Any

import pytest

from ingest.codec import CodecError
from ingest.codecs.chirpstack import FORMAT
from ingest.event_time import format_time
from ingest.source import Counter, EventKind, Frame, Radio
from schemas.reason import Reason
from tests.lorawan_payloads import Listener, change, open_source

DEVICE = "0101010101010101"
APPLICATION = "application/17c82e96-be03-4f38-aef3-f83d48582d97"
BASE = f"{APPLICATION}/device/{DEVICE}/event"
UP = f"{BASE}/up"

# "Event types" of ChirpStack's documentation, these and the following.
DOCUMENTED_UPLINK = b"""
{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2022-07-18T09:34:15.775023242+00:00",
 "deviceInfo":{"tenantId":"52f14cd4-c6f1-4fbd-8f87-4025e1d49242","tenantName":"ChirpStack",
  "applicationId":"17c82e96-be03-4f38-aef3-f83d48582d97","applicationName":"Test application",
  "deviceProfileId":"14855bf7-d10d-4aee-b618-ebfcb64dc7ad","deviceProfileName":"Test device-profile",
  "deviceName":"Test device","devEui":"0101010101010101","tags":{"key":"value"}},
 "devAddr":"00189440","dr":1,"fPort":1,"data":"qg==",
 "rxInfo":[{"gatewayId":"0016c001f153a14c","uplinkId":4217106255,"rssi":-36,"snr":10.5,"context":"E3OWOQ==",
  "metadata":{"region_name":"eu868","region_common_name":"EU868"}}],
 "txInfo":{"frequency":867100000,"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":11,"codeRate":"CR_4_5"}}}}
"""
UPLINK: dict[str, Any] = json.loads(DOCUMENTED_UPLINK)
INFO = UPLINK["deviceInfo"]
STATUS: dict[str, Any] = {
    "deduplicationId": "bf2a9746-1c8b-49be-a92e-f0b89c8534e4",
    "time": "2022-07-18T09:35:06.927172638+00:00",
    "deviceInfo": INFO,
    "margin": 10,
    "batteryLevel": 88.3,
}
JOIN: dict[str, Any] = {
    "deduplicationId": "c9dbe358-2578-4fb7-b295-66b44edc45a6",
    "time": "2022-07-18T09:33:28.823500726+00:00",
    "deviceInfo": INFO,
    "devAddr": "00189440",
}
ACK: dict[str, Any] = {
    "deduplicationId": "856a03e7-80f6-4c26-b971-9dcb34a59c2e",
    "time": "2022-07-18T09:38:49.235700766+00:00",
    "deviceInfo": INFO,
    "queueItemId": "1bbcab1d-6ec6-4136-b3f5-d63be1dc08de",
    "acknowledged": True,
    "fCntDown": 3,
}
TXACK: dict[str, Any] = {
    "downlinkId": 3461958127,
    "time": "2022-07-18T09:37:48.929184085+00:00",
    "deviceInfo": INFO,
    "queueItemId": "42cb6459-a640-46ec-9623-bdff39dc4736",
    "fCntDown": 2,
    "gatewayId": "0016c001f153a14c",
}
LOG: dict[str, Any] = {
    "time": "2022-07-18T09:39:57.311414029+00:00",
    "deviceInfo": INFO,
    "level": "ERROR",
    "code": "UPLINK_MIC",
    "description": "MIC of join-request is invalid, make sure keys are correct",
    "context": {"deduplication_id": "4e91db13-5ce3-4c8c-ab0f-dfc626cf0771"},
}
LOCATION: dict[str, Any] = {
    "deduplicationId": "63d870b9-b769-4d88-8b33-8e43f58851a7",
    "time": "2022-07-18T09:55:11.059481003+00:00",
    "deviceInfo": INFO,
    "location": {"latitude": 37.344214, "longitude": -8.839375, "altitude": 2},
}
INTEGRATION: dict[str, Any] = {
    "deduplicationId": "39c68646-57f7-4973-8ac8-48839b5714d6",
    "time": "2022-07-18T10:02:15.812284501+00:00",
    "deviceInfo": INFO,
    "integrationName": "loracloud",
    "eventType": "modem_UplinkResponse",
    "object": {"stream_records": [[43.0, "0815a7f492bf248575caf492bf248725c874acb96799de"]], "dnlink": None},
}
SAMPLES = {
    "up": UPLINK,
    "status": STATUS,
    "join": JOIN,
    "ack": ACK,
    "txack": TXACK,
    "log": LOG,
    "location": LOCATION,
    "integration": INTEGRATION,
}


@pytest.fixture
def listener() -> Listener:
    """Return what has heard nothing yet."""
    return Listener(FORMAT, "chirpstack", UP)


@pytest.mark.hazard("zero-omitted", "chirpstack")
@pytest.mark.hazard("time-form", "chirpstack")
def test_the_documented_uplink_which_leaves_out_the_counter(listener: Listener) -> None:
    said = listener.said(DOCUMENTED_UPLINK)
    assert said.address == DEVICE
    assert (said.members, said.frame) == ({}, Frame(1, b"\xaa"))
    assert format_time(said.time_ms or 0) == "2022-07-18T09:34:15.775Z"
    assert (said.counter, said.seq) == (Counter("00189440", 0), 0)
    assert said.radio == Radio(-36.0, 10.5, 11, 1, "0016c001f153a14c")
    assert (said.simulated, said.model) == (False, "Test device-profile")


@pytest.mark.hazard("zero-omitted", "chirpstack")
def test_what_is_zero_is_left_out_or_not_and_means_zero(listener: Listener) -> None:
    said = listener.said(change(UPLINK, fPort=..., rxInfo__0__snr=...))
    assert (said.frame, said.radio) == (Frame(0, b"\xaa"), Radio(-36.0, 0.0, 11, 1, "0016c001f153a14c"))
    # As servers write that leave out nothing at the top.
    said = listener.said(
        change(UPLINK, adr=False, fCnt=0, fPort=0, confirmed=False, object=None, joinServerContext=None)
    )
    assert (said.frame, said.counter) == (Frame(0, b"\xaa"), Counter("00189440", 0))


def test_radio_without_a_strength_has_none(listener: Listener) -> None:
    assert listener.said(change(UPLINK, rxInfo__0__rssi=...)).radio == Radio(None, 10.5, 11, 1, "0016c001f153a14c")
    assert listener.said(change(UPLINK, rxInfo=...)).radio is None
    fsk = listener.said(change(UPLINK, txInfo__modulation={"fsk": {"datarate": 50_000}})).radio
    assert fsk == Radio(-36.0, 10.5, None, 1, "0016c001f153a14c")
    several = [{"gatewayId": "a", "rssi": -110, "snr": -3}, {"gatewayId": "b", "rssi": -90, "snr": "NaN"}]
    assert listener.said(change(UPLINK, rxInfo=several)).radio == Radio(-90.0, None, 11, 2, "b")


def test_decoded_without_bytes_and_bytes_without_decoded(listener: Listener) -> None:
    decoded = listener.said(change(UPLINK, data=..., object={"temperature": 22.5, "magnet": {"open": True}}))
    assert (decoded.frame, decoded.members) == (None, {"temperature": 22.5, "magnet.open": True})
    both = listener.said(change(UPLINK, fCnt=1, object={"temperature": 22.5}))
    assert (both.frame, both.members) == (Frame(1, b"\xaa"), {"temperature": 22.5})


def test_an_uplink_with_neither_is_no_fault_and_no_reading(listener: Listener) -> None:
    event = listener.event(change(UPLINK, data="", object={}, fPort=..., fCnt=9))
    assert (event.kind, event.address, event.members["frame_counter"]) == (EventKind.STATUS, DEVICE, 9)


@pytest.mark.hazard("time-form", "chirpstack")
@pytest.mark.parametrize("wrong", ["2022-07-18T09:34:15", "18.07.2022", "", 1_658_136_855, []])
def test_a_wrong_time_is_an_invalid_time(listener: Listener, wrong: object) -> None:
    assert listener.refusal(change(UPLINK, time=wrong))[0] is Reason.INVALID_TIME
    assert listener.said(change(UPLINK, time=...)).time_ms is None


@pytest.mark.hazard("duplicate", "chirpstack")
def test_the_same_uplink_handled_twice_is_the_same_uplink(listener: Listener) -> None:
    first = listener.said(change(UPLINK, fCnt=7))
    again = listener.said(change(UPLINK, fCnt=7, deduplicationId="0", time="2022-07-18T09:34:17+00:00"))
    assert first.counter == again.counter == Counter("00189440", 7)


def test_a_rejoin_and_a_reset_begin_a_session(listener: Listener) -> None:
    first = listener.said(change(UPLINK, fCnt=900))
    reset = listener.said(change(UPLINK, time="2022-07-18T10:00:00Z"))
    listener.event(change(JOIN, time="2022-07-18T11:00:00Z"), f"{BASE}/join")
    joined = listener.said(change(UPLINK, fCnt=1, time="2022-07-18T11:00:05Z"))
    moved = listener.said(change(UPLINK, devAddr="01020304", time="2022-07-18T12:00:00Z"))
    sessions = [one.counter.session for one in (first, reset, joined, moved) if one.counter is not None]
    assert len(set(sessions)) == 4


def test_a_message_that_is_refused_changes_nothing_that_is_remembered(listener: Listener) -> None:
    listener.hear(change(UPLINK, fCnt=900))
    reset = change(UPLINK, fCnt=0, time="2022-07-18T10:00:00Z")
    listener.refusal(change(reset, data="!"))
    listener.refusal(change(reset, deviceInfo__deviceProfileName=1))
    listener.refusal(change(JOIN, time="2022-07-18T10:00:00Z", devAddr="nonsense"), f"{BASE}/join")
    assert listener.said(change(UPLINK, fCnt=901)).counter == Counter("00189440", 901)


@pytest.mark.parametrize("broken", ["qg", "qg=", "q!==", "qh==", "æ"])
def test_what_is_no_base64_is_malformed(listener: Listener, broken: str) -> None:
    reason, detail = listener.refusal(change(UPLINK, data=broken))
    assert (reason, detail.partition(" is ")[0]) == (Reason.MALFORMED_PAYLOAD, "data")


def test_a_payload_that_the_application_must_decrypt_is_refused(listener: Listener) -> None:
    reason, detail = listener.refusal(change(UPLINK, joinServerContext={"sessionKeyId": "010203"}))
    assert reason is Reason.UNRECOGNISED_PAYLOAD
    assert "encrypted" in detail


UUID = b"\x0a\x243ac7e3c4-4401-4b8d-9386-a5c902f9202d"
RAW = {
    "up": UUID + b"\x12\x0c\x08\xd7\x99\xd4\x96\x06\x10\xca\xf8\xc7\xf1\x02\x1a\x12\x42\x100101010101010101",
    "log": b"\x0a\x0c\x08\xd7\x99\xd4\x96\x06\x10\xca\xf8\xc7\xf1\x02\x12\x12\x42\x100101010101010101",
    "txack": b"\x08\xaf\xd5\xe5\xf2\x0c\x1a\x12\x42\x100101010101010101",
}


@pytest.mark.parametrize("event", RAW)
def test_raw_protobuf_is_recognised_and_it_is_said_what_to_set(listener: Listener, event: str) -> None:
    reason, detail = listener.refusal(RAW[event], f"{BASE}/{event}")
    assert reason is Reason.UNRECOGNISED_PAYLOAD
    assert "set json=true" in detail


@pytest.mark.parametrize("payload", [b"\n{broken", b"\n", b"\n \x08", b"\xff\x08"])
def test_broken_json_is_not_taken_for_protobuf(listener: Listener, payload: bytes) -> None:
    assert listener.refusal(payload)[0] in (Reason.MALFORMED_JSON, Reason.INVALID_UTF8)
    assert listener.hear(b"\n" + DOCUMENTED_UPLINK).said


def test_version_3_is_recognised_and_named(listener: Listener) -> None:
    # Written after the documentation of version 3: names in other case, EUIs in base64.
    old = {"applicationID": "123", "devEUI": "AgICAgICAgI=", "fPort": 5, "data": "AQ==", "objectJSON": "{}"}
    reason, detail = listener.refusal(old)
    assert (reason, "v3" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)


def test_the_topic_and_the_payload_name_the_same_device(listener: Listener) -> None:
    reason, detail = listener.refusal(UPLINK, f"{APPLICATION}/device/0101010101010102/event/up")
    assert (reason, DEVICE in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)
    lower = change(UPLINK, deviceInfo__devEui="0016c001f000175a")
    assert listener.hear(lower, f"{APPLICATION}/device/0016c001f000175a/event/up").said[0].address == "0016C001F000175A"


@pytest.mark.parametrize("wrong", ["010101010101010", "01010101010101011", "010101010101010x", "", "٠101010101010101"])
def test_an_address_is_sixteen_hexadecimal_digits(listener: Listener, wrong: str) -> None:
    refusal = listener.refusal(change(UPLINK, deviceInfo__devEui=wrong), f"{APPLICATION}/device/{wrong}/event/up")
    assert "not 16 hexadecimal digits" in refusal[1]
    assert "not 8 hexadecimal digits" in listener.refusal(change(UPLINK, devAddr=wrong))[1]


def test_a_status_tells_margin_and_battery(listener: Listener) -> None:
    event = listener.event(STATUS, f"{BASE}/status")
    assert (event.kind, event.address) == (EventKind.STATUS, DEVICE)
    assert event.members == {
        "margin": 10,
        "batteryLevel": 88.3,
        "externalPowerSource": False,
        "batteryLevelUnavailable": False,
    }


@pytest.mark.hazard("zero-omitted", "chirpstack")
def test_an_empty_battery_is_left_out_and_one_that_is_not_there_has_no_level(listener: Listener) -> None:
    empty = listener.event(change(STATUS, batteryLevel=..., margin=...), f"{BASE}/status").members
    assert (empty["batteryLevel"], empty["margin"]) == (0.0, 0.0)
    for name in ("externalPowerSource", "batteryLevelUnavailable"):
        members = listener.event(change(STATUS, batteryLevel=0.0, **{name: True}), f"{BASE}/status").members
        assert (members["batteryLevel"], members[name]) == (None, True)


def test_a_join_is_an_event(listener: Listener) -> None:
    event = listener.event(JOIN, f"{BASE}/join")
    assert (event.kind, event.address, event.members) == (EventKind.JOINED, DEVICE, {"devAddr": "00189440"})


def test_a_location_is_an_event_and_a_zero_in_it_is_one(listener: Listener) -> None:
    event = listener.event(LOCATION, f"{BASE}/location")
    assert event.kind is EventKind.LOCATED
    assert event.members == {"latitude": 37.344214, "longitude": -8.839375, "altitude": 2}
    at_greenwich = listener.event(change(LOCATION, location__longitude=...), f"{BASE}/location")
    assert at_greenwich.members["longitude"] == 0.0


def test_a_log_tells_of_faults_and_which_of_them_are_the_codecs(listener: Listener) -> None:
    event = listener.event(LOG, f"{BASE}/log")
    assert (event.kind, event.address) == (EventKind.FAILED, DEVICE)
    assert event.detail == "UPLINK_MIC: MIC of join-request is invalid, make sure keys are correct"
    codec = listener.event(change(LOG, code="UPLINK_CODEC", description="JS error"), f"{BASE}/log")
    assert (codec.kind, codec.detail) == (EventKind.CODEC_FAILED, "UPLINK_CODEC: JS error")
    # INFO is the level's zero.
    assert listener.event(change(LOG, level=..., code="RELAY_NEW_END_DEVICE"), f"{BASE}/log").kind is EventKind.OTHER


def test_downlinks_and_integrations_are_of_no_interest(listener: Listener) -> None:
    for event in ("ack", "txack", "integration"):
        heard = listener.event(SAMPLES[event], f"{BASE}/{event}")
        assert (heard.kind, heard.address) == (EventKind.OTHER, DEVICE)


GATEWAY = "eu868/gateway/0016c001f153a14c/event/up"
TOPICS = [
    GATEWAY,
    "application",
    "application/1/device/2/event",
    f"{UP}/again",
    f"{APPLICATION}/device/{DEVICE}/command/down",
]


@pytest.mark.parametrize("topic", [*TOPICS, f"eu868/{UP}", UP.upper(), "gjovik/skole/dev1/reading", ""])
def test_other_topics_are_none_of_ours(topic: str) -> None:
    interpreter = FORMAT.open(open_source(FORMAT, "chirpstack"))
    with pytest.raises(CodecError, match="the topic is not of the form application/"):
        interpreter.read(topic, DOCUMENTED_UPLINK, 0)


def test_an_event_that_nobody_knows_is_refused(listener: Listener) -> None:
    reason, detail = listener.refusal(UPLINK, f"{BASE}/downstairs")
    assert (reason, "no event" in detail) == (Reason.UNRECOGNISED_PAYLOAD, True)


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(listener: Listener, depth: int) -> None:
    deep = b"[" * depth + b"1" + b"]" * depth
    payload = json.dumps(change(UPLINK, object={"x": "DEEP"})).encode()
    reason, _ = listener.refusal(payload.replace(b'"DEEP"', deep))
    assert reason is (Reason.MALFORMED_JSON if depth > 1_000 else Reason.UNRECOGNISED_PAYLOAD)
    for name in ("object", "rxInfo", "txInfo", "fCnt", "time", "data", "deviceInfo"):
        payload = json.dumps(change(UPLINK, **{name: "DEEP"})).encode()
        with contextlib.suppress(CodecError):
            listener.hear(payload.replace(b'"DEEP"', deep))


def test_it_subscribes_to_all_events_of_all_devices_and_promises_nothing() -> None:
    assert FORMAT.list_filters(open_source(FORMAT, "chirpstack")) == ("application/+/device/+/event/+",)
    assert not FORMAT.is_lossless, "its QoS is 0 unless somebody set it"
