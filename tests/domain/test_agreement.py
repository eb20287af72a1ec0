"""Agreements: kept or broken by what the book shows, never by time alone; and what they say against a reminder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account
from reminder.domain.agreement import (
    PARTS_MAX,
    Agreed,
    Agreement,
    AgreementKind,
    AgreementState,
    Part,
    Standing,
    alive,
    breach_step,
    even_parts,
    objection,
    require_sound,
    seen_as_agreed,
    stand,
)
from reminder.domain.money import Money
from reminder.domain.policy import BreachRule, Tier
from reminder.domain.verdict import Reason
from reminder.errors import DataError

DUE = date(2026, 11, 1)
DAY = date(2026, 11, 10)
MADE = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
OPEN, KEPT, BROKEN, CANCELLED = AgreementState
RULE = BreachRule("promise-broken", "breach/promise", 3)


def cny(minor: int) -> Money:
    """Return so many fen."""
    return Money(minor, "CNY")


PROMISE = Agreement(
    AgreementKind.PROMISE, "a1", "c1", DUE, cny(100_00), (Part(DAY, cny(40_00)),), MADE, grace_days=2, agreement_id=17
)
PLAN = replace(
    PROMISE,
    kind=AgreementKind.PLAN,
    parts=(Part(DAY, cny(40_00)), Part(date(2026, 12, 10), cny(30_00)), Part(date(2027, 1, 10), cny(30_00))),
)


def account(minor: int | None = 100_00, *, due: date | None = DUE, closed: bool = False) -> Account:
    """Return the account as the book has it, owing so many fen."""
    return Account("a1", "c1", due, None if minor is None else cny(minor), closed=closed)


STANDINGS = {
    "before its day": (PROMISE, account(), DAY - timedelta(days=1), None, OPEN),
    "on its day": (PROMISE, account(), DAY, None, OPEN),
    "on the last day of grace": (PROMISE, account(), DAY + timedelta(days=2), None, OPEN),
    "the day after": (PROMISE, account(), DAY + timedelta(days=3), None, BROKEN),
    "the day after, book of the last day": (PROMISE, account(), DAY + timedelta(days=3), DAY + timedelta(days=2), OPEN),
    "weeks after, book of long ago": (PROMISE, account(), DAY + timedelta(days=40), DAY, OPEN),
    "the day after, book of that day": (
        PROMISE, account(), DAY + timedelta(days=3), DAY + timedelta(days=3), BROKEN,
    ),
    "a part of it paid": (PROMISE, account(60_01), DAY + timedelta(days=3), None, BROKEN),
    "paid to the cent": (PROMISE, account(60_00), DAY + timedelta(days=3), None, KEPT),
    "paid at once": (PROMISE, account(60_00), DAY - timedelta(days=5), None, KEPT),
    "all paid": (PROMISE, account(0), DAY + timedelta(days=30), None, KEPT),
    "closed": (PROMISE, account(closed=True), DAY, None, KEPT),
    "next instalment in the book": (PROMISE, account(80_00, due=date(2026, 12, 1)), DAY, None, KEPT),
    "due date moved back": (PROMISE, account(due=DUE - timedelta(days=1)), DAY, None, OPEN),
    "amount unreadable, time over": (PROMISE, account(None), DAY + timedelta(days=9), None, OPEN),
    "another currency, time over": (
        PROMISE, replace(account(), amount_due=Money(1, "USD")), DAY + timedelta(days=9), None, OPEN,
    ),
    "more owed than before": (PROMISE, account(103_00), DAY + timedelta(days=3), None, BROKEN),
    "cancelled": (replace(PROMISE, state=CANCELLED), account(0), DAY, None, CANCELLED),
    "kept on record, owing again": (replace(PROMISE, state=KEPT), account(), DAY + timedelta(days=9), None, KEPT),
    "broken on record, paid since": (replace(PROMISE, state=BROKEN), account(60_00), DAY, None, KEPT),
    "broken on record, an older book": (
        replace(PROMISE, state=BROKEN), account(), DAY + timedelta(days=3), DAY, BROKEN,
    ),
    "never ends by itself": (replace(PROMISE, grace_days=None), account(), DAY + timedelta(days=99), None, OPEN),
    "a day's interest, tolerated": (
        replace(PROMISE, tolerance_percent=2), account(60_80), DAY + timedelta(days=3), None, KEPT,
    ),
    "a little more than tolerated": (
        replace(PROMISE, tolerance_percent=2), account(60_81), DAY + timedelta(days=3), None, BROKEN,
    ),
    "plan, first part paid, second ahead": (PLAN, account(60_00), date(2026, 12, 1), None, OPEN),
    "plan, first part missed": (PLAN, account(70_00), DAY + timedelta(days=3), None, BROKEN),
    "plan, second part missed": (PLAN, account(31_00), date(2026, 12, 13), None, BROKEN),
    "plan, all parts paid": (PLAN, account(0), date(2026, 12, 1), None, KEPT),
}  # fmt: skip


@pytest.mark.parametrize(("agreement", "owing", "today", "seen_on", "state"), STANDINGS.values(), ids=STANDINGS)
def test_the_book_decides(
    agreement: Agreement, owing: Account, today: date, seen_on: date | None, state: AgreementState
) -> None:
    """Promise: kept as soon as the book shows the payment, broken only when a book read after the last day lacks it."""
    standing = stand(agreement, owing, today=today, seen_on=seen_on)

    assert standing.state is state
    assert standing.why or agreement.state is not OPEN


def test_a_standing_says_what_is_missing() -> None:
    """Promise: of a part paid by halves only the rest is asked for, and of later parts nothing."""
    standing = stand(PLAN, account(85_00), today=DAY, seen_on=None)

    assert standing.part == PLAN.parts[0]
    assert standing.missing == cny(25_00)
    assert stand(PLAN, account(50_00), today=DAY, seen_on=None).missing == cny(20_00)
    assert stand(PLAN, account(130_00), today=DAY, seen_on=None).missing == cny(40_00)


@given(paid=st.integers(0, 120_00), more=st.integers(0, 50_00), days=st.integers(0, 100), lag=st.integers(0, 20))
def test_paying_more_never_makes_it_worse(paid: int, more: int, days: int, lag: int) -> None:
    """Promise: a larger payment never turns an open plan into a broken one, nor a kept one into an open one."""
    order = [BROKEN, OPEN, KEPT]
    today = DAY + timedelta(days=days)
    states = [
        stand(PLAN, account(100_00 - each), today=today, seen_on=today - timedelta(days=lag)).state
        for each in (paid, paid + more)
    ]

    assert order.index(states[0]) <= order.index(states[1])


@given(days=st.integers(-5, 100), later=st.integers(0, 100), paid=st.integers(0, 99_99))
def test_without_a_newer_book_nothing_is_broken(days: int, later: int, paid: int) -> None:
    """Promise: time alone breaks nothing. With the book as it was on the last day, it stays open for ever."""
    last = PROMISE.last_day(PROMISE.parts[0])
    assert last is not None
    standing = stand(PROMISE, account(100_00 - paid), today=last + timedelta(days=days + later), seen_on=last)

    assert standing.state is not BROKEN


def agreed(agreement: Agreement, state: AgreementState) -> Agreed:
    """Return an agreement that stands like this, with the step of its breach."""
    standing = Standing(state, "test", agreement.parts[0], agreement.parts[0].amount)
    return Agreed(agreement, standing, breach_step(RULE, agreement, standing, DUE))


def test_the_step_of_a_breach_is_its_own() -> None:
    """Promise: it opens on the first day after the days for booking, and its key belongs to this promise alone."""
    step = breach_step(RULE, PROMISE, Standing(BROKEN, "", PROMISE.parts[0]), DUE)

    assert step is not None
    assert (step.key, step.id, step.tier, step.leg) == ("promise-broken.17", "promise-broken", Tier.BREACH, "sms")
    assert (step.opens, step.closes) == (12, 14)  # the promise was for day 9, with two days for booking
    assert breach_step(None, PROMISE, Standing(BROKEN, ""), DUE) is None
    assert breach_step(RULE, replace(PROMISE, grace_days=None), Standing(OPEN, ""), DUE) is None


OBJECTIONS = {
    "open promise, any step": ([agreed(PROMISE, OPEN)], "late", DUE, 5, Reason.HOLD, False),
    "open promise, its own breach": ([agreed(PROMISE, OPEN)], "promise-broken.17", DUE, 12, Reason.HOLD, False),
    "open plan, the book's cycle": ([agreed(PLAN, OPEN)], "late", DUE, 5, Reason.HOLD, False),
    "open plan, one of its days": ([agreed(PLAN, OPEN)], "ahead", DAY, -3, None, False),
    "broken, its own step": ([agreed(PROMISE, BROKEN)], "promise-broken.17", DUE, 12, None, False),
    "broken, the policy's step on its days": ([agreed(PROMISE, BROKEN)], "late", DUE, 14, Reason.HOLD, False),
    "broken, the policy's step the day after": ([agreed(PROMISE, BROKEN)], "late", DUE, 15, None, False),
    "kept since, its breach": ([agreed(PROMISE, KEPT)], "promise-broken.17", DUE, 12, Reason.PAID, True),
    "cancelled, its breach": ([agreed(PROMISE, CANCELLED)], "promise-broken.17", DUE, 12, Reason.OPERATOR, True),
    "kept, the policy's step": ([agreed(PROMISE, KEPT)], "late", DUE, 12, None, False),
    "a new promise, the old breach": (
        [agreed(PROMISE, BROKEN), agreed(replace(PROMISE, agreement_id=18), OPEN)],
        "promise-broken.17", DUE, 12, Reason.HOLD, False,
    ),
    "nothing agreed": ([], "late", DUE, 5, None, False),
}  # fmt: skip


@pytest.mark.parametrize(("found", "key", "cycle", "dpd", "reason", "final"), OBJECTIONS.values(), ids=OBJECTIONS)
def test_what_was_agreed_speaks_first(
    found: list[Agreed], key: str, cycle: date, dpd: int, reason: Reason | None, final: bool
) -> None:
    """Laws 5 and 6: no text while a promise is open; of a breach only its own step, and only while it is true."""
    against = objection(found, step_key=key, due_date=cycle, dpd=dpd)

    assert (against.reason if against else None) is reason
    assert against is None or against.final is final


def test_a_plan_lends_its_day_and_amount() -> None:
    """Promise: a reminder of a plan's cycle speaks of the part that is open; any other of the account as it is."""
    standing = stand(PLAN, account(60_00), today=date(2026, 12, 1), seen_on=None)
    force = Agreed(PLAN, standing)

    seen = seen_as_agreed(account(60_00), [force], date(2026, 12, 10))

    assert (seen.due_date, seen.amount_due) == (date(2026, 12, 10), cny(30_00))
    assert seen_as_agreed(account(60_00), [force], DUE) == account(60_00)
    assert seen_as_agreed(account(60_00), [agreed(PROMISE, OPEN)], DAY) == account(60_00)
    assert alive([agreed(PLAN, BROKEN), agreed(PLAN, KEPT)]) is None


UNSOUND = {
    "no part": (replace(PLAN, parts=()), "1 to 120 amounts"),
    "too many parts": (replace(PLAN, parts=(Part(DAY, cny(1)),) * (PARTS_MAX + 1)), "found 121"),
    "a day that is over": (replace(PLAN, parts=(Part(DAY - timedelta(days=9), cny(1)),)), "from 2026-11-05 on"),
    "days out of order": (replace(PLAN, parts=PLAN.parts[::-1][:2]), "sort them"),
    "a day twice": (replace(PLAN, parts=(PLAN.parts[0], PLAN.parts[0])), "each once"),
    "nothing": (replace(PLAN, parts=(Part(DAY, cny(0)),)), "above zero"),
    "another currency": (replace(PLAN, parts=(Part(DAY, Money(1, "USD")),)), "amount of CNY"),
    "more than is owed": (replace(PLAN, parts=(Part(DAY, cny(100_01)),)), "at most what is owed, 100.00 CNY"),
}


@pytest.mark.parametrize(("agreement", "told"), UNSOUND.values(), ids=UNSOUND)
def test_what_can_not_be_kept_is_refused(agreement: Agreement, told: str) -> None:
    """Promise: an agreement that could never be judged is refused when it is made, with what to change."""
    with pytest.raises(DataError, match=told.replace("(", r"\(")):
        require_sound(agreement, MADE.date())


def test_sound_ones_pass() -> None:
    """A promise for today, and a plan over all that is owed, can be made."""
    require_sound(replace(PROMISE, parts=(Part(MADE.date(), cny(100_00)),)), MADE.date())
    require_sound(PLAN, MADE.date())


@given(minor=st.integers(1, 10**9), months=st.integers(1, 120), offset=st.integers(0, 3_000))
def test_even_parts_are_all_of_it(minor: int, months: int, offset: int) -> None:
    """Promise: monthly parts sum up to what is owed to the last fen, on days in order, and are alike."""
    first = date(2026, 1, 31) + timedelta(days=offset)
    parts = even_parts(cny(minor), first, months)

    assert sum(part.amount.minor for part in parts) == minor
    assert len(parts) == months
    assert parts[0].day == first
    assert all(before.day < part.day for before, part in pairwise(parts))
    assert all(0 <= parts[-1].amount.minor - part.amount.minor < months for part in parts)


def test_a_month_without_the_day_ends_on_its_last() -> None:
    """Promise: the 31st of January is followed by the 28th of February and the 31st of March."""
    days = [part.day for part in even_parts(cny(300), date(2027, 1, 31), 3)]

    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]
