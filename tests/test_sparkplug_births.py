"""What is remembered of Sparkplug B edge nodes is bounded, whatever they tell."""

import tracemalloc

import pytest

from ingest.codec import CodecError
from ingest.codecs.sparkplug import FORMAT
from ingest.payloads.sparkplug_births import MOST_ASKED, MOST_OF_NODE, Births, Place, read_certificate
from ingest.payloads.sparkplug_payload import Metric
from ingest.source import UnbornError
from tests.sparkplug_payloads import NOW_MS, SOURCE, Host, list_faults, metric, number, value, write

CERTIFICATE = read_certificate([Metric(f"m{index}", index, None, 10) for index in range(9)])


def test_those_that_were_silent_longest_are_forgotten_first() -> None:
    births = Births(most=100)
    for index in range(50):
        births.bear(Place("g", f"n{index}"), CERTIFICATE, NOW_MS)
        assert births.weight <= 100
        births.recall(Place("g", "n0"))
    known = [index for index in range(50) if births.find(Place("g", f"n{index}"))]
    assert known == [0, *range(42, 50)]


def test_devices_that_tell_nothing_take_room_too() -> None:
    births = Births(most=100, most_of_node=40)
    for index in range(500):
        births.miss(Place("g", "n", f"d{index}"), NOW_MS)
        births.miss(Place("g", f"n{index}"), NOW_MS)
        assert births.weight <= 100


def test_one_edge_node_has_only_so_many_metrics_and_keeps_what_it_had() -> None:
    births = Births(most=100, most_of_node=25)
    for device in ("a", "b"):
        births.bear(Place("g", "n", device), CERTIFICATE, NOW_MS)
    with pytest.raises(CodecError, match="g/n has more than 25 metrics"):
        births.bear(Place("g", "n", "c"), CERTIFICATE, NOW_MS)
    assert births.weight == 21
    births.bear(Place("g", "n", "a"), CERTIFICATE, NOW_MS)  # another in the place of one takes no more
    assert births.weight == 21


def test_devices_that_came_and_went_do_not_keep_others_out() -> None:
    births = Births(most=100, most_of_node=40)
    births.bear(Place("g", "n"), CERTIFICATE, NOW_MS)
    births.bear(Place("g", "n", "alive"), CERTIFICATE, NOW_MS)
    for index in range(500):
        births.miss(Place("g", "n", f"invented {index}"), NOW_MS)
        died = Place("g", "n", f"died {index}")
        births.bear(died, CERTIFICATE, NOW_MS)
        births.recall(died).members[died.device].end(NOW_MS, died=True)
        assert births.weight <= 40
    births.bear(Place("g", "n", "new"), CERTIFICATE, NOW_MS)
    assert all(births.find(Place("g", "n", device)) for device in ("", "alive", "new"))
    with pytest.raises(CodecError, match="more than 40 metrics"):
        births.bear(Place("g", "n", "too many"), CERTIFICATE, NOW_MS)
    node = births.recall(Place("g", "n"))
    assert births.weight == node.weight == 1 + sum(member.weight for member in node.members.values())


def test_the_birth_of_an_edge_node_makes_room_of_what_it_ends() -> None:
    births = Births(most=100, most_of_node=25)
    for device in ("a", "b"):
        births.bear(Place("g", "n", device), CERTIFICATE, NOW_MS)
    births.bear(Place("g", "n"), CERTIFICATE, NOW_MS)
    assert births.recall(Place("g", "n")).list_present() == [""]
    assert births.find_at(Place("g", "n", "b"), NOW_MS - 1) is None
    assert births.weight == 21


def test_hostile_births_do_not_fill_the_memory() -> None:
    host = Host()
    tracemalloc.start()
    try:
        for index in range(15):
            metrics = (
                metric(f"{index} {name}".ljust(40, "x"), 10, b"\x10" + bytes([name % 128])) for name in range(900)
            )
            host.hear("NBIRTH", write(metrics, seq=0), node=f"g/{index}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 15 * 900 * 600  # bytes a metric, and there are never more than 100,000 of them


def test_so_many_edge_nodes_are_asked_in_a_minute_and_no_more() -> None:
    births = Births()
    asked = [births.ask(Place("g", f"n{index}"), NOW_MS) for index in range(MOST_ASKED + 5)]
    assert sum(asked) == MOST_ASKED
    assert not births.ask(Place("g", "n0"), NOW_MS + 59_999)
    assert births.ask(Place("g", f"n{MOST_ASKED}"), NOW_MS + 60_000)
    assert births.ask(Place("g", "n5"), NOW_MS + 60_000)


def test_what_was_forgotten_is_asked_for_when_it_speaks() -> None:
    interpreter = FORMAT.open(SOURCE)
    for index in range(30):
        payload = write([number(f"m{one}", 1.0) for one in range(4_000)], seq=0)
        interpreter.read(f"spBv1.0/g/NBIRTH/n{index}", payload, NOW_MS)
    data = write([number("m1", 1.0)], seq=1)
    assert interpreter.read("spBv1.0/g/NDATA/n29", data, NOW_MS).said
    with pytest.raises(UnbornError) as error:
        interpreter.read("spBv1.0/g/NDATA/n0", data, NOW_MS)
    assert len(error.value.replies) == 1


def test_a_birth_that_is_refused_changes_nothing() -> None:
    host = Host()
    for device in range(5):
        metrics = [number(f"m{one}", 1.0, alias=one) for one in range(MOST_OF_NODE // 5 - 2)]
        host.hear("DBIRTH", write(metrics, seq=device), f"d{device}")
    more = [number(f"x{one}", 1.0, alias=one) for one in range(100)]
    assert "more than 20000 metrics" in host.fault("DBIRTH", write(more, seq=5), "d5").detail
    assert not host.hear("DDATA", write([number(0, 2.0)], seq=5), "d0").events


def test_names_without_end_are_none() -> None:
    host = Host()
    heard = host.hear("NBIRTH", write([number("x" * 251, 1.0), metric(None, 10, value("double", 1.0))], seq=0))
    assert [fault.members for fault in list_faults(heard)] == [{"metrics": 2}]
