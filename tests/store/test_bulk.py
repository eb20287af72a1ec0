"""Many at once: what is written and found, and what is not, is the same on every database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import DBAPIError

from reminder.bulk import among, inserts, updates
from reminder.store.engine import open_engine
from reminder.store.schema import customer_lock, gateway_state, hold, outbox
from support.outbox_rows import remind

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


@pytest.mark.parametrize("ends", [[AT, None, AT], [None, AT, AT], [None, None, None]], ids=["first", "later", "none"])
def test_an_instant_may_be_missing(engine: Engine, ends: list[datetime | None]) -> None:
    """No end is no end, whichever row of a batch has none."""
    rows_of = inserts(insert(hold), ("account_id", "until"), ("kind", "reason", "who", "starts_at"))
    told = {"kind": "manual", "reason": "r", "who": "w", "starts_at": AT}
    with engine.begin() as connection:
        assert rows_of.write(connection, [(str(place), end) for place, end in enumerate(ends)], **told) == 3
        assert connection.scalars(select(hold.c.until).order_by(hold.c.account_id)).all() == ends


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


CUSTOMERS = select(customer_lock.c.customer_id)
GIVEN_LATER = CUSTOMERS.where(among(customer_lock.c.customer_id, bindparam("ids")))
AWKWARD = [
    "c-1",
    "C-1",
    "it's",
    '"',
    "\\",
    "a,b",
    "[]",
    "%s",
    ":id",
    "é",
    "e\u0301",
    "客户",
    "👍",
    "\u2028",
    " x",
    "x ",
    "1",
]


def customers(connection: Connection, wanted: Sequence[str]) -> list[str]:
    """Return the customers of these ids, asked for in both ways."""
    found = sorted(connection.scalars(CUSTOMERS.where(among(customer_lock.c.customer_id, wanted))))
    assert found == sorted(connection.scalars(GIVEN_LATER, {"ids": wanted}))
    return found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(["c-1", "c-3"], ["c-1", "c-3"], id="some"),
        pytest.param(["c-2", "c-2"], ["c-2"], id="one twice"),
        pytest.param(["C-1", "c-1 ", "c", "c-1\u200b"], [], id="other case, spaces, beginnings"),
        pytest.param(["c-1" + "x" * 70, "c-2"], ["c-2"], id="one longer than the column"),
        pytest.param([], [], id="none"),
        pytest.param([f"x-{number}" for number in range(40_000)] + ["c-2"], ["c-2"], id="more than a limit"),
    ],
)
def test_among_finds_exactly_those(engine: Engine, wanted: list[str], found: list[str]) -> None:
    """As one parameter or as many, the same rows are found on every database, to the letter, however many keys."""
    with engine.begin() as connection:
        connection.execute(insert(customer_lock), [{"customer_id": f"c-{number}"} for number in (1, 2, 3)])
        assert customers(connection, wanted) == found


def test_among_takes_every_text_for_what_it_is(engine: Engine) -> None:
    """No character of a key ends a list, a text or a statement, and each finds itself alone (law 11)."""
    with engine.begin() as connection:
        connection.execute(insert(customer_lock), [{"customer_id": each} for each in AWKWARD])
        assert customers(connection, AWKWARD) == sorted(AWKWARD)
        for each in AWKWARD:
            assert customers(connection, [each]) == [each]


def test_a_key_with_a_nul_finds_no_shorter_one(tmp_path: Path) -> None:
    """SQLite's JSON ends at a NUL: such a key must find nothing rather than somebody else."""
    engine = open_engine(f"sqlite:///{tmp_path}/nul.db")
    customer_lock.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(customer_lock), [{"customer_id": "c"}, {"customer_id": "d"}])
        assert customers(connection, ["c\0x", "d"]) == ["d"]
    engine.dispose()


def test_among_takes_large_numbers(engine: Engine) -> None:
    """Rows are numbered in 64 bits, and asked for so."""
    with engine.begin() as connection:
        for number in (1, 2**31, 2**62):
            remind(connection, str(number), reminder_id=number)
        query = select(outbox.c.reminder_id).where(among(outbox.c.reminder_id, [1, 2**62, -(2**63), 2**63 - 1]))
        assert sorted(connection.scalars(query)) == [1, 2**62]


def test_among_can_be_denied_and_joined(engine: Engine) -> None:
    """It is a condition as any other: `not`, `or` and a second list beside it mean what they say."""
    column = customer_lock.c.customer_id
    with engine.begin() as connection:
        connection.execute(insert(customer_lock), [{"customer_id": f"c-{number}"} for number in (1, 2, 3)])
        either = or_(among(column, ["c-1"]), and_(~among(column, ["c-1", "c-2"]), among(column, ["c-2", "c-3"])))
        assert sorted(connection.scalars(CUSTOMERS.where(either))) == ["c-1", "c-3"]
