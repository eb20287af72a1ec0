"""What the documents tell people to type works, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reminder.cli.demo import ZONE
from reminder.cli.demo_book import make_book, write_csv

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STAY = ("reminder daemon", "reminder web")
NEEDS_A_BOOK_OF_THE_LENDER = "reminder book check"
REFUSES_SOME_ROWS = "reminder accounts import accounts.csv"


def commands() -> list[str]:
    """Return every `reminder …` that the README shows, in code blocks and in prose, once each."""
    shown = re.findall(r"^\$ (?:\S*/)?(reminder [^#\n]+)", README, flags=re.MULTILINE)
    told = re.findall(r"`(reminder [^`]+)`", README)
    return list(dict.fromkeys(command.strip() for command in (*shown, *told)))


def test_the_readmes_commands_work(tmp_path: Path) -> None:
    """A newcomer gets from `init` to a pass over the accounts of `make demo` with nothing but the README."""
    (first, *others) = commands()
    assert first == "reminder init shop"
    run(first, tmp_path)
    shop = tmp_path / "shop"
    today = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date()  # noqa: TID251 - the commands read the clock as well
    write_csv(make_book(today), shop / "accounts.csv")
    shutil.copytree(shop / "config", shop / "draft" / "config")
    shutil.copytree(shop / "templates", shop / "draft" / "templates")
    for command in others:
        if command not in (*STAY, NEEDS_A_BOOK_OF_THE_LENDER):
            run(command, shop, ends=command == REFUSES_SOME_ROWS)

    asked = re.findall(r"reminder explain (\w+)", README)[0]
    assert asked in run("reminder outbox list --limit 1000", shop) + run("reminder preview --limit 0", shop)


def run(command: str, folder: Path, *, ends: int = 0) -> str:
    """Run a command as a person would, and return what it printed; fail with it where it ends otherwise than said."""
    words = shlex.split(command.replace(" T ", " 2026-11-23T10:00 ").removesuffix(" T"))
    done = subprocess.run(
        [sys.executable, "-m", "reminder", *words[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == ends, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("target", ["demo", "test", "check", "worlds"])
def test_the_makefile_has_what_the_documents_name(target: str) -> None:
    """Every `make …` of the documents is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    assert f"make {target}" in README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
