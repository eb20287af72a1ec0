"""Records as a test wants them: written, sealed, and bent behind the program's back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record, sealing
from reminder.store.sealing import Block
from reminder.store.verifying import Verification, verify

AT = datetime(2026, 3, 1, 9, 0, 0, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def text_entry(customer_id: str = "C-1", number: str = "+8613800138000") -> Entry:
    """Return the entry of a text to a customer."""
    return Entry(
        Kind.TEXT, Actor.PROCESS, "host:1", account_id=f"A-{customer_id}", customer_id=customer_id, reminder_id=7,
        reference="ref", was="planned", became="sending", subject="loan", data={"step": "due"},
        private={"number": number, "body": "pay"},
    )  # fmt: skip


def write(engine: Engine, *entries: Entry, at: datetime = AT) -> None:
    """Write entries in a transaction of their own."""
    with engine.begin() as connection:
        record.append(connection, entries, at=at)


def write_and_seal(engine: Engine, *sizes: int) -> list[Block]:
    """Write blocks of so many entries each, one a minute; return them."""
    made: list[Block] = []
    for number, size in enumerate(sizes):
        at = AT + number * MINUTE
        write(engine, *(text_entry(f"C-{number}-{which}") for which in range(size)), at=at)
        made += sealing.seal(engine, at=at)
    return made


def verified(engine: Engine, *anchors: str) -> Verification:
    """Return what verifying the record finds."""
    with engine.connect() as connection:
        return verify(connection, anchors=anchors)


@contextmanager
def bending(engine: Engine) -> Iterator[Connection]:
    """Lend a transaction in which whoever owns the database writes what they want: no foreign key holds."""
    lax = {
        "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"),
        "postgresql": ("SET session_replication_role = replica", "SET session_replication_role = DEFAULT"),
        "mysql": ("SET foreign_key_checks = 0", "SET foreign_key_checks = 1"),
    }
    off, on = lax["mysql" if engine.dialect.name == "mariadb" else engine.dialect.name]
    with engine.connect() as connection:
        driver = connection.connection.cursor()
        driver.execute(off)
        driver.close()
        connection.rollback()
        try:
            with connection.begin():
                yield connection
        finally:
            connection.execute(text(on)) if engine.dialect.name != "sqlite" else None
            connection.commit()
            driver = connection.connection.cursor()
            driver.execute(on)
            driver.close()
