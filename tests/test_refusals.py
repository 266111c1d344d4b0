"""What the quarantine tells of a refusal: field, value, reason, and by which version of its type it was judged."""

import dataclasses
import json

import pytest

from devices import load_device_types
from ingest.batch import Batch, Quarantined
from ingest.codecs import load_formats
from ingest.inventory import Device
from ingest.local_time import LOCAL
from ingest.message import Message
from ingest.models import load_models
from ingest.process import Processor
from ingest.source import Source
from ingest.source_table import SourceTable
from schemas.reason import Level, Reason
from tests.small_town import RECEIVED_MS, make_inventory, make_message, make_processor
from tests.test_format_chirpstack import DEVICE, UP, UPLINK

TIME = "2026-01-15T12:00:00Z"
SCHEMA = "indoor_climate/1"


def take(payload: bytes | str) -> Quarantined:
    """Return what is kept of a payload of the small town's climate sensor."""
    (kept,) = make_processor().process([make_message("indoor_climate", payload)]).quarantined
    return kept


def make_source_processor(format_key: str, model_key: str, address: str) -> Processor:
    """Return a Processor with one Source, and the device ``bound`` at an address of it."""
    source = Source(
        key="source", format_key=format_key, root=load_formats()[format_key].root, zone_info=LOCAL, patterns=()
    )
    model = load_models()[model_key]
    inventory = make_inventory()
    placements = inventory.devices["indoor_climate"].placements
    parameters = model.complete_parameters({})
    device = Device(
        *("bound", model.device_type, "+A=360.001-RT009", placements),
        source="source",
        address=address,
        model=model_key,
        parameters=parameters,
    )
    inventory = dataclasses.replace(inventory, devices={**inventory.devices, "bound": device})
    processor = make_processor(inventory)
    processor.sources = SourceTable({"source": source}, inventory, load_device_types())
    return processor


def tell_tasmota(**members: object) -> Batch:
    """Return what becomes of what a Tasmota climate sensor says."""
    processor = make_source_processor("tasmota", "tasmota_climate", "plugg-1")
    payload = json.dumps({"Time": "2026-01-15T13:00:00", **members}).encode()
    return processor.process([Message("tele/plugg-1/SENSOR", payload, RECEIVED_MS)])


def tell_chirpstack(**members: object) -> Quarantined:
    """Return what is kept of an uplink of a LoRaWAN climate sensor."""
    processor = make_source_processor("chirpstack", "milesight_am319", DEVICE)
    uplink = {**UPLINK, "time": TIME, "fPort": 85, "data": "", **members}
    (kept,) = processor.process([Message(UP, json.dumps(uplink).encode(), RECEIVED_MS)]).quarantined
    return kept


@pytest.mark.parametrize(
    ("payload", "level", "reason", "schema"),
    [
        (f'{{"time":"{TIME}","temperature":20,"humidity":138}}', Level.FIELD, Reason.OUT_OF_RANGE, SCHEMA),
        (f'{{"time":"{TIME}","temperature":"20"}}', Level.READING, Reason.WRONG_TYPE, SCHEMA),
        ('{"time":"1970-01-01T00:00:00Z","temperature":20}', Level.READING, Reason.NOT_PLACED, SCHEMA),
        (b"{", Level.MESSAGE, Reason.MALFORMED_JSON, SCHEMA),
    ],
)
def test_a_refusal_says_by_which_schema_it_was_judged(
    payload: bytes | str, level: Level, reason: Reason, schema: str
) -> None:
    kept = take(payload)
    assert (kept.level, kept.reason, kept.schema) == (level, reason, schema)


def test_where_no_device_is_known_no_schema_is() -> None:
    (kept,) = make_processor().process([make_message("stranger", "{}")]).quarantined
    assert (kept.reason, kept.schema) == (Reason.UNKNOWN_DEVICE, "")


def test_what_is_refused_again_says_by_which_schema_it_was_refused_then() -> None:
    kept = take(f'{{"time":"{TIME}","temperature":"20"}}')._replace(schema="indoor_climate/7")
    (again,) = make_processor().take_again(kept).quarantined
    assert again.schema == SCHEMA


def test_a_field_of_a_payload_tells_its_name_its_value_and_its_reason() -> None:
    kept = take(f'{{"time":"{TIME}","temperature":20,"humidity":138,"co2":"high","colour":"red"}}')
    assert (kept.reason, kept.fields) == (Reason.OUT_OF_RANGE, ("humidity", "co2", "colour"))
    told = kept.detail.split("; ")
    assert told[0].startswith("humidity is 138")
    assert told[1].startswith("co2 is 'high'")
    assert told[2] == "colour is not a field of this type"


def test_a_field_of_a_source_tells_what_the_source_called_it_and_said() -> None:
    batch = tell_tasmota(AM2301={"Temperature": 70.7, "Humidity": 138.0}, TempUnit="F")
    (kept,) = batch.quarantined
    assert batch.ledger.accepted == 1
    assert (kept.device, kept.reason, kept.fields) == ("bound", Reason.OUT_OF_RANGE, ("humidity",))
    assert kept.detail.startswith("humidity is 138.0: ")
    assert kept.detail.endswith(" (from AM2301.Humidity 138.0 %)")
    assert kept.schema == SCHEMA


def test_a_value_that_was_converted_is_told_as_it_came() -> None:
    (kept,) = tell_tasmota(AM2301={"Temperature": 300.0, "Humidity": 40.0}, TempUnit="F").quarantined
    assert kept.detail.startswith("temperature is 148.8888888")
    assert kept.detail.endswith(" (from AM2301.Temperature 300.0 [degF])")


def test_a_value_of_which_no_field_could_be_made_tells_the_field() -> None:
    (kept,) = tell_tasmota(AM2301={"Temperature": 20.5, "Humidity": "wet"}, TempUnit="C").quarantined
    assert (kept.reason, kept.fields) == (Reason.WRONG_TYPE, ("humidity",))
    assert kept.detail == "AM2301.Humidity is 'wet', not a number (humidity is made of it)"


def test_a_reading_without_a_field_tells_why_none_could_be_made() -> None:
    (kept,) = tell_tasmota(AM2301={"Humidity": "wet"}).quarantined
    assert (kept.level, kept.reason, kept.schema) == (Level.READING, Reason.WRONG_TYPE, SCHEMA)
    assert kept.detail == "AM2301.Humidity is 'wet', not a number (humidity is made of it)"


def test_a_required_field_tells_why_it_could_not_be_made_and_not_only_that_it_is_missing() -> None:
    kept = tell_chirpstack(object={"temperature": "cold", "humidity": 40.0})
    assert (kept.level, kept.reason, kept.schema) == (Level.READING, Reason.WRONG_TYPE, SCHEMA)
    assert kept.detail == "temperature is 'cold', not a number"
    missing = tell_chirpstack(object={"humidity": 40.0})
    assert (missing.reason, missing.detail) == (Reason.MISSING_FIELD, "temperature is missing")


def test_a_frame_that_cannot_be_read_says_of_which_type_its_device_is() -> None:
    kept = tell_chirpstack(data="AWc=")
    assert (kept.reason, kept.device, kept.schema) == (Reason.BROKEN_FRAME, "bound", SCHEMA)
