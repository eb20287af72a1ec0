"""Was it paid within some days after the text? Answered only as far as anybody has seen.

A book says what is owed now, not since when. So payments are dated by what was seen of a cycle at other times: it was
owed whenever one of its reminders was planned or texted, it was paid when a later reminder was cancelled for that
reason, and it is paid or owed now. What lies between the last sight of the debt and the first sight of the payment is
not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from reminder.book.book import Book
from reminder.domain.account import Account
from reminder.store import history
from reminder.store.history import Sign, Told

__all__ = ["Repaid", "Sights", "asked_of", "repaid", "sights_of"]

PAGE_REMINDERS = 5_000
"""How many reminders are held in memory at a time."""


class Repaid(StrEnum):
    """Whether a cycle was paid within some days after a text."""

    PAID = "paid"  #: It was seen paid within the days.
    NOT_PAID = "not_paid"  #: It was still owed after them.
    UNSEEN = "unseen"  #: It is paid, or gone from the book, but nobody saw whether that was in time.
    TOO_EARLY = "too_early"  #: The days are not over, and it is owed still.


@dataclass(frozen=True, slots=True)
class Sights:
    """When a cycle was seen to be owed and to be paid (UTC), in any order."""

    owed: tuple[datetime, ...]
    paid: tuple[datetime, ...]


def repaid(sights: Sights, told_at: datetime, *, days: int, at: datetime) -> Repaid:
    """Return what is known at the instant `at` (UTC) of a payment within `days` after the text of `told_at` (UTC)."""
    end = told_at + timedelta(days=days)
    if any(told_at <= seen <= end for seen in sights.paid):
        return Repaid.PAID
    if any(seen >= end for seen in sights.owed):
        return Repaid.NOT_PAID
    return Repaid.TOO_EARLY if at < end else Repaid.UNSEEN


def sights_of(due_date: date, signs: Iterable[Sign], accounts: Sequence[Account], *, at: datetime) -> Sights:
    """Return the sights of one cycle, from the reminders of its account and from its rows in the book at `at` (UTC).

    A due date that has moved on counts as paid: a book moves on to the next instalment when one is paid. That it was
    put off instead can't be told apart.
    """
    owed: list[datetime] = []
    paid: list[datetime] = []
    for sign in signs:
        if sign.due_date == due_date:
            owed.append(sign.owed_at)
            paid += [seen for seen in (sign.settled_at, sign.moved_at) if seen is not None]
        elif sign.due_date > due_date:
            paid.append(sign.owed_at)
    if len(accounts) == 1:
        _look(accounts[0], due_date, owed, paid, at)
    return Sights(tuple(owed), tuple(paid))


def _look(account: Account, due_date: date, owed: list[datetime], paid: list[datetime], at: datetime) -> None:
    if account.settled or (account.due_date is not None and account.due_date > due_date):
        paid.append(at)
    elif account.due_date == due_date and account.amount_due is not None:
        owed.append(at)


def asked_of(
    connection: Connection,
    book_connection: Connection,
    book: Book,
    *,
    since: datetime,
    until: datetime,
    days: int,
    at: datetime,
) -> Iterator[tuple[Told, Repaid]]:
    """Yield every reminder planned in [since, until) (UTC) that was sent, with what is known of its payment."""
    page: list[Told] = []
    while True:
        page = history.told(
            connection, since=since, until=until, after=page[-1] if page else None, limit=PAGE_REMINDERS
        )
        if not page:
            return
        account_ids = sorted({told.account_id for told in page})
        accounts = book.read(book_connection, account_ids)
        signs: dict[str, list[Sign]] = {}
        for sign in history.signs(connection, account_ids):
            signs.setdefault(sign.account_id, []).append(sign)
        for told in page:
            key = told.account_id
            sights = sights_of(told.due_date, signs.get(key, ()), accounts.get(key, ()), at=at)
            yield told, repaid(sights, told.told_at, days=days, at=at)
