"""Whom it happens to: rather somebody who deserves a step in the next hours, for there it hurts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from years.lender import Loan

if TYPE_CHECKING:
    from years.year import Year

__all__ = ["some_loan"]


def some_loan(year: Year) -> Loan:
    """Return an account, rather one that deserves a step in the next hours."""
    loans = list(year.lender.loans.values())
    soon = year.clock.now() + timedelta(hours=year.dice.choice((0, 2, 12)))
    for loan in year.dice.sample(loans, min(len(loans), 12)):
        rule = year.judge.rule_for(loan)
        if rule is not None and loan.owed and rule.deserved(loan, soon) is not None:
            return loan
    return year.dice.choice(loans)
