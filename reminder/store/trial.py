"""A copy of our tables for a trial: what decisions of the coming days rest on, in a database that is thrown away.

The copy is read in pieces of bounded size. What a trial does not ask for stays behind: the book, which is read where it
is, and what has only been written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, case, event, insert, select

from reminder.domain.lifecycle import State
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, attempt_account, metadata, outbox
from reminder.store.sealed import keyring_of

__all__ = ["REFERENCES", "TrialText", "silences", "texts", "trial_database", "waiting_until"]

REFERENCES: Final = "trial-"
"""How the references of texts begin that a trial makes."""

_LEFT_BEHIND: Final = frozenset(
    {
        "account", "alert", "breaker", "cap_lock", "config_refusal", "customer_lock", "daemon", "doubt", "event",
        "inbound", "lease", "pause", "plan_run", "rate", "receipt", "record", "record_block", "record_leaf",
        "record_private",
    }
)  # fmt: skip
"""Tables that no decision reads, or whose rows are about this process and this minute."""

_CHUNK_ROWS = 2_000

TrialText = tuple[str, str, str, int]
"""A text as a trial counts it: policy, step, gateway, segments. The step is that of its most severe reminder."""

_SILENT = (State.CANCELLED, State.SUPPRESSED, State.SUPERSEDED, State.EXPIRED, State.FAILED)


@contextmanager
def trial_database(source: Engine, *, due_since: date, texts_since: datetime) -> Iterator[Engine]:
    """Lend a database of our tables with what counts from `source`, which is only read; it is gone afterwards.

    Reminders of cycles due before `due_since`, and texts made before `texts_since` (UTC), stay behind.
    """
    with TemporaryDirectory(prefix="reminder-trial-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'trial.db'}", keyring=keyring_of(source.dialect))
        # A power cut ends the trial anyway.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        try:
            metadata.create_all(engine)
            with source.connect() as ours, engine.begin() as trial:
                _copy(ours, trial, due_since, texts_since)
            yield engine
        finally:
            engine.dispose()


def _copy(ours: Connection, trial: Connection, due_since: date, texts_since: datetime) -> None:
    recent = select(attempt.c.reference).where(attempt.c.started_at >= texts_since)
    # A text that stays behind is named by no reminder of the copy.
    known = case((outbox.c.reference.in_(recent), outbox.c.reference)).label("reference")
    columns = [known if column.name == "reference" else column for column in outbox.columns]
    some: dict[str, Select[Any]] = {
        "attempt": select(attempt).where(attempt.c.started_at >= texts_since),
        "attempt_account": select(attempt_account).where(attempt_account.c.reference.in_(recent)),
        "outbox": select(*columns).where(outbox.c.due_date >= due_since),
    }
    for table in metadata.sorted_tables:
        if table.name in _LEFT_BEHIND:
            continue
        query = some.get(table.name, select(table))
        result = ours.execute(query.execution_options(stream_results=True, yield_per=_CHUNK_ROWS))
        for rows in result.mappings().partitions():
            trial.execute(insert(table), [dict(row) for row in rows])


def waiting_until(connection: Connection, after: datetime) -> datetime | None:
    """Return when the first planned reminder is to be asked again after an instant (UTC), or None."""
    waits = select(outbox.c.not_before).where(outbox.c.state == State.PLANNED, outbox.c.not_before > after)
    found: datetime | None = connection.scalar(waits.order_by(outbox.c.not_before).limit(1))
    return found


def texts(connection: Connection, *, since: datetime, until: datetime) -> Iterator[TrialText]:
    """Yield the texts that the trial made in [since, until) (UTC), each once."""
    query = (
        select(attempt.c.reference, attempt.c.policy, outbox.c.step, attempt.c.gateway, attempt.c.segments)
        .join(outbox, outbox.c.reference == attempt.c.reference)
        .where(attempt.c.reference.startswith(REFERENCES), attempt.c.counted)
        .where(attempt.c.started_at >= since, attempt.c.started_at < until)
        .order_by(attempt.c.reference, outbox.c.due_date, outbox.c.account_id, outbox.c.step)
    )
    last = None
    for reference, policy, step, gateway, segments in connection.execute(query):
        if reference != last:
            yield policy, step, gateway, segments
        last = reference


def silences(connection: Connection, *, since: datetime, until: datetime) -> Counter[tuple[str, str]]:
    """Count what ended without a word in [since, until) (UTC), by policy and reason."""
    query = select(outbox.c.policy, outbox.c.reason).where(
        outbox.c.state.in_(_SILENT), outbox.c.changed_at >= since, outbox.c.changed_at < until
    )
    return Counter((policy, reason.partition(":")[0]) for policy, reason in connection.execute(query))
