"""Laws 5, 7 and 8: nobody is texted who said STOP, agreed to nothing, has died, or is somebody else.

Random histories of everything by which people ask to be left alone, or to be reminded again, through the real way of a
reminder; a book-keeper who knows none of the program's code says each day who may be texted, no more and no fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from reminder.domain.consent import Consent
from reminder.domain.hold import NEVER_CONTACT
from reminder.domain.receipt import Inbound, Meaning
from reminder.domain.selector import Selector, Term
from reminder.message.keywords import Keywords, KeywordSet, Phrases
from reminder.pipeline.replies import Reception, receive_inbound
from reminder.store import consents, holds, numbers, suppressions
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, metadata, outbox
from support.worlds import World, account_row, policy, step

DUE = date(2026, 11, 23)
STEPS = tuple(step(f"day-{day}", day, day) for day in range(8))
STRICT = policy("strict", selector=Selector((Term("product", frozenset({"strict"})),)), steps=STEPS, consent=True)
FREE = policy("free", steps=STEPS)
OWNER = {"S1": "C1", "S2": "C1", "S3": "C2", "F1": "C3", "F2": "C4", "F3": "C1"}
"""Account -> customer. Those of S… need consent."""
FIRST = {"C1": "+8613800138001", "C2": "+8613800138002", "C3": "+8613800138003", "C4": "+8613800138003"}
OTHER = {"C1": "+8613900139001", "C2": "+8613900139002", "C3": "+8613900139003", "C4": "+8613900139003"}
"""Customer -> number at first, and after a change. C3 and C4 share theirs; what they agreed to is no matter."""
NUMBERS = sorted({*FIRST.values(), *OTHER.values()})
KINDS = sorted(NEVER_CONTACT)
WORDS = {Meaning.STOP: "stop", Meaning.START: "start", Meaning.WRONG_PERSON: "wrong number"}
RECEPTION = Reception(
    Keywords((KeywordSet("en", {meaning: Phrases((word,)) for meaning, word in WORDS.items()}, "{lender}: no more."),)),
    paid_hold_days=3,
)

customers, accounts, every = st.sampled_from(sorted(FIRST)), st.sampled_from(sorted(OWNER)), st.sampled_from(NUMBERS)
subjects = st.one_of(
    st.tuples(st.just("number"), every), st.tuples(st.just("customer_id"), customers),
    st.tuples(st.just("account_id"), accounts),
)  # fmt: skip
channels = st.sampled_from(["*", "sms"])
scopes = st.tuples(st.none() | customers, st.none() | every, st.none() | accounts).filter(lambda who: who[0] or who[1])
actions = st.one_of(
    st.tuples(st.just("write"), every, st.sampled_from(sorted(WORDS))),
    st.tuples(st.just("write"), every, st.sampled_from([Meaning.STOP, Meaning.START])),
    st.tuples(st.just("agree"), scopes),
    st.tuples(st.just("agree"), st.tuples(customers, st.none(), st.none())),
    st.tuples(st.just("withdraw"), st.tuples(customers, st.none()) | st.tuples(st.none(), every)),
    st.tuples(st.just("suppress"), subjects, channels),
    st.tuples(st.just("allow"), subjects),
    st.tuples(st.just("mark"), customers, st.sampled_from(KINDS)),
    st.tuples(st.just("unmark"), customers),
    st.tuples(st.just("book"), accounts, st.sampled_from(["", *KINDS])),
    st.tuples(st.just("move"), customers, st.sampled_from([FIRST, OTHER])),
    st.tuples(st.just("clear"), every),
)
days = st.lists(
    st.tuples(st.lists(actions, max_size=6), st.sampled_from(["accept", "accept", "accept", "opted_out"])),
    min_size=2,
    max_size=5,
)
C1 = FIRST["C1"]
CALM: tuple[list[Any], str] = ([], "accept")
SAID_STOP: tuple[list[Any], str] = ([("write", C1, Meaning.STOP)], "accept")
ALLOWED: tuple[list[Any], str] = ([("allow", ("number", C1))], "accept")


@dataclass
class Ledger:
    """What people have asked for, kept apart from the program: plain sets, no code of its own for deciding."""

    phone: dict[str, str] = field(default_factory=lambda: dict(FIRST))
    forbidden: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (kind, key, channel) -> by whom
    consent: dict[tuple[Any, Any, Any], str] = field(default_factory=dict)  # scope -> given, or who took it back
    marks: set[str] = field(default_factory=set)
    by_book: dict[str, str] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    last: dict[str, str] = field(default_factory=dict)  # number -> customer it was last texted for

    def theirs(self, number: str) -> list[tuple[Any, Any, Any]]:
        """Return the scopes of consent that a STOP from a number is about."""
        owner = self.last.get(number)
        return [who for who in self.consent if who[1] == number or (who[1] is None and who[0] == owner and owner)]

    def stop(self, number: str) -> None:
        """Somebody at this number wants no more texts."""
        self.forbidden.setdefault(("number", number, "sms"), "themselves")
        for scope in self.theirs(number):
            if self.consent[scope] == "given":
                self.consent[scope] = "themselves"

    def start(self, number: str) -> None:
        """They want them again."""
        key = ("number", number, "sms")
        if self.forbidden.get(key) == "themselves":
            del self.forbidden[key]
            for scope in self.theirs(number):
                if self.consent[scope] == "themselves":
                    self.consent[scope] = "given"

    def agreed(self, account_id: str) -> bool:
        """Return whether somebody has agreed to texts about this account at its customer's number."""
        facts = OWNER[account_id], self.phone[OWNER[account_id]], account_id
        return any(
            state == "given" and all(said is None or said == fact for said, fact in zip(scope, facts, strict=True))
            for scope, state in self.consent.items()
        )

    def may_be_texted(self, account_id: str) -> bool:
        """Return whether nothing speaks against a text."""
        customer = OWNER[account_id]
        number = self.phone[customer]
        silent = {("number", number), ("customer_id", customer), ("account_id", account_id)}
        return not (
            customer in self.marks
            or self.by_book.get(account_id)
            or number in self.wrong
            or any((kind, key) in silent for kind, key, _ in self.forbidden)
            or (account_id.startswith("S") and not self.agreed(account_id))
        )


class History:
    """The same events, told to the program and to the ledger."""

    def __init__(self, world: World) -> None:
        self.world, self.ledger, self.texts = world, Ledger(), 0
        self.held: dict[str, list[int]] = {}

    def do(self, action: tuple[Any, ...]) -> None:
        """Let one thing happen, a minute after the last one."""
        self.world.later(minutes=1)
        name, *given = action
        getattr(self, f"_{name}")(*given)

    def _write(self, number: str, meaning: Meaning) -> None:
        self.texts += 1
        text = Inbound(f"I-{self.texts}", number, "+15017122661", WORDS[meaning])
        receive_inbound(self.world.deployment(), RECEPTION, "recorder", [text], confirms_stop=False)
        if meaning is Meaning.STOP:
            self.ledger.stop(number)
        elif meaning is Meaning.START:
            self.ledger.start(number)
        else:
            self.ledger.wrong.add(number)

    def _agree(self, scope: tuple[Any, Any, Any]) -> None:
        customer_id, number, account_id = scope
        entry = Consent(
            "contract", "page 4", self.world.at, number=number, customer_id=customer_id, account_id=account_id
        )
        with self.world.engine.begin() as connection:
            consents.add(connection, entry, at=self.world.at)
        self.ledger.consent[scope] = "given"

    def _withdraw(self, whose: tuple[Any, Any]) -> None:
        customer_id, number = whose
        with self.world.engine.begin() as connection:
            consents.withdraw(
                connection, who="ann", reason="letter", at=self.world.at, customer_id=customer_id, number=number
            )
        for scope, state in self.ledger.consent.items():
            if state == "given" and (scope[0] == customer_id if customer_id else scope[1] == number):
                self.ledger.consent[scope] = "a person"

    def _suppress(self, subject: tuple[str, str], channel: str) -> None:
        self.world.suppress(**{subject[0]: subject[1], "channel": channel})
        self.ledger.forbidden.setdefault((*subject, channel), "a person")

    def _allow(self, subject: tuple[str, str]) -> None:
        with self.world.engine.begin() as connection:
            suppressions.remove(connection, who="ann", at=self.world.at, **{subject[0]: subject[1]})
        for channel in ("*", "sms"):
            self.ledger.forbidden.pop((*subject, channel), None)

    def _mark(self, customer: str, kind: Any) -> None:
        self.held.setdefault(customer, []).append(self.world.hold(kind, customer_id=customer))
        self.ledger.marks.add(customer)

    def _unmark(self, customer: str) -> None:
        with self.world.engine.begin() as connection:
            for key in self.held.pop(customer, []):
                assert holds.release(connection, key, who="ann", at=self.world.at, reason="a mix-up")
        self.ledger.marks.discard(customer)

    def _book(self, account_id: str, mark: str) -> None:
        self.world.change_account(account_id, never_contact=str(mark) or None)
        self.ledger.by_book[account_id] = mark

    def _move(self, customer: str, book: dict[str, str]) -> None:
        number = book[customer]
        for account_id, owner in OWNER.items():
            if owner == customer:
                self.world.change_account(account_id, phone=number)
        self.ledger.phone[customer] = number

    def _clear(self, number: str) -> None:
        with self.world.engine.begin() as connection:
            numbers.clear(connection, number, who="ann", reason="called back", at=self.world.at)
        self.ledger.wrong.discard(number)

    def run(self, answer: str) -> set[str]:
        """Let a day's reminders go out; return the accounts for which the gateway was called."""
        self.world.recorder.answer_with(answer)
        self.world.run()
        with self.world.engine.connect() as connection:
            called = set(
                connection.scalars(
                    select(outbox.c.account_id)
                    .join(attempt, attempt.c.reference == outbox.c.reference)
                    .where(attempt.c.started_at == self.world.at)
                )
            )
        for account_id in called:
            number = self.ledger.phone[OWNER[account_id]]
            self.ledger.last[number] = OWNER[account_id]
            if answer == "opted_out":
                self.ledger.stop(number)
        return called


@pytest.fixture
def histories() -> Iterator[History]:
    """A world at noon with accounts that deserve a text each day; hypothesis empties it before each history."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield History(World(engine, policies=(STRICT, FREE)))
    engine.dispose()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=days)
@example(story=[CALM, SAID_STOP, ALLOWED])
@example(story=[CALM, SAID_STOP, ([("move", "C1", OTHER)], "accept")])
@example(story=[CALM, SAID_STOP, ([("write", C1, Meaning.START)], "accept")])
@example(story=[CALM, ([], "opted_out"), ALLOWED, ([("agree", ("C1", None, None))], "accept")])
def test_only_who_may_be_texted_is_texted_and_everybody_who_may_is(
    histories: History, story: list[tuple[list[tuple[Any, ...]], str]]
) -> None:
    """Laws 5, 7, 8: suppressed, without consent, marked or wrong means no call to a gateway, and nothing else does."""
    histories.world.clear()
    history = History(World(histories.world.engine, policies=(STRICT, FREE)))
    history.world.add_accounts(
        *(
            account_row(
                key,
                DUE,
                customer_id=owner,
                phone=FIRST[owner],
                product="strict" if key.startswith("S") else "cash-loan",
            )
            for key, owner in OWNER.items()
        )
    )
    for customer in ("C1", "C2"):
        history.do(("agree", (customer, None, None)))
    for today, answer in story:
        for action in today:
            history.do(action)
        expected = {account_id for account_id in OWNER if history.ledger.may_be_texted(account_id)}
        assert history.run(answer) == expected
        history.world.later(days=1)
