"""The checkers themselves: each one is silent about a sound world, and speaks of the fault that it is there for."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from reminder.store.schema import attempt, event, outbox
from support.checkers import (
    SHOWN_MAX,
    Acceptance,
    acceptances,
    accepted_twice,
    all_complaints,
    contradicted,
    over_caps,
    unconserved,
    unexplained,
    unintended,
)
from support.worlds import World, account_row, policy, step

DUE = date(2026, 11, 23)


@pytest.fixture
def world(sqlite_engine: Engine) -> World:
    """A world in which two texts were sent, one account was paid in time, and one was handed over."""
    made = World(sqlite_engine, policies=(policy(steps=(step("due", 0, 3), step("over", 31, 60, to="collections"))),))
    made.add_accounts(
        account_row("A", DUE, phone="13800138001"),
        account_row("B", DUE, phone="13800138002", amount_due=200),
        account_row("paid", DUE),
        account_row("old", DUE - timedelta(days=40)),
    )
    made.plan()
    made.change_account("paid", closed=True)
    made.dispatch()
    return made


def taken(world: World) -> list[Acceptance]:
    """Return what the provider of a world has taken."""
    return [Acceptance(each.reference, each.to, each.body, f"P-{each.reference}") for each in world.recorder.taken]


def tamper(world: World, statement: Any) -> None:
    """Change our tables behind the program's back."""
    with world.engine.begin() as connection:
        connection.execute(statement)


def test_a_sound_world_has_no_complaint(world: World) -> None:
    """Laws 2, 3, 4, 10: texts sent once, one final silence and one event are all in order."""
    assert sorted(row.state for row in world.rows()) == ["cancelled", "handed_over", "sent", "sent"]
    assert all_complaints(world.engine, taken(world), world.at) == []
    assert unconserved(world.engine, expected=4) == []
    assert over_caps(world.engine, taken(world), most=1, day=lambda at: at.date()) == []


def test_a_text_taken_twice_is_told(world: World) -> None:
    """Laws 2 and 3: the same words to the same number are one reminder, under whatever reference and id."""
    one, other = taken(world)
    again = Acceptance("another", one.number, one.body, "P-another")
    assert len(accepted_twice([one, other, again])) == 1
    assert len(accepted_twice([one, one])) == 2  # its reference as well


def test_a_text_that_was_never_committed_is_told(world: World) -> None:
    """Law 3: no call without an intent on disk, and none with other words than were committed."""
    one, _ = taken(world)
    stray = Acceptance("stray", "+8613800138009", "words", "P-stray")
    changed = Acceptance(one.reference, one.number, "other words", one.provider_id)
    assert [len(unintended(world.engine, [each])) for each in (one, stray, changed)] == [0, 1, 1]


def test_a_sent_reminder_without_a_text_is_told(world: World) -> None:
    """Law 4: what is told as sent and never reached a provider is lost."""
    one, other = taken(world)
    assert contradicted(world.engine, [one, other]) == []
    assert len(contradicted(world.engine, [one])) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": "planned"}, id="it would be sent again"),
        pytest.param({"reference": None}, id="it has forgotten its text"),
        pytest.param({"state": "cancelled", "reason": "paid"}, id="it is told as never sent"),
    ],
)
def test_a_text_that_its_reminder_denies_is_told(world: World, change: dict[str, Any]) -> None:
    """Law 3: what a provider has taken may not be planned again, nor told as not sent."""
    one, _ = taken(world)
    tamper(world, update(outbox).where(outbox.c.reference == one.reference).values(**change))
    assert contradicted(world.engine, taken(world)) != []


@pytest.mark.parametrize("change", [{"counted": False}, {"provider_id": "P-other"}], ids=["a contact", "an id"])
def test_a_text_whose_attempt_is_wrong_is_told(world: World, change: dict[str, Any]) -> None:
    """Laws 3 and 10: a text that was taken is a contact, and is known by its provider's id."""
    one, _ = taken(world)
    tamper(world, update(attempt).where(attempt.c.reference == one.reference).values(**change))
    assert len(contradicted(world.engine, taken(world))) == 1


def test_a_reminder_that_is_gone_is_told(world: World) -> None:
    """Law 4: a row that is missing is seen by who knows how many there should be."""
    tamper(world, delete(outbox).where(outbox.c.account_id == "paid"))
    assert len(unconserved(world.engine, expected=4)) == 1


@pytest.mark.parametrize("copies", [0, 2], ids=["without its event", "with two"])
def test_a_hand_over_has_one_event(world: World, copies: int) -> None:
    """Law 4: a reminder that was handed over has one event, whatever died in between."""
    with world.engine.connect() as connection:
        (written,) = connection.execute(select(event)).mappings().all()
    tamper(world, delete(event))
    for number in range(copies):
        tamper(world, insert(event).values({**written, "event_id": 100 + number}))
    assert len(unconserved(world.engine)) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": "cancelled", "reason": ""}, id="final without a reason"),
        pytest.param({"state": "planned"}, id="due and left alone"),
        pytest.param({"state": "sending", "lease_until": None}, id="being sent by nobody"),
        pytest.param({"state": "in_doubt", "reference": None}, id="in doubt without a text to ask for"),
    ],
)
def test_a_state_that_nobody_can_explain_is_told(world: World, change: dict[str, Any]) -> None:
    """Law 4: a reminder is final with a reason, or something is known of why it is not."""
    at = world.at + timedelta(minutes=1)
    assert unexplained(world.engine, at) == []
    tamper(world, update(outbox).where(outbox.c.account_id == "A").values(**change))
    assert len(unexplained(world.engine, at)) == 1


def test_one_contact_too_many_is_told(world: World) -> None:
    """Law 10: texts are counted by customer and period, as the provider took them."""
    same = {"customer_id": "one person"}
    tamper(world, update(attempt).values(**same))
    assert len(over_caps(world.engine, taken(world), most=1, day=lambda at: at.date())) == 1
    assert over_caps(world.engine, taken(world), most=2, day=lambda at: at.date()) == []


def test_the_log_of_a_provider_is_read(tmp_path: Path) -> None:
    """A harness counts what the provider wrote before it answered; a provider that was never called wrote nothing."""
    log = tmp_path / "accepted.jsonl"
    assert acceptances(log) == []
    log.write_text(json.dumps({"reference": "r", "To": "+1", "Body": "words", "sid": "SM1", "accepted": True}) + "\n")
    assert acceptances(log) == [Acceptance("r", "+1", "words", "SM1")]


def test_many_complaints_are_counted() -> None:
    """A broken run prints some of its faults and the number of the others."""
    twice = [Acceptance(f"r{number}", "+1", "words", "SM") for number in range(SHOWN_MAX + 5) for _ in range(2)]
    complaints = accepted_twice(twice)
    assert len(complaints) == SHOWN_MAX + 1
    assert complaints[-1] == "… and 6 more of this kind"
