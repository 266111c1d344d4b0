"""Reading a store from another process, while its collector runs or after it ended."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ingest.batch import AlertRecord, Ledger, QuarantineRow, UplinkFault
from ingest.incidents.incident import Incident, Step
from ingest.incidents.maintenance import Maintenance
from ingest.notify.delivery import Delivery, DeliveryState
from ingest.quarantine_filter import Filter
from ingest.settings import Quarantine as QuarantineSettings
from ingest.settings import Store as StoreSettings
from ingest.store_backup import Progress, copy_store
from ingest.store_deliveries import read_deliveries
from ingest.store_file import FILE, explain_errors, open_readonly
from ingest.store_groups import Group, Quotas, count_senders, list_groups, list_senders, measure_quotas
from ingest.store_hours import HourCount, read_hours
from ingest.store_incidents import IncidentFilter, count_incidents, find_incident, read_incidents, read_steps
from ingest.store_maintenance import read_maintenance, read_past_maintenance
from ingest.store_outbox import Depth, count_points, iterate_lines, join_depths, measure_outbox, read_depth
from ingest.store_quarantine import (
    count_quarantined,
    find_ids,
    find_newest,
    iterate_quarantine,
    read_quarantine,
)
from ingest.store_requests import PastRequest, read_requests
from ingest.store_reserve import Room, Usage
from ingest.store_rows import Moves, read_alerts, read_counts, read_ledger, read_moves
from ingest.store_uplinks import read_uplinks
from ingest.target import Target
from schemas.reason import Reason


class StoreReader:
    """A view of a store that changes nothing in it; see ``open_reader``."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._damaged_to_ms = 0

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have all that the block reads be of one moment. Keep it short: the write-ahead log grows meanwhile."""
        with explain_errors(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def ledger(self) -> Ledger:
        """Return the totals since the store was made."""
        with explain_errors(self._path):
            return read_ledger(self._connection)

    def moves(self) -> Moves:
        """Return what became of lines and quarantined entries after their commit, since the store was made."""
        with explain_errors(self._path):
            return read_moves(self._connection)

    def events(self) -> Counter[str]:
        """Return how often each event happened since the store was made."""
        with explain_errors(self._path):
            return Counter(read_counts(self._connection, "event"))

    def depth(self) -> Depth:
        """Return how much waits in the outbox; looks at each entry."""
        with explain_errors(self._path):
            return join_depths(
                read_depth(self._connection, measure_outbox(self._connection, target), target) for target in Target
            )

    def usage(self, settings: StoreSettings) -> Usage:
        """Return what the store takes of the disk; whether batches are refused is known to the collector alone."""
        with explain_errors(self._path):
            return Room(self._path.parent, settings).measure(self._connection)

    def reasons(self) -> Counter[Reason]:
        """Return how many entries the quarantine holds, by Reason."""
        with explain_errors(self._path):
            return count_quarantined(self._connection)

    def quarantine(
        self,
        where: Filter = Filter(),  # noqa: B008 - a tuple
        after_id: int | None = None,
        *,
        newest_first: bool = False,
    ) -> Iterator[QuarantineRow]:
        """Yield the quarantine's entries in order, read in pieces: a long look does not hold the collector up.

        Args:
            where: Which are meant.
            after_id: Entries up to this one, in that order, are left out.
            newest_first: Whether the order is the other way round.
        """
        with explain_errors(self._path):
            yield from iterate_quarantine(self._connection, where, after_id, newest_first=newest_first)

    def quarantine_ids(self, where: Filter, after_id: int, limit: int) -> tuple[int, ...]:
        """Return the ids of the next entries behind an id, at most so many."""
        with explain_errors(self._path):
            return find_ids(self._connection, where, after_id, limit)

    def newest(self, where: Filter, limit: int) -> list[QuarantineRow]:
        """Return the newest entries that are meant, the newest first, at most so many."""
        with explain_errors(self._path):
            return read_quarantine(self._connection, where, None, limit, newest_first=True)

    def oldest(self, where: Filter, limit: int) -> list[QuarantineRow]:
        """Return the oldest entries that are meant, in the order in which they came, at most so many."""
        with explain_errors(self._path):
            return read_quarantine(self._connection, where, None, limit)

    def newest_id(self) -> int:
        """Return the id of the quarantine's newest entry; 0 where there is none."""
        with explain_errors(self._path):
            return find_newest(self._connection)

    def requests(self, limit: int) -> list[PastRequest]:
        """Return the last requests of people, the newest first."""
        with explain_errors(self._path):
            return read_requests(self._connection, limit)

    def alerts(self) -> list[AlertRecord]:
        """Return where every rule stands for every subject that is not OK, or was not; in order of their names."""
        with explain_errors(self._path):
            return read_alerts(self._connection)

    def incidents(self, where: IncidentFilter, limit: int, after_id: int | None = None) -> list[Incident]:
        """Return incidents, the newest first; see ``ingest.store_incidents.read_incidents``."""
        with explain_errors(self._path):
            return read_incidents(self._connection, where, limit, after_id=after_id)

    def count_incidents(self, where: IncidentFilter) -> int:
        """Return how many incidents are meant."""
        with explain_errors(self._path):
            return count_incidents(self._connection, where)

    def incident(self, incident_id: int) -> tuple[Incident, list[Step]] | None:
        """Return an incident and its life; None where there is none with this id."""
        with self.snapshot():
            found = find_incident(self._connection, incident_id)
            return None if found is None else (found, read_steps(self._connection, incident_id))

    def present_maintenance(self, now_ms: int) -> list[Maintenance]:
        """Return the whiles of maintenance that are planned or active at a moment, milliseconds since 1970 in UTC."""
        with explain_errors(self._path):
            return read_maintenance(self._connection, now_ms)

    def deliveries(self, states: Collection[DeliveryState], after_id: int, limit: int) -> list[Delivery]:
        """Return messages to people in some states, in order of their ids."""
        with explain_errors(self._path):
            return read_deliveries(self._connection, states, after_id, limit)

    def maintenance(self, limit: int) -> list[Maintenance]:
        """Return the last whiles of maintenance, whether they ended or not, the newest first."""
        with explain_errors(self._path):
            return read_past_maintenance(self._connection, limit)

    def stats(self, where: Filter = Filter()) -> list[Group]:  # noqa: B008 - a tuple
        """Return the quarantine's groups, the largest first."""
        with explain_errors(self._path):
            return list_groups(self._connection, where)

    def senders(self, reason: Reason, source: str | None, limit: int) -> list[Group]:
        """Return the groups of one Reason, the largest first; see ``ingest.store_groups.list_senders``."""
        with explain_errors(self._path):
            return list_senders(self._connection, reason, source, limit)

    def count_senders(self, reason: Reason) -> int:
        """Return how many groups of one Reason there are."""
        with explain_errors(self._path):
            return count_senders(self._connection, reason)

    def uplinks(self, device: str) -> Mapping[UplinkFault, int]:
        """Return what was counted of the uplinks of a LoRaWAN device since the store was made."""
        with explain_errors(self._path):
            return read_uplinks(self._connection, device)

    def quotas(self, quarantine: QuarantineSettings) -> Quotas:
        """Return how far the quotas of the quarantine are used."""
        with explain_errors(self._path):
            return measure_quotas(self._connection, quarantine)

    def hours(self, from_ms: int, to_ms: int, device: str | None = None) -> Mapping[tuple[str, int], HourCount]:
        """Return the points that were accepted, by device and hour since 1970 in UTC.

        Args:
            from_ms: Begin, milliseconds since 1970 in UTC; the whole hour counts.
            to_ms: End, itself not included; likewise.
            device: Only this one.
        """
        with explain_errors(self._path):
            if self._connection.in_transaction:
                counts, damaged_to_ms = read_hours(self._connection, from_ms, to_ms, device)
            else:
                with self.snapshot():
                    counts, damaged_to_ms = read_hours(self._connection, from_ms, to_ms, device)
        self._damaged_to_ms = max(self._damaged_to_ms, damaged_to_ms)
        return counts

    def hours_since_ms(self) -> int | None:
        """Return since when all accepted points are counted, milliseconds since 1970 in UTC; None before the first.

        Not before the end of an hour that ``hours`` found damaged: the collector knows only of those it wrote anew.
        """
        with explain_errors(self._path):
            since_ms = read_counts(self._connection, "hours").get("since_ms")
        return None if since_ms is None else max(since_ms, self._damaged_to_ms)

    def outbox_points(self, from_ms: int, to_ms: int, device: str | None = None) -> Counter[tuple[str, int]]:
        """Return how many lines of readings still wait, by device and hour; see ``hours``."""
        with explain_errors(self._path):
            return count_points(self._connection, from_ms, to_ms, device)

    def outbox_lines(self, after_id: int = 0) -> Iterator[tuple[int, list[bytes]]]:
        """Yield id and lines of each entry of the outbox behind an id, in the order in which they came."""
        with explain_errors(self._path):
            yield from iterate_lines(self._connection, after_id)

    def backup(self, path: Path, progress: Progress | None = None) -> None:
        """Make a copy that is consistent while the collector writes; see ``ingest.store_backup.copy_store``."""
        with explain_errors(self._path):
            copy_store(self._connection, path, progress)


@contextmanager
def open_reader(folder: Path) -> Iterator[StoreReader]:
    """Open the store in a folder for reading.

    Raises:
        StoreVersionError: Another version of the collector made the file.
        StoreError: There is no store, or it cannot be read.
    """
    path = folder / FILE
    with closing(open_readonly(path)) as connection:
        yield StoreReader(path, connection)
