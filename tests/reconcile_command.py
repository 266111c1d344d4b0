"""``gjovik reconcile`` as tests ask it, and stores that a collector need not run for."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import gjovik
from ingest.batch import Batch, Mark, Point
from ingest.settings import Store as StoreSettings
from ingest.store import Store
from ingest.store_hours import HOUR_MS
from simulators.testbed.collector import render_settings
from simulators.testbed.influxd import Influxd


class Answered:
    """What the command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def findings(self) -> Mapping[str, Any]:
        """What it found, where it was asked for JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> str:
        """What went wrong, where it was asked for JSON."""
        return str(self.findings["error"])

    @property
    def agrees(self) -> bool:
        """Whether it says that all is there, in both ways that it can."""
        return self.code == 0 and bool(self.findings["agree"])


async def ask(settings: Path, *arguments: str) -> Answered:
    """Run the command in a thread, which spares the start of a process."""
    line = ["reconcile", "--settings", str(settings), *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, gjovik.app, line)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answered(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True, slots=True)
class Books:
    """Stores and a database, without a collector.

    Attributes:
        folder: Of the settings; each store has a folder in it.
        influxd: Real InfluxDB.
        database: Of this test alone.
        begin_ms: Begin of an hour some hours ago, milliseconds since 1970 in UTC.
    """

    folder: Path
    influxd: Influxd
    database: str
    begin_ms: int

    def write_settings(self, url: str | None = None) -> Path:
        """Return a file of settings for the store ``a`` and the database, or what stands before it."""
        password, settings = self.folder / "password", self.folder / "collector.toml"
        password.write_text(self.influxd.password)
        influx = {"url": url or self.influxd.url, "database": self.database, "username": self.influxd.username}
        store = {"folder": str(self.folder / "a")}
        settings.write_text(render_settings({"influx": influx | {"password_file": str(password)}, "store": store}))
        return settings

    async def ask(self, *arguments: str) -> Answered:
        """Run the command for programs."""
        return await ask(self.write_settings(), "--json", *arguments)

    @contextmanager
    def open_store(self, name: str = "a") -> Iterator[Store]:
        """Open one of the stores."""
        store = Store.open(StoreSettings(folder=self.folder / name, reserve_bytes=0))
        try:
            yield store
        finally:
            store.close()

    def make_line(self, seq: int, at_s: float | None = None, *, simulated: bool = False, delay_s: float = 0.5) -> str:
        """Return the line of a reading, by default as many seconds after the begin as its number says."""
        tag = ",simulated=true" if simulated else ""
        time_ms = self.begin_ms + round((seq if at_s is None else at_s) * 1000)
        return f"indoor_climate,device=climate-1{tag},site=hall seq={seq}.0,delay={delay_s} {time_ms}"

    async def accept(self, lines: Sequence[str], *, store: str = "a", lost: Sequence[str] = ()) -> None:
        """Do what a collector does with new readings, all of which reach InfluxDB but those that are lost there."""
        with self.open_store(store) as opened:
            entries = opened.commit(make_batch([*lines, *lost]), self.begin_ms - 4 * HOUR_MS)
            if lines:
                await self.influxd.write("\n".join(lines), self.database)
            opened.remove([entry.id for entry in entries])


def make_batch(lines: Sequence[str]) -> Batch:
    """Return the batch of new readings of one device."""
    times = [int(line.rpartition(" ")[2]) for line in lines]
    marks = [Mark("climate-1", time_ms, number, ("seq",), Point.NEW) for number, time_ms in enumerate(times)]
    return Batch(lines=[line.encode() for line in lines], marks=marks)
