"""Planning in SQL: what is there already is passed over, whoever wrote it, and each row gets its own times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Date, Engine, MetaData, String, Table, insert, select, text, true
from sqlalchemy.exc import DataError

from reminder.store import planned_rows, planning, schema
from reminder.store.engine import open_engine
from reminder.store.planning import DueAccounts, PolicyPlan, StepDays
from support.outbox_rows import remind, snapshot

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 3)
DAYS = [FIRST + timedelta(days=offset) for offset in range(3)]
OPENS = {"Asia/Shanghai": AT + timedelta(hours=16), "Europe/London": AT + timedelta(minutes=1)}
EXPIRES = {day: datetime(2026, 3, 10, tzinfo=UTC) + (day - FIRST) for day in DAYS}
PLAN = PolicyPlan("p", (StepDays("s", "sms", EXPIRES),), OPENS, AT)
MORE = PolicyPlan(
    "p",
    (
        StepDays("over", "event", {FIRST: AT + timedelta(days=1)}),
        StepDays("s", "sms", {DAYS[1]: AT + timedelta(days=2), LAST: AT + timedelta(days=3)}),
        StepDays("ahead", "sms", {LAST + timedelta(days=1): AT + timedelta(days=4)}),
    ),
    OPENS,
    AT,
)
"""A policy of several steps, one of which sends nothing."""

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
        assert planning.insert_planned(connection, DUE, PLAN) == {"s": 12}

    for row in snapshot(book).values():
        day, _, zone = row.account_id.partition("/")
        assert row.not_before == OPENS.get(zone, AT)
        assert row.expires_at == EXPIRES[date.fromisoformat(day)]
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
        assert planning.insert_planned(connection, DUE, PLAN) == {}


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
        found = planned_rows.not_in_outbox(connection, rows(*keys, "other"))
        assert [row["account_id"] for row in found] == ["other"]
    assert sorted(row.account_id for row in snapshot(book).values()) == sorted(keys)


def rows(*names: str) -> list[dict[str, Any]]:
    """Return outbox rows for accounts of a book in another database."""
    return [planned_rows.planned_row(PLAN, (name, "C", FIRST, "Europe/London")) for name in names]


def test_rows_that_are_there_are_passed_over(engine: Engine) -> None:
    """Law 2: between looking and writing, another planner may have been first; its row stays as it is."""
    with engine.begin() as connection:
        reminder_id = remind(connection, "A", due_date=FIRST, state="sent", reason="accepted")
    before = snapshot(engine)[reminder_id]
    with engine.begin() as connection:
        planned_rows.insert_rows(connection, rows("A", "B", "B", "C"))
        assert planned_rows.insert_rows(connection, []) == 0

    after = snapshot(engine)
    assert after[reminder_id] == before
    assert sorted(row.account_id for row in after.values()) == ["A", "B", "C"]


@pytest.mark.parametrize("plan", [PLAN, MORE], ids=["one step", "several steps"])
def test_rows_are_as_those_planned_in_one_statement(book: Engine, plan: PolicyPlan) -> None:
    """Law 1: a book in another database gives the very same rows, and the same counts."""
    columns = [column for column in schema.outbox.columns if column.name != "reminder_id"]
    written = select(*columns).order_by(schema.outbox.c.account_id)
    days = [day for step in plan.steps for day in step.expires_at]
    keys = [(f"A-{day}-{zone}", f"C-A-{day}-{zone}", day, zone) for day in days for zone in (*OPENS, None)]
    with book.begin() as connection:
        for account_id, _, day, zone in keys:
            put(connection, account_id, day, zone)
        counts = planning.insert_planned(connection, DUE, plan)
        in_one = connection.execute(written).all()
        connection.execute(schema.outbox.delete())
        assert planned_rows.insert_keys(connection, plan, keys) == counts
        by_keys = connection.execute(written).all()
        assert +planned_rows.insert_keys(connection, plan, keys) == planning.insert_planned(connection, DUE, plan) == {}
        connection.execute(schema.outbox.delete())
        planned_rows.insert_rows(connection, [planned_rows.planned_row(plan, key) for key in keys])
        one_by_one = connection.execute(written).all()
    assert by_keys == one_by_one == in_one
    assert counts == {step.step: 3 * len(step.expires_at) for step in plan.steps}


def test_each_account_gets_the_step_of_its_day(book: Engine) -> None:
    """Law 6: on any day an account deserves one step, and one that sends nothing waits for no window."""
    with book.begin() as connection:
        for day in (FIRST, *DAYS[1:], LAST + timedelta(days=1)):
            put(connection, str(day), day, "Asia/Shanghai")
        planning.insert_planned(connection, DUE, MORE)
    later = OPENS["Asia/Shanghai"]
    assert sorted((row.account_id, row.step, row.leg, row.not_before) for row in snapshot(book).values()) == [
        ("2026-03-01", "over", "event", AT),
        ("2026-03-02", "s", "sms", later),
        ("2026-03-03", "s", "sms", later),
        ("2026-03-04", "ahead", "sms", later),
    ]


def test_too_long_a_text_is_an_error_and_not_cut(server_url: str) -> None:
    """Nothing is lost silently: passing over doubles does not pass over texts that do not fit."""
    engine = open_engine(server_url)
    with engine.connect() as connection, pytest.raises(DataError):
        planned_rows.insert_rows(connection, rows("x" * 65))
    engine.dispose()


def test_who_has_no_row_for_the_step_yet(engine: Engine) -> None:
    """Law 2: only what has no row for this very step, due date and leg is new."""
    with engine.begin() as connection:
        remind(connection, "A", due_date=FIRST)
        remind(connection, "B", due_date=FIRST, step="t")
        remind(connection, "C", due_date=FIRST, leg="voice")
        remind(connection, "D", due_date=LAST)
        found = planned_rows.not_in_outbox(connection, rows(*"ABCDEE"))
        assert [row["account_id"] for row in found] == [*"BCDE"]


def explained(connection: Connection) -> str:
    """Return how PostgreSQL would find who is to be planned."""
    query = planning.due_select(DUE, PLAN).compile(connection, compile_kwargs={"literal_binds": True})
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())


@pytest.mark.parametrize("looked", ["never", "while it was empty"])
def test_an_outbox_that_was_empty_is_not_read_once_for_each_account(postgresql_url: str, looked: str) -> None:
    """Law 12: whatever PostgreSQL believes of the outbox, a plan and the next one cost what is due."""
    engine = open_engine(postgresql_url)
    BOOK.create(engine)
    accounts = insert(BOOK).from_select(
        ["id", "customer", "due", "zone"],
        text("SELECT 'A' || i, 'C' || i, date '2026-03-01', NULL FROM generate_series(1, 5000) i").columns(*BOOK.c),
    )
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(accounts)
            connection.exec_driver_sql("ANALYZE planning_book")
            if looked != "never":
                connection.exec_driver_sql("VACUUM ANALYZE outbox")
        for expected in ({"s": 5000}, {}):
            with engine.begin() as connection:
                planning.distrust_statistics(connection)
                assert "Nested Loop" not in explained(connection)
                assert planning.insert_planned(connection, DUE, PLAN) == expected
    finally:
        BOOK.drop(engine)
        engine.dispose()
