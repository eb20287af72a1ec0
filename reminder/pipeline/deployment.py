"""A deployment: everything concrete that the verbs of this room work with, joined by `reminder.app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine

from reminder.book.book import Book
from reminder.domain.guard import GuardLimits
from reminder.domain.policy import Policy
from reminder.domain.rate import Rate
from reminder.domain.record import Kind
from reminder.domain.retention import Retention
from reminder.domain.retry import Backoff
from reminder.gateways.base import Gateway
from reminder.message.catalogue import Catalogue
from reminder.message.expression import Condition
from reminder.message.values import Lender
from reminder.pipeline.vitals import Vitals

__all__ = ["Deployment", "Limits", "Price"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of dispatch: rows claimed at once, calls in flight, seconds of a lease, minutes until asked again."""

    batch_rows: int
    in_flight: int
    lease_seconds: int
    recheck_minutes: int
    pause_minutes: int
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class Price:
    """What a gateway charges for one segment, in major units of a currency (prices have more digits than money)."""

    per_segment: Decimal
    currency: str


@dataclass(frozen=True)
class Deployment:
    """One configured installation, as the pipeline needs it.

    `clock` gives the instant (aware, UTC) and is the only way to it; `new_reference` names an attempt; `jitter` rolls
    a number in [0, 1). `gateways` are those that can be used; `absent` says of each other one why it can't.
    `rates` bound how fast all processes together may use a gateway, where they name it.
    `conditions` are the compiled `when` expressions by their source. `owner` names this process on leases. `guards`
    says what counts as abnormal, `retention` how long what is personal is kept. `check_key` is what check codes are
    made with; without one no text has any. `claim` is the attribute that names the debt an account is part of, if there
    is one. `vitals` is what this process knows of itself. `versions` has digest and content of each policy and profile,
    by kind and name.
    """

    engine: Engine
    book: Book
    policies: tuple[Policy, ...]
    catalogue: Catalogue
    conditions: Mapping[str, Condition]
    lender: Lender
    region: str | None
    gateways: Mapping[str, Gateway]
    absent: Mapping[str, str]
    prices: Mapping[str, Price]
    limits: Limits
    clock: Callable[[], datetime]
    new_reference: Callable[[], str]
    jitter: Callable[[], float]
    owner: str
    rates: Mapping[str, Rate] = field(default_factory=dict)
    claim: str | None = None
    guards: GuardLimits = field(default_factory=GuardLimits)
    retention: Retention = field(default_factory=Retention)
    check_key: bytes | None = field(default=None, repr=False)
    vitals: Vitals = field(default_factory=Vitals)
    versions: Mapping[Kind, Mapping[str, tuple[str, object]]] = field(default_factory=dict, repr=False)
