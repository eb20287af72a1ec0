"""Instants: what goes in comes out, on every database (trap 6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import DateTime, Double, Engine, Float, Numeric, delete, insert, literal, select, text
from sqlalchemy.exc import StatementError

from reminder.store.engine import open_engine
from reminder.store.schema import customer_lock, gateway_state, metadata
from reminder.store.types import UtcDateTime

ZONES = [UTC, *(ZoneInfo(name) for name in ("Asia/Shanghai", "America/St_Johns", "Asia/Kathmandu"))]
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 31), timezones=st.sampled_from(ZONES))  # noqa: DTZ001 - the zone is drawn apart


def stored(engine: Engine, moment: datetime) -> datetime:
    """Return the instant as it comes back from the database."""
    row = {"gateway": "twilio", "paused_until": moment, "reason": "", "changed_at": moment}
    with engine.begin() as connection:
        connection.execute(delete(gateway_state))
        connection.execute(insert(gateway_state), row)
        found: datetime = connection.execute(select(gateway_state.c.paused_until)).scalar_one()
    return found


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(datetime(2026, 3, 1, 9, tzinfo=UTC), id="UTC"),
        pytest.param(datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=8))), id="offset"),
        pytest.param(datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=ZoneInfo("Asia/Shanghai")), id="microseconds"),
        pytest.param(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), id="first of an hour told twice"),
        pytest.param(datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), id="second of them"),
        pytest.param(datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), id="in an hour that is left out"),
        pytest.param(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), id="as good as never"),
    ],
)
def test_instant_comes_back(engine: Engine, moment: datetime) -> None:
    """09:00+08:00 is 01:00Z when it comes back, not a naive 09:00, and it keeps its microseconds."""
    found = stored(engine, moment)

    assert found == moment.astimezone(UTC)
    assert found.tzinfo is UTC


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moment=MOMENTS)
def test_any_instant_comes_back(engine: Engine, moment: datetime) -> None:
    """Law 6: an end of a step or a lease is the same instant after it was stored, in whatever zone it was said."""
    assert stored(engine, moment) == moment.astimezone(UTC)


def test_naive_instant_is_refused(engine: Engine) -> None:
    """A datetime without a zone is a mistake of the caller; it is never guessed to be UTC or local."""
    with pytest.raises(StatementError, match="expected an aware datetime"):
        stored(engine, datetime(2026, 3, 1, 9))  # noqa: DTZ001 - the mistake itself


def test_instants_compare_in_sql_as_they_do_in_python(engine: Engine) -> None:
    """`not_before <= at` means the same in the database, though one side was said in Shanghai and one in New York."""
    early = datetime(2026, 3, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    late = datetime(2026, 2, 28, 20, 0, 0, 1, tzinfo=ZoneInfo("America/New_York"))
    assert stored(engine, early) < late
    with engine.connect() as connection:
        due = select(gateway_state.c.gateway)
        assert connection.scalar(due.where(gateway_state.c.paused_until < late)) == "twilio"
        assert connection.scalar(due.where(gateway_state.c.paused_until < early)) is None


def test_missing_instant_stays_missing(engine: Engine) -> None:
    """None is no instant, not the beginning of time."""
    with engine.connect() as connection:
        assert connection.scalar(select(gateway_state.c.paused_until)) is None


def test_every_instant_of_the_schema_is_of_this_type() -> None:
    """A new column of a bare DateTime would lose zone and microseconds again; a float of seconds would lose minutes."""
    for table in metadata.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, DateTime), f"{column}: use UtcDateTime"
            # A Double has 64 bits on every database and holds microseconds of this century; a Float has 32 on MariaDB.
            if not isinstance(column.type, Double):
                assert not isinstance(column.type, Float | Numeric), (
                    f"{column}: use BigInteger, in minor units, or Double"
                )
            if column.name.endswith(("_at", "_until", "not_before")) or column.name == "until":
                assert isinstance(column.type, UtcDateTime), f"{column}: use UtcDateTime"


def test_every_table_tells_keys_apart_on_mariadb(mariadb_url: str) -> None:
    """Law 2: a table made without our collation would take `A-1` and `a-1 ` for one account."""
    asked = "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = database()"
    engine = open_engine(mariadb_url)
    with engine.connect() as connection:
        found = {name: (kind, collation) for name, kind, collation in connection.execute(text(asked))}
    engine.dispose()

    assert found.keys() >= metadata.tables.keys()
    assert {found[name] for name in metadata.tables} == {("InnoDB", "utf8mb4_nopad_bin")}


def test_lock_table_has_nothing_but_its_key() -> None:
    """The row that is locked for a customer holds nothing: it may be written by anybody without a loss."""
    assert [column.name for column in customer_lock.columns] == ["customer_id"]


def test_an_instant_that_a_query_only_repeats_is_an_instant(engine: Engine) -> None:
    """Law 1: a preview asks the plan's query for instants that are in no column; MariaDB gives them back as text."""
    moment = datetime(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)
    whole = datetime(2026, 3, 1, 9, tzinfo=UTC)
    with engine.connect() as connection:
        row = connection.execute(select(literal(moment, UtcDateTime()), literal(whole, UtcDateTime()))).one()
    assert tuple(row) == (moment, whole)
