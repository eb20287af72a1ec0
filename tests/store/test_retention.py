"""Retention: what is older than its age loses what is personal; proof, protection and everything younger stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, insert, select, update

from reminder.domain.consent import Consent
from reminder.domain.hold import HoldKind
from reminder.domain.lifecycle import FINAL, OPEN, State
from reminder.domain.receipt import Inbound, Meaning, Progress, Receipt
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.retention import FLOORS, Matter, Retention
from reminder.store import consents, holds, inbound, numbers, receipts, retention, sealing, suppressions
from reminder.store.engine import open_engine
from reminder.store.retention import REMOVED, due, sweep
from reminder.store.schema import agreement, attempt, hold, metadata, outbox, receipt, record, record_private
from reminder.store.schema import inbound as replies
from support.outbox_rows import in_every_state, remind, write_attempt
from support.records import text_entry, verified, write

NOW = datetime(2030, 1, 1, 9, tzinfo=UTC)
AGE = timedelta(days=500)
OLD, YOUNG = NOW - AGE - timedelta(days=1), NOW - AGE + timedelta(days=1)
ALL = Retention(dict.fromkeys(Matter, AGE))
SECOND = timedelta(seconds=1)
NUMBER = "+8613800138000"


def forget(engine: Engine, rules: Retention = ALL, **given: Any) -> dict[str, int]:
    """Take everything that is too old at NOW; return how many rows of which table."""
    gone: dict[str, int] = {}
    for batch in sweep(engine, rules, who="host:1", actor=Actor.PROCESS, at=NOW, **given):
        gone[batch.table] = gone.get(batch.table, 0) + batch.rows
    return gone


def texted(connection: Connection, name: str, at: datetime, *, state: State = State.SENT) -> None:
    """Write a text of an instant, its reminder in this state, its receipt and its entry."""
    reference = write_attempt(connection, f"ref-{name}", number=NUMBER, body="王小明 owes 123", started_at=at)
    row = {"planned_at": at, "changed_at": at, "not_before": at, "expires_at": at + timedelta(days=2)}
    remind(connection, f"A-{name}", state=state.value, reference=reference, reason="hold: lost my job", **row)
    delivered = Receipt(f"P-{name}", "delivered", Progress.ARRIVED, reference)
    receipts.keep(connection, "g", [receipts.Kept(delivered, None, "moved")], at=at)


def wrote(connection: Connection, name: str, at: datetime, *, waits: bool = False) -> None:
    """Write a customer's text of an instant."""
    text = Inbound(f"IM-{name}", NUMBER, "+100", "I am in hospital", None)
    one = inbound.write(connection, "twilio", text, meaning=Meaning.OTHER, customer_id="C", at=at)
    inbound.settle(connection, one, acted="kept", waits=waits)


def agreed(connection: Connection, at: datetime, *, ended: datetime | None) -> int:
    """Write a promise of an instant, and the entry of what was said."""
    row = {
        "kind": "promise", "account_id": "A", "customer_id": "C", "open_account_id": None if ended else f"A-{at}",
        "due_date": date(2026, 3, 1), "currency": "CNY", "owed": 100, "parts": [["2026-03-09", 100]],
        "tolerance_percent": 0, "state": "kept" if ended else "open", "note": "waits for wages", "who": "li.na",
        "made_at": at, "ended_at": ended,
    }  # fmt: skip
    key = connection.execute(insert(agreement).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def parts_of(engine: Engine, kind: Kind) -> int:
    """Return how many entries of a kind still have their personal part."""
    with engine.connect() as connection:
        return len(list(connection.execute(select(record_private).where(record_private.c.kind == kind))))


def everything(engine: Engine, *but: str) -> dict[str, list[Any]]:
    """Return all rows of all tables but these."""
    tables = [table for table in metadata.sorted_tables if table.name not in but]
    with engine.connect() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


@pytest.fixture
def lived(engine: Engine) -> Engine:
    """A database with an old and a young one of everything, sealed as it came."""
    for name, at in (("old", OLD), ("young", YOUNG)):
        with engine.begin() as connection:
            texted(connection, name, at)
            wrote(connection, name, at)
            one = holds.add(
                connection,
                kind=HoldKind.HARDSHIP,
                reason="lost my job",
                who="li.na",
                customer_id="C",
                at=at - 2 * SECOND,
            )
            holds.release(connection, one, who="li.na", reason="found another", at=at)
            promise = agreed(connection, at - SECOND, ended=at)
        write(
            engine,
            text_entry("C", NUMBER),
            Entry(Kind.PROMISE, Actor.OPERATOR, "li.na", subject=str(promise), private={"reason": "waits for wages"}),
            at=at,
        )
        sealing.seal(engine, at=at)
    return engine


def test_old_goes_and_young_stays_in_every_table(lived: Engine) -> None:
    """What is older than its age loses numbers, words and parts; what is younger by a day keeps them all."""
    assert forget(lived) == {
        "attempt": 1, "outbox": 1, "record_private": 5, "inbound": 1, "receipt": 1, "hold": 1, "agreement": 1,
    }  # fmt: skip

    with lived.connect() as connection:
        texts = connection.execute(select(attempt.c.number, attempt.c.body).order_by(attempt.c.started_at)).all()
        reasons = list(connection.scalars(select(outbox.c.reason).order_by(outbox.c.planned_at)))
        said = list(connection.scalars(select(replies.c.body).order_by(replies.c.inbound_id)))
        words = connection.execute(select(hold.c.reason, hold.c.released_because).order_by(hold.c.hold_id)).all()
        notes = connection.execute(select(agreement.c.note, agreement.c.ended_why).order_by(agreement.c.made_at)).all()
        kept = list(connection.scalars(select(receipt.c.provider_id)))
    assert [tuple(row) for row in texts] == [("", REMOVED), (NUMBER, "王小明 owes 123")]
    assert reasons == ["hold", "hold: lost my job"]
    assert said == [REMOVED, "I am in hospital"]
    assert [tuple(row) for row in words] == [(REMOVED, REMOVED), ("lost my job", "found another")]
    assert [tuple(row) for row in notes] == [(REMOVED, ""), ("waits for wages", "")]
    assert kept == ["P-young"]


def test_record_stays_green_and_tells_of_each_batch(lived: Engine) -> None:
    """Law 14: what was sealed is proven as before, with the anchor from before; each batch is on record."""
    with lived.connect() as connection:
        anchor = sealing.head(connection)
    assert anchor is not None
    gone = forget(lived)
    sealing.seal(lived, at=NOW)

    found = verified(lived, anchor.anchor)
    assert (found.faults, found.gone) == ([], gone["record_private"])
    with lived.connect() as connection:
        told = connection.execute(select(record).where(record.c.kind == Kind.RETENTION)).all()
    assert {(row.who, row.actor) for row in told} == {("host:1", "process")}
    assert {row.subject for row in told} == {matter.value for matter in Matter}


def test_parts_that_no_retention_covers_are_missed(lived: Engine) -> None:
    """Law 14: a retention on record is no licence for what is younger than it says."""
    forget(lived)
    with lived.begin() as connection:
        connection.execute(delete(record_private).where(record_private.c.happened_at > NOW - AGE))

    assert not verified(lived).sound


def test_what_is_counted_is_what_goes(lived: Engine) -> None:
    """Law 1 in small: a dry run names the same rows that a run takes, and afterwards nothing is left to take."""
    with lived.connect() as connection:
        counted = due(connection, ALL, NOW)
    flat: dict[str, int] = {}
    for tables in counted.values():
        for name, count in tables.items():
            flat[name] = flat.get(name, 0) + count

    assert flat == forget(lived)
    assert forget(lived) == {}


def test_without_ages_nothing_goes(lived: Engine) -> None:
    """The default is to keep everything for good."""
    before = everything(lived)
    assert forget(lived, Retention()) == {}
    assert everything(lived) == before


@pytest.mark.parametrize("matter", Matter)
def test_each_matter_goes_by_itself(lived: Engine, matter: Matter) -> None:
    """An age for one thing takes nothing of another."""
    tables = {
        Matter.TEXTS: {"attempt": 1, "outbox": 1, "record_private": 1},
        Matter.REPLIES: {"inbound": 1, "record_private": 1},
        Matter.RECEIPTS: {"receipt": 1},
        Matter.WORDS: {"hold": 1, "agreement": 1, "record_private": 3},
    }
    assert forget(lived, Retention({matter: AGE})) == tables[matter]


def test_only_what_is_final_is_touched(engine: Engine) -> None:
    """Law 3: a text in doubt is asked for by number and body, however old it is; so is its receipt and its entry."""
    then = {"planned_at": OLD, "changed_at": OLD, "not_before": OLD, "expires_at": OLD, "reason": "cap: 1 a day"}
    with engine.begin() as connection:
        ids = in_every_state(connection, **then)
        connection.execute(update(attempt).values(started_at=OLD))
        for state in State:
            sent = Receipt(f"P-{state}", "sent", Progress.ARRIVED, f"ref-{state}")
            receipts.keep(connection, "g", [receipts.Kept(sent, None, "kept")], at=OLD)
    for state, one in ids.items():
        told: dict[str, Any] = {"reference": f"ref-{state}", "reminder_id": one, "private": {"number": NUMBER}}
        write(engine, Entry(Kind.TEXT, Actor.PROCESS, "host:1", **told), at=OLD)
    forget(engine)

    with engine.connect() as connection:
        whole = set(connection.scalars(select(attempt.c.reference).where(attempt.c.number != "")))
        heard = set(connection.scalars(select(receipt.c.reference)))
        said = set(connection.scalars(select(outbox.c.state).where(outbox.c.reason == "cap: 1 a day")))
    assert whole == heard == {f"ref-{state}" for state in OPEN}
    assert said == {state.value for state in OPEN}
    assert parts_of(engine, Kind.TEXT) == len(State) - len(FINAL)


def test_what_waits_for_a_person_is_kept(engine: Engine) -> None:
    """Nothing lost: a customer's text that nobody has dealt with is there until somebody has, with its entry."""
    with engine.begin() as connection:
        wrote(connection, "waits", OLD, waits=True)

    assert forget(engine) == {}
    assert parts_of(engine, Kind.INBOUND) == 1


def test_holds_and_promises_in_force_keep_their_words(engine: Engine) -> None:
    """A hold without an end, one that has just ended and an open promise are as they were, with their entries."""
    with engine.begin() as connection:
        lasting: dict[str, Any] = {"reason": "lost my job", "who": "li.na", "at": OLD}
        holds.add(connection, kind=HoldKind.LEGAL, customer_id="C", **lasting)
        holds.add(connection, kind=HoldKind.DISPUTE, customer_id="D", until=YOUNG, **lasting)
        holds.add(connection, kind=HoldKind.DISPUTE, customer_id="E", until=OLD + SECOND, **lasting)
        one = agreed(connection, OLD, ended=None)
    write(engine, Entry(Kind.PROMISE, Actor.OPERATOR, "li.na", subject=str(one), private={"reason": "wages"}), at=OLD)
    before = everything(engine)

    # The third is over, but a selection's accounts could still be coming back.
    assert forget(engine) == {}
    assert everything(engine) == before


def test_old_stop_still_protects(engine: Engine) -> None:
    """Law 5: suppressions, consents and marks of numbers have no age; a STOP of ten years ago is as good as today's."""
    long_ago = NOW - timedelta(days=3650)
    with engine.begin() as connection:
        suppressions.add(connection, number=NUMBER, channel="sms", source="STOP by text", who="twilio", at=long_ago)
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30006", at=long_ago)
        consents.add(connection, Consent("contract", "p. 4", long_ago, number=NUMBER, who="ann"), at=long_ago)
    before = everything(engine)
    assert forget(engine) == {}
    assert everything(engine) == before
    with engine.connect() as connection:
        assert len(suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])) == 1


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_batches_are_bounded_and_reach_everything(engine: Engine, rows: int) -> None:
    """Law 12: no transaction changes more rows than asked, whatever is due, also among texts of one instant."""
    with engine.begin() as connection:
        for number in range(7):
            texted(connection, str(number), OLD)
    found = list(sweep(engine, ALL, who="host:1", actor=Actor.PROCESS, at=NOW, rows=rows))

    assert max(batch.rows for batch in found) == rows
    assert sum(batch.rows for batch in found if batch.table == "attempt") == 7


def test_broken_off_anywhere_it_is_sound_and_goes_on(lived: Engine) -> None:
    """Nothing lost: whoever stops after any batch leaves a record that verifies, and the next run does the rest."""
    gone = 0
    while True:
        batch = next(sweep(lived, ALL, who="host:1", actor=Actor.PROCESS, at=NOW, rows=1), None)
        if batch is None:
            break
        gone += batch.rows
        sealing.seal(lived, at=NOW)
        assert verified(lived).sound
    assert gone == 11


def test_two_at_once_count_nothing_twice(lived: Engine) -> None:
    """A leader that was followed and its follower may sweep at the same time: what is gone is counted once."""
    first, second = (sweep(lived, ALL, who=who, actor=Actor.PROCESS, at=NOW, rows=1) for who in ("a:1", "b:1"))
    gone = 0
    pending = [first, second]
    while pending:
        for each in list(pending):
            batch = next(each, None)
            if batch is None:
                pending.remove(each)
            else:
                gone += batch.rows
    assert gone == 11


@pytest.fixture
def make_engine() -> Callable[[], Engine]:
    """A function that makes an empty database in memory, a new one for each example."""

    def make() -> Engine:
        engine = open_engine("sqlite://")
        metadata.create_all(engine)
        return engine

    return make


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.dictionaries(st.sampled_from(Matter), st.integers(400, 4000)),
    days=st.lists(st.integers(-2000, 2000), min_size=1, max_size=4),
    edge=st.sampled_from([-SECOND, timedelta(), SECOND]),
)
def test_nothing_younger_than_its_age_is_touched(
    make_engine: Callable[[], Engine], ages: dict[Matter, int], days: list[int], edge: timedelta
) -> None:
    """Whatever the ages and whenever things came: those that are younger, or just as old, keep every word."""
    rules = Retention({matter: timedelta(days=age) for matter, age in ages.items()})
    engine = make_engine()
    came = {f"{place}": NOW - timedelta(days=2000 + each) + edge for place, each in enumerate(days)}
    with engine.begin() as connection:
        for name, at in came.items():
            texted(connection, name, at)
            wrote(connection, name, at)
    forget(engine, rules)

    def kept(matter: Matter) -> set[str]:
        before = rules.before(matter, NOW)
        return {name for name, at in came.items() if before is None or at >= before}

    with engine.connect() as connection:
        whole = set(connection.scalars(select(attempt.c.reference).where(attempt.c.number != "")))
        read = set(connection.scalars(select(replies.c.provider_id).where(replies.c.body != REMOVED)))
        heard = set(connection.scalars(select(receipt.c.provider_id)))
    assert whole == {f"ref-{name}" for name in kept(Matter.TEXTS)}
    assert read == {f"IM-{name}" for name in kept(Matter.REPLIES)}
    assert heard == {f"P-{name}" for name in kept(Matter.RECEIPTS)}
    assert parts_of(engine, Kind.INBOUND) == len(read)
    engine.dispose()


def test_floors_are_above_what_is_worked_with() -> None:
    """Law 10: a cap may count texts to a number over 366 days, so numbers stay for longer than that."""
    assert FLOORS[Matter.TEXTS] > timedelta(days=366)
    assert set(FLOORS) == set(Matter)
    assert retention.BATCH_ROWS <= 500
