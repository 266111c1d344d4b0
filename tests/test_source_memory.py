"""What an Interpreter remembers is bounded in bytes too, whoever invents names for it to remember."""

import contextlib
import json
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ingest.codec import CodecError
from ingest.codecs import load_formats
from ingest.message import Message
from ingest.source_table import SourceTable
from ingest.stripping import strip_payload
from tests.format_samples import RECEIVED_MS, Told, make_source
from tests.han_frames import KAIFA_LIST_1
from tests.lorawan_payloads import change
from tests.test_format_ams import HOURLY
from tests.test_format_homie import DESCRIPTION
from tests.test_format_tts import UPLINK

MESSAGES = 200
LONG = 20_000
"""Characters of a name; a topic has up to 65,535 bytes."""
MOST_HELD = MESSAGES * 4_000
"""Bytes that may be left of all the messages; with the names they would be five times as many."""


def invent(number: int) -> str:
    """Return a long name that was not there before."""
    return f"{number}".ljust(LONG, "x")


def _ams(**changes: object) -> Callable[[int], Told]:
    hour = change(HOURLY, **changes)
    return lambda number: Told(f"amsleser/{number}", json.dumps(_fill(hour, number)).encode())


def _fill(value: Any, number: int) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {name: _fill(inner, number) for name, inner in value.items()}
    return invent(number) if value == "LONG" else value


INVENTED: Mapping[str, Callable[[int], Told]] = {
    "ams reader": lambda number: Told(f"amsleser/{invent(number)}", json.dumps(HOURLY).encode()),
    "ams id": _ams(id="LONG"),
    "ams register": _ams(data__tPI="LONG"),
    "ams register's name": lambda number: Told(
        f"amsleser/{number}", json.dumps(change(HOURLY, **{f"data__tPI{'1' * LONG}": number})).encode()
    ),
    "han reader": lambda number: Told(f"han/{invent(number)}", KAIFA_LIST_1),
    "homie device": lambda number: Told(f"homie/{invent(number)}/n/p/$unit", b"V"),
    "homie property": lambda number: Told(f"homie/d/n/{invent(number)}/$datatype", b"float"),
    "homie unit": lambda number: Told(f"homie/d/n/p{number}/$unit", invent(number).encode()),
    "homie description": lambda number: Told(
        f"homie/5/d{number}/$description",
        json.dumps(DESCRIPTION | {"nodes": {"n": {"properties": {invent(number): {"unit": "V"}}}}}).encode(),
    ),
    "sparkplug node": lambda number: Told(f"spBv1.0/g/NDATA/{invent(number)}", b"\x18\x01"),
    "tts session": lambda number: Told(
        "v3/app1@tenant1/devices/dev1/up",
        json.dumps(
            change(
                UPLINK,
                end_device_ids__dev_eui=f"{number:016X}",
                uplink_message__session_key_id=invent(number),
            )
        ).encode(),
    ),
}


@pytest.mark.parametrize("invented", sorted(INVENTED))
def test_names_of_any_length_do_not_fill_the_memory(invented: str) -> None:
    key = invented.partition(" ")[0]
    interpreter = load_formats()[key].open(make_source(key))
    tracemalloc.start()
    try:
        for number in range(MESSAGES):
            told = INVENTED[invented](number)
            with contextlib.suppress(CodecError):
                interpreter.read(told.topic, told.payload, RECEIVED_MS)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MOST_HELD


def test_topics_of_any_length_that_are_described_do_not_fill_the_memory() -> None:
    source = make_source("homeassistant")
    table = SourceTable({source.key: source})
    tracemalloc.start()
    try:
        for number in range(MESSAGES):
            described = {"stat_t": invent(number), "dev": {"ids": f"d{number}", "mdl": "x"}}
            topic = f"homeassistant/sensor/d{number}/config"
            table.opened[source.key].read(Message(topic, json.dumps(described).encode(), RECEIVED_MS))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MOST_HELD


def test_names_of_any_length_in_refused_payloads_do_not_fill_the_memory() -> None:
    tracemalloc.start()
    try:
        for number in range(MESSAGES):
            strip_payload(json.dumps({invent(number): {"hash": "x"}}).encode(), f"hage/{invent(number)}")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MOST_HELD
