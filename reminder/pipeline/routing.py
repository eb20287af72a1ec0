"""Routing: which gateway of a route takes the next try.

The real gateways of a route take turns: the first try goes to the first, and after a refusal the next one is asked.
The console stands in only where no real gateway of the route is configured: what it prints ends the reminder without
the customer being told, so a gateway that is merely out is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reminder.gateways.base import Gateway

__all__ = ["Choice", "choose", "paused_until", "turns"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The gateway for the next try. `instead_of` names the gateway that the console stands in for.

    `turns` is how many gateways of the route take turns as things stand: those that are paused take none.
    """

    gateway: Gateway
    instead_of: str | None = None
    turns: int = 1


def turns(route: tuple[str, ...], gateways: Mapping[str, Gateway]) -> list[Gateway]:
    """Return the configured gateways of a route that take turns; a console only where the route starts with it."""
    configured = [gateways[name] for name in route if name in gateways]
    if route and configured and configured[0].name == route[0] and configured[0].stands_in:
        return configured[:1]
    return [gateway for gateway in configured if not gateway.stands_in]


def choose(
    route: tuple[str, ...], gateways: Mapping[str, Gateway], paused: Mapping[str, datetime], attempts: int
) -> Choice | None:
    """Return who takes the next try after `attempts` refused ones, or None if nobody can now."""
    real = turns(route, gateways)
    if not real:
        stand_ins = [gateways[name] for name in route if name in gateways and gateways[name].stands_in]
        return Choice(stand_ins[0], instead_of=route[0]) if stand_ins else None
    able = [gateway for gateway in real if gateway.name not in paused]
    return Choice(able[attempts % len(able)], turns=len(able)) if able else None


def paused_until(
    route: tuple[str, ...],
    gateways: Mapping[str, Gateway],
    paused: Mapping[str, datetime],
    *,
    at: datetime,
    recheck: timedelta,
) -> datetime | None:
    """Return when the first gateway of a route can send again, or None if one can now.

    A route of which nothing is configured, not even a stand-in, is asked again after `recheck`: nobody knows when the
    operator will have configured one, and from then on everything that is still true is to be sent.
    """
    if choose(route, gateways, paused, attempts=0) is not None:
        return None
    waits = [paused[gateway.name] for gateway in turns(route, gateways) if gateway.name in paused]
    return min(waits) if waits else at + recheck
