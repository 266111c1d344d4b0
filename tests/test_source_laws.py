"""Laws over every Format: whatever comes on its topics, each message is counted once, and nothing stops the others."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.batch import Batch
from ingest.codec import CodecError
from ingest.codecs import load_formats
from ingest.inventory import Device
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.models import load_models
from ingest.process import Processor
from ingest.source import Source
from ingest.source_table import SourceTable
from schemas.reason import Level, Reason
from tests.format_samples import SAMPLES, open_interpreter
from tests.lorawan_payloads import JSON, list_paths, replace
from tests.small_town import RECEIVED_MS, make_inventory, make_processor

TYPES = load_device_types()
EVERY_FORMAT = pytest.mark.parametrize("key", sorted(load_formats()))


def list_objects() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the samples in JSON: the key of the Format, the topic, and the payload as ``whole`` of an object."""
    for key, samples in SAMPLES.items():
        for told in samples.told:
            with contextlib.suppress(ValueError):  # it is no JSON
                yield key, told.topic, {"whole": json.loads(told.payload)}


OBJECTS = list(list_objects())
PATTERNS = ("hage/{address}/{member}",)
TOPICS = st.lists(
    st.sampled_from(["a", "NDATA", "NBIRTH", "up", "event", "devices", "state", "SENSOR", "0102030405060708", "ø"]),
    max_size=5,
)
LEVELS = st.text(max_size=8) | st.sampled_from(
    ["$state", "bridge", "cmnd", "list3", "status", "NDATA", "climate", "+", "#"]
)
PAYLOADS = st.binary(max_size=80) | st.sampled_from([b"", b"{}", b"[]", b"null", b'"x"', b"1e400", b"\xa0", b"\x80"])


def make_source_processor(key: str, address: str = "a") -> tuple[Processor, Source]:
    """Return a Processor with one Source, and one device at an address of it, where a Model comes in its format."""
    form = load_formats()[key]
    source = Source(key="source", format_key=key, root=form.root, zone_info=LOCAL)
    if not form.list_filters(source):
        source = dataclasses.replace(source, patterns=PATTERNS)
    inventory = make_inventory()
    model = next((one for one in load_models().values() if key in one.formats), None)
    devices = dict(inventory.devices)
    if model is not None:
        defaults = {name: 1.0 if one.default is None else one.default for name, one in model.parameters.items()}
        placements = devices["indoor_climate"].placements
        devices["bound"] = Device(
            "bound", model.device_type, "+A=360.001-RT009", placements, "", (), "source", address, model.key, defaults
        )
    inventory = dataclasses.replace(inventory, devices=devices)
    processor = make_processor(inventory)
    processor.sources = SourceTable({"source": source}, inventory, TYPES)
    return processor, source


def check_batch(batch: Batch, count: int) -> None:
    """Hold a batch to what is promised of it."""
    assert batch.ledger.balances()
    assert batch.ledger.received == count
    assert batch.ledger.reasons[Reason.COLLECTOR_FAULT] == 0, batch.quarantined
    refused = [one for one in batch.quarantined if one.level is not Level.FIELD]
    assert len(refused) == batch.ledger.undecodable + batch.ledger.rejected


@EVERY_FORMAT
@settings(max_examples=30)
@given(told=st.lists(st.tuples(TOPICS, PAYLOADS, st.booleans()), min_size=1, max_size=4))
def test_every_message_is_counted_once_and_none_is_a_fault_of_ours(
    key: str, told: list[tuple[list[str], bytes, bool]]
) -> None:
    processor, source = make_source_processor(key)
    root = "hage" if source.patterns else source.root
    messages = [
        Message("/".join([root, *levels]), payload, RECEIVED_MS + number, retain, packet_id=number + 1)
        for number, (levels, payload, retain) in enumerate(told)
    ]
    batch = processor.process(messages)
    check_batch(batch, len(messages))
    for kept in batch.quarantined:
        again = processor.take_again(kept)
        assert again.ledger.reasons[Reason.COLLECTOR_FAULT] == 0


@EVERY_FORMAT
def test_a_source_whose_payloads_are_not_kept_leaves_none_behind(key: str) -> None:
    processor, source = make_source_processor(key)
    private = dataclasses.replace(source, keeps_payloads=False)
    processor.sources = SourceTable({"source": private}, make_inventory(), TYPES)
    pattern = load_formats()[key].list_filters(source)[0]
    topic = pattern.replace("+", "a").replace("#", "a")
    (kept,) = processor.process([Message(topic, b"\xff secret", RECEIVED_MS)]).quarantined
    assert (kept.payload, kept.detail, kept.length) == (b"", "", len(b"\xff secret"))


@pytest.mark.parametrize("key", sorted(SAMPLES))
@given(data=st.data(), payload=st.binary(max_size=200), received_ms=st.integers(0, 2**42))
def test_any_bytes_on_any_topic_are_understood_or_refused(
    key: str, data: st.DataObject, payload: bytes, received_ms: int
) -> None:
    levels = data.draw(st.sampled_from([told.topic for told in SAMPLES[key].told])).split("/")
    levels[data.draw(st.integers(0, len(levels) - 1))] = data.draw(LEVELS)
    topic = data.draw(st.text(max_size=40) | st.just("/".join(levels)))
    with contextlib.suppress(CodecError):
        open_interpreter(key).read(topic, payload, received_ms)


@pytest.mark.parametrize("key", sorted({key for key, _, _ in OBJECTS}))
@given(data=st.data(), value=JSON, received_ms=st.integers(0, 2**42))
def test_any_value_anywhere_is_understood_or_refused(
    key: str, data: st.DataObject, value: object, received_ms: int
) -> None:
    topic, whole = data.draw(st.sampled_from([(topic, whole) for of, topic, whole in OBJECTS if of == key]))
    changed = replace(whole, data.draw(st.sampled_from(list_paths(whole))), value)["whole"]
    with contextlib.suppress(CodecError):
        open_interpreter(key).read(topic, json.dumps(changed).encode(), received_ms)


@pytest.mark.parametrize("key", sorted(SAMPLES))
def test_a_time_that_a_message_tells_itself_does_not_hang_on_when_it_came(key: str) -> None:
    soon, late = open_interpreter(key), open_interpreter(key)
    for told in SAMPLES[key].told:
        said = soon.read(told.topic, told.payload, RECEIVED_MS).said
        again = late.read(told.topic, told.payload, RECEIVED_MS + 400 * 86_400_000).said
        assert len(said) == len(again)
        for one, other in zip(said, again, strict=True):
            assert one.time_ms == other.time_ms or not (one.has_time and other.has_time)


@pytest.mark.parametrize("depth", [9, 1_000, 100_000])
@pytest.mark.parametrize("key", sorted({key for key, _, _ in OBJECTS}))
def test_nesting_without_end_is_understood_or_refused_wherever_it_stands(key: str, depth: int) -> None:
    interpreter = open_interpreter(key)
    for topic, whole, path in (
        (one[1], one[2], path) for one in OBJECTS if one[0] == key for path in list_paths(one[2])
    ):
        marked = json.dumps(replace(whole, path, "deep")["whole"]).encode()
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            deep = marked.replace(b'"deep"', opening * depth + b"1" + closing * depth)
            with contextlib.suppress(CodecError):
                interpreter.read(topic, deep, RECEIVED_MS)


@pytest.mark.parametrize("seconds", [0, -5, 5])
def test_what_was_retained_with_a_time_relative_to_now_is_no_reading(seconds: int) -> None:
    processor, _ = make_source_processor("senml", "dev")
    pack = b'[{"bn":"dev/","n":"temperature","u":"Cel","v":21.5,"t":%d}]' % seconds
    batch = processor.process([Message("senml/x", pack, RECEIVED_MS, retain=True)])
    assert (batch.ledger.informational, batch.ledger.decoded) == (1, 0)


def test_of_what_was_retained_only_what_has_a_time_is_a_reading() -> None:
    processor, _ = make_source_processor("senml")
    pack = b'[{"bn":"unknown/","n":"a","v":1,"t":%d},{"n":"b","v":2}]' % (RECEIVED_MS // 1000 - 60)
    batch = processor.process([Message("senml/x", pack, RECEIVED_MS, retain=True)])
    live = processor.process([Message("senml/x", pack, RECEIVED_MS + 1)])
    assert (batch.ledger.decoded, len(batch.quarantined), len(live.quarantined)) == (1, 1, 2)
