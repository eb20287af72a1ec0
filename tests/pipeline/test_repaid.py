"""Payments after a text are told as far as anybody has seen them, and no further."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.pipeline.repaid import Repaid, Sights, repaid, sights_of
from reminder.store.history import Sign

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = date(2026, 11, 20)
hours = st.integers(min_value=0, max_value=24 * 20).map(lambda count: AT + timedelta(hours=count))


def _account(due_date: date | None = DUE, minor: int | None = 100, *, closed: bool = False) -> Account:
    amount = Money(minor, "CNY") if minor is not None else None
    return Account("A", "C", due_date, amount, closed=closed)


@pytest.mark.parametrize(
    ("owed", "paid", "now", "expected"),
    [
        ([], [3], 3, Repaid.PAID),
        ([], [7], 9, Repaid.PAID),
        ([7], [8], 8, Repaid.NOT_PAID),
        ([6], [8], 8, Repaid.UNSEEN),
        ([3], [], 3, Repaid.TOO_EARLY),
        ([0], [], 8, Repaid.UNSEEN),
        ([8], [], 8, Repaid.NOT_PAID),
        ([9], [3], 9, Repaid.PAID),
        ([], [-1], 8, Repaid.UNSEEN),
    ],
    ids=[
        "seen paid in time", "seen paid at the last instant", "owed at the last instant", "paid around the end",
        "owed, and the days are not over", "gone from the book", "owed still", "paid, and owed again later",
        "paid before the text",
    ],
)  # fmt: skip
def test_what_was_seen_decides(owed: list[int], paid: list[int], now: int, expected: Repaid) -> None:
    """A payment counts as in time only when it was seen in time, and as late only when the debt was seen after it."""
    sights = Sights(tuple(AT + day * DAY for day in owed), tuple(AT + day * DAY for day in paid))

    assert repaid(sights, AT, days=7, at=AT + now * DAY) is expected


@given(paid_at=hours, looks=st.lists(hours, min_size=1, max_size=8), days=st.integers(min_value=1, max_value=10))
def test_no_answer_is_ever_wrong(paid_at: datetime, looks: list[datetime], days: int) -> None:
    """Whenever the book was looked at, what is said of a payment is true; only "unseen" and "too early" say nothing."""
    owed = tuple(look for look in looks if look < paid_at)
    paid = tuple(look for look in looks if look >= paid_at)

    answer = repaid(Sights(owed, paid), AT, days=days, at=max(looks))

    in_time = paid_at <= AT + days * DAY
    assert answer in ((Repaid.PAID if in_time else Repaid.NOT_PAID), Repaid.UNSEEN, Repaid.TOO_EARLY)


@given(looks=st.lists(hours, min_size=1, max_size=8), days=st.integers(min_value=1, max_value=10))
def test_who_looks_when_the_days_are_over_knows(looks: list[datetime], days: int) -> None:
    """A debt that is seen at the very end of the days leaves nothing unseen, whatever was seen before."""
    end = AT + days * DAY

    assert repaid(Sights((*looks, end), ()), AT, days=days, at=end) is Repaid.NOT_PAID


@pytest.mark.parametrize(
    ("accounts", "owed", "paid"),
    [
        ([_account()], True, False),
        ([_account(minor=0)], False, True),
        ([_account(closed=True)], False, True),
        ([_account(due_date=DUE + 30 * DAY)], False, True),
        ([_account(due_date=DUE - 30 * DAY)], False, False),
        ([_account(due_date=None)], False, False),
        ([_account(minor=None)], False, False),
        ([], False, False),
        ([_account(minor=0), _account()], False, False),
    ],
    ids=[
        "owed", "paid", "closed", "moved on", "moved back", "no due date", "no amount", "gone", "there twice",
    ],
)  # fmt: skip
def test_the_book_says_what_is_owed_now(accounts: list[Account], owed: bool, paid: bool) -> None:
    """Only an account that is there once and can be read says anything: a book that lost it has not seen it paid."""
    sights = sights_of(DUE, [], accounts, at=AT)

    assert sights == Sights((AT,) if owed else (), (AT,) if paid else ())


def test_reminders_say_what_was_owed_then() -> None:
    """A cancelled reminder dates a payment, and so does the next cycle's first one; an older cycle says nothing."""
    signs = [
        Sign("A", DUE, AT, None, None),
        Sign("A", DUE, AT, AT + DAY, None),
        Sign("A", DUE, AT, None, AT + 2 * DAY),
        Sign("A", DUE + 30 * DAY, AT + 3 * DAY, AT + 9 * DAY, None),
        Sign("A", DUE - 30 * DAY, AT - 30 * DAY, AT - 29 * DAY, None),
    ]

    sights = sights_of(DUE, signs, [], at=AT + 9 * DAY)

    assert sights == Sights((AT, AT, AT), (AT + DAY, AT + 2 * DAY, AT + 3 * DAY))
