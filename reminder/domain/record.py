"""The record: every act, with who did it, when, to whom, from what to what (law 14).

An entry has two parts. The open part says what happened by keys and plain words. The personal part (numbers, texts,
free words of people) lies apart, and the entry holds only a commitment to it: a hash with a random salt. So the
personal part can be erased with its salt, and everything that was sealed over the entry stays true.

The bytes that are hashed are described in `reminder/AUDIT.md`, so that others can reckon them without this program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any

from reminder.domain.merkle import leaf_hash

__all__ = ["Actor", "Entry", "Kind", "Sealable", "block_hash", "commitment", "compact", "iso", "leaf_of"]

FORMAT = 1
"""The first item of every hashed list: another one would mean other rules."""


class Actor(StrEnum):
    """What kind of actor did it; `who` names it."""

    OPERATOR = "operator"  #: A person, at the command line.
    PROCESS = "process"  #: This program by itself: a daemon, a run.
    PROVIDER = "provider"  #: A gateway's provider, or a customer through it.


class Kind(StrEnum):
    """What an entry is about."""

    TEXT = "text"  #: It was decided to send; the intent was committed before the call.
    ANSWER = "answer"  #: What the gateway answered, or that its answer was lost.
    SILENCE = "silence"  #: It was decided not to send: not now, or not at all.
    HAND_OVER = "hand_over"  #: An account went to another system.
    RECEIPT = "receipt"  #: A carrier's word on a text.
    DOUBT = "doubt"  #: A text in doubt was settled, by its provider or a person.
    REQUEUE = "requeue"  #: A person had reminders planned again.
    INBOUND = "inbound"  #: A customer wrote, or a person dealt with what was written.
    REPLY = "reply"  #: What became of our answer to a customer.
    NUMBER = "number"  #: A number was marked as one not to be used, or cleared.
    HOLD = "hold"  #: A hold began or was released.
    SUPPRESSION = "suppression"  #: Contact was forbidden, or allowed again.
    PROMISE = "promise"  #: A promise to pay was made, kept, broken or taken back.
    REPAYMENT_PLAN = "repayment_plan"  #: A plan of repayment was agreed, changed or ended.
    CONSENT = "consent"  #: Consent was given or withdrawn.
    PAUSE = "pause"  #: A guard stopped runs, or its cause is gone.
    APPROVAL = "approval"  #: A person let something go on.
    PLAN = "plan"  #: Reminders were planned.
    IMPORT = "import"  #: Accounts, or other lists, came from a file.
    POLICY = "policy"  #: A version of a policy came into force, with its text, or went.
    PROFILE = "profile"  #: A version of a profile of contact law came into force, with its text, or went.
    CONFIG = "config"  #: Edited files came into force or were refused.
    GATEWAY = "gateway"  #: A gateway was paused, or a test text went through it.
    SCHEMA = "schema"  #: Our tables changed their shape.
    KEY = "key"  #: A key was made or changed.
    ERASURE = "erasure"  #: A customer's personal data was removed.
    RETENTION = "retention"  #: Personal data was removed because its time was over.


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, to be written in the transaction that does it.

    `who` names the person, process or provider. `was` and `became` say from what to what, in words. `subject` is what
    it is about where that is no person: a policy's name, a hold's number. `data` is kept for good, so no number, no
    name and no free words of people belong into it: those go into `private`. Both hold only what JSON can say, beside
    dates, instants, decimals and enumerations.
    """

    kind: Kind
    actor: Actor
    who: str
    subject: str = ""
    account_id: str | None = None
    customer_id: str | None = None
    reminder_id: int | None = None
    reference: str | None = None
    was: str | None = None
    became: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    private: Mapping[str, Any] = field(default_factory=dict)

    def open_part(self) -> str:
        """Return what is kept for good beside the keys, as compact JSON."""
        change = {name: value for name, value in (("from", self.was), ("to", self.became)) if value is not None}
        return compact({**change, **self.data})


@dataclass(frozen=True, slots=True)
class Sealable:
    """An entry as it stands in the database: all that is hashed. `happened_at` is UTC."""

    entry_id: int
    kind: str
    actor: str
    who: str
    subject: str
    account_id: str | None
    customer_id: str | None
    reminder_id: int | None
    reference: str | None
    happened_at: datetime
    data: str
    commitment: str | None


def compact(value: object) -> str:
    """Return a value as JSON on one line: no spaces, no escapes that are not needed, keys in the order given."""
    # Half of a surrogate pair has no UTF-8, and no database keeps it.
    return _JSON.encode(value).encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"expected what JSON can say, found {type(value).__name__}")


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)


@lru_cache(maxsize=256)
def iso(at: datetime) -> str:
    """Return an instant as it is hashed: `2026-07-28T02:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def leaf_of(entry: Sealable) -> bytes:
    """Return the leaf of an entry in the tree of its block."""
    return leaf_hash(
        compact(
            [
                FORMAT, entry.entry_id, entry.kind, entry.actor, entry.who, entry.subject, entry.account_id,
                entry.customer_id, entry.reminder_id, entry.reference, iso(entry.happened_at), entry.data,
                entry.commitment,
            ]
        ).encode()
    )  # fmt: skip


def commitment(salt: str, content: str) -> str:
    """Return what an entry holds of its personal part: it can't be guessed without the salt, nor met by other words."""
    return sha256(b"\x03" + salt.encode() + b"\x00" + content.encode()).hexdigest()


def block_hash(
    *, block_no: int, first_position: int, entries: int, root: str, previous: str, sealed_at: datetime
) -> str:
    """Return the hash of a block, which the next one carries: whoever keeps it keeps everything before it."""
    listed = [FORMAT, block_no, first_position, entries, root, previous, iso(sealed_at)]
    return sha256(b"\x02" + compact(listed).encode()).hexdigest()
