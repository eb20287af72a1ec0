"""Tryton's dunning, run by Tryton's own Python: `python tryton_peer.py RECEIVABLES` prints its seconds as JSON.

A book of receivables past their date, made by Tryton's own means in SQLite in memory, and `generate_dunnings` over all
of them: one dunning each, as its scheduler makes them every day. Nothing is decided at sending, rendered or sent.
"""

from __future__ import annotations

import datetime
import json
import sys
from decimal import Decimal
from time import perf_counter
from typing import Any

from trytond.modules.account.tests import create_chart, get_fiscalyear
from trytond.modules.company.tests import create_company, set_company
from trytond.pool import Pool
from trytond.tests.test_tryton import activate_module, with_transaction

__all__: list[str] = []

LATE = datetime.timedelta(5)


def _party() -> object:
    """Make a customer under a procedure of one level: five days late."""
    pool = Pool()
    procedure = pool.get("account.dunning.procedure")(name="bench")
    procedure.levels = [pool.get("account.dunning.level")(sequence=1, overdue=LATE)]
    procedure.save()
    party = pool.get("party.party")(name="Customer", dunning_procedure=procedure)
    party.save()
    return party


def _receivables(company: Any, rows: int, today: datetime.date) -> None:
    """Post so many receivables that are ten days late."""
    pool = Pool()
    move_class, line_class = pool.get("account.move"), pool.get("account.move.line")
    account_class = pool.get("account.account")
    ours = [("company", "=", company.id), ("closed", "!=", True)]
    (receivable,) = account_class.search([("type.receivable", "=", True), *ours], limit=1)
    (revenue,) = account_class.search([("type.revenue", "=", True), *ours], limit=1)
    year = get_fiscalyear(company, today)
    year.save()
    pool.get("account.fiscalyear").create_period([year])
    period = year.periods[0]
    (journal,) = pool.get("account.journal").search([("code", "=", "REV")])
    party = _party()
    moves = []
    for _ in range(rows):
        owed = line_class(
            account=receivable, party=party, debit=Decimal(100), maturity_date=today - 2 * LATE, credit=Decimal(0)
        )
        earned = line_class(account=revenue, credit=Decimal(100), debit=Decimal(0))
        moves.append(move_class(period=period, journal=journal, date=period.start_date, lines=[owed, earned]))
    move_class.save(moves)


@with_transaction()  # type: ignore[untyped-decorator]
def _run(rows: int, today: datetime.date) -> dict[str, float]:
    company = create_company()
    with set_company(company):
        create_chart(company)
        _receivables(company, rows, today)
        dunning = Pool().get("account.dunning")
        begun = perf_counter()
        dunning.generate_dunnings(today)
        seconds = perf_counter() - begun
        return {"seconds": seconds, "dunnings": dunning.search([], count=True)}


def main(rows: str) -> None:
    """Make the book, dun, and tell what it took."""
    activate_module("account_dunning")
    # Whatever day it is: the fiscal year is that of the book.
    sys.stdout.write(json.dumps(_run(int(rows), datetime.date(2026, 11, 23))))


if __name__ == "__main__":
    main(*sys.argv[1:])
