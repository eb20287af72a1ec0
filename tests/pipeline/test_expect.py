"""Law 1, One decision: what is expected of policies is judged by what a preview of that day would list."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from reminder.config.expectations import Expectation
from reminder.config.yaml_document import document_of
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.verdict import Reason
from reminder.message.expression import compile_condition
from reminder.pipeline.expect import unmet
from reminder.pipeline.preview import Verb
from support.worlds import DAYTIME, World, account_row, policy, step

WHEN = "not account.autopay"
STEPS = (
    step("ahead", -7, -2),
    replace(step("eve", -1, -1), when=WHEN),
    step("due", 0, 3),
    step("over", 10, 20, to="collections"),
)
DUE = date(2026, 11, 23)


def expectation(dpd: int, expected: str | None, reason: Reason | None = None, autopay: bool = False) -> Expectation:
    """Return an expectation about an account as `account_row` has it, at noon."""
    account = Account(
        "A", "customer of A", DUE, Money(12_345, "CNY"), phone="13800138000", language="zh-CN",
        timezone="Asia/Shanghai", product="cash-loan", attributes={"autopay": autopay},
    )  # fmt: skip
    document = document_of(Path("loan.yaml"), "expectations: [{}]")
    return Expectation(document, ("expectations", 0), account, DUE, dpd, time(12), expected, reason, None)


@pytest.mark.parametrize("dpd", range(-9, 23))
@pytest.mark.parametrize("autopay", [False, True])
def test_what_a_preview_lists_is_what_is_expected(world: World, dpd: int, autopay: bool) -> None:
    """Whatever step a preview of a day lists, and its reason where it is silent, is met; another one is not."""
    world.policies = (policy(steps=STEPS, window=DAYTIME),)
    world.add_accounts(account_row("A", DUE, attributes={"autopay": autopay}))
    world.later(days=dpd)
    listed = world.preview()
    done = [entry for entry in listed if entry.verb in (Verb.SEND, Verb.HAND_OVER)]
    key = listed[0].step if listed else None
    reason = listed[0].reason if listed and not done else None
    conditions = {WHEN: compile_condition(WHEN)}

    met = expectation(dpd, key, reason, autopay)
    wrong = [expectation(dpd, "another", None, autopay)]
    if key is not None:
        wrong += [expectation(dpd, None, None, autopay), expectation(dpd, key, Reason.NUMBER, autopay)]

    assert list(unmet([met], world.policies, conditions, "CN")) == []
    assert len(list(unmet(wrong, world.policies, conditions, "CN"))) == len(wrong)


def test_the_preview_was_asked_on_days_that_matter(world: World) -> None:
    """The test above would prove nothing with one kind of day: some have a text, some silence, some a hand-over."""
    world.policies = (policy(steps=STEPS, window=DAYTIME),)
    world.add_accounts(account_row("A", DUE, attributes={"autopay": True}))
    seen: set[Verb | None] = set()
    for days in (-9, 6, 2, 2, 10):
        world.later(days=days)
        shown: set[Verb | None] = {entry.verb for entry in world.preview()}
        seen |= shown or {None}

    assert seen == {None, Verb.SEND, Verb.SKIP, Verb.HAND_OVER}


def test_a_policy_that_is_not_for_it_is_named() -> None:
    """Errors teach: where another policy, or none, takes the account, that is what is said."""
    asked = [replace(expectation(0, "due"), policy="other"), expectation(0, None)]
    problems = [str(problem) for problem in unmet(asked, (policy(steps=STEPS),), {}, "CN")]

    assert "that loan is for this account" in problems[0]
    assert "found `due` of loan" in problems[1]
    assert "no policy is for this account" in str(*unmet([expectation(0, "due")], (), {}, "CN"))
    assert list(unmet([expectation(1, None)], (), {}, "CN")) == []
