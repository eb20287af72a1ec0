"""Whether one selector can match an account that another one matches, or matches all of them."""

from __future__ import annotations

from reminder.domain.selector import Selector, Term

__all__ = ["covers", "may_meet"]


def may_meet(one: Selector, other: Selector) -> bool:
    """Return whether some account could pass both selectors: no pair of their terms excludes it."""
    return not any(_disjoint(left, right) for left in one.terms for right in other.terms if left.field == right.field)


def covers(wide: Selector, narrow: Selector) -> bool:
    """Return whether every account that passes `narrow` is sure to pass `wide`."""
    return all(any(_implies(have, want) for have in narrow.terms) for want in wide.terms)


def _disjoint(left: Term, right: Term) -> bool:
    if left.is_range or right.is_range:
        return left.is_range and right.is_range and (_below(left, right) or _below(right, left))
    if left.negated and right.negated:
        return False
    if left.negated or right.negated:
        refused, wanted = (left, right) if left.negated else (right, left)
        return wanted.values <= refused.values
    return not left.values & right.values


def _below(low: Term, high: Term) -> bool:
    return low.at_most is not None and high.at_least is not None and low.at_most < high.at_least


def _implies(have: Term, want: Term) -> bool:
    """Return whether an account that passes `have` is sure to pass `want`."""
    if have.field != want.field or have.is_range is not want.is_range:
        return False
    if want.is_range:
        return _range_inside(have, want)
    if want.negated:
        return want.values <= have.values if have.negated else not want.values & have.values
    return not have.negated and have.values <= want.values


def _range_inside(have: Term, want: Term) -> bool:
    low = want.at_least is None or (have.at_least is not None and have.at_least >= want.at_least)
    high = want.at_most is None or (have.at_most is not None and have.at_most <= want.at_most)
    return low and high
