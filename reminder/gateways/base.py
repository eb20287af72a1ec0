"""The port every gateway fits: how a text leaves the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import BaseModel

from reminder.domain.message import Message, Outcome
from reminder.domain.segments import Counting

__all__ = ["Gateway", "GatewayContext"]


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """What a gateway may know of the house: `secrets` is the environment, `public_url` is where callbacks reach us."""

    name: str
    secrets: Mapping[str, str]
    public_url: str | None = None


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
        """Build it, or raise NotConfiguredError naming each setting or variable that is missing."""

    async def send(self, message: Message) -> Outcome:
        """Hand one message over. Never raises for anything the provider does; never posts twice.

        Anything but proof of acceptance or of refusal is `Unknown`.
        """

    async def close(self) -> None:
        """Let go of connections."""
