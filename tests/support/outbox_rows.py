"""Rows of the outbox as a test wants them: in any state, under any lease, with or without the text they went into."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from reminder.domain.caps import Aim, Cap
from reminder.domain.lifecycle import State
from reminder.store.attempts import Intent
from reminder.store.schema import attempt, outbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ME = "me:1"
LEASE_SECONDS = 60
LEASED: dict[str, Any] = {"lease_owner": ME, "lease_until": AT + timedelta(seconds=LEASE_SECONDS)}


def remind(connection: Connection, account_id: str = "A", **given: Any) -> int:
    """Write a reminder, planned for AT and of customer C unless told otherwise; return its id."""
    row = {
        "account_id": account_id, "customer_id": "C", "due_date": date(2026, 3, 1), "policy": "p", "step": "s",
        "leg": "sms", "state": State.PLANNED.value, "not_before": AT, "expires_at": AT + timedelta(days=2),
        "planned_at": AT, "changed_at": AT,
    }  # fmt: skip
    key = connection.execute(insert(outbox).values(row | given)).inserted_primary_key
    assert key is not None
    return int(key[0])


def write_attempt(connection: Connection, reference: str, **given: Any) -> str:
    """Write an attempt that counts and whose answer is not known; return its reference."""
    row = {
        "reference": reference, "gateway": "g", "customer_id": "C", "number": "+8613800138000", "policy": "p",
        "policy_version": "1", "template": "t", "language": "en", "body": "Hello", "segments": 1, "counted": True,
        "started_at": AT, "valid_until": AT + timedelta(hours=1),
    }  # fmt: skip
    connection.execute(insert(attempt).values(row | given))
    return reference


def intent(reference: str, *reminder_ids: int, caps: tuple[Cap, ...] = (), **given: Any) -> Intent:
    """Return a text for these reminders of customer C."""
    known: dict[str, Any] = {
        "reference": reference, "reminder_ids": reminder_ids, "gateway": "g", "policy": "p", "policy_version": "1",
        "language": "en", "body": "Hello", "segments": 1, "valid_until": AT + timedelta(hours=1), "caps": caps,
        "caps_zone": "UTC",
    }  # fmt: skip
    told = {key: given.pop(key) for key in tuple(given) if key in {each.name for each in fields(Aim)}}
    return Intent(**(known | {"aim": aim(**told)} | given))


def aim(**given: Any) -> Aim:
    """Return whom a text to customer C about account A is for."""
    known: dict[str, Any] = {
        "customer_id": "C", "number": "+8613800138000", "account_ids": ("A",), "claim_ids": ("A",), "template": "t",
    }  # fmt: skip
    return Aim(**(known | given))


def in_every_state(connection: Connection, **given: Any) -> dict[State, int]:
    """Write one reminder in each state, each with a text named after it; return their ids."""
    return {
        state: remind(
            connection, f"A-{state}", state=state.value, reference=write_attempt(connection, f"ref-{state}"), **given
        )
        for state in State
    }


def snapshot(engine: Engine) -> dict[int, Any]:
    """Return every row of the outbox, by id."""
    with engine.connect() as connection:
        return {row.reminder_id: row for row in connection.execute(select(outbox))}


def attempts_now(engine: Engine) -> dict[str, Any]:
    """Return every attempt, by reference."""
    with engine.connect() as connection:
        return {row.reference: row for row in connection.execute(select(attempt))}
