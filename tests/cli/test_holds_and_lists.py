"""`reminder hold` on selections, by the term of a law, from files; `promise import`; and what will come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result

from reminder.app import now

Run = Callable[..., Result]
SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = now().astimezone(SHANGHAI).date()
SOON = TODAY + timedelta(days=20)
HOLD = ("hold", "add", "--reason", "flood of May")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """A function that writes a CSV file of these lines and returns its path."""

    def write(*lines: str) -> str:
        path = tmp_path / "list.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write


def listed(reminder: Run, *args: str) -> list[dict[str, Any]]:
    """Return what a list prints as JSON."""
    found: list[dict[str, Any]] = json.loads(reminder(*args, "--json").stdout)
    return found


def load(reminder: Run, file: Callable[..., str], *rows: str) -> None:
    """Load accounts into the book: `id,due,region`."""
    lines = (f"{key},C-{key},13800138000,{due},1000,CNY,cash-loan,{region},false" for key, due, region in
             (row.split(",") for row in rows))  # fmt: skip
    header = "account_id,customer_id,phone,due_date,amount_due,currency,product,region,autopay"
    result = reminder("accounts", "import", file(header, *lines))
    assert result.exit_code == 0, result.output


def test_a_region_is_held(reminder: Run, file: Callable[..., str]) -> None:
    """Promise: a selection is written as in `applies_to`, read back in words, and holds the accounts in it."""
    load(reminder, file, f"a,{TODAY},Sichuan", f"b,{TODAY},Tibet")
    added = reminder(*HOLD, "--where", "{region: [Sichuan, Qinghai], product: cash-loan}", "--kind", "hardship")

    assert added.exit_code == 0, added.output
    assert "Hold 1: where region is Qinghai or Sichuan and product is cash-loan is paused" in added.stdout
    (hold,) = listed(reminder, "hold", "list")
    assert (hold["where"], hold["resume_hours"]) == ("region is Qinghai or Sichuan and product is cash-loan", 24)
    assert "silent (hold): hardship until released: flood of May" in reminder("explain", "a").stdout
    assert "silent (hold)" not in reminder("explain", "b").stdout


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        pytest.param(["--where", "region", "--kind", "hardship"], 3, "--where", id="no condition"),
        pytest.param(["--where", "{}", "--kind", "hardship"], 3, "expected conditions such as", id="everybody"),
        pytest.param(["--where", "amount_due: 5", "--kind", "hardship"], 3, "expected a range", id="no range"),
        pytest.param(["--where", "region: {in: [x]}", "--kind", "hardship"], 3, "region: expected", id="odd"),
        pytest.param(["--where", "region: x", "--account", "a", "--kind", "manual"], 1, "none or several", id="both"),
        pytest.param(["--where", "region: x", "--kind", "deceased"], 1, "expected a customer", id="never contact"),
        pytest.param(["--account", "a", "--kind", "manual", "--resume-over", "3"], 2, "--where only", id="one"),
        pytest.param(["--account", "a"], 2, "--kind or --term", id="no kind"),
        pytest.param(["--account", "a", "--term", "uk-conc/breathing"], 2, "uk-conc/breathing-space", id="no term"),
        pytest.param(
            ["--account", "a", "--term", "uk-conc/breathing-space", "--days", "30"], 2, "not before", id="too short"
        ),
    ],
)
def test_a_hold_that_can_not_be_is_refused(reminder: Run, args: list[str], code: int, told: str) -> None:
    """Promise: a selection that can't be read, is for everybody, or a term cut short: refused, and nothing written."""
    result = reminder(*HOLD, *args)

    assert result.exit_code == code, result.output
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert listed(reminder, "hold", "list") == []


def test_a_law_gives_its_own_term(reminder: Run) -> None:
    """Promise: breathing space in England lasts sixty whole days after its first, and the hold names its source."""
    reminder("hold", "add", "--account", "a", "--term", "uk-conc/breathing-space", "--reason", "notice of 3 May")
    reminder("hold", "add", "--account", "b", "--term", "uk-conc/mental-health", "--reason", "notice of 3 May")
    treatment, hold = listed(reminder, "hold", "list")

    assert datetime.fromisoformat(hold["until"]).astimezone(SHANGHAI).date() == TODAY + timedelta(days=61)
    assert hold["kind"] == "breathing_space"
    assert "notice of 3 May (uk-conc/breathing-space: Debt Respite Scheme" in hold["reason"]
    assert treatment["until"] is None
    assert "a hold of kind breathing_space, 60 days" in reminder("profile", "show", "uk-conc").stdout


def test_holds_from_a_file(reminder: Run, file: Callable[..., str]) -> None:
    """Law 9 and promise: bad rows are told with their line and the rest goes in; twice is once; a dry run is none."""
    path = file(
        "account_id,customer_id,kind,reason,until,days",
        f"a,,dispute,says it was paid,{SOON},",
        ",C-1,deceased,certificate seen,,",
        "b,,deceased,certificate seen,,",
        "c,,dispute,,,30",
        "d,,quarrel,x,,",
        "e,,dispute,x,soon,",
        f"f,,dispute,x,{SOON},9",
        "g,C-9,dispute,x,,",
        "h,,hardship,ill,,30",
    )
    rehearsed = reminder("hold", "import", path, "--dry-run")
    assert listed(reminder, "hold", "list", "--all") == []
    first, second = reminder("hold", "import", path), json.loads(reminder("hold", "import", path, "--json").stdout)

    assert rehearsed.exit_code == first.exit_code == 1
    assert "9 rows read: 3 new, 0 known, 6 refused" in first.stdout
    for line, told in ((4, "expected a customer"), (5, "expected a reason"), (6, "found 'quarrel'"), (7, "'soon'"),
                       (8, "found both"), (9, "none or several")):  # fmt: skip
        assert any(f"list.csv:{line}" in row and told in row for row in first.stderr.splitlines()), (line, told)
    assert (second["added"], second["known"]) == (0, 3)
    assert sorted(each["account_id"] or each["customer_id"] for each in listed(reminder, "hold", "list")) == [
        "C-1", "a", "h",
    ]  # fmt: skip


def test_promises_from_a_file(reminder: Run, file: Callable[..., str]) -> None:
    """Law 9 and promise: a day's promises go in, each judged against the book; bad rows are told and harm nobody."""
    load(reminder, file, f"a,{TODAY},x", f"b,{TODAY},x", f"c,{TODAY},x")
    path = file(
        "account_id,by,amount,note",
        f"a,{SOON},500,on the phone",
        f"b,{SOON},,",
        f"c,{SOON},1000.01,",
        f"zz,{SOON},1,",
        f",{SOON},1,",
        "c,soon,1,",
        f"c,{SOON},lots,",
    )
    rehearsed = reminder("promise", "import", path, "--dry-run")
    assert listed(reminder, "promise", "list", "--all") == []
    first, second = (
        reminder("promise", "import", path),
        json.loads(reminder("promise", "import", path, "--json").stdout),
    )

    assert rehearsed.exit_code == first.exit_code == 1
    assert "7 rows read: 2 new, 0 known, 5 refused" in first.stdout
    for line, told in ((4, "at most what is owed"), (5, "once in the book"), (6, "an empty cell"), (7, "'soon'"),
                       (8, "expected an amount")):  # fmt: skip
        assert any(f"list.csv:{line}" in row and told in row for row in first.stderr.splitlines()), (line, told)
    assert (second["added"], second["known"]) == (0, 2)
    amounts = {each["account_id"]: each["parts"][0]["amount"] for each in listed(reminder, "promise", "list")}
    assert amounts == {"a": "500.00", "b": "1000.00"}


def test_what_resumes_tomorrow(reminder: Run, file: Callable[..., str]) -> None:
    """Promise: whose pause ends on a day is seen the day before, with the step that each account would get."""
    load(reminder, file, f"a,{TODAY},x", f"b,{TODAY - timedelta(days=400)},x")
    tomorrow = str(TODAY + timedelta(days=1))
    reminder(*HOLD, "--account", "a", "--kind", "dispute", "--until", tomorrow)
    reminder(*HOLD, "--account", "b", "--kind", "dispute", "--until", tomorrow)
    reminder(*HOLD, "--account", "a", "--kind", "dispute", "--until", str(SOON))

    words = reminder("hold", "list", "--resuming", "tomorrow")
    first, second = listed(reminder, "hold", "list", "--resuming", tomorrow)

    assert words.exit_code == 0, words.output
    assert "account a" in words.stdout
    assert "hold: dispute until" in words.stdout  # the third hold goes on
    assert (first["accounts"][0]["step"], second["accounts"][0]["step"]) == ("due-today", None)
    assert "has no step for DPD 401" in second["accounts"][0]["then"]
    assert listed(reminder, "hold", "list", "--resuming", str(SOON + timedelta(days=1))) == []
    assert reminder("hold", "list", "--resuming", "someday").exit_code == 2
