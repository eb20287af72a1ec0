"""Planning again: only what a person may ask for, only what is still true, and without a contact that never was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from reminder.domain.caps import CapScope
from reminder.domain.lifecycle import State
from reminder.store import requeue
from reminder.store.contacts import Ask, contacts
from reminder.store.schema import attempt, outbox

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = AT + timedelta(days=2)
CUSTOMER = (CapScope.CUSTOMER, "C")


def _remind(connection: Connection, state: State, **given: Any) -> int:
    """Write a reminder in this state, with the text that it went into; return its id."""
    number = connection.scalar(select(outbox.c.reminder_id).order_by(outbox.c.reminder_id.desc()).limit(1)) or 0
    reference = f"ref-{number}"
    connection.execute(
        insert(attempt).values(
            reference=reference, gateway="console", customer_id="C", number="+12125550123", policy="p",
            policy_version="1", template="t", language="en", body="Hello", segments=1, started_at=AT,
            counted=state is not State.FAILED,
            valid_until=LATER, ended_at=AT, outcome="printed",
        )
    )  # fmt: skip
    row = {
        "account_id": f"A-{number}", "customer_id": "C", "due_date": date(2026, 3, 1), "policy": "p", "step": "s",
        "leg": "sms", "state": state.value, "not_before": AT, "expires_at": LATER, "attempts": 3,
        "reference": reference, "planned_at": AT, "changed_at": AT,
    }  # fmt: skip
    key = connection.execute(insert(outbox).values(row | given)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _row(connection: Connection, reminder_id: int) -> Any:
    return connection.execute(select(outbox).where(outbox.c.reminder_id == reminder_id)).one()


def test_still_true_leaves_out_what_is_over(engine: Engine) -> None:
    """Law 6: what is planned again after a long while is still true; what is over stays over."""
    with engine.begin() as connection:
        fresh = _remind(connection, State.PRINTED)
        _remind(connection, State.PRINTED, expires_at=AT)
        _remind(connection, State.SENT)

        assert requeue.still_true(connection, State.PRINTED, at=AT) == [fresh]


def test_still_true_of_one_account(engine: Engine) -> None:
    """One account can be planned again alone."""
    with engine.begin() as connection:
        _remind(connection, State.PRINTED)
        wanted = _remind(connection, State.PRINTED, account_id="A-wanted")

        assert requeue.still_true(connection, State.PRINTED, at=AT, account_id="A-wanted") == [wanted]


def test_printed_texts_no_longer_count(engine: Engine) -> None:
    """Law 10: a text that only the console saw takes no room under a cap once it is planned again."""
    with engine.begin() as connection:
        printed = _remind(connection, State.PRINTED)
        assert contacts(connection, Ask.of(()), [CUSTOMER], at=AT)

        requeue.uncount(connection, [printed])

        assert not contacts(connection, Ask.of(()), [CUSTOMER], at=AT)


def test_sent_texts_go_on_counting(engine: Engine) -> None:
    """Law 10: asking for the wrong rows frees no room under a cap; the customer has read those texts."""
    with engine.begin() as connection:
        sent = _remind(connection, State.SENT)

        requeue.uncount(connection, [sent])

        assert contacts(connection, Ask.of(()), [CUSTOMER], at=AT)


@pytest.mark.parametrize("state", [State.PRINTED, State.FAILED])
def test_planned_again_from_the_start(engine: Engine, state: State) -> None:
    """What a person asks for is planned as if new: no refusals counted, no old text, due at once."""
    with engine.begin() as connection:
        reminder = _remind(connection, state, not_before=AT - timedelta(days=1))

        assert requeue.plan_again(connection, [reminder], who="ana", reason="asked", at=AT) == 1
        row = _row(connection, reminder)
        assert (row.state, row.attempts, row.reference, row.reason) == ("planned", 0, None, "ana: asked")
        assert row.not_before == AT


@pytest.mark.parametrize("state", sorted(set(State) - {State.PRINTED, State.FAILED}))
def test_nothing_else_is_planned_again(engine: Engine, state: State) -> None:
    """Law 3: no request moves a reminder that is on its way, in doubt, sent, or over."""
    with engine.begin() as connection:
        reminder = _remind(connection, state)

        assert requeue.plan_again(connection, [reminder], who="ana", reason="asked", at=AT) == 0
        assert _row(connection, reminder).state == state


def test_what_was_given_up_is_not_sent_again(engine: Engine) -> None:
    """Law 3: a text that a person gave up may have been taken: it is no refused one, and asking does not resend it."""
    with engine.begin() as connection:
        given_up = _remind(connection, State.FAILED)
        connection.execute(update(attempt).values(counted=True))
        refused = _remind(connection, State.FAILED)

        assert requeue.plan_again(connection, [given_up, refused], who="ana", reason="asked", at=AT) == 1
        assert [_row(connection, each).state for each in (given_up, refused)] == ["failed", "planned"]


def test_many_at_once(engine: Engine) -> None:
    """A whole day's printed texts can be planned again in one go, beyond one statement's share of ids."""
    with engine.begin() as connection:
        reminders = [_remind(connection, State.PRINTED) for _ in range(501)]
        requeue.uncount(connection, reminders)

        assert requeue.plan_again(connection, reminders, who="ana", reason="asked", at=AT) == len(reminders)
