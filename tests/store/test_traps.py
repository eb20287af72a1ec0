"""The nine ways in which databases lose data silently, and the tests that fail without their cures.

1. SQLite as Python drives it loses updates: here, with processes.
2. `FOR UPDATE SKIP LOCKED` is nothing on SQLite: here, claims by processes.
3. MariaDB has no `UPDATE ... RETURNING`: here, the same claims on all three.
4. A timestamp as MariaDB's 32-bit float is minutes off, so that leases overlap: here, leases at their edge.
5. MariaDB's `SET` sees the values it has just set: here, a postponed try; `test_rows.py`, a row that is kept.
6. Timestamps lose their zone and microseconds: `test_types.py`, and here the lease that depends on it.
7. `postgresql://` means another driver from one SQLAlchemy to the next: `test_engine.py`.
8. Two processes migrating at once: `test_migrations.py`.
9. An old SQLite without `RETURNING`: `test_engine.py`.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from reminder.domain.caps import Aim
from reminder.domain.lifecycle import Event
from reminder.store import attempts, outbox, schema
from reminder.store.attempts import Answer, Intent

AT = datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)
PROCESSES = 4

BEGINNING = """
import sys
from datetime import datetime
from sqlalchemy import select, update
from reminder.store import outbox, schema
from reminder.store.deadlocks import in_transaction
from reminder.store.engine import open_engine

engine = open_engine(sys.argv[1])
engine.connect().close()
print("ready", flush=True)
sys.stdin.readline()
"""

INCREMENT = """
for _ in range(50):
    with engine.begin() as connection:
        count = connection.scalar(select(schema.plan_run.c.planned))
        connection.execute(update(schema.plan_run).values(planned=count + 1))
engine.dispose()
"""

CLAIM = """
owner, at = sys.argv[2], datetime.fromisoformat(sys.argv[3])
claimed = None
while claimed != []:
    claimed = in_transaction(engine, lambda c: outbox.claim(c, owner=owner, at=at, lease_seconds=60, limit=10))
    for reminder in claimed:
        print(reminder.reminder_id)
engine.dispose()
"""


def run_together(script: str, *arguments: str) -> list[list[str]]:
    """Run the script in several processes that begin in the same instant; return the lines that each one printed.

    Each one is given the arguments, the first of them first, and its own name as the second.
    """
    first, *rest = arguments
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BEGINNING + script, first, f"p-{number}", *rest],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert [(errors, code) for _, errors, code in ends] == [("", 0)] * PROCESSES
    return [output.split() for output, _, _ in ends]


def planned(engine: Engine, customers: dict[str, int], **changes: Any) -> list[int]:
    """Write planned reminders, as many for each customer as the number says; return their ids."""
    rows = [
        {
            "account_id": f"{customer}/{number}", "customer_id": customer, "due_date": date(2026, 3, 4), "policy": "p",
            "step": "s", "leg": "sms", "state": "planned", "not_before": AT, "expires_at": AT + timedelta(days=1),
            "planned_at": AT, "changed_at": AT,
        } | changes
        for customer, count in customers.items() for number in range(count)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(schema.outbox), rows)
        return list(connection.scalars(select(schema.outbox.c.reminder_id)))


def test_no_update_is_lost_on_sqlite(sqlite_engine: Engine, sqlite_url: str) -> None:
    """Trap 1: four processes that read a number and write one more end at the sum; none overwrites another's."""
    slot = {"schedule": "s", "slot_date": date(2026, 3, 1), "slot_no": 0, "owner": "o", "started_at": AT, "planned": 0}
    with sqlite_engine.begin() as connection:
        connection.execute(insert(schema.plan_run), slot)

    run_together(INCREMENT, sqlite_url)

    with sqlite_engine.connect() as connection:
        assert connection.scalar(select(schema.plan_run.c.planned)) == PROCESSES * 50


def test_reminder_is_claimed_by_one_process(engine: Engine, database_url: str) -> None:
    """Traps 2 and 3, law 2: four processes share the due reminders without a gap, an overlap or an error."""
    ids = planned(engine, {f"c-{number}": 1 + number % 4 for number in range(120)})

    claims = run_together(CLAIM, database_url, AT.isoformat())

    claimed = [int(reminder_id) for lines in claims for reminder_id in lines]
    assert sorted(claimed) == sorted(ids)
    with engine.connect() as connection:
        rows = connection.execute(select(schema.outbox.c.reminder_id, schema.outbox.c.lease_owner)).all()
    owners = {int(reminder_id): f"p-{number}" for number, lines in enumerate(claims) for reminder_id in lines}
    assert {row.reminder_id: row.lease_owner for row in rows} == owners


@pytest.mark.parametrize(
    ("later", "free"),
    [
        pytest.param(timedelta(0), False, id="at once"),
        pytest.param(timedelta(seconds=60) - timedelta(microseconds=1), False, id="just before its end"),
        pytest.param(timedelta(seconds=60), True, id="at its end"),
    ],
)
def test_lease_ends_when_it_says(engine: Engine, later: timedelta, free: bool) -> None:
    """Traps 4 and 6: a lease is over at its end and not a microsecond sooner, whatever a column rounds or cuts."""
    planned(engine, {"c-1": 1})
    with engine.begin() as connection:
        outbox.claim(connection, owner="first", at=AT, lease_seconds=60, limit=9)

    with engine.begin() as connection:
        claimed = outbox.claim(connection, owner="second", at=AT + later, lease_seconds=60, limit=9)

    assert bool(claimed) is free


@pytest.mark.parametrize(("early", "free"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
def test_nothing_is_claimed_before_its_time(engine: Engine, early: timedelta, free: bool) -> None:
    """Trap 6: MariaDB would cut `not_before` to the second and open the contact window too early."""
    planned(engine, {"c-1": 1})

    with engine.begin() as connection:
        assert bool(outbox.claim(connection, owner="o", at=AT - early, lease_seconds=60, limit=9)) is free


def test_postponed_try_is_counted_once(engine: Engine) -> None:
    """Trap 5: a try that was refused for now adds one attempt and moves the time, in whatever order they are set."""
    (reminder_id,) = planned(engine, {"c-1": 1})
    intent = Intent(
        reference="r-1", reminder_ids=(reminder_id,), gateway="twilio",
        aim=Aim("c-1", "+8613800138000", ("a-1",), ("a-1",), "t"),
        policy="p", policy_version="1", language="en", body="b", segments=1,
        valid_until=AT + timedelta(hours=1), caps=(), caps_zone="UTC",
    )  # fmt: skip
    again = AT + timedelta(minutes=5)
    answer = Answer("r-1", Event.POSTPONE, "refused", "busy", counted=False, not_before=again, burns=True)
    with engine.begin() as connection:
        outbox.claim(connection, owner="o", at=AT, lease_seconds=60, limit=9)
        attempts.reserve(connection, [intent], owner="o", at=AT, lease_seconds=60)
        attempts.record(connection, [answer], at=AT)
        row = outbox.by_id(connection, reminder_id)

    assert row is not None
    assert (row.state, row.attempts, row.not_before, row.lease_owner) == ("planned", 1, again, None)


def test_row_count_means_rows_found(engine: Engine) -> None:
    """A compare-and-swap that finds its row counts one even where nothing differs; MariaDB could count zero."""
    planned(engine, {"c-1": 2})

    with engine.begin() as connection:
        assert connection.execute(update(schema.outbox).values(state="planned")).rowcount == 2
