"""Tally: what a fleet published and what the broker answered, by device and sequence number.

It is the publisher's side of the proof: it is compared with what InfluxDB and the quarantine hold. Sequence numbers of
a device begin at 0 and grow by one with every message, good or bad; a tally that is loaded goes on where it ended.

The file has a JSON object a line, one for each device: ``device``; ``answers``, a letter for each sequence number
(``Outcome``); ``sha256``, the hashes of the payloads one after the other, 32 bytes each, in base64.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from simulators.errors import TallyError

HASH_BYTES = 32


class Outcome(StrEnum):
    """What became of a message at the broker."""

    WAITING = "w"  # published, not answered
    ACKNOWLEDGED = "a"  # PUBACK with success: it must be stored or in quarantine
    REFUSED = "r"  # PUBACK with a reason code of failure: the broker did not take it


class Entry(NamedTuple):
    """One message of a device.

    Attributes:
        seq: Its sequence number.
        outcome: What the broker answered.
        sha256: Hash of its payload.
    """

    seq: int
    outcome: Outcome
    sha256: bytes


@dataclass(slots=True)
class _Sheet:
    answers: bytearray
    hashes: bytearray


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a run, in figures.

    Attributes:
        published: Messages handed to the broker in this run.
        acknowledged: Of them, answered with success.
        refused: Of them, answered with a failure.
        unanswered: Of them, not answered.
        faults: Of those published, deliberately bad.
        seconds: Length of the run.
        rate: Acknowledged messages a second.
    """

    published: int
    acknowledged: int
    refused: int
    unanswered: int
    faults: int
    seconds: float
    rate: float

    @property
    def is_clean(self) -> bool:
        """Whether the broker took everything."""
        return self.acknowledged == self.published

    def to_json(self) -> str:
        """Return one JSON object."""
        return json.dumps(asdict(self))

    def to_text(self) -> str:
        """Return one sentence."""
        bad = f", {self.faults} of them deliberately bad" if self.faults else ""
        return (
            f"published {self.published}{bad}; acknowledged {self.acknowledged}, refused {self.refused}, "
            f"unanswered {self.unanswered}; {self.seconds:.1f} s, {self.rate:.0f} a second"
        )


class Tally:
    """What was published; 33 bytes a message."""

    def __init__(self) -> None:
        self._sheets: dict[str, _Sheet] = {}
        self._faults = 0
        self._counts = dict.fromkeys(Outcome, 0)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many messages of this run had each Outcome so far."""
        return self._counts

    def next_seq(self, device: str) -> int:
        """Return the sequence number of the device's next message."""
        sheet = self._sheets.get(device)
        return len(sheet.answers) if sheet else 0

    def publish(self, device: str, payload: bytes, *, is_fault: bool = False) -> int:
        """Note a message before it is sent and return its sequence number, which is ``next_seq``."""
        sheet = self._sheets.setdefault(device, _Sheet(bytearray(), bytearray()))
        sheet.answers += Outcome.WAITING.encode()
        sheet.hashes += hashlib.sha256(payload).digest()
        self._counts[Outcome.WAITING] += 1
        self._faults += is_fault
        return len(sheet.answers) - 1

    def answer(self, device: str, seq: int, *, refused: bool) -> None:
        """Note the broker's answer to a message."""
        outcome = Outcome.REFUSED if refused else Outcome.ACKNOWLEDGED
        self._sheets[device].answers[seq] = ord(outcome)
        self._counts[Outcome.WAITING] -= 1
        self._counts[outcome] += 1

    def devices(self) -> Iterator[str]:
        """Yield every device that published."""
        return iter(self._sheets)

    def entries(self, device: str) -> Iterator[Entry]:
        """Yield the messages of a device in order."""
        sheet = self._sheets.get(device)
        if sheet is None:
            return
        for seq, letter in enumerate(sheet.answers):
            start = seq * HASH_BYTES
            yield Entry(seq, Outcome(chr(letter)), bytes(sheet.hashes[start : start + HASH_BYTES]))

    def report(self, seconds: float) -> Report:
        """Return the figures of this run."""
        acknowledged = self._counts[Outcome.ACKNOWLEDGED]
        return Report(
            published=sum(self._counts.values()),
            acknowledged=acknowledged,
            refused=self._counts[Outcome.REFUSED],
            unanswered=self._counts[Outcome.WAITING],
            faults=self._faults,
            seconds=round(seconds, 3),
            rate=round(acknowledged / seconds, 1) if seconds > 0 else 0.0,
        )

    def save(self, path: Path) -> None:
        """Write the file in one step.

        Raises:
            TallyError: It cannot be written.
        """
        draft = path.with_name(f".{path.name}.draft")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                for device, sheet in sorted(self._sheets.items()):
                    hashes = base64.b64encode(sheet.hashes).decode()
                    row = {"device": device, "answers": sheet.answers.decode(), "sha256": hashes}
                    file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise TallyError(f"{path}: the tally cannot be written: {error.strerror}") from error


def load_tally(path: Path) -> Tally:
    """Return the tally of a file; its messages do not count in the next run's Report.

    Raises:
        TallyError: It cannot be read, or is not a tally.
    """
    tally = Tally()
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            answers, hashes = bytearray(row["answers"].encode()), bytearray(base64.b64decode(row["sha256"]))
            if len(hashes) != HASH_BYTES * len(answers):
                raise TallyError(f"{path}: the tally of {row['device']} is torn; remove the file to begin a new one")
            tally._sheets[row["device"]] = _Sheet(answers, hashes)  # noqa: SLF001  this module's own class
    except OSError as error:
        raise TallyError(f"{path}: the tally cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TallyError(f"{path} is not a tally: {error}; remove the file to begin a new one") from error
    return tally
