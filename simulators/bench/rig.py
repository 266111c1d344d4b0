"""Rig: servers, publisher and Subjects of one measurement, all running."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from ingest.accounts import COLLECTOR, make_password
from simulators.bench.load import write_inventory
from simulators.bench.order import Start
from simulators.bench.plan import Plan, Tell
from simulators.bench.publisher_process import PublisherProcess, run_publisher
from simulators.bench.rules import write_rules
from simulators.bench.subject import Place, Subject
from simulators.testbed.influxd import Influxd, run_influxd
from simulators.testbed.mosquitto import Mosquitto, run_mosquitto
from simulators.testbed.process import ProgramError
from simulators.testbed.server import Server
from simulators.testbed.usage import read_cpu_s, read_machine_s

DATABASE = "sensors"
GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Everything that runs.

    Attributes:
        broker: Mosquitto.
        influxd: InfluxDB.
        publisher: Connected.
        subjects: Subscribed.
        start_s: Seconds that the Subjects took to get there.
        folder: Gets the traces.
    """

    broker: Mosquitto
    influxd: Influxd
    publisher: PublisherProcess
    subjects: Sequence[Server]
    start_s: float
    folder: Path

    def read_cpu(self) -> "Cpu":
        """Return the processor time that each has used so far."""
        working_s, all_s = read_machine_s()
        return Cpu(
            subjects=sum(read_cpu_s(find_pid(each)) for each in self.subjects),
            broker=read_cpu_s(find_pid(self.broker)),
            database=read_cpu_s(find_pid(self.influxd)),
            publisher=read_cpu_s(self.publisher.pid),
            working=working_s,
            machine=all_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Processor time in seconds.

    Attributes:
        subjects: Of all Subjects.
        broker: Of Mosquitto.
        database: Of InfluxDB.
        publisher: Of publisher and taps.
        working: Of everything on the machine.
        machine: That there was to spend, on all cores.
    """

    subjects: float
    broker: float
    database: float
    publisher: float
    working: float
    machine: float

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was spent since an earlier moment."""
        return Cpu(**{part.name: getattr(self, part.name) - getattr(before, part.name) for part in fields(self)})

    @property
    def elsewhere(self) -> float:
        """Share of the machine, 0 to 1, that something else took."""
        ours = self.subjects + self.broker + self.database + self.publisher
        return max(0.0, (self.working - ours) / self.machine) if self.machine else 0.0


@asynccontextmanager
async def run_rig(subject: Subject, plan: Plan, folder: Path, tell: Tell) -> AsyncIterator[Rig]:
    """Run servers, publisher and Subjects until the block ends.

    Args:
        subject: What is to be measured.
        plan: With which load, and how many Subjects.
        folder: New; gets everything.
        tell: Is told what happens.

    Raises:
        ProgramError: A server or a Subject is missing, or does not start.
        PublishError: The publisher does not start.
    """
    tell("the servers start")
    names = [COLLECTOR, *(f"{COLLECTOR}-{number}" for number in range(2, len(plan.divisions) + 1))]
    accounts = {name: make_password() for name in (*names, GATEWAY)}
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(
            run_mosquitto(folder / "mosquitto", accounts, collectors=names[1:], gateways=[GATEWAY])
        )
        influxd = await stack.enter_async_context(run_influxd(folder / "influxdb"))
        await influxd.create_database(DATABASE)
        start = Start(
            port=broker.port,
            account=GATEWAY,
            password=accounts[GATEWAY],
            devices=plan.devices,
            taps=len(names),
            folder=str(folder),
        )
        publisher = await stack.enter_async_context(run_publisher(start, folder))
        tell(f"the {subject.name} starts")
        places = _make_places(plan, folder, names, publisher.ports, (broker, influxd))
        subjects = [subject.make(place) for place in places]
        for each in subjects:
            stack.push_async_callback(each.stop)
        begun_s = time.monotonic()
        await asyncio.gather(*(each.start() for each in subjects))
        start_s = time.monotonic() - begun_s
        yield Rig(
            broker=broker, influxd=influxd, publisher=publisher, subjects=subjects, start_s=start_s, folder=folder
        )


def _make_places(
    plan: Plan, folder: Path, names: Sequence[str], ports: Sequence[int], servers: tuple[Mosquitto, Influxd]
) -> list[Place]:
    """Return a place for each Subject, with a folder that exists."""
    inventory, rules = _write_configuration(folder, plan)
    places = [
        Place(
            folder=folder / name,
            broker=servers[0],
            port=port,
            account=name,
            influxd=servers[1],
            database=DATABASE,
            inventory=inventory,
            rules=rules,
            division=division,
        )
        for name, port, division in zip(names, ports, plan.divisions, strict=True)
    ]
    for place in places:
        place.folder.mkdir()
    return places


def _write_configuration(folder: Path, plan: Plan) -> tuple[Path, Path]:
    """Write inventory and rules, and return their folders."""
    inventory, rules = folder / "inventory", folder / "rules"
    inventory.mkdir()
    rules.mkdir()
    write_inventory(inventory, plan.devices)
    write_rules(rules, plan.rules)
    return inventory, rules


def find_pid(server: Server) -> int:
    """Return the process of a server that must run.

    Raises:
        ProgramError: It has ended.
    """
    if server.pid is None:
        raise ProgramError(f"{server.log.stem} ended by itself with exit code {server.exit_code}; see {server.log}")
    return server.pid
