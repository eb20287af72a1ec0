"""What the documents tell people to type works, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STAY = ("reminder daemon", "reminder web")
NEEDS_A_BOOK_OF_THE_LENDER = "reminder book check"


def commands() -> list[str]:
    """Return every `reminder …` that the README shows, in code blocks and in prose, once each."""
    shown = re.findall(r"^\$ (?:\S*/)?(reminder [^#\n]+)", README, flags=re.MULTILINE)
    told = re.findall(r"`(reminder [^`]+)`", README)
    return list(dict.fromkeys(command.strip() for command in (*shown, *told)))


def accounts_csv() -> str:
    """Return a file of accounts as the README describes it, with the account that it asks about."""
    due = datetime.now(UTC).date() + timedelta(days=3)  # noqa: TID251 - the commands read the clock as well
    head = "account_id,customer_id,phone,due_date,amount_due,currency,language,product,timezone,autopay"
    return f"{head}\nLN-1001,C-1,13800138000,{due},512.40,CNY,zh-CN,instalment,Asia/Shanghai,false\n"


def test_the_readmes_commands_work(tmp_path: Path) -> None:
    """A newcomer gets from `init` to a pass over an account of their own with nothing but the README."""
    (first, *others) = commands()
    assert first == "reminder init shop"
    run(first, tmp_path)
    shop = tmp_path / "shop"
    (shop / "accounts.csv").write_text(accounts_csv(), encoding="utf-8")
    for command in others:
        if command not in (*STAY, NEEDS_A_BOOK_OF_THE_LENDER):
            run(command, shop)
        if command.endswith("--dry-run"):
            run(command.removesuffix(" --dry-run"), shop)

    assert "LN-1001" in run("reminder outbox list", shop) + run("reminder preview", shop)


def run(command: str, folder: Path) -> str:
    """Run a command as a person would, and return what it printed; fail with it where the command fails."""
    words = shlex.split(command.replace(" T ", " 2026-11-23T10:00 ").removesuffix(" T"))
    done = subprocess.run(
        [sys.executable, "-m", "reminder", *words[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("target", ["demo", "test", "check", "worlds"])
def test_the_makefile_has_what_the_documents_name(target: str) -> None:
    """Every `make …` of the documents is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    assert f"make {target}" in README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
