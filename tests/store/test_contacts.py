"""Contacts: what counts for whom, and caps of every scope held by the database while others send (law 10)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, text

from reminder.domain.caps import Cap, CapPeriod, CapScope, Contact, Counts, Key
from reminder.domain.lifecycle import State
from reminder.store import attempts
from reminder.store.contacts import Ask, contacts
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, attempt_account, cap_lock
from support.outbox_rows import AT, LEASE_SECONDS, LEASED, ME, aim, intent, remind, write_attempt

SENDERS = 8
ROOM = 3
EVERYBODY = tuple(scope for scope in CapScope if scope is not CapScope.NUMBER_AND_TEMPLATE)


def found(engine: Engine, ask: Ask, *keys: Key) -> dict[Key, list[Contact]]:
    """Return what is counted for these keys."""
    with engine.connect() as connection:
        return dict(contacts(connection, ask, keys, at=AT))


def ask(*caps: Cap) -> Ask:
    """Return what these caps ask, at least a week back."""
    return Ask.of((*caps, Cap(9, CapPeriod.ROLLING, 7)))


# What is read


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        pytest.param({}, Counts.DELIVERED, id="being sent"),
        pytest.param({"outcome": "accepted"}, Counts.DELIVERED, id="accepted"),
        pytest.param({"outcome": "unknown"}, Counts.DELIVERED, id="in doubt"),
        pytest.param({"outcome": "printed"}, Counts.DELIVERED, id="printed"),
        pytest.param({"outcome": "refused", "counted": False}, Counts.ATTEMPTS, id="refused"),
        pytest.param({"outcome": "held_back", "counted": False}, None, id="never called"),
        pytest.param({"outcome": "printed", "counted": False}, None, id="printed and taken back"),
    ],
)
def test_what_became_of_a_text_says_what_counts_it(engine: Engine, given: dict[str, Any], reached: Counts) -> None:
    """A refused call counts as an attempt only; what was never called, or only printed and taken back, not at all."""
    with engine.begin() as connection:
        write_attempt(connection, "ref", **given)
    every = ask(Cap(1, CapPeriod.DAY, counts=Counts.ATTEMPTS), Cap(1, CapPeriod.DAY, counts=Counts.DELIVERED))

    made = found(engine, every, (CapScope.CUSTOMER, "C")).get((CapScope.CUSTOMER, "C"), [])

    assert [contact.reached for contact in made] == ([reached] if reached else [])
    plain = found(engine, ask(), (CapScope.CUSTOMER, "C"))
    assert bool(plain) is (reached is Counts.DELIVERED)


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.UNDELIVERED])
def test_a_receipt_says_what_was_delivered(engine: Engine, state: State) -> None:
    """What the carrier lost was accepted, and not delivered; without a word of the carrier it may have arrived."""
    with engine.begin() as connection:
        remind(connection, state=state.value, reference=write_attempt(connection, "ref", outcome="accepted"))

    made = found(engine, ask(Cap(1, CapPeriod.DAY, counts=Counts.DELIVERED)), (CapScope.CUSTOMER, "C"))

    lost = state is State.UNDELIVERED
    assert made[CapScope.CUSTOMER, "C"] == [Contact(AT, Counts.ACCEPTED if lost else Counts.DELIVERED, "t")]


def test_a_text_is_found_by_all_whom_it_concerned(engine: Engine) -> None:
    """A list of accounts is one contact with each of them, and one with a debt that two of them are part of."""
    about = aim(account_ids=("A", "B", "D"), claim_ids=("first", "second", "second"), notice=True, channel="voice")
    with engine.begin() as connection:
        ids = [remind(connection, key, **LEASED) for key in about.account_ids]
        attempts.reserve(
            connection, [replace(intent("ref", *ids), aim=about)], owner=ME, at=AT, lease_seconds=LEASE_SECONDS
        )
        assert connection.scalar(select(func.count()).select_from(attempt_account)) == 2
    keys = about.concerns(EVERYBODY)

    made = found(engine, ask(*(Cap(1, CapPeriod.DAY, scope=scope) for scope in CapScope)), *keys, (CapScope.CLAIM, "B"))

    told = Contact(AT, Counts.DELIVERED, "t", "voice", notice=True)
    assert made == {key: [told] for key in keys}
    assert len(made) == 7


def test_only_what_a_cap_asks_about_is_looked_up(engine: Engine) -> None:
    """Caps by customer alone read customers alone: other keys cost nothing."""
    with engine.begin() as connection:
        write_attempt(connection, "ref", account_id="A", claim_id="A")
        write_attempt(connection, "too long ago", started_at=AT - timedelta(days=9))

    assert set(found(engine, ask(), *aim().concerns(EVERYBODY))) == {(CapScope.CUSTOMER, "C")}
    assert len(found(engine, ask(), (CapScope.CUSTOMER, "C"))[CapScope.CUSTOMER, "C"]) == 1


def test_what_is_given_up_takes_its_list_along(engine: Engine) -> None:
    """A text that won't be sent after all leaves no account of its list behind."""
    with engine.begin() as connection:
        write_attempt(connection, "ref")
        connection.execute(insert(attempt_account).values(reference="ref", account_id="B", claim_id="B"))
        connection.execute(attempt.delete())

        assert connection.scalar(select(func.count()).select_from(attempt_account)) == 0


# Eight at once

SAME: dict[CapScope, Callable[[int], dict[str, Any]]] = {
    CapScope.CUSTOMER: lambda n: {"customer_id": "C", "number": f"+{n}", "account_ids": (f"A{n}",)},
    CapScope.ACCOUNT: lambda n: {"customer_id": f"C{n}", "number": f"+{n}", "account_ids": ("A", f"A{n}")},
    CapScope.CLAIM: lambda n: {"customer_id": f"C{n}", "number": f"+{n}", "claim_ids": ("loan",)},
    CapScope.NUMBER: lambda n: {"customer_id": f"C{n}", "number": "+86", "template": f"t{n}"},
    CapScope.NUMBER_AND_TEMPLATE: lambda n: {"customer_id": f"C{n}", "number": "+86", "template": "t"},
}
"""What the texts of eight senders have in common, and in what they differ, for each scope."""


def together(url: str, *batches: list[attempts.Intent]) -> int:
    """Reserve each batch in a thread and connection of its own, all in the same instant; return how many won."""
    barrier = Barrier(len(batches))

    def send(batch: list[attempts.Intent]) -> int:
        engine = open_engine(url)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        barrier.wait(timeout=60)
        with engine.begin() as connection:
            won = attempts.reserve(connection, batch, owner=ME, at=AT, lease_seconds=LEASE_SECONDS).won
        engine.dispose()
        return len(won)

    with ThreadPoolExecutor(len(batches)) as pool:
        return sum(pool.map(send, batches))


def text_of(sender: int, reminder_id: int, *caps: Cap, **given: Any) -> attempts.Intent:
    """Return a text as one of the senders would reserve it."""
    known = {"account_ids": (f"A{sender}",), **given}
    known.setdefault("claim_ids", known["account_ids"])
    return replace(intent(f"ref-{sender}", reminder_id, caps=caps), aim=aim(**known))


@pytest.mark.parametrize("scope", list(CapScope))
@pytest.mark.parametrize("counts", [Counts.ACCEPTED, Counts.ATTEMPTS, Counts.DELIVERED])
def test_eight_senders_at_once_keep_a_cap_of_any_scope(server_url: str, scope: CapScope, counts: Counts) -> None:
    """Law 10: of eight texts in the same instant as many go out as the cap allows, never one over."""
    engine = open_engine(server_url)
    with engine.begin() as connection:
        ids = [remind(connection, f"A-{number}", **LEASED) for number in range(SENDERS)]
    cap = Cap(ROOM, CapPeriod.DAY, scope=scope, counts=counts)
    texts = [text_of(number, key, cap, **SAME[scope](number)) for number, key in enumerate(ids)]

    won = together(server_url, *([each] for each in texts))

    assert won == ROOM
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(attempt)) == ROOM
    engine.dispose()


def test_senders_whose_customers_share_numbers_never_wait_in_a_circle(server_url: str) -> None:
    """Locks of customers come before those of numbers, each in one order: crossed batches come through, none over."""
    engine, daily = open_engine(server_url), Cap(1, CapPeriod.DAY, scope=CapScope.NUMBER)
    people = [(f"C{one}", f"+{(one * 7) % 12}") for one in range(24)]
    with engine.begin() as connection:
        ids = [remind(connection, f"A-{number}", **LEASED) for number in range(4 * len(people))]
    batches = []
    for side in range(4):
        order = people if side % 2 else people[::-1]
        batches.append(
            [
                text_of(side * 100 + place, ids[side * len(people) + place], daily, customer_id=name, number=number)
                for place, (name, number) in enumerate(order)
            ]
        )

    assert together(server_url, *batches) == 12
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(cap_lock)) == 12
    engine.dispose()


def test_customers_alone_lock_nothing_else(engine: Engine) -> None:
    """A policy that caps by customer pays for no other lock, and a lock names nobody."""
    with engine.begin() as connection:
        first, second = (remind(connection, key, **LEASED) for key in ("A", "B"))
        attempts.reserve(
            connection, [text_of(1, first, Cap(1, CapPeriod.DAY))], owner=ME, at=AT, lease_seconds=LEASE_SECONDS
        )
        assert connection.scalar(select(func.count()).select_from(cap_lock)) == 0
        by_number = Cap(9, CapPeriod.DAY, scope=CapScope.NUMBER)
        attempts.reserve(connection, [text_of(2, second, by_number)], owner=ME, at=AT, lease_seconds=LEASE_SECONDS)
        (locked,) = connection.scalars(select(cap_lock.c.key_hash))

    assert isinstance(locked, int)


def test_a_notice_goes_out_beside_a_full_cap_that_exempts_it(engine: Engine) -> None:
    """What the law demands neither waits for such a cap nor takes room under it; another cap counts it."""
    exempt = Cap(1, CapPeriod.DAY, exempts_notices=True)
    with engine.begin() as connection:
        ids = [remind(connection, key, **LEASED) for key in "ABCD"]
        texts = [
            text_of(1, ids[0], exempt, notice=True),
            text_of(2, ids[1], exempt),
            text_of(3, ids[2], exempt, notice=True),
            text_of(4, ids[3], exempt),
        ]
        reservation = attempts.reserve(connection, texts, owner=ME, at=AT, lease_seconds=LEASE_SECONDS)

    assert reservation.won == {"ref-1", "ref-2", "ref-3"}
    assert reservation.capped == {"ref-4": (datetime(2026, 3, 2, tzinfo=UTC), exempt)}
