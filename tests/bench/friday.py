"""What one writes on a Friday: an ORM loop, a template compiled per row, a commit per row, the SDK called in line.

A peer beside the product, never a floor: it decides nothing, survives no crash and keeps no law. It plans with a row a
commit, and sends one by one, or from 32 threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING

from jinja2 import Template
from sqlalchemy import Integer, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from bench.books import FIRST, LAST, TODAY
from bench.databases import Store
from bench.measure import Figure, value
from bench.provider import SECONDS_AWAY, SECRETS, twilio_away
from reminder.store.schema import account

__all__ = ["friday"]

_TEXT = (
    "【安和】您尾号{{ number[-4:] }}的账单¥{{ '%.2f' % (amount / 100) }}于{{ due.month }}月{{ due.day }}日到期。"
    "请尽快还款，已还请忽略。"
)
_THREADS = 32


class Base(DeclarativeBase):
    """The script's own tables."""


class Text(Base):
    """A text to send."""

    __tablename__ = "friday_text"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), unique=True)
    number: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(String(500))
    sid: Mapped[str | None] = mapped_column(String(64))


class Account(Base):
    """An account of the book, as an ORM class."""

    __table__ = account.to_metadata(Base.metadata)
    if TYPE_CHECKING:
        account_id: Mapped[str]
        due_date: Mapped[date]
        amount_due: Mapped[int]
        phone: Mapped[str]


def plan(store: Store, rows: int) -> float:
    """Write a text for so many due accounts, one by one; return rows a second."""
    with Session(store.engine) as session:
        due = session.scalars(select(Account).where(Account.due_date.between(FIRST, LAST)).limit(rows)).all()
        begun = perf_counter()
        for each in due:
            if session.scalar(select(Text).where(Text.account_id == each.account_id)) is None:
                body = Template(_TEXT).render(number=each.account_id, amount=each.amount_due, due=each.due_date)
                session.add(Text(account_id=each.account_id, number=f"+86{each.phone}", body=body))
                session.commit()
        return len(due) / (perf_counter() - begun)


class _AtHome(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's own client, pointed at the stand-in."""

    def __init__(self, url: str) -> None:
        super().__init__(pool_connections=True)
        self._url = url

    def request(self, method: str, url: str, *rest: object, **given: object) -> object:
        """Post to the stand-in what was meant for Twilio."""
        return super().request(method, url.replace("https://api.twilio.com", self._url), *rest, **given)


def send(store: Store, url: str, keys: Sequence[int], threads: int) -> float:
    """Send these texts, a commit each; return texts a second."""
    client = Client(SECRETS["TWILIO_ACCOUNT_SID"], SECRETS["TWILIO_AUTH_TOKEN"], http_client=_AtHome(url))

    def one(key: int) -> None:
        with Session(store.engine) as session:
            text = session.get_one(Text, key)
            to, body = text.number, text.body
        sid = client.messages.create(to=to, from_="+15017122661", body=body).sid
        with Session(store.engine) as session:
            session.get_one(Text, key).sid = sid
            session.commit()

    begun = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, keys))
    return len(keys) / (perf_counter() - begun)


def friday(store: Store, rows: int) -> list[Figure]:
    """Measure the script: planning, sending one by one, sending from threads."""
    Base.metadata.tables["friday_text"].create(store.engine)
    try:
        planned = plan(store, rows)
        with Session(store.engine) as session:
            keys = list(session.scalars(select(Text.id)))
        with twilio_away(SECONDS_AWAY) as provider:
            few = len(keys) // 5
            one_by_one = send(store, provider.url, keys[:few], 1)
            threaded = send(store, provider.url, keys[few:], _THREADS)
    finally:
        Base.metadata.tables["friday_text"].drop(store.engine)
    size = f"{rows:,} due, {TODAY:%d %b}"
    return [
        value("friday-plan", "peer: Friday's script plans", planned, "rows/s", where=store.name, size=size),
        value("friday-send", "peer: the script sends one by one", one_by_one, "texts/s", where=store.name, size=size),
        value(
            "friday-threads",
            f"peer: the script sends from {_THREADS} threads",
            threaded,
            "texts/s",
            where=store.name,
            size=size,
        ),
    ]
