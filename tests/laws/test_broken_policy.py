"""A policy file that breaks: its own accounts wait, nobody else notices, and nothing is ended by a mistake (law 9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from reminder.config.salvage import put_aside
from reminder.domain.lifecycle import State
from reminder.domain.policy import Policy
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.errors import Problem
from reminder.pipeline.explain import explain
from support.worlds import World, account_row, policy

TODAY = date(2026, 11, 23)
CARDS = Selector((Term("product", frozenset({"card"})),))
BROKEN = Problem("policies/card.yaml", 7, 5, "expected a day, found text")


@pytest.fixture
def card() -> Policy:
    """A policy for cards alone, which comes before the one for everybody."""
    return policy("card", priority=10, selector=CARDS)


@pytest.fixture
def world(sqlite_engine: Engine, card: Policy) -> World:
    """A card and a loan, both due today, each with a policy."""
    world = World(sqlite_engine, policies=(card, policy("loan")))
    world.add_accounts(account_row("C", TODAY, product="card"), account_row("L", TODAY))
    return world


def _break(world: World, card: Policy) -> None:
    world.policies = (put_aside(card, Path("policies/card.yaml"), BROKEN), *world.policies[1:])


def test_a_broken_file_silences_only_its_own_accounts(world: World, card: Policy) -> None:
    """Law 9: the loan is texted; the card is not, though the policy for everybody would match it."""
    _break(world, card)

    world.run()

    assert world.states() == {("L", "due"): State.SENT}


def test_what_was_planned_waits_and_goes_out_once_the_file_is_mended(world: World, card: Policy) -> None:
    """A mistake in a file ends nothing: the planned reminder stays planned, and is sent after the cure."""
    world.plan()
    _break(world, card)
    world.dispatch()
    waiting = world.states()
    world.policies = (card, *world.policies[1:])
    world.at += timedelta(hours=2)
    world.run()

    assert waiting == {("C", "due"): State.PLANNED, ("L", "due"): State.SENT}
    assert world.states() == {("C", "due"): State.SENT, ("L", "due"): State.SENT}


def test_the_silence_says_where_the_file_is_broken(world: World, card: Policy) -> None:
    """The preview names file, line and fault, so that whoever asks why it is quiet finds the place."""
    world.plan()
    _break(world, card)

    (entry,) = [entry for entry in world.preview() if entry.accounts == ("C",)]

    assert entry.reason is Reason.POLICY
    assert entry.detail == "policy card can't be read: policies/card.yaml:7:5: expected a day, found text"


def test_an_explanation_names_the_broken_file(world: World, card: Policy) -> None:
    """Whoever asks why an account is silent is sent to the line that is wrong."""
    _break(world, card)

    explanation = explain(world.deployment(), "C", world.at)

    assert explanation is not None
    assert explanation.silence == "policy card can't be read: policies/card.yaml:7:5: expected a day, found text"


def test_a_file_that_stays_broken_ends_its_reminders_when_their_days_are_over(world: World, card: Policy) -> None:
    """Laws 4 and 6: nothing waits for ever, and what comes too late is not sent."""
    world.plan()
    _break(world, card)
    world.at += timedelta(days=4)
    world.dispatch()
    ended = world.states()["C", "due"]
    world.policies = (replace(card, steps=card.steps[:2]), *world.policies[1:])
    world.run()

    assert ended is not State.PLANNED
    assert world.states()["C", "due"] == ended


def test_an_earlier_policy_that_breaks_with_an_unreadable_selector_silences_everybody(world: World) -> None:
    """Law 8: whose the file was can't be known, so nobody gets a text that may not be meant for them."""
    world.plan()
    nobody_knows = put_aside(policy("lost", priority=-1), Path("policies/lost.yaml"), BROKEN)
    world.policies = (nobody_knows, *world.policies)

    world.run()

    assert set(world.states().values()) == {State.PLANNED}
