"""Every act is on record (law 14): no command that names who did it ends without an entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.cli import main
from reminder.domain.guard import Finding, GuardName
from reminder.domain.lifecycle import State
from reminder.domain.receipt import Inbound, Meaning
from reminder.installation import read_installation
from reminder.store import guards, inbound
from support.outbox_rows import remind, write_attempt

Run = Callable[..., Result]

BOOK = "account_id,customer_id,due_date,amount_due,currency\nLN-1,C-1,2026-07-28,120.50,CNY\n"

ACTS = {
    "accounts import": ("accounts.csv",),
    "hold add": ("--customer", "C-1", "--kind", "dispute", "--reason", "paid"),
    "hold release": ("1",),
    "suppress add": ("+8613800138000", "--source", "letter"),
    "suppress remove": ("+8613800138000", "--reason", "asked for it"),
    "consent add": ("--customer", "C-1", "--source", "contract", "--proof", "page 4"),
    "consent withdraw": ("--customer", "C-1", "--reason", "letter"),
    "numbers mark": ("+8613800138000",),
    "numbers clear": ("+8613800138000", "--reason", "called from it"),
    "customer erase": ("C-1",),
}
"""What can be done in a new deployment, in an order in which each finds what it needs."""

SETTLING = {
    "outbox requeue": ("--printed",),
    "outbox retry": ("2",),
    "outbox resolve": ("3", "--give-up", "--reason", "asked"),
    "run approve": ("1", "--reason", "a campaign"),
    "inbound done": ("1", "--note", "called back"),
}
"""What a person does about what waits for one, in the deployment of `waiting`."""

SOON = now().date() + timedelta(days=20)

LISTED = {
    "promise add": ("LN-1", "--by", f"{SOON}"),
    "promise cancel": ("1", "--reason", "another account"),
    "plan add": ("LN-1", "--monthly", "3", "--first", f"{SOON}"),
    "plan cancel": ("2", "--reason", "another account"),
    "promise import": ("promises.csv",),
    "hold import": ("holds.csv",),
    "consent import": ("consents.csv", "--source", "contracts"),
    "suppress import": ("suppressions.csv", "--source", "a list"),
}
"""What is agreed on accounts, and what comes from lists, in a deployment with an account that owes something."""

LISTS = {
    "promises.csv": f"account_id,amount,by\nLN-1,,{SOON}\n",
    "holds.csv": "account_id,customer_id,kind,reason,until,days\nLN-1,,hardship,ill,,30\n",
    "consents.csv": "customer_id,proof,given_at\nC-1,page 4,2026-05-03T10:00Z\n",
    "suppressions.csv": "number\n+8613800138000\n",
}

ELSEWHERE = {"db upgrade", "db rotate-key", "retention run"}
"""What needs an older schema, a key or old texts: shown by a test of its own, here or in its own room."""


def acting(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every command on which a person is on record by name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if any("--who" in parameter.opts for parameter in command.params):
            yield " ".join((*path, name))
        if isinstance(command, click.Group):
            yield from acting(command, (*path, name))


def test_no_acting_command_is_forgotten() -> None:
    """Whoever adds a command that acts says here how it is shown to leave an entry."""
    assert set(acting(main)) == set(ACTS) | set(SETTLING) | set(LISTED) | ELSEWHERE


def test_every_act_leaves_an_entry(reminder: Run, tmp_path: Path) -> None:
    """Each command is done as its own person, and each of them is found in the record."""
    (tmp_path / "accounts.csv").write_text(BOOK, encoding="utf-8")
    for number, (command, args) in enumerate(ACTS.items()):
        given = [str(tmp_path / each) if each.endswith(".csv") else each for each in args]
        result = reminder(*command.split(), *given, "--who", f"person {number}")
        assert result.exit_code == 0, f"{command}: {result.output}"
        found = json.loads(reminder("audit", "list", "--by", f"person {number}", "--json").stdout)
        assert found, f"{command} left no entry"
        assert {entry["actor"] for entry in found} == {"operator"}


@pytest.fixture
def waiting(folder: Path) -> None:
    """A deployment in which a printed, a failed and a doubtful reminder, a pause and a text wait for a person."""
    with open_database(read_installation(folder / "config", {})) as engine, engine.begin() as connection:
        for state in (State.PRINTED, State.FAILED, State.IN_DOUBT):
            reference = write_attempt(connection, state, counted=state is State.IN_DOUBT)
            days = {"not_before": now(), "expires_at": now() + timedelta(days=2)}
            remind(connection, state, state=state.value, reference=reference, **days)
        guards.stop(connection, Finding(GuardName.VOLUME, "too many", {}), day=now().date(), owner="host:1", at=now())
        text = Inbound("SM1", "+8613800138000", "+100", "please call", None)
        one = inbound.write(connection, "twilio", text, meaning=Meaning.OTHER, customer_id="C", at=now())
        inbound.settle(connection, one, acted="kept", waits=True)


@pytest.mark.usefixtures("waiting")
def test_every_settling_leaves_an_entry(reminder: Run) -> None:
    """What a person plans again, gives up, approves or deals with is in the record under their name."""
    for number, (command, args) in enumerate(SETTLING.items()):
        result = reminder(*command.split(), *args, "--who", f"person {number}")
        assert result.exit_code == 0, f"{command}: {result.output}"
        found = json.loads(reminder("audit", "list", "--by", f"person {number}", "--json").stdout)
        assert [entry["actor"] for entry in found] == ["operator"], f"{command} left {len(found)} entries"


def test_what_is_agreed_and_what_comes_in_lists_leaves_an_entry(reminder: Run, tmp_path: Path) -> None:
    """Each promise, plan and list is in the record, under the name of the person who made it or brought it in."""
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    book = "account_id,customer_id,phone,due_date,amount_due,currency,product\n"
    row = f"LN-1,C-1,13800138000,{now().date()},1000.00,CNY,cash-loan\n"
    (tmp_path / "accounts.csv").write_text(book + row, encoding="utf-8")
    assert reminder("accounts", "import", str(tmp_path / "accounts.csv")).exit_code == 0
    for number, (command, args) in enumerate(LISTED.items()):
        given = [str(tmp_path / each) if each.endswith(".csv") else each for each in args]
        result = reminder(*command.split(), *given, "--who", f"person {number}")
        assert result.exit_code == 0, f"{command}: {result.output}"
        found = json.loads(reminder("audit", "list", "--by", f"person {number}", "--json").stdout)
        assert found, f"{command} left no entry"
        assert {entry["actor"] for entry in found} == {"operator"}


def test_new_tables_and_new_keys_leave_an_entry(reminder: Run, folder: Path) -> None:
    """Who changed the shape of our tables, or the key that seals them, is on record with what it was before."""
    (folder / "reminder.db").unlink()
    with (folder / "config" / "reminder.yaml").open("a", encoding="utf-8") as settings:
        settings.write("\nencryption_key_file: encryption.key\n")
    commands = ("upgrade", "rotate-key")
    for command in commands:
        assert reminder("db", "new-key").exit_code == 0  # new tables are sealed with the first of them already
        result = reminder("db", command, "--who", command)
        assert result.exit_code == 0, result.output
    made, sealed = (json.loads(reminder("audit", "list", "--by", who, "--json").stdout) for who in commands)

    assert [(each["kind"], each["data"]["from"]) for each in made] == [("schema", "")]
    assert [(each["kind"], each["actor"]) for each in sealed] == [("key", "operator")]
