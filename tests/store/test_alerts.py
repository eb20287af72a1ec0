"""What operators are told: once for all processes, again while it lasts, and when it is over; never lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from reminder.domain.trouble import Kind, Trouble
from reminder.store import alerts
from reminder.store.alerts import CLAIM_SECONDS, CLEAR_AFTER_SECONDS, Telling
from reminder.store.deadlocks import in_transaction
from support.outbox_rows import AT

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
REPEAT = 4 * HOUR
PAUSED = Trouble(Kind.PAUSED, AT - HOUR, "nothing is sent: 9000 instead of 100", "approve it", subject="volume")
DOUBTS = Trouble(Kind.DOUBTS, AT - 2 * HOUR, "3 reminders are in doubt", "resolve them")


def look(connection: Connection, at: datetime, *troubles: Trouble) -> list[Telling]:
    """Return what is to be told when these are found."""
    alerts.note(connection, troubles, at, kinds=tuple(Kind))
    return alerts.claim(connection, at)


def tell(connection: Connection, at: datetime, *troubles: Trouble) -> list[Telling]:
    """Look, and tell all of it with success; return what was told."""
    tellings = look(connection, at, *troubles)
    for telling in tellings:
        alerts.told(connection, telling, at=at, again_at=at + REPEAT)
    return tellings


def test_a_trouble_is_told_once_and_again_while_it_lasts(engine: Engine) -> None:
    """At once, then after the time between repetitions, marked as such; not with every look."""
    with engine.begin() as connection:
        (first,) = tell(connection, AT, PAUSED)
        assert (first.found, first.since, first.over, first.again) == (PAUSED.found, AT - HOUR, False, False)
        assert tell(connection, AT + 30 * SECOND, PAUSED) == []
        assert tell(connection, AT + REPEAT - SECOND, PAUSED) == []
        (again,) = tell(connection, AT + REPEAT, PAUSED)
        assert (again.again, again.over) == (True, False)


def test_its_end_is_told_once(engine: Engine) -> None:
    """After some quiet, and then it is forgotten: the next time is another occurrence."""
    quiet = AT + timedelta(seconds=CLEAR_AFTER_SECONDS)
    with engine.begin() as connection:
        tell(connection, AT, PAUSED)
        assert tell(connection, quiet - SECOND) == []
        (over,) = tell(connection, quiet)
        assert over.over
        assert tell(connection, quiet + SECOND) == []
        assert list(alerts.listing(connection)) == []
        (anew,) = tell(connection, quiet + HOUR, PAUSED)
        assert not anew.again


def test_what_comes_and_goes_is_told_once(engine: Engine) -> None:
    """A trouble that is away for a minute has not ended."""
    with engine.begin() as connection:
        assert len(tell(connection, AT, PAUSED)) == 1
        for minute in range(1, 30):
            found = (PAUSED,) if minute % 2 else ()
            assert tell(connection, AT + minute * 60 * SECOND, *found) == []


def test_what_is_over_before_it_was_told_is_not_told(engine: Engine) -> None:
    """Nobody is told of the end of what they never heard of."""
    with engine.begin() as connection:
        (first,) = look(connection, AT, PAUSED)
        alerts.untold(connection, first, at=AT)
        assert look(connection, AT + HOUR) == []
        assert list(alerts.listing(connection)) == []


def test_what_could_not_be_told_is_tried_again_less_and_less_often(engine: Engine) -> None:
    """A mail server that is away is no reason to forget, nor to knock at every look."""
    waits = []
    at = AT
    with engine.begin() as connection:
        for _ in range(8):
            (telling,) = look(connection, at, PAUSED)
            again = alerts.untold(connection, telling, at=at)
            waits.append(int((again - at).total_seconds()))
            assert look(connection, again - SECOND, PAUSED) == []
            at = again

    assert waits == [120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_who_dies_while_telling_leaves_it_to_another(engine: Engine) -> None:
    """An alert told twice does no harm; one that nobody told would."""
    with engine.begin() as connection:
        assert len(look(connection, AT, PAUSED)) == 1
        later = AT + timedelta(seconds=CLAIM_SECONDS)
        assert look(connection, later - SECOND, PAUSED) == []
        assert len(look(connection, later, PAUSED)) == 1


def test_many_processes_tell_once(engine: Engine) -> None:
    """Whoever finds the same in the same moment, one of them tells."""

    def one(_: int) -> list[Telling]:
        return in_transaction(engine, lambda connection: look(connection, AT, PAUSED, DOUBTS))

    with ThreadPoolExecutor(4) as pool:
        found = [telling.key for tellings in pool.map(one, range(8)) for telling in tellings]
    assert sorted(found) == [DOUBTS.key, PAUSED.key]


def test_what_nobody_wants_to_hear_is_forgotten(engine: Engine) -> None:
    """A kind that is taken off the list is not told of any more, nor that it is over: it may not be."""
    with engine.begin() as connection:
        tell(connection, AT, PAUSED, DOUBTS)
        alerts.note(connection, [], AT + HOUR, kinds=(Kind.DOUBTS,))
        assert [telling.kind for telling in alerts.claim(connection, AT + HOUR)] == [Kind.DOUBTS]
