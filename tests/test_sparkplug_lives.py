"""Births, gaps and deaths of a Sparkplug B edge node, and what waited in quarantine for a birth."""

import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.source import EventKind, Reply, UnbornError
from schemas.reason import Reason
from tests.sparkplug_payloads import (
    ALIASED,
    DDEATH,
    NDEATH,
    NODE,
    NOW_MS,
    Host,
    bd_seq,
    list_events,
    list_faults,
    metric,
    number,
    value,
    write,
)


@pytest.fixture
def host() -> Host:
    """Return what has heard nothing yet."""
    return Host()


@pytest.fixture
def aliased(host: Host) -> Host:
    """Return what has heard the birth of an edge node with aliases."""
    host.hear("NBIRTH", ALIASED)
    return host


def test_after_a_restart_data_waits_for_a_birth_that_is_asked_for(host: Host) -> None:
    error = host.refuse("NDATA", write([number(0, 21.0)], seq=77))
    assert error.reason is Reason.MISSING_BIRTH
    (reply,) = error.replies
    assert reply.topic == "spBv1.0/Sparkplug B Devices/NCMD/Raspberry Pi"
    asked = metric("Node Control/Rebirth", 11, value("boolean", told=True), time_ms=NOW_MS)
    assert reply.payload == write([asked], time_ms=NOW_MS)
    host.hear("NBIRTH", ALIASED)
    assert host.said("NDATA", write([number(0, 21.0)], seq=1)).members == {"T": 21.0}


def test_an_edge_node_is_asked_once_a_minute(host: Host) -> None:
    replies: list[Reply] = []
    for second in range(0, 150, 10):
        host.now_ms = NOW_MS + 1000 * second
        replies += host.refuse("DDATA", write([number(0, 21.0)], seq=3), f"d{second}").replies
    assert len(replies) == 3
    assert host.refuse("NDATA", write([], seq=3), node="g/other").replies
    host.now_ms = NOW_MS - 3_600_000  # a clock that was set back does not silence it for an hour
    assert host.refuse("NDATA", write([], seq=4)).replies


def test_a_name_alone_does_not_do_before_the_birth_which_may_tell_a_unit(host: Host) -> None:
    host.refuse("NDATA", write([number("T", 68.0)], seq=1))


def test_a_metric_that_the_birth_does_not_have_is_asked_for(aliased: Host) -> None:
    error = aliased.refuse("NDATA", write([number(0, 21.0), number(7, 1.0)], seq=1))
    assert "alias 7" in error.detail
    assert len(error.replies) == 1
    assert not aliased.hear("NDATA", write([number(0, 21.0)], seq=2)).events  # it counts as heard all the same
    aliased.refuse("NDATA", write([metric("Q", None, value("double", 1.0))], seq=3))
    assert aliased.said("NDATA", write([number("Q", 1.0)], seq=4)).members == {"Q": 1.0}  # that tells all itself


@pytest.mark.hazard("other-name", "sparkplug")
def test_an_alias_means_what_the_latest_birth_says(aliased: Host) -> None:
    aliased.hear("NBIRTH", write([bd_seq(0), number("P", 118.0, alias=0), number("T", 20.5, alias=1)], seq=0))
    assert aliased.said("NDATA", write([number(0, 119.0)], seq=1)).members == {"P": 119.0}
    aliased.hear("NBIRTH", write([bd_seq(0), number("P", 118.0, alias=0)], seq=0))
    aliased.refuse("NDATA", write([number(1, 21.0)], seq=1))


def test_an_alias_of_a_device_is_its_own(aliased: Host) -> None:
    aliased.hear("DBIRTH", write([number("Flow", 1.0, alias=5)], seq=1), "meter")
    assert aliased.said("DDATA", write([number(5, 2.0)], seq=2), "meter").members == {"Flow": 2.0}
    aliased.refuse("NDATA", write([number(5, 2.0)], seq=3))


def test_an_alias_of_two_metrics_is_none(host: Host) -> None:
    heard = host.hear("NBIRTH", write([number("T", 20.5, alias=3), number("P", 118.0, alias=3)], seq=0))
    assert heard.said[0].members == {"T": 20.5, "P": 118.0}
    assert ["P has alias 3, and so has T" in one.detail for one in list_faults(heard)] == [True]
    host.refuse("NDATA", write([number(3, 21.0)], seq=1))


def test_the_numbers_go_round_after_255(aliased: Host) -> None:
    for seq in [*range(1, 256), *range(3)]:
        assert not aliased.hear("NDATA", write([number(0, 21.0)], seq=seq)).events


def test_a_gap_is_a_fault_and_a_reason_to_ask(aliased: Host) -> None:
    heard = aliased.hear("NDATA", write([number(0, 21.0)], seq=4))
    assert heard.said[0].members == {"T": 21.0}
    (fault,) = list_faults(heard)
    assert (fault.address, fault.detail) == (NODE, "messages are missing: number 4 came where 1 was expected")
    assert len(heard.replies) == 1
    assert aliased.hear("NDATA", write([number(0, 21.0)], seq=5)).events == ()
    again = aliased.hear("DDEATH", write([], seq=9), "meter")
    assert (len(list_faults(again)), again.replies) == (1, ())


def test_a_birth_begins_with_its_own_number(host: Host) -> None:
    host.hear("NBIRTH", write([bd_seq(0), number("T", 20.5)], seq=200))
    assert not host.hear("NDATA", write([number("T", 21.0)], seq=201)).events
    assert not host.hear("NDATA", write([number("T", 21.0)])).events  # one without a number says nothing of gaps
    assert not host.hear("NDATA", write([number("T", 21.0)], seq=202)).events


def test_what_is_refused_is_missing(aliased: Host) -> None:
    assert aliased.fault("NDATA", b"\xff").reason is Reason.MALFORMED_PAYLOAD
    assert len(list_faults(aliased.hear("NDATA", write([number(0, 21.0)], seq=2)))) == 1


def test_a_death_makes_the_edge_node_and_its_devices_stale(aliased: Host) -> None:
    for device in ("meter", "fan"):
        aliased.hear("DBIRTH", write([number("Flow", 1.0)]), device)
    aliased.hear("DDEATH", write([]), "fan")
    heard = aliased.hear("NDEATH", NDEATH)
    assert list_events(heard) == [(EventKind.OFFLINE, NODE), (EventKind.OFFLINE, f"{NODE}/meter")]
    aliased.refuse("NDATA", write([number(0, 21.0)], seq=1))
    aliased.refuse("DDATA", write([number("Flow", 1.0)], seq=2), "meter")
    aliased.hear("NBIRTH", ALIASED)
    assert aliased.said("NDATA", write([number(0, 21.0)], seq=1)).members == {"T": 21.0}
    aliased.refuse("DDATA", write([number("Flow", 1.0)], seq=2), "meter")  # which was not born again


def test_a_birth_of_the_edge_node_asks_one_of_each_device(aliased: Host) -> None:
    aliased.hear("DBIRTH", write([number("Flow", 1.0, alias=5)], seq=1), "meter")
    assert list_events(aliased.hear("NBIRTH", ALIASED)) == [(EventKind.ONLINE, NODE)]  # and no gap
    aliased.refuse("DDATA", write([number(5, 1.0)], seq=1), "meter")


def test_the_numbers_end_with_a_death(aliased: Host) -> None:
    aliased.hear("NDEATH", NDEATH)
    assert list_faults(aliased.hear("DDEATH", write([], seq=9), "meter")) == []


def test_a_death_of_a_device_is_its_own(aliased: Host) -> None:
    aliased.hear("DBIRTH", write([number("Flow", 1.0)], seq=1), "meter")
    heard = aliased.hear("DDEATH", DDEATH, "meter")
    assert list_events(heard) == [(EventKind.OFFLINE, f"{NODE}/meter")]
    aliased.refuse("DDATA", write([number("Flow", 1.0)], seq=3), "meter")
    assert aliased.said("NDATA", write([number(0, 21.0)], seq=4)).members == {"T": 21.0}


def test_the_will_of_an_earlier_connection_kills_nobody(host: Host) -> None:
    host.hear("NBIRTH", write([bd_seq(5), number("T", 20.5, alias=0)], seq=0))
    assert list_events(host.hear("NDEATH", write([bd_seq(4)]))) == [(EventKind.OTHER, NODE)]
    assert host.said("NDATA", write([number(0, 21.0)], seq=1)).members == {"T": 21.0}
    assert list_events(host.hear("NDEATH", write([bd_seq(5)]))) == [(EventKind.OFFLINE, NODE)]


def test_a_death_that_cannot_be_compared_is_one(aliased: Host) -> None:
    assert list_events(aliased.hear("NDEATH", write([]))) == [(EventKind.OFFLINE, NODE)]
    assert list_events(Host().hear("NDEATH", NDEATH)) == [(EventKind.OFFLINE, NODE)]


@pytest.mark.hazard("duplicate", "sparkplug")
def test_a_copy_reads_what_lay_in_quarantine_and_changes_nothing(host: Host) -> None:
    early = write([number(0, 19.0)], seq=9)
    host.refuse("NDATA", early)
    host.now_ms += 2000
    host.hear("NBIRTH", ALIASED)
    again = Host(copy.deepcopy(host.interpreter))
    heard = again.hear("NDATA", early)
    assert (heard.said[0].members, heard.events, heard.replies) == ({"T": 19.0}, (), ())
    again.hear("NBIRTH", write([bd_seq(7), number("P", 1.0, alias=0)], seq=3))
    again.hear("NDEATH", NDEATH)
    again.now_ms = NOW_MS - 1  # before the first that was heard of the edge node
    assert not again.refuse("NDATA", early).replies
    heard = host.hear("NDATA", write([number(0, 21.0)], seq=1))
    assert (heard.said[0].members, heard.events) == ({"T": 21.0}, ())


@pytest.mark.parametrize(("minutes", "dies", "is_read"), [(9, False, True), (11, False, False), (1, True, False)])
def test_a_birth_explains_what_came_before_it_if_it_follows_soon_and_nobody_died(
    host: Host, minutes: int, *, dies: bool, is_read: bool
) -> None:
    early = write([number(0, 19.0)], seq=9)
    host.refuse("NDATA", early)
    if dies:
        host.hear("NDEATH", NDEATH)
    host.now_ms += 60_000 * minutes
    host.hear("NBIRTH", ALIASED)
    again = Host(copy.deepcopy(host.interpreter))
    again.now_ms = NOW_MS
    with contextlib.nullcontext() if is_read else pytest.raises(UnbornError, match="of that time"):
        assert again.said("NDATA", early).members == {"T": 19.0}


def test_what_came_under_other_aliases_is_never_read_by_the_present_ones(aliased: Host) -> None:
    aliased.now_ms += 3_600_000
    aliased.hear("NBIRTH", ALIASED)  # says the same, and so it holds for what came before it
    again = Host(copy.deepcopy(aliased.interpreter))
    assert again.said("NDATA", write([number(0, 19.0)])).members == {"T": 19.0}
    aliased.hear("NBIRTH", write([number("P", 118.0, alias=0)], seq=0))
    Host(copy.deepcopy(aliased.interpreter)).refuse("NDATA", write([number(0, 19.0)]))


def test_what_came_after_a_death_is_not_read_by_the_birth_before_it(aliased: Host) -> None:
    aliased.now_ms += 1000
    aliased.hear("NDEATH", NDEATH)
    again = Host(copy.deepcopy(aliased.interpreter))
    assert again.said("NDATA", write([number(0, 19.0)])).members == {"T": 19.0}
    again.now_ms += 2000
    again.refuse("NDATA", write([number(0, 19.0)]))


@given(data=st.data())
def test_no_number_is_ever_told_that_was_not_sent(data: st.DataObject) -> None:
    """Births give the aliases 0 and 1 to two metrics in changing order; each value tells which metric it is of."""
    host, names = Host(), ["T", "P"]
    for seq, act in enumerate(data.draw(st.lists(st.sampled_from(["birth", "death", "data"]), max_size=12))):
        host.now_ms += 1000
        if act == "birth":
            names = data.draw(st.permutations(["T", "P"]))
            metrics = [number(name, float(ord(name)), alias=alias) for alias, name in enumerate(names)]
            host.hear("NBIRTH", write([bd_seq(0), *metrics], seq=seq))
        elif act == "death":
            host.hear("NDEATH", NDEATH)
        else:
            alias = data.draw(st.integers(0, 1))
            with contextlib.suppress(UnbornError):
                said = host.said("NDATA", write([number(alias, float(ord(names[alias])))], seq=seq))
                assert said.members == {names[alias]: float(ord(names[alias]))}
