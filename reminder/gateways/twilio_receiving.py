"""Twilio's calls to us: status callbacks and customers' texts, both signed with the account's own token.

Sources, read in 2026: Twilio's pages on webhook security (the signature covers the URL that Twilio was given and the
sorted fields), on outbound message status (its words, and that callbacks may come late, twice or in any order) and on
Advanced Opt-Out (`OptOutType`: Twilio has recognised the word and answered it).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator

from reminder.domain.receipt import Inbound, Meaning, Progress, Receipt
from reminder.gateways.base import GatewayContext
from reminder.gateways.receiving import Acknowledgement, FormError, Request, SignatureError
from reminder.gateways.twilio_errors import refusal_for

__all__ = ["PROGRESS", "TwilioReceiving"]

PROGRESS: Mapping[str, Progress] = MappingProxyType(
    {
        "accepted": Progress.TAKEN,
        "scheduled": Progress.TAKEN,
        "queued": Progress.TAKEN,
        "sending": Progress.TAKEN,
        "sent": Progress.TAKEN,
        "partially_delivered": Progress.TAKEN,
        "failed": Progress.MISCARRIED,
        "undelivered": Progress.MISCARRIED,
        "canceled": Progress.MISCARRIED,
        "delivered": Progress.ARRIVED,
        "read": Progress.ARRIVED,
    }
)
"""Twilio's word for the status of an outbound message → how far it has come."""

_OPT_OUT = {"STOP": Meaning.STOP, "START": Meaning.START, "HELP": Meaning.HELP}

_SIGNATURE = "x-twilio-signature"


class TwilioReceiving:
    """Believes a call only when its signature fits the configured public URL, never the Host that it names."""

    acknowledgement = Acknowledgement(200, "text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    # Any text in the answer would be sent to the customer.

    def __init__(self, context: GatewayContext, *, confirms_stop: bool) -> None:
        """Build it; what is missing is said by `cannot_receive`, for sending works without it."""
        self.confirms_stop = confirms_stop
        self._public_url = (context.public_url or "").rstrip("/")
        self._token = context.secrets.get("TWILIO_AUTH_TOKEN", "").strip()

    def cannot_receive(self) -> str:
        """Return what is missing before a signature can be checked."""
        missing = []
        if not self._public_url:
            missing.append("public_url in config/reminder.yaml")
        if not self._token:
            missing.append("TWILIO_AUTH_TOKEN in the environment (signatures are made with it, also beside an API key)")
        return " and ".join(missing)

    def receipts(self, request: Request) -> list[Receipt]:
        """Return the one receipt of a status callback."""
        self._prove(request)
        status = _required(request, "MessageStatus")
        code = request.field("ErrorCode") or None
        progress = PROGRESS.get(status, Progress.UNCLEAR)
        known = int(code) if code and code.isascii() and code.isdigit() and len(code) <= 9 else None
        return [
            Receipt(
                provider_id=_required(request, "MessageSid"),
                status=status,
                progress=progress,
                reference=request.parameter("ref") or None,
                code=code,
                refusal=refusal_for(known) if known is not None and progress is Progress.MISCARRIED else None,
            )
        ]

    def inbound(self, request: Request) -> list[Inbound]:
        """Return the one text of a customer."""
        self._prove(request)
        return [
            Inbound(
                provider_id=_required(request, "MessageSid"),
                sender=_required(request, "From"),
                addressee=_required(request, "To"),
                body=request.field("Body"),
                told=_OPT_OUT.get(request.field("OptOutType").upper()),
            )
        ]

    def _prove(self, request: Request) -> None:
        """Raise SignatureError unless the call was signed for our public URL with the account's token."""
        if missing := self.cannot_receive():
            raise SignatureError(f"expected {missing} to check Twilio's signature with, found nothing")
        signature = request.headers.get(_SIGNATURE, "")
        if not signature:
            raise SignatureError("expected Twilio's signature, found none: is it Twilio that calls?")
        url = self._public_url + request.path
        if not RequestValidator(self._token).validate(url, _Fields(request.form), signature):
            seen = f"{self._public_url}{urlsplit(request.path).path}"
            raise SignatureError(
                f"expected a signature for {seen}, found another: is public_url what Twilio was given, and "
                "TWILIO_AUTH_TOKEN the account's primary token?"
            )


class _Fields(dict[str, list[str]]):
    """A form as the SDK's validator reads it: every value of a name counts."""

    def __init__(self, form: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        for name, value in form:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a field."""
        return self[name]


def _required(request: Request, name: str) -> str:
    """Return a field, or raise FormError."""
    if value := request.field(name):
        return value
    raise FormError(f"expected the field {name}, found none: is this address given to Twilio for another purpose?")
