"""The port every gateway fits: how a text leaves the house."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import BaseModel

from reminder.domain.message import Message, Outcome
from reminder.domain.segments import Counting
from reminder.errors import GatewayError

__all__ = ["DETAIL_CHARS_MAX", "Gateway", "GatewayContext", "NotConfiguredError", "scrub"]

DETAIL_CHARS_MAX = 200
"""How much of a provider's own words is kept in `Refused.detail` and `Unknown.detail`, in characters."""

_NUMBER = re.compile(r"\+?\d(?:[ ().\u00a0-]{0,2}\d){5,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class NotConfiguredError(GatewayError):
    """A gateway lacks a setting or a variable. `missing` names each; a route may let the console stand in."""

    def __init__(self, gateway: str, missing: Sequence[str]) -> None:
        self.gateway = gateway
        self.missing = tuple(missing)
        super().__init__(
            f"gateway {gateway!r} is not configured: {', '.join(missing)} expected, nothing found. "
            "Set variables in the environment that the program starts in, and settings in the gateway's section of "
            "config/reminder.yaml"
        )


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """What a gateway may know of the house: `secrets` is the environment, `public_url` is where callbacks reach us."""

    name: str
    secrets: Mapping[str, str]
    public_url: str | None = None

    def __repr__(self) -> str:
        """Return it without the values of `secrets`, so that no traceback tells them."""
        return f"GatewayContext({self.name!r}, secrets=<{len(self.secrets)} hidden>, public_url={self.public_url!r})"


class Gateway(Protocol):
    """One provider. Built once per process, closed at its end; `send` is called concurrently."""

    name: str
    """The name it has in `config/reminder.yaml` and in routes."""

    Options: ClassVar[type[BaseModel]]
    """The model of its section in `config/reminder.yaml`: unknown keys are errors, no secrets."""

    counting: Counting
    """How the provider counts segments."""

    stands_in: ClassVar[bool]
    """Whether it only shows texts to the operator: behind another gateway in a route, what it takes is `printed`."""

    def __init__(self, options: BaseModel, context: GatewayContext) -> None:
        """Build it from an instance of `Options`, or raise NotConfiguredError naming all that is missing.

        Nothing is connected yet: it is built outside of any event loop.
        """

    async def send(self, message: Message) -> Outcome:
        """Hand one message over. Never raises for anything the provider does; never posts twice.

        Anything but proof of acceptance or of refusal is `Unknown`.
        """

    async def close(self) -> None:
        """Let go of connections. May be called twice, and before the event loop that sent ends."""


def scrub(text: str) -> str:
    """Return a provider's words fit for a log: on one line, short, and without a number of anybody (law 13).

    Anything of six digits or more counts as a number: an error code has five.
    """
    plain = _CONTROL.sub(" ", _NUMBER.sub("(number)", text)).strip()
    return plain if len(plain) <= DETAIL_CHARS_MAX else plain[: DETAIL_CHARS_MAX - 1] + "…"
