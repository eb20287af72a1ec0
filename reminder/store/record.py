"""Writing the record: entries are added in the transaction of the act that they tell of, and never touched again.

`append` costs one statement for all entries of a transaction, and one for their personal parts. Nothing is read and
nothing is locked: sealing (`store/sealing.py`) comes later, by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, insert, select

from reminder.domain.record import Actor, Entry, Kind, commitment, compact
from reminder.store.rows import cut, upsert
from reminder.store.schema import in_force, record, record_private

__all__ = ["append", "came_into_force"]


def append(connection: Connection, entries: Iterable[Entry], *, at: datetime) -> None:
    """Write these entries as of the instant `at` (UTC), in the transaction of what they tell of.

    An entry about several accounts of a customer names them in its `data`. Texts too long for their column are cut:
    an act must not fail because of how it is told.
    """
    rows: list[dict[str, Any]] = []
    apart: list[dict[str, Any]] = []
    for entry in entries:
        row = _row(entry, at)
        if entry.private:
            salt, content = token_hex(16), compact(entry.private)
            row["commitment"] = commitment(salt, content)
            apart.append(
                {
                    "commitment": row["commitment"], "kind": entry.kind.value, "happened_at": at, "salt": salt,
                    "content": content,
                }
            )  # fmt: skip
        rows.append(row)
    if rows:
        connection.execute(insert(record), rows)
    if apart:
        connection.execute(insert(record_private), apart)


def _row(entry: Entry, at: datetime) -> dict[str, Any]:
    values = {
        "kind": entry.kind.value,
        "actor": entry.actor.value,
        "who": entry.who,
        "subject": entry.subject,
        "account_id": entry.account_id,
        "customer_id": entry.customer_id,
        "reminder_id": entry.reminder_id,
        "reference": entry.reference,
        "happened_at": at,
        "data": entry.open_part(),
        "commitment": None,
    }
    return {
        # PostgreSQL keeps no NUL, and nobody keeps half of a surrogate pair.
        name: value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in cut(record, values).items()
    }


def came_into_force(
    connection: Connection, kind: Kind, versions: Mapping[str, tuple[str, object]], *, who: str, at: datetime
) -> list[str]:
    """Write down which versions of policies or profiles came into force or went; return the names that changed.

    `versions` has by name the digest and the content of each that is in force now. What is in force already, by its
    digest, is not written again, whichever process brought it.
    """
    query = select(in_force.c.name, in_force.c.digest).where(in_force.c.kind == kind.value)
    known = {name: digest for name, digest in connection.execute(query) if digest}
    changed = [name for name in sorted(versions) if known.get(name) != versions[name][0]]
    gone = sorted(set(known) - set(versions))
    entries = [
        Entry(
            kind, Actor.PROCESS, who, subject=name, was=known.get(name, ""), became=versions[name][0],
            data={"content": versions[name][1]},
        )
        for name in changed
    ] + [Entry(kind, Actor.PROCESS, who, subject=name, was=known[name], became="") for name in gone]  # fmt: skip
    for name in changed + gone:
        digest = versions[name][0] if name in versions else ""
        upsert(connection, in_force, {"kind": kind.value, "name": name, "digest": digest, "since": at})
    append(connection, entries, at=at)
    return changed + gone
