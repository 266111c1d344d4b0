"""``gjovik decode``: documented samples come out as they are stored, and every refusal is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gjovik
from devices import load_device_types
from ingest.codecs import NATIVE, load_formats
from ingest.codecs.native import CODEC
from ingest.decode import (
    Chosen,
    Verdict,
    choose_model,
    decode_frame,
    decode_message,
    decode_native,
    guess_models,
)
from ingest.event_time import format_time
from ingest.model import Model
from ingest.models import load_models
from ingest.sample_topic import SAMPLE_TOPICS, find_sample_topic
from ingest.source import Frame, Source
from ingest.topic_filter import compile_filter
from schemas.reason import Reason
from tests.han_frames import KAIFA_LIST_1
from tests.lorawan_payloads import RECEIVED_MS, open_source
from tests.small_town import make_message, make_processor
from tests.sparkplug_payloads import DDATA, NBIRTH
from tests.test_format_ams import LIST_2, RECORDED_MS
from tests.test_format_chirpstack import DOCUMENTED_UPLINK as CHIRPSTACK_UPLINK
from tests.test_format_senml import ONE
from tests.test_format_shelly import FULL
from tests.test_format_tasmota import BME280
from tests.test_format_tts import DOCUMENTED_UPLINK as TTS_UPLINK
from tests.zigbee_network import CLIMATE

AM319 = "0367340104686505000106CB02077DA803087D2500097366270A7D04000B7D20000C7D3000"
"""TheThingsNetwork/lorawan-devices, am319-codec.yaml."""
LINE = (
    "indoor_climate,device=?,site=?,type=indoor_climate,zone=? temperature=30.8,humidity=50.5,co2=936.0,presence=true,"
    "pressure=1008.6,pm2_5=32.0,pm10=48.0,tvoc_index=37.0,formaldehyde=40.0,delay=0.0 1768478402000"
)
AT = ("--received", "2026-01-15T12:00:02Z")


def run(*words: str, given: bytes | str | None = None) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    result = CliRunner().invoke(gjovik.app, ["decode", *AT, *words], input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run_json(*words: str, given: bytes | str | None = None) -> tuple[int, dict[str, Any]]:
    """Run the command for a program."""
    code, output = run(*words, "--json", given=given)
    return code, json.loads(output)


def sort_fields(line: str) -> tuple[str, list[str], str]:
    """Return a line with its fields in no order."""
    prefix, fields, time = line.split(" ")
    return prefix, sorted(fields.split(",")), time


def test_a_frame_alone_becomes_the_line_that_its_maker_documents() -> None:
    code, found = run_json("--model", "milesight_am319", "--port", "85", "--hex", AM319)
    (moment,) = found["told"][0]["moments"]
    assert code == 0
    assert sort_fields(moment["line"]) == sort_fields(LINE)
    rows = {row["member"]: row for row in moment["rows"]}
    assert (rows["hcho"]["told"], rows["hcho"]["told_in"]) == (0.04, "mg/m3")
    assert (rows["hcho"]["field"], rows["hcho"]["value"], rows["hcho"]["unit"]) == ("formaldehyde", 40.0, "ug/m3")


def test_people_are_shown_each_step() -> None:
    code, output = run("--model", "milesight_am319", "--port", "85", "--hex", AM319)
    assert code == 0
    assert "port 85, 0367340104" in output
    assert "Milesight AM319 (HCHO)" in output
    assert "Line       indoor_climate,device=?" in output
    assert "Members: 9 stored." in output


@pytest.mark.parametrize("digits", ["036734", "0367340104FFFF", f"20CE00000000{'00' * 18}"])
def test_a_broken_frame_is_refused_with_its_reason(digits: str) -> None:
    code, found = run_json("--model", "milesight_am319", "--port", "85", "--hex", digits)
    assert code == 1
    assert not found["accepted"]
    assert found["told"][0]["refused"]["reason"] == Reason.BROKEN_FRAME
    assert "broken_frame: " in run("--model", "milesight_am319", "--port", "85", "--hex", digits)[1]


SAMPLES = {
    "ams": (LIST_2, ("--model", "ams_reader", "--received", format_time(RECORDED_MS))),
    "chirpstack": (CHIRPSTACK_UPLINK, ()),
    "esphome": (b"21.4", ("--type", "indoor_climate")),
    "han": (KAIFA_LIST_1, ("--model", "ams_reader")),
    "homie": (b"21.4", ()),
    "plain": (b"21.4", ()),
    "senml": (json.dumps(ONE).encode(), ()),
    "shelly": (FULL, ()),
    "sparkplug": (NBIRTH, ()),
    "tasmota": (BME280, ("--model", "tasmota_climate")),
    "tts": (TTS_UPLINK, ()),
    "zigbee2mqtt": (CLIMATE, ("--model", "zigbee_climate")),
}


@pytest.mark.parametrize("key", SAMPLES)
def test_a_documented_sample_is_accepted_on_the_assumed_topic(key: str) -> None:
    payload, words = SAMPLES[key]
    code, found = run_json("--source", key, *words, "-", given=payload)
    assert (code, found["refused"], found["topic_assumed"]) == (0, None, True)
    assert found["told"]
    assert any(one["moments"] for one in found["told"]) or not words
    code, output = run("--source", key, *words, "-", given=payload)
    assert code == 0
    assert "assumed" in output


def test_every_format_has_a_topic_to_assume_and_listens_to_it() -> None:
    assert set(SAMPLE_TOPICS) == {*load_formats(), NATIVE}
    for key, format_of in load_formats().items():
        source = open_source(format_of, key)
        filters = [compile_filter(one) for one in format_of.list_filters(source)]
        assert key == "plain" or any(one.fullmatch(find_sample_topic(source, b"")) for one in filters), key


def test_the_assumed_topic_is_that_of_the_device_in_the_payload() -> None:
    uplink = json.loads(TTS_UPLINK)
    uplink["end_device_ids"] |= {"device_id": "stue", "application_ids": {"application_id": "bygg"}}
    code, found = run_json("--source", "tts", "-", given=json.dumps(uplink))
    assert (code, found["topic"]) == (0, "v3/bygg/devices/stue/up")
    uplink = json.loads(CHIRPSTACK_UPLINK)
    uplink["deviceInfo"] |= {"devEui": "24e124136b502217", "applicationId": "bygg"}
    code, found = run_json("--source", "chirpstack", "-", given=json.dumps(uplink))
    assert (code, found["topic"]) == (0, "application/bygg/device/24e124136b502217/event/up")
    uplink["deviceInfo"]["devEui"] = "a/#"
    assert run_json("--source", "chirpstack", "-", given=json.dumps(uplink))[0] == 1


def test_a_guess_is_named_and_taken_where_it_is_the_only_one() -> None:
    uplink = json.loads(TTS_UPLINK)
    uplink["uplink_message"] |= {"f_port": 85, "frm_payload": "A2c0AQRoZQ=="}
    uplink["uplink_message"]["version_ids"] |= {"brand_id": "milesight-iot", "model_id": "am319-hcho"}
    code, found = run_json("--source", "tts", "-", given=json.dumps(uplink))
    assert (code, found["told"][0]["model"], found["told"][0]["guessed"]) == (0, "milesight_am319", True)
    uplink["uplink_message"]["version_ids"]["model_id"] = "em300-di"
    code, found = run_json("--source", "tts", "-", given=json.dumps(uplink))
    assert (code, found["told"][0]["model"]) == (0, None)
    assert found["told"][0]["guesses"] == ["milesight_em300_di", "milesight_em300_di_water"]
    assert (
        "milesight_em300_di or milesight_em300_di_water: say --model"
        in run("--source", "tts", "-", given=json.dumps(uplink))[1]
    )


def test_a_guess_goes_by_whole_words_and_the_longest_hint() -> None:
    assert guess_models("AM319-O3", "tts") == ("milesight_am319_o3",)
    assert guess_models("AM319", "tts") == ("milesight_am319",)
    assert guess_models("timers", "tts") == ()
    assert guess_models("AM319", "tasmota") == ()
    assert guess_models("", "tts") == ()
    assert guess_models("nwave/ncc405fm", "tts") == ()  # the same maker's counter
    assert guess_models("digital-matter/yabby-edge", "tts") == ()


# As The Things Stack joins brand and model of the device repository, and as people call ChirpStack's device profiles.
@pytest.mark.parametrize(
    ("product", "key"),
    [
        ("adeunis/pulse", None),  # at a water meter or an electricity meter: nobody but people knows
        ("Milesight EM300-DI", None),
        ("milesight-iot/em500-smtc", None),  # editions with other scales on the same channels
        ("bosch/tps110", "bosch_tps110"),
        ("decentlab/dl-cws", "decentlab_dl_cws"),
        ("decentlab/dl-iam", "decentlab_dl_iam_room"),
        ("Decentlab DL-IAM classroom", "decentlab_dl_iam"),
        ("decentlab/dl-mbx", "decentlab_dl_mbx_level"),
        ("DL-MBX snow", "decentlab_dl_mbx"),
        ("decentlab/dl-pm", "decentlab_dl_pm"),
        ("decentlab/dl-trs12", "decentlab_dl_trs12"),
        ("digital-matter/oyster", "digital_matter_oyster"),
        ("dingtek/dc520", "dingtek_dc520"),
        ("dingtek/df703", "dingtek_df703"),
        ("dragino/ldds75-114", "dragino_ldds75"),
        ("dragino/lds02", "dragino_lds02"),
        ("dragino/lht65n", "dragino_lht65n"),
        ("LHT65N probe", "dragino_lht65n_probe"),
        ("dragino/lse01-114", "dragino_lse01"),
        ("elsys/ems-desk", "elsys_desk"),
        ("elsys/ems-door", "elsys_ems_door"),
        ("elsys/ers", "elsys_ers"),
        ("elsys/ers-co2", "elsys_ers"),
        ("Elsys ERS CO2 classroom", "elsys_ers_co2"),
        ("elsys/ers-eye", "elsys_ers_eye"),
        ("elsys/ers-sound", "elsys_ers_sound"),
        ("mclimate/vicki", "mclimate_vicki"),
        ("milesight-iot/am307", "milesight_am307"),
        ("milesight-iot/am308", "milesight_am308"),
        ("milesight-iot/am319-hcho", "milesight_am319"),
        ("milesight-iot/em300-mcs", "milesight_em300_mcs"),
        ("milesight-iot/em300-sld", "milesight_em300_sld"),
        ("milesight-iot/em300-th", "milesight_em300_th"),
        ("milesight-iot/em400-tld", "milesight_em400_tld"),
        ("milesight-iot/em500-co2", "milesight_em500_co2"),
        ("milesight-iot/em500-swl", "milesight_em500_swl"),
        ("milesight-iot/vs133", "milesight_vs133"),
        ("milesight-iot/vs341", "milesight_vs341"),
        ("milesight-iot/ws301", "milesight_ws301"),
        ("milesight-iot/ws302", "milesight_ws302"),
        ("nwave/nps405sm", "nwave_nps405"),
    ],
)
def test_a_product_is_guessed_to_be_one_model_where_its_use_is_plain(product: str, key: str | None) -> None:
    for format_key in ("tts", "chirpstack"):
        guesses = guess_models(product, format_key)
        assert guesses == (key,) if key else len(guesses) == 2


def test_members_are_refused_one_by_one() -> None:
    payload = '{"time":"2026-01-15T12:00:00Z","temperature":21,"humidity":400,"foo":1}'
    code, found = run_json("--source", "native", "--type", "indoor_climate", "-", given=payload)
    (moment,) = found["told"][0]["moments"]
    verdicts = {row["member"]: (row["verdict"], row["reason"]) for row in moment["rows"]}
    assert code == 1
    assert verdicts == {
        "temperature": (Verdict.STORED, None),
        "humidity": (Verdict.REFUSED, Reason.OUT_OF_RANGE),
        "foo": (Verdict.REFUSED, Reason.UNKNOWN_FIELD),
    }
    assert " temperature=21.0,delay=2.0 1768478400000" in moment["line"]


def test_of_a_reading_that_is_refused_as_a_whole_nothing_is_stored() -> None:
    payload = '{"time":"2026-01-15T12:00:00Z","temperature":900,"humidity":40}'
    code, found = run_json("--source", "native", "--type", "indoor_climate", "-", given=payload)
    (moment,) = found["told"][0]["moments"]
    verdicts = {row["member"]: row["verdict"] for row in moment["rows"]}
    assert (code, moment["line"], moment["refused"]["reason"]) == (1, None, Reason.OUT_OF_RANGE)
    assert verdicts == {"temperature": Verdict.REFUSED, "humidity": Verdict.NOT_STORED}


def test_of_a_format_that_tells_parts_no_field_is_required() -> None:
    payload = '{"temperature":900,"humidity":40}'
    code, found = run_json("--source", "zigbee2mqtt", "--model", "zigbee_climate", "-", given=payload)
    (moment,) = found["told"][0]["moments"]
    verdicts = {row["member"]: row["verdict"] for row in moment["rows"]}
    assert (code, moment["refused"]) == (1, None)
    assert moment["line"].endswith(" humidity=40.0,delay=0.0 1768478402000")
    assert verdicts == {"temperature": Verdict.REFUSED, "humidity": Verdict.STORED}


def test_of_a_message_that_no_field_takes_nothing_is_left_and_nothing_is_wrong() -> None:
    asked = ("--source", "zigbee2mqtt", "--model", "zigbee_climate", "-")
    code, found = run_json(*asked, given='{"action":"single"}')
    (moment,) = found["told"][0]["moments"]
    assert (code, moment["refused"], moment["line"]) == (0, None, None)
    assert "No field takes anything of it: nothing is stored." in run(*asked, given='{"action":"single"}')[1]


def test_what_no_field_takes_is_not_taken_and_no_fault() -> None:
    code, found = run_json(
        "--source", "zigbee2mqtt", "--model", "zigbee_climate", "-", given='{"temperature":20,"x":1,"humidity":null}'
    )
    rows = {row["member"]: row for row in found["told"][0]["moments"][0]["rows"]}
    assert (code, found["accepted"]) == (0, True)
    assert (rows["x"]["verdict"], rows["humidity"]["verdict"]) == (Verdict.NOT_TAKEN, Verdict.NOT_TAKEN)


def test_what_cannot_be_understood_without_what_came_before_is_refused() -> None:
    code, found = run_json(
        *("--source", "sparkplug", "--topic", "spBv1.0/Sparkplug B Devices/DDATA/Raspberry Pi/Pibrella", "-"),
        given=DDATA,
    )
    assert (code, found["refused"]["reason"]) == (1, Reason.MISSING_BIRTH)
    assert found["replies"]


def test_a_time_ahead_of_the_receipt_is_refused() -> None:
    payload = b'{"time":"2026-01-16T12:00:00Z","temperature":21}'
    decoding = decode_native(payload, load_device_types()["indoor_climate"], RECEIVED_MS)
    refused = decoding.told[0].moments[0].refused
    assert refused is not None
    assert refused.reason is Reason.FUTURE_TIME


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--model", "milesight_am391", "--port", "85", "--hex", "00"), "did you mean milesight_am319"),
        (("--source", "ttn", "--hex", "00"), "did you mean tts"),
        (("--source", "native", "--type", "indoor_climat", "--hex", "00"), "did you mean indoor_climate"),
        (("--source", "native", "--hex", "00"), "--type"),
        (("--source", "tts", "--model", "zigbee_climate", "--hex", "00"), "not as tts"),
        (("--source", "tts", "--port", "1", "--hex", "00"), "--port"),
        (("--hex", "00"), "--source"),
        (("--port", "1", "--hex", "00"), "no model"),
        (("--port", "1", "--hex", "00", "--model", "zigbee_climate"), "zigbee_climate does not"),
        (("--model", "milesight_am319", "--port", "85", "--hex", "0"), "hexadecimal"),
        (("--model", "milesight_am319", "--port", "85"), "Say one payload"),
        (("--source", "tts", "/nonexistent"), "cannot be read"),
        (("--source", "tts", "--hex", "00", "/nonexistent"), "Say one payload"),
        (("--model", "adeunis_pulse", "--port", "1", "--hex", "00"), "needs litres_per_pulse"),
        (("--model", "milesight_am319", "--port", "1", "--hex", "00", "--parameter", "x=1"), "no parameter x"),
        (("--model", "adeunis_pulse", "--port", "1", "--hex", "00", "--parameter", "litres_per_pulse"), "NAME=NUMBER"),
        (("--source", "plain", "--pattern", "x/{member}", "--hex", "00"), "{address} once"),
        (("--source", "plain", "--pattern", "{address}/#", "--hex", "00"), "without + and #"),
        (("--source", "zigbee2mqtt", "--root", "#", "--hex", "00"), "without + and #"),
        (("--source", "zigbee2mqtt", "--root", "", "--hex", "00"), "the beginning of topics"),
        (("--source", "tts", "--hex", "00", "--received", "never"), "--received"),
    ],
)
def test_wrong_usage_is_a_sentence(words: tuple[str, ...], told: str) -> None:
    code, output = run(*words)
    assert code == 2
    assert told in output
    code, found = run_json(*words)
    assert code == 2
    assert told in found["error"]


@pytest.mark.parametrize("value", ["4100", "fb7ff8000000000000", "81fb7ff0000000000000", "1bffffffffffffffff", "a0"])
def test_what_json_cannot_have_is_shown_all_the_same(value: str) -> None:
    words = ("--source", "native", "--type", "indoor_climate", "--hex", f"a16b74656d7065726174757265{value}")  # CBOR
    assert run_json(*words)[0] == run(*words)[0] == 1


def test_a_file_is_read_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(CLIMATE)
    code, found = run_json("--source", "zigbee2mqtt", "--topic", "zigbee2mqtt/stue", str(file))
    assert (code, found["told"][0]["said"]["address"], found["topic_assumed"]) == (0, "stue", False)
    assert found["told"][0]["said"]["members"] == {"temperature": 27.34, "humidity": 44.72}


def test_patterns_and_root_place_the_topics() -> None:
    source = Source(
        key="x", format_key="zigbee2mqtt", root="hall", zone_info=open_source(load_formats()["tts"], "tts").zone_info
    )
    assert find_sample_topic(source, b"") == "hall/my_plug"
    code, found = run_json("--source", "zigbee2mqtt", "--root", "hall", "-", given=CLIMATE)
    assert (code, found["topic"]) == (0, "hall/my_plug")
    code, found = run_json("--source", "plain", "--pattern", "hage/{address}/{member}", "-", given="21.4")
    assert (code, found["told"][0]["said"]["members"]) == (0, {"value": 21.4})


MODELS = sorted(load_models().items())


@pytest.mark.parametrize(("key", "model"), MODELS, ids=[key for key, _ in MODELS])
def test_examples_of_models_become_the_lines_that_they_say(key: str, model: Model) -> None:
    for example in model.examples:
        if example.frame is None:
            continue
        port, digits = example.frame
        chosen = choose_model(model, "", example.parameters)
        told = decode_frame(Frame(port, bytes.fromhex(digits)), RECEIVED_MS, chosen).told[0]
        expected = (example.fields,) if isinstance(example.fields, str) else example.fields
        lines = [set(one.line.split(" ")[1].rsplit(",delay=", 1)[0].split(",")) for one in told.moments if one.line]
        assert lines == [set(one.split(",")) for one in expected if one], key
        stored = [{row.field for row in one.rows if row.verdict is Verdict.STORED} for one in told.moments if one.line]
        assert stored == [{pair.partition("=")[0] for pair in line} for line in lines], key


@pytest.mark.parametrize("key", sorted(load_device_types()))
def test_native_lines_are_those_of_the_collector(key: str) -> None:
    device_type = load_device_types()[key]
    for example in device_type.examples:
        batch = make_processor().process([make_message(key, example.payload)])
        decoding = decode_native(example.payload.encode(), device_type, RECEIVED_MS)
        lines = [one.line for told in decoding.told for one in told.moments if one.line]
        written = [
            line.decode().split(" ", 1)[1]
            for line in (*batch.lines, *batch.health_lines)
            if line.startswith(f"{key},".encode())
        ]
        assert [line.split(" ", 1)[1] for line in lines] == written
        assert decoding.has_refusal == bool(batch.quarantined)


def test_any_bytes_are_answered() -> None:
    for key, format_of in load_formats().items():
        source = open_source(format_of, key)
        for payload in (b"", b"\xff", b"{", b"[]", b"\x00" * 9, b'{"a":1e999}', b"nan"):
            decode_message(source, find_sample_topic(source, payload), payload, RECEIVED_MS, Chosen())
    for payload in (b"", b"\xff", b"{}", b"[]", CODEC.encode(CODEC.decode(b"{}")[0])):
        decode_native(payload, load_device_types()["indoor_climate"], RECEIVED_MS)
