"""Migrations: they make what the schema says, once, and keep what is there."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from reminder.errors import StoreError
from reminder.store import engine as engine_module
from reminder.store import upgrade as upgrade_module
from reminder.store.engine import open_engine
from reminder.store.schema import customer_lock, metadata
from reminder.store.upgrade import HEAD, SchemaState, require_current, schema_state, upgrade

ON_MARIADB = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_nopad_bin"}
"""What every table is there: transactions, every character, and keys that differ in case or trailing spaces differ."""

UPGRADE = """
import sys
from reminder.store.engine import open_engine
from reminder.store.upgrade import upgrade
sys.stdin.readline()
engine = open_engine(sys.argv[1])
print(upgrade(engine))
engine.dispose()
"""


def test_migrations_make_what_the_schema_says(engine: Engine) -> None:
    """Alembic finds no difference between the tables in use and the tables in the code, on any database."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def described(engine: Engine) -> dict[str, object]:
    """Return all that the database says about our tables, in words that can be compared."""
    inspector = inspect(engine)
    return {
        table: (
            [{**column, "type": repr(column["type"])} for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            sorted(inspector.get_unique_constraints(table), key=repr),
            sorted(inspector.get_foreign_keys(table), key=repr),
            sorted(inspector.get_indexes(table), key=repr),
            inspector.get_table_options(table),
            inspector.get_table_comment(table) if engine.dialect.name != "sqlite" else None,
        )
        for table in metadata.tables
    }


def test_migrated_and_created_tables_are_the_same(bare_engine: Engine) -> None:
    """What that comparison overlooks is the same too: defaults, names of keys, comments, collations."""
    wanted = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(wanted).kwargs.update(ON_MARIADB)
    wanted.create_all(bare_engine)
    created = described(bare_engine)
    wanted.drop_all(bare_engine)

    upgrade(bare_engine)

    assert described(bare_engine) == created


def test_head_is_the_newest_revision() -> None:
    """`HEAD` is what Alembic would find: the program can tell its schema without loading Alembic."""
    config = Config()
    config.set_main_option("script_location", "reminder.store:migrations")
    scripts = ScriptDirectory.from_config(config)

    assert scripts.get_heads() == [HEAD]


def test_revisions_go_forward_only() -> None:
    """No revision offers a way back: dropping a column of the outbox would lose what was sent (law 4)."""
    config = Config()
    config.set_main_option("script_location", "reminder.store:migrations")
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())

    assert revisions
    assert [script.revision for script in revisions if hasattr(script.module, "downgrade")] == []


def test_upgrade_makes_tables_once(bare_engine: Engine) -> None:
    """The first upgrade makes the tables; the second finds nothing to do and keeps the rows."""
    assert upgrade(bare_engine) == HEAD
    with bare_engine.begin() as connection:
        connection.execute(insert(customer_lock).values(customer_id="c-1"))

    assert upgrade(bare_engine) == HEAD
    with bare_engine.connect() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).scalars().all() == ["c-1"]


def test_upgrade_of_a_current_schema_is_only_a_look(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every start may upgrade: on a database that is ready it asks for the revision and loads no migration."""
    monkeypatch.setattr(upgrade_module, "_SCRIPTS", "/nowhere")

    assert upgrade(engine) == HEAD


def test_upgrade_in_memory() -> None:
    """A database in memory is migrated like any other."""
    engine = open_engine("sqlite://")

    assert upgrade(engine) == HEAD
    require_current(engine)
    engine.dispose()


def test_upgrade_leaves_logging_alone(bare_engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """A migration neither reconfigures the program's logging nor prints a line per statement."""
    level = logging.getLogger().level

    upgrade(bare_engine)

    assert logging.getLogger().level == level
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_foreign_keys_hold_again_after_an_upgrade(tmp_path: Path) -> None:
    """SQLite's keys are off only while tables are replaced, never for the program that migrated and goes on."""
    engine = open_engine(f"sqlite:///{tmp_path}/reminder.db")
    upgrade(engine)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    engine.dispose()


def test_two_processes_upgrade_at_once(bare_url: str) -> None:
    """Trap 8: two daemons started together on a new database both come up; neither sees "table already exists"."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, bare_url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]

    assert ends == [(f"{HEAD}\n", "", 0)] * 3


def test_state_before_and_after(bare_engine: Engine) -> None:
    """`doctor` and `db status` can tell a new database from one that is ready."""
    assert schema_state(bare_engine) == SchemaState(current=None, head=HEAD)
    assert not schema_state(bare_engine).up_to_date

    upgrade(bare_engine)

    assert schema_state(bare_engine) == SchemaState(current=HEAD, head=HEAD)
    assert schema_state(bare_engine).up_to_date


def test_new_database_is_told_how_to_become_one(bare_engine: Engine) -> None:
    """A program on a database without tables says what to run, not "no such table"."""
    with pytest.raises(StoreError, match=rf"expected schema {HEAD} .*found no tables: run `reminder db upgrade`"):
        require_current(bare_engine)


def test_current_schema_is_accepted(engine: Engine) -> None:
    """On tables of its own release the program goes on."""
    require_current(engine)


@pytest.mark.parametrize("act", [require_current, upgrade], ids=["work", "upgrade"])
def test_newer_schema_is_left_alone(engine: Engine, act: object) -> None:
    """An old program beside a newer database stops and says so; it neither writes to it nor migrates it."""
    assert callable(act)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    try:
        with pytest.raises(StoreError, match=r"found 9999: install the newer release"):
            act(engine)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later release, whose second revision replaces a table that another one points at."""
    scripts = tmp_path / "migrations"
    with resources.as_file(resources.files("reminder.store") / "migrations") as shipped:
        shutil.copytree(shipped, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r9000_next.py").write_text(
        dedent(
            f'''
            """Give the outbox a column, and make another one wider."""
            import sqlalchemy as sa
            from alembic import op

            revision = "9000"
            down_revision = "{HEAD}"

            def upgrade():
                """Do it."""
                with op.batch_alter_table("outbox") as batch:
                    batch.add_column(sa.Column("note", sa.String(10), nullable=False, server_default="-"))
                    batch.alter_column("step", existing_type=sa.String(80), nullable=False, type_=sa.String(90))
            '''
        )
    )
    monkeypatch.setattr(upgrade_module, "_SCRIPTS", str(scripts))
    monkeypatch.setattr(upgrade_module, "HEAD", "9000")


@pytest.fixture
def lived_in(bare_engine: Engine) -> Engine:
    """A database of this release with a reminder and the event that points at it."""
    upgrade(bare_engine)
    moment, day = "2026-03-01 09:00:00", "2026-03-01"
    with bare_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (reminder_id, account_id, customer_id, due_date, policy, step, leg, state, "
                "not_before, expires_at, planned_at, changed_at) "
                f"VALUES (1, 'a', 'c', '{day}', 'p', 's', 'sms', 'handed_over', "
                f"'{moment}', '{moment}', '{moment}', '{moment}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO event (kind, addressee, account_id, customer_id, reminder_id, happened_at, data) "
                f"VALUES ('hand_over', 'collections', 'a', 'c', 1, '{moment}', '{{}}')"
            )
        )
    return bare_engine


def test_later_revision_keeps_rows_and_keys(lived_in: Engine, next_release: None) -> None:
    """Trap 8: replacing a table keeps its rows, the rows that point at it, and the keys between them."""
    upgrade(lived_in)

    with lived_in.begin() as connection:
        assert connection.execute(text("SELECT step, note FROM outbox")).all() == [("s", "-")]
        assert connection.execute(text("SELECT reminder_id FROM event")).scalars().all() == [1]
    with pytest.raises(IntegrityError), lived_in.begin() as connection:
        connection.execute(text("UPDATE event SET reminder_id = 404"))
    with pytest.raises(IntegrityError), lived_in.begin() as connection:
        connection.execute(text("INSERT INTO outbox SELECT * FROM (SELECT * FROM outbox) AS twin"))


def test_failed_revision_changes_nothing(tmp_path: Path, next_release: None) -> None:
    """On SQLite a migration that breaks half-way leaves the old tables, ready for another try."""
    engine = open_engine(f"sqlite:///{tmp_path}/reminder.db")
    path = tmp_path / "migrations" / "versions" / "r9000_next.py"
    path.write_text(path.read_text() + "    op.execute('no such statement')\n")

    with pytest.raises(Exception, match="syntax error"):
        upgrade(engine)

    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_upgrade_gives_up_waiting(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits too long for another migration is told so, not left hanging for ever."""
    monkeypatch.setattr(upgrade_module, "UPGRADE_WAIT_SECONDS", 1)
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 200)
    first, second = open_engine(bare_url), open_engine(bare_url)

    with upgrade_module._locked(first), pytest.raises(StoreError, match="another process at it for too long"):
        upgrade(second)

    assert upgrade(second) == HEAD
    first.dispose()
    second.dispose()
