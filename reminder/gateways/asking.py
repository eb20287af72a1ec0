"""The ports of gateways whose provider can be asked what it took: for one text, to settle doubts (law 3), or for all.

Both are optional. What a gateway that lacks the first leaves in doubt is settled by a person.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeGuard

from reminder.domain.doubt import CannotTell, Sent, Told

__all__ = ["CanBeAsked", "CanList", "can_be_asked", "can_list"]


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


class CanList(Protocol):
    """A gateway whose provider tells what it took from our sender lately: how a lost memory is noticed (law 15)."""

    async def sent_since(self, since: datetime) -> Sequence[Sent] | CannotTell:
        """Return texts from our sender that the provider took after an instant (UTC): the newest, as many as it lists.

        Answers to customers are none of them. Never raises for anything the provider does; changes nothing there.
        """


def can_list(gateway: object) -> TypeGuard[CanList]:
    """Return whether a gateway has that port."""
    return inspect.iscoroutinefunction(getattr(gateway, "sent_since", None))


def can_be_asked(gateway: object) -> TypeGuard[CanBeAsked]:
    """Return whether a gateway has this port."""
    settle = getattr(gateway, "settle_seconds", None)
    return isinstance(settle, int | float) and inspect.iscoroutinefunction(getattr(gateway, "find", None))
