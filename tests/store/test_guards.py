"""Pauses and the figures behind them: one per guard and day, seen by all, ended once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from reminder.domain.guard import Finding, GuardName
from reminder.errors import DataError
from reminder.store import guards, plan_runs, volumes
from reminder.store.schema import pause
from support.outbox_rows import LEASED, remind, write_attempt

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
TODAY = date(2026, 3, 1)
LATER = AT + timedelta(hours=1)
FLOOD = Finding(GuardName.VOLUME, "9000 instead of 100", {"sent": 0, "expected": 9000})


def _stop(engine: Engine, finding: Finding = FLOOD, *, day: date = TODAY, at: datetime = AT) -> guards.Pause:
    with engine.begin() as connection:
        return guards.stop(connection, finding, day=day, owner="one", at=at)


def test_a_pause_is_written_once_and_keeps_its_beginning(engine: Engine) -> None:
    """The same finding at every tick is one pause: why, since when, and the figures."""
    first = _stop(engine)
    again = _stop(engine, at=LATER)

    assert again == first
    assert (first.guard, first.day, first.reason, first.since) == (FLOOD.guard, TODAY, FLOOD.reason, AT)
    assert first.figures == {"sent": 0, "expected": 9000}
    with engine.connect() as connection:
        assert guards.open_pauses(connection) == [first]


def test_many_processes_make_one_pause(engine: Engine) -> None:
    """All that find the same at the same time get the same pause, and none of them fails."""
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(_stop, engine) for _ in range(4)]
        wait(found)

    assert len({each.result().pause_id for each in found}) == 1
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pause)) == 1


def test_a_lifted_pause_comes_back_with_its_number(engine: Engine) -> None:
    """A cause that goes and returns on the same day is told anew, under the number that people know."""
    first = _stop(engine)
    with engine.begin() as connection:
        assert guards.lift(connection, first.pause_id, owner="me:1", at=LATER)
        assert not guards.lift(connection, first.pause_id, owner="me:1", at=LATER)
        assert guards.open_pauses(connection) == []

    worse = Finding(GuardName.VOLUME, "90000 instead of 100")
    again = _stop(engine, worse, at=LATER)

    assert (again.pause_id, again.reason, again.since) == (first.pause_id, worse.reason, LATER)
    with engine.connect() as connection:
        assert guards.open_pauses(connection) == [again]


def test_an_approval_is_on_record_and_counts_for_its_day_only(engine: Engine) -> None:
    """Law 14: who let it go on, when and why; tomorrow is asked again."""
    first = _stop(engine)
    with engine.begin() as connection:
        assert guards.approve(connection, first.pause_id, who="ann", reason="month's end", at=LATER)
        assert not guards.approve(connection, first.pause_id, who="bob", reason="too late", at=LATER)
        row = guards.by_id(connection, first.pause_id)

    assert _stop(engine, at=LATER).pause_id == first.pause_id
    tomorrow = _stop(engine, day=TODAY + timedelta(days=1), at=LATER)
    with engine.connect() as connection:
        assert guards.open_pauses(connection) == [tomorrow]
    assert row is not None
    assert (row.approved_by, row.approval, row.approved_at) == ("ann", "month's end", LATER)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        pytest.param("ann", "  ", id="no-reason"),
        pytest.param("ann", "x" * 301, id="reason-too-long"),
        pytest.param("a" * 65, "fine", id="name-too-long"),
    ],
)
def test_an_approval_says_why_in_words_that_fit(engine: Engine, who: str, reason: str) -> None:
    """What a person writes down is asked for and never cut."""
    first = _stop(engine)
    with engine.begin() as connection, pytest.raises(DataError):
        guards.approve(connection, first.pause_id, who=who, reason=reason, at=LATER)


def test_nobody_approves_what_is_not_there(engine: Engine) -> None:
    """A wrong number changes nothing and says so."""
    with engine.begin() as connection:
        assert not guards.approve(connection, 77, who="ann", reason="typing error", at=AT)
        assert guards.by_id(connection, 77) is None


def test_texts_are_counted_from_the_first_instant_to_before_the_last(engine: Engine) -> None:
    """Spans of days touch and share no text; what was proven not taken does not count."""
    with engine.begin() as connection:
        write_attempt(connection, "first", started_at=AT)
        write_attempt(connection, "last", started_at=LATER - timedelta(microseconds=1))
        write_attempt(connection, "next", started_at=LATER)
        write_attempt(connection, "refused", started_at=AT, counted=False)

        spans = [(AT, LATER), (LATER, LATER + timedelta(hours=1)), (AT - timedelta(hours=1), AT)]
        assert volumes.texts_between(connection, spans) == [2, 1, 0]


def test_due_is_what_could_be_claimed(engine: Engine) -> None:
    """Neither what waits, nor what somebody has in hand, nor what is over."""
    with engine.begin() as connection:
        due = remind(connection, "due")
        remind(connection, "later", not_before=AT + timedelta(seconds=1))
        remind(connection, "claimed", **LEASED)
        remind(connection, "over", state="expired")

        assert volumes.due_count(connection, AT) == 1
        assert [each.reminder_id for each in volumes.due_sample(connection, AT, due=1, limit=10)] == [due]


def test_a_sample_is_taken_from_all_that_is_due(engine: Engine) -> None:
    """A plan is written policy by policy: its beginning alone would say nothing of its end."""
    with engine.begin() as connection:
        ids = [remind(connection, f"a-{number}") for number in range(100)]
        sample = [each.reminder_id for each in volumes.due_sample(connection, AT, due=100, limit=10)]

    assert len(sample) == 10
    assert min(sample) < ids[20]
    assert max(sample) > ids[79]


def test_the_newest_record_is_the_latest_of_all(engine: Engine) -> None:
    """Whatever happened last, a plan, a reminder or a text, tells what time it must be at least."""
    with engine.begin() as connection:
        assert volumes.newest_record(connection) is None
        remind(connection, changed_at=AT)
        assert volumes.newest_record(connection) == AT
        write_attempt(connection, "text", started_at=AT + timedelta(minutes=1))
        assert volumes.newest_record(connection) == AT + timedelta(minutes=1)
        plan_runs.begin(connection, schedule="plan", slot_date=TODAY, slot_no=1, owner="one", at=LATER)
        assert volumes.newest_record(connection) == LATER
