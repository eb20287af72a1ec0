"""What Alembic runs to migrate: it takes the connection that `reminder.store.upgrade` has opened and locked.

The next revision is written by hand like the first one, forward only; a test compares what the revisions make with
`reminder.store.schema` on each database and says what is missing.
"""

from __future__ import annotations

from alembic import context

from reminder.store.schema import metadata

__all__: list[str] = []

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    # SQLite can't alter most of a table in place: Alembic makes a new one and copies the rows.
    render_as_batch=connection.dialect.name == "sqlite",
    # SQLite's schema changes are part of the transaction, which Alembic leaves to whoever knows how it was begun.
    transactional_ddl=connection.dialect.name != "mysql",
)
with context.begin_transaction():
    context.run_migrations()
