"""What reports ask of the outbox: every reminder counted once, every text once, on each of the three databases."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reminder.domain.lifecycle import State
from reminder.domain.verdict import Reason
from reminder.store import history
from support.outbox_rows import AT, in_every_state, remind, write_attempt

DAY = timedelta(days=1)
RANGE: dict[str, Any] = {"since": AT, "until": AT + DAY}


def _fates(engine: Engine, **given: Any) -> list[history.Fate]:
    with engine.connect() as connection:
        return history.fates(connection, **(RANGE | given))


def test_every_reminder_is_counted_once(engine: Engine) -> None:
    """Law 4: whatever state a reminder is in, a report of the day on which it was planned counts it, once."""
    with engine.begin() as connection:
        in_every_state(connection)

    assert Counter({fate.state: fate.reminders for fate in _fates(engine)}) == Counter(state.value for state in State)


@pytest.mark.parametrize(
    ("offset", "counted"),
    [(timedelta(microseconds=-1), 0), (timedelta(), 1), (DAY - timedelta(microseconds=1), 1), (DAY, 0)],
    ids=["just before", "the first instant", "the last instant", "just after"],
)
def test_a_reminder_belongs_to_the_range_it_was_planned_in(engine: Engine, offset: timedelta, counted: int) -> None:
    """Ranges that follow each other count nothing twice and miss nothing: the end is not part of them."""
    with engine.begin() as connection:
        remind(connection, planned_at=AT + offset)

    assert sum(fate.reminders for fate in _fates(engine)) == counted


def test_a_text_for_several_reminders_is_one_text(engine: Engine) -> None:
    """A consolidated text is paid for once: one of the texts, its segments with the reminder planned first."""
    with engine.begin() as connection:
        write_attempt(connection, "one", segments=3)
        write_attempt(connection, "two", segments=2)
        for account in "ABC":
            remind(connection, account, state="sent", reference="one")
        remind(connection, "D", state="sent", reference="two", step="other")

    found = {fate.step: (fate.reminders, fate.texts, fate.segments) for fate in _fates(engine)}

    assert found == {"s": (3, 1, 3), "other": (1, 1, 2)}


def test_a_text_is_counted_with_its_first_reminder_only(engine: Engine) -> None:
    """A text for reminders of two days is not counted on both."""
    with engine.begin() as connection:
        write_attempt(connection, "one", segments=3)
        remind(connection, "A", state="sent", reference="one", planned_at=AT - DAY)
        remind(connection, "B", state="sent", reference="one")

    (before,) = _fates(engine, since=AT - DAY, until=AT)
    (after,) = _fates(engine)

    assert (before.reminders, before.texts, before.segments) == (1, 1, 3)
    assert (after.reminders, after.texts, after.segments) == (1, 0, 0)


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("cancelled", "paid: nothing is owed any more", "paid"),
        ("cancelled", "never_contact: deceased", "never_contact"),
        ("planned", "not_yet: later", "not_yet"),
        ("failed", "refused: 21211 no such number", "refused"),
        ("failed", "ann: asked for", ""),
        ("cancelled", "paidx: no such word", ""),
        ("cancelled", "neverXcontact: no such word", ""),
        ("planned", "", ""),
        ("sent", "paid: the gateway is called so", ""),
    ],
)
def test_reasons_are_words_of_the_decision(engine: Engine, state: str, reason: str, told: str) -> None:
    """A report groups by the words that decisions use, never by what people or gateways wrote."""
    with engine.begin() as connection:
        remind(connection, state=state, reason=reason)

    assert [fate.reason for fate in _fates(engine)] == [told]


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.value)
def test_every_word_of_a_decision_is_known(sqlite_engine: Engine, reason: Reason) -> None:
    """No reason is lost from a report, nor taken for another one that begins alike."""
    with sqlite_engine.begin() as connection:
        remind(connection, state="cancelled", reason=f"{reason}: detail")

    assert [fate.reason for fate in _fates(sqlite_engine)] == [reason.value]


def test_kinds_are_kept_apart(engine: Engine) -> None:
    """A report can be made by policy, step, gateway and language: each is counted by itself."""
    with engine.begin() as connection:
        write_attempt(connection, "one", gateway="g1", language="en")
        write_attempt(connection, "two", gateway="g2", language="zh-CN")
        remind(connection, "A", state="sent", reference="one")
        remind(connection, "B", state="sent", reference="two")
        remind(connection, "C", policy="q")

    found = {(fate.policy, fate.gateway, fate.language, fate.state) for fate in _fates(engine)}

    assert found == {("p", "g1", "en", "sent"), ("p", "g2", "zh-CN", "sent"), ("q", "", "", "planned")}


def test_a_range_is_found_by_its_index(sqlite_engine: Engine) -> None:
    """A report of a day costs a day, however long the outbox: SQLite says that it searches the index for it."""
    query = "EXPLAIN QUERY PLAN SELECT * FROM outbox WHERE planned_at >= '2026' AND planned_at < '2027'"
    with sqlite_engine.connect() as connection:
        steps = " ".join(row[3] for row in connection.execute(text(query)))

    assert "ix_outbox_planned_at" in steps


def test_pages_of_what_was_told_are_complete(engine: Engine) -> None:
    """Whatever the size of a page and however ids and times are mixed, each reminder is on one page, once."""
    with engine.begin() as connection:
        for number in range(7):
            write_attempt(connection, f"r{number}", started_at=AT + timedelta(hours=1))
            later = AT + timedelta(minutes=(3, 1, 1, 1, 2, 0, 0)[number])
            remind(connection, f"A{number}", state="sent", reference=f"r{number}", planned_at=later)

    found: list[history.Told] = []
    with engine.connect() as connection:
        while page := history.told(connection, **RANGE, after=found[-1] if found else None, limit=2):
            found += page

    assert [told.account_id for told in found] == ["A5", "A6", "A1", "A2", "A3", "A4", "A0"]
    assert {told.told_at for told in found} == {AT + timedelta(hours=1)}


def test_only_what_a_gateway_took_was_told(engine: Engine) -> None:
    """Nobody is said to have paid after a text that did not reach them."""
    with engine.begin() as connection:
        in_every_state(connection)
    with engine.connect() as connection:
        found = history.told(connection, **RANGE, limit=99)

    assert {told.account_id for told in found} == {"A-sent", "A-delivered"}


def test_signs_tell_when_a_debt_was_seen(engine: Engine) -> None:
    """A cycle was owed when planned and when texted, paid or moved when a reminder was cancelled for that."""
    hour = timedelta(hours=1)
    with engine.begin() as connection:
        write_attempt(connection, "one", started_at=AT + hour)
        remind(connection, "A", step="1", state="sent", reference="one")
        remind(connection, "A", step="2", state="cancelled", reason="paid: nothing is owed", changed_at=AT + 2 * hour)
        remind(connection, "A", step="3", state="cancelled", reason="moved: now due later", changed_at=AT + 3 * hour)
        remind(connection, "A", step="4", state="cancelled", reason="hold: paid: no", changed_at=AT + 4 * hour)
        remind(connection, "B", due_date=date(2026, 4, 1))
        remind(connection, "C")
    with engine.connect() as connection:
        found = history.signs(connection, ["A", "B"])

    due = date(2026, 3, 1)
    assert Counter(found) == Counter(
        [
            history.Sign("A", due, AT + hour, None, None),
            history.Sign("A", due, AT, AT + 2 * hour, None),
            history.Sign("A", due, AT, None, AT + 3 * hour),
            history.Sign("A", due, AT, None, None),
            history.Sign("B", date(2026, 4, 1), AT, None, None),
        ]
    )
