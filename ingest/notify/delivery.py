"""Delivery: one message to one Contact that must arrive; which incidents it tells of, and as what."""

import hashlib
from enum import StrEnum
from typing import NamedTuple, Self

from ingest.incidents.incident import Step, StepKind
from schemas.rule import Severity

SUMMARY = "summary"
"""What stands for the stage of a Delivery that tells of several things."""


class StageKind(StrEnum):
    """As what an Incident is told."""

    FIRST = "first"  # to a Contact that has not heard of it
    RAISED = "raised"  # it is more severe than the Contact was told
    ESCALATION = "escalation"  # nobody has acknowledged it
    REMINDER = "reminder"  # likewise
    SILENT = "silent"  # its sensor has stopped sending: nobody knows whether it is still so
    HEARD = "heard"  # its sensor, told to be silent, sends again
    CLEARED = "cleared"  # it is over


class Stage(NamedTuple):
    """As what an Incident is told; a Contact is told of each Stage once.

    Attributes:
        kind: As what.
        severity: As which it is told.
        number: Of an escalation or reminder, from 1; of a silence and its end, how often it was told
            before; 0 for others.
    """

    kind: StageKind
    severity: Severity
    number: int = 0

    def __str__(self) -> str:
        """Return ``reminder-critical-3``; ``parse`` reads it."""
        text = f"{self.kind}-{self.severity}"
        return f"{text}-{self.number}" if self.number else text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the Stage of a text.

        Raises:
            ValueError: It is none.
        """
        kind, severity, *number = text.split("-")
        return cls(StageKind(kind), Severity(severity), int(number[0]) if number else 0)

    @property
    def opens(self) -> bool:
        """Whether times until an escalation or a reminder count from it."""
        return self.kind in {StageKind.FIRST, StageKind.RAISED}


class Telling(NamedTuple):
    """What a message says of one Incident.

    Attributes:
        incident: Id.
        stage: As what it is told.
    """

    incident: int
    stage: Stage


class DeliveryState(StrEnum):
    """How far a Delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; a person can have it tried again


class Delivery(NamedTuple):
    """One message to one Contact.

    Attributes:
        key: The same whenever the same is planned, so that it is planned once.
        route: Key of the Route that asks for it.
        contact: Key.
        tellings: What it tells of, in order of the incidents' ids; at least one.
        severity: The most severe that it tells of.
        title: Of the message.
        body: Of the message; its last line is the reference.
        created_ms: When it was planned, by the collector's clock.
        due_ms: It is not tried before.
        id: Grows with time; 0 before it has a row.
        tries: How often it was begun.
        first_try_ms: When it was begun first; None before.
        state: How far it is.
        error: Why the last try failed, without secrets.
        delivered_ms: When it was delivered; None before.
    """

    key: str
    route: str
    contact: str
    tellings: tuple[Telling, ...]
    severity: Severity
    title: str
    body: str
    created_ms: int
    due_ms: int
    id: int = 0
    tries: int = 0
    first_try_ms: int | None = None
    state: DeliveryState = DeliveryState.WAITING
    error: str = ""
    delivered_ms: int | None = None

    @property
    def stage(self) -> str:
        """The Stage that it tells of, or ``summary``."""
        return str(self.tellings[0].stage) if len(self.tellings) == 1 else SUMMARY

    @property
    def is_all_clear(self) -> bool:
        """Whether it only says that something is over."""
        return all(telling.stage.kind is StageKind.CLEARED for telling in self.tellings)


def make_key(route: str, contact: str, tellings: tuple[Telling, ...]) -> str:
    """Return the key of a Delivery; no other has it."""
    texts = [f"{telling.incident}/{telling.stage}" for telling in tellings]
    if len(texts) == 1:
        return f"{route}/{contact}/{texts[0]}"
    digest = hashlib.sha256(",".join(texts).encode()).hexdigest()[:16]
    return f"{route}/{contact}/{len(texts)}/{digest}"


def make_reference(key: str) -> str:
    """Return what a message is known by: whoever gets it twice sees that it is the same."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def make_steps(delivery: Delivery, kind: StepKind, now_ms: int, why: str = "") -> tuple[Step, ...]:
    """Return what the audit trails say of a Delivery that arrived, or that was given up.

    Args:
        delivery: Which.
        kind: ``NOTIFIED`` or ``UNDELIVERED``.
        now_ms: When, by the collector's clock.
        why: Why it was given up; empty otherwise.
    """
    return tuple(
        Step(telling.incident, now_ms, kind, "", f"{delivery.contact}: {telling.stage}" + (f"; {why}" if why else ""))
        for telling in delivery.tellings
    )
