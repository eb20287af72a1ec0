"""What happens in a year: payments, moves, holds, replies, outages, deaths, edits, clocks, and people at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from reminder.domain.hold import NEVER_CONTACT, HoldKind
from reminder.domain.receipt import Inbound
from reminder.domain.record import Kind
from reminder.pipeline.replies import confirm, receive_inbound
from reminder.store import holds, suppressions
from reminder.store.schema import suppression
from years.agreeing import agree_to_texts, cancel, promise, withdraw
from years.effort import weigh
from years.memory import broken, e164
from years.picking import some_loan
from years.provider import MOODS

if TYPE_CHECKING:
    from years.year import Year

REPLIES = {"stop": "STOP", "start": "START", "dispute": "I dispute this", "wrong": "wrong number", "paid": "I paid"}


# The lender.


def pay_now(year: Year) -> str:
    """Pay in full, a second before somebody ticks."""
    loan = some_loan(year)
    year.lender.pay(loan)
    return f"{loan.loan_no} is due on {loan.due}, {loan.amount}, settled {loan.settled}"


def pay_part(year: Year) -> str:
    """Pay a part."""
    loan = some_loan(year)
    loan.minor = max(1, loan.minor // 2)
    year.lender.show(loan)
    return f"{loan.loan_no} owes {loan.amount}"


def move(year: Year) -> str:
    """Agree on another due date: a new cycle."""
    loan = some_loan(year)
    loan.due += timedelta(days=year.dice.choice((-6, -1, 1, 2, 9)))
    year.lender.show(loan)
    return f"{loan.loan_no} is due on {loan.due}"


def lose_or_double(year: Year) -> str:
    """Let the table show an account twice, not at all, or as it should."""
    loan = some_loan(year)
    loan.shown = year.dice.choice((0, 1, 2)) if loan.shown == 1 else 1
    year.lender.show(loan)
    return f"{loan.loan_no} is there {loan.shown} times"


def change_number(year: Year) -> str:
    """Give a customer another number."""
    loan = some_loan(year)
    year.lender.change_number(loan)
    return f"{loan.cust_no} has another one"


def reload_book(year: Year) -> str:
    """Empty the table for a while, as a load does; or fill it again."""
    if year.lender.empty:
        year.lender.come_back(year.clock.now())
        return "filled"
    year.lender.vanish()
    return "empty"


def break_loading(year: Year) -> str:
    """Let the nightly load fail for some days."""
    year.lender.stale_until = year.clock.now() + timedelta(days=year.dice.randint(1, 3))
    return f"until {year.lender.stale_until}"


# Whom to leave alone.


def open_hold(year: Year) -> str:
    """Pause an account or a customer."""
    loan, kind, at = some_loan(year), year.dice.choice(tuple(HoldKind)), year.clock.now()
    hours = year.dice.choice((None, 3, 30, 200)) if kind not in NEVER_CONTACT else None
    until = at + timedelta(hours=hours) if hours else None
    by_account = kind not in NEVER_CONTACT and year.dice.random() < 0.5
    whom: dict[str, Any] = {"account_id": loan.loan_no} if by_account else {"customer_id": loan.cust_no}
    with year.engine.begin() as connection:
        hold_id = holds.add(connection, kind=kind, reason="a year", who="officer", at=at, until=until, **whom)
    year.witness.act(Kind.HOLD, hold_id)
    mine = {"account": loan.loan_no} if by_account else {"customer": loan.cust_no}
    year.judge.silence(f"hold {hold_id}", at, until=until, **mine)
    return f"{kind} on {whom} until {until}"


def release_hold(year: Year) -> str:
    """End a hold that an officer opened."""
    at = year.clock.now()
    mine = [one for one in year.judge.silences if one.why.startswith("hold ") and (one.until is None or one.until > at)]
    if not mine:
        return ""
    silence = year.dice.choice(mine)
    with year.engine.begin() as connection:
        if holds.release(connection, int(silence.why.split()[1]), who="officer", at=at, reason="a mistake"):
            year.witness.act(Kind.HOLD, silence.why.split()[1])
    silence.until = at
    return silence.why


def suppress(year: Year) -> str:
    """Forbid a number or a customer."""
    loan, at = some_loan(year), year.clock.now()
    number = e164(loan.mobile)
    by_number = number is not None and year.dice.random() < 0.5
    with year.engine.begin() as connection:
        whom = {"number": number} if by_number else {"customer_id": loan.cust_no}
        known = set(connection.scalars(select(suppression.c.suppression_id)))
        key = suppressions.add(connection, source="asked by letter", who="officer", at=at, **whom)
    if key not in known:
        year.witness.act(Kind.SUPPRESSION, key)
    year.judge.silence("officer", at, **({"number": number} if by_number else {"customer": loan.cust_no}))
    return str(whom)


def reply(year: Year) -> str:
    """Let a customer who was texted answer."""
    if not year.judge.texted:
        return ""
    number = year.dice.choice(sorted(year.judge.texted))
    customer, at = year.judge.texted[number], year.clock.now()
    meaning = year.dice.choices(tuple(REPLIES), (6, 3, 1, 1, 3))[0]
    text = Inbound(f"MO{next(year.numbers)}", number, "+15017122661", REPLIES[meaning])
    live = year.processes[0].live
    copies = year.dice.choice((1, 1, 2))
    before = {name: len(each.taken) for name, each in year.providers.items()}
    for _ in range(copies):
        asyncio.run(
            confirm(
                live.deployment,
                receive_inbound(live.deployment, year.reception, "twilio", [text], confirms_stop=True),
            )
        )
    _heed(year, meaning, number, customer, at)
    answers = sum(len(each.taken) - before[name] for name, each in year.providers.items())
    if answers > (meaning == "stop"):
        raise broken(3, f"{answers} answers to one {meaning}")
    return f"{meaning} from {customer}"


def _heed(year: Year, meaning: str, number: str, customer: str, at: datetime) -> None:
    silences, judge = year.judge.silences, year.judge
    if meaning == "stop":
        judge.silence("stop", at, number=number, texts_only=True)
        take_back(year, number, customer, at)
    elif meaning == "start":
        for given in judge.consents:
            if given.stopped_by == number:
                given.until = given.stopped_by = None
        for one in silences:
            if one.why == "stop" and one.number == number and one.until is None:
                one.until = at
    elif meaning == "paid":
        held = any(one.why == "says paid" and one.customer == customer and at < (one.until or at) for one in silences)
        if not held:
            judge.silence("says paid", at, until=at + timedelta(days=3), customer=customer)
    elif meaning == "wrong":
        judge.silence(meaning, at, number=number, texts_only=True)
    else:
        judge.silence(meaning, at, customer=customer)


def take_back(year: Year, number: str, customer: str, at: datetime) -> None:
    """End what a STOP takes back: consents to this number, and those of its customer that name none."""
    for given in year.judge.consents:
        if given.until is None and (given.number == number or (given.customer == customer and given.number is None)):
            given.until, given.stopped_by = at, number


# The provider.


def change_mood(year: Year) -> str:
    """Let a provider be in another mood."""
    dice = year.dice
    provider = dice.choice(list(year.providers.values()))
    provider.mood = dice.choice(("well", "well", *MOODS))
    provider.mute, provider.freezes = dice.random() < 0.15, dice.random() < 0.1
    provider.lag = timedelta(seconds=dice.choice((0, 60, 110)))
    return f"{provider.name} is {provider.mood}, mute {provider.mute}, freezes {provider.freezes}"


def recover(year: Year) -> str:
    """Let all providers be well."""
    for provider in year.providers.values():
        provider.mood, provider.mute, provider.freezes = "well", False, False
    return "all are well"


def number_dies(year: Year) -> str:
    """Let nobody have a number any more."""
    number = e164(some_loan(year).mobile)
    if number is None:
        return ""
    for provider in year.providers.values():
        provider.dead_numbers.add(number)
    return "somebody gave up a number"


# The machine and its files.


def outage(year: Year) -> str:
    """Stop the daemon for minutes or days."""
    if year.clock.offset:
        return ""
    year.down_until = year.clock.true + timedelta(hours=year.dice.choice((0.2, 3, 20, 70)))
    return f"until {year.down_until}"


def edit(year: Year) -> str:
    """Edit a policy or a template; a file that is wrong must change nothing (laws 7 and 9)."""
    if year.spoilt:
        year.house.mend()
        year.spoilt = False
        year.take_over()
        return "mended"
    if year.dice.random() < 0.3:
        what = year.house.spoil()
        if year.take_over():
            raise broken(7, f"a file that is wrong came into force: {what}")
        year.spoilt = True
        return f"refused: {what}"
    what = year.house.edit() if year.dice.random() < 0.8 else year.house.reword(year.clock.now())
    if not year.take_over():
        year.house.mend()
        year.take_over()
        return f"not accepted: {what}"
    year.read_rules()
    return what


def step_clock(year: Year) -> str:
    """Put the machine's clock forward or back, or right again; nobody can tell that of a clock not seen before."""
    if year.clock.offset:
        year.clock.offset = timedelta()
    elif year.down_until is None and all(process.looked for process in year.processes):
        year.clock.offset = timedelta(hours=year.dice.choice((-26, -1, 1, 24)))
    year.judge.clock_is_wrong = bool(year.clock.offset)
    return f"off by {year.clock.offset}"


def crowd(year: Year) -> str:
    """Let the lender's table hold many more accounts for a moment, none of which is due: a plan must not care."""
    if year.clock.offset or year.down_until is not None:
        return ""
    return weigh(year)


EVENTS: dict[str, Callable[[Year], str]] = {
    "paid": pay_now, "paid in part": pay_part, "moved": move, "table": lose_or_double, "number": change_number,
    "book": reload_book, "loading": break_loading, "hold": open_hold, "released": release_hold, "suppressed": suppress,
    "reply": reply, "mood": change_mood, "recovered": recover, "dead number": number_dies, "outage": outage,
    "edit": edit, "clock": step_clock, "promised": promise, "promise ended": cancel, "agreed": agree_to_texts,
    "disagreed": withdraw, "crowd": crowd,
}  # fmt: skip
KINDS = tuple(EVENTS)
WEIGHTS = (8, 3, 5, 4, 2, 2, 0.5, 4, 3, 1, 6, 6, 3, 1, 1, 2.5, 0.7, 5, 0.7, 3, 0.7, 0.4)

__all__ = ["EVENTS", "KINDS", "WEIGHTS"]
