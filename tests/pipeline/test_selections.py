"""Holds on a selection: whoever is in it is left alone, and comes back little by little; and what will come back."""

from __future__ import annotations

from datetime import date, timedelta

from reminder.domain.agreement import AgreementKind
from reminder.domain.hold import HoldKind
from reminder.domain.selector import Selector, Term
from reminder.pipeline.preview import Verb
from reminder.pipeline.resuming import ACCOUNTS_MAX, resuming
from reminder.store import holds
from support.agreeing import agree
from support.worlds import World, account_row, policy, step

REGION = Selector((Term("region", frozenset({"Sichuan"})),))
MANY = 60


def flood(world: World, *, days: int, resume_hours: int = 0) -> int:
    """Pause the region from now on; return the hold's id."""
    with world.engine.begin() as connection:
        return holds.add(
            connection,
            kind=HoldKind.HARDSHIP,
            reason="flood",
            who="test",
            at=world.at,
            until=world.at + timedelta(days=days),
            selector=REGION,
            resume_hours=resume_hours,
        )


def people(world: World, due: date, count: int = 1) -> None:
    """Put accounts of the region into the book."""
    world.add_accounts(
        *(account_row(f"a{n}", due, phone=f"138{n:08}", attributes={"region": "Sichuan"}) for n in range(count))
    )


def test_a_selection_holds_whoever_is_in_it_then(world: World, due: date) -> None:
    """Promise: standing, not a snapshot. Who comes into the region is held, who leaves it is not, others never were."""
    people(world, due)
    world.add_accounts(account_row("b", due, phone="13900139000"), account_row("c", due, phone="13900139001"))
    flood(world, days=9)
    world.change_account("b", attributes={"region": "Sichuan"})

    world.run()
    assert world.states() == {("a0", "due"): "planned", ("b", "due"): "planned", ("c", "due"): "sent"}

    world.change_account("a0", attributes={"region": "Tibet"})
    world.later(minutes=31)
    world.run()
    assert world.states()["a0", "due"] == "sent"
    assert world.states()["b", "due"] == "planned"


def test_after_a_mass_hold_there_is_no_burst(world: World, due: date) -> None:
    """Promise: over the hours of coming back each hour has its share; each gets one text, today's, as foretold."""
    world.policies = (policy(steps=(step("due", 0, 3), step("late", 4, 30))),)
    people(world, due, MANY)
    flood(world, days=6, resume_hours=24)
    for _ in range(6):
        world.run()
        world.later(days=1)
    assert world.recorder.taken == []

    hourly = []
    for _ in range(25):
        foreseen = [entry for entry in world.preview() if entry.verb is Verb.SEND]
        before = len(world.recorder.taken)
        world.run()
        hourly.append(len(world.recorder.taken) - before)
        assert len(foreseen) == hourly[-1]
        world.later(hours=1)

    assert sum(hourly) == MANY
    assert len({message.to for message in world.recorder.taken}) == MANY
    assert max(hourly) <= 10
    assert {row.step for row in world.rows() if row.state == "sent"} == {"late"}


def test_the_accounts_of_a_customer_come_back_together(world: World, due: date) -> None:
    """Promise: where texts are consolidated, a customer of the region gets one after it, not one for each account."""
    world.policies = (policy(consolidated="consolidated"),)
    world.add_accounts(
        *(account_row(key, due, customer_id="c", attributes={"region": "Sichuan"}) for key in ("a", "b", "c"))
    )
    flood(world, days=1, resume_hours=24)
    world.run()
    for _ in range(60):
        world.later(hours=1)
        world.run()

    assert len(world.recorder.taken) == 1


def test_what_will_come_back_is_seen_beforehand(world: World, due: date) -> None:
    """Promise: `resuming` names the holds that end in a span, and of each account the step and the verdict of then."""
    people(world, due, ACCOUNTS_MAX + 2)
    world.add_accounts(
        account_row("b", due, customer_id="c", phone="13900139000"),
        account_row("d", due, customer_id="c", phone="13900139000"),
        account_row("e", due - timedelta(days=90), phone="13900139001"),
    )
    agree(world, AgreementKind.PROMISE, "d", [(due + timedelta(days=20), 1)])
    flooded = flood(world, days=5)
    customer = world.hold(until=world.at + timedelta(days=6), customer_id="c")
    account = world.hold(until=world.at + timedelta(days=7), account_id="e")
    world.hold(until=world.at + timedelta(days=8), account_id="e")
    world.hold(customer_id="z")

    found = resuming(world.deployment(), world.at, world.at + timedelta(days=7, hours=1), limit=9)

    assert [each.hold.hold_id for each in found] == [flooded, customer, account]
    assert [(len(each.explanations), each.more) for each in found] == [(ACCOUNTS_MAX, True), (2, False), (1, False)]
    steps = [told.step.key if told.step else None for told in found[1].explanations]
    assert steps == ["late", "late"]
    stopping = [[gate.gate for gate in told.gates if gate.stops] for told in found[1].explanations]
    assert stopping == [[], ["agreed"]]
    assert found[2].explanations[0].silence == "policy loan has no step for DPD 97"
