"""Which key our rows are sealed with, and rewriting them when that is to be another one, or none.

The database keeps the fingerprints of the keys that its rows may be sealed with; none is kept while all is plain. Only
where there is one, and it is the newest key of the deployment, is a number found by asking for it. So nothing is opened
before every row is rewritten: a STOP that a look-up missed would be a text to somebody who had said STOP (law 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    String,
    Table,
    and_,
    column,
    delete,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.exc import OperationalError, ProgrammingError

from reminder.errors import StoreError
from reminder.store.keyring import Keyring, mark_of
from reminder.store.rows import upsert
from reminder.store.schema import metadata, secret
from reminder.store.sealed import SealedText, keyring_of

__all__ = ["PLAIN", "adopt", "amiss", "count_left", "require_newest", "rewrite", "standing"]

PLAIN = "plain"
"""What stands in place of a fingerprint where rows are not sealed."""

_NAME = "encryption"
_BATCH_ROWS = 500
_ANY_MARK = mark_of("_" * 8)  # LIKE: eight characters, whatever they are

Tell = Callable[[str, int], None]
"""Is told a table's name and how many of its rows have been rewritten so far."""


def standing(connection: Connection) -> tuple[str, ...]:
    """Return the fingerprints of the keys that rows may be sealed with, or PLAIN; several where a rewriting began."""
    kept = connection.scalar(select(secret.c.value).where(secret.c.name == _NAME))
    return tuple(kept.split(",")) if kept else (PLAIN,)


def amiss(found: tuple[str, ...], keyring: Keyring | None) -> str:
    """Return what is wrong between what rows are sealed with and the keys of the deployment, or nothing."""
    ours = keyring.fingerprints if keyring else ()
    missing = [each for each in found if each != PLAIN and each not in ours]
    if missing:
        have = ", ".join(ours) or "no key at all"
        return (
            f"expected the key {', '.join(missing)} that the database is sealed with, found {have}: give "
            "`encryption_key_file` the file with that key; without it nobody can read numbers and texts"
        )
    wanted = ours[0] if ours else PLAIN
    if found != (wanted,):
        return (
            f"expected every number and text to be sealed with the newest key {wanted}, found rows that are "
            f"{' and '.join(found)}: stop what uses the database and run `reminder db rotate-key`"
        )
    return ""


def require_newest(engine: Engine) -> None:
    """Return when every row is as the engine's keys would write it; raise StoreError saying what to do when not.

    Tables of an older release, or none, are left to `require_current`.
    """
    try:
        with engine.connect() as connection:
            found = standing(connection)
    except (OperationalError, ProgrammingError):
        return
    if wrong := amiss(found, keyring_of(engine.dialect)):
        raise StoreError(wrong)


def adopt(connection: Connection) -> None:
    """Keep that the rows of these new tables, of which there is none yet, are sealed with the engine's newest key."""
    if keyring := keyring_of(connection.dialect):
        _keep(connection, (keyring.newest,))


def count_left(connection: Connection, *, off: bool = False) -> dict[str, int]:
    """Return of each table how many rows are to be rewritten; with `off` to plain text, else with the newest key."""
    target = _target(connection.engine, off)
    found = {}
    for each, names in _sealed_tables().items():
        raw = _raw(each, names)
        query = select(func.count()).select_from(raw).where(_unlike(raw, names, target))
        found[each.name] = int(connection.scalar(query) or 0)
    return {name: count for name, count in found.items() if count}


def rewrite(engine: Engine, *, off: bool = False, tell: Tell = lambda _table, _done: None) -> dict[str, int]:
    """Seal every row with the engine's newest key, or with `off` write it plain; return how many of which table.

    In transactions of a few hundred rows. Whoever interrupts it finds the database closed, and its next call goes on.
    Nothing else may use the database meanwhile. Raises StoreError where a key is missing that rows are sealed with.
    """
    keyring, target = keyring_of(engine.dialect), _target(engine, off)
    with engine.begin() as connection:
        found = standing(connection)
        if any(each != PLAIN and each not in (keyring.fingerprints if keyring else ()) for each in found):
            raise StoreError(amiss(found, keyring))
        if found != (target,):
            _keep(connection, tuple(dict.fromkeys((*found, target))))
    done: dict[str, int] = {}
    while counts := _pass(engine, target, tell):
        done = {name: done.get(name, 0) + counts.get(name, 0) for name in done | counts}
    with engine.begin() as connection:
        _keep(connection, (target,))
    if done and engine.dialect.name == "sqlite":
        _clean(engine)
    return done


def _target(engine: Engine, off: bool) -> str:
    keyring = keyring_of(engine.dialect)
    if keyring is None:
        raise StoreError(
            "expected a key, found no `encryption_key_file` in the settings: name the file there and make it with "
            "`reminder db new-key`"
        )
    return PLAIN if off else keyring.newest


def _keep(connection: Connection, keys: tuple[str, ...]) -> None:
    if keys == (PLAIN,):
        connection.execute(delete(secret).where(secret.c.name == _NAME))
    else:
        upsert(connection, secret, {"name": _NAME, "value": ",".join(keys)})


def _sealed_tables() -> dict[Table, list[str]]:
    """Return every table that has sealed columns, with their names."""
    columns = {
        each: [one.name for one in each.columns if isinstance(one.type, SealedText)] for each in metadata.sorted_tables
    }
    return {each: names for each, names in columns.items() if names}


def _raw(each: Table, names: list[str]) -> Any:  # noqa: ANN401 - SQLAlchemy's light table, whose columns are by name
    """Return the table as it lies in the database, its texts neither opened nor sealed."""
    (key,) = each.primary_key
    plain = {name: column(name, String()) for name in names}
    return table(each.name, *({key.name: column(key.name, key.type)} | plain).values())


def _unlike(raw: Any, names: list[str], target: str) -> ColumnElement[bool]:  # noqa: ANN401 - as above
    """Return whether one of a row's texts is not as it should be."""
    if target == PLAIN:
        return or_(*(raw.c[name].like(f"{_ANY_MARK}%") for name in names))
    return or_(*(and_(raw.c[name] != "", ~raw.c[name].like(f"{mark_of(target)}%")) for name in names))


def _pass(engine: Engine, target: str, tell: Tell) -> dict[str, int]:
    """Rewrite what is not as it should be, once through all tables; return how many rows were."""
    counts: dict[str, int] = {}
    for each, names in _sealed_tables().items():
        after: Any = None
        while True:
            with engine.begin() as connection:
                seen, changed, after = _batch(connection, each, names, target, after)
            if changed:
                counts[each.name] = counts.get(each.name, 0) + changed
                tell(each.name, counts[each.name])
            if seen < _BATCH_ROWS:
                break
    return counts


def _batch(connection: Connection, each: Table, names: list[str], target: str, after: Any) -> tuple[int, int, Any]:  # noqa: ANN401 - a key
    """Rewrite a few rows behind a key; return how many were seen and changed, and the last one's key."""
    raw, (key,) = _raw(each, names), each.primary_key
    query = select(raw).where(_unlike(raw, names, target)).order_by(raw.c[key.name]).limit(_BATCH_ROWS)
    rows = connection.execute(query if after is None else query.where(raw.c[key.name] > after)).mappings().all()
    changed = 0
    for row in rows:
        new = {name: _rewritten(connection, each, name, row, target) for name in names}
        if any(new[name] != row[name] for name in names):
            where = raw.c[key.name] == row[key.name]
            changed += connection.execute(raw.update().where(where).values(new)).rowcount
    return len(rows), changed, rows[-1][key.name] if rows else after


def _rewritten(connection: Connection, each: Table, name: str, row: RowMapping, target: str) -> str | None:
    value: str | None = row[name]
    kind, keyring = each.columns[name].type, keyring_of(connection.dialect)
    if not value or keyring is None or not isinstance(kind, SealedText):
        return value
    if target != PLAIN and value.startswith(mark_of(target)):
        return value
    text = keyring.open(value, kind.use, compared=kind.compared)
    return text if target == PLAIN else keyring.seal(text, kind.use, compared=kind.compared)


def _clean(engine: Engine) -> None:
    """Write a SQLite file anew: what was overwritten would stay in its free pages and its journal."""
    with engine.connect() as connection:
        driver = connection.connection.cursor()
        driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        driver.close()
