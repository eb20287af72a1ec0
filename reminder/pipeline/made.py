"""What a run has made so far: the texts that are composed and not yet written down count for those after them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from reminder.domain.caps import Aim, CapScope, Contact, Key
from reminder.domain.case import Case
from reminder.domain.policy import Policy
from reminder.store.contacts import Ask

__all__ = ["Made"]

_SHARED = frozenset({CapScope.CLAIM, CapScope.NUMBER})
"""What several customers may have in common."""


class Made:
    """The texts composed so far in a run, as the caps of these policies count them.

    What concerns one customer alone is forgotten with the next. So a run of any length takes no more room, unless some
    cap counts by what customers may share: a number, a debt.
    """

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._scopes = Ask.of(cap for policy in policies for cap in policy.caps).scopes
        self._own: dict[Key, list[Contact]] = {}
        self._shared: dict[Key, list[Contact]] = {}

    def next_customer(self) -> None:
        """Begin with another customer."""
        self._own.clear()

    def add(self, aim: Aim, at: datetime) -> None:
        """Count a text made at the instant `at`."""
        for key in aim.concerns(self._scopes):
            kept = self._shared if key[0] in _SHARED else self._own
            kept.setdefault(key, []).append(aim.made(at))

    def beside(self, case: Case) -> Case:
        """Return the case with those of these texts that concern it among its contacts."""
        if not self._own and not self._shared:
            return case
        made = {key: self._own.get(key) or self._shared.get(key) for key in case.concerns()}
        new = {key: (*case.contacts.get(key, ()), *contacts) for key, contacts in made.items() if contacts}
        return replace(case, contacts={**case.contacts, **new}) if new else case
