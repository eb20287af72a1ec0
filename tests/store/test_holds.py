"""Holds: dated pauses, in force exactly from their beginning to their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select

from reminder.domain.hold import NEVER_CONTACT, RESUME_HOURS_MAX, Hold, HoldKind
from reminder.domain.selector import Selector, Term
from reminder.errors import DataError
from reminder.store import holds
from reminder.store.schema import hold

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
DISPUTE: dict[str, Any] = {"kind": HoldKind.DISPUTE, "reason": "says it was paid", "who": "li.na", "at": AT}


def of_account(engine: Engine, at: datetime, account_id: str = "a-1") -> list[Hold]:
    """Return the holds in force for one account."""
    with engine.connect() as connection:
        return holds.in_force(connection, account_ids=[account_id], customer_ids=[], at=at)


def test_hold_comes_back_as_it_was_given(engine: Engine) -> None:
    """Who paused whom, why and until when: the record that a compliance officer reads is the one that was written."""
    with engine.begin() as connection:
        hold_id = holds.add(connection, **DISPUTE, until=AT + DAY, account_id="a-1")

    assert of_account(engine, AT) == [
        Hold(
            kind=HoldKind.DISPUTE,
            reason="says it was paid",
            starts_at=AT,
            until=AT + DAY,
            hold_id=hold_id,
            account_id="a-1",
            who="li.na",
        )
    ]


@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_kind_is_kept(engine: Engine, kind: HoldKind) -> None:
    """No kind of hold is too long for its column or changed on its way."""
    with engine.begin() as connection:
        holds.add(connection, kind=kind, reason="r", who="w", at=AT, customer_id="c-1")
        found = holds.in_force(connection, account_ids=[], customer_ids=["c-1"], at=AT)

    assert [one.kind for one in found] == [kind]


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        pytest.param(AT - MICROSECOND, False, id="just before it begins"),
        pytest.param(AT, True, id="as it begins"),
        pytest.param(AT + DAY - MICROSECOND, True, id="just before it ends"),
        pytest.param(AT + DAY, False, id="as it ends"),
        pytest.param((AT + DAY).astimezone(ZoneInfo("Asia/Shanghai")), False, id="as it ends, said in another zone"),
    ],
)
def test_hold_is_in_force_from_its_beginning_to_its_end(engine: Engine, moment: datetime, held: bool) -> None:
    """Holds resume by themselves, to the microsecond, and SQL agrees with the domain's own `in_force`."""
    with engine.begin() as connection:
        holds.add(connection, **DISPUTE, until=AT + DAY, account_id="a-1")

    assert bool(of_account(engine, moment)) is held
    assert Hold(HoldKind.DISPUTE, "", AT, AT + DAY).in_force(moment) is held


def test_hold_without_end_lasts(engine: Engine) -> None:
    """A hold without an end date waits for a person, however long."""
    with engine.begin() as connection:
        holds.add(connection, **DISPUTE, account_id="a-1")

    assert len(of_account(engine, AT + 36_500 * DAY)) == 1


def test_released_hold_is_in_force_until_it_was_released(engine: Engine) -> None:
    """Law 5: released means that reminders go on; looked at as of yesterday it was still in force (law 1)."""
    released = AT + timedelta(hours=2)
    with engine.begin() as connection:
        hold_id = holds.add(connection, **DISPUTE, until=AT + DAY, account_id="a-1")
        assert holds.release(connection, hold_id, who="wang", at=released) is True

    assert of_account(engine, released) == []
    assert [one.until for one in of_account(engine, released - MICROSECOND)] == [released]


@pytest.mark.parametrize("gone", ["unknown", "ended", "released"])
def test_only_a_hold_in_force_can_be_released(engine: Engine, gone: str) -> None:
    """Releasing what is not in force says so and rewrites no history."""
    with engine.begin() as connection:
        hold_id = holds.add(connection, **DISPUTE, until=AT + DAY, account_id="a-1")
        if gone == "released":
            holds.release(connection, hold_id, who="first", at=AT + timedelta(hours=1))
        target = hold_id + 404 if gone == "unknown" else hold_id
        late = AT + DAY if gone == "ended" else AT + timedelta(hours=2)

        assert holds.release(connection, target, who="second", at=late) is False
        assert connection.scalar(select(func.count()).where(hold.c.released_by == "second")) == 0


def test_hold_of_a_customer_is_not_one_of_an_account(engine: Engine) -> None:
    """An account and a customer may have the same id; a hold pauses the one it names."""
    with engine.begin() as connection:
        holds.add(connection, **DISPUTE, account_id="7")
        holds.add(connection, **DISPUTE, customer_id="8")
        found = holds.in_force(connection, account_ids=["8"], customer_ids=["7"], at=AT)
        both = holds.in_force(connection, account_ids=["7"], customer_ids=["8"], at=AT)

    assert found == []
    assert [(one.account_id, one.customer_id) for one in both] == [("7", None), (None, "8")]


def test_holds_of_thousands_are_found_in_one_call(engine: Engine) -> None:
    """A batch of any size finds its holds: lists are asked in chunks, each id once, however often it is given."""
    ids = [f"a-{number}" for number in range(1_300)]
    with engine.begin() as connection:
        for account_id in (ids[0], ids[499], ids[500], ids[1_299], "a-stranger"):
            holds.add(connection, **DISPUTE, account_id=account_id)
        found = holds.in_force(connection, account_ids=ids + ids, customer_ids=ids, at=AT)

    assert [one.account_id for one in found] == [ids[0], ids[499], ids[500], ids[1_299]]


def test_nobody_asked_for_means_nobody_held(engine: Engine) -> None:
    """An empty batch asks nothing and finds nothing."""
    with engine.begin() as connection:
        holds.add(connection, **DISPUTE, account_id="a-1")

        assert holds.in_force(connection, account_ids=[], customer_ids=[], at=AT) == []


def test_listing_is_newest_first_and_bounded(engine: Engine) -> None:
    """`hold list` shows the latest first, no more than was asked for, and ended ones only on request."""
    with engine.begin() as connection:
        ended = holds.add(connection, **DISPUTE, until=AT + MICROSECOND, account_id="a-1")
        middle = holds.add(connection, **DISPUTE, account_id="a-2")
        newest = holds.add(connection, **DISPUTE, account_id="a-3")
        later = AT + DAY

        def listed(*, active_only: bool, limit: int) -> list[int | None]:
            """Return the ids that are listed."""
            return [one.hold_id for one in holds.listing(connection, at=later, active_only=active_only, limit=limit)]

        assert listed(active_only=False, limit=10) == [newest, middle, ended]
        assert listed(active_only=True, limit=10) == [newest, middle]
        assert listed(active_only=False, limit=1) == [newest]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({}, "found none or several", id="nobody"),
        pytest.param({"account_id": "a", "customer_id": "c"}, "found none or several", id="account and customer"),
        pytest.param({"account_id": "a", "until": AT}, "expected a hold to end after", id="ends as it begins"),
        pytest.param({"account_id": "a", "until": AT - DAY}, "expected a hold to end after", id="ends before"),
        pytest.param({"account_id": "a", "reason": " "}, "expected a reason", id="no reason"),
        pytest.param({"account_id": "a", "reason": "x" * 301}, "at most 300 characters", id="reason too long"),
        pytest.param({"account_id": "x" * 65}, "at most 64 characters", id="account too long"),
        pytest.param({"account_id": "a", "who": "x" * 65}, "at most 64 characters", id="name too long"),
    ],
)
def test_wrong_hold_is_refused_and_explained(sqlite_engine: Engine, wrong: dict[str, Any], message: str) -> None:
    """A hold that would not do what its author thinks is refused in words, and nothing is written."""
    with sqlite_engine.begin() as connection:
        with pytest.raises(DataError, match=message):
            holds.add(connection, **(DISPUTE | wrong))

        assert holds.listing(connection, at=AT, active_only=False, limit=10) == []


@pytest.mark.parametrize("kind", sorted(NEVER_CONTACT))
def test_never_contact_is_about_a_person(sqlite_engine: Engine, kind: HoldKind) -> None:
    """ "Deceased" on one account would leave the same person's other accounts reminding the family: refused."""
    with sqlite_engine.begin() as connection, pytest.raises(DataError, match="it is the person who is meant"):
        holds.add(connection, kind=kind, reason="r", who="w", at=AT, account_id="a-1")


@pytest.mark.parametrize("kind", sorted(NEVER_CONTACT))
def test_a_mark_of_never_contact_is_taken_off_only_with_a_reason(engine: Engine, kind: HoldKind) -> None:
    """Who may be contacted again after all, and by whose word, is on record; any other hold ends without words."""
    with engine.begin() as connection:
        marked = holds.add(connection, kind=kind, reason="r", who="w", at=AT, customer_id="c-1")
        paused = holds.add(connection, **DISPUTE, customer_id="c-1")
        for silence in ("", "  "):
            with pytest.raises(DataError, match="expected a reason for contacting"):
                holds.release(connection, marked, who="wang", at=AT + DAY, reason=silence)
        assert holds.release(connection, paused, who="wang", at=AT + DAY)
        assert [one.kind for one in holds.in_force(connection, account_ids=[], customer_ids=["c-1"], at=AT + DAY)] == [
            kind
        ]
        assert holds.release(connection, marked, who="wang", at=AT + DAY, reason=" mixed up with her father ")
        kept = connection.execute(select(hold.c.released_by, hold.c.released_because).order_by(hold.c.hold_id)).all()

    assert kept == [("wang", "mixed up with her father"), ("wang", None)]


def test_a_selection_comes_back_as_it_was_written(engine: Engine) -> None:
    """Promise: the conditions of a selection, its end and its hours of coming back are kept, on every database."""
    terms = (
        Term("region", frozenset({"Sichuan", "西藏"})),
        Term("product", frozenset({"card"}), negated=True),
        Term("amount_due", at_least=Decimal("0.10"), at_most=Decimal(5000)),
    )
    with engine.begin() as connection:
        hold_id = holds.add(connection, **DISPUTE, until=AT + DAY, selector=Selector(terms), resume_hours=24)
        holds.add(connection, **DISPUTE, customer_id="c-1")

        (found,) = holds.selections(connection, at=AT)
    assert (found.hold_id, found.selector, found.resume_hours, found.until) == (hold_id, Selector(terms), 24, AT + DAY)
    assert of_account(engine, AT) == []


def test_selections_are_found_while_somebody_is_paused_by_them(engine: Engine) -> None:
    """Promise: a selection that has ended still counts while its customers come back; one of the future does not."""
    with engine.begin() as connection:
        holds.add(connection, **DISPUTE, until=AT + DAY, selector=Selector(), resume_hours=RESUME_HOURS_MAX)

        def found(at: datetime) -> int:
            return len(holds.selections(connection, at=at))

        assert [found(at) for at in (AT - MICROSECOND, AT, AT + 30 * DAY, AT + 32 * DAY)] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"account_id": "a", "resume_hours": 1}, "0 to 720 hours", id="one account has no hours"),
        pytest.param({"selector": Selector(), "resume_hours": 721}, "0 to 720 hours", id="too many hours"),
        pytest.param({"selector": Selector(), "account_id": "a"}, "none or several", id="a selection and an account"),
        pytest.param({"selector": Selector(), "kind": HoldKind.DECEASED}, "expected a customer", id="never contact"),
    ],
)
def test_a_wrong_selection_is_refused(engine: Engine, changes: dict[str, Any], told: str) -> None:
    """Promise: a selection can't be marked as deceased, and only a selection comes back over hours."""
    with engine.begin() as connection, pytest.raises(DataError, match=told):
        holds.add(connection, **(DISPUTE | changes))


def test_what_ends_on_a_day(engine: Engine) -> None:
    """Promise: holds that end by themselves in a span, the first first; not those that a person has ended."""
    with engine.begin() as connection:
        late = holds.add(connection, **DISPUTE, until=AT + 2 * DAY, account_id="a")
        soon = holds.add(connection, **DISPUTE, until=AT + DAY, customer_id="c")
        gone = holds.add(connection, **DISPUTE, until=AT + DAY, account_id="b")
        holds.add(connection, **DISPUTE, account_id="d")
        holds.release(connection, gone, who="li.na", at=AT)

        def ending(until: datetime) -> list[int | None]:
            return [each.hold_id for each in holds.ending_between(connection, AT, until, limit=9)]

        assert ending(AT + 3 * DAY) == [soon, late]
        assert ending(AT + 2 * DAY) == [soon]
