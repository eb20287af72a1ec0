"""`reminder promise` and `reminder plan`: what was agreed, by whom, and where it stands by the book."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from reminder.app import now

Run = Callable[..., Result]
DAY = now().date()
SOON, LATER = DAY + timedelta(days=20), DAY + timedelta(days=50)
HEADER = "account_id,customer_id,phone,due_date,amount_due,currency,product"


@pytest.fixture
def load(reminder: Run, tmp_path: Path) -> Callable[..., None]:
    """A function that loads an account that owes so much into the book."""

    def loaded(amount: str = "1000.00", account_id: str = "LN-1", product: str = "cash-loan") -> None:
        file = tmp_path / "book.csv"
        file.write_text(f"{HEADER}\n{account_id},C-1,13800138000,{DAY},{amount},CNY,{product}\n", encoding="utf-8")
        assert reminder("accounts", "import", str(file)).exit_code == 0

    return loaded


def listed(reminder: Run, noun: str, *args: str) -> list[dict[str, Any]]:
    """Return what `list` prints as JSON."""
    found: list[dict[str, Any]] = json.loads(reminder(noun, "list", "--json", *args).stdout)
    return found


def test_a_promise_is_kept_with_amount_day_and_who(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: what somebody will ask for is on record, with what was owed then and the rule it is judged by."""
    load()
    added = reminder("promise", "add", "LN-1", "--amount", "500", "--by", str(SOON), "--note", "wages on the 30th")

    assert added.exit_code == 0, added.output
    assert added.stdout == f"Promise 1: account LN-1 is to pay 500.00 CNY by {SOON}; 2 days are left for booking.\n"
    (found,) = listed(reminder, "promise")
    assert (found["owed"], found["who"], found["note"]) == ("1000.00", "ann", "wages on the 30th")
    assert found["parts"] == [{"day": str(SOON), "amount": "500.00"}]
    assert (found["grace_days"], found["tolerance_percent"], found["state"]) == (2, 0, "open")
    assert "500.00 CNY" in reminder("promise", "list").stdout


def test_without_an_amount_all_is_promised(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: the usual promise is to pay what is owed; --grace says how long it may take to be booked."""
    load()
    result = reminder("promise", "add", "LN-1", "--by", str(SOON), "--grace", "0", "--json")

    made = json.loads(result.stdout)
    assert (made["parts"][0]["amount"], made["grace_days"]) == ("1000.00", 0)


def test_show_says_where_it_stands_by_the_book(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: `show` judges by the book as it is now, and by nothing else."""
    load()
    reminder("promise", "add", "LN-1", "--amount", "500", "--by", str(SOON))
    before = json.loads(reminder("promise", "show", "1", "--json").stdout)
    load("480.00")
    after = reminder("promise", "show", "1")

    assert (before["stands"], before["why"]) == ("open", f"500.00 CNY by {SOON}")
    assert "by the book: kept: 1000.00 CNY was owed, now it is 480.00 CNY" in after.stdout
    assert "on record:   open" in after.stdout


def test_a_promise_is_cancelled_once_and_with_a_reason(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: taken back, it has no force, stays on record with its reason, and can't be taken back again."""
    load()
    reminder("promise", "add", "LN-1", "--by", str(SOON))
    silent = reminder("promise", "cancel", "1", "--reason", " ")
    wrong = reminder("plan", "cancel", "1", "--reason", "x")
    first = reminder("promise", "cancel", "1", "--reason", "another account was meant")
    second = reminder("promise", "cancel", "1", "--reason", "again")

    assert [each.exit_code for each in (silent, wrong, first, second)] == [1, 1, 0, 1]
    assert "reminder promise list --all" in second.stderr
    assert listed(reminder, "promise") == []
    (found,) = listed(reminder, "promise", "--all", "--account", "LN-1")
    assert (found["state"], found["ended_why"]) == ("cancelled", "another account was meant")


def test_a_plan_in_parts(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: a plan is written part by part, or as so many monthly parts of all that is owed."""
    load()
    given = reminder("plan", "add", "LN-1", "--part", f"{SOON}=400", "--part", f"{LATER}=600", "--never-ends", "--json")
    load(account_id="LN-2")
    monthly = reminder("plan", "add", "LN-2", "--monthly", "3", "--first", str(SOON), "--json")

    assert json.loads(given.stdout)["parts"] == [
        {"day": str(SOON), "amount": "400.00"},
        {"day": str(LATER), "amount": "600.00"},
    ]
    assert json.loads(given.stdout)["grace_days"] is None
    assert [part["amount"] for part in json.loads(monthly.stdout)["parts"]] == ["333.33", "333.33", "333.34"]
    assert [each["account_id"] for each in listed(reminder, "plan")] == ["LN-2", "LN-1"]


@pytest.mark.parametrize("noun", ["promise", "plan"])
def test_a_dry_run_writes_nothing(reminder: Run, load: Callable[..., None], noun: str) -> None:
    """Promise: --dry-run says what would be agreed, checks it against the book, and leaves no trace."""
    load()
    options = ["--by", str(SOON)] if noun == "promise" else ["--part", f"{SOON}=10"]
    result = reminder(noun, "add", "LN-1", *options, "--dry-run")

    assert result.exit_code == 0
    assert "would be to pay" in result.stdout
    assert listed(reminder, noun, "--all") == []


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        pytest.param(["promise", "add", "LN-9", "--by", str(SOON)], 1, "once in the book, found none", id="no account"),
        pytest.param(["promise", "add", "LN-1", "--by", "soon"], 2, "such as 2026-12-01, found 'soon'", id="no day"),
        pytest.param(
            ["promise", "add", "LN-1", "--by", str(SOON), "--amount", "lots"], 2, "such as 500.00", id="no amount"
        ),
        pytest.param(
            ["promise", "add", "LN-1", "--by", str(SOON), "--amount", "0.001"], 1, "2 decimal places", id="too fine"
        ),
        pytest.param(
            ["promise", "add", "LN-1", "--by", "2020-01-01"], 1, "what is agreed lies ahead", id="a day that is over"
        ),
        pytest.param(["plan", "add", "LN-1"], 2, "give one of the two", id="no parts"),
        pytest.param(["plan", "add", "LN-1", "--monthly", "3"], 2, "give one of the two", id="no first day"),
        pytest.param(["plan", "add", "LN-1", "--part", str(SOON)], 2, "expected DAY=AMOUNT", id="no amount of a part"),
        pytest.param(
            ["plan", "add", "LN-1", "--part", f"{SOON}=1000.01"], 1, "at most what is owed, 1000.00 CNY", id="too much"
        ),
        pytest.param(["plan", "show", "7"], 1, "expected a plan 7, found none", id="no such plan"),
    ],
)
def test_what_can_not_be_is_told(
    reminder: Run, load: Callable[..., None], args: list[str], code: int, told: str
) -> None:
    """Promise: a slip is refused with what was expected, what was found, and what to do; nothing is written."""
    load()
    result = reminder(*args)

    assert result.exit_code == code
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert listed(reminder, "promise", "--all") == listed(reminder, "plan", "--all") == []


def test_an_account_can_be_promised_once_at_a_time(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: a second one is refused with the number of the first, which would have to be cancelled."""
    load()
    reminder("promise", "add", "LN-1", "--by", str(SOON))
    result = reminder("plan", "add", "LN-1", "--part", f"{SOON}=10")

    assert result.exit_code == 1
    assert "found promise 1 on LN-1: cancel it first" in result.stderr


def test_explain_tells_of_a_promise(reminder: Run, load: Callable[..., None]) -> None:
    """Promise: who asks why an account is silent is told of its promise, in words and as JSON."""
    load()
    reminder("promise", "add", "LN-1", "--by", str(SOON))
    words, data = reminder("explain", "LN-1"), json.loads(reminder("explain", "LN-1", "--json").stdout)

    assert f"promise 1: open: 1000.00 CNY by {SOON}" in words.stdout
    assert "silent (hold): promise 1 is open" in words.stdout
    assert [(each["agreement_id"], each["on_record"], each["state"]) for each in data["agreed"]] == [
        (1, "open", "open")
    ]


Edit = Callable[..., Path]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            "broken_promise: {id: promise-broken,", "broken_promise: {id: overdue,",
            "broken_promise.id: `overdue` is taken by steps[4]", id="a step's id",
        ),
        pytest.param(
            "broken_plan: {id: plan-broken,", "broken_plan: {id: promise-broken,",
            "broken_plan.id: `promise-broken` is taken by broken_promise", id="the other one's id",
        ),
        pytest.param("breach/promise, within: 3}", "breach/promise, within: 31}", "within", id="too many days"),
        pytest.param("template: breach/plan,", "template: breach/plans,", "breach/plans.sms.j2, found none", id="none"),
        pytest.param(
            "template: escalation/first}", "template: breach/plan}",
            "template breach/plan speaks of what was agreed", id="a breach's template in a step",
        ),
    ],
)  # fmt: skip
def test_a_wrong_breach_is_named_at_its_place(reminder: Run, edit: Edit, old: str, new: str, told: str) -> None:
    """Promise: ids are identity, the text must be there, and only a breach can speak of what was agreed."""
    path = edit("config/policies/consumer-loan.yaml", old, new)
    result = reminder("policy", "check")

    assert result.exit_code in (1, 3)
    assert any(told in line and f"{path.name}:" in line for line in result.output.splitlines()), result.output


def test_a_policy_shows_what_breaches_deserve(reminder: Run) -> None:
    """Promise: whoever reads a policy sees the steps of its breaches, in words and as JSON."""
    words = " ".join(reminder("policy", "show", "consumer-loan").stdout.split())
    data = json.loads(reminder("policy", "show", "consumer-loan", "--json").stdout)

    assert "broken promises: promise-broken: breach/promise, within 3 days" in words
    assert data["broken_plan"] == {"id": "plan-broken", "template": "breach/plan", "within": 3}
