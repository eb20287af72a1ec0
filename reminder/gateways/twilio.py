"""Twilio: texts through its Messages resource, by its own SDK over an HTTP client that posts once.

Twilio has neither an idempotency key nor a field for our reference, so the reference travels in the status callback's
URL: any receipt, even one that overtakes a lost answer, says which message it is for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from twilio.base.exceptions import TwilioRestException, TwilioServiceException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from reminder.domain.doubt import CannotTell, Sent, Told
from reminder.domain.message import NOT_SENT, Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.segments import Counting
from reminder.gateways.base import GatewayContext, NotConfiguredError, scrub
from reminder.gateways.twilio_asking import find_message, list_sent
from reminder.gateways.twilio_errors import verdict_on_error, verdict_on_failed
from reminder.gateways.twilio_http import NotSentError, OneShotHttpClient, is_loopback
from reminder.gateways.twilio_receiving import TwilioReceiving

__all__ = ["VALID_SECONDS_MAX", "VALID_SECONDS_MIN", "TwilioGateway", "TwilioOptions"]

VALID_SECONDS_MIN = 5
"""Twilio allows `ValidityPeriod` from 1 s but advises against less than 5: such a text expires in its queue."""

VALID_SECONDS_MAX = 36_000
"""The longest that Twilio keeps a text in its queue (10 h), its default."""

_VARIABLES = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}")
_NAME = re.compile(r"[A-Za-z0-9 +_&-]{1,11}")
_ENDED_BADLY = frozenset({"failed", "undelivered", "canceled"})


def _checked_sender(sender: str | None) -> str | None:
    """Return the sender, or raise ValueError: a number, a short code, or a name (Twilio: at most 11 characters)."""
    if sender is None or _NUMBER.fullmatch(sender) or (_NAME.fullmatch(sender) and re.search("[A-Za-z]", sender)):
        return sender
    raise ValueError(
        'expected a number such as "+15017122661", a short code of 3 to 8 digits, or a name of at most 11 letters, '
        "digits, spaces and -_&+ with a letter among them"
    )


def _checked_base_url(url: str | None) -> str | None:
    """Return the address, or raise ValueError: credentials go there, so only https, or this machine itself."""
    if url is None:
        return None
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(
            "expected https://host[/path], or http:// on this machine, without a login, a query or a fragment"
        )
    return url


def _as_text(value: object) -> object:
    """Return a setting as it was meant: an empty text, such as a variable set to nothing, is no setting.

    Raises ValueError for a bare number, for YAML drops the plus of one.
    """
    if isinstance(value, int):
        raise ValueError('put it in quotes, as "+15017122661": YAML reads a bare number as a sum and drops its plus')
    return None if value == "" else value


_Setting = BeforeValidator(_as_text)


class TwilioOptions(BaseModel):
    """The section of a Twilio gateway in `config/reminder.yaml`. Credentials come from the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sender: Annotated[str | None, _Setting, AfterValidator(_checked_sender)] = Field(
        default=None,
        alias="from",
        description="The number, short code or name that texts come from. Either this or messaging_service_sid.",
        examples=["+15017122661"],
    )
    messaging_service_sid: Annotated[str | None, _Setting] = Field(
        default=None,
        pattern=r"^MG[0-9a-fA-F]{32}$",
        description="The messaging service that chooses the sender. Either this or from.",
        examples=["MG9752274e9e519418a7406176694466fa"],
    )
    base_url: Annotated[str | None, _Setting, AfterValidator(_checked_base_url)] = Field(
        default=None,
        description="Another address for Twilio's API, such as a local stand-in for tests.",
        examples=["http://127.0.0.1:4010"],
    )
    timeout_seconds: float = Field(
        default=15.0, gt=0, le=120, description="How long one call may take before its answer counts as lost."
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How much of that may pass before a connection stands."
    )
    max_in_flight: int = Field(default=100, ge=1, le=1000, description="How many calls may be under way at once.")
    settle_seconds: float = Field(
        default=900.0, ge=0, le=86_400, description="How long after a lost answer Twilio's list of messages is trusted."
    )
    confirm_stop: bool = Field(
        default=False,
        description="Answer a STOP ourselves, once. Leave it off where Twilio's opt-out handling answers already.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _agree(self) -> TwilioOptions:
        """Return itself, or raise ValueError where two settings contradict each other."""
        if self.sender and self.messaging_service_sid:
            raise ValueError("from and messaging_service_sid exclude each other: keep one")
        if self.connect_timeout_seconds >= self.timeout_seconds:
            raise ValueError("connect_timeout_seconds must be less than timeout_seconds, of which it is a part")
        return self


class TwilioGateway(TwilioReceiving):
    """Sends through Twilio, and takes its calls."""

    Options: ClassVar[type[TwilioOptions]] = TwilioOptions
    counting = Counting.GSM
    stands_in: ClassVar[bool] = False

    def __init__(self, options: TwilioOptions, context: GatewayContext) -> None:
        """Build it, or raise NotConfiguredError naming the credentials and the sender that are missing."""
        super().__init__(context, confirms_stop=options.confirm_stop)
        self.name = context.name
        account_sid, user, password = _credentials(options, context)
        self._http = OneShotHttpClient(
            base_url=options.base_url,
            timeout_seconds=options.timeout_seconds,
            connect_timeout_seconds=options.connect_timeout_seconds,
            in_flight_max=options.max_in_flight,
        )
        # What the SDK may take from the environment. An empty one would make it read the process's own.
        known = ("TWILIO_REGION", "TWILIO_EDGE")
        environment = {"TWILIO_ACCOUNT_SID": account_sid} | {name: context.secrets.get(name, "") for name in known}
        given = {name: value for name, value in environment.items() if value}
        self._client = Client(user, password, account_sid, http_client=self._http, environment=given)
        self._sender = {"from_": options.sender} if options.sender else {}
        if options.messaging_service_sid:
            self._sender = {"messaging_service_sid": options.messaging_service_sid}
        self._receipts = _receipts_url(context)
        self.settle_seconds = options.settle_seconds

    async def send(self, message: Message) -> Outcome:
        """Post one message and say what Twilio made of it.

        Waits for a place in flight first; a text whose window closes meanwhile is not posted.
        """
        async with self._http.slot() as waited_seconds:
            left_seconds = message.valid_seconds - round(waited_seconds)
            if waited_seconds >= message.begin_within_seconds:
                return Refused(Refusal.HELD_BACK, "held-back", f"no place was free for {waited_seconds:.0f} s")
            return _unfit(message, left_seconds) or await self._post(message, left_seconds)

    async def find(self, *, reference: str, to: str, since: datetime, body: str) -> Told:  # noqa: ARG002 - the port
        """Return which of the account's messages may be a text whose answer was lost; Twilio knows no reference."""
        async with self._http.slot():
            return await find_message(self._client, to=to, since=since, body=body)

    async def sent_since(self, since: datetime) -> Sequence[Sent] | CannotTell:
        """Return the newest texts from our sender that Twilio took after an instant (UTC)."""
        sender = {"from" if name == "from_" else name: value for name, value in self._sender.items()}
        async with self._http.slot():
            return await list_sent(self._client, sender=sender, since=since)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _post(self, message: Message, left_seconds: int) -> Outcome:
        """Make the one call and translate its answer; what can't be made sense of is `Unknown`."""
        callback = {"status_callback": f"{self._receipts}?{urlencode({'ref': message.reference})}"}
        try:
            created = await self._client.messages.create_async(
                to=message.to,
                body=message.body,
                validity_period=min(left_seconds, VALID_SECONDS_MAX),
                **self._sender,
                **(callback if self._receipts else {}),
            )
        except NotSentError as error:
            return Refused(Refusal.RETRY, NOT_SENT, scrub(str(error)))
        except (TwilioRestException, TwilioServiceException) as error:
            answer = self._http.last_answer
            words = str(getattr(error, "msg", None) or getattr(error, "title", ""))
            return verdict_on_error(answer.status, _code(error.code), words, answer.after_seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, the text may be on its way
            return Unknown(f"the answer was lost: {type(error).__name__}")
        return _outcome(created.sid, created.status, created.error_code, created.error_message)


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


def _outcome(sid: object, status: object, code: object, words: object) -> Outcome:
    """Return what a 2xx answer means: taken, failed at once, or nothing that makes sense."""
    if not isinstance(sid, str) or not sid:
        return Unknown("the answer is a success without a message SID")
    if status in _ENDED_BADLY:
        return verdict_on_failed(str(status), _code(code), str(words or ""))
    return Accepted(sid)


def _code(code: object) -> int | None:
    """Return an error code as a number, or None for anything else that stands in its place."""
    return code if isinstance(code, int) else None


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
