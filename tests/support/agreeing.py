"""Promises and plans in a small world, and a book that is loaded again every day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import update

from reminder.domain.agreement import Agreement, AgreementKind, AgreementState, Part
from reminder.domain.money import Money
from reminder.domain.policy import BreachRule, Policy
from reminder.pipeline.agreements import make
from reminder.pipeline.facts import reading
from reminder.store import agreements
from reminder.store.schema import account
from support.worlds import World

__all__ = ["PLANNED", "PROMISED", "agree", "answering", "found", "load_book", "states_of"]

PROMISED = BreachRule("promise-broken", "breach/promise", 3)
PLANNED = BreachRule("plan-broken", "breach/plan", 3)


def answering(base: Policy) -> Policy:
    """Return the policy with a step for broken promises and one for broken plans."""
    return replace(base, broken_promise=PROMISED, broken_plan=PLANNED)


def agree(world: World, kind: AgreementKind, account_id: str, parts: Sequence[tuple[date, int]], **changes: Any) -> int:
    """Make a promise or a plan now, of (day, fen), with two days for booking; return its number."""
    deployment = world.deployment()
    with reading(deployment) as (_, book):
        made = make(
            deployment,
            book,
            kind=kind,
            account_id=account_id,
            parts=lambda _: [Part(day, Money(minor, "CNY")) for day, minor in parts],
            grace_days=2,
            tolerance_percent=0,
            note="",
            who="test",
            at=world.at,
        )
    with world.engine.begin() as connection:
        return agreements.add(connection, replace(made, **changes))


def load_book(world: World) -> None:
    """Let the book say that all of it was refreshed just now."""
    with world.engine.begin() as connection:
        connection.execute(update(account).values(loaded_at=world.at))


def found(world: World, agreement_id: int) -> Agreement:
    """Return an agreement as it is on record."""
    with world.engine.connect() as connection:
        known = agreements.find(connection, agreement_id)
    assert known is not None
    return known


def states_of(world: World, *agreement_ids: int) -> list[AgreementState]:
    """Return the states on record of some agreements."""
    return [found(world, each).state for each in agreement_ids]
