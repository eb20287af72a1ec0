"""Lists of keys are answered by indices, whatever the database knows of its tables: batches cost what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, insert

from reminder.domain.caps import CapScope
from reminder.domain.hold import HoldKind
from reminder.domain.lifecycle import Event, State
from reminder.store import agreements, consents, holds, numbers, outbox, receipts, suppressions
from reminder.store.contacts import Ask, contacts
from reminder.store.schema import bad_number
from support.explaining import plans
from support.outbox_rows import AT, remind, write_attempt

KEYS = [f"C-{number}" for number in range(60)]
NUMBERS = [f"+86138{number:08}" for number in range(60)]
SCOPES = (CapScope.CUSTOMER, CapScope.NUMBER, CapScope.ACCOUNT, CapScope.CLAIM)
ASK = Ask(frozenset(SCOPES), timedelta(days=30), refused=True, lost=True)

QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "claim": lambda to: outbox.claim(to, owner="me", at=AT, lease_seconds=60, limit=50),
    "held_by": lambda to: outbox.held_by(to, range(1, 50), owner="me"),
    "receipts": lambda to: receipts.move(to, KEYS, Event.DELIVER, State.SENT, reason="r", code=None, at=AT),
    "holds": lambda to: holds.in_force(to, account_ids=KEYS, customer_ids=KEYS, at=AT),
    "suppressions": lambda to: suppressions.covering(to, numbers=NUMBERS, customer_ids=KEYS, account_ids=KEYS),
    "consents": lambda to: consents.covering(to, numbers=NUMBERS, customer_ids=KEYS),
    "numbers": lambda to: numbers.bad_among(to, NUMBERS),
    "agreements": lambda to: agreements.of_accounts(to, KEYS),
    "contacts": lambda to: contacts(to, ASK, [(scope, key) for scope in SCOPES for key in KEYS], at=AT),
}


def fill(connection: Connection) -> None:
    """Write some rows of each table, so that reading a table whole is not free."""
    for number, key in enumerate(KEYS * 3):
        remind(connection, f"{key}-{number}", customer_id=key)
    for number, (key, phone) in enumerate(zip(KEYS, NUMBERS, strict=True)):
        write_attempt(connection, f"r-{number}", customer_id=key, number=phone, account_id=key, claim_id=key)
        holds.add(connection, kind=HoldKind.MANUAL, reason="r", who="w", at=AT, account_id=key)
        suppressions.add(connection, source="s", who="w", at=AT, number=phone)
    marks = [{"number": phone, "gateway": "g", "code": "c", "marked_at": AT} for phone in NUMBERS]
    connection.execute(insert(bad_number), marks)


@pytest.mark.parametrize("counted", [True, False], ids=["statistics", "no statistics"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_list_of_keys_is_answered_by_an_index(engine: Engine, question: str, counted: bool) -> None:
    """No question of a batch reads a table whole, whether the database has counted its rows or not (law 12)."""
    with engine.begin() as connection:
        fill(connection)
    if counted and engine.dialect.name != "mysql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    with engine.begin() as connection, plans(connection) as found:
        QUESTIONS[question](connection)
    assert found
    for plan in found:
        assert not _whole(engine.dialect.name, plan), plan
        # Without statistics SQLite takes any state for a rare one, and would read all that are planned for each batch.
        assert not re.search("ix_outbox_state.*json_each", plan, re.DOTALL), plan


def _whole(dialect: str, plan: str) -> list[str]:
    """Return what a plan reads whole; on MariaDB, which does so with small tables, what it could read no other way."""
    if dialect == "mysql":
        return re.findall(r"'ALL', None, None", plan)
    return re.findall(r"SCAN (?!json_each)\w+" if dialect == "sqlite" else r"Seq Scan on \w+", plan)
