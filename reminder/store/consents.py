"""Consents in the database: who has agreed to be contacted, until it is withdrawn. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, or_, select, update

from reminder.bulk import among
from reminder.domain.consent import Consent
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import DataError
from reminder.store import record
from reminder.store.rows import chunks, cut, insert_one, require_fit
from reminder.store.schema import consent

__all__ = ["add", "covering", "listing", "renew", "withdraw", "withdraw_stopped"]

_SCOPE = ("customer_id", "number", "account_id", "channel")
_GIVEN = (*_SCOPE, "source", "proof", "who", "given_at")


def add(connection: Connection, entry: Consent, *, at: datetime, actor: Actor = Actor.OPERATOR) -> int | None:
    """Write down a consent, at `at`; return its id, or None when an equal one is in force already.

    Raises DataError when it names nobody, when it lacks a source or a proof, when it was given later than now, when a
    text is too long, and when it has been withdrawn since: an old list must not bring back what somebody took back.
    """
    values = _row(entry) | {"recorded_at": at}
    require_fit(consent, values)
    _check(entry, at)
    equal = [_equals(name, values[name]) for name in (*_SCOPE, "source", "proof")]
    if connection.scalar(select(consent.c.consent_id).where(_standing(), *equal).limit(1)) is not None:
        return None
    since = connection.scalar(_withdrawals(entry))
    if since is not None:
        raise DataError(
            f"expected a consent given after the last withdrawal, on {since:%Y-%m-%d %H:%M} UTC, found one of "
            f"{entry.given_at:%Y-%m-%d %H:%M} UTC: ask again, and record the new one"
        )
    consent_id = insert_one(connection, consent, values)
    record.append(connection, [_entry(values | {"consent_id": consent_id}, entry.who, entry.proof, actor)], at=at)
    return consent_id


def _entry(row: Mapping[str, Any], who: str, words: str, actor: Actor, *, withdrawn: bool = False) -> Entry:
    """Return the entry of a consent that was given or withdrawn, with the words that say how it is known."""
    number = {} if row["number"] is None else {"number": row["number"]}
    return Entry(
        Kind.CONSENT, actor, who, subject=str(row["consent_id"]), account_id=row["account_id"],
        customer_id=row["customer_id"], was="given" if withdrawn else "", became="withdrawn" if withdrawn else "given",
        data={"channel": row["channel"], "given_at": row["given_at"]},
        private=number | {"source": row["source"], "words": words},
    )  # fmt: skip


def _check(entry: Consent, at: datetime) -> None:
    if entry.customer_id is None and entry.number is None:
        raise DataError("expected a customer, a number or both to have consented, found neither: say who it was")
    for name in ("source", "proof"):
        if not str(getattr(entry, name)).strip():
            raise DataError(f"expected a {name} of the consent, found none: without it nothing is proved")
    if entry.given_at > at:
        raise DataError(f"expected a consent that was given by now, found {entry.given_at:%Y-%m-%d %H:%M} UTC")


def withdraw(
    connection: Connection,
    *,
    who: str,
    reason: str,
    at: datetime,
    number: str | None = None,
    customer_id: str | None = None,
    account_id: str | None = None,
    channel: str | None = None,
) -> int:
    """End the consents in force of a customer or a number (of both, where both are given); return how many.

    With `account_id` or `channel` only those for just that debt, or on just that channel. Raises DataError when it
    names nobody, or without a reason.
    """
    if customer_id is None and number is None:
        raise DataError("expected a customer or a number that withdraws, found neither: say who it is")
    if not reason.strip():
        raise DataError("expected how it was withdrawn, found nothing: say it, somebody will ask")
    given = {"number": number, "customer_id": customer_id, "account_id": account_id, "channel": channel}
    return _end(connection, *_named(given), who=who, reason=reason, at=at)


def withdraw_stopped(
    connection: Connection, number: str, customer_id: str | None, *, who: str, reason: str, at: datetime
) -> int:
    """End what a STOP from a number takes back; return how many consents that is. Words too long are cut.

    Those are the ones to texts that were given for the number, or by the customer whom it was last texted for without
    naming another number.
    """
    told = cut(consent, {"withdrawn_by": who, "withdrawn_because": reason})
    words, told_by = told["withdrawn_because"], told["withdrawn_by"]
    return _end(connection, _theirs(number, customer_id), who=told_by, reason=words, actor=Actor.PROVIDER, at=at)


def renew(
    connection: Connection, number: str, customer_id: str | None, *, source: str, proof: str, who: str, at: datetime
) -> int:
    """Give again, at `at`, what the last word on it, told by `who`, took back by a STOP; return how many that is.

    What a person has withdrawn stays withdrawn, and no consent is made up that nobody gave before.
    """
    query = select(consent).where(_theirs(number, customer_id), consent.c.withdrawn_at.is_not(None))
    last = {
        tuple(getattr(row, name) for name in _SCOPE): row
        for row in connection.execute(query.order_by(consent.c.withdrawn_at, consent.c.consent_id))
    }
    renewed = 0
    for scope, row in last.items():
        if row.withdrawn_by == who:
            fields = dict(zip(_SCOPE, scope, strict=True))
            again = Consent(source=source, proof=proof, given_at=at, who=who, **fields)
            renewed += add(connection, again, at=at, actor=Actor.PROVIDER) is not None
    return renewed


def covering(connection: Connection, *, numbers: Sequence[str], customer_ids: Sequence[str]) -> list[Consent]:
    """Return the consents of any of these numbers (E.164) or customers that nobody has withdrawn, oldest first."""
    rows: dict[int, Row[Any]] = {}
    for query, subjects in zip(_COVERING, (numbers, customer_ids), strict=True):
        for chunk in chunks(subjects):
            rows |= {row.consent_id: row for row in connection.execute(query, {"subjects": chunk})}
    return [_to_consent(rows[key]) for key in sorted(rows)]


def listing(
    connection: Connection,
    *,
    active_only: bool,
    limit: int,
    number: str | None = None,
    customer_id: str | None = None,
) -> list[Consent]:
    """Return the newest consents, at most `limit`, of a number or a customer where one is given."""
    query = select(consent).order_by(consent.c.consent_id.desc()).limit(limit)
    query = query.where(*_named({"number": number, "customer_id": customer_id}))
    if active_only:
        query = query.where(_standing())
    return [_to_consent(row) for row in connection.execute(query)]


def _row(entry: Consent) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _GIVEN}


def _end(
    connection: Connection,
    *where: ColumnElement[bool],
    who: str,
    reason: str,
    at: datetime,
    actor: Actor = Actor.OPERATOR,
) -> int:
    signed = {"withdrawn_by": who, "withdrawn_because": reason.strip()}
    require_fit(consent, signed)
    rows = connection.execute(select(consent).where(_standing(), *where).with_for_update()).mappings().all()
    for chunk in chunks([row["consent_id"] for row in rows]):
        ended = update(consent).where(consent.c.consent_id.in_(chunk))
        connection.execute(ended.values(withdrawn_at=at, **signed))
    told = [_entry(dict(row), who, signed["withdrawn_because"], actor, withdrawn=True) for row in rows]
    record.append(connection, told, at=at)
    return len(rows)


def _named(given: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
    return [consent.c[name] == value for name, value in given.items() if value is not None]


def _equals(name: str, value: str | None) -> ColumnElement[bool]:
    column = consent.c[name]
    return column.is_(None) if value is None else column == value


def _theirs(number: str, customer_id: str | None) -> ColumnElement[bool]:
    """Return the condition that a consent to texts is about this number, or this customer's wherever they are."""
    whose = consent.c.number == number
    if customer_id is not None:
        whose = or_(whose, and_(consent.c.customer_id == customer_id, consent.c.number.is_(None)))
    return and_(whose, consent.c.channel.in_(("sms", "*")))


def _withdrawals(entry: Consent) -> Select[Any]:
    """Return the query for the last withdrawal, after this consent was given, of one that was about the same."""
    compatible = [
        or_(consent.c[name].is_(None), consent.c[name] == getattr(entry, name))
        for name in ("number", "customer_id", "account_id")
        if getattr(entry, name) is not None
    ]
    if entry.channel != "*":
        compatible.append(consent.c.channel.in_((entry.channel, "*")))
    named = or_(*_named({"number": entry.number, "customer_id": entry.customer_id}))
    return select(func.max(consent.c.withdrawn_at)).where(named, *compatible, consent.c.withdrawn_at > entry.given_at)


def _standing() -> ColumnElement[bool]:
    """Return the condition that nobody has withdrawn it."""
    return consent.c.withdrawn_at.is_(None)


_COVERING = [
    select(consent).where(among(column, bindparam("subjects")), _standing())
    for column in (consent.c.number, consent.c.customer_id)
]


def _to_consent(row: Row[Any]) -> Consent:
    """Return the row as the domain knows it: their names are the same."""
    return Consent(**row._mapping)  # noqa: SLF001 - its public name, as SQLAlchemy documents it
