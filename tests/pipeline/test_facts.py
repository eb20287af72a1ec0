"""Facts: each case of a batch has what names its own account, customer or number, and nothing of the others."""

from __future__ import annotations

from datetime import date, timedelta

from reminder.domain.case import Case
from reminder.domain.consent import Consent
from reminder.pipeline.facts import gather, reading
from reminder.store import consents, outbox
from support.worlds import World, account_row, policy

SHARED = "+8613800138000"


def cases(world: World) -> dict[str, Case]:
    """Return the case of each account, gathered in one batch."""
    deployment = world.deployment()
    with reading(deployment) as (connection, book):
        found = gather(connection, book, deployment, list(outbox.planned(connection)), world.at)
    return {case.reminder.account_id: case for case in found}


def family(world: World, due: date) -> None:
    """Plan for A and B of one customer, C who shares A's number, and D who has nothing to do with them."""
    world.add_accounts(
        account_row("A", due, customer_id="one", phone="13800138000"),
        account_row("B", due, customer_id="one", phone="13800138001"),
        account_row("C", due, customer_id="two", phone="13800138000"),
        account_row("D", due, customer_id="three", phone="13800138003"),
    )
    world.plan()


def test_each_case_has_its_own_holds(world: World, due: date) -> None:
    """Law 5: a hold on an account is in that account's case, one on a customer in all of the customer's."""
    family(world, due)
    on_account, on_customer = world.hold(account_id="A"), world.hold(customer_id="one")

    found = {key: {hold.hold_id for hold in case.holds} for key, case in cases(world).items()}

    assert found == {"A": {on_account, on_customer}, "B": {on_customer}, "C": set(), "D": set()}


def test_each_case_has_its_own_suppressions(world: World, due: date) -> None:
    """Law 5: who shares a number that said stop is left alone, whoever that customer is; others are not."""
    family(world, due)
    world.suppress(number=SHARED)
    world.suppress(customer_id="one")
    world.suppress(account_id="D")

    found = {key: len(case.suppressions) for key, case in cases(world).items()}

    assert found == {"A": 2, "B": 1, "C": 1, "D": 1}


def test_each_case_has_its_own_consents_once(world: World, due: date) -> None:
    """Law 5: a consent that names a customer and that customer's number is one, and nobody else's but the number's."""
    family(world, due)
    world.policies = (policy(consent=True),)
    given = Consent("a form", "page 3", world.at - timedelta(days=1), number=SHARED, customer_id="one")
    with world.engine.begin() as connection:
        consents.add(connection, given, at=world.at)

    found = {key: len(case.consents) for key, case in cases(world).items()}

    assert found == {"A": 1, "B": 1, "C": 1, "D": 0}
