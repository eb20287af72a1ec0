"""What customers agree to in a year: promises to pay, plans, and to be texted at all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from reminder.domain.agreement import AgreementKind, Part
from reminder.domain.consent import Consent
from reminder.domain.money import Money
from reminder.domain.record import Kind
from reminder.errors import DataError, StoreError
from reminder.pipeline.agreements import make
from reminder.pipeline.facts import reading
from reminder.store import agreements, consents
from reminder.store.schema import consent
from years.memory import e164
from years.picking import some_loan
from years.pledges import Consented, Pledge

if TYPE_CHECKING:
    from years.year import Year

__all__ = ["agree_to_texts", "cancel", "promise", "withdraw"]

_KINDS = {"promise": Kind.PROMISE, "plan": Kind.REPAYMENT_PLAN}


def promise(year: Year) -> str:
    """Promise a part or all of what is owed by a day, or a plan of two or three parts."""
    dice, loan, at = year.dice, some_loan(year), year.clock.now()
    rule = year.judge.rule_for(loan)
    if rule is None or year.clock.offset or loan.minor < 3:
        return ""
    today = at.astimezone(rule.zone).date()
    kind = dice.choice(("promise", "plan"))
    first = today + timedelta(days=dice.randint(0, 6))
    if kind == "promise":
        parts = [(first, dice.choice((loan.minor, max(1, loan.minor // 2))))]
    else:
        count = dice.choice((2, 3))
        parts = [(first + timedelta(days=number * dice.choice((5, 7))), loan.minor // count) for number in range(count)]
        parts = sorted(dict(parts).items())
    grace = dice.randint(0, 2)
    deployment = year.process().live.deployment
    try:
        with reading(deployment) as (_, book):
            made = make(
                deployment, book, kind=AgreementKind(kind), account_id=loan.loan_no,
                parts=lambda owed: [Part(day, Money(minor, owed.currency)) for day, minor in parts],
                grace_days=grace, tolerance_percent=0, note="by telephone", who="officer", at=at,
            )  # fmt: skip
        with year.engine.begin() as connection:
            number = agreements.add(connection, made)
    except DataError:
        return ""  # it has one already, or the table does not show it now
    year.witness.act(_KINDS[kind], number)
    year.judge.pledges.append(Pledge(number, kind, loan.loan_no, loan.due, loan.minor, tuple(parts), grace))
    return f"{kind} {number} on {loan.loan_no}: {parts}, {grace} days for booking"


def cancel(year: Year) -> str:
    """Take back a promise or a plan that may still be open."""
    mine = [pledge for pledge in year.judge.pledges if not pledge.cancelled]
    if not mine:
        return ""
    pledge = year.dice.choice(mine)
    try:
        with year.engine.begin() as connection:
            agreements.cancel(
                connection, pledge.number, kind=AgreementKind(pledge.kind), why="a mistake", who="officer",
                at=year.clock.now(),
            )  # fmt: skip
    except StoreError:
        return ""  # the book had ended it
    pledge.cancelled = True
    year.witness.act(_KINDS[pledge.kind], pledge.number)
    return f"{pledge.kind} {pledge.number}"


def agree_to_texts(year: Year) -> str:
    """Let a customer agree to be texted, to one number or to any."""
    loan, at = some_loan(year), year.clock.now()
    number = e164(loan.mobile) if year.dice.random() < 0.4 else None
    given = Consent(
        channel="sms", source="contract", proof="page 3", given_at=at, who="officer", customer_id=loan.cust_no,
        number=number,
    )  # fmt: skip
    try:
        with year.engine.begin() as connection:
            key = consents.add(connection, given, at=at)
    except DataError:
        return ""  # taken back at an instant that lies ahead, by a clock that was wrong
    if key is None:
        return ""
    year.witness.act(Kind.CONSENT, key)
    year.judge.consents.append(Consented(loan.cust_no, number, at))
    return f"{loan.cust_no}, {'one number' if number else 'any number'}"


def withdraw(year: Year) -> str:
    """Let a customer take back what they agreed to, by letter."""
    standing = [given for given in year.judge.consents if given.until is None]
    if not standing:
        return ""
    customer, at = year.dice.choice(standing).customer, year.clock.now()
    with year.engine.begin() as connection:
        theirs = select(consent.c.consent_id).where(consent.c.customer_id == customer, consent.c.withdrawn_at.is_(None))
        keys = list(connection.scalars(theirs))
        consents.withdraw(connection, customer_id=customer, who="officer", reason="by letter", at=at)
    for key in keys:
        year.witness.act(Kind.CONSENT, key)
    for given in standing:
        if given.customer == customer:
            given.until = at
    return customer
