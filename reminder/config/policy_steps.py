"""Steps of a policy file: what they mean beside each other, and the days in which each is true.

A step is true from `at` until the day before the next one, or until its `until`; a repeated step becomes one
occurrence after another. So windows never overlap, and on any day an account deserves at most one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from reminder.config.policy_model import StepModel
from reminder.config.yaml_document import Document
from reminder.domain.policy import Action, Step, tier_of
from reminder.errors import Problem

__all__ = ["LAST_STEP_DAYS", "check_steps", "expand"]

LAST_STEP_DAYS: Final = 14
"""Days in which the last step of a policy stays true when it says no `until`."""

Found = tuple[str, str]
"""The key of a step that is wrong ("" for the whole step), and what to say."""


def expand(steps: Sequence[StepModel], grace_days: int) -> tuple[Step, ...]:
    """Return the steps as occurrences, each with the days past due in which it is true.

    The steps must have passed `check_steps`. The first occurrence keeps the step's id as its key, the others add
    their number: `weekly`, `weekly.2`, `weekly.3`.
    """
    expanded: list[Step] = []
    followers = [*(step.at for step in steps[1:]), None]
    for step, next_at in zip(steps, followers, strict=True):
        expanded.extend(_occurrences(step, next_at, grace_days))
    return tuple(expanded)


def _occurrences(step: StepModel, next_at: int | None, grace_days: int) -> Iterator[Step]:
    times = step.times or 1
    for number in range(1, times + 1):
        opens = step.at + (number - 1) * (step.every or 0)
        closes = opens + (step.every or 0) - 1 if number < times else _closes(step, opens, next_at)
        yield Step(
            key=step.id if number == 1 else f"{step.id}.{number}",
            id=step.id,
            number=number,
            opens=opens,
            closes=closes,
            tier=tier_of(opens, grace_days),
            action=Action(step.action),
            template=step.template or "",
            when=step.when,
            to=step.to,
            notice=step.notice,
        )


def _closes(step: StepModel, opens: int, next_at: int | None) -> int:
    if step.until is not None:
        return step.until
    return opens + LAST_STEP_DAYS - 1 if next_at is None else next_at - 1


def check_steps(steps: Sequence[tuple[int, StepModel]], document: Document) -> list[Problem]:
    """Return what is wrong with steps, each given with its index in the file; the indexes may have holes."""
    problems = [_problem(document, index, found) for index, step in steps for found in (*_alone(step), *_days(step))]
    problems += [_problem(document, index, found) for index, found in _repeated_ids(steps)]
    for (_, before), (index, step) in pairwise(steps):
        problems += [_problem(document, index, found) for found in _order(before, step)]
    for (index, step), (_, after) in pairwise(steps):
        problems += [_problem(document, index, found) for found in _reach(step, after)]
    return problems


def _problem(document: Document, index: int, found: Found) -> Problem:
    key, message = found
    loc = ("steps", index, key) if key else ("steps", index)
    where = f"steps[{index}].{key}" if key else f"steps[{index}]"
    return document.problem(loc, f"{where}: {message}")


def _alone(step: StepModel) -> Iterator[Found]:
    """Find keys that are there without, or in spite of, another."""
    if step.action == "text":
        if step.template is None:
            yield "", f"step `{step.id}` sends a text, but has no `template`; name one, such as grace/due_today"
        if step.to is not None:
            yield "to", "expected only with `action: hand_over`; a text goes to the customer. Delete it"
    else:
        if step.to is None:
            yield "", f"step `{step.id}` hands over, but not to whom; add `to`, such as `to: collections`"
        if step.template is not None:
            yield "template", "a hand_over sends no text; delete the template, or make it a step of its own"
        if step.notice:
            yield "notice", "a hand_over sends no text; delete `notice`, or make it a step of its own"
    if step.every is not None and step.times is None:
        yield "every", "expected `times` beside it; say how often the step comes in all"
    if step.times is not None and step.every is None:
        yield "times", "expected `every` beside it; say after how many days the step comes again"


def _last_opens(step: StepModel) -> int:
    """Return the day on which the last occurrence opens."""
    return step.at + ((step.times or 1) - 1) * (step.every or 0)


def _days(step: StepModel) -> Iterator[Found]:
    if step.until is None:
        return
    if step.until < step.at:
        yield "until", f"day {step.until} is before the step opens, on day {step.at}; `until` is its last day"
    elif step.until < _last_opens(step):
        last = _last_opens(step)
        yield "until", f"day {step.until} is before the last of {step.times} repetitions opens, on day {last}"


def _repeated_ids(steps: Sequence[tuple[int, StepModel]]) -> Iterator[tuple[int, Found]]:
    first: dict[str, int] = {}
    for index, step in steps:
        if step.id in first:
            message = f"step id `{step.id}` is taken by steps[{first[step.id]}]; ids are identity, choose another"
            yield index, ("id", message)
        first.setdefault(step.id, index)


def _order(before: StepModel, step: StepModel) -> Iterator[Found]:
    if step.at == before.at:
        yield "at", f"day {step.at} is taken by `{before.id}`; on any day only one step can open"
    elif step.at < before.at:
        yield "at", f"day {step.at} comes before day {before.at} of `{before.id}`; put the steps in order of `at`"


def _reach(step: StepModel, after: StepModel) -> Iterator[Found]:
    """Find days that run into the next step."""
    if after.at <= step.at:
        return  # The order is wrong already; saying more would only confuse.
    if _last_opens(step) >= after.at:
        last = _last_opens(step)
        advice = f"the last would open on day {last}, but `{after.id}` opens on day {after.at}; repeat less often"
        yield "times", f"{step.times} repetitions run into the next step: {advice}"
    if step.until is not None and step.until >= after.at:
        advice = f"end it by day {after.at - 1}"
        yield "until", f"day {step.until} overlaps `{after.id}`, which opens on day {after.at}; {advice}"
