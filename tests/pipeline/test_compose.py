"""Composing: what goes into one text, what stays out of it, and what one broken text leaves alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.message.catalogue import Catalogue
from reminder.pipeline.preview import Verb
from reminder.store import events
from reminder.store import outbox as reminders
from reminder.store.schema import attempt, event, outbox
from support.worlds import TEMPLATES, World, account_row, policy, step

TOGETHER = policy(consolidated="consolidated")
HAND_OVER = policy(steps=(step("over", 4, 30, to="collections"),))


def bodies(world: World) -> list[str]:
    """Return the texts that were taken."""
    return [message.body for message in world.recorder.taken]


def events_of(world: World) -> list[Any]:
    """Return every event."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(event)))


@pytest.fixture
def family(world: World, due: date) -> World:
    """Lend a world that consolidates, and a customer with three accounts due yesterday, today and the day before."""
    world.policies = (TOGETHER,)
    for key, days in (("1001", 1), ("1002", 0), ("1003", 2)):
        world.add_accounts(
            account_row(key, due - timedelta(days=days), customer_id="C", amount_due=10_000 * (days + 1))
        )
    world.plan()
    return world


def test_one_text_speaks_of_all_accounts(family: World) -> None:
    """`consolidate`: all accounts deserved now are listed, the longest due first, with their sum, in one text."""
    report = family.dispatch()

    (body,) = bodies(family)
    assert "3笔" in body
    assert "600.00" in body
    assert body.index("1003") < body.index("1001") < body.index("1002")
    rows = family.rows()
    assert {row.state for row in rows} == {"sent"}
    assert len({row.reference for row in rows}) == 1
    assert (report.texts, sum(report.states.values())) == (1, 3)


def test_one_text_is_one_contact(family: World) -> None:
    """Law 10: three accounts in one text take the room of one contact."""
    family.policies = (policy(consolidated="consolidated", caps=(Cap(1, CapPeriod.DAY),)),)
    family.dispatch()

    with family.engine.connect() as connection:
        assert len(connection.execute(select(attempt)).all()) == 1
    assert {row.state for row in family.rows()} == {"sent"}


def test_different_numbers_are_not_mixed(family: World) -> None:
    """Data of one number's owner is not told to another: each number gets its own accounts only."""
    family.change_account("1002", phone="13900139000")
    family.dispatch()

    by_number = {message.to: message.body for message in family.recorder.taken}
    assert set(by_number) == {"+8613800138000", "+8613900139000"}
    assert "2笔" in by_number["+8613800138000"]
    assert "1002" not in by_number["+8613800138000"]
    assert "1002" in by_number["+8613900139000"]


@pytest.mark.parametrize(
    "apart",
    [
        pytest.param(lambda world: world.hold(account_id="1002"), id="held"),
        pytest.param(lambda world: world.change_account("1002", amount_due=0), id="paid"),
        pytest.param(lambda world: world.change_account("1002", currency="?"), id="incomplete"),
    ],
)
def test_what_is_not_deserved_is_not_listed(family: World, apart: Callable[[World], Any]) -> None:
    """Law 5: an account that may not be spoken of now is not spoken of in another one's text either."""
    apart(family)
    family.dispatch()

    (body,) = bodies(family)
    assert "2笔" in body
    assert "1002" not in body


def test_a_single_account_has_its_own_text(family: World) -> None:
    """With one account left the text is that of its step, not a list of one."""
    family.hold(account_id="1001")
    family.hold(account_id="1002")
    family.dispatch()

    (body,) = bodies(family)
    assert "笔" not in body


def test_without_consolidation_each_account_has_a_text(family: World) -> None:
    """Where a policy does not consolidate, each account gets its own, the longest due first."""
    family.policies = (policy(),)
    family.dispatch()
    assert ["300.00" in body for body in bodies(family)] == [True, False, False]
    assert len(bodies(family)) == 3


def test_room_for_one_goes_to_the_longest_due(family: World) -> None:
    """Law 10: where the cap has room for one text, it is the most severe; the others wait until the cap frees."""
    family.policies = (policy(caps=(Cap(1, CapPeriod.DAY),)),)
    foreseen = Counter(entry.verb for entry in family.preview())
    report = family.dispatch()

    assert foreseen == {Verb.SEND: 1, Verb.DEFER: 2}
    assert len(bodies(family)) == 1
    assert "300.00" in bodies(family)[0]
    assert report.reasons[Reason.CAP] == 2
    waiting = [row for row in family.rows() if row.state == "planned"]
    assert {row.not_before.isoformat() for row in waiting} == {"2026-11-23T16:00:00+00:00"}  # midnight in Shanghai


def test_policies_are_not_mixed(family: World, due: date) -> None:
    """A text has one policy's wording and caps: accounts under another one get a text of their own."""
    card = policy("card", consolidated="consolidated", selector=Selector((Term("product", frozenset({"card"})),)))
    family.policies = (card, TOGETHER)
    family.add_accounts(account_row("2001", due, customer_id="C", product="card"))
    family.run()

    assert len(bodies(family)) == 2
    assert sum("3笔" in body for body in bodies(family)) == 1


# Broken texts


@pytest.fixture
def strict(tmp_path: Path) -> Catalogue:
    """A catalogue whose text of the day asks for a branch, which only some accounts have."""
    for template in TEMPLATES.glob("zh-CN/**/*.j2"):
        copy = tmp_path / template.relative_to(TEMPLATES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(template.read_text("utf-8"), "utf-8")
    broken = tmp_path / "zh-CN" / "grace" / "due_today.sms.j2"
    broken.write_text("{# segments: 2 #}\n{{ lender.name }} {{ account.branch }} {{ amount|money }}\n", "utf-8")
    return Catalogue(tmp_path, default_language="zh-CN")


def test_a_text_that_can_not_be_made_is_refused_alone(world: World, due: date, strict: Catalogue) -> None:
    """Laws 8 and 9: a missing value refuses that one text, says which, and the others go out."""
    world.catalogue = strict
    world.add_accounts(account_row("A", due), account_row("B", due, attributes={"branch": "Pudong"}))
    report = world.run()

    assert ["Pudong" in body for body in bodies(world)] == [True]
    row = next(row for row in world.rows() if row.account_id == "A")
    assert (row.state, report.reasons[Reason.TEMPLATE]) == ("planned", 1)
    assert row.reason.startswith("template: ")
    assert "branch" in row.reason
    assert row.not_before == world.at + timedelta(minutes=30)


def test_a_mended_text_goes_out(world: World, due: date, strict: Catalogue) -> None:
    """A template that is mended while the step is still true lets its reminders go on."""
    world.catalogue = strict
    world.add_accounts(account_row("A", due))
    world.run()
    world.catalogue = Catalogue(TEMPLATES, default_language="zh-CN")
    world.later(minutes=30)
    world.run()
    assert [row.state for row in world.rows()] == ["sent"]


def test_a_text_that_is_never_made_ends(world: World, due: date, strict: Catalogue) -> None:
    """Law 4: at the end of its days a text that could not be made is over, and says that it had waited for it."""
    world.catalogue = strict
    world.policies = (policy(steps=(step("due", 0, 3),)),)
    world.add_accounts(account_row("A", due))
    world.run()
    world.later(days=4)
    world.dispatch()
    (row,) = world.rows()
    assert row.state == "expired"
    assert "template" in row.reason


def test_a_broken_list_holds_back_all_it_speaks_of(family: World, tmp_path: Path) -> None:
    """Law 8: where the consolidated text can't be made, nothing is sent in its place, and each account says why."""
    family.catalogue = Catalogue(tmp_path, default_language="zh-CN")
    report = family.dispatch()
    assert (bodies(family), report.reasons[Reason.TEMPLATE]) == ([], 3)


def test_hostile_names_are_printed_as_they_are(world: World, due: date) -> None:
    """Law 11: what the book holds is never read as a template."""
    world.catalogue = Catalogue(TEMPLATES, default_language="zh-CN")
    world.add_accounts(account_row("A{{7*7}}", due, name="{{ 7*7 }}"))
    world.run()
    assert "49" not in bodies(world)[0]


# Hand-overs


def test_a_hand_over_writes_one_event_with_its_reminder(real_world: World, due: date) -> None:
    """A step that hands over writes exactly one event, under the reminder that it ends, and sends nothing."""
    real_world.policies = (HAND_OVER,)
    real_world.add_accounts(account_row("A", due - timedelta(days=10), phone=None))
    for _ in range(3):
        real_world.run()
        real_world.later(hours=8)

    (row,) = real_world.rows()
    (written,) = events_of(real_world)
    assert (row.state, row.reason) == ("handed_over", "handed over to collections")
    assert (written.kind, written.addressee, written.account_id) == ("hand_over", "collections", "A")
    assert written.reminder_id == row.reminder_id
    assert written.data == {
        "policy": "loan", "step": "over", "due_date": "2026-11-13", "dpd": 10, "amount_due": "123.45",
        "currency": "CNY",
    }  # fmt: skip
    assert real_world.recorder.calls == 0


def test_a_reminder_that_is_no_longer_ours_hands_nothing_over(world: World, due: date) -> None:
    """Law 2: if another process took it meanwhile, no event is written: two would collect the debt twice."""
    world.policies = (HAND_OVER,)
    world.add_accounts(account_row("A", due - timedelta(days=10)))
    world.plan()
    claim = reminders.end_one

    def taken(connection: Any, item: Any, **given: Any) -> bool:
        connection.execute(update(outbox).values(lease_owner="other:1"))
        return claim(connection, item, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reminders, "end_one", taken)
        report = world.dispatch()

    assert (events_of(world), sum(report.states.values())) == ([], 0)
    assert [row.state for row in world.rows()] == ["planned"]


def test_event_and_reminder_are_written_together(world: World, due: date) -> None:
    """If the event can't be written, the reminder is not ended either; the next pass hands over."""
    world.policies = (HAND_OVER,)
    world.add_accounts(account_row("A", due - timedelta(days=10)))
    world.plan()

    def broken(*_: Any, **__: Any) -> int:
        raise OSError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "append", broken)
        with pytest.raises(OSError, match="disk"):
            world.dispatch()
    assert ([row.state for row in world.rows()], events_of(world)) == (["planned"], [])

    world.later(minutes=2)
    world.dispatch()
    assert ([row.state for row in world.rows()], len(events_of(world))) == (["handed_over"], 1)


def test_a_hand_over_may_lack_a_readable_amount_only_to_wait(world: World, due: date) -> None:
    """Law 8: an account whose amount can't be read is not handed over as if it could."""
    world.policies = (HAND_OVER,)
    world.add_accounts(account_row("A", due - timedelta(days=10), currency="?"))
    report = world.run()
    assert (events_of(world), report.reasons[Reason.INCOMPLETE]) == ([], 1)
