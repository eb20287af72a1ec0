"""Writing the record: with its act or not at all, personal parts apart, nothing lost on any database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, event, select

from reminder.domain.record import Actor, Entry, Kind, commitment
from reminder.store import record
from reminder.store.schema import in_force, record_private
from reminder.store.schema import record as entries

AT = datetime(2026, 3, 1, 9, 0, 0, 7, tzinfo=UTC)


def rows(connection: Connection) -> list[Row[Any]]:
    """Return all entries in the order in which they were written."""
    return list(connection.execute(select(entries).order_by(entries.c.entry_id)))


def test_entry_comes_back_as_it_was_written(engine: Engine) -> None:
    """Law 14: who, what, whom, when to the microsecond, from what to what: byte for byte what will be hashed."""
    entry = Entry(
        Kind.HOLD, Actor.OPERATOR, "李娜", subject="12", account_id="LN-1", customer_id="C-1", reminder_id=4,
        reference="r", was="in force", became="released", data={"kind": "dispute", "note": "\x00 \u2028 🙂"},
    )  # fmt: skip
    with engine.begin() as connection:
        record.append(connection, [entry], at=AT)
        (row,) = rows(connection)

    assert row._asdict() == {
        "entry_id": row.entry_id, "kind": "hold", "actor": "operator", "who": "李娜", "subject": "12",
        "account_id": "LN-1", "customer_id": "C-1", "reminder_id": 4, "reference": "r", "happened_at": AT,
        "data": entry.open_part(), "commitment": None,
    }  # fmt: skip


def test_personal_part_lies_apart_under_its_commitment(engine: Engine) -> None:
    """What may have to be erased is not in the row that is kept, which only commits to it."""
    with engine.begin() as connection:
        record.append(
            connection,
            [Entry(Kind.TEXT, Actor.PROCESS, "host:1", customer_id="C", private={"number": "+8613800138000"})] * 2,
            at=AT,
        )
        written = rows(connection)
        apart = {row.commitment: row for row in connection.execute(select(record_private))}

    assert [row.commitment for row in written] == [row.commitment for row in written if row.commitment in apart]
    assert len(apart) == 2, "the same words twice have two salts: equal commitments would tell that they are equal"
    for row in apart.values():
        assert commitment(row.salt, row.content) == row.commitment
        assert (row.kind, row.happened_at) == ("text", AT)
        assert json.loads(row.content) == {"number": "+8613800138000"}
    assert not any("138" in str(row.data) for row in written)


def test_entry_stands_and_falls_with_its_act(engine: Engine) -> None:
    """An act that is undone leaves no entry: what is on record has happened."""
    with engine.connect() as connection:
        record.append(connection, [Entry(Kind.HOLD, Actor.OPERATOR, "li.na", private={"reason": "x"})], at=AT)
        connection.rollback()

        assert rows(connection) == []
        assert connection.execute(select(record_private)).all() == []


def test_a_batch_is_two_statements(engine: Engine) -> None:
    """The hot path: however many entries a transaction has, they cost no round trip each."""
    told: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: told.append(given[2]))
    with engine.begin() as connection:
        record.append(
            connection,
            [Entry(Kind.TEXT, Actor.PROCESS, "host:1", reminder_id=number, private={"n": 1}) for number in range(300)],
            at=AT,
        )
        written = rows(connection)

    assert len([statement for statement in told if statement.startswith("INSERT")]) == 2
    assert [row.reminder_id for row in written] == list(range(300)), "entries stand in the order of the acts"


def test_nothing_is_written_of_nothing(engine: Engine) -> None:
    """A batch in which nothing changed leaves the record alone."""
    with engine.begin() as connection:
        record.append(connection, [], at=AT)

        assert rows(connection) == []


def test_an_act_does_not_fail_for_how_it_is_told(engine: Engine) -> None:
    """Names too long, NUL and halves of surrogates come from outside; they are cut or replaced, the act goes on."""
    entry = Entry(
        Kind.RECEIPT, Actor.PROVIDER, "w" * 99, subject="s\x00\ud800" + "s" * 300, reference="r" * 99,
        data={"text": "x\ud800" * 40_000},
    )  # fmt: skip
    with engine.begin() as connection:
        record.append(connection, [entry], at=AT)
        (row,) = rows(connection)

    assert (row.who, row.subject[:3], len(row.subject), len(row.reference)) == ("w" * 64, "s\ufffd?", 200, 64)
    assert json.loads(row.data) == {"text": "x?" * 40_000}


def versions(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return what the record says of versions, in order."""
    return [(row.subject, json.loads(row.data)) for row in rows(connection)]


def test_a_version_is_written_when_it_comes_into_force(engine: Engine) -> None:
    """A past decision can be explained: the text of its policy is on record, once, and when it went."""
    with engine.begin() as connection:
        both = {"loan": ("d1", "policy: loan"), "card": ("d2", "policy: card")}
        assert record.came_into_force(connection, Kind.POLICY, both, who="host:1", at=AT) == ["card", "loan"]
        assert record.came_into_force(connection, Kind.POLICY, both, who="host:2", at=AT) == []
        edited = {"loan": ("d3", "policy: loan # edited")}
        assert record.came_into_force(connection, Kind.POLICY, edited, who="host:1", at=AT) == ["loan", "card"]
        assert record.came_into_force(connection, Kind.POLICY, both, who="host:1", at=AT) == ["card", "loan"]
        told = versions(connection)

    assert told == [
        ("card", {"from": "", "to": "d2", "content": "policy: card"}),
        ("loan", {"from": "", "to": "d1", "content": "policy: loan"}),
        ("loan", {"from": "d1", "to": "d3", "content": "policy: loan # edited"}),
        ("card", {"from": "d2", "to": ""}),
        ("card", {"from": "", "to": "d2", "content": "policy: card"}),
        ("loan", {"from": "d3", "to": "d1", "content": "policy: loan"}),
    ]


def test_a_policy_is_no_profile(engine: Engine) -> None:
    """Two kinds of files may have the same name; the one says nothing of the other."""
    with engine.begin() as connection:
        record.came_into_force(connection, Kind.POLICY, {"cn": ("d", "p")}, who="w", at=AT)
        changed = record.came_into_force(connection, Kind.PROFILE, {"cn": ("d", "f")}, who="w", at=AT)
        since = set(connection.scalars(select(in_force.c.since)))

    assert changed == ["cn"]
    assert since == {AT}
