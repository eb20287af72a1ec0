"""Attempts: intent before the call, answer after it, caps between processes, and doubt that is never guessed away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, select, update

from reminder.domain.caps import Cap, CapPeriod, CapScope
from reminder.domain.lifecycle import Event, State
from reminder.store import attempts, outbox, unanswered
from reminder.store.attempts import Answer, Reservation
from reminder.store.contacts import Ask
from reminder.store.contacts import contacts as made_contacts
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, customer_lock
from reminder.store.schema import outbox as outbox_table
from support.outbox_rows import AT, LEASE_SECONDS, LEASED, ME, attempts_now, intent, remind, snapshot, write_attempt
from support.processes import together

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
TOMORROW = AT + timedelta(days=1)
LONG_AGO = AT - timedelta(days=365)
DAILY = Cap(1, CapPeriod.DAY)
SENDERS = 8


def reserve(engine: Engine, *intents: Any, at: datetime = AT, owner: str = ME) -> Reservation:
    """Reserve in a transaction of its own."""
    with engine.begin() as connection:
        return attempts.reserve(connection, intents, owner=owner, at=at, lease_seconds=LEASE_SECONDS)


def remind_leased(engine: Engine, *accounts: str, **given: Any) -> list[int]:
    """Write planned reminders that are claimed by ME; return their ids."""
    with engine.begin() as connection:
        return [remind(connection, account, **(LEASED | given)) for account in accounts]


def sending(engine: Engine, account: str = "A", reference: str = "ref") -> int:
    """Write a reminder and reserve its text; return its id."""
    (reminder_id,) = remind_leased(engine, account)
    assert reserve(engine, intent(reference, reminder_id)).won == {reference}
    return reminder_id


def contacts(engine: Engine, since: datetime = LONG_AGO) -> list[datetime]:
    """Return when customer C was contacted."""
    with engine.connect() as connection:
        ask = replace(Ask.of(()), reach=AT - since)
        found = made_contacts(connection, ask, [(CapScope.CUSTOMER, "C")], at=AT)
    return [contact.at for contact in found.get((CapScope.CUSTOMER, "C"), [])]


def record(engine: Engine, answer: Answer, at: datetime = AT) -> None:
    """Record one answer in a transaction of its own."""
    with engine.begin() as connection:
        attempts.record(connection, [answer], at=at)


def test_intent_is_committed_whole(engine: Engine) -> None:
    """Nothing is sent without its intent: state, attempt, contact and lease are there together, before the call."""
    ids = remind_leased(engine, "A", "B")

    reservation = reserve(engine, intent("ref", *ids, body="Hello A and B"))

    assert (reservation.won, dict(reservation.capped)) == (frozenset({"ref"}), {})
    for row in snapshot(engine).values():
        assert (row.state, row.reference, row.lease_owner) == ("sending", "ref", ME)
        assert row.lease_until == AT + LEASE_SECONDS * SECOND
    written = attempts_now(engine)["ref"]
    assert (written.body, written.counted, written.outcome, written.ended_at) == ("Hello A and B", True, "", None)
    assert contacts(engine) == [AT]


def test_intent_is_undone_whole(engine: Engine) -> None:
    """A process that dies before the commit of its intent leaves no attempt, no contact and no moved reminder."""
    (reminder_id,) = remind_leased(engine, "A")
    before = snapshot(engine)
    connection = engine.connect()
    attempts.reserve(connection, [intent("ref", reminder_id)], owner=ME, at=AT, lease_seconds=LEASE_SECONDS)
    connection.close()

    assert (snapshot(engine), attempts_now(engine), contacts(engine)) == (before, {}, [])


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param({"lease_owner": "other:1"}, id="claimed by another"),
        pytest.param({"state": State.CANCELLED.value}, id="ended meanwhile"),
    ],
)
def test_one_lost_member_drops_the_text(engine: Engine, lost: dict[str, str]) -> None:
    """A text that speaks of an account which is no longer ours to remind is not true; the others are planned again."""
    first, second, third = remind_leased(engine, "A", "B", "C")
    with engine.begin() as connection:
        connection.execute(update(outbox_table).where(outbox_table.c.reminder_id == second).values(lost))
    before = snapshot(engine)

    reservation = reserve(engine, intent("ref", first, second, third))

    after = snapshot(engine)
    assert (reservation.won, dict(reservation.capped)) == (frozenset(), {})
    assert after[second] == before[second]
    for reminder_id in (first, third):
        row = after[reminder_id]
        assert (row.state, row.reference, row.lease_owner, row.lease_until) == ("planned", None, None, None)
    assert (attempts_now(engine), contacts(engine)) == ({}, [])


def test_one_lost_text_harms_no_other(engine: Engine) -> None:
    """Of a batch of texts, those whose reminders are still ours win, whatever became of the rest."""
    lost, kept = remind_leased(engine, "A", "B")
    with engine.begin() as connection:
        connection.execute(delete(outbox_table).where(outbox_table.c.reminder_id == lost))

    reservation = reserve(engine, intent("lost", lost), intent("kept", kept, customer_id="D"))

    assert reservation.won == {"kept"}
    assert snapshot(engine)[kept].state == "sending"
    assert list(attempts_now(engine)) == ["kept"]


# Caps


def test_a_capped_text_learns_when_there_is_room(engine: Engine) -> None:
    """Law 10: the text that no longer fits is told the instant at which the cap lets go, and is not written at all."""
    caps = (DAILY, Cap(2, CapPeriod.ROLLING, 7))
    first, second, third = remind_leased(engine, "A", "B", "C")
    two_days_ago = AT - timedelta(days=2)
    with engine.begin() as connection:
        write_attempt(connection, "earlier", started_at=two_days_ago)

    reservation = reserve(engine, intent("a", first, caps=caps), intent("b", second, caps=caps))

    assert reservation.won == {"a"}
    assert reservation.capped == {"b": (two_days_ago + timedelta(days=7), caps[1])}
    assert snapshot(engine)[second].state == "planned"
    later = reserve(engine, intent("c", third, caps=(DAILY,)))
    assert later.capped == {"c": (datetime(2026, 3, 2, tzinfo=UTC), DAILY)}
    assert set(attempts_now(engine)) == {"earlier", "a"}


def test_caps_count_over_all_policies(engine: Engine) -> None:
    """Law 10: a contact under another policy takes room all the same; one of another customer takes none."""
    (reminder_id,) = remind_leased(engine, "A")
    with engine.begin() as connection:
        write_attempt(connection, "other customer", customer_id="D")
        write_attempt(connection, "not taken", counted=False)
    assert reserve(engine, intent("first", reminder_id, caps=(DAILY,))).won == {"first"}

    (another,) = remind_leased(engine, "B", policy="q")
    assert reserve(engine, intent("second", another, policy="q", caps=(DAILY,))).won == frozenset()


RESERVE_ONE = """
from support.outbox_rows import intent
from reminder.domain.caps import Cap, CapPeriod

at, reminder_id = datetime.fromisoformat(arguments[0]), int(arguments[1]) + int(name[2:])
text = intent(name, reminder_id, caps=(Cap(3, CapPeriod.DAY),))
wait_for_the_others()
with engine.begin() as connection:
    won = attempts.reserve(connection, [text], owner="me:1", at=at, lease_seconds=60).won
print(*won)
engine.dispose()
"""


def senders_in_processes(url: str, first_id: int) -> int:
    """Reserve one text each in as many processes; return how many won."""
    words = together(RESERVE_ONE, url, AT.isoformat(), str(first_id), processes=SENDERS)
    return sum(len(one) for one in words)


def senders_in_threads(url: str, ids: list[int]) -> int:
    """Reserve one text each in as many threads, each with a connection of its own; return how many won."""
    barrier = Barrier(SENDERS)

    def send(reminder_id: int) -> int:
        engine = open_engine(url)
        with engine.connect():
            barrier.wait(timeout=60)
        won = reserve(engine, intent(f"ref-{reminder_id}", reminder_id, caps=(Cap(3, CapPeriod.DAY),))).won
        engine.dispose()
        return len(won)

    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(send, ids))


@pytest.mark.parametrize("known", [False, True], ids=["a customer never locked", "a customer locked before"])
def test_eight_senders_at_once_keep_the_cap(engine: Engine, database_url: str, known: bool) -> None:
    """Law 10: of eight senders in the same instant exactly as many win as the cap allows, never one more."""
    with engine.begin() as connection:
        if known:
            connection.execute(customer_lock.insert().values(customer_id="C"))
        ids = [remind(connection, f"A-{number}", **LEASED) for number in range(SENDERS)]

    if engine.dialect.name == "sqlite":
        won = senders_in_processes(database_url, ids[0])
    else:
        won = senders_in_threads(database_url, ids)

    assert won == 3
    assert len(contacts(engine)) == 3
    assert [row.state for row in snapshot(engine).values()].count("sending") == 3


def test_two_batches_of_the_same_customers_never_wait_for_each_other(server_url: str) -> None:
    """Locks are taken in one order everywhere: batches in opposite order both come through, without a deadlock."""
    engine = open_engine(server_url)
    names = [f"C-{number}" for number in range(20)]
    with engine.begin() as connection:
        ids = {name: [remind(connection, f"{name}/{side}", **LEASED) for side in (0, 1)] for name in names}
    barrier = Barrier(2)

    def send(side: int) -> int:
        order = names if side else names[::-1]
        texts = [intent(f"{name}/{side}", ids[name][side], customer_id=name, caps=(DAILY,)) for name in order]
        barrier.wait(timeout=60)
        return len(reserve(engine, *texts).won)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, (0, 1))) == [0, 20]
    engine.dispose()


# Answers

ACCEPTED = Answer("ref", Event.ACCEPT, "accepted", "accepted by g", counted=True, provider_id="SM1")
PRINTED = Answer("ref", Event.PRINT, "printed", "printed", counted=True)
LATER = Answer("ref", Event.POSTPONE, "refused", "busy", counted=False, code="429", not_before=TOMORROW, burns=True)
REFUSED = Answer("ref", Event.REFUSE, "refused", "no such number", counted=False, code="21211")
UNKNOWN = Answer("ref", Event.LOSE, "unknown", "timed out", counted=True)


@pytest.mark.parametrize(
    ("answer", "state", "counts", "tries"),
    [
        pytest.param(ACCEPTED, "sent", True, 0, id="accepted"),
        pytest.param(PRINTED, "printed", True, 0, id="printed"),
        pytest.param(LATER, "planned", False, 1, id="refused for now"),
        pytest.param(REFUSED, "failed", False, 0, id="refused for good"),
        pytest.param(UNKNOWN, "in_doubt", True, 0, id="unknown"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "after it was given up"])
def test_an_answer_moves_its_reminders(
    engine: Engine, answer: Answer, state: str, counts: bool, tries: int, late: bool
) -> None:
    """Each answer leads to its state and says whether the customer was contacted; coming late, it says the same."""
    reminder_id = sending(engine)
    if late:
        with engine.begin() as connection:
            assert unanswered.lose_expired(connection, owner="me:1", at=TOMORROW) == 1

    record(engine, answer)

    row = snapshot(engine)[reminder_id]
    written = attempts_now(engine)["ref"]
    assert (row.state, row.attempts, row.lease_owner, row.lease_until) == (state, tries, None, None)
    assert (written.outcome, written.provider_id, written.code) == (answer.outcome, answer.provider_id, answer.code)
    assert contacts(engine) == ([AT] if counts else [])


def test_a_postponed_answer_says_when(engine: Engine) -> None:
    """A refusal for now names the next try; one that burns no attempt leaves the count as it was."""
    reminder_id = sending(engine)
    record(engine, Answer("ref", Event.POSTPONE, "refused", "why", counted=False, not_before=TOMORROW, burns=False))

    row = snapshot(engine)[reminder_id]
    assert (row.not_before, row.attempts, row.reason) == (TOMORROW, 0, "why")


def test_several_answers_at_once_are_not_mixed_up(engine: Engine) -> None:
    """A batch of answers is written by reference: each reminder gets its own."""
    ids = [sending(engine, name, f"ref-{name}") for name in "abcd"]
    answers = [
        Answer("ref-a", Event.ACCEPT, "accepted", "yes", counted=True, provider_id="SM-a"),
        Answer("ref-b", Event.REFUSE, "refused", "no", counted=False, code="1"),
        Answer("ref-c", Event.LOSE, "unknown", "lost", counted=True),
        Answer("ref-d", Event.ACCEPT, "accepted", "yes", counted=True, provider_id="SM-d"),
    ]
    with engine.begin() as connection:
        attempts.record(connection, answers, at=AT + SECOND)

    rows, written = snapshot(engine), attempts_now(engine)
    assert [rows[one].state for one in ids] == ["sent", "failed", "in_doubt", "sent"]
    assert [written[f"ref-{name}"].provider_id for name in "abcd"] == ["SM-a", None, None, "SM-d"]
    assert {written[f"ref-{name}"].ended_at for name in "abcd"} == {AT + SECOND}


def test_endless_words_of_one_provider_are_cut(engine: Engine) -> None:
    """Law 9: an id, code or reason longer than its column is cut, and the others' answers are kept."""
    first, second = sending(engine, "A", "ref"), sending(engine, "B", "other")
    endless = "x" * 1000
    answers = [
        Answer("ref", Event.ACCEPT, "accepted", endless, counted=True, provider_id=endless, code=endless),
        Answer("other", Event.ACCEPT, "accepted", "yes", counted=True, provider_id="SM2"),
    ]
    with engine.begin() as connection:
        attempts.record(connection, answers, at=AT)

    written = attempts_now(engine)["ref"]
    assert [snapshot(engine)[one].state for one in (first, second)] == ["sent", "sent"]
    assert (len(written.provider_id), len(written.code), len(written.detail)) == (128, 64, 300)


# Doubt


def test_only_ended_leases_are_given_up(engine: Engine) -> None:
    """Law 3: a call that may still be answered is left alone; when its lease ends, it is in doubt, and counts."""
    reminder_id = sending(engine)
    planned = remind_leased(engine, "B")[0]
    for seconds, lost, state in ((LEASE_SECONDS - 1, 0, "sending"), (LEASE_SECONDS, 1, "in_doubt")):
        with engine.begin() as connection:
            assert unanswered.lose_expired(connection, owner="me:1", at=AT + seconds * SECOND) == lost
        assert snapshot(engine)[reminder_id].state == state

    assert snapshot(engine)[planned].state == "planned"
    assert (attempts_now(engine)["ref"].outcome, contacts(engine)) == ("unknown", [AT])
    assert "nobody knows" in snapshot(engine)[reminder_id].reason


def test_texts_are_given_up_not_reminders(engine: Engine) -> None:
    """A text for three accounts is one call lost, and all three are in doubt."""
    ids = remind_leased(engine, "A", "B", "C")
    reserve(engine, intent("ref", *ids))

    with engine.begin() as connection:
        assert unanswered.lose_expired(connection, owner="me:1", at=TOMORROW) == 1
    assert {row.state for row in snapshot(engine).values()} == {"in_doubt"}


def test_an_answer_recorded_meanwhile_is_not_taken_back(server_url: str) -> None:
    """Law 3: between finding a call expired and giving it up, its answer comes in; it stands, with its id."""
    engine = open_engine(server_url)
    reminder_id = sending(engine)
    answered: list[bool] = []

    def answer_now(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not answered and statement.startswith("SELECT DISTINCT outbox.reference"):
            answered.append(True)
            late = Thread(target=record, args=(engine, ACCEPTED))
            late.start()
            late.join()

    event.listen(engine, "after_cursor_execute", answer_now)
    with engine.begin() as connection:
        unanswered.lose_expired(connection, owner="me:1", at=TOMORROW)

    written = attempts_now(engine)["ref"]
    assert answered
    assert snapshot(engine)[reminder_id].state == "sent"
    assert (written.outcome, written.provider_id) == ("accepted", "SM1")
    engine.dispose()


def in_doubt(engine: Engine) -> int:
    """Write a reminder whose answer was lost; return its id."""
    reminder_id = sending(engine)
    record(engine, UNKNOWN)
    return reminder_id


def claimed_after(engine: Engine, at: datetime) -> list[int]:
    """Return what can be claimed then."""
    with engine.begin() as connection:
        found = outbox.claim(connection, owner=ME, at=at, lease_seconds=LEASE_SECONDS, limit=9)
    return [reminder.reminder_id for reminder in found]


def test_doubt_is_never_sent_again_by_itself(engine: Engine) -> None:
    """Law 3: neither claim, reserve nor another round of giving up moves it, however much later."""
    reminder_id = in_doubt(engine)
    before = snapshot(engine)
    long_after = AT + timedelta(days=300)

    assert claimed_after(engine, long_after) == []
    assert reserve(engine, intent("again", reminder_id), at=long_after).won == frozenset()
    with engine.begin() as connection:
        assert unanswered.lose_expired(connection, owner="me:1", at=long_after) == 0
    assert snapshot(engine) == before


@pytest.mark.parametrize(
    ("how", "state", "outcome", "counts"),
    [
        pytest.param(Event.CONFIRM, "sent", "accepted", True, id="confirmed"),
        pytest.param(Event.DISPROVE, "planned", "refused", False, id="disproved"),
        pytest.param(Event.ABANDON, "failed", "refused", True, id="abandoned"),
    ],
)
def test_doubt_is_settled_by_who_knows(engine: Engine, how: Event, state: str, outcome: str, counts: bool) -> None:
    """Law 3: a person or the provider moves it on; only what was never taken frees its room under the caps."""
    reminder_id = in_doubt(engine)
    with engine.begin() as connection:
        assert unanswered.resolve(connection, "ref", event=how, reason="ana looked", who="ana", at=TOMORROW) == 1
        assert unanswered.resolve(connection, "ref", event=how, reason="twice", who="ana", at=TOMORROW) == 0

    row = snapshot(engine)[reminder_id]
    assert (row.state, row.reason) == (state, "ana looked")
    assert attempts_now(engine)["ref"].outcome == outcome
    assert contacts(engine) == ([AT] if counts else [])
    assert claimed_after(engine, TOMORROW) == ([reminder_id] if how is Event.DISPROVE else [])


@pytest.mark.parametrize("how", [Event.CONFIRM, Event.DISPROVE, Event.ABANDON])
def test_what_is_not_in_doubt_is_not_settled(engine: Engine, how: Event) -> None:
    """Law 3: settling a text whose answer is known, or still awaited, changes nothing of what was recorded."""
    sending(engine)
    record(engine, ACCEPTED)
    sending(engine, "B", "awaited")
    before = attempts_now(engine)

    with engine.begin() as connection:
        for reference in ("ref", "awaited", "none such"):
            assert unanswered.resolve(connection, reference, event=how, reason="ana", who="ana", at=TOMORROW) == 0
    assert attempts_now(engine) == before


def test_what_was_disproved_is_sent_under_a_new_reference(engine: Engine) -> None:
    """Law 3: the second text is another attempt; an answer to the first one that still comes moves nothing."""
    reminder_id = in_doubt(engine)
    with engine.begin() as connection:
        unanswered.resolve(connection, "ref", event=Event.DISPROVE, reason="not there", who="ana", at=TOMORROW)
    assert claimed_after(engine, TOMORROW) == [reminder_id]
    assert reserve(engine, intent("second", reminder_id), at=TOMORROW).won == {"second"}

    record(engine, ACCEPTED)

    row = snapshot(engine)[reminder_id]
    assert (row.state, row.reference) == ("sending", "second")


def test_contacts_are_of_those_asked_for_and_since_then(engine: Engine) -> None:
    """Caps are judged by the customer's own contacts within the horizon, and no others."""
    with engine.begin() as connection:
        written: dict[str, dict[str, Any]] = {
            "now": {}, "old": {"started_at": AT - HOUR - SECOND}, "edge": {"started_at": AT - HOUR},
            "other": {"customer_id": "D"}, "refused": {"counted": False},
        }  # fmt: skip
        for reference, given in written.items():
            write_attempt(connection, reference, **given)

    assert sorted(contacts(engine, since=AT - HOUR)) == [AT - HOUR, AT]


def test_attempts_are_found_by_reference(engine: Engine) -> None:
    """What was sent, to whom and when, is on record under the name that the provider knows."""
    sending(engine)
    with engine.connect() as connection:
        (found,) = attempts.of_references(connection, ["ref", "none such"])
        assert connection.scalar(select(attempt.c.body)) == found.body == "Hello"
