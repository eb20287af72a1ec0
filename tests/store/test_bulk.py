"""Writing many rows: what is written, and what is not, is the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from reminder.bulk import inserts, updates
from reminder.store.engine import open_engine
from reminder.store.schema import gateway_state

AT = datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC)

PAUSES = inserts(insert(gateway_state), ("gateway", "paused_until"), ("reason", "changed_at"))

LENGTHENED = updates(
    update(gateway_state)
    .where(gateway_state.c.gateway == bindparam("name"), gateway_state.c.reason == bindparam("because"))
    .values(paused_until=bindparam("until"), reason="longer"),
    {"name": gateway_state.c.gateway.type, "until": gateway_state.c.paused_until.type},
)


def rows(engine: Engine) -> list[tuple[object, ...]]:
    """Return all rows, as they are read."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(gateway_state).order_by(gateway_state.c.gateway))]


def test_each_row_has_its_own_values_and_the_shared_ones(engine: Engine) -> None:
    """What differs is written row by row, instants to the microsecond and in UTC, and what is shared in every row."""
    hour = timedelta(hours=1)
    with engine.begin() as connection:
        assert PAUSES.write(connection, [("a", AT), ("b’%s", AT + hour)], reason="x", changed_at=AT) == 2
    assert rows(engine) == [("a", AT, "x", AT), ("b’%s", AT + hour, "x", AT)]


def test_an_update_writes_what_its_guard_lets_through(engine: Engine) -> None:
    """Compare-and-swap holds for each row by itself, and the count tells how many were written."""
    later = AT + timedelta(days=1)
    with engine.begin() as connection:
        PAUSES.write(connection, [("a", AT), ("b", AT)], reason="x", changed_at=AT)
        PAUSES.write(connection, [("c", AT)], reason="another", changed_at=AT)
        given = [("a", later), ("c", later), ("none", later), ("b", AT)]
        assert LENGTHENED.write(connection, given, because="x") == 2
    assert rows(engine) == [("a", later, "longer", AT), ("b", AT, "longer", AT), ("c", AT, "another", AT)]


def test_nothing_is_written_for_no_rows(engine: Engine) -> None:
    """An empty batch asks the database nothing."""
    with engine.begin() as connection:
        assert PAUSES.write(connection, [], reason="x", changed_at=AT) == 0
        assert LENGTHENED.write(connection, [], because="x") == 0
    assert rows(engine) == []


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_text_that_is_too_long_is_refused_and_not_cut(kind: str, request: pytest.FixtureRequest) -> None:
    """A server that checks lengths still does: a cast to an array of short texts would cut them silently."""
    engine = open_engine(request.getfixturevalue(f"{kind}_url"))
    with pytest.raises(DBAPIError), engine.begin() as connection:
        PAUSES.write(connection, [("g" * 65, AT)], reason="x", changed_at=AT)
    assert rows(engine) == []
    engine.dispose()


def test_a_naive_instant_is_refused(engine: Engine) -> None:
    """Values go through the types of their columns, in whichever way they are written."""
    naive = AT.replace(tzinfo=None)
    with pytest.raises(Exception, match="aware"), engine.begin() as connection:
        PAUSES.write(connection, [("a", naive)], reason="x", changed_at=AT)
