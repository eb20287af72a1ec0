"""What the doctor asks of our tables: each question finds what it is for, and nothing in tables that are sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert

from reminder.domain.lifecycle import State
from reminder.store import soundness
from reminder.store.schema import plan_run
from reminder.store.soundness import Found
from support.outbox_rows import AT, in_every_state, remind, write_attempt

HOUR = timedelta(hours=1)
NEVER_LEASED = {"lease_owner": None, "lease_until": None}
Question = Callable[[Connection], Found]

QUESTIONS: dict[str, Question] = {
    "unknown states": soundness.unknown_states,
    "without text": soundness.without_text,
    "orphans": soundness.orphans,
    "ended leases": lambda db: soundness.ended_leases(db, at=AT),
    "far leases": lambda db: soundness.far_leases(db, after=AT + HOUR),
    "old doubts": lambda db: soundness.old_doubts(db, before=AT - HOUR),
    "neglected": lambda db: soundness.neglected(db, at=AT, patience=HOUR),
    "unended plans": lambda db: soundness.unended_plans(db, before=AT - HOUR),
}


def _ask(engine: Engine, name: str) -> Found:
    with engine.connect() as connection:
        return QUESTIONS[name](connection)


def _run(connection: Connection, number: int = 0, **given: Any) -> None:
    row = {"schedule": "plan", "slot_date": date(2026, 3, 1), "slot_no": number, "owner": "p:1", "started_at": AT}
    connection.execute(insert(plan_run).values(row | given))


@pytest.mark.parametrize("name", QUESTIONS)
def test_sound_tables_are_sound(engine: Engine, name: str) -> None:
    """No alarm without cause: a row in each state, under a lease that is in force, is what a daemon at work leaves."""
    with engine.begin() as connection:
        in_every_state(connection, lease_owner="me", lease_until=AT + HOUR)
        _run(connection, planned=13, ended_at=AT)

    assert _ask(engine, name) == Found(0)
    assert not _ask(engine, name)
    with engine.connect() as connection:
        assert soundness.missing_rows(connection) == 0


def test_a_state_that_is_none_is_found(engine: Engine) -> None:
    """Law 4: a reminder in a state that nobody knows is neither open nor ended, and is told by its id."""
    with engine.begin() as connection:
        ids = [remind(connection, account, state="lost") for account in "AB"]

    found = _ask(engine, "unknown states")

    assert (found.count, sorted(found.examples)) == (2, sorted(str(each) for each in ids))


def test_examples_are_few(engine: Engine) -> None:
    """However many rows are wrong, a person reads a handful of them."""
    with engine.begin() as connection:
        for number in range(9):
            remind(connection, f"A{number}", state="lost")

    found = _ask(engine, "unknown states")

    assert (found.count, len(found.examples)) == (9, soundness.EXAMPLES_MAX)


@pytest.mark.parametrize(
    ("planned", "there", "missing"), [((3, 2), 5, 0), ((3, 2), 4, 1), ((), 0, 0), ((None, 1), 0, 1), ((1,), 3, 0)]
)
def test_rows_that_are_gone_are_missed(
    engine: Engine, planned: tuple[int | None, ...], there: int, missing: int
) -> None:
    """Nothing lost: fewer reminders than the plans say they wrote is told; more is a run without a schedule."""
    with engine.begin() as connection:
        for number, count in enumerate(planned):
            _run(connection, number, planned=count, ended_at=AT if count is not None else None)
        for number in range(there):
            remind(connection, f"A{number}")

    with engine.connect() as connection:
        assert soundness.missing_rows(connection) == missing


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_what_was_sent_has_its_text(engine: Engine, state: State) -> None:
    """Proof: whatever was sent or is being sent says what and to whom; what never was needs none."""
    with engine.begin() as connection:
        remind(connection, state=state.value, reference=None)

    texted = state in {
        State.SENDING, State.IN_DOUBT, State.SENT, State.DELIVERED, State.UNDELIVERED, State.PRINTED,
    }  # fmt: skip
    assert _ask(engine, "without text").count == int(texted)


@pytest.mark.parametrize(
    ("outcome", "found"), [("", 1), ("accepted", 1), ("unknown", 1), ("refused", 0), ("printed", 0)]
)
def test_a_text_that_was_taken_has_its_reminder(engine: Engine, outcome: str, found: int) -> None:
    """A text that a customer may have got belongs to a reminder; refused and printed ones may have been let go."""
    with engine.begin() as connection:
        write_attempt(connection, "alone", outcome=outcome)
        write_attempt(connection, "known", outcome=outcome)
        remind(connection, state="sent", reference="known")

    orphans = _ask(engine, "orphans")

    assert (orphans.count, orphans.examples, orphans.since) == (found, ("alone",) * found, AT if found else None)


@pytest.mark.parametrize(
    ("state", "lease_until", "found"),
    [
        ("sending", AT, 1), ("sending", AT + timedelta(microseconds=1), 0), ("sending", None, 1), ("planned", AT, 0),
        ("in_doubt", AT, 0),
    ],
)  # fmt: skip
def test_a_call_whose_lease_ended_is_found(
    engine: Engine, state: str, lease_until: datetime | None, found: int
) -> None:
    """A process that died or hangs in a call is seen; one whose lease is in force is left alone."""
    with engine.begin() as connection:
        write_attempt(connection, "one")
        remind(connection, state=state, reference="one", lease_until=lease_until)

    assert _ask(engine, "ended leases").count == found


@pytest.mark.parametrize(
    ("state", "lease_until", "found"),
    [
        ("planned", AT + 2 * HOUR, 1), ("sending", AT + 2 * HOUR, 1), ("planned", AT + HOUR, 0), ("planned", None, 0),
        ("expired", AT + 2 * HOUR, 0),
    ],
)  # fmt: skip
def test_a_lease_that_ends_too_late_is_found(
    engine: Engine, state: str, lease_until: datetime | None, found: int
) -> None:
    """A lease that a wrong clock wrote keeps a reminder from everybody: it is told, with its end."""
    with engine.begin() as connection:
        write_attempt(connection, "one")
        remind(connection, state=state, reference="one", lease_until=lease_until)

    far = _ask(engine, "far leases")

    assert (far.count, far.since) == (found, lease_until if found else None)


@pytest.mark.parametrize(
    ("state", "age", "found"),
    [("in_doubt", HOUR, 0), ("in_doubt", HOUR + timedelta(microseconds=1), 1), ("sent", 2 * HOUR, 0)],
    ids=["young", "old", "settled"],
)
def test_an_old_doubt_is_found(engine: Engine, state: str, age: timedelta, found: int) -> None:
    """What only a person or the provider can settle is told when it waits for too long, and not before."""
    with engine.begin() as connection:
        write_attempt(connection, "one")
        remind(connection, state=state, reference="one", changed_at=AT - age)

    assert _ask(engine, "old doubts").count == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"not_before": AT - 2 * HOUR}, 1),
        ({"not_before": AT - HOUR}, 0),
        ({"not_before": AT + HOUR}, 0),
        ({"not_before": AT - 2 * HOUR, "lease_until": AT + HOUR}, 0),
        ({"not_before": AT - 2 * HOUR, "lease_until": AT}, 1),
        ({"not_before": AT - 2 * HOUR, "state": "expired"}, 0),
    ],
    ids=["waits long", "waits a little", "is for later", "is being looked at", "its lease ended", "has ended"],
)
def test_what_nobody_sends_is_found(engine: Engine, given: dict[str, Any], found: int) -> None:
    """A backlog that nobody works on is told, with the time since when; one that is worked on is not."""
    with engine.begin() as connection:
        remind(connection, **given)

    neglected = _ask(engine, "neglected")

    assert (neglected.count, neglected.since) == (found, AT - 2 * HOUR if found else None)


@pytest.mark.parametrize(
    ("age", "ended_at", "found"), [(2 * HOUR, None, 1), (HOUR, None, 0), (2 * HOUR, AT, 0)], ids=["dead", "new", "done"]
)
def test_a_plan_without_end_is_found(engine: Engine, age: timedelta, ended_at: datetime | None, found: int) -> None:
    """A plan whose process died is told with its owner; one that is under way or done is not."""
    with engine.begin() as connection:
        _run(connection, started_at=AT - age, ended_at=ended_at)

    unended = _ask(engine, "unended plans")

    assert (unended.count, unended.examples) == (found, ("p:1",) * found)
