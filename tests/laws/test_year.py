"""Laws 2, 5 and 6 over a year: nobody is reminded after paying, nobody twice, and after downtime nothing stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from reminder.domain.caps import Cap, CapPeriod
from reminder.store.engine import open_engine
from reminder.store.schema import account, metadata, outbox
from support.recorder import Recorder
from support.worlds import DAYTIME, World, account_row, policy, step

ACCOUNTS = 300
DAYS = 365
FIRST_DAY = date(2026, 1, 5)
STEPS = (
    step("week-ahead", -7, -2),
    step("day-ahead", -1, -1),
    step("due-today", 0, 2),
    step("grace-ends", 3, 3),
    step("overdue", 4, 9),
    step("weekly", 10, 16),
    step("weekly.2", 17, 30),
    step("final", 31, 45),
    step("hand-over", 46, 60, to="collections"),
)
WINDOWS = {one.key: (one.opens, one.closes) for one in STEPS}


@dataclass
class Lender:
    """The lender's own system: instalments every 30 days, paid early, late or never. It knows what is true."""

    dice: Random
    due: dict[str, date] = field(default_factory=dict)
    pays_on: dict[str, date | None] = field(default_factory=dict)

    def open(self, account_id: str, due_date: date) -> None:
        """Let an instalment be due, and roll when its customer will pay: most in time, some late, a few never."""
        self.due[account_id] = due_date
        luck = self.dice.random()
        late_days = self.dice.randint(-9, 0) if luck < 0.6 else self.dice.randint(1, 50)
        self.pays_on[account_id] = None if luck > 0.96 else due_date + timedelta(days=late_days)

    def payments(self, today: date) -> list[str]:
        """Return who pays today, and open their next instalments."""
        paying = [account_id for account_id, day in self.pays_on.items() if day == today]
        for account_id in paying:
            self.open(account_id, self.due[account_id] + timedelta(days=30))
        return paying


@pytest.fixture
def world() -> Iterator[World]:
    """Lend an empty world that texts in the daytime, once a day at most."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    policies = (policy(steps=STEPS, window=DAYTIME, caps=(Cap(1, CapPeriod.DAY),)),)
    yield World(engine, policies=policies, recorder=Recorder())
    engine.dispose()


@pytest.mark.parametrize("downtime", [0.0, 0.35], ids=["up every day", "down a third of the days"])
def test_a_year_of_days(world: World, downtime: float) -> None:
    """Laws 2, 5, 6: every text of a year is owed, inside its step's days, the first of its step, and alone that day."""
    dice = Random(20260105 + int(downtime * 100))  # noqa: S311 - the same year every time
    lender = Lender(dice)
    for index in range(ACCOUNTS):
        lender.open(f"a{index}", FIRST_DAY + timedelta(days=dice.randint(0, 29)))
    rows = [account_row(key, due, phone=f"138{index:08}") for index, (key, due) in enumerate(lender.due.items())]
    world.add_accounts(*rows)
    spoken: dict[tuple[str, date, str], date] = {}
    texts_on: dict[tuple[str, date], int] = defaultdict(int)

    for offset in range(DAYS):
        today = FIRST_DAY + timedelta(days=offset)
        world.at = datetime(today.year, today.month, today.day, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
        paid = lender.payments(today)
        up = dice.random() >= downtime
        before = len(world.recorder.taken)
        book_payments(world, lender, paid[::2])
        if up:
            world.plan()
        book_payments(world, lender, paid[1::2])  # these were planned a second ago
        if up:
            world.dispatch()
        for row in rows_of(world, {message.reference for message in world.recorder.taken[before:]}):
            judge(lender, row, today, spoken, texts_on)

    assert len(spoken) > ACCOUNTS
    assert max(texts_on.values()) == 1


def book_payments(world: World, lender: Lender, paid: list[str]) -> None:
    """Let the book show the next instalment of everybody who paid."""
    if paid:
        with world.engine.begin() as connection:
            connection.execute(
                update(account).where(account.c.account_id == bindparam("key")).values(due_date=bindparam("due")),
                [{"key": account_id, "due": lender.due[account_id]} for account_id in paid],
            )


def rows_of(world: World, references: set[str]) -> Sequence[Any]:
    """Return the reminders that went into these texts."""
    with world.engine.connect() as connection:
        found = connection.execute(select(outbox).where(outbox.c.reference.in_(references))).all()
    assert len(found) == len(references)
    return found


def judge(
    lender: Lender,
    row: Any,
    today: date,
    spoken: dict[tuple[str, date, str], date],
    texts_on: dict[tuple[str, date], int],
) -> None:
    """Assert that a text sent today is true and new, and count it."""
    assert lender.due[row.account_id] == row.due_date, "reminded of an instalment that is paid"
    opens, closes = WINDOWS[row.step]
    assert opens <= (today - row.due_date).days <= closes, "a step outside its days"
    key = (row.account_id, row.due_date, row.step)
    assert key not in spoken, "the same step twice"
    spoken[key] = today
    texts_on[row.account_id, today] += 1
