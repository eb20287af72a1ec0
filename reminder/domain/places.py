"""Places: whose law binds, by where the customer is; where that is not certain, the law of every place it may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reminder.domain.account import Account
from reminder.domain.caps import Cap
from reminder.domain.profile import Profile

__all__ = ["Places"]

_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass(frozen=True)
class Places:
    """The profiles of places. `by` is the attribute of an account that names its place: `CN`, `US`, `US-FL`.

    `names` are the profiles by place, `otherwise` those of any other place, and `profiles` all of them by name. `caps`
    are those of the policy itself, whatever the place.
    """

    by: str
    names: Mapping[str, tuple[str, ...]]
    otherwise: tuple[str, ...]
    profiles: Mapping[str, Profile]
    caps: tuple[Cap, ...] = ()

    def binding(self, account: Account, region: str | None) -> tuple[str, ...]:
        """Return the names of all profiles that may bind for an account. `region` is the country of its number.

        A country whose parts have profiles of their own stands for all of them until the part is known. A number of
        another country than the address has means that either may be right. Without both, every place may be; what is
        no code of a place tells none.
        """
        told = str(account.attributes.get(self.by) or "").strip().upper()
        told = told if _PLACE.fullmatch(told) else ""
        found = [self._of(told)] if told else []
        if region and region != told.partition("-")[0]:
            found.append(self._of(region))
        if not found:
            found = [self.everywhere]
        return tuple(dict.fromkeys(name for names in found for name in names))

    @property
    def everywhere(self) -> tuple[str, ...]:
        """The profiles of every place together: the strictest."""
        return tuple(dict.fromkeys([*(name for names in self.names.values() for name in names), *self.otherwise]))

    def _of(self, place: str) -> tuple[str, ...]:
        country, _, part = place.partition("-")
        if part:
            return self.names.get(place) or self.names.get(country) or self.otherwise
        parts = [names for known, names in self.names.items() if known == country or known.startswith(f"{country}-")]
        return tuple(dict.fromkeys(name for names in parts for name in names)) or self.otherwise
