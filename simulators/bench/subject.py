"""Subject: a program that is measured, and what it is given.

What a Subject must do, so that its figures can be compared with another's:

- connect to ``Place.host``, ``Place.port`` over MQTT 5 or 3.1.1, with its account and a persistent session, and
  subscribe to the load's topics (``load.FILTER``) with QoS 1;
- acknowledge in receive order: the n-th PUBACK is that of the n-th reading;
- write each reading to ``Place.database`` as measurement ``heat_meter`` with the tag ``device``, the fields of the
  payload and ``seq`` as floats, and its time in milliseconds.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulators.testbed.collector import CollectorProcess, Setup, Value
from simulators.testbed.influxd import Influxd
from simulators.testbed.mosquitto import Mosquitto
from simulators.testbed.server import Server

START_S = 300.0
"""With the largest inventories: how long it takes is a result, not a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a Subject runs.

    Attributes:
        folder: Its own, which exists; for settings, secrets, its log and what it stores.
        broker: Runs. Its port is not the Subject's: between them stands the tap.
        port: Of the tap, where the Subject connects.
        account: The Subject's at the broker; ``password`` belongs to it.
        influxd: Runs; the Subject is its user ``influxd.username``.
        database: Exists, and is empty.
        inventory: Folder of the inventory with the load's devices.
        rules: Folder of alert rules, none of which the load fires.
        division: Which part of the load it takes, as settings of the collector's part ``mqtt`` (``sites``, ``share``);
            empty for all of it.
    """

    folder: Path
    broker: Mosquitto
    port: int
    account: str
    influxd: Influxd
    database: str
    inventory: Path
    rules: Path
    division: Mapping[str, Value] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where the tap listens."""
        return self.broker.host

    @property
    def password(self) -> str:
        """Of the account."""
        return self.broker.accounts[self.account]


class Subject(ABC):
    """A kind of program that can be measured.

    Attributes:
        name: In results.
    """

    name: str

    @abstractmethod
    def make(self, place: Place) -> Server:
        """Return the program as a Server that is not started yet.

        Its ``start`` returns when it is subscribed, its ``pid`` is the process whose processor time and memory count,
        and its ``stop`` ends it in order.
        """


class Collector(Subject):
    """The collector, by the command that production runs, and with its default settings."""

    name = "collector"

    def make(self, place: Place) -> CollectorProcess:
        """Return a collector that takes simulated readings."""
        setup = Setup(
            place.inventory,
            place.rules,
            place.database,
            ingest={"accept_simulated": True},
            account=place.account,
            mqtt={"host": place.host, "port": place.port, **place.division},
            start_s=START_S,
        )
        return CollectorProcess(place.folder, place.broker, place.influxd, setup)
