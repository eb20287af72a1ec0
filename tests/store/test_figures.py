"""Figures for whoever watches: true, bounded by what is open or of today, and answered by an index."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, text

from reminder.domain.lifecycle import FINAL, State
from reminder.domain.verdict import Reason
from reminder.store import figures
from reminder.store.schema import breaker, inbound, plan_run
from support.outbox_rows import AT, LEASED, in_every_state, remind, write_attempt

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_open_reminders_are_counted_by_state(engine: Engine) -> None:
    """Every open state has its count, zero too, and what has ended is in none."""
    with engine.begin() as connection:
        assert figures.open_by_state(connection) == {State.PLANNED: 0, State.SENDING: 0, State.IN_DOUBT: 0}
        in_every_state(connection)
        remind(connection, "another")

        assert figures.open_by_state(connection) == {State.PLANNED: 2, State.SENDING: 1, State.IN_DOUBT: 1}


def test_backlog_is_what_could_be_claimed(engine: Engine) -> None:
    """Neither what is planned for later nor what somebody holds is behind; the oldest of the rest says how far."""
    with engine.begin() as connection:
        assert figures.backlog(connection, AT) == figures.Backlog(0, None)
        remind(connection, "later", not_before=AT + HOUR)
        remind(connection, "held", not_before=AT - DAY, **LEASED)
        remind(connection, "due", not_before=AT - HOUR)
        remind(connection, "just due")

        assert figures.backlog(connection, AT) == figures.Backlog(2, AT - HOUR)


def test_the_oldest_doubt_is_known(engine: Engine) -> None:
    """How long somebody has waited for a provider's word is told."""
    with engine.begin() as connection:
        assert figures.doubts(connection) == (0, None)
        for age in (1, 3, 2):
            remind(connection, f"A-{age}", state=State.IN_DOUBT.value, changed_at=AT - age * HOUR)

        assert figures.doubts(connection) == (3, AT - 3 * HOUR)


def test_reasons_are_words_of_ours_and_no_other(engine: Engine) -> None:
    """A metric's labels have a bound: only words of `Reason` are told, whatever stands in the column."""
    with engine.begin() as connection:
        for number, reason in enumerate(("window: opens at 09:00", "cap: 1 a day", "cap: again", "", "C-4711 said: x")):
            remind(connection, f"A-{number}", reason=reason)
        found = figures.waiting_by_reason(connection)

    assert set(found) == {reason.value for reason in Reason}
    assert {reason: count for reason, count in found.items() if count} == {"window": 1, "cap": 2}


def test_fates_are_those_of_the_day(engine: Engine) -> None:
    """What was planned before is not of today; states are told with zeros, and reasons only of what ended unsent."""
    with engine.begin() as connection:
        remind(connection, "old", state="cancelled", reason="paid: nothing is owed", planned_at=AT - DAY)
        remind(connection, "paid", state="cancelled", reason="paid: nothing is owed")
        remind(connection, "sent", state="sent", reason="paid: not really a reason")
        remind(connection, "waits", reason="cap: 1 a day")
        states, reasons = figures.fates(connection, AT - HOUR)

    assert states == dict.fromkeys(State, 0) | {State.CANCELLED: 1, State.SENT: 1, State.PLANNED: 1}
    assert {reason: count for reason, count in reasons.items() if count} == {"paid": 1}


def test_texts_are_told_by_gateway_and_outcome(engine: Engine) -> None:
    """A call that is under way is `open`; segments are added up."""
    with engine.begin() as connection:
        for number, (gateway, outcome) in enumerate(
            (("a", "accepted"), ("a", "accepted"), ("b", ""), ("a", "refused"))
        ):
            write_attempt(connection, f"r-{number}", gateway=gateway, outcome=outcome, segments=2)
        write_attempt(connection, "old", started_at=AT - DAY, outcome="accepted")
        found = figures.texts_since(connection, AT - HOUR)

    told = [(each.gateway, each.outcome, each.texts, each.segments) for each in found]
    assert told == [("a", "accepted", 2, 4), ("a", "refused", 1, 2), ("b", "open", 1, 2)]


def test_what_waits_for_people_and_providers_is_counted(engine: Engine) -> None:
    """Replies that a person must read, gateways that do not answer, and the last plan."""
    reply = {
        "gateway": "g", "number": "+1", "addressee": "+2", "body": "?", "meaning": "help", "acted": "",
        "received_at": AT,
    }  # fmt: skip
    with engine.begin() as connection:
        assert (figures.replies_waiting(connection), figures.last_plan(connection)) == (0, None)
        for number, waits in enumerate((True, False, True)):
            connection.execute(insert(inbound).values(**reply, provider_id=f"in-{number}", waits=waits))
        connection.execute(insert(breaker).values(gateway="deaf", failures=0, trips=3))
        connection.execute(insert(breaker).values(gateway="well", failures=1, trips=0))
        for number in range(2):
            slot = {"schedule": "plan", "slot_date": AT.date(), "slot_no": number, "owner": "me"}
            connection.execute(insert(plan_run).values(**slot, started_at=AT + number * HOUR))

        assert figures.replies_waiting(connection) == 2
        assert list(figures.silent_gateways(connection)) == [figures.Silent("deaf", 3)]
        assert figures.last_plan(connection) == AT + HOUR


@pytest.mark.parametrize(
    ("what", "index"),
    [
        ("backlog", "ix_outbox_state_not_before"),
        ("open_by_state", "ix_outbox_state_not_before"),
        ("doubts", "ix_outbox_state_not_before"),
        ("fates", "ix_outbox_planned_at"),
        ("texts_since", "ix_attempt_started_at_counted"),
    ],
)
def test_a_scrape_reads_a_range_of_an_index(sqlite_engine: Engine, what: str, index: str) -> None:
    """Metrics cost what is open or of today, not what the outbox has seen in its life."""
    asked: list[str] = []
    with sqlite_engine.begin() as connection:
        for number in range(300):
            state = sorted(FINAL)[number % len(FINAL)]
            remind(connection, f"A-{number}", state=state.value, planned_at=AT - 2 * DAY)
            write_attempt(connection, f"r-{number}", started_at=AT - 2 * DAY)
        connection.execute(text("ANALYZE"))
        connection.connection.driver_connection.set_trace_callback(asked.append)  # type: ignore[union-attr]
        ask = getattr(figures, what)
        ask(connection, AT) if what in ("backlog", "fates", "texts_since") else ask(connection)
        connection.connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()) for query in asked]

    assert plans
    assert all(index in plan and "SEARCH" in plan for plan in plans), plans
