"""The port of gateways whose provider can be asked for a text that may be there: how doubts are settled (law 3).

It is optional. What a gateway that lacks it leaves in doubt is settled by a person.
"""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Protocol, TypeGuard

from reminder.domain.doubt import Told

__all__ = ["CanBeAsked", "can_be_asked"]


class CanBeAsked(Protocol):
    """A gateway whose provider tells which messages it took."""

    settle_seconds: float
    """How long after a lost answer the provider's word is worth asking for, in seconds: lists lag behind."""

    async def find(self, *, reference: str, to: str, since: datetime, body: str) -> Told:
        """Return every message of the provider's that may be this text, or CannotTell.

        `to` is E.164, `since` (UTC) is when the attempt began. An empty answer lets the text be sent again, so it must
        mean that the provider was heard to the end and has nothing like it: any error, any answer that is not
        understood, any list that was not read to its end is CannotTell. Messages of other attempts may be among the
        sightings; the caller sorts them out. Never raises for anything the provider does; changes nothing there.
        """


def can_be_asked(gateway: object) -> TypeGuard[CanBeAsked]:
    """Return whether a gateway has this port."""
    settle = getattr(gateway, "settle_seconds", None)
    return isinstance(settle, int | float) and inspect.iscoroutinefunction(getattr(gateway, "find", None))
