"""Doubts: what a provider says about a text whose answer was lost, and what follows from it (laws 3 and 4).

A provider is asked which of its messages may be the text. One that is certainly the text, and nobody else's, confirms
it. That there is none has to be said twice, at least MISSES_APART_SECONDS apart, before it is sent again: lists of
messages lag behind. Anything else leaves the text in doubt, to be asked for again later, or settled by a person.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

__all__ = [
    "ASK_AGAIN_SECONDS_MAX",
    "ASK_AGAIN_SECONDS_MIN",
    "MISSES_APART_SECONDS",
    "MISSES_NEEDED",
    "Asked",
    "CannotTell",
    "Confirm",
    "Disprove",
    "Finding",
    "Found",
    "NotFound",
    "Seen",
    "Sent",
    "Sighting",
    "Told",
    "Wait",
    "follow",
    "judge",
]

MISSES_NEEDED = 2
"""How often in a row a provider must say that it has no such text before it is sent again."""

MISSES_APART_SECONDS = 60
"""How far apart the first and the last of those must be, in seconds."""

ASK_AGAIN_SECONDS_MIN = 120
"""How long to wait after the first answer that settles nothing, in seconds; doubles each time."""

ASK_AGAIN_SECONDS_MAX = 3600
"""The longest such wait, in seconds."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message of the provider's that may be the text. `exact` says that its body is the text's, byte for byte."""

    provider_id: str
    status: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The provider was asked and has answered in full: these may be the text, and nothing else it has can be."""

    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """A text that a provider says it took from our sender at an instant (UTC); `number` is E.164."""

    provider_id: str
    number: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Nothing follows; why not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has it, and it is nobody else's."""

    provider_id: str
    status: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider does not have it, or only such as belong to other attempts."""


Told = Seen | CannotTell
"""What a gateway makes of its provider's answer."""

Finding = Found | NotFound | CannotTell
"""What is known of a text after asking once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The memory of a doubt: how often it was asked, how often in a row it was not there, and since when (UTC)."""

    asks: int = 0
    misses: int = 0
    missed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """It was taken: the doubt ends."""

    provider_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Disprove:
    """It was never taken: the doubt ends, and the text's reminders are planned again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It stays in doubt. To be asked for again at `ask_at` (UTC), with this memory; `note` says why, for people."""

    asked: Asked
    ask_at: datetime
    note: str


def judge(told: Told, bound: Collection[str], *, rivals: bool) -> Finding:
    """Return what is known of a text after its provider has told what it has.

    `bound` are the ids of messages that belong to other attempts. `rivals` says that the same text to the same number
    is under way in another call: then what is seen may be that one's.
    """
    if isinstance(told, CannotTell):
        return told
    free = [sighting for sighting in told.sightings if sighting.provider_id not in bound]
    exact = [sighting for sighting in free if sighting.exact]
    if free and rivals:
        return CannotTell("the same text is on its way to this number once more: which is which shows later")
    if len(exact) == 1:
        return Found(exact[0].provider_id, exact[0].status)
    if free:
        ids = ", ".join(sighting.provider_id for sighting in (exact or free)[:5])
        return CannotTell(f"several messages are equally like it: {ids}" if exact else f"one of these may be it: {ids}")
    return NotFound()


def follow(asked: Asked, finding: Finding, at: datetime) -> Confirm | Disprove | Wait:
    """Return what follows from a finding made at the instant `at` (UTC), given what was found before."""
    now = replace(asked, asks=asked.asks + 1)
    if isinstance(finding, Found):
        return Confirm(finding.provider_id, finding.status)
    if isinstance(finding, CannotTell):
        # Whatever it says next time, it has to say twice: an answer in between was worth nothing.
        return Wait(replace(now, misses=0, missed_since=None), at + _backoff(now.asks), finding.reason)
    # A clock that was put back makes no minute pass.
    since = at if asked.missed_since is None else min(asked.missed_since, at)
    now = replace(now, misses=asked.misses + 1, missed_since=since)
    apart = timedelta(seconds=MISSES_APART_SECONDS)
    if now.misses >= MISSES_NEEDED and at - since >= apart:
        return Disprove()
    return Wait(now, max(since + apart, at + apart / 2), "the provider does not have it; to be asked once more")


def _backoff(asks: int) -> timedelta:
    """Return how long to wait after so many answers (from 1) that settle nothing."""
    seconds = ASK_AGAIN_SECONDS_MIN * 2.0 ** min(asks - 1, 32)
    return timedelta(seconds=min(seconds, ASK_AGAIN_SECONDS_MAX))
