"""A sealed deployment from end to end: sent over HTTP, heard over HTTP, sealed anew, and still proven (law 13)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from web.conftest import ENVIRON, SECRETS, web_process

from reminder.app import open_database
from reminder.installation import read_installation
from reminder.store.schema import attempt, outbox, suppression
from support.deployments import add_accounts, row

THEIRS = "+12125550123"
READABLE = (b"2125550123", b"212 555 0123", b"Annabelle", b"$120.50", b"STOP it, please")


def _reminder(config: Path, *args: str) -> str:
    """Run `reminder` in a process of its own, which must end well; return what it printed."""
    command = [sys.executable, "-m", "reminder", "--config", str(config), *args]
    done = subprocess.run(command, env={**ENVIRON, **SECRETS}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done.stdout


def _told(config: Path) -> list[bytes]:
    """Return what of the customer can be read in the files of the database."""
    content = b"".join(path.read_bytes() for path in config.parent.glob("reminder.db*"))
    return [each for each in READABLE if each in content]


def _rows(config: Path, table: Any) -> list[Any]:
    with open_database(read_installation(config, SECRETS)) as engine, engine.connect() as connection:
        return list(connection.execute(select(table)))


@pytest.fixture
def sealed(config: Path) -> Path:
    """The deployment that texts through the stand-in, sealed before anybody was in its book."""
    with (config / "reminder.yaml").open("a", encoding="utf-8") as settings:
        settings.write("encryption_key_file: encryption.key\n")
    _reminder(config, "db", "new-key")
    _reminder(config, "db", "rotate-key")
    add_accounts(config, row("A", name="Annabelle"))
    return config


def test_a_sealed_deployment_from_end_to_end(sealed: Path, fake: Any) -> None:
    """Laws 13 and 14: Twilio gets the text, its receipt and a STOP are heard, no byte tells of it, all of it is proven.

    A new key in the middle changes nothing: the STOP is still found, and the record is as it was sealed.
    """
    _reminder(sealed, "run")
    (posted,) = fake.accepted()
    assert (posted["To"], "$120.50" in posted["Body"]) == (THEIRS, True)

    with web_process(sealed) as served:
        path = posted["StatusCallback"].removeprefix("https://remind.example.com")
        receipt = {"MessageSid": posted["sid"], "MessageStatus": "delivered", "To": THEIRS,
                   "AccountSid": SECRETS["TWILIO_ACCOUNT_SID"]}  # fmt: skip
        assert served.post(path, receipt)[0] == 200
        words = {
            "MessageSid": "SM-in",
            "From": THEIRS,
            "To": posted["From"],
            "Body": "STOP it, please",
            "NumMedia": "0",
        }
        assert served.post("/inbound/twilio", words)[0] == 200
        assert served.stop()[0] == 0
    assert [each.state for each in _rows(sealed, outbox)] == ["delivered"]
    assert _told(sealed) == []

    _reminder(sealed, "db", "new-key")
    _reminder(sealed, "db", "rotate-key")

    assert "Nothing was changed" in _reminder(sealed, "audit", "verify")
    assert [(each.number, each.body) for each in _rows(sealed, attempt)] == [(THEIRS, posted["Body"])]
    assert [each.number for each in _rows(sealed, suppression)] == [THEIRS]
    before = fake.accepted()
    add_accounts(sealed, row("A", name="Annabelle"), row("B", 5, name="Annabelle"))
    _reminder(sealed, "run")
    assert fake.accepted() == before
    assert {each.account_id: each.state for each in _rows(sealed, outbox)} == {"A": "delivered", "B": "planned"}
    assert _told(sealed) == []
