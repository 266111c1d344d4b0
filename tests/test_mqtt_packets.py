"""Bytes to packets: any bytes, in any pieces."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import mqtt5
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.mqtt_error import ConnectRefused, PublishRefused, TlsUnusable
from ingest.mqtt_packets import (
    ADVICE,
    Split,
    Will,
    read_disconnect,
    read_session,
    require_taken,
    split,
    write_connect,
    write_disconnect,
)
from ingest.mqtt_reach import tls_context
from ingest.settings import Mqtt, Tls
from tests.mqtt_wire import DISCONNECT, DISCONNECT_WITH_WILL, write_length, write_packet, write_publish, write_text

# Where the codec panics, it also leaves an exception that nobody can catch.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

topics = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=40).map(
    lambda text: text.encode()
)
publishes = st.builds(
    write_publish,
    topics,
    st.binary(max_size=300),
    st.none() | st.integers(1, 65_535),
    flags=st.sampled_from([0, 1, 8, 9]),
)


def _read(pieces: Sequence[bytes]) -> tuple[list[str], str]:
    """Return what a connection reads of bytes that come in pieces: the packets, and the fault that ends them."""
    buffer = bytearray()
    packets: list[str] = []
    for piece in pieces:
        buffer += piece
        with memoryview(buffer) as view:
            found = split(view)
        del buffer[: found.used]
        packets += [repr(packet) for packet in found.packets]
        if found.fault:
            return packets, found.fault
    return packets, ""


def _cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@given(st.lists(publishes, max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_pieces_of_the_same_bytes_give_the_same_packets(packets: list[bytes], places: list[int]) -> None:
    data = b"".join(packets)
    whole, fault = _read([data])
    assert (len(whole), fault) == (len(packets), "")
    assert _read(_cut(data, places)) == (whole, "")
    assert _read([bytes([byte]) for byte in data]) == (whole, "")


@given(st.lists(publishes, max_size=4), st.binary(max_size=60), st.lists(st.integers(0, 10_000), max_size=12))
def test_malformed_bytes_end_at_the_same_packet_in_any_pieces(
    packets: list[bytes], tail: bytes, places: list[int]
) -> None:
    data = b"".join(packets) + tail
    whole, fault = _read([data])
    assert len(whole) >= len(packets)
    assert _read(_cut(data, places)) == (whole, fault)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x00\x00")
@example(bytes.fromhex("30 06 00 01 ff 00 00 00"))
def test_any_bytes_at_all_give_a_result(data: bytes) -> None:
    packets, used, fault = split(memoryview(data))
    assert used <= len(data)
    assert len(packets) <= len(data)
    assert isinstance(fault, str)


@given(st.integers(0, 255), st.binary(max_size=80))
def test_a_complete_packet_is_never_held_for_incomplete(head: int, body: bytes) -> None:
    packets, used, fault = split(memoryview(write_packet(head, body)))
    if fault:
        assert (packets, used) == ([], 0)
    else:
        assert (len(packets), used) == (1, len(body) + 2)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 65_536, 2_097_152])
def test_payloads_of_any_size_are_read_whole(size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    data = write_publish(b"gjovik/skole/d1/reading", payload, 7)
    assert split(memoryview(data)[:-1]) == Split([], 0, "")
    (packet,), used, fault = split(memoryview(data))
    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.payload, used, fault) == (payload, len(data), "")


def test_a_topic_that_is_not_utf_8_is_a_fault_and_no_panic() -> None:
    good = write_publish("gjovik/skole/blåbær/reading".encode(), b"{}", 1)
    packets, used, fault = split(memoryview(good + write_publish(b"gjovik/\xff/d/reading", b"{}", 2)))
    assert (len(packets), used, fault) == (1, len(good), "a text is not UTF-8")


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_a_refusal_that_needs_a_person_says_what_to_do(code: int) -> None:
    (answer,), _, _ = split(memoryview(bytes([0x20, 3, 0, code, 0])))
    assert isinstance(answer, mqtt5.ConnAckPacket)
    with pytest.raises(ConnectRefused) as refused:
        read_session(answer, Mqtt(username="meter"))
    assert refused.value.needs_person
    assert "'meter'" in str(refused.value)
    assert ADVICE[code] in str(refused.value)
    assert f"({code})" in str(refused.value)


def test_a_busy_broker_needs_no_person() -> None:
    (answer,), _, _ = split(memoryview(bytes.fromhex("20 03 00 89 00")))
    assert isinstance(answer, mqtt5.ConnAckPacket)
    with pytest.raises(ConnectRefused, match=r"server busy \(137\)") as refused:
        read_session(answer, Mqtt())
    assert not refused.value.needs_person


def test_what_connack_leaves_out_is_as_asked_and_what_it_says_counts() -> None:
    settings = Mqtt(keep_alive_s=30, session_expiry_s=600)
    properties = bytes.fromhex("11 0000003c 13 000a 21 0014 27 00001000")
    said = write_packet(0x20, b"\x01\x00" + write_length(len(properties)) + properties)
    (plain, full), _, _ = split(memoryview(bytes.fromhex("20 03 00 00 00") + said))
    assert isinstance(plain, mqtt5.ConnAckPacket)
    assert isinstance(full, mqtt5.ConnAckPacket)
    assert read_session(plain, settings) == (False, 600, 30, 65_535, None, True)
    assert read_session(full, settings) == (True, 60, 10, 20, 4096, True)


def test_a_puback_of_failure_is_a_refusal_and_no_subscribers_is_none() -> None:
    (alone, denied), _, _ = split(memoryview(bytes.fromhex("40 03 0001 10 40 03 0001 87")))
    assert isinstance(alone, mqtt5.PubAckPacket)
    assert isinstance(denied, mqtt5.PubAckPacket)
    require_taken(alone, "a/b")
    with pytest.raises(PublishRefused, match=r"not authorized \(135\).*a/b"):
        require_taken(denied, "a/b")


def test_a_session_taken_over_says_what_it_means() -> None:
    (packet,), _, _ = split(memoryview(bytes.fromhex("e0 01 8e")))
    assert isinstance(packet, mqtt5.DisconnectPacket)
    error = read_disconnect(packet)
    assert error.needs_person
    assert "two collectors" in str(error)


def test_tls_is_off_unless_asked_for_and_verifies_when_on() -> None:
    assert tls_context(Tls()) is None
    context = tls_context(Tls(enabled=True))
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("part", ["ca_file", "cert_file"])
@pytest.mark.parametrize("contents", [None, "no certificate"])
def test_certificate_files_that_cannot_be_used_are_named(tmp_path: Path, part: str, contents: str | None) -> None:
    file = tmp_path / "some.pem"
    if contents is not None:
        file.write_text(contents)
    with pytest.raises(TlsUnusable, match=r"mqtt\.tls.*some\.pem"):
        tls_context(Tls.model_validate({"enabled": True, part: file}))


def test_connect_asks_for_a_session_and_bounds_nothing() -> None:
    packet = write_connect(Mqtt(keep_alive_s=31, session_expiry_s=604_800), "secret")
    # Section 3.1.2: protocol name and version, flags (user name, password; no clean start), keep-alive, properties.
    assert packet[2:12] == b"\x00\x04MQTT\x05\xc0\x00\x1f"
    # The one property is the Session Expiry Interval (17): neither Receive Maximum (33) nor Maximum Packet Size (39).
    assert packet[12:18] == b"\x05\x11" + (604_800).to_bytes(4, "big")


def test_connect_leaves_a_retained_will_with_its_delay() -> None:
    packet = write_connect(Mqtt(session_expiry_s=604_800), "secret", Will("gjovik/collectors/a/state", b"lost", 60))
    # Section 3.1.2.3: the flags Will Retain (32), Will QoS 1 (8) and Will (4) beside those of user name and password.
    assert packet[9] == 0xC0 | 0x20 | 0x08 | 0x04
    # Section 3.1.3: client identifier, Will Properties (Will Delay Interval is 24), Will Topic, Will Payload.
    will = b"\x05\x18" + (60).to_bytes(4, "big") + write_text(b"gjovik/collectors/a/state") + write_text(b"lost")
    assert write_text(b"collector") + will in packet


def test_only_an_orderly_end_takes_the_will_away() -> None:
    assert write_disconnect(keep_will=True) == DISCONNECT_WITH_WILL
    assert write_disconnect(keep_will=False) == DISCONNECT
