"""The outbox: who may claim a reminder, and that nobody writes one that is not, or no longer, theirs to write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, update

from reminder.domain.lifecycle import Event, State
from reminder.store import attempts, outbox, schema, unanswered
from reminder.store.attempts import Answer
from reminder.store.engine import open_engine
from reminder.store.outbox import Ending, Postponement
from support.outbox_rows import (
    AT,
    LEASE_SECONDS,
    LEASED,
    ME,
    attempts_now,
    in_every_state,
    intent,
    remind,
    snapshot,
    write_attempt,
)  # fmt: skip
from support.processes import together

TOMORROW = AT + timedelta(days=1)
SECOND = timedelta(seconds=1)


def claim(engine: Engine, *, owner: str = ME, at: object = AT, limit: int = 100) -> list[str]:
    """Claim in a transaction of its own; return the accounts, in the order in which they came."""
    with engine.begin() as connection:
        claimed = outbox.claim(connection, owner=owner, at=at, lease_seconds=LEASE_SECONDS, limit=limit)  # type: ignore[arg-type]
    return [reminder.account_id for reminder in claimed]


CLAIM_ALL = """
from reminder.store.deadlocks import in_transaction
at = datetime.fromisoformat(arguments[0])
wait_for_the_others()
claimed = None
while claimed != []:
    claimed = in_transaction(engine, lambda c: outbox.claim(c, owner=name, at=at, lease_seconds=60, limit=5))
engine.dispose()
"""


def test_customers_are_not_torn_apart(engine: Engine, database_url: str) -> None:
    """Law 2 and `consolidate`: of four processes that claim at once, each has whole customers, and none is left out."""
    rows = [
        {
            "account_id": f"A-{number}", "customer_id": f"C-{number // 4}", "due_date": date(2026, 3, 4),
            "policy": "p", "step": "s", "leg": "sms", "state": "planned", "not_before": AT,
            "expires_at": TOMORROW, "planned_at": AT, "changed_at": AT,
        }
        for number in range(240)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(schema.outbox), rows)

    together(CLAIM_ALL, database_url, AT.isoformat(), processes=4)

    owners = defaultdict(set)
    for row in snapshot(engine).values():
        owners[row.customer_id].add(row.lease_owner)
    assert len(owners) == 60
    assert all(len(names) == 1 and None not in names for names in owners.values())


def test_nobody_waits_for_another_ones_claim(server_url: str) -> None:
    """Processes work side by side: what another is claiming this very moment is passed over, not waited for."""
    engine = open_engine(server_url)
    with engine.begin() as connection:
        remind(connection, "first", not_before=AT - SECOND)
        remind(connection, "second", customer_id="D")
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        mine = outbox.claim(other, owner="other:1", at=AT, lease_seconds=LEASE_SECONDS, limit=1)
        claimed = pool.submit(claim, engine)
        try:
            assert "first" not in claimed.result(timeout=20)
        finally:
            other.rollback()
    assert [reminder.account_id for reminder in mine] == ["first"]
    engine.dispose()


def test_what_another_leases_meanwhile_is_not_claimed_too(postgresql_url: str) -> None:
    """Law 2: a row leased by another process after this one has found its customer stays that process's."""
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:
        remind(connection, "head")
        other = remind(connection, "other")
    leased: list[bool] = []

    def lease_now() -> None:
        with engine.begin() as connection:
            row = schema.outbox.c.reminder_id == other
            connection.execute(update(schema.outbox).where(row).values(LEASED | {"lease_owner": "other:1"}))

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not leased and statement.startswith("SELECT outbox.customer_id"):
            leased.append(True)
            thread = Thread(target=lease_now)
            thread.start()
            thread.join()

    event.listen(engine, "after_cursor_execute", meanwhile)

    assert claim(engine) == ["head"]
    assert leased
    assert snapshot(engine)[other].lease_owner == "other:1"
    engine.dispose()


def test_a_customer_is_claimed_whole(engine: Engine) -> None:
    """One decision sees all of a customer's reminders, though the limit is reached with the first."""
    with engine.begin() as connection:
        for number in range(3):
            remind(connection, f"A-{number}")
        remind(connection, "B", customer_id="D", not_before=AT - SECOND)

    assert claim(engine, limit=1) == ["B"]
    assert claim(engine, limit=1) == ["A-0", "A-1", "A-2"]


def test_who_waited_longest_is_first(engine: Engine) -> None:
    """A backlog is worked off in the order in which windows opened, so that nobody is passed over for ever."""
    with engine.begin() as connection:
        for hours in (1, 3, 2):
            remind(connection, f"{hours} h ago", customer_id=f"C-{hours}", not_before=AT - timedelta(hours=hours))

    assert [claim(engine, limit=1) for _ in range(4)] == [["3 h ago"], ["2 h ago"], ["1 h ago"], []]


def test_what_is_leased_is_passed_over_until_its_lease_ends(engine: Engine) -> None:
    """A reminder in somebody's hands is nobody else's; if its process dies, it comes back by itself (law 4)."""
    with engine.begin() as connection:
        remind(connection)
    assert claim(engine, owner="dead:1") == ["A"]

    assert claim(engine, at=AT + SECOND * (LEASE_SECONDS - 1)) == []
    assert claim(engine, at=AT + SECOND * LEASE_SECONDS) == ["A"]
    (row,) = snapshot(engine).values()
    assert (row.lease_owner, row.lease_until) == (ME, AT + 2 * SECOND * LEASE_SECONDS)


def test_a_customer_in_other_hands_is_passed_over(engine: Engine) -> None:
    """While one process decides about a customer, a reminder that comes due meanwhile waits for it to finish."""
    with engine.begin() as connection:
        remind(connection, "first")
    assert claim(engine, owner="other:1") == ["first"]
    with engine.begin() as connection:
        remind(connection, "second")

    assert claim(engine) == []
    assert claim(engine, at=AT + SECOND * LEASE_SECONDS) == ["first", "second"]


def test_nothing_before_its_time(engine: Engine) -> None:
    """A window that has not opened is not claimed, not even with a customer who has another one that is open."""
    with engine.begin() as connection:
        remind(connection, "later", not_before=AT + SECOND)
        remind(connection, "now")

    assert claim(engine) == ["now"]


def test_only_planned_ones_are_claimed(engine: Engine) -> None:
    """Law 3: what is being sent, in doubt or over is never claimed, however long ago."""
    with engine.begin() as connection:
        in_every_state(connection)

    assert claim(engine, at=TOMORROW) == ["A-planned"]


def test_what_can_not_be_claimed_takes_nobodys_place(engine: Engine) -> None:
    """Law 4: however much is over or in other hands, a batch is filled with what can be claimed."""
    long_ago = {"not_before": AT - timedelta(days=9)}
    with engine.begin() as connection:
        remind(connection, "over", customer_id="over", state=State.SENT.value, **long_ago)
        remind(connection, "leased", customer_id="leased", **(LEASED | {"lease_owner": "other:1"}), **long_ago)
        remind(connection, "free")

    assert claim(engine, limit=1) == ["free"]


def test_more_customers_than_a_statement_holds(engine: Engine) -> None:
    """A batch may be larger than one statement's share of ids."""
    with engine.begin() as connection:
        for number in range(501):
            remind(connection, f"A-{number}", customer_id=f"C-{number}")

    assert len(claim(engine, limit=600)) == 501


# Guards: each of these writes may find rows in any state. Only those in the states named here are written.

Write = Callable[[Connection, State, int], object]


def _answer(event: Event) -> Write:
    def write(connection: Connection, state: State, _id: int) -> None:
        answer = Answer(f"ref-{state}", event, "what", "new reason", counted=False, not_before=TOMORROW, burns=True)
        attempts.record(connection, [answer], at=TOMORROW)

    return write


def _resolve(event: Event) -> Write:
    return lambda connection, state, _: unanswered.resolve(
        connection, f"ref-{state}", event=event, reason="ana says so", who="ana", at=TOMORROW
    )


def _replan(event: Event) -> Write:
    return lambda connection, _, reminder_id: outbox.replan(
        connection, schema.outbox.c.reminder_id == reminder_id, event=event, reason="ana says so", at=TOMORROW
    )


def _postpone(connection: Connection, _: State, reminder_id: int) -> None:
    outbox.postpone(connection, [Postponement(reminder_id, TOMORROW, "new reason")], owner=ME, at=TOMORROW)


def _end(connection: Connection, _: State, reminder_id: int) -> None:
    outbox.end(connection, [Ending(reminder_id, Event.EXPIRE, "new reason")], owner=ME, at=TOMORROW)


def _end_one(connection: Connection, _: State, reminder_id: int) -> object:
    return outbox.end_one(connection, Ending(reminder_id, Event.HAND_OVER, "new reason"), owner=ME, at=TOMORROW)


def _reserve(connection: Connection, _: State, reminder_id: int) -> object:
    text = intent(f"new-{reminder_id}", reminder_id)
    return attempts.reserve(connection, [text], owner=ME, at=TOMORROW, lease_seconds=LEASE_SECONDS)


P, S, D = State.PLANNED, State.SENDING, State.IN_DOUBT
WRITES: dict[str, tuple[Write, dict[State, State]]] = {
    "postpone": (_postpone, {P: P}),
    "end": (_end, {P: State.EXPIRED}),
    "end one": (_end_one, {P: State.HANDED_OVER}),
    "reserve": (_reserve, {P: S}),
    "record acceptance": (_answer(Event.ACCEPT), {S: State.SENT, D: State.SENT}),
    "record print": (_answer(Event.PRINT), {S: State.PRINTED, D: State.PRINTED}),
    "record refusal for now": (_answer(Event.POSTPONE), {S: P, D: P}),
    "record refusal for good": (_answer(Event.REFUSE), {S: State.FAILED, D: State.FAILED}),
    "record loss": (_answer(Event.LOSE), {S: D}),
    "confirm": (_resolve(Event.CONFIRM), {D: State.SENT}),
    "disprove": (_resolve(Event.DISPROVE), {D: P}),
    "abandon": (_resolve(Event.ABANDON), {D: State.FAILED}),
    "replan": (_replan(Event.REPLAN), {State.FAILED: P, State.PRINTED: P}),
    "replan what is in doubt": (_replan(Event.DISPROVE), {D: P}),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_finds_only_the_states_it_may(engine: Engine, name: str) -> None:
    """Every write is a compare-and-swap: over all thirteen states, it moves those of the table and no other row."""
    write, moves = WRITES[name]
    with engine.begin() as connection:
        ids = in_every_state(connection, **LEASED)
    before = snapshot(engine)

    with engine.begin() as connection:
        for state, reminder_id in ids.items():
            write(connection, state, reminder_id)

    after = snapshot(engine)
    for state, reminder_id in ids.items():
        if state in moves:
            assert State(after[reminder_id].state) is moves[state]
            assert after[reminder_id].changed_at == TOMORROW
        else:
            assert after[reminder_id] == before[reminder_id]


CLAIMED_WRITES = ("postpone", "end", "end one", "reserve")


@pytest.mark.parametrize("name", CLAIMED_WRITES)
@pytest.mark.parametrize("holder", ["other:1", None])
def test_what_another_has_claimed_is_left_alone(engine: Engine, name: str, holder: str | None) -> None:
    """A process whose lease ended and passed on, or was given back, writes nothing any more."""
    with engine.begin() as connection:
        reminder_id = remind(connection, **(LEASED | {"lease_owner": holder}))
    before = snapshot(engine)

    with engine.begin() as connection:
        WRITES[name][0](connection, State.PLANNED, reminder_id)

    assert snapshot(engine) == before
    assert attempts_now(engine) == {}


def test_ending_one_says_whether_it_was_ours(engine: Engine) -> None:
    """Who hands over learns whether the reminder was still theirs, so that no event is written for nothing."""
    with engine.begin() as connection:
        mine = remind(connection, "mine", **LEASED)
        other = remind(connection, "other", **(LEASED | {"lease_owner": "other:1"}))

        assert _end_one(connection, State.PLANNED, mine) is True
        assert _end_one(connection, State.PLANNED, other) is False


def test_a_postponed_one_is_free_and_says_why(engine: Engine) -> None:
    """What waits, waits for a time and a reason that `outbox show` tells; the lease is given back."""
    with engine.begin() as connection:
        ids = [remind(connection, f"A-{number}", **LEASED) for number in range(2)]
        items = [
            Postponement(ids[0], TOMORROW, "window: closed"),
            Postponement(ids[1], AT + SECOND, "hold: " + "x" * 400),
        ]
        outbox.postpone(connection, items, owner=ME, at=AT)

    first, second = snapshot(engine).values()
    assert (first.not_before, first.reason, first.lease_owner, first.lease_until) == (
        TOMORROW, "window: closed", None, None,
    )  # fmt: skip
    assert (second.not_before, len(second.reason)) == (AT + SECOND, 300)


@pytest.mark.parametrize("late", [timedelta(), timedelta(days=1)], ids=["now", "yesterday"])
def test_nothing_is_put_back_to_what_has_come(engine: Engine, late: timedelta) -> None:
    """Law 9: a pass ends, for what it has put back it does not claim again, whatever a faulty gate may say."""
    with engine.begin() as connection:
        row = remind(connection, **LEASED)
        outbox.postpone(connection, [Postponement(row, AT - late, "hold: x")], owner=ME, at=AT)
        assert outbox.claim(connection, owner=ME, at=AT, lease_seconds=60, limit=9) == []

    assert snapshot(engine)[row].not_before == AT + timedelta(seconds=outbox.AGAIN_SECONDS)


def test_endings_of_several_kinds_at_once(engine: Engine) -> None:
    """Each of a batch ends by its own event and with its own reason (law 4)."""
    events = (Event.CANCEL, Event.SUPPRESS, Event.SUPERSEDE, Event.EXPIRE)
    with engine.begin() as connection:
        ids = [remind(connection, how, **LEASED) for how in events]
        endings = [Ending(one, how, f"why {how}") for one, how in zip(ids, events, strict=True)]
        outbox.end(connection, endings, owner=ME, at=AT)

    rows = snapshot(engine)
    assert [(rows[one].state, rows[one].reason, rows[one].lease_owner) for one in ids] == [
        ("cancelled", "why cancel", None), ("suppressed", "why suppress", None),
        ("superseded", "why supersede", None), ("expired", "why expire", None),
    ]  # fmt: skip


def test_nothing_to_write_is_no_statement(engine: Engine) -> None:
    """An empty batch leaves everything as it is: an UPDATE without values would be one of all rows."""
    with engine.begin() as connection:
        remind(connection, **LEASED)
    before = snapshot(engine)

    with engine.begin() as connection:
        outbox.postpone(connection, [], owner=ME, at=TOMORROW)
        outbox.end(connection, [], owner=ME, at=TOMORROW)
        attempts.record(connection, [], at=TOMORROW)
        attempts.reserve(connection, [], owner=ME, at=TOMORROW, lease_seconds=1)

    assert snapshot(engine) == before


def test_counts_name_every_state(engine: Engine) -> None:
    """`status` adds up: open and final together are all that was planned (law 4), and what is not there is a zero."""
    with engine.begin() as connection:
        assert set(outbox.counts_by_state(connection).values()) == {0}
        in_every_state(connection)
        remind(connection, "one more")
        counts = outbox.counts_by_state(connection)

    assert counts == dict.fromkeys(State, 1) | {State.PLANNED: 2}


def test_listing_by_state_account_and_number(engine: Engine) -> None:
    """`outbox list` shows the newest first, of the states and the account asked for, and no more than asked for."""
    with engine.begin() as connection:
        in_every_state(connection)

        newest = outbox.listing(connection, limit=2)
        some = outbox.listing(connection, states=[State.SENT, State.FAILED], limit=9)
        one = outbox.listing(connection, account_id="A-sent", limit=9)
        everything = connection.scalars(select(schema.outbox.c.reminder_id)).all()

    assert [row.reminder_id for row in newest] == sorted(everything, reverse=True)[:2]
    assert {row.state for row in some} == {"sent", "failed"}
    assert [row.account_id for row in one] == ["A-sent"]


def test_the_oldest_open_one_is_what_waits_now(engine: Engine) -> None:
    """The age of the backlog counts what could go out, not what waits for its window nor what is over."""
    with engine.begin() as connection:
        assert outbox.oldest_open(connection, at=AT) is None
        remind(connection, "over", state=State.SENT.value, not_before=AT - timedelta(days=9))
        remind(connection, "later", not_before=TOMORROW)
        assert outbox.oldest_open(connection, at=AT) is None
        remind(connection, "waiting", not_before=AT - timedelta(hours=2))
        reference = write_attempt(connection, "r")
        remind(
            connection, "doubtful", state=State.IN_DOUBT.value, reference=reference, not_before=AT - timedelta(hours=3)
        )

        assert outbox.oldest_open(connection, at=AT) == AT - timedelta(hours=3)


def test_a_reminder_is_found_by_its_id(engine: Engine) -> None:
    """A reminder is shown by its id, and read back as the domain knows it; an id that is none finds nothing."""
    with engine.begin() as connection:
        reminder_id = remind(connection, "A-1", attempts=2, reason="why")
        row = outbox.by_id(connection, reminder_id)
        missing = outbox.by_id(connection, reminder_id + 1)

        assert row is not None
        known = outbox.to_reminder(row)
        assert outbox.planned(connection) == [known]

    assert (known.account_id, known.state, known.attempts, known.reason) == ("A-1", State.PLANNED, 2, "why")
    assert missing is None
