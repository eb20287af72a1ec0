"""The port of gateways that report back: receipts of what was sent, and texts that customers write.

A gateway that offers it is a `Receiver` besides being a `Gateway`; the web room finds out by asking `receiver`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reminder.domain.receipt import Inbound, Receipt
from reminder.errors import GatewayError

__all__ = ["Acknowledgement", "FormError", "Receiver", "Request", "SignatureError", "receiver"]


class SignatureError(GatewayError):
    """A request does not prove that it comes from the provider. Nothing in it is believed or kept."""


class FormError(GatewayError):
    """A request proves whose it is, but lacks what it should have."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the provider's: `path` as it arrived, beginning with a slash and with its query, percent-encoded.

    Names of `headers` are lower-case. `form` holds the fields of the body, in order, where it was a form.
    """

    path: str
    headers: Mapping[str, str]
    form: tuple[tuple[str, str], ...]
    body: bytes
    query: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> str:
        """Return the first value of a form field, or nothing."""
        return next((value for key, value in self.form if key == name), "")

    def parameter(self, name: str) -> str:
        """Return the first value of a parameter of the query, or nothing."""
        return next((value for key, value in self.query if key == name), "")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the provider wants to hear, so that it does not call again: a status, a media type and a body."""

    status: int
    media_type: str
    body: str


@runtime_checkable
class Receiver(Protocol):
    """What a gateway has that takes its provider's calls."""

    acknowledgement: Acknowledgement

    confirms_stop: bool
    """Whether we are to confirm a STOP ourselves; False where the provider does."""

    def cannot_receive(self) -> str:
        """Return what is missing before a call can be believed, in words for the operator; nothing if all is there."""

    def receipts(self, request: Request) -> list[Receipt]:
        """Return the receipts of a call; raise SignatureError or FormError. Touches no network."""

    def inbound(self, request: Request) -> list[Inbound]:
        """Return the customers' texts of a call; raise SignatureError or FormError. Touches no network."""


def receiver(gateway: object) -> Receiver | None:
    """Return the gateway as one that takes its provider's calls, or None if it does not."""
    return gateway if isinstance(gateway, Receiver) else None
