"""The runbook works: every command of it is run, in the situation that it is for, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, insert, make_url, select

from reminder.app import now
from reminder.cli import main
from reminder.domain.guard import Finding, GuardName
from reminder.domain.trouble import CODES
from reminder.store import guards
from reminder.store.engine import open_engine
from reminder.store.schema import inbound, outbox
from reminder.store.upgrade import upgrade
from support.outbox_rows import remind, write_attempt

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
ENVIRON = os.environ  # noqa: TID251 - commands run in an environment

SECTIONS = dict(re.findall(r"^#{2,3} (.+)\n((?:(?!^#{2,3} ).*\n)*)", RUNBOOK, flags=re.MULTILINE))
FENCE = re.compile(r"^```sh ?(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)

STUB = """\
#!/bin/sh
# stands in for systemd's tools: this machine has none; the unit must be one of ours
echo "$(basename "$0") $*" >> "{log}"
for word in "$@"; do case "$word" in reminder*) test -e "{units}/$word.service" || exit 9 ;; esac; done
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What systemd's tools were asked for."""
    return tmp_path / "systemd.log"


@pytest.fixture
def shell(tmp_path: Path, log: Path) -> Callable[..., str]:
    """A function that runs a block as the operator would: in the deployment's folder, ending at the first failure."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "reminder").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reminder "$@"\n', encoding="utf-8")
    for tool in ("systemctl", "journalctl"):
        (bin_ / tool).write_text(STUB.format(log=log, units=DEPLOY), encoding="utf-8")
    for path in bin_.iterdir():
        path.chmod(0o755)

    def run(script: str, folder: Path, environ: Mapping[str, str] | None = None) -> str:
        """Run it; return what it printed; fail with it where it fails."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**ENVIRON, "PATH": f"{bin_}:{ENVIRON['PATH']}", "USER": "ann", **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str) -> Path:
    """A deployment as `reminder init` writes it, on SQLite, with its tables made."""
    folder = tmp_path / "shop"
    assert CliRunner().invoke(main, ["init", str(folder)]).exit_code == 0
    shutil.copyfile(make_url(sqlite_url).database or "", folder / "reminder.db")
    return folder


@pytest.fixture
def engine(shop: Path) -> Iterator[Engine]:
    """Its database."""
    opened = open_engine(f"sqlite:///{shop / 'reminder.db'}")
    yield opened
    opened.dispose()


def _pause(connection: Connection) -> None:
    at = now()
    guards.stop(connection, Finding(GuardName.VOLUME, "9000 instead of 100", {}), day=at.date(), owner="x", at=at)


def _doubt(connection: Connection) -> None:
    at = now() - timedelta(hours=2)
    write_attempt(connection, "lost", gateway="twilio", outcome="unknown", started_at=at, ended_at=at)
    remind(connection, state="in_doubt", reference="lost", changed_at=at)


def _reply(connection: Connection) -> None:
    connection.execute(
        insert(inbound).values(
            gateway="twilio", provider_id="SM1", number="+8613800138000", addressee="+1", body="?", meaning="help",
            acted="", waits=True, received_at=now(),
        )
    )  # fmt: skip


SITUATIONS: Mapping[str, Callable[[Connection], None]] = {
    "ReminderPaused": _pause,
    "ReminderDoubts": _doubt,
    "ReminderGatewaySilent": _doubt,
    "ReminderRepliesWait": _reply,
}

RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
ALERTS = [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("name", ["First, always", *ALERTS, "Upgrade", "Rotating secrets"])
def test_what_an_alert_asks_for_can_be_done(name: str, shop: Path, engine: Engine, shell: Callable[..., str]) -> None:
    """Woken at night, an operator types what stands there, and it works."""
    blocks = FENCE.findall(RUNBOOK.partition("## Alerts")[0] if name == "First, always" else SECTIONS[name])
    if name in SITUATIONS:
        with engine.begin() as connection:
            SITUATIONS[name](connection)
    assert blocks
    for kind, script in blocks:
        assert kind == ""
        shell(script, shop)


def test_the_situations_end_with_what_the_runbook_says(shop: Path, engine: Engine, shell: Callable[..., str]) -> None:
    """An approved pause is over, a resolved doubt is sent, a reply that was dealt with waits no more."""
    with engine.begin() as connection:
        for arrange in (_pause, _doubt, _reply):
            arrange(connection)
    for name in ("ReminderPaused", "ReminderDoubts", "ReminderRepliesWait"):
        for _, script in FENCE.findall(SECTIONS[name]):
            shell(script, shop)

    with engine.connect() as connection:
        assert guards.open_pauses(connection) == []
        assert list(connection.scalars(select(outbox.c.state))) == ["sent"]
        assert list(connection.scalars(select(inbound.c.waits))) == [False]


def test_a_backup_on_sqlite_brings_back_what_was_there(
    shop: Path, engine: Engine, shell: Callable[..., str], log: Path
) -> None:
    """Backed up while in use, damaged, restored: what was sent is known again, and the archive has the files."""
    with engine.begin() as connection:
        _doubt(connection)
    shell(_block("Backup", "sqlite"), shop)
    with engine.begin() as connection:
        connection.execute(outbox.delete())
    engine.dispose()
    shell(_block("Restore", "sqlite"), shop)

    with engine.connect() as connection:
        assert list(connection.scalars(select(outbox.c.state))) == ["in_doubt"]
    assert log.read_text("utf-8").splitlines() == ["systemctl stop reminder", "systemctl start reminder"]
    assert "config/reminder.yaml" in shell("tar -tzf backup/files.tar.gz", shop)


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not here")
def test_a_backup_on_postgresql_brings_back_what_was_there(
    shop: Path, shell: Callable[..., str], postgresql_url: str
) -> None:
    """The same with pg_dump and pg_restore, into the database in use."""
    url = make_url(postgresql_url)
    environ = {
        "REMINDER_DATABASE": postgresql_url,
        "PGDATABASE": url.database or "",
        "PGUSER": url.username or "",
        "PGHOST": str(url.query.get("host") or url.host or ""),
        "PGPORT": str(url.port or 5432),
        "PGPASSWORD": url.password or "",
    }
    engine = open_engine(postgresql_url)
    try:
        with engine.begin() as connection:
            _doubt(connection)
        shell(_block("Backup", "postgres"), shop, environ)
        with engine.begin() as connection:
            connection.execute(outbox.delete())
        engine.dispose()
        shell(_block("Restore", "postgres"), shop, environ)

        with engine.connect() as connection:
            assert list(connection.scalars(select(outbox.c.state))) == ["in_doubt"]
        assert upgrade(engine)
    finally:
        engine.dispose()


def _block(section: str, kind: str) -> str:
    script: str
    (script,) = [script for found, script in FENCE.findall(SECTIONS[section]) if found == kind]
    return script


def test_every_block_is_run_by_a_test() -> None:
    """No command stands there that nothing tries."""
    run = {"Alerts", "Backup", "Restore", "Upgrade", "Rotating secrets", *ALERTS}
    titles = {title for title, body in SECTIONS.items() if FENCE.search(body)}

    assert titles <= run
    assert {kind for body in SECTIONS.values() for kind, _ in FENCE.findall(body)} == {"", "sqlite", "postgres"}
    assert RUNBOOK.count("```") == 2 * len(FENCE.findall(RUNBOOK))


def test_every_alert_has_its_section_and_every_trouble_its_code() -> None:
    """Whoever is woken finds the words for it; the daemon's own alerts go by the code in brackets."""
    alerts = RUNBOOK.partition("## Alerts")[2].partition("\n## ")[0]

    assert re.findall(r"^### (\w+)$", alerts, flags=re.MULTILINE) == ALERTS
    assert set(CODES.values()) <= set(re.findall(r"\[(RM-[EW]\d+)\]", alerts))
