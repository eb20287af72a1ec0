"""Erasing a customer: numbers, names and words go, everywhere; keys, states and the proof stay.

What protects somebody stays in force: holds keep their kind, and suppressions and marks of a number keep a pseudonym of
it (`store/pseudonyms.py`). Personal parts of entries are deleted with their salt, so the record stays as it was sealed,
and the erasure is an entry itself, by which `audit verify` knows why they are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, or_, select, update

from reminder.bulk import among
from reminder.domain.lifecycle import Event, State, target
from reminder.domain.phone import PhoneError, parse_phone
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.verdict import Reason
from reminder.errors import StoreError
from reminder.store import entries, pseudonyms, record
from reminder.store.inbound import STOP_SOURCE
from reminder.store.rows import chunks
from reminder.store.schema import (
    account,
    agreement,
    attempt,
    bad_number,
    consent,
    hold,
    inbound,
    outbox,
    record_private,
    suppression,
)  # fmt: skip
from reminder.store.schema import record as entry_rows

__all__ = ["ERASED", "erase", "numbers_of"]

ERASED = "erased"
"""What stands in place of people's words that a column can't be without."""


def erase(connection: Connection, customer_id: str, *, who: str, region: str | None, at: datetime) -> dict[str, int]:
    """Remove everything personal about a customer, in this transaction; return how many rows of what were changed.

    Reminders that are planned are cancelled. `region` (ISO 3166) is where numbers without a country code are read.
    Raises StoreError while a text to them is on its way or in doubt: what became of it could not be found out any more.
    """
    _require_settled(connection, customer_id, at)
    accounts = entries.accounts_of(connection, customer_id)
    numbers = numbers_of(connection, customer_id, region)
    aliases = pseudonyms.make(connection, numbers)
    done: Counter[str] = Counter()
    _cancel(connection, customer_id, done, at)
    _forget_texts(connection, customer_id, numbers, done)
    _forget_words(connection, _whose(hold, customer_id, accounts), hold, ("reason", "released_because"), done)
    _forget_words(connection, _whose(agreement, customer_id, accounts), agreement, ("note", "ended_why"), done)
    for number, alias in aliases.items():
        _rename(connection, number, alias, done)
    for table, words in ((consent, ("source", "proof", "withdrawn_because")), (suppression, ("removed_because",))):
        theirs = or_(_whose(table, customer_id, accounts), table.c.number.in_(list(aliases.values())))
        _forget_words(connection, theirs, table, words, done)
    _forget_sources(connection, or_(_whose(suppression, customer_id, accounts), _named(suppression, aliases)))
    done["account"] += connection.execute(delete(account).where(account.c.customer_id == customer_id)).rowcount
    named = entries.about_numbers(connection, numbers)
    done["record_private"] += _forget_parts(connection, customer_id, accounts, named)
    _tell(connection, customer_id, accounts, named, done, who, at)
    return {name: count for name, count in sorted(done.items()) if count}


def numbers_of(connection: Connection, customer_id: str, region: str | None) -> list[str]:
    """Return every number (E.164) that our tables know as this customer's."""
    found: set[str] = set()
    for column, whose in ((attempt.c.number, attempt.c.customer_id), (consent.c.number, consent.c.customer_id)):
        found.update(connection.scalars(select(column).where(whose == customer_id).distinct()))
    for phone in connection.scalars(select(account.c.phone).where(account.c.customer_id == customer_id)):
        try:
            found.add(parse_phone(phone or "", region).e164)
        except PhoneError:
            continue
    return sorted(number for number in found if number and not number.startswith(pseudonyms.MARK))


def _require_settled(connection: Connection, customer_id: str, at: datetime) -> None:
    open_ = or_(outbox.c.state.in_([State.SENDING, State.IN_DOUBT]), outbox.c.lease_until > at)
    query = select(outbox.c.reminder_id).where(outbox.c.customer_id == customer_id, open_).limit(1)
    if (reminder := connection.scalar(query)) is not None:
        raise StoreError(
            f"expected every text to the customer to be settled, found reminder {reminder} on its way or in doubt: "
            "wait for it, or see `reminder outbox doubts`, then erase"
        )


def _whose(table: Table, customer_id: str, accounts: Sequence[str]) -> ColumnElement[bool]:
    return or_(table.c.customer_id == customer_id, table.c.account_id.in_(accounts))


def _named(table: Table, aliases: Mapping[str, str]) -> ColumnElement[bool]:
    return table.c.number.in_(list(aliases.values()))


def _cancel(connection: Connection, customer_id: str, done: Counter[str], at: datetime) -> None:
    """End what is planned, and leave of every reason its own word: the rest may be somebody's words."""
    planned = (outbox.c.customer_id == customer_id, outbox.c.state == State.PLANNED)
    values = {"state": target(Event.CANCEL), "reason": f"{Reason.OPERATOR}: {ERASED}", "changed_at": at}
    done["cancelled"] += connection.execute(update(outbox).where(*planned).values(values)).rowcount
    query = select(outbox.c.reminder_id, outbox.c.reason).where(outbox.c.customer_id == customer_id)
    words = [{"id": row.reminder_id, "why": row.reason.partition(":")[0][:40]} for row in connection.execute(query)]
    if words:
        change = update(outbox).where(outbox.c.reminder_id == bindparam("id")).values(reason=bindparam("why"))
        connection.execute(change, words)


def _forget_texts(connection: Connection, customer_id: str, numbers: Sequence[str], done: Counter[str]) -> None:
    texts = update(attempt).where(attempt.c.customer_id == customer_id)
    done["attempt"] += connection.execute(texts.values(number="", body="", detail=None)).rowcount
    replies = update(inbound).where(or_(inbound.c.customer_id == customer_id, inbound.c.number.in_(numbers)))
    nothing = {"number": "", "body": "", "note": None, "reply_outcome": None}
    done["inbound"] += connection.execute(replies.values(nothing)).rowcount


def _forget_words(
    connection: Connection, theirs: ColumnElement[bool], table: Table, columns: Sequence[str], done: Counter[str]
) -> None:
    """Take out what people wrote; what is empty stays empty."""
    for name in columns:
        column = table.c[name]
        written = (theirs, column.is_not(None), column != "", column != ERASED)
        done[table.name] += connection.execute(update(table).where(*written).values({name: ERASED})).rowcount


def _forget_sources(connection: Connection, theirs: ColumnElement[bool]) -> None:
    """Take out how a suppression came to be, but not whether its owner said STOP: their START may lift those."""
    stop, source = f"{STOP_SOURCE} {ERASED}", suppression.c.source
    by_stop = source.like(f"{STOP_SOURCE} %")
    connection.execute(update(suppression).where(theirs, by_stop).values(source=stop))
    connection.execute(update(suppression).where(theirs, ~by_stop).values(source=ERASED))


def _rename(connection: Connection, number: str, alias: str, done: Counter[str]) -> None:
    """Put a pseudonym in place of a number where it must be known again."""
    for table in (suppression, consent):
        change = update(table).where(table.c.number == number).values(number=alias)
        done[table.name] += connection.execute(change).rowcount
    if connection.scalar(select(bad_number.c.number).where(bad_number.c.number == number)) is None:
        return
    connection.execute(delete(bad_number).where(bad_number.c.number == alias))
    mark = update(bad_number).where(bad_number.c.number == number)
    done["bad_number"] += connection.execute(mark.values(number=alias, cleared_because=None)).rowcount


def _forget_parts(connection: Connection, customer_id: str, accounts: Sequence[str], named: Sequence[int]) -> int:
    """Delete personal parts with their salts; return how many."""
    where = [entry_rows.c.customer_id == customer_id]
    where += [among(entry_rows.c.account_id, chunk) for chunk in chunks(accounts)]
    where += [among(entry_rows.c.entry_id, chunk) for chunk in chunks(named)]
    gone = 0
    for theirs in where:
        commitments = list(connection.scalars(select(entry_rows.c.commitment).where(theirs)))
        for chunk in chunks([one for one in commitments if one is not None]):
            gone += connection.execute(delete(record_private).where(record_private.c.commitment.in_(chunk))).rowcount
    return gone


def _tell(
    connection: Connection,
    customer_id: str,
    accounts: Sequence[str],
    named: Sequence[int],
    done: Mapping[str, int],
    who: str,
    at: datetime,
) -> None:
    """Write the erasure down: for the customer, each account, and the entries that name neither."""
    counts = {name: count for name, count in done.items() if count}
    told = [Entry(Kind.ERASURE, Actor.OPERATOR, who, customer_id=customer_id, became=ERASED, data={"rows": counts})]
    told += [
        Entry(Kind.ERASURE, Actor.OPERATOR, who, account_id=each, customer_id=customer_id, became=ERASED)
        for each in accounts
    ]
    if named:
        told.append(Entry(Kind.ERASURE, Actor.OPERATOR, who, became=ERASED, data={"entries": list(named)}))
    record.append(connection, told, at=at)
