"""Refused files, and the reminders that an edit concerns, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from reminder.domain.verdict import Reason
from reminder.store import edits, refusals
from support.outbox_rows import LEASED, remind, snapshot

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PROBLEM = "config/policies/loan.yaml:6:1: unknown key 'stps'"


def test_a_refusal_is_seen_by_others_until_it_is_taken_back(engine: Engine) -> None:
    """Law 9: another process's `status` says who refuses what, and since when."""
    with engine.begin() as connection:
        refusals.write(connection, "one:1", problems=["older"], at=AT - timedelta(minutes=2))
        refusals.write(connection, "one:1", problems=[PROBLEM], at=AT)
        assert refusals.listing(connection, AT) == [refusals.Refusal("one:1", AT, (PROBLEM,))]
        assert refusals.clear(connection, "one:1")
        assert not refusals.clear(connection, "one:1")
        assert refusals.listing(connection, AT) == []


def test_a_refusal_lives_as_long_as_it_is_repeated(engine: Engine) -> None:
    """A daemon that was killed can't take its word back; what nobody repeats is forgotten."""
    with engine.begin() as connection:
        refusals.write(connection, "alive:1", problems=[PROBLEM], at=AT)
        refusals.write(connection, "dead:2", problems=[PROBLEM], at=AT)
        refusals.repeat(connection, "alive:1", at=LATER)
        assert [(each.owner, each.since) for each in refusals.listing(connection, LATER)] == [("alive:1", AT)]


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        pytest.param(f"{Reason.NOT_YET}: true on DPD 4 to 9, today is 2", True, id="step-was-moved"),
        pytest.param(f"{Reason.WHEN}: `x` is false", True, id="condition"),
        pytest.param(f"{Reason.TEMPLATE}: none", True, id="template"),
        pytest.param(f"{Reason.POLICY}: can't be read", True, id="broken-policy"),
        pytest.param(f"{Reason.WINDOW}: closed", True, id="window"),
        pytest.param(f"{Reason.CAP}: 1 a day", True, id="cap"),
        pytest.param(f"{Reason.HOLD}: dispute", False, id="hold-is-not-in-a-file"),
        pytest.param("refused for now: 429", False, id="backoff-is-the-providers"),
        pytest.param("", False, id="planned-for-its-hour"),
    ],
)
def test_an_edit_asks_again_what_waits_for_a_file(engine: Engine, reason: str, asked: bool) -> None:
    """What may be true now by the new files is asked at once; backoff, holds and planned hours stay as they are."""
    with engine.begin() as connection:
        reminder_id = remind(connection, reason=reason, not_before=LATER)
        assert edits.ask_again(connection, at=AT) == int(asked)
    assert snapshot(engine)[reminder_id].not_before == (AT if asked else LATER)


def test_an_edit_takes_nothing_out_of_other_hands(engine: Engine) -> None:
    """What a process has claimed, and what is over, is left alone."""
    with engine.begin() as connection:
        remind(connection, "claimed", reason="when: no", not_before=LATER, **LEASED)
        remind(connection, "over", reason="when: no", not_before=LATER, state="expired")
        assert edits.ask_again(connection, at=AT) == 0
