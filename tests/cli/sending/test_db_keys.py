"""`reminder db new-key`, `rotate-key` and `keys`: sealing a deployment, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.installation import read_installation
from reminder.store import daemons
from support.deployments import add_accounts, row

Run = Callable[..., Result]

SECRETS = (b"2125550123", b"212 555 0123", b"Annabelle", b"$120.50")


def switch_on(config: Path) -> None:
    """Name the key file in the settings."""
    with (config / "reminder.yaml").open("a", encoding="utf-8") as file:
        file.write("encryption_key_file: encryption.key\n")


def readable(config: Path) -> list[bytes]:
    """Return what of the customer stands in the files of the database, wherever in them."""
    content = b"".join(path.read_bytes() for path in config.parent.glob("reminder.db*"))
    return [secret for secret in SECRETS if secret in content]


def test_a_sealed_deployment_sends_and_leaves_nothing_to_read(reminder: Run, config: Path) -> None:
    """Law 13: after import, run and suppression no byte of the files tells a number, a name or a text."""
    switch_on(config)
    assert reminder("db", "new-key").exit_code == 0
    assert reminder("db", "rotate-key").exit_code == 0
    add_accounts(config, row("A", name="Annabelle"), row("B", 5, name="Annabelle"))

    first = reminder("run")
    assert "made 2 texts" in first.stdout, first.output
    assert "Anhe Credit: $120.50" in first.stdout
    assert "Nothing is left to send now." in reminder("run").stdout
    assert reminder("suppress", "add", "+12125550123", "--source", "asked us").exit_code == 0
    assert reminder("audit", "verify").exit_code == 0
    assert readable(config) == []


def test_switching_on_and_off_rewrites_what_is_there(reminder: Run, config: Path) -> None:
    """Nothing starts on a database that is not wholly sealed; afterwards no byte of old rows is left in the file."""
    add_accounts(config, row("A", name="Annabelle"))
    assert reminder("run").exit_code == 0
    assert readable(config) == list(SECRETS)
    switch_on(config)
    assert "found no file" in reminder("run").stderr
    reminder("db", "new-key")
    refused = reminder("run")
    assert (refused.exit_code, "`reminder db rotate-key`" in refused.stderr) == (1, True)
    found = json.loads(reminder("doctor", "--json").stdout)
    assert [each["part"] for each in found["findings"] if each["code"] == "RM-E013"] == ["schema"]

    dry = reminder("db", "rotate-key", "--dry-run")
    assert "account: 1 rows would be rewritten." in dry.stdout
    assert readable(config) == list(SECRETS)
    assert "account: 1 rows rewritten." in reminder("db", "rotate-key").stdout
    assert readable(config) == []
    assert "Nothing is left to send now." in reminder("run").stdout
    assert "Nothing is left to rewrite." in reminder("db", "rotate-key").stdout

    assert reminder("db", "rotate-key", "--off").exit_code == 0
    settings = config / "reminder.yaml"
    settings.write_text(settings.read_text().replace("encryption_key_file: encryption.key\n", ""))
    assert "Nothing is left to send now." in reminder("run").stdout
    assert reminder("audit", "verify").exit_code == 0


def test_keys_says_what_goes_with_what(reminder: Run, config: Path) -> None:
    """Fingerprints tell which key is missing, and show none of it."""
    switch_on(config)
    reminder("db", "new-key")
    before = reminder("db", "keys", "--json")
    reminder("db", "rotate-key")
    after = json.loads(reminder("db", "keys", "--json").stdout)

    assert (before.exit_code, json.loads(before.stdout)["sealed_with"]) == (1, ["plain"])
    assert after == {"keys": after["keys"], "sealed_with": after["keys"], "problem": None}

    (config.parent / "encryption.key").unlink()
    reminder("db", "new-key")
    lost = reminder("run")
    assert (lost.exit_code, f"expected the key {after['keys'][0]}" in lost.stderr) == (1, True)


def test_a_daemon_at_work_stops_a_rotation(reminder: Run, config: Path) -> None:
    """It would go on to write with the older key, and what it writes would not be found."""
    switch_on(config)
    reminder("db", "new-key")
    with open_database(read_installation(config, {}), any_key=True) as engine, engine.begin() as connection:
        daemons.keep(connection, daemons.Sign("host:1", now(), now(), None))

    result = reminder("db", "rotate-key")

    assert (result.exit_code, "expected no daemon at work, found host:1" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", ["new-key", "rotate-key"])
def test_without_the_setting_nothing_is_made(reminder: Run, config: Path, command: str) -> None:
    """Off by default: a key that no setting names would seal nothing."""
    result = reminder("db", command)

    assert (result.exit_code, "`encryption_key_file` in the settings" in result.stderr) == (1, True)
    assert not (config.parent / "encryption.key").exists()
