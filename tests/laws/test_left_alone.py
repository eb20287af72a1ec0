"""Random histories of holds, promises, plans, payments and downtime: who is to be left alone gets no text.

The history keeps its own books of who is held, what was agreed and what was paid, and judges each text by these alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from reminder.domain.agreement import AgreementKind
from reminder.domain.hold import HoldKind
from reminder.domain.selector import Selector, Term
from reminder.errors import DataError
from reminder.pipeline.preview import Verb
from reminder.store import agreements, holds
from reminder.store.engine import open_engine
from reminder.store.schema import metadata, outbox
from support.agreeing import agree, answering, load_book
from support.recorder import Recorder
from support.worlds import World, account_row, policy, step

FIRST_DAY = date(2026, 11, 2)
DAYS = 28
GRACE, WITHIN = timedelta(days=2), timedelta(days=3)
STEPS = (step("ahead", -7, -1), step("due", 0, 3), step("late", 4, 9), step("later", 10, 16), step("last", 17, 30))
WINDOWS = {one.key: (one.opens, one.closes) for one in STEPS}
REGIONS = ("Sichuan", "Tibet")


@dataclass
class Pact:
    """A promise (one part) or a plan as the history knows it."""

    number: int
    account_id: str
    owed: int
    parts: list[tuple[date, int]]
    is_plan: bool
    state: str = "open"

    def missed(self, paid: int) -> date | None:
        """Return the day of the first part that so much does not cover, or None."""
        due = 0
        for day, amount in self.parts:
            due += amount
            if paid < due:
                return day
        return None


@dataclass
class History:
    """What happened so far, as the lender's people would tell it."""

    dice: Random
    world: World
    due: dict[str, date] = field(default_factory=dict)
    region: dict[str, str] = field(default_factory=dict)
    owes: dict[str, int] = field(default_factory=dict)
    loaded: date = FIRST_DAY
    held: list[tuple[int, str, str, datetime, datetime | None]] = field(default_factory=list)
    pacts: list[Pact] = field(default_factory=list)
    texted: Counter[tuple[str, date, date]] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)

    @property
    def today(self) -> date:
        """The day in Shanghai."""
        return (self.world.at + timedelta(hours=8)).date()

    def open_book(self) -> None:
        """Put some accounts of four customers into the book."""
        for index in range(7):
            key = f"a{index}"
            self.due[key] = FIRST_DAY + timedelta(days=self.dice.randint(-12, 9))
            self.region[key] = self.dice.choice(REGIONS)
            self.owes[key] = 10_000
            self.world.add_accounts(
                account_row(
                    key,
                    self.due[key],
                    customer_id=f"c{index % 4}",
                    phone=f"1380013800{index % 4}",
                    amount_due=10_000,
                    attributes={"region": self.region[key]},
                )
            )

    def happen(self) -> None:
        """Let one or another thing happen."""
        key = self.dice.choice(sorted(self.due))
        self.dice.choice(
            (self.pay, self.pay, self.hold, self.hold, self.release, self.promise, self.plan, self.cancel)
        )(key)

    def pay(self, key: str) -> None:
        """Let a customer pay some or all."""
        self.owes[key] -= min(self.owes[key], self.dice.choice((2_000, 4_000, 10_000)))
        self.world.change_account(key, amount_due=self.owes[key])

    def hold(self, key: str) -> None:
        """Put a hold on an account, a customer or a region, for some days or until released."""
        kind = self.dice.choice(("account", "customer", "region"))
        whom = {"account": key, "customer": f"c{int(key[1:]) % 4}", "region": self.region[key]}[kind]
        until = self.dice.choice((None, *(self.world.at + timedelta(hours=hours) for hours in (3, 30, 100))))
        given: dict[str, Any] = {f"{kind}_id": whom}
        if kind == "region":
            selector = Selector((Term("region", frozenset({whom})),))
            given = {"selector": selector, "resume_hours": self.dice.choice((0, 36))}
        with self.world.engine.begin() as connection:
            number = holds.add(
                connection, kind=HoldKind.DISPUTE, reason="x", who="test", at=self.world.at, until=until, **given
            )
        self.held.append((number, kind, whom, self.world.at, until))

    def release(self, _key: str) -> None:
        """Release the last hold that is still in force."""
        for index, (number, kind, whom, since, until) in reversed(list(enumerate(self.held))):
            if until is None or until > self.world.at:
                with self.world.engine.begin() as connection:
                    assert holds.release(connection, number, who="test", at=self.world.at)
                self.held[index] = (number, kind, whom, since, self.world.at)
                return

    def promise(self, key: str) -> None:
        """Let a customer promise something."""
        self.make(key, [(self.today + timedelta(days=self.dice.randint(0, 4)), self.dice.choice((2_000, 4_000)))])

    def plan(self, key: str) -> None:
        """Agree a plan in two parts."""
        first = self.today + timedelta(days=self.dice.randint(0, 6))
        self.make(key, [(first, 2_000), (first + timedelta(days=self.dice.randint(3, 9)), 2_000)])

    def make(self, key: str, parts: list[tuple[date, int]]) -> None:
        """Write an agreement down, if it can be."""
        is_plan = len(parts) > 1
        try:
            number = agree(self.world, AgreementKind.PLAN if is_plan else AgreementKind.PROMISE, key, parts)
        except DataError:
            return
        self.pacts.append(Pact(number, key, self.owes[key], parts, is_plan))

    def cancel(self, _key: str) -> None:
        """Cancel some open agreement."""
        for pact in self.pacts:
            if pact.state == "open":
                kind = AgreementKind.PLAN if pact.is_plan else AgreementKind.PROMISE
                with self.world.engine.begin() as connection:
                    agreements.cancel(connection, pact.number, kind=kind, why="x", who="test", at=self.world.at)
                pact.state = "cancelled"
                return

    def look(self) -> None:
        """Look into the book, as a pass does, and write down what it says of what was agreed."""
        for pact in self.pacts:
            if pact.state == "open":
                day = pact.missed(pact.owed - self.owes[pact.account_id])
                if day is None or self.owes[pact.account_id] == 0:
                    pact.state = "kept"
                elif min(self.today, self.loaded) > day + GRACE:
                    pact.state = "broken"

    def judge(self, row: Any) -> None:
        """Assert that a text about an account may be: true, wanted, the only one of its day, and no burst."""
        key, at = row.account_id, self.world.at
        assert self.owes[key] > 0, "texted after paying"
        cycle = (key, row.due_date, self.today)
        self.texted[cycle] += 1
        assert self.texted[cycle] == 1, "more than one text about a cycle on one day"
        whose = {"account": key, "customer": f"c{int(key[1:]) % 4}", "region": self.region[key]}
        for _, kind, whom, since, until in self.held:
            paused = whose[kind] == whom and since <= at and (until is None or at < until)
            assert not paused, f"texted while its {kind} is held"
        force = next((pact for pact in self.pacts if pact.account_id == key and pact.state == "open"), None)
        if row.step.startswith(("promise-broken.", "plan-broken.")):
            assert force is None, "told of a breach while another agreement is in force"
            self.judge_breach(row)
            return
        if force is not None:
            assert force.is_plan, "texted while a promise is open"
            assert row.due_date == force.missed(force.owed - self.owes[key]), "not of the plan's open part"
        else:
            assert row.due_date == self.due[key], "not of the account's own cycle"
        opens, closes = WINDOWS[row.step]
        assert opens <= (self.today - row.due_date).days <= closes, "a step outside its days"

    def judge_breach(self, row: Any) -> None:
        """Assert that the text of a breach is about a broken agreement, in its days, once."""
        (pact,) = [pact for pact in self.pacts if pact.number == int(row.step.partition(".")[2])]
        assert pact.state == "broken"
        day = pact.missed(pact.owed - self.owes[pact.account_id])
        assert day is not None, "told of a breach that has been mended"
        assert day + GRACE < self.today <= day + GRACE + WITHIN, "a breach outside its days"
        self.breaches[row.step] += 1
        assert self.breaches[row.step] == 1, "told twice of one breach"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Lend one world on a database in memory, emptied between examples."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield World(engine)
    engine.dispose()


def texts_of_a_pass(world: World, history: History) -> None:
    """Make a pass, having asked the preview now and then, and judge every text of it (law 1 beside the others)."""
    foreseen = None
    if history.dice.random() < 0.25:
        foreseen = sorted(entry.body for entry in world.preview() if entry.verb is Verb.SEND)
    before = len(world.recorder.taken)
    history.look()
    world.run()
    sent = world.recorder.taken[before:]
    if foreseen is not None:
        assert sorted(message.body for message in sent) == foreseen
    with world.engine.connect() as connection:
        for message in sent:
            for row in connection.execute(select(outbox).where(outbox.c.reference == message.reference)):
                history.judge(row)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=6)
@given(seed=st.integers(0, 2**48))
def test_who_is_left_alone_gets_no_text(world: World, seed: int) -> None:
    """Laws 1, 2, 5, 6: none to the held, disputed or promised; a breach once, in its days; no burst after a hold."""
    dice = Random(seed)  # noqa: S311 - a history is found again by its seed
    world.clear()
    world.recorder = Recorder()
    world.policies = (answering(policy(steps=STEPS, consolidated=dice.choice((None, "consolidated")))),)
    world.at = datetime.combine(FIRST_DAY, time(2), UTC)
    history = History(dice, world)
    history.open_book()
    for offset in range(DAYS):
        world.at = datetime.combine(FIRST_DAY + timedelta(days=offset), time(2), UTC)  # 10:00 in Shanghai
        if dice.random() < 0.8:
            load_book(world)
            history.loaded = history.today
        up = dice.random() < 0.8
        for hour in (2, 5, 9):
            world.at = world.at.replace(hour=hour)
            if dice.random() < 0.4:
                history.happen()
            if up:
                texts_of_a_pass(world, history)
