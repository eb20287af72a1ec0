"""`applies_to` of a policy file → a `Selector` of the domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reminder.config.policy_model import ConditionModel, Wanted
from reminder.config.yaml_document import Document, document_of
from reminder.domain.selector import Selector, Term, canonical
from reminder.errors import ConfigError, Problem

__all__ = ["AMOUNT_FIELD", "check_selector", "selector_in", "selector_of", "sound_conditions"]

AMOUNT_FIELD = "amount_due"
"""The one field that takes a range, and takes nothing else."""


def selector_in(text: str, name: str) -> Selector:
    """Return the selector that a text writes as `applies_to` does, such as `region: Sichuan`; `name` stands for a path.

    Raises ConfigError with every problem that was found; a selector for every account is one.
    """
    document = document_of(Path(name), text)
    raw = document.data
    if not isinstance(raw, dict) or not raw:
        message = "expected conditions such as `region: Sichuan` or `{region: [Sichuan, Tibet], product: {not: card}}`"
        raise ConfigError([document.problem((), message)])
    sound = sound_conditions(raw)
    problems = [
        document.problem((field,), f"{field}: expected a value, a list of values, or a condition such as {{not: card}}")
        for field in raw
        if str(field) not in sound
    ]
    problems += [
        document.problem((field,), f"{field}: {message}")
        for field, wanted in sound.items()
        for message in _complaints(field, wanted)
    ]
    if problems:
        raise ConfigError(problems)
    return selector_of(sound)


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
