"""Asking Twilio for a text whose answer was lost: by its number, with and without a date, comparing bodies.

Twilio keeps no reference of ours, so what can be compared is the number, the body and the time. Its list can be
filtered by DateSent, which is empty while a text is queued; so the list is asked for without that filter too.

Source: https://www.twilio.com/docs/messaging/api/message-resource, read in 2026.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from twilio.rest import Client

from reminder.domain.doubt import CannotTell, Seen, Sent, Sighting, Told

__all__ = [
    "PAGES_MAX",
    "PAGE_SIZE",
    "RECENT_PAGES_MAX",
    "RECENT_PAGE_SIZE",
    "SKEW_SECONDS",
    "find_message",
    "list_sent",
]

PAGE_SIZE = 100
"""Messages in one answer; Twilio allows 1,000, of up to some 10 kB each."""

PAGES_MAX = 10
"""How many pages of one list are read; a number with a longer history than that is left to a person."""

RECENT_PAGE_SIZE = 1000
"""Messages in one page of what was sent lately: as many as Twilio allows."""

RECENT_PAGES_MAX = 2
"""How many such pages are read: whoever has forgotten more than that is noticed by as many."""

SKEW_SECONDS = 1800
"""How far Twilio's clock may be behind ours, in seconds. Generous, for what is older is never taken for the text."""

_API = "https://api.twilio.com"


class _UnclearError(Exception):
    """Twilio's answer is none that anything can be concluded from."""


async def find_message(client: Client, *, to: str, since: datetime, body: str) -> Told:
    """Return which of the account's messages may be a text to `to` (E.164) that was handed over at `since` (UTC)."""
    earliest = since - timedelta(seconds=SKEW_SECONDS)
    dated = {"To": to, "DateSent>": earliest.astimezone(UTC).strftime("%Y-%m-%d"), "PageSize": str(PAGE_SIZE)}
    undated = {"To": to, "PageSize": str(PAGE_SIZE)}
    found: dict[str, Sighting] = {}
    try:
        for query in (dated, undated):
            for message in await _listed(client, query):
                sighting = _sighting(message, to=to, earliest=earliest, body=body)
                if sighting is not None:
                    found[sighting.provider_id] = sighting
    except _UnclearError as error:
        return CannotTell(f"Twilio could not be asked: {error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing was learnt
        return CannotTell(f"Twilio could not be asked: {type(error).__name__}")
    return Seen(tuple(found.values()))


async def list_sent(client: Client, *, sender: Mapping[str, str], since: datetime) -> Sequence[Sent] | CannotTell:
    """Return the newest texts from our sender that were created after an instant (UTC).

    `sender` has its number as `from`, which Twilio's list can be filtered by, or its `messaging_service_sid`, which it
    can't.
    """
    query = {"PageSize": str(RECENT_PAGE_SIZE)} | ({"From": sender["from"]} if "from" in sender else {})
    try:
        messages = await _listed(client, query, pages_max=RECENT_PAGES_MAX, whole=False)
    except _UnclearError as error:
        return CannotTell(f"Twilio could not be asked: {error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing was learnt
        return CannotTell(f"Twilio could not be asked: {type(error).__name__}")
    return [sent for message in messages if (sent := _sent(message, sender)) is not None and sent.at > since]


def _sent(message: Mapping[str, Any], sender: Mapping[str, str]) -> Sent | None:
    """Return the message as a text of ours, or None: one of another sender, from a customer, or in answer to one."""
    created = _instant(message.get("date_created"))
    ours = all(message.get(name) == value for name, value in sender.items())
    if created is None or not ours or message["direction"] != "outbound-api":
        return None
    return Sent(message["sid"], message["to"], message["body"], created)


async def _listed(
    client: Client, query: Mapping[str, str], *, pages_max: int = PAGES_MAX, whole: bool = True
) -> list[dict[str, Any]]:
    """Return every message of a list, to its last page, or with `whole` false those of its first pages.

    Raises _UnclearError for anything less.
    """
    path = f"/2010-04-01/Accounts/{client.account_sid}/Messages.json"
    messages: list[dict[str, Any]] = []
    url, params = _API + path, dict(query)
    for _ in range(pages_max):
        page = _page(await client.request_async("GET", url, params=params))
        messages += page["messages"]
        following = page["next_page_uri"]
        if following is None:
            return messages
        if not isinstance(following, str) or not following.startswith(f"{path}?"):
            raise _UnclearError("the next page of its list is somewhere else")
        url, params = _API + following, {}
    if not whole:
        return messages
    raise _UnclearError(f"its list for this number has more than {PAGES_MAX * PAGE_SIZE} messages")


def _page(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK has no types
    """Return a page of messages, or raise _UnclearError: a stranger's empty list must not pass for Twilio's."""
    if answer.status_code != 200:
        raise _UnclearError(f"it answered with status {answer.status_code}")
    try:
        page = json.loads(answer.text)
    except ValueError:
        raise _UnclearError("its answer is no JSON") from None
    if not isinstance(page, dict) or not isinstance(page.get("messages"), list) or "next_page_uri" not in page:
        raise _UnclearError("its answer is no list of messages")
    if not all(isinstance(message, dict) and _is_message(message) for message in page["messages"]):
        raise _UnclearError("its list holds something that is no message")
    return page


def _is_message(message: Mapping[str, Any]) -> bool:
    """Return whether a record has all that is compared, as text."""
    return all(isinstance(message.get(name), str) for name in ("sid", "to", "body", "direction", "status"))


def _sighting(message: Mapping[str, Any], *, to: str, earliest: datetime, body: str) -> Sighting | None:
    """Return the message as one that may be the text, or None for one that can't be."""
    if message["to"] != to or not message["direction"].startswith("outbound"):
        return None
    created = _instant(message.get("date_created"))
    if created is not None and created < earliest:
        return None
    exact = message["body"] == body and created is not None
    if not exact and not _alike(message["body"], body):
        return None
    return Sighting(message["sid"], message["status"], exact)


def _instant(value: object) -> datetime | None:
    """Return a time as Twilio writes it (RFC 2822, GMT), or None where it is none."""
    try:
        moment = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _alike(theirs: str, ours: str) -> bool:
    """Return whether a body may be ours all the same: redacted to nothing, or changed on the way.

    A trial account puts words before it, and smart encoding replaces quotes and dashes.
    """
    return not theirs or _letters(ours) in _letters(theirs)


def _letters(text: str) -> str:
    """Return the letters and digits of a text, without accents and width, in lower case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())
