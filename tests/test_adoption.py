"""Unknown devices on real servers: discovered, adopted, and what they sent before stored at its time."""

import asyncio
import re
import shlex
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ingest.inventory_writing import locked
from ingest.models import load_models
from tests.stand import Stand, climate
from tests.test_devices_cli import run_json
from tests.test_quarantine_cli import ask, check_moves, gjovik, select_times
from tests.test_sources import Servers, broker, servers, stand, wait_rows

__all__ = ["broker", "servers", "stand"]

STRANGER = "24E124136B502099"
KNOWN = f"lorawan:{STRANGER}"
COMMON = ("--site", "hall")


@pytest.fixture(autouse=True)
def _tell_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands know the sources of the collector."""
    monkeypatch.setenv("GJOVIK_SOURCES", str(tmp_path / "sources"))


async def tell(stand: Stand, *words: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON of a command about devices that ends with a code; in this process, which is quicker."""
    ended, answer = await asyncio.to_thread(run_json, stand.collector.settings, *words)
    assert ended == code, answer
    return answer


async def discover(stand: Stand, *words: str) -> dict[str, dict[str, Any]]:
    """Return the unknown devices by their id."""
    found = await tell(stand, "discovered", *words)
    return {one["id"]: one for one in found["discovered"]}


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return what every file of a folder holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_unknown_devices_are_discovered_and_adopted_with_what_they_sent_before(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    earlier_ms = now_ms - 3_600_000
    await servers.uplink(STRANGER, 1, earlier_ms)
    await servers.uplink(STRANGER, 2, now_ms)
    times = [now_ms - 60_000 + 1000 * number for number in range(5)]
    await stand.publish("climate-9", [climate(one, number, co2=600.0) for number, one in enumerate(times)])
    await stand.wait_received(7)
    found = await discover(stand)
    assert found.keys() == {KNOWN, "climate-9"}
    uplinks, native = found[KNOWN], found["climate-9"]
    assert (uplinks["source"], uplinks["format"], uplinks["product"]) == ("lorawan", "chirpstack", "AM319")
    assert (uplinks["grounds"], uplinks["entries"]) == ("product", 2)
    assert {"type": "indoor_climate", "model": "milesight_am319"} in uplinks["guesses"]
    assert (native["format"], native["site"], native["entries"]) == ("native", "hall", 5)
    assert "indoor_climate" in [one["type"] for one in native["guesses"]]
    assert "temperature=20.0" in native["says"]
    assert (await discover(stand, "--source", "lorawan")).keys() == {KNOWN}
    assert await discover(stand, "--source", "zigbee") == {}
    shown = (await gjovik(stand, "devices", "discovered")).stdout
    assert all(one in shown for one in (KNOWN, "climate-9", "AM319", "milesight_am319"))

    before = read_folder(stand.inventory)
    words = ("adopt", KNOWN.lower(), *COMMON, "--model", "milesight_am319", "--id", "room-9")
    tried = await tell(stand, *words, "--dry-run")
    assert (tried["written"], read_folder(stand.inventory)) == (False, before)
    adopted = await tell(stand, *words, "--component", "+A=360.001-RT009")
    assert (adopted["reloaded"], adopted["reprocessed"], adopted["kept"]) == (True, 2, {})
    adopted = await tell(stand, "adopt", "climate-9", "--type", "indoor_climate")
    assert (adopted["reloaded"], adopted["reprocessed"], adopted["kept"]) == (True, 5, {})
    assert before.items() < read_folder(stand.inventory).items()
    rows = await wait_rows(stand, "SELECT temperature FROM indoor_climate WHERE device = 'room-9'", 2)
    assert rows == [(earlier_ms, 30.8), (now_ms, 30.8)]
    assert await select_times(stand, "climate-9") == times
    assert await discover(stand) == {}
    assert "reload by" in stand.collector.log.read_text()
    asked = (await ask(stand, "quarantine", "requests"))["requests"]
    assert [one["kind"] for one in asked] == ["reprocess", "reload", "reprocess", "reload"]
    assert asked[-1]["outcome"] == "6 devices and 1 rules are in use"
    check_moves(stand)


async def test_of_a_private_source_it_is_told_what_is_lost_and_what_to_do(
    stand: Stand, servers: Servers, now_ms: int
) -> None:
    dwelling = ("dwelling", "--type", "asset_tracker", *COMMON, "--source", "lorawan", "--address", "70b3d57050000001")
    (model,) = (key for key, one in load_models().items() if one.device_type == "asset_tracker" and "fields" not in key)
    await tell(stand, "add", *dwelling, "--model", model)
    for counter in (1, 2):
        await servers.uplink(STRANGER, counter, now_ms - 60_000 + counter)
    await stand.wait_received(2)
    found = (await discover(stand))[KNOWN]
    assert (found["entries"], found["says"], found["guesses"]) == (2, "", [])
    assert "source is private" in found["note"]
    refused = await tell(stand, "adopt", KNOWN, *COMMON, code=2)
    assert "Say --model" in refused["error"]
    assert "look at its label" in refused["error"]
    words = ("adopt", KNOWN, *COMMON, "--model", "milesight_am319", "--id", "room-9")
    ended = await gjovik(stand, "devices", *words)
    assert ended.returncode == 1
    assert "what it has sent until now is lost; what it sends from now on is taken" in ended.stdout
    await servers.uplink(STRANGER, 3, now_ms)
    rows = await wait_rows(stand, "SELECT temperature FROM indoor_climate WHERE device = 'room-9'", 1)
    assert rows == [(now_ms, 30.8)]
    (told,) = re.findall(r"`gjovik (quarantine discard [^`]+)`", ended.stdout)
    assert (await gjovik(stand, *shlex.split(told), "--yes")).returncode == 0
    assert await discover(stand) == {}
    check_moves(stand)


async def test_a_wrong_adoption_changes_nothing(stand: Stand, servers: Servers, now_ms: int) -> None:
    await servers.uplink(STRANGER, 1, now_ms)
    await stand.wait_received(1)
    before = read_folder(stand.inventory)
    model = ("--model", "milesight_am319")
    for words, told in (
        ((KNOWN, "--site", "hal", *model), "hall"),
        ((KNOWN, *COMMON, *model, "--zone", "third"), "first"),
        ((KNOWN, *COMMON, "--model", "milesight_am3199"), "milesight_am319"),
        ((KNOWN, *COMMON, "--model", "zigbee_plug"), "lorawan is chirpstack"),
        ((KNOWN, *COMMON, *model, "--type", "noise"), "milesight_am319 is indoor_climate"),
        ((KNOWN, *COMMON, *model, "--id", "climate-1"), "in the inventory already"),
        ((KNOWN, *COMMON, *model, "--id", "Rom 9"), "lower-case"),
        ((KNOWN, *COMMON, *model, "--component", "360"), "TFM"),
        ((KNOWN, *COMMON, *model, "--parameter", "depth=1"), "no such parameter"),
        ((KNOWN[:-1], *COMMON, *model), KNOWN),
        (("climate-1", *COMMON), "in the inventory already"),
    ):
        ended = await tell(stand, "adopt", *words, code=2)
        assert told in ended["error"], ended
    (stand.rules / "room-too-cold.toml").write_text("field = 1")
    assert "room-too-cold.toml" in (await tell(stand, "adopt", KNOWN, *COMMON, *model, code=2))["error"]
    assert read_folder(stand.inventory) == before
    assert (await discover(stand)).keys() == {KNOWN}
    assert "reload" not in stand.collector.log.read_text()


async def test_what_the_collector_refuses_is_undone(
    stand: Stand, servers: Servers, now_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await servers.uplink(STRANGER, 1, now_ms)
    await stand.wait_received(1)
    before = read_folder(stand.inventory)
    # The collector looks for a source that the command's own settings do not name.
    (tmp_path / "sources" / "broken.toml").write_text("format = 1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "lorawan.toml").write_text('format = "chirpstack"\n')
    (other / "zigbee.toml").write_text('format = "zigbee2mqtt"\n')
    (other / "building.toml").write_text('format = "sparkplug"\n')
    monkeypatch.setenv("GJOVIK_SOURCES", str(other))
    ended = await tell(stand, "adopt", KNOWN, *COMMON, "--model", "milesight_am319", code=2)
    assert "broken.toml" in ended["error"]
    assert read_folder(stand.inventory) == before
    assert (await discover(stand)).keys() == {KNOWN}


async def test_a_stopped_collector_reads_the_entry_when_it_starts(stand: Stand, now_ms: int) -> None:
    await stand.publish("climate-9", [climate(now_ms, 1)])
    await stand.wait_received(1)
    await stand.collector.stop()
    adopted = await tell(stand, "adopt", "climate-9", "--type", "indoor_climate")
    assert (adopted["written"], adopted["reloaded"], adopted["reprocessed"]) == (True, False, 1)
    await stand.collector.start()
    assert await select_times(stand, "climate-9") == [now_ms]


async def test_two_adoptions_at_once_are_both_in_the_inventory(stand: Stand, now_ms: int) -> None:
    names = [f"climate-{number}" for number in range(5, 9)]
    for name in names:
        await stand.publish(name, [climate(now_ms, 1)])
    await stand.wait_received(len(names))
    words = ("--type", "indoor_climate")
    adopted = await asyncio.gather(*(ask(stand, "devices", "adopt", name, *words) for name in names))
    assert [one["reprocessed"] for one in adopted] == [1] * len(names)
    listed = (await ask(stand, "devices", "list"))["devices"]
    assert {one["id"] for one in listed} >= set(names)
    text = (stand.inventory / "adopted.toml").read_text()
    assert text.count("[[device]]") == len(names)
    assert text.count("# Devices that") == 1


async def test_a_device_that_was_not_heard_yet_is_added_and_heard_at_once(stand: Stand, now_ms: int) -> None:
    day = time.strftime("%Y-%m-%d", time.localtime(now_ms / 1000 - 86_400))
    words = ("climate-7", "--type", "indoor_climate", *COMMON, "--from", day)
    (stand.inventory / "adopted.toml").write_text("# skrevet for hånd\n[[device]]\nid = 'x-1'\ntype = 'street_light'\n")
    assert "placements" in (await tell(stand, "add", *words, code=2))["error"]
    (stand.inventory / "adopted.toml").unlink()
    added = await tell(stand, "add", *words)
    assert (added["written"], added["reloaded"]) == (True, True)
    await stand.publish("climate-7", [climate(now_ms, 1)])
    await stand.wait_received(1)
    assert await select_times(stand, "climate-7") == [now_ms]
    assert "in the inventory already" in (await tell(stand, "add", *words, code=2))["error"]


async def test_devices_of_a_spreadsheet_are_in_use_when_the_command_ends(
    stand: Stand, now_ms: int, tmp_path: Path
) -> None:
    file = tmp_path / "enheter.csv"
    rows = "".join(f"rom-{number};indoor_climate;01.01.2025;;hall;first\r\n" for number in range(20))
    file.write_bytes(f"Enhet;Type;Fra;Til;Sted;Sone\r\n{rows}".encode("utf-8-sig"))
    done = await tell(stand, "import", str(file))
    assert (len(done["added"]), done["written"], done["reloaded"]) == (20, True, True)
    await stand.publish("rom-7", [climate(now_ms, 1)])
    await stand.wait_received(1)
    assert await select_times(stand, "rom-7") == [now_ms]


def test_only_one_command_changes_an_inventory_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []

    def change() -> None:
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        other = threading.Thread(target=change)
        other.start()
        other.join(0.3)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]
