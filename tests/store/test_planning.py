"""Planning in SQL: what is there already is passed over, whoever wrote it, and each row gets its own times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Date, Engine, MetaData, String, Table, insert, select, true
from sqlalchemy.exc import DataError

from reminder.store import planning, schema
from reminder.store.engine import open_engine
from reminder.store.planning import DueAccounts, StepPlan
from support.outbox_rows import remind, snapshot

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 3)
DAYS = [FIRST + timedelta(days=offset) for offset in range(3)]
OPENS = {"Asia/Shanghai": AT + timedelta(hours=16), "Europe/London": AT + timedelta(minutes=1)}
PLAN = StepPlan(
    policy="p", step="s", leg="sms", first_due=FIRST, last_due=LAST,
    expires_at={day: datetime(2026, 3, 10, tzinfo=UTC) + (day - FIRST) for day in DAYS}, opens_at=OPENS, at=AT,
)  # fmt: skip

BOOK = Table(
    "planning_book", MetaData(), Column("id", String(64)), Column("customer", String(64)), Column("due", Date),
    Column("zone", String(64)), mysql_charset="utf8mb4", mysql_collate="utf8mb4_nopad_bin",
)  # fmt: skip
DUE = DueAccounts(
    selectable=BOOK, account_id=BOOK.c.id, customer_id=BOOK.c.customer, due_date=BOOK.c.due, timezone=BOOK.c.zone,
    condition=true(),
)  # fmt: skip


@pytest.fixture
def book(engine: Engine) -> Iterator[Engine]:
    """Lend the database with a book beside the outbox: a table without any key."""
    BOOK.create(engine)
    yield engine
    BOOK.drop(engine)


def put(connection: Connection, account_id: str, due: date = FIRST, zone: str | None = None) -> None:
    """Put an account into the book."""
    connection.execute(insert(BOOK).values(id=account_id, customer=f"C-{account_id}", due=due, zone=zone))


def imagined(connection: Connection) -> list[str]:
    """Return the accounts that a plan would take now."""
    return sorted(row.account_id for row in connection.execute(planning.due_select(DUE, PLAN)))


def test_each_row_gets_its_times(book: Engine) -> None:
    """Law 6 in SQL: a row opens with its zone's window and closes with its due date's days; the rest is as planned."""
    with book.begin() as connection:
        for day in DAYS:
            for zone in (*OPENS, "Mars/Olympus", None):
                put(connection, f"{day}/{zone}", day, zone)
        assert planning.insert_planned(connection, DUE, PLAN) == 12

    for row in snapshot(book).values():
        day, _, zone = row.account_id.partition("/")
        assert row.not_before == OPENS.get(zone, AT)
        assert row.expires_at == PLAN.expires_at[date.fromisoformat(day)]
        assert (row.customer_id, row.policy, row.step, row.leg) == (f"C-{row.account_id}", "p", "s", "sms")
        assert (row.state, row.attempts, row.reason, row.lease_owner) == ("planned", 0, "", None)
        assert (row.planned_at, row.changed_at) == (AT, AT)


def test_what_is_planned_is_not_found_again(book: Engine) -> None:
    """Laws 1 and 12: the query of plan and preview leaves out what the outbox has, in whatever state it is."""
    with book.begin() as connection:
        for name in ("new", "planned", "sent", "other day", "other step", "other leg"):
            put(connection, name)
        remind(connection, "planned", due_date=FIRST)
        remind(connection, "sent", due_date=FIRST, state="sent")
        remind(connection, "other day", due_date=LAST)
        remind(connection, "other step", due_date=FIRST, step="t")
        remind(connection, "other leg", due_date=FIRST, leg="voice")

        assert imagined(connection) == ["new", "other day", "other leg", "other step"]
        planning.insert_planned(connection, DUE, PLAN)
        assert imagined(connection) == []
        assert planning.insert_planned(connection, DUE, PLAN) == 0


def test_a_key_that_the_book_has_twice_is_one_row(book: Engine) -> None:
    """Laws 2 and 9: a double makes neither a second reminder nor an error that stops the others."""
    with book.begin() as connection:
        for name in ("twice", "twice", "once"):
            put(connection, name)
        planning.insert_planned(connection, DUE, PLAN)
    assert sorted(row.account_id for row in snapshot(book).values()) == ["once", "twice"]


@pytest.mark.parametrize("keys", [("A-1", "a-1"), ("A-1", "A-1 "), ("é", "e")], ids=["case", "space", "accent"])
def test_keys_that_only_look_alike_are_two(book: Engine, keys: tuple[str, str]) -> None:
    """Law 2: keys that a lazy collation takes for equal are two accounts, and both are planned."""
    with book.begin() as connection:
        for key in keys:
            put(connection, key)
        planning.insert_planned(connection, DUE, PLAN)
        assert planning.not_planned(connection, PLAN, [(key, FIRST) for key in (*keys, "other")]) == {("other", FIRST)}
    assert sorted(row.account_id for row in snapshot(book).values()) == sorted(keys)


def rows(*names: str) -> list[dict[str, Any]]:
    """Return outbox rows for accounts of a book in another database."""
    return [
        planning.planned_row(PLAN, account_id=name, customer_id="C", due_date=FIRST, timezone="Europe/London")
        for name in names
    ]


def test_rows_that_are_there_are_passed_over(engine: Engine) -> None:
    """Law 2: between looking and writing, another planner may have been first; its row stays as it is."""
    with engine.begin() as connection:
        reminder_id = remind(connection, "A", due_date=FIRST, state="sent", reason="accepted")
    before = snapshot(engine)[reminder_id]
    with engine.begin() as connection:
        planning.insert_rows(connection, rows("A", "B", "B", "C"))
        assert planning.insert_rows(connection, []) == 0

    after = snapshot(engine)
    assert after[reminder_id] == before
    assert sorted(row.account_id for row in after.values()) == ["A", "B", "C"]


def test_rows_are_as_those_planned_in_one_statement(book: Engine) -> None:
    """Law 1: a book in another database gives the very same rows."""
    with book.begin() as connection:
        for day, zone in zip(DAYS, (*OPENS, None), strict=True):
            put(connection, f"A-{day}", day, zone)
        planning.insert_planned(connection, DUE, PLAN)
        columns = [column for column in schema.outbox.columns if column.name != "reminder_id"]
        in_one = connection.execute(select(*columns).order_by(schema.outbox.c.account_id)).all()
        connection.execute(schema.outbox.delete())
        planning.insert_rows(
            connection,
            [
                planning.planned_row(PLAN, account_id=f"A-{day}", customer_id=f"C-A-{day}", due_date=day, timezone=zone)
                for day, zone in zip(DAYS, (*OPENS, None), strict=True)
            ],
        )
        one_by_one = connection.execute(select(*columns).order_by(schema.outbox.c.account_id)).all()
    assert one_by_one == in_one


def test_too_long_a_text_is_an_error_and_not_cut(server_url: str) -> None:
    """Nothing is lost silently: passing over doubles does not pass over texts that do not fit."""
    engine = open_engine(server_url)
    with engine.connect() as connection, pytest.raises(DataError):
        planning.insert_rows(connection, rows("x" * 65))
    engine.dispose()


def test_who_has_no_row_for_the_step_yet(engine: Engine) -> None:
    """Law 2: only what has no row for this very step, due date and leg is new."""
    with engine.begin() as connection:
        remind(connection, "A", due_date=FIRST)
        remind(connection, "B", due_date=FIRST, step="t")
        remind(connection, "C", due_date=FIRST, leg="voice")
        remind(connection, "D", due_date=LAST)
        keys = [(name, FIRST) for name in "ABCDE"]
        assert planning.not_planned(connection, PLAN, keys) == {(name, FIRST) for name in "BCDE"}
