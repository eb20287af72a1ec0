"""A year from beginning to end: everything it needs is made in an empty folder, and a broken law tells its seed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import structlog
from sqlalchemy import Engine, event

from reminder.app import open_deployment
from reminder.daemon.reload import Live
from reminder.gateways.base import Gateway
from reminder.installation import read_installation
from reminder.store.engine import open_engine
from reminder.web.service import reception_of
from years.days import day
from years.house import ENVIRON, House
from years.laws import Judge
from years.lender import Lender
from years.memory import LawBrokenError
from years.provider import Killer, Provider
from years.witness import Witness
from years.year import Clock, Process, Year

__all__ = ["live_through", "opened"]

BEGINNINGS = (date(2026, 2, 9), date(2026, 3, 20), date(2026, 9, 14), date(2026, 10, 12), date(2027, 1, 4))
"""Days before holidays and nights in which clocks change, here or there."""

_FIRST_MOODS = ("well", "mixed", "loses answers")
_NUMBER = re.compile(r"(?<![\w.-])\+\d{9,}|\b1\d{10}\b")


@contextmanager
def opened(
    seed: int, folder: Path, *, accounts: int, database: str | None = None, elsewhere: bool | None = None
) -> Iterator[Year]:
    """Lend the year of a seed, at its beginning, in an empty folder; `database` is where our tables are to be."""
    dice = Random(seed)  # noqa: S311 - a year is found again by its seed
    apart = dice.random() < 0.3 if elsewhere is None else elsewhere
    url = database or f"sqlite:///{folder}/our.db"
    book_url = f"sqlite:///{folder}/book.db" if apart else None
    clock = Clock(datetime.combine(dice.choice(BEGINNINGS), time(0), UTC))
    volume_min = dice.choice((max(5, accounts // 20), 1000, 1000))
    house = House.build(folder, dice, database=url, book_url=book_url, volume_min=volume_min)
    with ExitStack() as stack:
        books = open_engine(book_url or url)
        stack.callback(books.dispose)
        unsafe(books)
        lender = Lender(books, dice)
        for _ in range(accounts):
            lender.lend(clock.true.date() + timedelta(days=dice.randint(-12, 14)), clock.true)
        installation = read_installation(house.config, ENVIRON)
        deployment = stack.enter_context(open_deployment(installation, clock=clock.now))
        killer = Killer()
        unsafe(deployment.engine)
        event.listen(deployment.engine, "before_cursor_execute", lambda *_: killer.on_touch())
        event.listen(deployment.engine, "commit", lambda _: killer.on_touch())
        providers = {
            name: Provider(name, dice, killer, clock.now, clock.true_now, clock.sleep, dice.choice(_FIRST_MOODS))
            for name in ("twilio", "backup")
        }
        gateways: dict[str, Gateway] = {**deployment.gateways, **providers}
        names, processes = count(1), []
        for _ in range(dice.choice((1, 1, 2))):
            mine = replace(
                deployment, gateways=gateways, owner=f"year:{next(names)}", jitter=dice.random,
                new_reference=lambda: f"{dice.getrandbits(128):032x}",
            )  # fmt: skip
            processes.append(Process(Live(installation, mine)))
        year = Year(
            seed, dice, clock, house, lender, deployment.engine, killer, providers, reception_of(installation),
            processes, Judge(lender, volume_min=volume_min), Witness(dice), numbers=names,
            how=f"`make years SEED={seed} ACCOUNTS={accounts}` lets it happen again (with DAYS, if that was given)",
        )  # fmt: skip
        year.read_rules()
        yield year


def unsafe(engine: Engine) -> None:
    """Let SQLite not wait for the disk: what a year commits need not survive a power cut."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _no_waiting)


def _no_waiting(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@contextmanager
def overheard(leaks: list[str]) -> Iterator[None]:
    """Listen to everything that is logged, whatever its level, and keep what tells a whole number (law 13)."""

    def listen(_logger: object, _method: str, told: Any) -> Any:
        if _NUMBER.search(repr(told)):
            leaks.append(str(told.get("event")))
        raise structlog.DropEvent

    known = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, listen])
    try:
        yield
    finally:
        structlog.configure(**known)


def live_through(year: Year, days: int) -> None:
    """Let so many days pass. A broken law names the seed, how to see it again, and the last things that happened."""
    try:
        with overheard(year.leaks):
            for _ in range(days):
                day(year)
            year.end()
    except LawBrokenError as error:
        happened = "\n  ".join(year.journal.lines)
        said = f"{error.what}\n  seed {year.seed}: {year.how}\n  {happened}"
        raise LawBrokenError(error.law, said) from error
