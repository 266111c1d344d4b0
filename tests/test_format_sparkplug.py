"""Sparkplug B: the samples of the specification, and what goes wrong with such messages."""

import contextlib
import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import CodecError
from ingest.codecs.sparkplug import FORMAT
from ingest.source import EventKind, Heard
from schemas.reason import Reason
from tests.sparkplug_payloads import (
    ALIASED,
    DBIRTH,
    DDATA,
    DDEATH,
    NBIRTH,
    NDATA,
    NDEATH,
    NODE,
    NOW_MS,
    REBIRTH,
    SOURCE,
    TOLD_MS,
    Host,
    bd_seq,
    field,
    list_events,
    list_faults,
    metric,
    number,
    value,
    write,
)

PIBRELLA = f"{NODE}/Pibrella"


@pytest.fixture
def host() -> Host:
    """Return what has heard nothing yet."""
    return Host()


@pytest.fixture
def aliased(host: Host) -> Host:
    """Return what has heard the birth of an edge node with aliases."""
    host.hear("NBIRTH", ALIASED)
    return host


def test_the_birth_of_the_specification(host: Host) -> None:
    heard = host.hear("NBIRTH", NBIRTH)
    (said,) = heard.said
    assert (said.address, said.time_ms, said.model) == (NODE, TOLD_MS, "Raspberry Pi Pi 3 Model B")
    assert said.members == {"Supply Voltage": pytest.approx(12.1)}
    assert list_events(heard) == [(EventKind.ONLINE, NODE)]
    heard = host.hear("DBIRTH", DBIRTH, "Pibrella")
    assert heard.said[0].members == {"Inputs/A": False, "Inputs/B": False, "Inputs/C": False}
    assert list_events(heard) == [(EventKind.ONLINE, PIBRELLA)]
    assert not heard.replies


@pytest.mark.hazard("partial-update", "sparkplug")
def test_what_comes_later_is_what_changed(host: Host) -> None:
    host.hear("NBIRTH", NBIRTH)
    host.hear("DBIRTH", DBIRTH, "Pibrella")
    assert host.said("NDATA", NDATA).members == {"Supply Voltage": pytest.approx(12.3)}
    said = host.said("DDATA", DDATA, "Pibrella")
    assert (said.address, said.time_ms) == (PIBRELLA, TOLD_MS + 1000)
    assert said.members == {"Inputs/A": True, "Inputs/C": True}
    assert said.seq is None  # it is one number for the edge node and all its devices


def test_an_edge_node_that_only_has_devices_says_nothing_itself(host: Host) -> None:
    heard = host.hear("NBIRTH", write([bd_seq(0), REBIRTH], seq=0))
    assert (heard.said, list_events(heard)) == ([], [(EventKind.ONLINE, NODE)])


@pytest.mark.hazard("zero-omitted", "sparkplug")
@pytest.mark.hazard("partial-update", "sparkplug")
def test_data_has_an_alias_and_neither_name_nor_type(aliased: Host) -> None:
    said = aliased.said("NDATA", write([number(1, 119.5), number(0, 21.0)], seq=1))
    assert said.members == {"P": 119.5, "T": 21.0}


@pytest.mark.hazard("time-form", "sparkplug")
def test_metrics_of_different_times_are_told_apart(aliased: Host) -> None:
    times = (TOLD_MS + 2000, TOLD_MS, None, TOLD_MS)
    metrics = [number(index % 2, float(index), time_ms=time_ms) for index, time_ms in enumerate(times)]
    heard = aliased.hear("NDATA", write(metrics, seq=1, time_ms=TOLD_MS + 3000))
    assert [(one.time_ms, one.members) for one in heard.said] == [
        (TOLD_MS, {"P": 1.0}),
        (TOLD_MS, {"P": 3.0}),
        (TOLD_MS + 2000, {"T": 0.0}),
        (TOLD_MS + 3000, {"T": 2.0}),
    ]


@pytest.mark.hazard("time-missing", "sparkplug")
def test_without_any_time_there_is_none(aliased: Host) -> None:
    assert aliased.said("NDATA", write([number(0, 21.0)], seq=1, time_ms=None)).time_ms is None


def test_what_was_stored_and_sent_later_says_so(aliased: Host) -> None:
    old = metric(0, None, field(5, value=True), value("double", 19.0), time_ms=TOLD_MS)
    heard = aliased.hear("NDATA", write([old, number(0, 21.0, time_ms=TOLD_MS)], seq=1))
    assert [(one.is_history, one.members) for one in heard.said] == [(True, {"T": 19.0}), (False, {"T": 21.0})]


@pytest.mark.hazard("sentinel", "sparkplug")
def test_no_value_is_none_and_never_a_number(aliased: Host) -> None:
    null = metric(0, None, field(7, value=True), value("double", -1.0))
    stale = metric(1, None, value("double", 99.0), properties={"Quality": field(1, 3) + field(3, 500)})
    assert aliased.said("NDATA", write([null, stale], seq=1)).members == {"T": None, "P": None}
    good = metric(1, None, value("double", 99.0), properties={"Quality": field(1, 3) + field(3, 192)})
    assert aliased.said("NDATA", write([metric(0), good], seq=2)).members == {"T": None, "P": 99.0}


@pytest.mark.hazard("negative-twice", "sparkplug")
def test_two_ways_to_write_a_negative_number(host: Host) -> None:
    host.hear("NBIRTH", write([metric("T", 1, field(2, 0), value("int", 5))], seq=0))
    for came in (0xFF, 0xFFFF_FFFF):  # Eclipse Tahu in Python, and in Java
        assert host.said("NDATA", write([metric(0, None, value("int", came))])).members == {"T": -1}


@pytest.mark.hazard("type-drift", "sparkplug")
def test_what_is_not_of_its_type_costs_that_metric_only(aliased: Host) -> None:
    wrong = metric(0, None, value("string", "much"))
    heard = aliased.hear("NDATA", write([wrong, number(1, 119.0), metric("new", 99, value("int", 1))], seq=1))
    assert heard.said[0].members == {"P": 119.0}
    (fault,) = heard.events
    assert (fault.kind, fault.address, fault.members) == (EventKind.FAILED, NODE, {"metrics": 2})
    assert fault.detail == "T is no DOUBLE: string_value 'much' (and 1 more)"


def test_not_a_number_is_left_to_the_field(aliased: Host) -> None:
    (found,) = aliased.said("NDATA", write([number(0, math.nan)], seq=1)).members.values()
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.hazard("other-unit", "sparkplug")
def test_a_unit_is_told_by_the_birth_or_by_the_message(host: Host) -> None:
    def tell(unit: str, *name: bytes) -> bytes:
        return metric(None, None, *name, value("double", 1.0), properties={"engUnit": field(8, unit)})

    born = (field(1, "T") + field(2, 0) + field(4, 10), field(1, "P") + field(2, 1) + field(4, 10))
    heard = host.hear("NBIRTH", write([tell("°C", born[0]), tell("inH2O", born[1])], seq=0))
    assert heard.said[0].units == {"T": "Cel", "P": "inH2O"}  # no code: so it is refused and not taken for pascals
    assert host.said("NDATA", write([number(0, 2.0)], seq=1)).units == {"T": "Cel"}
    assert host.said("NDATA", write([tell("degrees-fahrenheit", field(2, 0))], seq=2)).units == {"T": "[degF]"}


def test_arrays_have_an_index(host: Host) -> None:
    heard = host.hear("NBIRTH", write([metric("Zones", 23, value("bytes", b"\x01\x00\xff\xff"))], seq=0))
    assert heard.said[0].members == {"Zones.0": 1, "Zones.1": -1}


def test_the_members_of_a_template_have_both_names(host: Host) -> None:
    def tell(*metrics: bytes, is_definition: bool = False) -> bytes:
        return value("template", b"".join(field(2, one) for one in metrics) + field(5, is_definition))

    definition = metric("_types_/AHU", 19, tell(number("T", 0.0), is_definition=True))
    nested = metric("Inner", 19, tell(number("X", 1.0)))
    unit = metric("AHU 1", 19, field(2, 4), tell(number("T", 20.5), number("P", 118.0), nested), time_ms=TOLD_MS)
    heard = host.hear("NBIRTH", write([definition, unit], seq=0))
    assert [one.members for one in heard.said] == [{"AHU 1.T": 20.5, "AHU 1.P": 118.0}]
    late = field(5, value=True)
    changed = metric(4, None, late, tell(metric("T", None, value("double", 21.0))), time_ms=TOLD_MS + 1)
    said = host.said("NDATA", write([changed], seq=1))
    assert (said.members, said.time_ms, said.is_history) == ({"AHU 1.T": 21.0}, TOLD_MS + 1, True)


def test_tables_files_and_bytes_are_no_values(host: Host) -> None:
    metrics = [
        metric("Table", 16, value("dataset", b"\x08\x02")),
        metric("Bytes", 17, value("bytes", b"x")),
        metric("File", 18, value("bytes", b"x")),
        number("T", 20.5),
    ]
    heard = host.hear("NBIRTH", write(metrics, seq=0))
    assert ([one.members for one in heard.said], list_faults(heard)) == ([{"T": 20.5}], [])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY_PAYLOAD),
        (b'{"timestamp":1486144502122,"metrics":[],"seq":0}', Reason.MALFORMED_PAYLOAD),
        (b"\x12\x05\x0a\x03\xff\xfe\xfd", Reason.MALFORMED_PAYLOAD),  # a name that is not UTF-8
        (NBIRTH[:-3], Reason.MALFORMED_PAYLOAD),
        (field(90, 1), Reason.UNRECOGNISED_PAYLOAD),  # some other message of Protobuf
        (write([b""] * 5_001), Reason.UNRECOGNISED_PAYLOAD),
        (write([metric("Z", 22, value("bytes", b"x" * 900))] * 6), Reason.UNRECOGNISED_PAYLOAD),
        (b"\x12\x00" * 20_000, Reason.UNRECOGNISED_PAYLOAD),
    ],
)
def test_other_payloads_are_none_of_ours(host: Host, payload: bytes, reason: Reason) -> None:
    assert host.fault("NBIRTH", payload).reason is reason


def test_a_compressed_payload_is_refused_and_says_what_to_do(host: Host) -> None:
    algorithm = metric("algorithm", 12, value("string", "GZIP"))
    error = host.fault("NBIRTH", write([algorithm], seq=0) + field(4, "SPBV1.0_COMPRESSED") + field(5, b"x"))
    assert "unset compression" in error.detail


def test_deep_nesting_is_refused(host: Host) -> None:
    deep = number("X", 1.0)
    for _ in range(200):
        deep = metric("T", 19, value("template", field(2, deep)))
    assert host.fault("NBIRTH", write([deep], seq=0)).reason is Reason.MALFORMED_PAYLOAD


TOPICS = [
    "spAv1.0/g/NDATA/n",
    "spBv1.0",
    "spBv1.0/",
    "spBv1.0/g/NDATA",
    "spBv1.0/g/NDATA/n/d",
    "spBv1.0/g/DDATA/n",
    "spBv1.0//NDATA/n",
    "spBv1.0/g/NDATA/",
    "spBv1.0/g/DDATA/n/",
    "spBv1.0/g/NDTA/n",
    "spBv1.0/STATE/",
    f"spBv1.0/g/NDATA/{'n' * 251}",
    "",
]


@pytest.mark.parametrize("topic", TOPICS)
def test_other_topics_are_none_of_ours(topic: str) -> None:
    with pytest.raises(CodecError) as error:
        FORMAT.open(SOURCE).read(topic, NBIRTH, NOW_MS)
    assert error.value.reason is Reason.UNRECOGNISED_PAYLOAD


def test_commands_and_states_of_hosts_are_of_no_interest(host: Host) -> None:
    commands = (host.hear("NCMD", b"\xff"), host.hear("DCMD", b"", "fan"))
    assert [list_events(one) for one in commands] == [[(EventKind.OTHER, NODE)], [(EventKind.OTHER, f"{NODE}/fan")]]
    heard = host.interpreter.read("spBv1.0/STATE/scada", b'{"online":true,"timestamp":1486144502122}', NOW_MS)
    assert list_events(heard) == [(EventKind.OTHER, "")]


def test_it_subscribes_to_everything_under_its_root() -> None:
    assert FORMAT.list_filters(SOURCE) == ("spBv1.0/#",)
    assert not FORMAT.is_lossless


MESSAGES = [
    ("NBIRTH", "", NBIRTH),
    ("NBIRTH", "", ALIASED),
    ("DBIRTH", "Pibrella", DBIRTH),
    ("NDATA", "", NDATA),
    ("NDATA", "", write([number(0, 21.0)], seq=5)),
    ("DDATA", "Pibrella", DDATA),
    ("NDEATH", "", NDEATH),
    ("DDEATH", "Pibrella", DDEATH),
]


def hear_any(host: Host, verb: str, payload: bytes, device: str) -> Heard | None:
    """Return what a message says; None where it is refused."""
    with contextlib.suppress(CodecError):
        return host.hear(verb, payload, device)
    return None


@given(data=st.data())
def test_flipped_and_cut_messages_in_any_order_are_understood_or_refused(data: st.DataObject) -> None:
    host = Host()
    for verb, device, sample in data.draw(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=8)):
        payload = bytearray(sample)
        for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=3)):
            payload[at] = data.draw(st.integers(0, 255))
        del payload[data.draw(st.integers(0, len(payload)) | st.just(len(payload))) :]
        host.now_ms += data.draw(st.integers(-100_000, 100_000))
        hear_any(host, verb, bytes(payload), device)
        hear_any(Host(copy.deepcopy(host.interpreter)), verb, bytes(payload), device)
