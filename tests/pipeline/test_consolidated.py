"""One text for several accounts, from its making to its end: retried, split, doubted, planned again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.lifecycle import Event
from reminder.message.filters import LIST_MAX_LINES
from reminder.store import outbox, unanswered
from reminder.store.schema import outbox as outbox_table
from support.worlds import World, account_row, policy

TOGETHER = policy(consolidated="consolidated")
KEYS = ("1001", "1002", "1003")


def states(world: World) -> dict[str, str]:
    """Return the state of every reminder by account: each has one here."""
    return {row.account_id: row.state for row in world.rows()}


@pytest.fixture
def family(world: World, due: date) -> World:
    """Lend a world that consolidates, and a customer with three accounts that are due today."""
    world.policies = (TOGETHER,)
    world.add_accounts(*(account_row(key, due, customer_id="C", amount_due=10_000) for key in KEYS))
    world.plan()
    return world


def test_later_changes_send_nothing_again(family: World) -> None:
    """Law 2: told once together, no account is told again because one was paid, changed, or came in late."""
    family.dispatch()
    family.change_account("1001", amount_due=0)
    family.change_account("1002", amount_due=20_000, language="en")
    for _ in range(3):
        family.later(hours=1)
        family.run()

    assert len(family.recorder.taken) == 1


def test_an_account_that_comes_late_has_a_text_of_its_own(family: World, due: date) -> None:
    """Law 2: the fourth account, in the book since this afternoon, is told alone; the three are not told again."""
    family.dispatch()
    family.add_accounts(account_row("1004", due, customer_id="C", amount_due=500))
    family.later(hours=1)
    family.run()

    first, second = family.recorder.taken
    assert "3笔" in first.body
    assert "¥5.00" in second.body
    assert "1001" not in second.body


def test_a_refused_list_is_tried_again_as_a_whole(family: World) -> None:
    """Promise: a refusal for now puts all its accounts back together, and the next try lists them all again."""
    family.recorder.answer_with("retry", "accept")
    family.dispatch()
    assert states(family) == dict.fromkeys(KEYS, "planned")

    family.later(minutes=10)
    family.dispatch()

    assert [message.body.count("3笔") for message in family.recorder.taken] == [1]
    assert states(family) == dict.fromkeys(KEYS, "sent")
    assert len({row.reference for row in family.rows()}) == 1


def test_a_list_is_made_anew_for_each_try(family: World) -> None:
    """Law 5: who paid, or was put on hold, between two tries is not in the second; the others are not kept waiting."""
    family.recorder.answer_with("retry", "accept")
    family.dispatch()
    family.change_account("1001", amount_due=0)
    family.hold(account_id="1002")
    family.later(minutes=10)
    family.dispatch()

    (message,) = family.recorder.taken
    assert "笔" not in message.body
    assert states(family) == {"1001": "cancelled", "1002": "planned", "1003": "sent"}


def test_paid_a_second_ago_is_not_listed(family: World) -> None:
    """Law 5: of three accounts that were planned, the one paid since is left out of list and sum."""
    family.change_account("1003", amount_due=0)
    family.dispatch()

    (message,) = family.recorder.taken
    assert "2笔" in message.body
    assert "¥200.00" in message.body
    assert "1003" not in message.body


def test_a_list_in_doubt_is_settled_as_one(family: World) -> None:
    """Law 3: the answer for a list was lost, so all its accounts are in doubt; disproved, all are listed once more."""
    family.recorder.answer_with("lost", "accept")
    family.dispatch()
    (reference,) = {row.reference for row in family.rows()}
    assert states(family) == dict.fromkeys(KEYS, "in_doubt")
    family.later(hours=1)
    family.run()
    assert family.recorder.taken == []

    with family.engine.begin() as connection:
        moved = unanswered.resolve(
            connection, reference, event=Event.DISPROVE, reason="not there", who="ana", at=family.at
        )
    family.dispatch()

    assert moved == len(KEYS)
    assert [message.body.count("3笔") for message in family.recorder.taken] == [1]
    assert states(family) == dict.fromkeys(KEYS, "sent")


def test_a_failed_list_is_planned_again_account_by_account(family: World) -> None:
    """Promise: a person plans one of a failed list again, and only that one goes out; planned all, they go together."""
    family.recorder.answer_with("content", "accept", "accept")
    family.dispatch()
    assert states(family) == dict.fromkeys(KEYS, "failed")

    def replan(*keys: str) -> None:
        with family.engine.begin() as connection:
            chosen = outbox_table.c.account_id.in_(keys)
            outbox.replan(connection, chosen, event=Event.REPLAN, reason="sent again", at=family.at)
        family.dispatch()

    replan("1001")
    assert "笔" not in family.recorder.taken[0].body
    replan("1002", "1003")
    assert "2笔" in family.recorder.taken[1].body
    assert states(family) == dict.fromkeys(KEYS, "sent")


def test_the_language_is_that_of_the_longest_due(family: World, due: date) -> None:
    """Promise: accounts that name several languages make one text, in the language of the one that leads."""
    family.change_account("1002", language="en")
    family.change_account("1003", language="en", due_date=due - timedelta(days=1))
    family.plan()
    family.dispatch()

    (message,) = family.recorder.taken
    assert "you have 3 payments" in message.body


def test_currencies_are_never_added(family: World) -> None:
    """Promise: a list in two currencies has two sums."""
    family.change_account("1003", currency="USD", amount_due=700)
    family.dispatch()

    (message,) = family.recorder.taken
    assert "¥200.00" in message.body
    assert "7.00" in message.body
    assert "207" not in message.body


def test_a_long_list_is_bounded_and_its_sum_is_not(family: World, due: date) -> None:
    """Promise: however many accounts, a text names a few and says how many more; sum and count are of all of them."""
    more = [account_row(f"2{n:03}", due, customer_id="C", amount_due=10_000) for n in range(17)]
    family.add_accounts(*more)
    family.plan()
    entry = next(entry for entry in family.preview() if entry.body)
    family.dispatch()

    (message,) = family.recorder.taken
    assert "20笔" in message.body
    assert "¥2,000.00" in message.body
    assert f"{20 - LIST_MAX_LINES}笔" in message.body
    assert sum(message.body.count(key) for key in (*KEYS, *(row["account_id"] for row in more))) == LIST_MAX_LINES
    assert len(entry.accounts) == 20
    assert entry.segments <= 3
    assert set(states(family).values()) == {"sent"}


def test_a_list_takes_one_place_of_a_cap(family: World, due: date) -> None:
    """Law 10: three accounts in one text are one contact; a fourth on the same day waits for the next."""
    family.policies = (policy(consolidated="consolidated", caps=(Cap(1, CapPeriod.DAY),)),)
    family.dispatch()
    family.add_accounts(account_row("1004", due, customer_id="C"))
    family.later(hours=1)
    family.run()
    assert len(family.recorder.taken) == 1

    family.later(days=1)
    family.run()
    assert len(family.recorder.taken) == 2
