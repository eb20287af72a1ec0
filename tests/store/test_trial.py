"""The copy for trials: what decisions rest on is in it, what does not is not, and the source stays as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from reminder.store import trial
from reminder.store.schema import account, attempt, hold, outbox, plan_run, suppression
from support.worlds import World, account_row, policy

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)


def counted(engine: Engine) -> dict[str, int]:
    """Return how many rows some tables have."""
    with engine.connect() as connection:
        tables = (account, attempt, hold, outbox, plan_run, suppression)
        return {table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables}


def test_what_decisions_rest_on_is_copied(engine: Engine) -> None:
    """Law 1: reminders, recent texts, holds and suppressions are there; the book and old cycles stay behind."""
    world = World(engine, policies=(policy(),), at=AT)
    world.add_accounts(account_row("new", DAY), account_row("old", DAY - timedelta(days=20)))
    world.run()
    world.hold(customer_id="c")
    world.suppress(number="+8613800138000")
    before = counted(engine)

    with trial.trial_database(engine, due_since=DAY, texts_since=AT) as copy:
        assert counted(copy) == {"account": 0, "attempt": 2, "hold": 1, "outbox": 1, "plan_run": 0, "suppression": 1}
        place = Path(str(copy.url.database))
        assert place.is_file()
    assert not place.exists()
    assert counted(engine) == before


def test_a_reminder_whose_text_stays_behind_keeps_its_state(engine: Engine) -> None:
    """Law 2: what was sent long ago is not sent again by a trial, though its text is not in the copy."""
    world = World(engine, policies=(policy(),), at=AT)
    world.add_accounts(account_row("new", DAY))
    world.run()

    later = AT + timedelta(days=1)
    with trial.trial_database(engine, due_since=DAY, texts_since=later) as copy, copy.connect() as connection:
        (row,) = connection.execute(select(outbox))
        assert (row.state, row.reference) == ("sent", None)
        assert list(trial.texts(connection, since=AT, until=later)) == []
