"""A profile: what the law of a place allows, as data with its source. It is the floor under every policy (law 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reminder.domain.caps import Cap
from reminder.domain.hold import HoldKind
from reminder.domain.window import Hours

__all__ = ["CONFIDENCE", "EVERYBODY", "Profile", "Rule", "combined"]

CONFIDENCE = "HMLU"
"""How a source was read, surest first: the primary text, a summary, a weak source, not verified."""

EVERYBODY = frozenset({"lender", "agency"})
"""Whom a rule may bind: who lent the money, and who collects it for others."""


@dataclass(frozen=True)
class Rule:
    """One rule of a place: hours, caps, a wish for consent, or several of them, and where it stands.

    `source` says where to look it up and `as_of` when that was done; `confidence` is one of CONFIDENCE. The hours of a
    rule bind from `from_dpd` to `until_dpd` (days past due, both included; None is no end), and so does its wish
    for a consent on record before a text: `consent` names who wants it, nobody if it is empty. Caps count on every day.
    `wording` names what it wants every text to say.
    """

    name: str
    source: str
    hours: Hours | None = None
    caps: tuple[Cap, ...] = ()
    as_of: str = ""
    confidence: str = "U"
    binds: frozenset[str] = EVERYBODY
    from_dpd: int | None = None
    until_dpd: int | None = None
    consent: str = ""
    wording: tuple[str, ...] = ()

    @property
    def lasting(self) -> bool:
        """Whether its hours bind whatever the day past due."""
        return self.from_dpd is None and self.until_dpd is None

    def binds_on(self, dpd: int) -> bool:
        """Return whether its hours and its wish for consent bind an account so many days past due."""
        return (self.from_dpd is None or self.from_dpd <= dpd) and (self.until_dpd is None or dpd <= self.until_dpd)


@dataclass(frozen=True)
class HoldTerm:
    """How long the law of a place gives a customer rest, for one cause: a hold of a kind, for `days`, with its source.

    The day on which it begins is not counted. `days` is None where it lasts until a person releases it.
    """

    name: str
    kind: HoldKind
    days: int | None
    description: str
    source: str
    as_of: str
    confidence: str


@dataclass(frozen=True)
class Profile:
    """Contact rules of one jurisdiction or house; every rule holds (an intersection).

    `leaves_to_lender` says what the place asks beyond that, which no data here can keep. `holds` are the terms of the
    pauses that it gives customers.
    """

    name: str
    description: str
    source: str
    as_of: str
    confidence: str
    rules: tuple[Rule, ...]
    leaves_to_lender: tuple[str, ...] = ()
    holds: tuple[HoldTerm, ...] = ()

    @property
    def caps(self) -> tuple[Cap, ...]:
        """The caps of all rules."""
        return tuple(cap for rule in self.rules for cap in rule.caps)

    @cached_property
    def turns(self) -> tuple[int, ...]:
        """The days past due on which other rules begin to bind than the day before, in order."""
        begin = {rule.from_dpd for rule in self.rules if rule.from_dpd is not None}
        end = {rule.until_dpd + 1 for rule in self.rules if rule.until_dpd is not None}
        return tuple(sorted(begin | end))

    def bound(self, role: str | None) -> Profile:
        """Return the profile with those rules only that bind somebody of this role; with all, where it is not known."""
        if role is None:
            return self
        return replace(self, rules=tuple(rule for rule in self.rules if role in rule.binds))

    def layers_on(self, dpd: int) -> tuple[Hours, ...]:
        """Return the hours that bind an account so many days past due."""
        return tuple(rule.hours for rule in self.rules if rule.hours is not None and rule.binds_on(dpd))

    def consent_sources(self, dpd: int) -> tuple[str, ...]:
        """Return who wants a consent on record for an account so many days past due: rules by their sources."""
        return tuple(rule.consent for rule in self.rules if rule.consent and rule.binds_on(dpd))


def combined(profiles: Sequence[Profile]) -> Profile:
    """Return several profiles (at least one) as one: every rule of each holds, and the weakest source says how sure."""
    if len(profiles) == 1:
        return profiles[0]
    return Profile(
        name=" + ".join(profile.name for profile in profiles),
        description="; ".join(profile.description for profile in profiles),
        source="; ".join(profile.source for profile in profiles),
        as_of=min(profile.as_of for profile in profiles),
        confidence=max((profile.confidence for profile in profiles), key=CONFIDENCE.find),
        rules=tuple(rule for profile in profiles for rule in profile.rules),
        leaves_to_lender=tuple(dict.fromkeys(each for profile in profiles for each in profile.leaves_to_lender)),
        holds=tuple(term for profile in profiles for term in profile.holds),
    )
