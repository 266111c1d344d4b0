"""Laws over every Format: whatever comes on its topics, each message is counted once, and nothing stops the others."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import load_device_types
from ingest.batch import Batch
from ingest.codecs import load_formats
from ingest.inventory import Device
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.models import load_models
from ingest.process import Processor
from ingest.source import Source
from ingest.source_table import SourceTable
from schemas.reason import Level, Reason
from tests.small_town import RECEIVED_MS, make_inventory, make_processor

TYPES = load_device_types()
EVERY_FORMAT = pytest.mark.parametrize("key", sorted(load_formats()))
PATTERNS = ("hage/{address}/{member}",)
TOPICS = st.lists(
    st.sampled_from(["a", "NDATA", "NBIRTH", "up", "event", "devices", "state", "SENSOR", "0102030405060708", "ø"]),
    max_size=5,
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
