"""Calls to Twilio, by its own SDK. The one part of this gateway that needs the SDK and an HTTP client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.rest import Client

from reminder.domain.doubt import CannotTell, Sent, Told
from reminder.domain.message import NOT_SENT, Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.gateways.base import scrub
from reminder.gateways.twilio_asking import find_message, list_sent
from reminder.gateways.twilio_errors import verdict_on_error, verdict_on_failed
from reminder.gateways.twilio_http import NotSentError, OneShotHttpClient
from reminder.gateways.twilio_options import TwilioOptions

__all__ = ["TwilioCalls"]

_ENDED_BADLY = frozenset({"failed", "undelivered", "canceled"})


class TwilioCalls:
    """The SDK's client over one pool of connections. Nothing is connected before the first call."""

    def __init__(self, options: TwilioOptions, credentials: tuple[str, str, str], secrets: Mapping[str, str]) -> None:
        """Build it for an account SID, a user and a password; `secrets` is the deployment's environment."""
        account_sid, user, password = credentials
        self._http = OneShotHttpClient(
            base_url=options.base_url,
            timeout_seconds=options.timeout_seconds,
            connect_timeout_seconds=options.connect_timeout_seconds,
            in_flight_max=options.max_in_flight,
        )
        # What the SDK may take from the environment. An empty one would make it read the process's own.
        known = ("TWILIO_REGION", "TWILIO_EDGE")
        environment = {"TWILIO_ACCOUNT_SID": account_sid} | {name: secrets.get(name, "") for name in known}
        given = {name: value for name, value in environment.items() if value}
        self.client = Client(user, password, account_sid, http_client=self._http, environment=given)

    def slot(self) -> AbstractAsyncContextManager[float]:
        """Hold one of the places in flight; yields how many seconds it was waited for."""
        return self._http.slot()

    async def post(self, message: Message, given: Mapping[str, str], *, valid_seconds: int) -> Outcome:
        """Make the one call and translate its answer; what can't be made sense of is `Unknown`.

        `given` holds sender and callback as the SDK names them.
        """
        try:
            created = await self.client.messages.create_async(
                to=message.to, body=message.body, validity_period=valid_seconds, **given
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

    async def find(self, *, to: str, since: datetime, body: str) -> Told:
        """Return which of the account's messages may be a text to this number that was handed over at `since`."""
        async with self.slot():
            return await find_message(self.client, to=to, since=since, body=body)

    async def sent_since(self, since: datetime, sender: Mapping[str, str]) -> Sequence[Sent] | CannotTell:
        """Return the newest texts from this sender that Twilio took after an instant (UTC)."""
        async with self.slot():
            return await list_sent(self.client, sender=sender, since=since)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


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
