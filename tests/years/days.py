"""How a day passes: the lender loads at night, things happen between ticks, people work, the judge looks at the end."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select

from reminder.domain.receipt import Progress
from reminder.pipeline.receive import receive_receipts
from reminder.store import guards
from reminder.store.schema import breaker, gateway_state, outbox
from years.events import EVENTS, KINDS, WEIGHTS
from years.people import people
from years.year import Year

__all__ = ["day"]

SLOTS = (time(0, 30), time(5, 0))
"""The schedule's slots on a UTC clock (08:30 and 13:00 in Shanghai)."""


def day(year: Year) -> None:
    """Let one day pass: the lender loads, people work, things happen between ticks, and the judge looks at the end."""
    dice, begin = year.dice, year.clock.true
    moments = [begin + timedelta(seconds=dice.randint(0, 86_000)) for _ in range(5)]
    moments += [datetime.combine(begin.date(), slot, UTC) + timedelta(seconds=dice.randint(0, 400)) for slot in SLOTS]
    year.lender.refresh(begin)
    _pay(year)
    for moment in sorted(moments):
        year.clock.true = max(year.clock.true, moment)
        for _ in range(dice.choice((0, 1, 1, 2))):
            kind = dice.choices(KINDS, WEIGHTS)[0]
            if happening := EVENTS[kind](year):
                year.note(f"{kind}: {happening}")
        _tick_a_few(year)
    year.clock.true = max(year.clock.true, begin + timedelta(days=1))
    people(year)
    year.look()


def _tick_a_few(year: Year) -> None:
    """Tick as a daemon does while there is something to do; now and then the process is killed in it."""
    dice = year.dice
    for _ in range(dice.choice((1, 2, 4))):
        _receipts(year)
        if dice.random() < 0.04 and _calm(year):
            year.compare()
        else:
            if not year.clock.offset and dice.random() < 0.1:
                _arm(year)
            year.tick()
        year.clock.sleep(dice.choice((5, 40, 70, 130)))


def _arm(year: Year) -> None:
    year.killer.after_taking = year.dice.random() < 0.5
    if year.dice.random() < 0.5:
        year.killer.calls_left = year.dice.randint(1, 4)
    else:
        year.killer.touches_left = year.dice.randint(1, 60)


def _calm(year: Year) -> bool:
    """Return whether nothing that a preview leaves aside stands between it and a run: a pause, a lease, an illness."""
    if year.down_until is not None or year.clock.offset:
        return False
    if any(one.mood != "well" or one.freezes for one in year.providers.values()):
        return False
    now = year.clock.now()
    with year.engine.connect() as connection:
        leased = connection.scalar(select(outbox.c.reminder_id).where(outbox.c.lease_until.is_not(None)).limit(1))
        ill = connection.scalar(select(breaker.c.gateway).where(breaker.c.trips > 0).limit(1))
        paused = connection.scalar(select(gateway_state.c.gateway).where(gateway_state.c.paused_until > now).limit(1))
        return leased is None and ill is None and paused is None and not guards.open_pauses(connection)


def _pay(year: Year) -> None:
    """Let a share of the customers pay, and new ones come."""
    loans = list(year.lender.loans.values())
    for loan in year.dice.sample(loans, 1 + len(loans) // 40):
        if loan.owed:
            year.lender.pay(loan)
    for _ in range(1 + len(loans) // 200):
        due = year.clock.true.date() + timedelta(days=year.dice.randint(-3, 12))
        year.lender.lend(due, year.clock.now())


def _receipts(year: Year) -> None:
    """Hand over the receipts whose time has come."""
    deployment = year.processes[0].live.deployment
    for name, provider in year.providers.items():
        due = provider.due_receipts()
        receive_receipts(deployment, name, due)
        year.witness.receipts.update((name, receipt.provider_id, receipt.status) for receipt in due)
        year.judge.contacts.lost.update(
            receipt.reference for receipt in due if receipt.progress is Progress.MISCARRIED and receipt.reference
        )
        arrived = {receipt.reference for receipt in due if receipt.progress is Progress.ARRIVED}
        if arrived:
            year.known_dead -= {each.message.to for each in provider.taken if each.message.reference in arrived}
