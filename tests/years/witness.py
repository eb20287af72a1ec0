"""The witness: what others saw happen, held against the record (law 14), and the record against its seals."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from reminder.domain.record import Actor, Kind
from reminder.store.schema import attempt, outbox, record, record_private
from reminder.store.sealing import seal
from reminder.store.verifying import verify
from years.memory import LawBrokenError
from years.provider import Taken

__all__ = ["Witness"]

_BECAME = {"accept": "sent", "print": "printed", "postpone": "planned", "refuse": "failed", "lose": "in_doubt"}
"""What the answer to a call makes of a reminder (its life is drawn in `reminder/README.md`)."""

_PEOPLE = (Kind.HOLD, Kind.SUPPRESSION, Kind.APPROVAL, Kind.PROMISE, Kind.REPAYMENT_PLAN, Kind.CONSENT, Kind.REQUEUE)
"""The acts of people that happen in these years, beside the settling of doubts."""

_ENDED = ("cancelled", "expired", "superseded", "suppressed", "handed_over")

_TAMPERED = {"who": "x", "subject": "x", "data": " ", "kind": "x", "actor": "x"}
"""What a forger might add to a column of an entry."""


def _broken(what: str) -> LawBrokenError:
    return LawBrokenError(14, what)


@dataclass
class Witness:
    """What was seen: acts of people, receipts, calls; and what the record has said so far, up to the entry `read`."""

    dice: Random
    acts: Counter[tuple[str, str]] = field(default_factory=Counter)
    receipts: set[tuple[str, str, str]] = field(default_factory=set)
    read: int = 0
    told_acts: Counter[tuple[str, str]] = field(default_factory=Counter)
    told_receipts: set[tuple[str, str, str]] = field(default_factory=set)
    texts: dict[str, Any] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    members: dict[str, set[int]] = field(default_factory=dict)
    of_text: dict[int, str] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    answered: set[tuple[str, datetime]] = field(default_factory=set)
    versions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    planned: int = 0
    anchors: list[str] = field(default_factory=list)

    def act(self, kind: Kind, subject: object, times: int = 1) -> None:
        """Notice that a person did something, so often."""
        self.acts[kind.value, str(subject)] += times

    def look(self, connection: Connection, taken: list[Taken]) -> None:
        """Read what is new on record, and compare all of it with what is and with what was seen."""
        self._listen(connection)
        self._compare_reminders(connection)
        self._compare_texts(connection, taken)
        if self.acts != self.told_acts:
            odd = sorted(((self.acts - self.told_acts) | (self.told_acts - self.acts)).items())
            raise _broken(f"acts of people and the record do not agree: {odd[:5]}")
        if self.receipts - self.told_receipts:
            raise _broken(f"receipts are not on record: {sorted(self.receipts - self.told_receipts)[:5]}")

    def _listen(self, connection: Connection) -> None:
        query = select(record, record_private.c.content).outerjoin(
            record_private, record_private.c.commitment == record.c.commitment
        )
        for row in connection.execute(query.where(record.c.entry_id > self.read).order_by(record.c.entry_id)):
            self.read = row.entry_id
            self._hear(row, json.loads(row.data))

    def _hear(self, row: Any, data: dict[str, Any]) -> None:
        if row.actor == Actor.OPERATOR and row.kind in _PEOPLE:
            self.told_acts[row.kind, row.subject or str(row.reminder_id)] += 1
        if row.kind == Kind.PLAN:
            self.planned += sum(data["steps"].values())
        elif row.kind == Kind.POLICY:
            self.versions[row.subject].append(data["to"])
        elif row.kind == Kind.TEXT:
            self._hear_text(row, data)
        elif row.kind in (Kind.SILENCE, Kind.HAND_OVER, Kind.REQUEUE):
            self.states[row.reminder_id] = data["to"]
            self._versioned(row, data)
            if row.kind == Kind.REQUEUE:
                self._into(row.reminder_id, None)
        elif row.kind in (Kind.ANSWER, Kind.DOUBT):
            self.answered.add((row.reference, row.happened_at))
            self._move(row.reference, _BECAME[data["event"]] if "event" in data else data["to"])
        elif row.kind == Kind.RECEIPT:
            self.told_receipts.add((row.who, data["provider_id"], data["status"]))
            self.answered.add((row.reference, row.happened_at))  # it may come in place of a lost answer
            if data["effect"] in ("delivered", "undelivered", "sent", "cancelled"):
                self._move(row.reference, data["effect"])

    def _hear_text(self, row: Any, data: dict[str, Any]) -> None:
        if row.reference in self.texts:
            raise _broken(f"the text {row.reference} is told twice")
        self.texts[row.reference] = row
        self._versioned(row, data)
        for reminder_id in (row.reminder_id, *(other["reminder"] for other in data.get("with", ()))):
            self.states[reminder_id] = "sending"
            self._into(reminder_id, row.reference)

    def _into(self, reminder_id: int, reference: str | None) -> None:
        """Let a reminder be of this text from now on, and of no other."""
        before = self.of_text.pop(reminder_id, None)
        if before is not None:
            self.members[before].discard(reminder_id)
        if reference is not None:
            self.of_text[reminder_id] = reference
            self.members.setdefault(reference, set()).add(reminder_id)

    def _versioned(self, row: Any, data: dict[str, Any]) -> None:
        """A decision names its policy's version by the beginning of a hash; its words are on record before it."""
        known = self.versions[data["policy"]] if "version" in data else []
        if "version" in data and not any(digest.startswith(data["version"]) for digest in known):
            raise _broken(f"entry {row.entry_id} rests on a version of {data['policy']} that is not on record")

    def _move(self, reference: str, state: str) -> None:
        """A late word on a text says nothing of a reminder that has ended otherwise."""
        for reminder_id in self.members.get(reference, ()):
            if self.states[reminder_id] not in _ENDED:
                self.states[reminder_id] = state

    def _compare_reminders(self, connection: Connection) -> None:
        for reminder_id, state in connection.execute(select(outbox.c.reminder_id, outbox.c.state)):
            told = self.states.get(reminder_id, "planned")
            if told != state:
                raise _broken(f"reminder {reminder_id} is {state}, and by the record it is {told}")
        there = connection.scalar(select(func.count()).select_from(outbox)) or 0
        if there != self.planned:
            raise _broken(f"{there} reminders were planned, and {self.planned} by the record")

    def _compare_texts(self, connection: Connection, taken: list[Taken]) -> None:
        bodies = {each.message.reference: each.message for each in taken}
        for row in connection.execute(select(attempt)):
            told = self.texts.get(row.reference)
            if told is None:
                raise _broken(f"the attempt {row.reference} is not on record")
            if row.outcome and (row.reference, row.ended_at) not in self.answered:
                raise _broken(f"what came of the attempt {row.reference} is not on record")
            message = bodies.get(row.reference)
            if message is None or row.reference in self.compared:
                continue
            said = json.loads(told.content)
            if (said["number"], said["body"]) != (message.to, message.body):
                raise _broken(f"the record has other words or another number than went out with {row.reference}")
            self.compared.add(row.reference)

    def seal(self, engine: Engine, at: datetime) -> None:
        """Seal what is on record, and keep the newest anchor where nobody else can write."""
        blocks = seal(engine, at=at)
        if blocks:
            self.anchors.append(blocks[-1].anchor)

    def verify(self, engine: Engine) -> None:
        """The whole record is as it was sealed, with every anchor of the year; and one forged letter is found."""
        with engine.connect() as connection:
            found = verify(connection, anchors=self.anchors)
            if not found.sound or found.unsealed:
                raise _broken(f"the record is not as it was sealed: {found.faults[:3]}, {found.unsealed} unsealed")
            column, entry = self.dice.choice(sorted(_TAMPERED)), self.dice.randint(1, self.read)
            forged = {column: record.c[column].concat(_TAMPERED[column])}
            changed = connection.execute(update(record).where(record.c.entry_id == entry).values(forged)).rowcount
            if changed and verify(connection).sound:
                raise _broken(f"nobody sees that {column} of entry {entry} was forged")
            connection.rollback()
