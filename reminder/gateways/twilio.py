"""Twilio: texts through its Messages resource, by its own SDK over an HTTP client that posts once.

Twilio has neither an idempotency key nor a field for our reference, so the reference travels in the status callback's
URL: any receipt, even one that overtakes a lost answer, says which message it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from reminder.domain.doubt import CannotTell, Sent, Told
from reminder.domain.message import Message, Outcome, Refusal, Refused
from reminder.domain.segments import Counting
from reminder.gateways.base import GatewayContext, NotConfiguredError, scrub
from reminder.gateways.twilio_options import TwilioOptions
from reminder.gateways.twilio_receiving import TwilioReceiving

if TYPE_CHECKING:
    from reminder.gateways.twilio_calls import TwilioCalls

__all__ = ["VALID_SECONDS_MAX", "VALID_SECONDS_MIN", "TwilioGateway", "TwilioOptions"]

VALID_SECONDS_MIN = 5
"""Twilio allows `ValidityPeriod` from 1 s but advises against less than 5: such a text expires in its queue."""

VALID_SECONDS_MAX = 36_000
"""The longest that Twilio keeps a text in its queue (10 h), its default."""

_VARIABLES = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET")


class TwilioGateway(TwilioReceiving):
    """Sends through Twilio, and takes its calls."""

    Options: ClassVar[type[BaseModel]] = TwilioOptions
    counting = Counting.GSM
    stands_in: ClassVar[bool] = False

    def __init__(self, options: TwilioOptions, context: GatewayContext) -> None:
        """Build it, or raise NotConfiguredError naming the credentials and the sender that are missing."""
        super().__init__(context, confirms_stop=options.confirm_stop)
        self.name = context.name
        self._options, self._secrets = options, context.secrets
        self._credentials = _credentials(options, context)
        self._sender = {"from_": options.sender} if options.sender else {}
        if options.messaging_service_sid:
            self._sender = {"messaging_service_sid": options.messaging_service_sid}
        self._receipts = _receipts_url(context)
        self.settle_seconds = options.settle_seconds

    @cached_property
    def _calls(self) -> TwilioCalls:
        """The way to Twilio, made at the first call: SDK and HTTP client take longer to load than most commands run."""
        from reminder.gateways.twilio_calls import TwilioCalls

        return TwilioCalls(self._options, self._credentials, self._secrets)

    async def send(self, message: Message) -> Outcome:
        """Post one message and say what Twilio made of it.

        Waits for a place in flight first; a text whose window closes meanwhile is not posted.
        """
        try:
            calls = self._calls
        except ImportError as error:
            return Refused(Refusal.CONFIGURATION, "no-sdk", scrub(f"Twilio's SDK can't be loaded: {error}"))
        async with calls.slot() as waited_seconds:
            left_seconds = message.valid_seconds - round(waited_seconds)
            if waited_seconds >= message.begin_within_seconds:
                return Refused(Refusal.HELD_BACK, "held-back", f"no place was free for {waited_seconds:.0f} s")
            if unfit := _unfit(message, left_seconds):
                return unfit
            callback = {"status_callback": f"{self._receipts}?{urlencode({'ref': message.reference})}"}
            given = self._sender | (callback if self._receipts else {})
            return await calls.post(message, given, valid_seconds=min(left_seconds, VALID_SECONDS_MAX))

    async def find(self, *, reference: str, to: str, since: datetime, body: str) -> Told:  # noqa: ARG002 - the port
        """Return which of the account's messages may be a text whose answer was lost; Twilio knows no reference."""
        return await self._calls.find(to=to, since=since, body=body)

    async def sent_since(self, since: datetime) -> Sequence[Sent] | CannotTell:
        """Return the newest texts from our sender that Twilio took after an instant (UTC)."""
        sender = {"from" if name == "from_" else name: value for name, value in self._sender.items()}
        return await self._calls.sent_since(since, sender)

    async def close(self) -> None:
        """Close the connections, where any call has been made."""
        if "_calls" in vars(self):
            await self._calls.close()


def _unfit(message: Message, left_seconds: int) -> Refused | None:
    """Return why a message is not worth a call, or None."""
    if left_seconds < VALID_SECONDS_MIN:
        detail = f"{left_seconds} s of its window are left, at least {VALID_SECONDS_MIN} s are needed"
        return Refused(Refusal.RETRY, "window-closing", detail, float(max(1, left_seconds)))
    try:
        f"{message.to}{message.body}".encode()
    except UnicodeEncodeError:
        return Refused(Refusal.CONTENT, "encoding", "the text holds half of a surrogate pair, which is no character")
    return None


def _credentials(options: TwilioOptions, context: GatewayContext) -> tuple[str, str, str]:
    """Return account SID, user and password, or raise NotConfiguredError naming all that is missing.

    An API key, where there is one, goes before the account's own token: it can be revoked by itself.
    """
    have = {name: context.secrets.get(name, "").strip() for name in _VARIABLES}
    by_key = have["TWILIO_API_KEY"] or have["TWILIO_API_SECRET"]
    pair = ("TWILIO_API_KEY", "TWILIO_API_SECRET") if by_key else ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
    missing = [name for name in dict.fromkeys(("TWILIO_ACCOUNT_SID", *pair)) if not have[name]]
    if not options.sender and not options.messaging_service_sid:
        missing.append("from or messaging_service_sid")
    if missing:
        raise NotConfiguredError(context.name, missing)
    return have["TWILIO_ACCOUNT_SID"], have[pair[0]], have[pair[1]]


def _receipts_url(context: GatewayContext) -> str:
    """Return where Twilio reports what became of a text, or nothing if it can't reach us."""
    return f"{context.public_url.rstrip('/')}/receipts/{quote(context.name, safe='')}" if context.public_url else ""
