"""`applies_to` of a policy file → a `Selector` of the domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from reminder.config.policy_model import ConditionModel, Wanted
from reminder.config.yaml_document import Document
from reminder.domain.selector import Selector, Term, canonical
from reminder.errors import Problem

__all__ = ["AMOUNT_FIELD", "check_selector", "selector_of", "sound_conditions"]

AMOUNT_FIELD = "amount_due"
"""The one field that takes a range, and takes nothing else."""


def selector_of(applies_to: Mapping[str, Wanted]) -> Selector:
    """Return the selector; `applies_to` must have passed `check_selector`."""
    return Selector(tuple(_term(field, wanted) for field, wanted in applies_to.items()))


def _term(field: str, wanted: Wanted) -> Term:
    if isinstance(wanted, ConditionModel):
        return Term(
            field,
            values=frozenset(map(canonical, wanted.not_)),
            negated=bool(wanted.not_),
            at_least=wanted.at_least,
            at_most=wanted.at_most,
        )
    return Term(field, values=frozenset(map(canonical, wanted if isinstance(wanted, tuple) else (wanted,))))


def sound_conditions(raw: object) -> dict[str, Wanted]:
    """Return those entries of a raw `applies_to` that have the right shape."""
    adapter: TypeAdapter[Wanted] = TypeAdapter(Wanted)
    sound: dict[str, Wanted] = {}
    for field, value in raw.items() if isinstance(raw, dict) else ():
        with suppress(ValidationError):
            sound[str(field)] = adapter.validate_python(value)
    return sound


def check_selector(applies_to: Mapping[str, Wanted], document: Document) -> list[Problem]:
    """Return what is wrong with conditions that have the right shape."""
    return [
        document.problem(("applies_to", field), f"applies_to.{field}: {message}")
        for field, wanted in applies_to.items()
        for message in _complaints(field, wanted)
    ]


def _complaints(field: str, wanted: Wanted) -> Iterator[str]:
    is_range = isinstance(wanted, ConditionModel) and not wanted.not_
    if field == AMOUNT_FIELD and not is_range:
        yield "expected a range; write {at_least: 100, at_most: 5000}, either may be left out"
    if not isinstance(wanted, ConditionModel):
        return
    bounds = [bound for bound in (wanted.at_least, wanted.at_most) if bound is not None]
    if not wanted.not_ and not bounds:
        yield "expected `not`, `at_least` or `at_most`, found none of them"
    if bounds and field != AMOUNT_FIELD:
        yield f"only `{AMOUNT_FIELD}` takes a range; list the values, or write {{not: [...]}}"
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        yield f"`at_least` {bounds[0]} is more than `at_most` {bounds[1]}; no account can match"
