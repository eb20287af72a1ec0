"""Suppressions in the database: numbers, customers and accounts about which nobody must be contacted on a channel.

They are in force from the moment they are written, never deleted, and only a person removes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, select, update

from reminder.bulk import among
from reminder.domain.hold import Suppression
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import DataError
from reminder.store import pseudonyms, record
from reminder.store.rows import chunks, cut, insert_one, require_fit
from reminder.store.schema import suppression

__all__ = ["add", "add_many", "covering", "in_force", "lift", "listing", "of_number", "remove"]


def add(
    connection: Connection,
    *,
    source: str,
    who: str,
    at: datetime,
    channel: str = "*",
    number: str | None = None,
    customer_id: str | None = None,
    account_id: str | None = None,
    actor: Actor = Actor.OPERATOR,
) -> int:
    """Forbid contact with a number (E.164) or a customer, or about an account, on a channel (`*`: on all).

    Return the suppression's id. When an equal one is in force already, nothing is written and that one's is returned.
    A `source` longer than its column is cut: refusing a STOP because of how it was reported would be worse.
    Raises DataError when it is not for exactly one of the three, or an id is too long.
    """
    subject = _subject(number, customer_id, account_id)
    require_fit(suppression, subject | {"channel": channel})
    query = select(suppression.c.suppression_id).where(_same(subject), suppression.c.channel == channel)
    existing = connection.scalar(query.order_by(suppression.c.suppression_id).limit(1))
    if existing is not None:
        return int(existing)
    values = subject | {"channel": channel} | cut(suppression, {"source": source, "who": who}) | {"created_at": at}
    suppression_id = insert_one(connection, suppression, values)
    record.append(connection, [_entry(values, actor, str(suppression_id))], at=at)
    return suppression_id


def _entry(values: Mapping[str, Any], actor: Actor, subject: str = "") -> Entry:
    """Return the entry of a suppression that begins."""
    return Entry(
        Kind.SUPPRESSION, actor, values["who"], subject=subject, account_id=values["account_id"],
        customer_id=values["customer_id"], was="", became="suppressed", data={"channel": values["channel"]},
        private=_number(values["number"]) | {"source": values["source"]},
    )  # fmt: skip


def _number(number: str | None) -> dict[str, str]:
    """Return the personal part of an entry about a number, or about none."""
    return {} if number is None else {"number": number}


def add_many(connection: Connection, entries: Sequence[Suppression]) -> list[Suppression]:
    """Write those of these suppressions of which no equal one is in force; return them, each once.

    Raises DataError as `add` does.
    """
    for entry in entries:
        subject = _subject(entry.number, entry.customer_id, entry.account_id)
        require_fit(suppression, subject | {"channel": entry.channel})
    there = covering(
        connection,
        numbers=[entry.number for entry in entries if entry.number is not None],
        customer_ids=[entry.customer_id for entry in entries if entry.customer_id is not None],
        account_ids=[entry.account_id for entry in entries if entry.account_id is not None],
    )
    known = {_key(entry) for entry in there}
    new: dict[object, Suppression] = {}
    for entry in entries:
        if _key(entry) not in known:
            new.setdefault(_key(entry), entry)
    if new:
        rows = [_to_row(entry) for entry in new.values()]
        connection.execute(insert(suppression), rows)
        told = [_entry(row, Actor.OPERATOR) for row in rows]
        record.append(connection, told, at=max(entry.created_at for entry in new.values()))
    return list(new.values())


def _key(entry: Suppression) -> tuple[str | None, str | None, str | None, str]:
    """Return what makes two suppressions equal."""
    return entry.number, entry.customer_id, entry.account_id, entry.channel


def _to_row(entry: Suppression) -> dict[str, Any]:
    subject = {"number": entry.number, "customer_id": entry.customer_id, "account_id": entry.account_id}
    told = cut(suppression, {"source": entry.source, "who": entry.who})
    return subject | {"channel": entry.channel, "created_at": entry.created_at} | told


def remove(
    connection: Connection,
    *,
    who: str,
    at: datetime,
    number: str | None = None,
    customer_id: str | None = None,
    account_id: str | None = None,
    channel: str | None = None,
    reason: str = "",
) -> int:
    """Allow contact again, on one channel or (None) on all, saying why; return how many entries ended.

    Two processes may have added the same entry at the same time; all of them end. Raises DataError like `add`.
    """
    subject = _subject(number, customer_id, account_id)
    signed = {"removed_by": who, "removed_because": reason.strip() or None}
    require_fit(suppression, signed)
    wanted = [_same(subject) if number is None else of_number(connection, number)]
    wanted += [suppression.c.channel == channel] if channel is not None else []
    return lift(connection, *wanted, who=who, reason=signed["removed_because"], at=at)


def of_number(connection: Connection, number: str) -> ColumnElement[bool]:
    """Return the condition that a suppression is of this number (E.164), also where the number itself was erased."""
    return suppression.c.number.in_([number, *pseudonyms.of(connection, [number]).values()])


def lift(
    connection: Connection,
    *wanted: ColumnElement[bool],
    who: str,
    at: datetime,
    reason: str | None = None,
    actor: Actor = Actor.OPERATOR,
) -> int:
    """End the suppressions in force that meet all these conditions; return how many those were."""
    found = connection.execute(select(suppression).where(*wanted, _in_force()).with_for_update()).all()
    for chunk in chunks([row.suppression_id for row in found]):
        ended = update(suppression).where(suppression.c.suppression_id.in_(chunk))
        connection.execute(ended.values(removed_at=at, removed_by=who, removed_because=reason))
    entries = [
        Entry(
            Kind.SUPPRESSION, actor, who, subject=str(row.suppression_id), account_id=row.account_id,
            customer_id=row.customer_id, was="suppressed", became="allowed", data={"channel": row.channel},
            private=_number(row.number) | ({"reason": reason} if reason else {}),
        )
        for row in found
    ]  # fmt: skip
    record.append(connection, entries, at=at)
    return len(found)


def covering(
    connection: Connection,
    *,
    numbers: Sequence[str],
    customer_ids: Sequence[str],
    account_ids: Sequence[str] = (),
) -> list[Suppression]:
    """Return the suppressions in force for any of these numbers (E.164), customers or accounts, oldest first."""
    rows: list[Row[Any]] = []
    aliases = pseudonyms.of(connection, numbers)
    for query, subjects in zip(_COVERING, ([*numbers, *aliases.values()], customer_ids, account_ids), strict=True):
        for chunk in chunks(subjects):
            rows += connection.execute(query, {"subjects": chunk})
    names = {alias: number for number, alias in aliases.items()}
    found = [_to_suppression(row) for row in rows]
    found = [replace(one, number=names.get(one.number, one.number)) if one.number else one for one in found]
    return sorted(found, key=lambda one: one.suppression_id or 0)


def in_force(connection: Connection) -> list[Suppression]:
    """Return every suppression in force, oldest first."""
    query = select(suppression).where(_in_force()).order_by(suppression.c.suppression_id)
    return [_to_suppression(row) for row in connection.execute(query)]


def listing(connection: Connection, *, active_only: bool, limit: int) -> list[Suppression]:
    """Return the newest suppressions, at most `limit`; with `active_only` those in force."""
    query = select(suppression).order_by(suppression.c.suppression_id.desc()).limit(limit)
    if active_only:
        query = query.where(_in_force())
    return [_to_suppression(row) for row in connection.execute(query)]


def _subject(number: str | None, customer_id: str | None, account_id: str | None) -> dict[str, str | None]:
    """Return whom or what it is about, by column. Raises DataError unless exactly one of the three is given."""
    subject = {"number": number, "customer_id": customer_id, "account_id": account_id}
    given = [name for name, value in subject.items() if value is not None]
    if len(given) != 1:
        raise DataError(
            f"expected a number, a customer or an account to suppress, found {' and '.join(given) or 'none of them'}: "
            "give exactly one"
        )
    return subject


def _same(subject: Mapping[str, str | None]) -> ColumnElement[bool]:
    """Return the condition that a suppression is in force for just this number, customer or account."""
    return and_(_in_force(), *(suppression.c[name] == value for name, value in subject.items() if value is not None))


def _in_force() -> ColumnElement[bool]:
    """Return the condition that nobody has removed it."""
    return suppression.c.removed_at.is_(None)


_COVERING = [
    select(suppression).where(among(column, bindparam("subjects")), _in_force())
    for column in (suppression.c.number, suppression.c.customer_id, suppression.c.account_id)
]


def _to_suppression(row: Row[Any]) -> Suppression:
    """Return the row as the domain knows it."""
    return Suppression(
        source=row.source,
        created_at=row.created_at,
        channel=row.channel,
        number=row.number,
        customer_id=row.customer_id,
        who=row.who,
        suppression_id=row.suppression_id,
        account_id=row.account_id,
    )
