"""The book of the bench: as many accounts as asked for, of which so many are inside some step's days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, text

from bench.databases import Store
from reminder.domain import phone
from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.policy import Policy
from reminder.store.schema import account
from support.worlds import DAYTIME, World, policy, step

__all__ = ["AT", "FIRST", "LAST", "POLICY", "TODAY", "fill", "forget_phones", "world"]

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, inside the contact window."""

TODAY = date(2026, 11, 23)
FIRST, LAST = date(2026, 10, 24), date(2026, 11, 29)
"""The due dates that are inside some step's days at that instant: 30 days ago to 6 days ahead."""

STEPS = (
    step("week-ahead", -7, -2),
    step("day-ahead", -1, -1),
    step("due", 0, 2),
    step("grace-ends", 3, 3),
    step("overdue", 4, 9),
    step("weekly", 10, 16),
    step("weekly.2", 17, 30),
)

POLICY: Policy = policy(steps=STEPS, window=DAYTIME, caps=(Cap(1, CapPeriod.DAY), Cap(3, CapPeriod.ROLLING, 7)))

_COLUMNS = (
    "account_id, customer_id, name, phone, due_date, amount_due, currency, language, timezone, product, closed, "
    "attributes, loaded_at"
)

_SQLITE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :accounts)
INSERT INTO account ({columns})
SELECT printf('A%09d', i), printf('C%09d', i), '王小明', printf('138%08d', i % 100000000),
  date('{today}', CASE WHEN i % :stride = 0 THEN (i / :stride * 7) % 37 - 30 ELSE -100 - i % 300 END || ' days'),
  12345 + i % 1000, 'CNY', 'zh-CN', 'Asia/Shanghai', 'cash-loan', 0, '{{}}', :at FROM n
"""

_POSTGRESQL = """
INSERT INTO account ({columns})
SELECT 'A' || lpad(i::text, 9, '0'), 'C' || lpad(i::text, 9, '0'), '王小明',
  '138' || lpad((i % 100000000)::text, 8, '0'),
  date '{today}' + (CASE WHEN i % :stride = 0 THEN (i / :stride * 7) % 37 - 30 ELSE -100 - i % 300 END)::int,
  12345 + i % 1000, 'CNY', 'zh-CN', 'Asia/Shanghai', 'cash-loan', false, '{{}}', :at
FROM generate_series(1, :accounts) AS i
"""


def fill(store: Store, accounts: int, due: int) -> None:
    """Fill the book, and let the database know what is in it, as it would by itself in time."""
    sql = (_SQLITE if store.name == "sqlite" else _POSTGRESQL).format(columns=_COLUMNS, today=TODAY)
    statement = text(sql).bindparams(bindparam("at", AT, type_=account.c.loaded_at.type))
    with store.engine.begin() as connection:
        connection.execute(account.delete())
        connection.execute(statement, {"accounts": accounts, "stride": accounts // due})
    settle = "ANALYZE" if store.name == "sqlite" else "VACUUM (ANALYZE) account"
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(settle)


def world(store: Store, **given: Any) -> World:
    """Return a deployment on this database, at the bench's instant."""
    return World(store.engine, policies=(POLICY,), at=AT, **given)


def forget_phones() -> None:
    """Let every number be read anew, as in a pass over customers that the process has not met yet."""
    phone._parse.cache_clear()
