"""The Things Stack v3: the samples of its documentation, and what goes wrong with such messages."""

import contextlib
import json
from typing import Any

import pytest

from ingest.codec import CodecError
from ingest.codecs.tts import FORMAT
from ingest.event_time import format_time
from ingest.source import Counter, EventKind, Frame, Radio
from schemas.reason import Reason
from tests.lorawan_payloads import Listener, change, open_source

DEVICE = "0004A30B001C0530"
BASE = "v3/app1@tenant1/devices/dev1"
UP = f"{BASE}/up"

# "Data Formats" of The Things Stack's documentation; the comma behind `attributes`, which it misses, is added.
DOCUMENTED_UPLINK = b"""
{"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app1"},"dev_eui":"0004A30B001C0530",
  "join_eui":"800000000000000C","dev_addr":"00BCB929"},
 "correlation_ids":["as:up:01E0WZGT6Y7657CPFPE5WEYDSQ","gs:uplink:01E0WZGSZWT07NE5TS2APTV1Z9"],
 "received_at":"2020-02-12T15:15:46.014773143Z",
 "uplink_message":{"session_key_id":"AXA50tHUGUucuzS/bCGMNw==","f_cnt":1,"frm_payload":"gkHe",
  "decoded_payload":{"temperature":1.0,"luminosity":0.64},
  "rx_metadata":[{"gateway_ids":{"gateway_id":"gtw1","eui":"9C5C8E00001A05C4"},"time":"2020-02-12T15:15:45.787Z",
   "timestamp":2463457000,"rssi":-35,"channel_rssi":-35,"snr":5,"uplink_token":"ChIKEAoEZ3R3MRIInFyOAAAaBcQQ6L3Vlgk=",
   "channel_index":2}],
  "settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"coding_rate":"4/6","frequency":"868300000",
   "timestamp":2463457000,"time":"2020-02-12T15:15:45.787Z"},
  "consumed_airtime":"0.056576s","locations":{"user":{"latitude":37.97155556731436,"longitude":23.72678801175413,
   "altitude":10,"source":"SOURCE_REGISTRY"}},
  "version_ids":{"brand_id":"the-things-products","model_id":"the-things-uno","hardware_version":"1.0",
   "firmware_version":"quickstart","band_id":"US_902_928"},
  "network_ids":{"net_id":"000013","tenant_id":"tenant1","cluster_id":"nam1"},
  "attributes":{"key1":"value1","key2":"value2"},"received_at":"2020-02-12T15:15:45.789585559Z"}}
"""
UPLINK: dict[str, Any] = json.loads(DOCUMENTED_UPLINK)
IDS = UPLINK["end_device_ids"]

# "MQTT Server" of the same documentation: neither f_cnt nor received_at.
DOCUMENTED_FIRST_UPLINK = b"""
{"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app1"},"dev_eui":"4200000000000000",
  "join_eui":"4200000000000000","dev_addr":"01DA1F15"},
 "correlation_ids":["gs:conn:01D2CSNX7FJVKQPCVG612QF1TX"],
 "uplink_message":{"session_key_id":"AWiZpAyXrAfEkUNkBljRoA==","f_port":15,"frm_payload":"VGVtcGVyYXR1cmUgPSAwLjA=",
  "rx_metadata":[{"gateway_ids":{"gateway_id":"eui-0242020000247803","eui":"0242020000247803"},
   "time":"2019-01-29T13:02:34.981Z","timestamp":1283325000,"rssi":-35,"snr":5,
   "uplink_token":"CiIKIAoUZXVpLTAyNDIwMjAwMDAyNDc4MDMSCAJCAgAAJHgDEMj49+ME"}],
  "settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}},"coding_rate":"4/6",
   "frequency":"868500000","gateway_channel_index":2,"device_channel_index":2}}}
"""
JOIN: dict[str, Any] = {
    "end_device_ids": {
        "device_id": "dev1",
        "application_ids": {"application_id": "app1"},
        "dev_eui": "0004A30B001C0530",
        "join_eui": "800000000000000C",
        "dev_addr": "01497ECC",
    },
    "correlation_ids": ["as:up:01E191YN5F2HMBQCBCVRF731VY"],
    "received_at": "2020-02-17T07:49:09.935284891Z",
    "join_accept": {"session_key_id": "AXBSH1Pk6Z0G166RlH16CQ==", "received_at": "2020-02-17T07:49:09.736532315Z"},
}
DOWNLINK_FAILED: dict[str, Any] = {
    "end_device_ids": {"device_id": "dev1", "application_ids": {"application_id": "app1"}},
    "correlation_ids": ["as:downlink:01E19Z5W3BZBG7CXSJE9C0A3CE"],
    "downlink_failed": {
        "downlink": {"f_port": 15, "frm_payload": "vu8=", "confirmed": True, "priority": "NORMAL"},
        "error": {
            "namespace": "pkg/networkserver",
            "name": "application_downlink_too_long",
            "message_format": "application downlink payload is too long",
            "code": 3,
        },
    },
}
DOWNLINK_PUSH = {"downlinks": [{"f_port": 15, "frm_payload": "vu8=", "priority": "NORMAL"}]}
LOCATION: dict[str, Any] = {
    "end_device_ids": IDS,
    "received_at": "2020-02-17T07:49:09.935284891Z",
    "location_solved": {
        "service": "lora-cloud-device-management-v1-wifi",
        "location": {"latitude": 51.455, "longitude": 5.458, "accuracy": 15, "source": "SOURCE_WIFI_RSSI_GEOLOCATION"},
    },
}


@pytest.fixture
def listener() -> Listener:
    """Return what has heard nothing yet."""
    return Listener(FORMAT, "tts", UP)


def test_the_documented_uplink(listener: Listener) -> None:
    said = listener.said(DOCUMENTED_UPLINK)
    assert said.address == DEVICE
    assert said.members == {"temperature": 1.0, "luminosity": 0.64}
    assert said.units == {}
    assert format_time(said.time_ms or 0) == "2020-02-12T15:15:45.789Z"
    assert said.counter == Counter("AXA50tHUGUucuzS/bCGMNw==", 1)
    assert said.frame == Frame(0, bytes.fromhex("8241DE"))
    assert said.radio == Radio(-35.0, 5.0, 7, 1, "gtw1")
    assert (said.seq, said.simulated, said.model) == (1, False, "the-things-products/the-things-uno")


@pytest.mark.hazard("zero-omitted", "tts")
def test_what_is_zero_is_left_out_and_means_zero(listener: Listener) -> None:
    said = listener.said(DOCUMENTED_FIRST_UPLINK)
    assert (said.counter, said.seq) == (Counter("AWiZpAyXrAfEkUNkBljRoA==", 0), 0)
    assert said.frame == Frame(15, b"Temperature = 0.0")
    without_port = change(UPLINK, uplink_message__f_cnt=..., uplink_message__rx_metadata__0__snr=...)
    said = listener.said(without_port)
    assert said.frame == Frame(0, bytes.fromhex("8241DE"))
    assert said.radio == Radio(-35.0, 0.0, 7, 1, "gtw1")
    said = listener.said(change(UPLINK, uplink_message__f_cnt=0, uplink_message__f_port=None))
    assert (said.counter, said.frame) == (Counter("AXA50tHUGUucuzS/bCGMNw==", 0), Frame(0, bytes.fromhex("8241DE")))


def test_radio_without_a_strength_has_none(listener: Listener) -> None:
    said = listener.said(change(UPLINK, uplink_message__rx_metadata__0__rssi=...))
    assert said.radio == Radio(None, 5.0, 7, 1, "gtw1")
    said = listener.said(change(UPLINK, uplink_message__rx_metadata=...))
    assert said.radio is None
    said = listener.said(change(UPLINK, uplink_message__settings__data_rate={"fsk": {"bit_rate": 50_000}}))
    assert said.radio == Radio(-35.0, 5.0, None, 1, "gtw1")


def test_gateways_of_other_networks_are_told_apart(listener: Listener) -> None:
    forwarded = [
        {"gateway_ids": {"gateway_id": "packetbroker"}, "packet_broker": {"forwarder_gateway_id": name}, "rssi": rssi}
        for name, rssi in (("eui-0015fcc23d0dd9be", -111), ("eui-7276ff0000062e94", -90))
    ]
    said = listener.said(change(UPLINK, uplink_message__rx_metadata=forwarded))
    assert said.radio == Radio(-90.0, 0.0, 7, 2, "eui-7276ff0000062e94")


def test_decoded_without_bytes_and_bytes_without_decoded(listener: Listener) -> None:
    decoded = listener.said(change(UPLINK, uplink_message__frm_payload=...))
    assert (decoded.frame, decoded.members["temperature"]) == (None, 1.0)
    raw = listener.said(change(UPLINK, uplink_message__f_cnt=2, uplink_message__decoded_payload=...))
    assert (raw.frame, raw.members) == (Frame(0, bytes.fromhex("8241DE")), {})


def test_an_uplink_with_neither_is_no_fault_and_no_reading(listener: Listener) -> None:
    event = listener.event(change(UPLINK, uplink_message__frm_payload=..., uplink_message__decoded_payload={}))
    assert (event.kind, event.address, event.members["frame_counter"]) == (EventKind.STATUS, DEVICE, 1)


@pytest.mark.hazard("dotted-name", "tts")
def test_what_is_nested_has_its_path(listener: Listener) -> None:
    nested = {
        "line_1": {"total_in": 72},
        "history": [{"t": 1.5}],
        "pm2.5": 32,
        "door": "open",
        "none": None,
        "on": True,
    }
    said = listener.said(change(UPLINK, uplink_message__decoded_payload=nested))
    assert said.members == {
        "line_1.total_in": 72,
        "history.0.t": 1.5,
        "pm2.5": 32,
        "door": "open",
        "none": None,
        "on": True,
    }


def normalised(*measurements: dict[str, Any]) -> dict[str, Any]:
    """Return an uplink of which there is only what was normalised, and the bytes."""
    return change(UPLINK, uplink_message__decoded_payload=..., uplink_message__normalized_payload=list(measurements))


@pytest.mark.hazard("other-name", "tts")
def test_only_where_nothing_was_decoded_what_was_normalised_is_taken(listener: Listener) -> None:
    both = change(UPLINK, uplink_message__normalized_payload=[{"air": {"temperature": 20.0}}])
    assert "temperature" in listener.said(both).members
    said = listener.said(normalised({"air": {"temperature": 25.3, "relativeHumidity": 44.5}, "battery": 3.026}))
    assert said.members == {"air.temperature": 25.3, "air.relativeHumidity": 44.5, "battery": 3.026}


@pytest.mark.hazard("time-form", "tts")
def test_measurements_have_times_of_their_own(listener: Listener) -> None:
    measurements: list[dict[str, Any]] = [
        {"air": {"temperature": 3.0}},
        {"time": "2020-02-12T15:00:00Z", "air": {"temperature": 1.0}},
        {"time": "2020-02-12T16:05:00+01:00", "air": {"temperature": 2.0}},
        {"wind": {"speed": 9.002}},
    ]
    said = listener.hear(normalised(*measurements)).said
    assert [(format_time(one.time_ms or 0), dict(one.members)) for one in said] == [
        ("2020-02-12T15:00:00.000Z", {"air.temperature": 1.0}),
        ("2020-02-12T15:05:00.000Z", {"air.temperature": 2.0}),
        ("2020-02-12T15:15:45.789Z", {"air.temperature": 3.0, "wind.speed": 9.002}),
    ]
    assert [one.seq for one in said] == [None, None, 1]
    assert listener.refusal(normalised({"time": "yesterday"}))[0] is Reason.INVALID_TIME


def test_two_depths_of_one_moment_do_not_hide_each_other(listener: Listener) -> None:
    depths: list[dict[str, Any]] = [
        {"soil": {"depth": depth, "moisture": moisture}} for depth, moisture in ((10, 31.0), (30, 40.0))
    ]
    first, second = listener.hear(normalised(*depths)).said
    assert (first.members["soil.moisture"], second.members["soil.moisture"]) == (31.0, 40.0)
    assert first.time_ms == second.time_ms


@pytest.mark.hazard("time-missing", "tts")
@pytest.mark.hazard("clock-wrong", "tts")
def test_of_the_three_clocks_the_network_server_is_believed_then_the_application_server(listener: Listener) -> None:
    of_gateway = "2035-01-01T00:00:00Z"
    wrong = change(UPLINK, uplink_message__rx_metadata__0__time=of_gateway, uplink_message__settings__time=of_gateway)
    assert format_time(listener.said(wrong).time_ms or 0) == "2020-02-12T15:15:45.789Z"
    outer_only = change(wrong, uplink_message__received_at=...)
    assert format_time(listener.said(outer_only).time_ms or 0) == "2020-02-12T15:15:46.014Z"
    assert listener.said(change(outer_only, received_at=...)).time_ms is None


@pytest.mark.hazard("time-form", "tts")
@pytest.mark.parametrize("wrong", ["2020-02-12T15:15:45", "12.02.2020", "", 1_581_520_545, True])
def test_a_wrong_time_is_an_invalid_time_and_no_other_is_taken(listener: Listener, wrong: object) -> None:
    reason, detail = listener.refusal(change(UPLINK, uplink_message__received_at=wrong))
    assert (reason, detail.partition(" is ")[0]) == (Reason.INVALID_TIME, "uplink_message.received_at")


def test_simulated_uplinks_are_marked_and_leave_the_counter_alone(listener: Listener) -> None:
    listener.hear(change(UPLINK, uplink_message__f_cnt=900))
    simulated = listener.said(
        change(UPLINK, simulated=True, uplink_message__f_cnt=..., received_at="2035-01-01T00:00:00Z")
    )
    assert (simulated.simulated, simulated.counter, simulated.seq) == (True, None, None)
    assert listener.said(change(UPLINK, uplink_message__f_cnt=901)).seq == 901


def test_a_rejoin_and_a_reset_begin_a_session(listener: Listener) -> None:
    first = listener.said(change(UPLINK, uplink_message__f_cnt=900))
    again = listener.said(change(UPLINK, uplink_message__f_cnt=900))
    later = {"uplink_message__received_at": "2020-02-12T16:00:00Z"}
    reset = listener.said(change(UPLINK, uplink_message__f_cnt=..., **later))
    rejoined = listener.said(change(UPLINK, uplink_message__session_key_id="AXBSH1Pk6Z0G166RlH16CQ==", **later))
    assert first.counter == again.counter
    sessions = [one.counter.session for one in (first, reset, rejoined) if one.counter is not None]
    assert len(set(sessions)) == 3


def test_without_a_session_key_the_address_is_the_session(listener: Listener) -> None:
    assert listener.said(change(UPLINK, uplink_message__session_key_id=...)).counter == Counter("00BCB929", 1)


def test_a_message_that_is_refused_changes_nothing_that_is_remembered(listener: Listener) -> None:
    listener.hear(change(UPLINK, uplink_message__f_cnt=900))
    reset = change(UPLINK, uplink_message__f_cnt=0, uplink_message__received_at="2020-02-12T16:00:00Z")
    listener.refusal(change(reset, uplink_message__version_ids=[]))
    listener.refusal(change(reset, simulated="no"))
    assert listener.said(change(UPLINK, uplink_message__f_cnt=901)).counter == Counter("AXA50tHUGUucuzS/bCGMNw==", 901)


@pytest.mark.parametrize("broken", ["gkH", "gk!e", "gkHe====", "æ"])
def test_what_is_no_base64_is_malformed(listener: Listener, broken: str) -> None:
    reason, detail = listener.refusal(change(UPLINK, uplink_message__frm_payload=broken))
    assert (reason, detail.partition(" is ")[0]) == (Reason.MALFORMED_PAYLOAD, "uplink_message.frm_payload")


def test_a_payload_that_the_application_must_decrypt_is_refused(listener: Listener) -> None:
    reason, detail = listener.refusal(change(UPLINK, uplink_message__app_s_key={"key": "AAAA"}))
    assert reason is Reason.UNRECOGNISED_PAYLOAD
    assert "encrypted" in detail


def test_the_topic_and_the_payload_name_the_same_device(listener: Listener) -> None:
    for topic in ("v3/app1@tenant1/devices/dev2/up", "v3/app2@tenant1/devices/dev1/up"):
        reason, detail = listener.refusal(DOCUMENTED_UPLINK, topic)
        assert reason is Reason.UNRECOGNISED_PAYLOAD
        assert "app1/dev1" in detail
    open_source_topic = "v3/app1/devices/dev1/up"
    assert listener.hear(DOCUMENTED_UPLINK, open_source_topic).said


@pytest.mark.parametrize("wrong", ["0004A30B001C053", "0004A30B001C05300", "0004A30B001C053G", "٠004A30B001C0530"])
def test_an_address_is_sixteen_hexadecimal_digits(listener: Listener, wrong: str) -> None:
    assert "not 16 hexadecimal digits" in listener.refusal(change(UPLINK, end_device_ids__dev_eui=wrong))[1]
    assert "not 8 hexadecimal digits" in listener.refusal(change(UPLINK, end_device_ids__dev_addr=wrong))[1]
    assert listener.said(change(UPLINK, end_device_ids__dev_eui="0004a30b001c0530")).address == DEVICE
    assert "give the device a DevEUI" in listener.refusal(change(UPLINK, end_device_ids__dev_eui=...))[1]


@pytest.mark.parametrize("number", [-1, 2**32, 1.5, "1", True])
def test_a_counter_that_is_none_is_refused(listener: Listener, number: object) -> None:
    assert listener.refusal(change(UPLINK, uplink_message__f_cnt=number))[0] is Reason.UNRECOGNISED_PAYLOAD
    assert listener.refusal(change(UPLINK, uplink_message__f_port=number))[0] is Reason.UNRECOGNISED_PAYLOAD


def test_a_join_is_an_event(listener: Listener) -> None:
    event = listener.event(JOIN, f"{BASE}/join")
    assert (event.kind, event.address) == (EventKind.JOINED, DEVICE)
    assert event.members == {"session_key_id": "AXBSH1Pk6Z0G166RlH16CQ==", "dev_addr": "01497ECC"}


@pytest.mark.hazard("zero-omitted", "tts")
def test_a_location_is_an_event_and_a_zero_in_it_is_one(listener: Listener) -> None:
    event = listener.event(LOCATION, f"{BASE}/location/solved")
    assert (event.kind, event.detail) == (EventKind.LOCATED, "lora-cloud-device-management-v1-wifi")
    assert (event.members["latitude"], event.members["longitude"], event.members["accuracy"]) == (51.455, 5.458, 15)
    at_greenwich = change(LOCATION, location_solved__location__longitude=...)
    assert listener.event(at_greenwich, f"{BASE}/location/solved").members["longitude"] == 0.0


def test_downlinks_and_services_are_of_no_interest(listener: Listener) -> None:
    failed = listener.event(DOWNLINK_FAILED, f"{BASE}/down/failed")
    assert (failed.kind, failed.address) == (EventKind.OTHER, "")
    assert "too long" in failed.detail
    for kind in ("queued", "sent", "ack", "nack", "invalidated"):
        event = listener.event({"end_device_ids": IDS, f"downlink_{kind}": {"f_port": 15}}, f"{BASE}/down/{kind}")
        assert (event.kind, event.address) == (EventKind.OTHER, DEVICE)
    for kind in ("push", "replace"):
        assert listener.event(DOWNLINK_PUSH, f"{BASE}/down/{kind}").kind is EventKind.OTHER
    service = {"end_device_ids": IDS, "service_data": {"service": "storage", "data": {}}}
    assert listener.event(service, f"{BASE}/service/data").kind is EventKind.OTHER


TOPICS = [
    "v3",
    "v3/",
    "v3/app1",
    "v3/app1/devices",
    "v3/app1/devices/dev1",
    "v3/app1/devices//up",
    "v3/app1/device/dev1/up",
]


@pytest.mark.parametrize("topic", [*TOPICS, "ttn/v3/app1/devices/dev1/up", UP.upper(), "gjovik/skole/dev1/reading", ""])
def test_other_topics_are_none_of_ours(topic: str) -> None:
    interpreter = FORMAT.open(open_source(FORMAT, "tts"))
    with pytest.raises(CodecError, match="the topic is not of the form v3/"):
        interpreter.read(topic, DOCUMENTED_UPLINK, 0)


def test_an_event_that_nobody_knows_is_refused(listener: Listener) -> None:
    assert "no event" in listener.refusal(DOCUMENTED_UPLINK, f"{BASE}/up/again")[1]
    reason, detail = listener.refusal(JOIN, UP)
    assert (reason, detail.partition(";")[0]) == (Reason.UNRECOGNISED_PAYLOAD, "uplink_message is missing")
    assert listener.refusal(DOCUMENTED_UPLINK, f"{BASE}/join")[0] is Reason.UNRECOGNISED_PAYLOAD


@pytest.mark.parametrize("depth", [9, 500, 1_000, 100_000])
def test_deep_nesting_is_refused_and_never_a_fault(listener: Listener, depth: int) -> None:
    deep = b"[" * depth + b"1" + b"]" * depth
    payload = json.dumps(change(UPLINK, uplink_message={"decoded_payload": {"x": "DEEP"}})).encode()
    reason, _ = listener.refusal(payload.replace(b'"DEEP"', deep))
    assert reason is (Reason.MALFORMED_JSON if depth > 1_000 else Reason.UNRECOGNISED_PAYLOAD)
    for name in ("decoded_payload", "normalized_payload", "rx_metadata", "settings", "f_cnt", "received_at"):
        payload = json.dumps(change(UPLINK, **{f"uplink_message__{name}": "DEEP"})).encode()
        with contextlib.suppress(CodecError):
            listener.hear(payload.replace(b'"DEEP"', deep))


def test_too_many_values_are_refused(listener: Listener) -> None:
    many = change(UPLINK, uplink_message__decoded_payload={f"x{number}": number for number in range(1_001)})
    assert listener.refusal(many)[0] is Reason.UNRECOGNISED_PAYLOAD
    assert "more than 100 measurements" in listener.refusal(normalised(*[{"air": {"co2": 1}}] * 101))[1]


def test_it_subscribes_to_all_events_of_all_devices() -> None:
    assert FORMAT.list_filters(open_source(FORMAT, "tts")) == ("v3/+/devices/+/#",)
    assert not FORMAT.is_lossless


SAMPLES = {"up": UPLINK, "join": JOIN, "location/solved": LOCATION, "down/failed": DOWNLINK_FAILED}
