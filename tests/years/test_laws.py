"""The judge himself: he is silent about a text that is as it should be, and names the law that another one breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, update

from reminder.domain.message import Message
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, event, metadata, outbox
from support.worlds import DAYTIME, policy
from years.contacts import Contact
from years.laws import Judge
from years.lender import HOSTILE, Lender, Loan
from years.lives import Lives
from years.memory import LawBrokenError, Rule
from years.pledges import Consented, Pledge
from years.provider import Taken

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DUE = date(2026, 11, 23)
BODY = "Please pay CNY 1,234.50 by today"
FILE: dict[str, Any] = {
    "policy": "loan", "timezone": "Asia/Shanghai", "caps": {"per_customer": [{"max": 1, "per": "day"}]},
    "steps": [
        {"id": "due", "at": 0, "template": "pre_due/week_ahead", "when": "not account.autopay"},
        {"id": "late", "at": 3, "template": "escalation/first", "until": 9},
    ],
}  # fmt: skip


@dataclass
class Bench:
    """One account that deserves the step `due` today, and the judge of the text about it."""

    lender: Lender
    judge: Judge
    loan: Loan
    body: str = BODY
    number: str = "+8613800138000"
    at: datetime = AT
    began: timedelta = timedelta(seconds=1)
    texts: int = 0

    def text(self, *, reserved: bool = True, due: date = DUE, step: str = "due", language: str = "en") -> None:
        """Let the provider take a text, and the judge look at it."""
        self.texts += 1
        reference = f"ref-{self.texts}"
        taken = Taken(self.at + self.began, self.at, Message(reference, self.number, self.body, 60), "SM", "twilio")
        with self.lender.engine.begin() as connection:
            if reserved:
                _reserve(connection, self, reference, due, step, language)
            self.judge.judge(connection, [taken])


def _reserve(connection: Any, bench: Bench, reference: str, due: date, step: str, language: str) -> None:
    connection.execute(
        insert(attempt).values(
            reference=reference, gateway="twilio", customer_id="C", number=bench.number, policy="loan",
            policy_version="v", template="pre_due/week_ahead", language=language, body=bench.body, segments=1,
            counted=True, started_at=bench.at, valid_until=bench.at,
        )
    )  # fmt: skip
    key = (outbox.c.account_id == "L", outbox.c.due_date == due, outbox.c.step == step)
    if connection.execute(update(outbox).where(*key).values(reference=reference)).rowcount == 0:
        connection.execute(
            insert(outbox).values(
                account_id="L", customer_id="C", due_date=due, policy="loan", step=step, leg="sms", state="sent",
                reason="accepted", not_before=AT, expires_at=AT, planned_at=AT, changed_at=AT, reference=reference,
            )
        )  # fmt: skip


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A judge with one policy, one account, and a lender who tells the truth."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    lender = Lender(engine, Random(1))  # noqa: S311 - nothing is drawn
    loan = Loan("L", "C", "13800138000", DUE, 123_450, "CNY", "en", "Asia/Shanghai", "first", False, None)
    lender.loans["L"], lender.loaded_at["L"] = loan, AT
    lender.show(loan)
    judge = Judge(lender, {"loan": Rule(deepcopy(FILE))}, ("loan",), {"loan": policy(window=DAYTIME)}, volume_min=3)
    yield Bench(lender, judge, loan)
    engine.dispose()


def test_a_text_that_is_as_it_should_be_is_let_pass(bench: Bench) -> None:
    """The judge does not cry wolf: a true text passes, and so does the next step's, days later."""
    bench.text()
    bench.at += timedelta(days=3)
    bench.lender.loaded_at["L"] = bench.at
    bench.text(step="late")

    assert sum(bench.judge.texts_on.values()) == 2


def _paid(bench: Bench) -> None:
    bench.loan.minor = 0


def _moved(bench: Bench) -> None:
    bench.loan.due += timedelta(days=1)


def _doubled(bench: Bench) -> None:
    bench.loan.shown = 2


def _autopay(bench: Bench) -> None:
    bench.loan.autopay = True


def _held(bench: Bench) -> None:
    bench.judge.silence("hold 1", AT - timedelta(hours=1), customer="C", until=AT + timedelta(hours=1))


def _stopped(bench: Bench) -> None:
    bench.judge.silence("stop", AT, number="+8613800138000", texts_only=True)


def _other_number(bench: Bench) -> None:
    bench.number = "+8613800138001"


def _other_amount(bench: Bench) -> None:
    bench.body = "Please pay CNY 1,234.51 by today"


def _too_late(bench: Bench) -> None:
    bench.at += timedelta(days=5)
    bench.lender.loaded_at["L"] = bench.at


def _at_night(bench: Bench) -> None:
    bench.at += timedelta(hours=9)


def _night_where_nobody_knows(bench: Bench) -> None:
    bench.loan.zone, bench.loan.mobile, bench.number = None, "+18502345678", "+18502345678"


def _stale(bench: Bench) -> None:
    bench.lender.loaded_at["L"] = AT - timedelta(hours=27)


def _wrong_clock(bench: Bench) -> None:
    bench.judge.clock_is_wrong = True


def _frozen(bench: Bench) -> None:
    bench.began = timedelta(minutes=5)


def _capped(bench: Bench) -> None:
    bench.judge.contacts.of["customer", "C"].append(Contact("before", AT - timedelta(hours=2), "t", taken=True))


def _account_capped(bench: Bench) -> None:
    bench.judge.rules["loan"].said["caps"] = {"per_account": [{"max": 1, "per": "7 days"}]}
    bench.judge.contacts.of["account", "L"].append(Contact("x", AT - timedelta(days=6), "t", taken=True))


def _attempts_capped(bench: Bench) -> None:
    bench.judge.rules["loan"].said["caps"] = {"per_number": [{"max": 1, "per": "month", "counts": "attempts"}]}
    bench.judge.contacts.of["number", bench.number].append(Contact("x", AT - timedelta(days=9), "t", taken=False))


def _promised(bench: Bench) -> None:
    bench.judge.pledges.append(Pledge(1, "promise", "L", DUE, 123_450, ((DUE, 123_450),), 2))


def _planned_in_parts(bench: Bench) -> None:
    bench.judge.pledges.append(Pledge(1, "plan", "L", DUE, 123_450, ((DUE, 61_725), (DUE, 61_725)), 2))


def _nobody_agreed(bench: Bench) -> None:
    bench.judge.rules["loan"].said["consent"] = "required"
    bench.judge.consents.append(Consented("C", "+8613800138001", AT))


def _too_many(bench: Bench) -> None:
    for weeks in (1, 2, 3):
        bench.judge.texts_on[DUE - timedelta(weeks=weeks)] = 1
    bench.judge.texts_on[DUE] = 4


def _read_as_code(bench: Bench) -> None:
    bench.loan.incentive, bench.body = HOSTILE, f"{BODY}. 49."


@pytest.mark.parametrize(
    ("law", "break_it"),
    [
        (5, _paid), (5, _moved), (5, _doubled), (5, _autopay), (5, _held), (5, _stopped), (5, _other_number),
        (5, _other_amount), (6, _too_late), (8, _at_night), (8, _night_where_nobody_knows), (15, _stale),
        (15, _wrong_clock), (3, _frozen), (10, _capped), (10, _account_capped), (10, _attempts_capped), (5, _promised),
        (5, _planned_in_parts), (5, _nobody_agreed), (15, _too_many), (11, _read_as_code),
    ],
)  # fmt: skip
def test_a_text_that_breaks_a_law_is_named(bench: Bench, law: int, break_it: Callable[[Bench], None]) -> None:
    """Laws 3, 5, 6, 8, 10, 11, 15: one thing is not as it should be, and the judge says which law that breaks."""
    break_it(bench)

    with pytest.raises(LawBrokenError) as caught:
        bench.text()
    assert caught.value.law == law


def test_the_same_step_twice_is_named(bench: Bench) -> None:
    """Law 2: however far apart the two texts are."""
    bench.text()
    bench.at += timedelta(days=1)

    with pytest.raises(LawBrokenError, match=r"law 2.*sent twice"):
        bench.text()


def test_a_text_that_nobody_reserved_is_named(bench: Bench) -> None:
    """Law 3: nothing goes out whose intent is not in the database."""
    with pytest.raises(LawBrokenError, match="law 3"):
        bench.text(reserved=False)


def test_what_a_plan_forgets_or_invents_is_named(bench: Bench) -> None:
    """Laws 2 and 4: exactly those have a reminder who deserve one."""
    with bench.lender.engine.begin() as connection, pytest.raises(LawBrokenError, match=r"law 4.*not planned"):
        bench.judge.planned(connection, AT)
    bench.text()
    bench.loan.minor = 0

    with bench.lender.engine.begin() as connection, pytest.raises(LawBrokenError, match=r"law 5.*for nothing"):
        bench.judge.planned(connection, AT)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "planned"}, "went from sent to planned"),
        ({"reason": ""}, "for no reason"),
        ({"state": "handed_over"}, "went from sent to handed_over"),
    ],
)
def test_a_life_that_no_reminder_leads_is_named(bench: Bench, change: dict[str, str], why: str) -> None:
    """Law 4: no way back, no end without a reason."""
    lives = Lives()
    bench.text()
    with bench.lender.engine.begin() as connection:
        lives.look(connection)
        connection.execute(update(outbox).values(**change))
        with pytest.raises(LawBrokenError, match=why):
            lives.look(connection)


def test_a_lost_reminder_and_a_false_hand_over_are_named(bench: Bench) -> None:
    """Law 4: what was planned stays, and an event has its reminder."""
    lives = Lives()
    bench.text()
    with bench.lender.engine.begin() as connection:
        lives.look(connection)
        told = {"kind": "hand_over", "addressee": "collections", "account_id": "L", "customer_id": "C", "data": {}}
        connection.execute(insert(event).values(**told, reminder_id=1, happened_at=AT))
        with pytest.raises(LawBrokenError, match="do not agree"):
            lives.hand_overs(connection)
        connection.execute(event.delete())
        connection.execute(outbox.delete())
        with pytest.raises(LawBrokenError, match="are gone"):
            lives.look(connection)


def test_the_days_of_steps_are_read_as_the_words_have_them() -> None:
    """A step is true until the next step, or `until`, or a fortnight; repeats one after another."""
    steps = [{"id": "a", "at": -3}, {"id": "b", "at": 2, "every": 4, "times": 2}, {"id": "c", "at": 20}]
    rule = Rule({"policy": "x", "timezone": "UTC", "steps": steps})

    assert [(rung.key, rung.opens, rung.closes) for rung in rule.rungs] == [
        ("a", -3, 1), ("b", 2, 5), ("b.2", 6, 19), ("c", 20, 33),
    ]  # fmt: skip
