"""Daemons say that they work, so that any process can tell whether anybody does."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from reminder.store import daemons
from reminder.store.daemons import Sign
from support.outbox_rows import AT

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_the_last_sign_counts(engine: Engine) -> None:
    """A daemon has one row, with what it said last; the one that was heard of last comes first."""
    with engine.begin() as connection:
        daemons.keep(connection, Sign("one", AT, AT, None))
        daemons.keep(connection, Sign("two", AT, AT + MINUTE, None))
        daemons.keep(connection, Sign("one", AT, AT + 2 * MINUTE, AT + MINUTE))

        assert daemons.listing(connection, AT + HOUR) == [
            Sign("one", AT, AT + 2 * MINUTE, AT + MINUTE),
            Sign("two", AT, AT + MINUTE, None),
        ]


def test_who_takes_leave_is_not_missed(engine: Engine) -> None:
    """A clean stop leaves nothing to worry about, and touches no other daemon."""
    with engine.begin() as connection:
        for owner in ("one", "two"):
            daemons.keep(connection, Sign(owner, AT, AT, None))
        daemons.leave(connection, "one")

        assert [sign.owner for sign in daemons.listing(connection, AT)] == ["two"]


def test_who_died_is_missed_until_another_works(engine: Engine) -> None:
    """A daemon that was killed stays on record for a week, or until one that begins an hour later takes its place."""
    with engine.begin() as connection:
        daemons.keep(connection, Sign("dead", AT, AT, None))

        assert daemons.forget_the_gone(connection, AT + 30 * MINUTE) == 0
        assert len(daemons.listing(connection, AT + timedelta(days=6))) == 1
        assert daemons.listing(connection, AT + timedelta(days=8)) == []
        assert daemons.forget_the_gone(connection, AT + 2 * HOUR) == 1
