"""A message on its way to a gateway, and the three things a gateway can answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NOT_SENT", "Accepted", "Message", "Outcome", "Refusal", "Refused", "Unknown"]


NOT_SENT = "not-sent"
"""The code of a refusal that says that nobody was reached: the provider has not even heard of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One text for one number.

    `reference` is our own name for this attempt, unique for ever; gateways that echo it make a lost answer provable.
    `to` is E.164. `valid_seconds` is how long the provider may keep trying: what is left of the contact window. After
    `begin_within_seconds` the call must not begin any more: by then others take its process for dead, and may have
    been told by the provider that it has no such text.
    """

    reference: str
    to: str
    body: str
    valid_seconds: int
    begin_within_seconds: float = math.inf


class Refusal(StrEnum):
    """Why a gateway proved that it did not take a message, and so what follows."""

    RETRY = "retry"  #: Not now: throttled, overloaded. Try again, after `after_seconds` if given.
    NUMBER = "number"  #: The number can't be reached, ever. Mark it.
    OPTED_OUT = "opted_out"  #: The provider knows that this number said stop. Suppress it.
    CONTENT = "content"  #: This text is refused; another might not be.
    HELD_BACK = "held_back"  #: We did not even call. Try again, after `after_seconds` if given; burn no attempts.
    CONFIGURATION = "configuration"  #: Nothing can be sent as things stand. Pause the gateway; burn no attempts.


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message and calls it `provider_id`."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider proved that it did not take the message. `code` is the provider's own, for people and tables."""

    kind: Refusal
    code: str
    detail: str = ""
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell whether the provider took it: a timeout, a reset, nonsense. Never sent again on a guess."""

    detail: str


Outcome = Accepted | Refused | Unknown
