"""Identifiers of people: recognised, blanked, and nothing else changed; then a law over every Format."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices import load_device_types
from ingest import identifier
from ingest.batch import QuarantineRow
from ingest.codec import CodecError
from ingest.codecs import load_formats
from ingest.codecs.native import CODEC
from ingest.identifier import blank_detail, blank_text, is_telling
from ingest.message import Message
from ingest.models import load_models
from ingest.payloads.sparkplug_payload import PayloadMessage
from ingest.process import Processor
from ingest.reprocess import reprocess
from ingest.settings import Store as StoreSettings
from ingest.source import Event, EventKind, Heard
from ingest.source_lines import format_events
from ingest.source_table import SourceTable
from ingest.store import Store
from ingest.stripping import strip_payload
from schemas.reason import Reason
from tests.format_samples import SAMPLES, make_source, open_interpreter
from tests.small_town import RECEIVED_MS, make_inventory, make_message, make_processor

EVERY_FORMAT = pytest.mark.parametrize("key", sorted(load_formats()))
TYPES = load_device_types()
MAC, BARE_MAC, PLATE, PHONE, GROUPED, MAIL = (
    "58:CF:79:9C:93:AE",
    "58cf799c93af",
    "AB12345",
    "+4791234567",
    "91 23 45 68",
    "ola.nordmann@example.org",
)
FORMS = (MAC, MAC.replace(":", "-"), "58cf.799c.93ae", BARE_MAC, PLATE, "AB 12345", PHONE, "+47 912 34 567", GROUPED)
SECRETS = (MAC, BARE_MAC, PLATE, PHONE, GROUPED, MAIL)
TAG, CARD, NUMBER = "04A2-B9.77", "kort7788", 4_798_765_432
"""Known by their names only."""
TOLD = dict(
    zip(("scanned", "seen_by", "passed", "called", "ring", "mail"), SECRETS, strict=True),
    rfid_tag=TAG,
    cardNumber=CARD,
    phone=NUMBER,
)
SPEAKING = (*SECRETS, TAG, CARD, str(NUMBER))


def find_secrets(stored: bytes) -> list[str]:
    """Return what stands in bytes, in capitals or not."""
    return [one for one in SPEAKING if one.lower().encode() in stored.lower()]


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_blanked_alone_and_among_words(form: str) -> None:
    for text in (form, f"sett {form} ved porten", f"({form})", f"{form},{form}"):
        assert blank_text(text) == text.replace(form, "*" * len(form))


@pytest.mark.parametrize(
    "text",
    [
        *("21.4 °C", "2799 mm", "45678901", "45678901 Wh", "+21.12345678", "open", "2026-01-15T12:00:00Z", "DS18B20-1"),
        *("2026-01-15T12:00:00.123456789+01:00", "0x00158d00018255df", "0004A30B001C0530", "TS0201", "1790435942"),
        *("3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "urn:dev:ow:10e2073a01080063", "AM307", "EM300-TH 1.2.3", "12 m3"),
    ],
)
def test_what_sensors_say_is_left_alone(text: str) -> None:
    assert blank_text(text) == text


def test_numbers_in_a_row_are_telephones_among_words_only() -> None:
    assert blank_text("ring 91234567 i dag") == "ring ******** i dag"
    assert blank_detail("energy is 45678901: should be less") == "energy is 45678901: should be less"
    assert blank_detail("mode is 'ring 91234567', not a number") == "mode is 'ring ********', not a number"


def test_what_an_ellipsis_has_cut_is_blanked_too() -> None:
    assert blank_detail("state is 'x seen 58:CF:79:9C…") == f"state is '{'*' * 18}…"
    assert blank_detail("there is battery, temperature…") == "there is battery, temperature…"


def test_the_devices_own_address_is_spared() -> None:
    assert blank_detail(f"no device has address {MAC}", f"source:{MAC}") == f"no device has address {MAC}"


@pytest.mark.parametrize(
    "name",
    [
        *("plate", "licensePlate", "plate_no", "rfidTag", "tagId", "user_id", "Gate/Plate", "wifi.bssid", "phone2"),
        *("macs", "MACAddress", "Kjennemerke", "fødselsnummer"),
    ],
)
def test_names_that_tell(name: str) -> None:
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    ["tag_temperature", "mac_count", "user", "fluid", "plate_heat", "", "template", "machine", "id", "phone_battery"],
)
def test_names_that_tell_nothing_of_people(name: str) -> None:
    assert not is_telling(name)


def test_no_field_and_nothing_that_a_model_takes_has_a_telling_name() -> None:
    fields = {name for one in TYPES.values() for name in one.fields}
    taken = {name for one in load_models().values() for name in one.takes}
    assert len(fields) > 100
    assert [name for name in sorted(fields | taken) if is_telling(name) or blank_text(name) != name] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(FORMS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | st.just("plate"), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "payload",
    [
        b"{plate: ZZ77}",
        b"{'plate': 'ZZ77'}",
        b'{"plate": ZZ77}',
        b'5 {"plate": "ZZ77"}',
        b'\xef\xbb\xbf{"plate": "ZZ77"}',
        b'{"pl\\u0061te": "ZZ77"}',
        json.dumps({"fødselsnummer": "ZZ77"}).encode(),
        b'{"a": 1, x phone=ZZ77, "b": 2}',
    ],
)
def test_what_is_nearly_json_is_stripped_too(payload: bytes) -> None:
    stripped, is_safe = strip_payload(payload, "gjovik/hall/a/reading")
    assert is_safe
    assert stripped == payload.replace(b"ZZ77", b"****")


@pytest.mark.parametrize("form", [*FORMS, MAIL])
@pytest.mark.parametrize("whole", ["{{a: {}}}", "{{'a': '{}'}}", '{{"a": {}}}', "[1, x {}"])
def test_forms_are_blanked_where_json_has_no_word_for_them(form: str, whole: str) -> None:
    stripped, is_safe = strip_payload(whole.format(form).encode(), "gjovik/hall/a/reading")
    assert is_safe
    assert stripped.decode() == whole.format("*" * len(form))


def test_numbers_under_a_telling_name_are_zero_however_they_are_written() -> None:
    for told in ("4798765432", "4798765432.0", "4.798765432E9", "-4798765432"):
        stripped, _ = strip_payload(f'{{"phone": {told}, "plate": 21.5}}'.encode(), "a/b")
        assert json.loads(stripped) == {"phone": 0, "plate": 21.5}
    written = {"phone": 4_798_765_432.0, "plate": 21.5, "energy": 4_798_765_432.0}
    stripped, is_safe = strip_payload(cbor2.dumps(written), "a/b")
    assert is_safe
    assert cbor2.loads(stripped) == {**written, "phone": 0.0}


def test_text_in_two_octets_a_character_is_not_kept_with_an_identifier_in_it() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        assert not strip_payload(f'{{"æ": "{PLATE}"}}'.encode(encoding), "a/b").is_safe
        assert strip_payload('{"æ": "open"}'.encode(encoding), "a/b").is_safe


@pytest.mark.parametrize("text", ["+4791234567" * 500, "91 23 45 67 " * 500 + "91 23 45 67", "912 34 567 " * 500 + "x"])
def test_identifiers_that_hide_behind_each_other_are_looked_at_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    looks = 0

    def look(one: str, spared: str, blank: Callable[[str, str], str] = identifier._blank_forms) -> str:  # noqa: SLF001 - counted, not replaced
        nonlocal looks
        looks += 1
        return blank(one, spared)

    monkeypatch.setattr(identifier, "_blank_forms", look)
    for payload in (text, json.dumps({"a": text})):
        left = strip_payload(payload.encode(), "a/b")
        assert not left.is_safe or find_secrets(left.payload.replace(b"91234567", PHONE.encode())) == []
    assert 0 < looks < 50
    assert "91234567" not in blank_detail(f"state is '{'+4791234567' * 3}'")


@given(payload=st.binary(max_size=200) | VALUES.map(lambda one: json.dumps(one).encode()) | VALUES.map(cbor2.dumps))
@example(payload=b'{"a": "AB12345')
@example(payload=b'{"tag-58CF799C93AE": "x", "plate": "\\u0041"')
@example(payload=b"[" * 9_000)
def test_stripping_never_raises_keeps_the_length_and_is_done_once(payload: bytes) -> None:
    for traits in [*(one.traits for one in load_formats().values())]:
        stripped, is_safe = strip_payload(payload, "a/b", traits)
        assert len(stripped) == len(payload)
        if is_safe:
            assert strip_payload(stripped, "a/b", traits) == (stripped, True)


PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["open", "21.4 °C", ""])
)


@given(
    members=st.dictionaries(
        st.sampled_from(["temperature", "door", "co2", "pm2.5", "a b"]),
        PLAIN | st.lists(PLAIN) | st.dictionaries(st.sampled_from(["value", "id", "number", "v"]), PLAIN),
    ),
    is_cbor=st.booleans(),
)
def test_other_values_stay_as_they_are(members: dict[str, object], *, is_cbor: bool) -> None:
    write, read = (cbor2.dumps, cbor2.loads) if is_cbor else (lambda one: json.dumps(one).encode(), json.loads)
    whole = {**TOLD, **members, "nested": {"list": [{"plate": "x1"}, members]}}
    stripped, is_safe = strip_payload(write(whole), "gjovik/hall/a/reading")
    assert is_safe
    assert find_secrets(stripped) == []
    left = read(stripped)
    assert {name: left[name] for name in members} == members
    assert left["nested"]["list"] == [{"plate": "**"}, members]
    assert left.keys() == whole.keys()
    assert left["phone"] == 0


def hear(key: str, payloads: list[bytes]) -> list[Heard | Reason]:
    interpreter = open_interpreter(key)
    heard: list[Heard | Reason] = []
    for told, payload in zip(SAMPLES[key].told, payloads, strict=True):
        try:
            heard.append(interpreter.read(told.topic, payload, RECEIVED_MS))
        except CodecError as error:
            heard.append(error.reason)
    return heard


@EVERY_FORMAT
def test_stripped_samples_say_what_they_said(key: str) -> None:
    traits = load_formats()[key].traits
    told = SAMPLES[key].told
    stripped = [strip_payload(one.payload, one.topic, traits) for one in told]
    assert all(one.is_safe for one in stripped)
    before, after = hear(key, [one.payload for one in told]), hear(key, [one.payload for one in stripped])
    assert [one.said for one in before if isinstance(one, Heard)] == [
        one.said for one in after if isinstance(one, Heard)
    ]
    assert [one if isinstance(one, Reason) else len(one.events) for one in before] == [
        one if isinstance(one, Reason) else len(one.events) for one in after
    ]


@pytest.mark.parametrize("type_key", sorted(TYPES))
def test_examples_of_device_types_lose_unknown_fields_alone(type_key: str) -> None:
    for one in TYPES[type_key].examples:
        payload = one.payload.encode() if isinstance(one.payload, str) else one.payload
        stripped, is_safe = strip_payload(payload, "gjovik/hall/a/reading")
        assert is_safe
        assert (
            CODEC.prepare(TYPES[type_key])(payload) == CODEC.prepare(TYPES[type_key])(stripped) if one.fields else True
        )
        unknown = json.loads(payload).keys() - TYPES[type_key].fields.keys() - {"time", "seq", "simulated"}
        assert unknown or stripped == payload


def plant(value: object) -> object:
    """Return JSON with identifiers in every object of it, and in every list of texts."""
    if isinstance(value, dict):
        return {name: plant(one) for name, one in value.items()} | TOLD | {MAC: -60}
    return [plant(one) for one in value] if isinstance(value, list) else value


def list_planted(key: str) -> list[tuple[str, bytes]]:
    """Return messages of a Format that have identifiers wherever they could have a text."""
    planted = []
    for told in SAMPLES[key].told:
        try:
            value = json.loads(told.payload)
        except ValueError:
            value = None
        if isinstance(value, dict | list):
            planted.append((told.topic, json.dumps(plant(value)).encode()))
            planted.append((told.topic, json.dumps(plant(value)).encode()[:-3]))
        planted += [(told.topic, f"{one} x".encode()) for one in SECRETS]
        planted.append((told.topic, b"\xff\x00" + PLATE.encode() + b"\xff"))
    if key == "senml":
        pack = [{"n": f"urn:dev:ow:1:{name}", "vs": str(one)} for name, one in TOLD.items()]
        planted += [("senml/x", json.dumps(pack).encode()), ("senml/x", cbor2.dumps([{0: "tag", 3: TAG}, *pack]))]
    if key == "sparkplug":
        metrics = [{"name": f"Gate/{name}", "datatype": 12, "string_value": str(one)} for name, one in TOLD.items()]
        metrics += [{"name": "phone", "datatype": 4, "long_value": NUMBER}, {"alias": 900, "string_value": TAG}]
        message = PayloadMessage(timestamp=RECEIVED_MS, seq=0, metrics=metrics).SerializeToString()
        planted += [(f"spBv1.0/g/{verb}/n", message) for verb in ("NBIRTH", "NDATA", "NCMD")]
        planted.append(("spBv1.0/g/NDATA/new", message))
    return planted


def make_source_processor(key: str) -> Processor:
    processor = make_processor()
    processor.sources = SourceTable({"source": make_source(key)}, make_inventory(), TYPES)
    return processor


def store_and_search(processor: Processor, messages: list[Message], folder: Path) -> int:
    """Have messages processed and committed; return how many entries the quarantine has of them."""
    with closing(Store.open(StoreSettings(folder=folder, reserve_bytes=0))) as store:
        batch = processor.process(messages)
        assert batch.ledger.reasons[Reason.COLLECTOR_FAULT] == 0
        assert find_secrets(b"\n".join(batch.lines + batch.health_lines)) == []
        store.commit(batch, RECEIVED_MS)
    for file in folder.iterdir():
        assert find_secrets(file.read_bytes()) == [], file.name
    return len(batch.quarantined)


@EVERY_FORMAT
def test_nothing_of_them_is_stored_whatever_the_format(key: str, tmp_path: Path) -> None:
    planted = list_planted(key)
    messages = [Message(topic, one, RECEIVED_MS + at) for at, (topic, one) in enumerate(planted)]
    assert any(find_secrets(one.payload) for one in messages)
    assert store_and_search(make_source_processor(key), messages, tmp_path)


def test_nothing_of_them_is_stored_of_native_payloads(tmp_path: Path) -> None:
    reading = {"time": "2026-01-15T12:00:00Z", "temperature": 21.0, "nested": {"card": {"number": CARD}}, **TOLD}
    whole = json.dumps({**reading, MAC: -60}).encode()
    payloads = [
        whole,
        whole[:-1],
        cbor2.dumps({**reading, "time": "2026-01-15T12:00:01Z"}),
        json.dumps({**reading, "temperature": MAC}).encode(),
        b"\xff" + whole,
    ]
    payloads += [json.dumps({**reading, "temperature": "x" * 55 + f" {MAC}"}).encode()]
    devices = ("indoor_climate", "nobody")
    messages = [make_message(device, one) for one in payloads for device in devices]
    assert store_and_search(make_processor(), messages, tmp_path) == len(messages)


def test_an_identifier_across_the_edge_of_what_is_kept_is_blanked() -> None:
    for filled in range(40, 64):
        payload = b"x" * filled + b" " + MAC.encode() + b" " + b"y" * 500
        processor = make_processor(max_payload_bytes=100, kept_payload_bytes=64)
        (kept,) = processor.process([make_message("indoor_climate", payload)]).quarantined
        assert len(kept.payload) == 64
        assert b"58:" not in kept.payload
        assert kept.length == len(payload)


def test_bytes_that_nobody_can_read_are_kept_unless_an_identifier_shows_in_them() -> None:
    said, silent = b"\xff\xfe" + PLATE.encode() + b"\x00", b"\xff\xfe1234567\x00"
    processor = make_processor()
    kept = processor.process([make_message("indoor_climate", one) for one in (said, silent)]).quarantined
    assert [one.payload for one in kept] == [b"", silent]
    assert [one.length for one in kept] == [len(said), len(silent)]


def test_what_was_stripped_is_reprocessed_with_all_its_other_values() -> None:
    reading = {"time": "2026-01-15T12:00:00Z", "temperature": 21.0, **TOLD}
    (kept,) = make_processor().process([make_message("nobody", json.dumps(reading))]).quarantined
    inventory = make_inventory()
    device = dataclasses.replace(inventory.devices["indoor_climate"], id="nobody")
    adopted = dataclasses.replace(inventory, devices={**inventory.devices, "nobody": device})
    batch = reprocess(make_processor(adopted), [QuarantineRow(1, kept)])
    assert len(batch.lines) == 1
    assert b"temperature=21" in batch.lines[0]


def test_what_came_before_loses_its_identifiers_when_it_is_reprocessed() -> None:
    (kept,) = make_processor().process([make_message("nobody", b'{"plate": "AB12345"}')]).quarantined
    payload = b'{"plate": "AB12345"}'
    before = kept._replace(payload=payload, sha256=hashlib.sha256(payload).digest())
    revised = reprocess(make_processor(), [QuarantineRow(1, before)]).revised[1]
    assert revised == kept


def test_events_tell_no_identifiers() -> None:
    source = make_source_processor("tasmota").sources.opened["source"]
    members = {"phone": float(NUMBER), f"ble.{MAC}.rssi": -60.0, "uptime": 5.0, "phones": 3.0}
    (line,) = format_events(source, [Event(EventKind.FAILED, "plugg", f"saw {MAC} at {PLATE}", members)], RECEIVED_MS)
    assert find_secrets(line) == []
    assert b"uptime=5" in line
    assert b"phones=3" in line


def test_a_fault_of_ours_is_logged_without_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    processor = make_processor()

    def fail(*_: object) -> None:
        raise ZeroDivisionError(f"could not divide by '{MAC}'")

    monkeypatch.setattr(processor, "_read", fail)
    (kept,) = processor.process([make_message("indoor_climate", b"{}")]).quarantined
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" in kept.detail
    assert find_secrets(f"{caplog.text} {kept.detail}".encode()) == []
