"""Peers: the parts around a collector, which are opened for it."""

from typing import NamedTuple

from ingest.alert_publisher import AlertPublisher
from ingest.mqtt import Broker
from ingest.store_thread import StoreThread
from ingest.target import Target
from ingest.writer import Writer


class Peers(NamedTuple):
    """What a collector is in the middle of.

    Attributes:
        broker: Where messages come from.
        store: Its disk.
        writer: The way to InfluxDB; woken when there is something to write.
        publisher: The way to operators; woken when an alert fired or cleared.
        health_writer: The way to the database for health; None where there is none, and then what is for it waits.
    """

    broker: Broker
    store: StoreThread
    writer: Writer
    publisher: AlertPublisher
    health_writer: Writer | None = None

    @property
    def writers(self) -> list[Writer]:
        """The ways to InfluxDB that there are."""
        return [self.writer] if self.health_writer is None else [self.writer, self.health_writer]

    def find_writer(self, target: Target) -> Writer | None:
        """Return the way to a database."""
        return self.health_writer if target is Target.HEALTH else self.writer
