"""Writing the record: entries are added in the transaction of the act that they tell of, and never touched again.

`append` costs one statement for all entries of a transaction, and one for their personal parts. Nothing is read and
nothing is locked: sealing (`store/sealing.py`) comes later, by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection, insert, select

from reminder.bulk import inserts
from reminder.domain.record import Actor, Entry, Kind, commitment, compact
from reminder.store.rows import upsert
from reminder.store.schema import in_force, record, record_private

__all__ = ["append", "came_into_force"]


def append(connection: Connection, entries: Iterable[Entry], *, at: datetime) -> None:
    """Write these entries as of the instant `at` (UTC), in the transaction of what they tell of.

    An entry about several accounts of a customer names them in its `data`. Texts too long for their column are cut:
    an act must not fail because of how it is told.
    """
    rows: list[tuple[object, ...]] = []
    apart: list[tuple[object, ...]] = []
    for entry in entries:
        committed = None
        if entry.private:
            salt, content = token_hex(16), compact(entry.private)
            committed = commitment(salt, content)
            apart.append((committed, entry.kind.value, salt, content))
        rows.append((*_told(entry), committed))
    _ENTRIES.write(connection, rows, happened_at=at)
    _PRIVATE.write(connection, apart, happened_at=at)


_ENTRIES = inserts(
    insert(record),
    (
        "kind", "actor", "reminder_id", "data", "who", "subject", "account_id", "customer_id", "reference",
        "commitment",
    ),
    ("happened_at",),
)  # fmt: skip
_PRIVATE = inserts(insert(record_private), ("commitment", "kind", "salt", "content"), ("happened_at",))

_CHARS_MAX = {column.name: getattr(column.type, "length", None) for column in record.columns}


def _told(entry: Entry) -> tuple[object, ...]:
    """Return what an entry says beside its commitment, in the order of the columns."""
    return (
        entry.kind.value,
        entry.actor.value,
        entry.reminder_id,
        entry.open_part(),
        _kept("who", entry.who),
        _kept("subject", entry.subject),
        _kept("account_id", entry.account_id),
        _kept("customer_id", entry.customer_id),
        _kept("reference", entry.reference),
    )


def _kept(column: str, text: str | None) -> str | None:
    """Return a text as every database keeps it: PostgreSQL has no NUL, and nobody half of a surrogate pair."""
    if not text:
        return text
    text = text[: _CHARS_MAX[column]]
    return text if text.isprintable() else text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


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
