"""Dispatch against the least code that claims, renders, reserves, sends and records in batches.

The floor keeps law 14 too: it writes an entry of each decision and of each answer, and what is personal apart under a
salted commitment. It asks no gate, so it has none to tell of.
"""

from __future__ import annotations

import asyncio
from itertools import count
from secrets import token_hex

from bench.books import AT, forget_phones, world
from bench.databases import Raw, Store
from bench.measure import Figure, against
from bench.planning import instant
from bench.rendering import READ, text_of
from reminder.domain.message import Accepted, Message
from reminder.domain.record import commitment, compact
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.plan import plan
from support.recorder import Recorder

__all__ = ["BATCH_ROWS", "dispatch_at_once", "planned_anew"]

BATCH_ROWS = 200

_CLAIM = (
    "SELECT reminder_id FROM outbox WHERE state = 'planned' AND not_before <= ? AND (lease_until IS NULL OR "
    "lease_until <= ?) ORDER BY not_before LIMIT ?"
)
_FACTS = READ.replace("SELECT ", "SELECT o.reminder_id, ", 1).partition(" FROM ")[0]
_ATTEMPT = (
    "INSERT INTO attempt (reference, gateway, customer_id, number, policy, policy_version, template, language, body, "
    "segments, counted, started_at, valid_until, outcome) VALUES (?, 'recorder', ?, ?, 'loan', '', '', 'zh-CN', ?, ?, "
    "?, ?, ?, '')"
)
_RESERVE = "UPDATE outbox SET state = 'sending', reference = ? WHERE reminder_id = ? AND state = 'planned'"
_RECORD = "UPDATE outbox SET state = 'sent', lease_owner = NULL, lease_until = NULL WHERE reference = ?"
_ENTRY = (
    "INSERT INTO record (kind, actor, who, subject, account_id, customer_id, reminder_id, reference, happened_at, "
    "data, commitment) VALUES (?, ?, 'f', '', ?, ?, ?, ?, ?, ?, ?)"
)
_PRIVATE = "INSERT INTO record_private (commitment, kind, happened_at, salt, content) VALUES (?, 'text', ?, ?, ?)"
_ANSWER = "UPDATE attempt SET outcome = 'accepted', provider_id = ?, ended_at = ? WHERE reference = ?"


def floor_dispatch(store: Store) -> int:
    """Send all that is planned, batch by batch; return how many texts that were."""
    raw, sent, numbers = Raw(store.engine), 0, count(1)
    while batch := _claimed(raw):
        texts = [(f"f-{next(numbers)}", row, text_of(row[1:])) for row in batch]
        _reserve(raw, texts)
        taken = asyncio.run(_send(texts))
        at = instant(raw)
        raw.begin()
        raw.many(_ANSWER, [(one.provider_id, at, reference) for one, (reference, *_) in zip(taken, texts, strict=True)])
        raw.many(_RECORD, [(reference,) for reference, *_ in texts])
        raw.many(_ENTRY, [_answered(one, text, at) for one, text in zip(taken, texts, strict=True)])
        raw.commit()
        sent += len(texts)
    raw.close()
    return sent


def _claimed(raw: Raw) -> list[tuple]:  # type: ignore[type-arg]
    at = instant(raw)
    raw.begin()
    skip = "" if raw.is_sqlite else " FOR UPDATE SKIP LOCKED"
    ids = [row[0] for row in raw.run(_CLAIM + skip, (at, at, BATCH_ROWS)).fetchall()]
    marks = ", ".join("?" * len(ids))
    found = []
    if ids:
        raw.run(f"UPDATE outbox SET lease_owner = 'f', lease_until = ? WHERE reminder_id IN ({marks})", (at, *ids))
        joined = (
            f"{_FACTS} FROM outbox o JOIN account a ON a.account_id = o.account_id WHERE o.reminder_id IN ({marks})"
        )
        found = raw.run(joined, ids).fetchall()
    raw.commit()
    return found


def _reserve(raw: Raw, texts: list) -> None:  # type: ignore[type-arg]
    at = instant(raw)
    rows = [
        (reference, row[2], f"+86{row[4]}", body, 1 if len(body) <= 70 else -(-len(body) // 67), True, at, at)
        for reference, row, body in texts
    ]
    raw.begin()
    raw.many(_ATTEMPT, rows)
    raw.many(_RESERVE, [(reference, row[0]) for reference, row, _ in texts])
    told = [_told(text, at) for text in texts]
    raw.many(_ENTRY, [entry for entry, _ in told])
    raw.many(_PRIVATE, [private for _, private in told])
    raw.commit()


def _told(text: tuple, at: object) -> tuple[tuple, tuple]:  # type: ignore[type-arg]
    """Return the entry of a text that is about to be sent, and its personal part."""
    reference, row, body = text
    salt, content = token_hex(16), compact({"number": f"+86{row[4]}", "body": body})
    committed = commitment(salt, content)
    data = compact({"policy": "loan", "due_date": str(row[5]), "gateway": "recorder"})
    return (
        ("text", "process", row[1], row[2], row[0], reference, at, data, committed),
        (committed, at, salt, content),
    )


def _answered(taken: Accepted, text: tuple, at: object) -> tuple:  # type: ignore[type-arg]
    """Return the entry of an answer."""
    reference, row, _ = text
    data = compact({"event": "accept", "gateway": "recorder", "provider_id": taken.provider_id})
    return ("answer", "provider", row[1], row[2], row[0], reference, at, data, None)


async def _send(texts: list) -> list[Accepted]:  # type: ignore[type-arg]
    gateway = Recorder()
    messages = [Message(reference, f"+86{row[4]}", body, 600) for reference, row, body in texts]
    outcomes = await asyncio.gather(*(gateway.send(message) for message in messages))
    return [outcome for outcome in outcomes if isinstance(outcome, Accepted)]


def planned_anew(store: Store, deployment: Deployment) -> None:
    """Forget what was sent, and plan all of it again."""
    store.clear("outbox", "attempt", "customer_lock", "record", "record_private")
    forget_phones()
    plan(deployment, AT)


def dispatch_at_once(store: Store, due: int, repeats: int) -> Figure:
    """Send to a gateway that answers at once."""
    deployment = world(store, batch_rows=BATCH_ROWS).deployment()
    return against(
        "dispatch",
        "dispatch, gateway answers at once",
        lambda: asyncio.run(dispatch(deployment)),
        lambda: floor_dispatch(store),
        before=lambda: planned_anew(store, deployment),
        repeats=repeats,
        rows=due,
        bound=2.0,
        where=store.name,
        size=f"{due:,} texts",
        note="goal on SQLite: at least 3,000 a second as well" if store.name == "sqlite" else "",
    )
