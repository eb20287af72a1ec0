"""Events for other systems: in order, complete, once."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert

from reminder.store import events
from reminder.store.engine import open_engine
from reminder.store.events import EventRecord
from reminder.store.schema import outbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def reminder(connection: Connection) -> int:
    """Write a reminder for events to point at; return its id."""
    row = {
        "account_id": "a-1", "customer_id": "c-1", "due_date": date(2026, 1, 14), "policy": "p", "step": "hand-over",
        "leg": "event", "state": "handed_over", "not_before": AT, "expires_at": AT, "planned_at": AT, "changed_at": AT,
    }  # fmt: skip
    key = connection.execute(insert(outbox).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def append(connection: Connection, reminder_id: int, **changes: Any) -> int:
    """Write an event that collections should pick up."""
    values: dict[str, Any] = {
        "kind": "hand_over", "addressee": "collections", "account_id": "a-1", "customer_id": "c-1",
        "reminder_id": reminder_id, "at": AT, "data": {},
    }  # fmt: skip
    return events.append(connection, **(values | changes))


def test_event_comes_back_as_it_was_given(engine: Engine) -> None:
    """What collections reads is what was decided, down to names in any script and amounts as text."""
    data = {"amount_due": "1234.50", "currency": "CNY", "note": "王小明 😀", "dpd": 46, "nested": [None, True]}
    with engine.begin() as connection:
        reminder_id = reminder(connection)
        event_id = append(connection, reminder_id, data=data)
        found = events.listing(connection, addressee="collections", after_id=0, limit=9)

    assert found == [EventRecord(event_id, "hand_over", "collections", "a-1", "c-1", reminder_id, AT, data)]


def test_reader_goes_on_where_it_stopped(engine: Engine) -> None:
    """A system that remembers the last id it saw reads every event once, in order, a page at a time."""
    with engine.begin() as connection:
        reminder_id = reminder(connection)
        written = [append(connection, reminder_id) for _ in range(5)]
        seen: list[int] = []
        while page := events.listing(connection, addressee="collections", after_id=max(seen, default=0), limit=2):
            seen += [event.event_id for event in page]

    assert seen == written == sorted(written)


@pytest.mark.parametrize(("addressee", "count"), [("collections", 2), ("legal", 1), ("nobody", 0), (None, 3)])
def test_each_addressee_sees_its_own(engine: Engine, addressee: str | None, count: int) -> None:
    """An event for one department is not read by another; whoever asks for all gets all."""
    with engine.begin() as connection:
        reminder_id = reminder(connection)
        for department in ("collections", "legal", "collections"):
            append(connection, reminder_id, addressee=department)

        assert len(events.listing(connection, addressee=addressee, after_id=0, limit=9)) == count


def test_no_event_appears_behind_the_reader(database_url: str) -> None:
    """Law 4: an event that becomes visible after a higher one would never be read; the second writer waits instead."""
    first, second = open_engine(database_url), open_engine(database_url)
    with first.begin() as connection:
        reminder_id = reminder(connection)
    written: list[int] = []

    def write_second() -> None:
        """Write an event while the first writer has not committed yet."""
        with second.begin() as connection:
            written.append(append(connection, reminder_id))

    writer = threading.Thread(target=write_second)
    with first.begin() as connection:
        lower = append(connection, reminder_id)
        writer.start()
        writer.join(timeout=0.5)
        assert written == []  # it waits for the commit below
    writer.join(timeout=20)

    assert written[0] > lower
    first.dispose()
    second.dispose()
