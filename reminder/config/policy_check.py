"""What is doubtful in policies that load: gaps, steps that lapse or outlive their tier, policies that hide each other.

All of it comes as warnings: each may be meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations, pairwise
from typing import Final

from reminder.config.overlap import covers, may_meet
from reminder.config.policies import LoadedPolicies
from reminder.config.policy_file import PolicyFile
from reminder.config.policy_selector import AMOUNT_FIELD
from reminder.config.policy_steps import LAST_STEP_DAYS
from reminder.config.wording import nearest
from reminder.config.yaml_document import Loc
from reminder.domain.policy import Action, Step, Tier, tier_of
from reminder.domain.selector import CORE_FIELDS
from reminder.errors import Problem

__all__ = ["check_policies"]

_MEANT_AS_FLAG: Final = {"yes": "true", "no": "false", "on": "true", "off": "false"}


def check_policies(
    loaded: LoadedPolicies,
    *,
    attributes: Collection[str] | None = None,
    gateways: Collection[str] | None = None,
) -> list[Problem]:
    """Return what is doubtful in the loaded policies, file by file.

    With `attributes` (fields of the lender's own that the book has), a selector on any other is named. With
    `gateways` (the names in the settings), a route through any other is an error.
    """
    problems = [
        problem
        for file in loaded.files
        for problem in (
            *_gaps(file),
            *_open_end(file),
            *_lapses(file),
            *_outlived_tiers(file),
            *_odd_values(file),
            *(_unknown_fields(file, attributes) if attributes is not None else ()),
            *(_unknown_place(file, attributes) if attributes is not None else ()),
            *(_unknown_gateways(file, gateways) if gateways is not None else ()),
        )
    ]
    return problems + [problem for pair in combinations(loaded.files, 2) for problem in _crossing(*pair)]


def _warn(file: PolicyFile, loc: Loc, message: str) -> Problem:
    return file.document.problem(loc, message, warning=True)


def _index(file: PolicyFile, step: Step) -> int:
    return next(index for index, model in enumerate(file.model.steps) if model.id == step.id)


def _days(first: int, last: int) -> str:
    return f"day {first}" if first == last else f"days {first} to {last}"


def _gaps(file: PolicyFile) -> Iterator[Problem]:
    """Find days between two steps on which none is true."""
    for step, after in pairwise(file.policy.steps):
        if step.closes + 1 < after.opens:
            days = _days(step.closes + 1, after.opens - 1)
            message = f"no step is true on {days}, between `{step.id}` and `{after.id}`; fine if that is meant"
            yield _warn(file, ("steps", _index(file, step), "until"), message)


def _open_end(file: PolicyFile) -> Iterator[Problem]:
    last = file.policy.steps[-1]
    if last.action is Action.TEXT and file.model.steps[-1].until is None:
        message = (
            f"the last step `{last.id}` has no `until`, so it stays true for {LAST_STEP_DAYS} days, "
            f"until day {last.closes}; say so: `until: {last.closes}`"
        )
        yield _warn(file, ("steps", len(file.model.steps) - 1), message)


def _lapses(file: PolicyFile) -> Iterator[Problem]:
    """Find steps that are over before their contact window need open once."""
    for step in file.policy.steps:
        length = step.closes - step.opens + 1
        closed = max((_longest_closed_run(hours.days) for hours in file.policy.layers), default=0)
        if step.action is Action.TEXT and length <= closed:
            narrow = max(file.policy.layers, key=lambda hours: _longest_closed_run(hours.days))
            message = (
                f"step `{step.id}` is true for {length} {'day' if length == 1 else 'days'} only, and the window "
                f"({narrow}) can be closed for {closed}; such accounts never get it"
            )
            yield _warn(file, ("steps", _index(file, step), "at"), message)


def _outlived_tiers(file: PolicyFile) -> Iterator[Problem]:
    """Find steps whose text is written for one tier and that stay true into the next (law 5)."""
    for step in file.policy.steps:
        ends_in = tier_of(step.closes, file.policy.grace_days)
        if step.action is Action.TEXT and ends_in is not step.tier:
            last = -1 if step.tier is Tier.PRE_DUE else file.policy.grace_days
            message = (
                f"step `{step.id}` opens in {step.tier} and stays true until day {step.closes}, which is {ends_in}; "
                f"its text may be wrong by then: end it by day {last}"
            )
            yield _warn(file, ("steps", _index(file, step), "at"), message)


def _longest_closed_run(days: frozenset[int]) -> int:
    """Return the largest number of days in a row, over the turn of the week, that are not among `days`."""
    longest = run = 0
    for day in (*range(7), *range(7)):
        run = 0 if day in days else run + 1
        longest = max(longest, run)
    return min(longest, 7)


def _odd_values(file: PolicyFile) -> Iterator[Problem]:
    for term in file.policy.selector.terms:
        for value in sorted(term.values):
            if value.lower() in _MEANT_AS_FLAG:
                message = (
                    f"applies_to.{term.field}: {value!r} is text here; if the field is true or false, "
                    f"write {_MEANT_AS_FLAG[value.lower()]}"
                )
                yield _warn(file, ("applies_to", term.field), message)


def _unknown_place(file: PolicyFile, attributes: Collection[str]) -> Iterator[Problem]:
    places = file.policy.places
    if places is not None and places.by not in attributes:
        message = f"profile.by: the book has no attribute `{places.by}`{nearest(places.by, attributes)}"
        advice = "; the place is told by the number alone"
        yield file.document.problem(("profile", "by"), message + advice, warning=True)


def _unknown_fields(file: PolicyFile, attributes: Collection[str]) -> Iterator[Problem]:
    known = {*CORE_FIELDS, AMOUNT_FIELD, *attributes}
    for term in file.policy.selector.terms:
        if term.field not in known:
            message = f"applies_to.{term.field}: the book has no such field{nearest(term.field, known)}"
            yield file.document.problem(("applies_to", term.field), message, warning=True, key=True)


def _unknown_gateways(file: PolicyFile, gateways: Collection[str]) -> Iterator[Problem]:
    for index, name in enumerate(file.policy.route):
        if name not in gateways:
            message = f"route.sms[{index}]: the settings have no gateway `{name}`{nearest(name, gateways)}"
            yield file.document.problem(("route", "sms", index), message)


def _crossing(first: PolicyFile, second: PolicyFile) -> Iterator[Problem]:
    """Find what two policies, in the order in which they are tried, do to each other."""
    before, after = first.policy, second.policy
    if covers(before.selector, after.selector):
        message = f"no account ever reaches this policy: `{before.name}` comes first and matches all of them"
        yield _warn(second, ("policy",), f"{message}; give this one a lower `priority`")
    elif before.priority == after.priority and may_meet(before.selector, after.selector):
        message = f"`{before.name}` has the same priority {before.priority} and can match the same accounts"
        advice = f"; it goes first because of its name. Give one of them another `priority` than {before.priority}"
        yield _warn(second, ("priority",), message + advice)
