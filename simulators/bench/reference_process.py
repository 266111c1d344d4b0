"""The reference as a Subject: ``simulators.bench.reference``, a process of its own."""

import sys
from pathlib import Path

from ingest.accounts import write_private
from simulators.bench.subject import Place, Subject
from simulators.testbed.process import Program
from simulators.testbed.server import Server

ROOT = Path(__file__).parents[2]
MODULE = "simulators.bench.reference"
SUBSCRIBED = "subscribed to"
"""What it logs when readings come; see ``simulators.bench.reference``, which is not imported for its libraries."""
START_S = 30.0


class ReferenceProcess(Server):
    """The reference, not started yet.

    Args:
        place: Where it runs.
        flags: Further arguments, for example ``--gzip``.
    """

    def __init__(self, place: Place, flags: tuple[str, ...] = ()) -> None:
        folder = place.folder.absolute()
        write_private(folder / "mqtt-password", place.password + "\n", mode=0o600)
        write_private(folder / "influx-password", place.influxd.password + "\n", mode=0o600)
        arguments = {
            "--host": place.host,
            "--port": str(place.port),
            "--username": place.account,
            "--password-file": str(folder / "mqtt-password"),
            "--url": place.influxd.url,
            "--database": place.database,
            "--influx-username": place.influxd.username,
            "--influx-password-file": str(folder / "influx-password"),
        }
        told = [text for pair in arguments.items() for text in pair]
        command = (sys.executable, "-m", MODULE, *told, *flags)
        super().__init__(Program(command, folder=ROOT, log=folder / "reference.log"), drain_s=40.0)

    async def start(self) -> None:
        """Start it and return when it is subscribed.

        Raises:
            ProgramError: When it ends, or is not ready in time.
        """
        before = self._program.count_in_log(SUBSCRIBED)

        async def is_subscribed() -> bool:
            return self._program.count_in_log(SUBSCRIBED) > before

        await self._program.start(is_subscribed, deadline_s=START_S)


class Reference(Subject):
    """The obvious Python stack, as ``simulators.bench.reference`` describes it.

    Args:
        flags: Further arguments of the program.
    """

    name = "reference"

    def __init__(self, *flags: str) -> None:
        self._flags = flags

    def make(self, place: Place) -> ReferenceProcess:
        """Return the program; it takes the whole load, so ``place.division`` must be empty."""
        return ReferenceProcess(place, self._flags)
