"""Agreements in the database: one open at a time, ended once, and every one of them still there afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from reminder.domain.agreement import Agreement, AgreementKind, AgreementState, Part
from reminder.domain.money import Money
from reminder.errors import DataError, StoreError
from reminder.store import agreements
from reminder.store.agreements import End
from reminder.store.schema import record as record_table

AT = datetime(2026, 11, 5, 4, 0, tzinfo=UTC)
KIND = AgreementKind.PROMISE
PARTS = (Part(date(2026, 11, 10), Money(4000, "CNY")), Part(date(2026, 12, 10), Money(6000, "CNY")))
PLAN = Agreement(
    AgreementKind.PLAN, "a1", "c1", date(2026, 11, 1), Money(10000, "CNY"), PARTS, AT, tolerance_percent=2, who="ann"
)
PROMISE = replace(PLAN, kind=AgreementKind.PROMISE, parts=PARTS[:1], grace_days=None, note="on the phone")


def test_what_was_written_comes_back(engine: Engine) -> None:
    """Promise: amounts, days and rules are kept as they were agreed, on every database."""
    with engine.begin() as connection:
        first = agreements.add(connection, PLAN)
        second = agreements.add(connection, replace(PROMISE, account_id="a2"))

        assert agreements.find(connection, first) == replace(PLAN, agreement_id=first)
        assert agreements.of_accounts(connection, ["a2", "a3"]) == [
            replace(PROMISE, account_id="a2", agreement_id=second)
        ]
        assert agreements.find(connection, second + 1) is None


def test_an_account_has_one_open_agreement(engine: Engine) -> None:
    """Promise: the database refuses a second open one, names the first, and the transaction goes on."""
    with engine.begin() as connection:
        first = agreements.add(connection, PROMISE)
        with pytest.raises(DataError, match=f"found promise {first} on a1: cancel it first"):
            agreements.add(connection, PLAN)
        agreements.cancel(connection, first, kind=KIND, why="a slip", who="ann", at=AT)
        second = agreements.add(connection, PLAN)

    with engine.connect() as connection:
        states = {each.agreement_id: each.state for each in agreements.of_accounts(connection, ["a1"])}
    assert states == {first: AgreementState.CANCELLED, second: AgreementState.OPEN}


def test_an_end_is_an_end(engine: Engine) -> None:
    """Law 4: what is kept, broken or cancelled is never moved again; who comes late is told so."""
    with engine.begin() as connection:
        first = agreements.add(connection, PROMISE)
        broken = End(first, AgreementState.BROKEN, "not paid")
        assert agreements.end(connection, [broken, replace(broken, agreement_id=first + 1)], at=AT) == [broken]
        assert agreements.end(connection, [replace(broken, state=AgreementState.KEPT)], at=AT) == []
        with pytest.raises(StoreError, match="found one that is broken"):
            agreements.cancel(connection, first, kind=KIND, why="late", who="ann", at=AT)
        with pytest.raises(StoreError, match="found none"):
            agreements.cancel(connection, first, kind=AgreementKind.PLAN, why="another kind", who="ann", at=AT)
        with pytest.raises(DataError, match="expected a reason"):
            agreements.cancel(connection, first, kind=KIND, why=" ", who="ann", at=AT)
        with pytest.raises(StoreError, match="found none"):
            agreements.cancel(connection, first + 1, kind=KIND, why="late", who="ann", at=AT)

        (found,) = agreements.of_accounts(connection, ["a1"])
    assert (found.state, found.ended_at, found.ended_why) == (AgreementState.BROKEN, AT, "not paid")


def several(connection: Connection, count: int) -> list[int]:
    """Write promises on so many accounts."""
    return [agreements.add(connection, replace(PROMISE, account_id=f"a{index}")) for index in range(count)]


def test_pages_go_through_all_that_matter_now(engine: Engine) -> None:
    """Promise: judging reads every open one, and the newly broken where they are asked for, in bounded pages."""
    with engine.begin() as connection:
        ids = several(connection, 5)
        agreements.end(connection, [End(ids[1], AgreementState.BROKEN, "x")], at=AT)
        agreements.end(connection, [End(ids[2], AgreementState.KEPT, "x")], at=AT)

        first = agreements.page(connection, limit=2)
        second = agreements.page(connection, after=first[-1].agreement_id, limit=2)
        lately = agreements.page(connection, broken_since=AT, limit=9)
        later = agreements.page(connection, broken_since=AT + timedelta(seconds=1), limit=9)

    assert [each.agreement_id for each in (*first, *second)] == [ids[0], ids[3], ids[4]]
    assert [each.agreement_id for each in lately] == [ids[0], ids[1], ids[3], ids[4]]
    assert [each.agreement_id for each in later] == [ids[0], ids[3], ids[4]]


def test_listings_are_by_kind_newest_first(engine: Engine) -> None:
    """Promise: promises and plans are listed apart, the open ones unless all are asked for."""
    with engine.begin() as connection:
        ids = several(connection, 3)
        plan = agreements.add(connection, replace(PLAN, account_id="p"))
        agreements.cancel(connection, ids[2], kind=KIND, why="x", who="ann", at=AT)

        def listed(kind: AgreementKind, *, open_only: bool = True, account_id: str | None = None) -> list[int]:
            found = agreements.listing(connection, kind=kind, open_only=open_only, account_id=account_id, limit=2)
            return [each.agreement_id for each in found]

        assert listed(AgreementKind.PROMISE) == [ids[1], ids[0]]
        assert listed(AgreementKind.PROMISE, open_only=False) == [ids[2], ids[1]]
        assert listed(AgreementKind.PROMISE, account_id="a0") == [ids[0]]
        assert listed(AgreementKind.PLAN) == [plan]


def test_a_note_too_long_is_refused(engine: Engine) -> None:
    """Promise: what a person writes is never cut silently."""
    with engine.begin() as connection, pytest.raises(DataError, match="at most 300 characters for the note"):
        agreements.add(connection, replace(PROMISE, note="x" * 301))


def test_every_act_is_on_record(engine: Engine) -> None:
    """Law 14: made, cancelled and ended by the book are acts on record, with who, from what to what."""
    with engine.begin() as connection:
        first = agreements.add(connection, PROMISE)
        agreements.cancel(connection, first, kind=KIND, why="a slip", who="ann", at=AT)
        second = agreements.add(connection, PLAN)
        agreements.end(connection, [End(second, AgreementState.KEPT, "paid")], at=AT)
        rows = connection.execute(select(record_table).order_by(record_table.c.entry_id)).all()

    assert [(row.kind, row.actor, row.who, row.subject, row.account_id) for row in rows] == [
        ("promise", "operator", "ann", str(first), "a1"),
        ("promise", "operator", "ann", str(first), "a1"),
        ("repayment_plan", "operator", "ann", str(second), "a1"),
        ("repayment_plan", "process", "the book", str(second), "a1"),
    ]
