"""What our tables know of texts that a provider has: read-only questions, for the guard of a lost memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from reminder.domain.doubt import Sent
from reminder.domain.guard import GuardName
from reminder.store.rows import chunks
from reminder.store.schema import attempt, inbound, pause

__all__ = ["known_until", "texted_before", "unexplained"]

WHOLE_SECOND = timedelta(seconds=1)
"""Providers date texts in whole seconds, rounded down: one taken right after our newest may be dated before it."""


def known_until(connection: Connection, gateway: str) -> datetime | None:
    """Return the instant (UTC) up to which our tables account for a gateway's texts, None where there were none.

    It is a second before the newest text was handed to it, or when a person last approved what was missing.
    """
    newest = select(attempt.c.started_at).where(attempt.c.gateway == gateway)
    approved = select(pause.c.approved_at).where(
        pause.c.guard == GuardName.OUTBOX_BEHIND, pause.c.approved_at.is_not(None)
    )
    handed = connection.scalar(newest.order_by(attempt.c.started_at.desc()).limit(1))
    found = (
        None if handed is None else handed - WHOLE_SECOND,
        connection.scalar(approved.order_by(pause.c.approved_at.desc()).limit(1)),
    )
    return max((instant for instant in found if instant is not None), default=None)


def unexplained(connection: Connection, gateway: str, sent: Sequence[Sent]) -> list[Sent]:
    """Return those texts that are neither one of our attempts, nor may be one whose answer is lost, nor our reply.

    Attempts are read by one statement: read by two, an answer that another process keeps between them would be missed
    by both.
    """
    ids, open_texts, replies = set[str](), set[tuple[str, str]](), set[str]()
    for some in chunks([each.number for each in sent]):
        theirs = select(attempt.c.provider_id, attempt.c.number, attempt.c.body).where(
            attempt.c.number.in_(some), attempt.c.gateway == gateway
        )
        for row in connection.execute(theirs):
            if row.provider_id is None:
                open_texts.add((row.number, row.body))
            else:
                ids.add(row.provider_id)
        answered = select(inbound.c.number).where(
            inbound.c.number.in_(some), inbound.c.gateway == gateway, inbound.c.reply_reference.is_not(None)
        )
        replies.update(connection.scalars(answered))
    return [
        each
        for each in sent
        if each.provider_id not in ids and (each.number, each.body) not in open_texts and each.number not in replies
    ]


def texted_before(connection: Connection, numbers: Sequence[str]) -> set[str]:
    """Return which of these numbers (E.164) we have texted before."""
    found: set[str] = set()
    for some in chunks(sorted(numbers)):
        found.update(connection.scalars(select(attempt.c.number).where(attempt.c.number.in_(some)).distinct()))
    return found
