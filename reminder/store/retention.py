"""Retention in the database: what is older than its age loses what is personal, in bounded batches.

A batch is found by a plain read and taken in a short transaction of its own, together with its entry in the record, by
which `audit verify` knows why parts are gone. So a run may end anywhere, and the next one finds what is left; two at
once do no harm. What is planned, on its way, in doubt or waiting for a person is never touched, nor what protects
somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Row,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from reminder.domain.hold import RESUME_HOURS_MAX
from reminder.domain.lifecycle import FINAL, OPEN
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.retention import PARTS, Matter, Retention
from reminder.store import record as entries
from reminder.store.deadlocks import in_transaction
from reminder.store.erasure import ERASED
from reminder.store.rows import CHUNK_VALUES
from reminder.store.schema import agreement, attempt, hold, inbound, outbox, receipt, record, record_private

__all__ = ["BATCH_ROWS", "REMOVED", "Batch", "due", "sweep"]

REMOVED = "[removed]"
"""What stands in place of words whose time was over."""

BATCH_ROWS = CHUNK_VALUES
"""How many rows one transaction changes at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did: so many rows of one table lost what was personal in them."""

    matter: Matter
    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one table that age alike: in which order they are read, which are due, and how they forget.

    `keys` is an order in which no two rows are equal, the row's own key last. `forget` changes the rows with these
    keys, as far as the condition still holds, and returns how many those were.
    """

    matter: Matter
    table: Table
    keys: Sequence[Column[Any]]
    due: Callable[[datetime], ColumnElement[bool]]
    forget: Callable[[Connection, ColumnElement[bool]], int]
    target: str


def due(connection: Connection, retention: Retention, at: datetime) -> dict[Matter, dict[str, int]]:
    """Return how many rows of which table are older than their age at the instant `at` (UTC), by matter."""
    found: dict[Matter, dict[str, int]] = {matter: {} for matter in retention.ages}
    for part in _PARTS:
        before = retention.before(part.matter, at)
        if before is not None:
            query = select(func.count()).select_from(part.table).where(part.due(before))
            found[part.matter][part.target] = connection.scalar(query) or 0
    return found


def sweep(
    engine: Engine, retention: Retention, *, who: str, actor: Actor, at: datetime, rows: int = BATCH_ROWS
) -> Iterator[Batch]:
    """Take from everything older than its age at the instant `at` (UTC) what is personal; yield batch by batch.

    Each batch is committed when it is yielded, so whoever stops asking stops the work. `who` is on record for it.
    """
    for part in _PARTS:
        before = retention.before(part.matter, at)
        if before is None:
            continue
        last: Row[Any] | None = None
        while True:
            with engine.connect() as connection:
                page = _page(connection, part, before, last, rows)
            if not page:
                break
            last = page[-1]
            if changed := _take(engine, part, before, page, Entry(Kind.RETENTION, actor, who), at):
                yield Batch(part.matter, part.target, changed)


def _page(connection: Connection, part: _Part, before: datetime, last: Row[Any] | None, rows: int) -> list[Row[Any]]:
    query = select(*part.keys).where(part.due(before)).order_by(*part.keys).limit(rows)
    if last is not None:
        query = query.where(_after(part.keys, last))
    return list(connection.execute(query))


def _after(keys: Sequence[Column[Any]], last: Row[Any]) -> ColumnElement[bool]:
    """Return the condition that a row comes behind this one in the order of these keys."""
    conditions = [
        and_(*(keys[before] == last[before] for before in range(place)), key > last[place])
        for place, key in enumerate(keys)
    ]
    return or_(*conditions)


def _take(engine: Engine, part: _Part, before: datetime, page: Sequence[Row[Any]], act: Entry, at: datetime) -> int:
    def write(connection: Connection) -> int:
        theirs = and_(part.keys[-1].in_([row[-1] for row in page]), part.due(before))
        changed = part.forget(connection, theirs)
        if changed:
            entries.append(connection, [_told(part, before, changed, act)], at=at)
        return changed

    return in_transaction(engine, write)


def _told(part: _Part, before: datetime, changed: int, act: Entry) -> Entry:
    data: dict[str, Any] = {"before": before, "rows": {part.target: changed}}
    if part.table is record:
        data["kinds"] = list(PARTS[part.matter])
    return Entry(act.kind, act.actor, act.who, subject=part.matter, became="removed", data=data)


def _under_way(reference: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that a text is of a reminder to which something is still owed."""
    return exists().where(outbox.c.reference == reference, outbox.c.state.in_(sorted(OPEN)))


def _text_due(before: datetime) -> ColumnElement[bool]:
    return and_(attempt.c.started_at < before, attempt.c.number != "", ~_under_way(attempt.c.reference))


def _forget_texts(connection: Connection, theirs: ColumnElement[bool]) -> int:
    return connection.execute(update(attempt).where(theirs).values(number="", body=REMOVED, detail=None)).rowcount


def _reason_due(before: datetime) -> ColumnElement[bool]:
    return and_(
        outbox.c.planned_at < before,
        outbox.c.changed_at < before,
        outbox.c.state.in_(sorted(FINAL)),
        outbox.c.reason.like("%:%"),
    )


def _forget_reasons(connection: Connection, theirs: ColumnElement[bool]) -> int:
    """Leave of every reason its own word: the rest may be somebody's words."""
    found = connection.execute(select(outbox.c.reminder_id, outbox.c.reason).where(theirs).with_for_update()).all()
    words = [{"id": row.reminder_id, "why": row.reason.partition(":")[0]} for row in found]
    if words:
        connection.execute(
            update(outbox).where(outbox.c.reminder_id == bindparam("id")).values(reason=bindparam("why")), words
        )
    return len(words)


def _reply_due(before: datetime) -> ColumnElement[bool]:
    written = or_(inbound.c.number != "", inbound.c.body.not_in(["", REMOVED]))
    return and_(inbound.c.received_at < before, inbound.c.waits.is_(False), written)


def _forget_replies(connection: Connection, theirs: ColumnElement[bool]) -> int:
    nothing = {"number": "", "body": REMOVED, "note": None, "reply_outcome": None}
    return connection.execute(update(inbound).where(theirs).values(nothing)).rowcount


def _receipt_due(before: datetime) -> ColumnElement[bool]:
    return and_(receipt.c.received_at < before, ~_under_way(receipt.c.reference))


def _forget_receipts(connection: Connection, theirs: ColumnElement[bool]) -> int:
    return connection.execute(delete(receipt).where(theirs)).rowcount


def _hold_over(before: datetime) -> ColumnElement[bool]:
    """Return the condition that a hold was over before an instant, with the hours in which a selection comes back."""
    ended = hold.c.until < before - timedelta(hours=RESUME_HOURS_MAX)
    return or_(hold.c.released_at < before, and_(hold.c.released_at.is_(None), ended))


def _agreement_over(before: datetime) -> ColumnElement[bool]:
    return and_(agreement.c.open_account_id.is_(None), agreement.c.ended_at < before)


def _written(table: Table, names: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a row still has people's words in one of these columns."""
    return or_(*(table.c[name].not_in(["", ERASED, REMOVED]) for name in names))


def _forget_words(table: Table, names: Sequence[str]) -> Callable[[Connection, ColumnElement[bool]], int]:
    def forget(connection: Connection, theirs: ColumnElement[bool]) -> int:
        values = {name: case((table.c[name] > "", REMOVED), else_=table.c[name]) for name in names}
        return connection.execute(update(table).where(theirs).values(values)).rowcount

    return forget


_HOLD_WORDS = ("reason", "released_because")
_AGREEMENT_WORDS = ("note", "ended_why")


def _parts_due(matter: Matter) -> Callable[[datetime], ColumnElement[bool]]:
    def condition(before: datetime) -> ColumnElement[bool]:
        here = exists().where(record_private.c.commitment == record.c.commitment)
        aged = and_(record.c.kind.in_(PARTS[matter]), record.c.happened_at < before, here)
        return and_(aged, *(~each for each in _still_needed(matter, before)))

    return condition


def _still_needed(matter: Matter, before: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions under which an entry is about something that is not over, and keeps its personal part."""
    if matter is Matter.TEXTS:
        its_own = exists().where(outbox.c.reminder_id == record.c.reminder_id, outbox.c.state.in_(sorted(OPEN)))
        return [its_own, _under_way(record.c.reference)]
    if matter is Matter.REPLIES:
        number = cast(inbound.c.inbound_id, String(20))
        return [exists().where(inbound.c.waits.is_(True), number == record.c.subject)]
    about_hold = and_(record.c.kind == Kind.HOLD, cast(hold.c.hold_id, String(20)) == record.c.subject)
    about_agreement = and_(record.c.kind != Kind.HOLD, cast(agreement.c.agreement_id, String(20)) == record.c.subject)
    released, settled = (func.coalesce(over, False) for over in (_hold_over(before), _agreement_over(before)))
    return [exists().where(about_hold, ~released), exists().where(about_agreement, ~settled)]


def _forget_parts(connection: Connection, theirs: ColumnElement[bool]) -> int:
    """Delete personal parts with their salts; the entries stay as they were sealed."""
    commitments = list(connection.scalars(select(record.c.commitment).where(theirs)))
    return connection.execute(delete(record_private).where(record_private.c.commitment.in_(commitments))).rowcount


def _record_part(matter: Matter) -> _Part:
    return _Part(matter, record, (record.c.entry_id,), _parts_due(matter), _forget_parts, record_private.name)


def _words_part(table: Table, names: Sequence[str], over: Callable[[datetime], ColumnElement[bool]]) -> _Part:
    def condition(before: datetime) -> ColumnElement[bool]:
        return and_(over(before), _written(table, names))

    (key,) = table.primary_key.columns
    return _Part(Matter.WORDS, table, (key,), condition, _forget_words(table, names), table.name)


_PARTS = (
    _Part(Matter.TEXTS, attempt, (attempt.c.started_at, attempt.c.reference), _text_due, _forget_texts, "attempt"),
    _Part(Matter.TEXTS, outbox, (outbox.c.planned_at, outbox.c.reminder_id), _reason_due, _forget_reasons, "outbox"),
    _record_part(Matter.TEXTS),
    _Part(Matter.REPLIES, inbound, (inbound.c.inbound_id,), _reply_due, _forget_replies, "inbound"),
    _record_part(Matter.REPLIES),
    _Part(Matter.RECEIPTS, receipt, (receipt.c.receipt_id,), _receipt_due, _forget_receipts, "receipt"),
    _words_part(hold, _HOLD_WORDS, _hold_over),
    _words_part(agreement, _AGREEMENT_WORDS, _agreement_over),
    _record_part(Matter.WORDS),
)
"""All there is to forget, in the order in which it is done."""
