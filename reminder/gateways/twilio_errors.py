"""What Twilio's error codes mean to us: a table from code to refusal, and the rule for codes that it doesn't list.

Sources: the pages of Twilio's error dictionary (https://www.twilio.com/docs/api/errors/<code>), read in 2026, and its
article on retries. Twilio adds codes at any time, so an unlisted one is judged by the HTTP status alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reminder.domain.message import Outcome, Refusal, Refused, Unknown
from reminder.gateways.base import scrub

__all__ = ["REFUSALS", "UNPROVEN", "refusal_for", "verdict_on_error", "verdict_on_failed"]

REFUSALS: Mapping[int, Refusal] = MappingProxyType(
    {
        # Bad number: the same text to it will never arrive.
        21211: Refusal.NUMBER,  # 'To' is no valid number
        21217: Refusal.NUMBER,  # does not appear to be a number
        21265: Refusal.NUMBER,  # 'To' is a short code
        21268: Refusal.NUMBER,  # premium rate or information service
        21614: Refusal.NUMBER,  # can't take texts
        21635: Refusal.NUMBER,  # a landline
        30005: Refusal.NUMBER,  # unknown handset
        30006: Refusal.NUMBER,  # landline or unreachable carrier; the page says not to retry
        # The customer said stop to this sender.
        21610: Refusal.OPTED_OUT,
        # This text, or this sender to this country or number: another may pass. That an operator must enable a country
        # must not stop everybody else's reminders (law 9).
        21602: Refusal.CONTENT,  # no body
        21605: Refusal.CONTENT,  # body too long, old endpoint
        21617: Refusal.CONTENT,  # body over 1,600 characters
        21619: Refusal.CONTENT,  # no body, through a messaging service
        21612: Refusal.CONTENT,  # no way from this sender to this number
        21266: Refusal.CONTENT,  # 'To' is our own sender
        21408: Refusal.CONTENT,  # country not enabled
        21606: Refusal.CONTENT,  # 'From' can't send there
        21608: Refusal.CONTENT,  # trial account, number not verified
        30004: Refusal.CONTENT,  # blocked by the handset or the carrier
        30007: Refusal.CONTENT,  # filtered; sending the same again makes it worse
        30010: Refusal.CONTENT,  # dearer than the highest price allowed
        # Nothing can be sent until somebody changes something.
        10001: Refusal.CONFIGURATION,  # account not active
        20003: Refusal.CONFIGURATION,  # authentication failed
        20005: Refusal.CONFIGURATION,  # account suspended
        20006: Refusal.CONFIGURATION,  # access denied
        20008: Refusal.CONFIGURATION,  # test credentials can't do this
        20403: Refusal.CONFIGURATION,  # forbidden
        20404: Refusal.CONFIGURATION,  # no such account or resource
        21210: Refusal.CONFIGURATION,  # 'From' not verified
        21212: Refusal.CONFIGURATION,  # 'From' is no valid sender
        21267: Refusal.CONFIGURATION,  # trial account with a named sender
        21601: Refusal.CONFIGURATION,  # 'From' is none of the account's numbers
        21603: Refusal.CONFIGURATION,  # no 'From'
        21609: Refusal.CONFIGURATION,  # status callback is no valid URL
        21659: Refusal.CONFIGURATION,  # 'From' is not Twilio's
        21660: Refusal.CONFIGURATION,  # 'From' belongs to another account
        21661: Refusal.CONFIGURATION,  # 'From' can't send texts
        21701: Refusal.CONFIGURATION,  # no such messaging service
        21703: Refusal.CONFIGURATION,  # messaging service without senders
        21705: Refusal.CONFIGURATION,  # messaging service SID invalid
        30002: Refusal.CONFIGURATION,  # account suspended while queued
        30032: Refusal.CONFIGURATION,  # toll-free number not verified
        30034: Refusal.CONFIGURATION,  # US number not registered
        30460: Refusal.CONFIGURATION,  # toll-free: use case not allowed
        30863: Refusal.CONFIGURATION,  # campaign: use case not allowed
        # Not now.
        14107: Refusal.RETRY,  # loop guard, lasts 30 s
        20429: Refusal.RETRY,  # too many requests
        21611: Refusal.RETRY,  # this sender's queue is full
        21730: Refusal.RETRY,  # maintenance
        30001: Refusal.RETRY,  # queue overflow
        30003: Refusal.RETRY,  # handset off or out of reach
        30008: Refusal.RETRY,  # unknown at the carrier; once more is reasonable
        30022: Refusal.RETRY,  # carrier's rate for the campaign
        30023: Refusal.RETRY,  # carrier's daily cap
        30036: Refusal.RETRY,  # validity expired: asked again, the decision says whether it is still true
        30500: Refusal.RETRY,  # Twilio's own failure; the page advises another try
        63017: Refusal.RETRY,  # account's rate
        63038: Refusal.RETRY,  # account's daily cap, a rolling 24 h
    }
)
"""Code → what follows. Only for answers that prove refusal: a 4xx, or a message that Twilio calls failed."""

DAILY_CAPS = frozenset({30023, 63038})
DAILY_CAP_WAIT_SECONDS = 3600.0
"""Wait after a daily cap where Twilio names none: asked once an hour, the rolling day has room again soon enough."""

_CONFIGURATION_RANGES = (range(30400, 30500), range(30800, 30900))
"""Sender verification and campaign registration: whole families that grow, and all are settled in Twilio's console."""

UNPROVEN = frozenset({408, 499})
"""4xx that prove nothing: somebody on the way stopped waiting, and the request may have passed it."""

_CONFIGURATION_STATUSES = frozenset({401, 403, 404, 407})


def refusal_for(code: int) -> Refusal | None:
    """Return what a code of Twilio's means, or None if it is none that we know."""
    if (known := REFUSALS.get(code)) is not None:
        return known
    return Refusal.CONFIGURATION if any(code in family for family in _CONFIGURATION_RANGES) else None


def verdict_on_error(status: int, code: int | None, words: str, after_seconds: float | None = None) -> Outcome:
    """Return what an HTTP answer outside 2xx means.

    429 and 4xx prove that nothing was taken. A 5xx, code 20500 and a redirect don't: Twilio says itself that a text
    may have gone out behind its 20500, and that a second POST sends a second text.

    An unlisted code of a 4xx is the text's fault, not the gateway's: one odd reminder must not stop the others
    (law 9). Only 401, 403, 404 and 407 speak of the account whatever the code.
    """
    name = str(code or status)
    detail = scrub(words)
    if not 400 <= status < 500 or status in UNPROVEN or code == 20500:
        return Unknown(f"HTTP {status}, code {name}: {detail}")
    if status == 429:
        return Refused(Refusal.RETRY, name, detail, _patience(code, after_seconds))
    kind = refusal_for(code) if code is not None else None
    if kind is None:
        kind = Refusal.CONFIGURATION if status in _CONFIGURATION_STATUSES else Refusal.CONTENT
    return Refused(kind, name, detail, _patience(code, after_seconds) if kind is Refusal.RETRY else None)


def verdict_on_failed(status: str, code: int | None, words: str) -> Refused:
    """Return what a created message means that Twilio calls failed at once: it will not arrive.

    Without a code that we know, the same text is not tried again on a guess.
    """
    kind = refusal_for(code) if code is not None else None
    detail = scrub(f"created as {status}: {words}")
    after_seconds = _patience(code, None) if kind is Refusal.RETRY else None
    return Refused(kind or Refusal.CONTENT, str(code or status), detail, after_seconds)


def _patience(code: int | None, after_seconds: float | None) -> float | None:
    """Return how long to wait: what Twilio says, or an hour at a daily cap, or None."""
    if after_seconds is None and code in DAILY_CAPS:
        return DAILY_CAP_WAIT_SECONDS
    return after_seconds
