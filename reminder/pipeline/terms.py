"""The terms of work: what the settings say about prices, rates, limits and guards, as the pipeline takes it."""

from __future__ import annotations

from reminder.config.settings import Settings
from reminder.domain.guard import GuardLimits
from reminder.domain.rate import Rate
from reminder.domain.retention import Matter, Retention
from reminder.domain.retry import Backoff
from reminder.pipeline.deployment import Limits, Price

__all__ = ["PAUSE_MINUTES", "claim_of", "guards_of", "limits_of", "prices_of", "rates_of", "retention_of"]

PAUSE_MINUTES = 15
"""How long a gateway that can't send as configured is left alone before it is tried again."""


def prices_of(settings: Settings) -> dict[str, Price]:
    """Return what a segment costs, by gateway; those without a price are left out."""
    return {
        name: Price(section.price.per_segment, section.price.currency)
        for name, section in settings.gateways.items()
        if section.price is not None
    }


def guards_of(settings: Settings) -> GuardLimits:
    """Return what counts as abnormal."""
    guards = settings.guards
    return GuardLimits(guards.volume_factor, guards.volume_min, settings.schedule.timezone, guards.unknown_texts)


def claim_of(settings: Settings) -> str | None:
    """Return the attribute that names the debt an account is part of, if there is one."""
    return settings.book.claim if settings.book is not None else None


def retention_of(settings: Settings) -> Retention:
    """Return how long what is personal is kept; what has no age is kept for good."""
    ages = {matter: getattr(settings.retention, matter.value) for matter in Matter}
    return Retention({matter: age for matter, age in ages.items() if age is not None})


def rates_of(settings: Settings) -> dict[str, Rate]:
    """Return how fast gateways may be used; those without a bound are left out."""
    return {
        name: Rate(section.rate_per_second, section.burst or max(1, round(section.rate_per_second)))
        for name, section in settings.gateways.items()
        if section.rate_per_second is not None
    }


def limits_of(settings: Settings) -> Limits:
    """Return the bounds of dispatch."""
    limits = settings.dispatch
    return Limits(
        batch_rows=limits.batch_size,
        in_flight=limits.in_flight,
        lease_seconds=limits.lease_seconds,
        recheck_minutes=limits.recheck_minutes,
        pause_minutes=PAUSE_MINUTES,
        backoff=Backoff(limits.retry_base_seconds, limits.retry_max_seconds, limits.attempts_max),
    )
