"""Holds: dated pauses, in force exactly from their beginning to their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select

from reminder.domain.hold import NEVER_CONTACT, Hold, HoldKind
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
        pytest.param({}, "found both or neither", id="nobody"),
        pytest.param({"account_id": "a", "customer_id": "c"}, "found both or neither", id="account and customer"),
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
