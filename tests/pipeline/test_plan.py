"""Planning in the book's own database: who is planned, by whom, until when, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.pipeline.plan import StepCount, count_settled, imagine, plan
from support.lender_books import add_loans, lender_book, loan
from support.processes import together
from support.worlds import DAYTIME, World, account_row, policy, step


def planned(world: World) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """Return when each reminder opens and closes, by account and step."""
    return {(row.account_id, row.step): (row.not_before, row.expires_at) for row in world.rows()}


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_everybody_inside_a_window_is_planned_once(real_world: World, due: date) -> None:
    """Laws 2 and 6: on each day of its window an account has its one step, once, whenever and however often planned."""
    days = (-8, -7, -1, 0, 3, 4, 30, 31)
    real_world.add_accounts(*(account_row(f"{dpd:+}", due - timedelta(days=dpd)) for dpd in days))

    assert real_world.plan() == 6
    assert real_world.plan() == 0
    assert set(planned(real_world)) == {
        ("-7", "ahead"), ("-1", "ahead"), ("+0", "due"), ("+3", "due"), ("+4", "late"), ("+30", "late"),
    }  # fmt: skip
    real_world.later(days=1)
    assert real_world.plan() == 3  # -8, -1 and +3 come to another step, +30 has left its last
    assert real_world.plan() == 0


def test_missed_days_are_caught_up_by_one(world: World, due: date) -> None:
    """Law 6: after a week of downtime only the step that is true today is planned, none of those in between."""
    world.add_accounts(account_row("A", due))
    world.later(days=7)
    world.plan()
    assert set(planned(world)) == {("A", "late")}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"amount_due": 0}, id="nothing owed"),
        pytest.param({"amount_due": -5}, id="overpaid"),
        pytest.param({"closed": True}, id="closed"),
    ],
)
def test_who_owes_nothing_is_not_planned(real_world: World, due: date, changes: dict[str, Any]) -> None:
    """Law 12: settled accounts cost the plan nothing; they are only counted, for the preview."""
    real_world.add_accounts(account_row("A", due, **changes), account_row("B", due))
    assert real_world.plan() == 1
    with real_world.engine.connect() as connection:
        assert count_settled(real_world.deployment(), connection, real_world.at) == 1


PLAN = """
from support.worlds import World, policy
world = World(engine, policies=(policy(),))
deployment = world.deployment()
from reminder.pipeline.plan import plan
wait_for_the_others()
print(plan(deployment, world.at).planned)
engine.dispose()
"""


def test_planners_at_once_add_nothing_twice(real_world: World, database_url: str, due: date) -> None:
    """Law 2: of three processes planning in the same instant, together each reminder is written once, without error."""
    real_world.add_accounts(*(account_row(f"A{number}", due) for number in range(300)))

    counts = together(PLAN, database_url, processes=3)

    assert len(real_world.rows()) == 300
    if real_world.engine.dialect.name in ("sqlite", "postgresql"):  # MariaDB counts rows it finds there as well
        assert sum(int(words[0]) for words in counts) == 300


def test_no_account_passes_through_python(real_world: World, due: date) -> None:
    """Law 12: planning is the same few statements for one account and for a hundred; none reads the accounts."""
    statements: list[str] = []
    event.listen(real_world.engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    counts = []
    for number in (1, 100):
        real_world.add_accounts(*(account_row(f"A{number}-{index}", due) for index in range(number)))
        statements.clear()
        real_world.plan()
        counts.append(len([one for one in statements if one.lstrip().startswith(("SELECT", "INSERT", "WITH"))]))
        assert not [one for one in statements if "phone" in one]

    # The zones of the due accounts, the parts of plans, an insert for all steps, an entry of the record; and the newest
    # row before with the count behind, or whether statistics can be believed.
    assert counts == ([5, 5] if real_world.engine.dialect.name == "postgresql" else [6, 6])


def test_a_book_without_a_key(engine: Engine, due: date) -> None:
    """Law 9: an account that the book has twice is one reminder, planned once, and refused alone."""
    with lender_book(engine, loan("twice", due), loan("twice", due), loan("once", due)) as book:
        world = World(engine, policies=(policy(),), book=book)
        world.plan()
        assert world.plan() == 0
        report = world.dispatch()

        assert world.states() == {("once", "due"): "sent", ("twice", "due"): "planned"}
        assert report.reasons[Reason.AMBIGUOUS] == 1


def test_a_preview_counts_what_the_book_has_twice_once(engine: Engine, due: date) -> None:
    """Law 1: what a plan would write is imagined as it would be written."""
    with lender_book(engine, loan("twice", due), loan("twice", due), loan("once", due)) as book:
        world = World(engine, policies=(policy(),), book=book)
        with engine.connect() as connection:
            imagined = sorted(one.account_id for one in imagine(world.deployment(), connection, connection, world.at))
        assert imagined == ["once", "twice"]
        world.plan()
        with engine.connect() as connection:
            assert list(imagine(world.deployment(), connection, connection, world.at)) == []


def test_rows_that_can_not_be_planned_stop_no_other(engine: Engine, due: date) -> None:
    """Law 9: ids beyond the outbox's columns, no id, no date: those rows are passed over and the rest is planned."""
    rows = [
        loan("x" * 65, due, cust_no="C"), loan("long customer", due, cust_no="y" * 65), loan(None, due, cust_no="C"),
        loan("", due, cust_no="C"), loan("no date", None), loan("z" * 64, due, cust_no="w" * 64), loan("good", due),
    ]  # fmt: skip
    with lender_book(engine, *rows) as book:
        world = World(engine, policies=(policy(),), book=book)
        assert world.plan() == 2
        world.dispatch()
        assert set(world.states().values()) == {"sent"}


def test_a_customer_id_that_grew_too_long_is_refused_alone(engine: Engine, due: date) -> None:
    """Law 9: a customer's id that no longer fits refuses that account at sending, and harms no other text."""
    with lender_book(engine, loan("good", due)) as book:
        world = World(engine, policies=(policy(),), book=book)
        add_loans(engine, [loan("grown", due)])
        world.plan()
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE lender_loan SET cust_no = '{'y' * 70}' WHERE loan_no = 'grown'")
        report = world.dispatch()

        assert world.states() == {("good", "due"): "sent", ("grown", "due"): "planned"}
        assert report.reasons[Reason.INCOMPLETE] == 1


# Policies


def of(**terms: str) -> Selector:
    """Return a selector for accounts with these values."""
    return Selector(tuple(Term(field, frozenset({value})) for field, value in terms.items()))


def test_the_first_policy_that_matches_takes_the_account(real_world: World, due: date) -> None:
    """An account is for one policy, the first in force that matches; what none matches is planned by none."""
    real_world.policies = (
        policy("vip", selector=of(segment="vip"), steps=()),
        policy("card", selector=of(product="card")),
        policy("cash", selector=of(product="cash-loan")),
        policy("rmb", selector=of(currency="CNY", language="zh-CN")),
    )
    real_world.add_accounts(
        account_row("silent", due, attributes={"segment": "vip"}, product="card"),
        account_row("card", due, product="card"),
        account_row("cash", due),
        account_row("null", due, product=None),
        account_row("none", due, product="other", language="en"),
    )
    real_world.plan()

    assert {row.account_id: row.policy for row in real_world.rows()} == {"card": "card", "cash": "cash", "null": "rmb"}


def test_a_step_planned_under_one_policy_is_not_planned_under_another(world: World, due: date) -> None:
    """Law 2: an account that passes to another policy with the same step id is not reminded of that step again."""
    world.add_accounts(account_row("A", due))
    world.run()
    world.policies = (policy("other"),)
    assert world.plan() == 0


def test_each_step_is_reported(world: World, due: date) -> None:
    """Who watches a plan hears of each step as it is done; the report names those that got something."""
    world.add_accounts(account_row("A", due), account_row("B", due), account_row("C", due - timedelta(days=9)))
    heard: list[StepCount] = []
    report = plan(world.deployment(), world.at, on_step=heard.append)

    assert [(one.step, one.planned) for one in heard] == [("ahead", 0), ("due", 2), ("late", 1)]
    assert report.steps == (StepCount("loan", "due", 2), StepCount("loan", "late", 1))
    assert report.planned == 3


# When


def test_each_zone_waits_for_its_own_window(real_world: World, due: date) -> None:
    """A reminder waits for the opening in its customer's zone; an unknown zone is decided when its time comes."""
    zones = ("Asia/Shanghai", "America/New_York", "Europe/London", "Mars/Olympus", None)
    real_world.policies = (policy(window=DAYTIME),)
    real_world.at = utc("2026-11-23 12:30")  # 20:30 in Shanghai, 12:30 in London, 07:30 in New York
    real_world.add_accounts(*(account_row(str(zone), due, timezone=zone) for zone in zones))
    real_world.plan()

    assert {account: opens for (account, _), (opens, _) in planned(real_world).items()} == {
        "Asia/Shanghai": utc("2026-11-24 01:00"),
        "America/New_York": utc("2026-11-23 14:00"),
        "Europe/London": real_world.at,
        "Mars/Olympus": real_world.at,
        "None": real_world.at,
    }


def test_a_hand_over_waits_for_no_window(world: World, due: date) -> None:
    """An event texts nobody: it may be written at night."""
    world.policies = (policy(window=DAYTIME, steps=(step("over", 4, 30, to="collections"),)),)
    world.at = utc("2026-11-23 16:30")
    world.add_accounts(account_row("A", due - timedelta(days=9)))
    world.plan()
    assert planned(world)["A", "over"][0] == world.at


@pytest.mark.parametrize(
    ("zone", "at", "due_date", "expires_at"),
    [
        pytest.param("Asia/Shanghai", "2026-03-08 12:00", "2026-03-08", "2026-03-08 16:00", id="no change of clocks"),
        pytest.param("America/New_York", "2026-03-08 12:00", "2026-03-08", "2026-03-09 04:00", id="a day of 23 hours"),
        pytest.param("America/New_York", "2026-11-01 12:00", "2026-11-01", "2026-11-02 05:00", id="a day of 25 hours"),
        pytest.param("America/Havana", "2026-03-07 12:00", "2026-03-07", "2026-03-08 05:00", id="a midnight left out"),
    ],
)
def test_a_step_expires_at_the_policys_midnight(
    real_world: World, zone: str, at: str, due_date: str, expires_at: str
) -> None:
    """Law 6: planned in SQL, a step ends when the policy's day does, over every change of clocks."""
    real_world.policies = (policy(timezone=zone, steps=(step("due", 0, 0),)),)
    real_world.at = utc(at)
    real_world.add_accounts(account_row("A", date.fromisoformat(due_date), timezone=zone))
    real_world.plan()
    assert planned(real_world)["A", "due"][1] == utc(expires_at)


def test_every_due_date_of_a_window_has_its_own_end(real_world: World, due: date) -> None:
    """Law 6: what is due on different days is over on different days, though planned by one statement."""
    real_world.add_accounts(*(account_row(f"A{days}", due - timedelta(days=days)) for days in range(4)))
    real_world.plan()
    one = policy()
    assert planned(real_world) == {
        (f"A{days}", "due"): (real_world.at, one.closes_at(one.steps[1], due - timedelta(days=days)))
        for days in range(4)
    }


def test_the_day_is_the_policys(world: World) -> None:
    """DPD is counted in the policy's zone: at 17:00 UTC it is tomorrow in Shanghai."""
    world.at = utc("2026-11-23 17:00")
    world.policies = (policy(steps=(step("due", 0, 0),)), replace(policy("utc", steps=()), timezone="UTC"))
    world.add_accounts(account_row("23", date(2026, 11, 23)), account_row("24", date(2026, 11, 24)))
    world.plan()
    assert set(planned(world)) == {("24", "due")}
