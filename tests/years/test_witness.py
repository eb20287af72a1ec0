"""The witness himself: he is silent about a true record, and says what is missing, changed or made up in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from reminder.domain.hold import HoldKind
from reminder.domain.receipt import Progress, Receipt
from reminder.domain.record import Kind
from reminder.pipeline.housekeeping import note_versions
from reminder.pipeline.receive import receive_receipts
from reminder.store import holds
from reminder.store.engine import open_engine
from reminder.store.schema import metadata, record, record_private
from support.provider import Provider
from support.worlds import World, account_row, policy
from years.effort import weigh
from years.living import opened
from years.memory import LawBrokenError
from years.provider import Taken
from years.witness import Witness

DUE = date(2026, 11, 23)


@pytest.fixture
def world() -> Iterator[World]:
    """Lend a world in which one text was sent and has arrived, one account is held, and nothing else has happened."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    made = World(engine, policies=(policy(),))
    made.recorder = Provider(lambda: made.at)
    made.add_accounts(account_row("A", DUE), account_row("B", DUE, phone="13900139000"))
    made.hold(account_id="B")
    deployment = made.deployment()
    note_versions(deployment, made.at)
    made.run()
    made.later(seconds=9)
    (reference,) = [message.reference for message in made.recorder.taken]
    receive_receipts(deployment, "recorder", [Receipt(f"P-{reference}", "delivered", Progress.ARRIVED, reference)])
    yield made
    engine.dispose()


def _witness(world: World) -> Witness:
    """Return somebody who saw all of it."""
    seen = Witness(Random(1))  # noqa: S311 - a test
    seen.act(Kind.HOLD, 1)
    seen.receipts.add(("recorder", f"P-{world.recorder.taken[0].reference}", "delivered"))
    seen.versions["loan"].append("")  # the policies of small worlds have no file whose words could be kept
    return seen


def _look(world: World, witness: Witness) -> None:
    taken = [Taken(world.at, world.at, message, "P", "recorder") for message in world.recorder.taken]
    with world.engine.connect() as connection:
        witness.look(connection, taken)


def test_a_true_record_is_let_pass(world: World) -> None:
    """Law 14: texts, answers, receipts, silences, plans and acts of people are all told, and well sealed."""
    witness = _witness(world)
    _look(world, witness)
    witness.seal(world.engine, world.at)
    witness.verify(world.engine)

    assert (len(witness.texts), len(witness.states), witness.planned) == (1, 2, 2)


def _without(kind: Kind) -> Callable[[Connection], None]:
    def lose(connection: Connection) -> None:
        connection.execute(record.delete().where(record.c.kind == kind.value))

    return lose


def _other_words(connection: Connection) -> None:
    for row in connection.execute(select(record_private)).all():
        words = row.content.replace("123.45", "123.46")
        connection.execute(
            update(record_private).where(record_private.c.commitment == row.commitment).values(content=words)
        )


@pytest.mark.parametrize(
    "lie",
    [
        *(pytest.param(_without(kind), id=f"no {kind}") for kind in (Kind.TEXT, Kind.ANSWER, Kind.RECEIPT)),
        *(pytest.param(_without(kind), id=f"no {kind}") for kind in (Kind.PLAN, Kind.HOLD)),
        pytest.param(_other_words, id="other words"),
        pytest.param(lambda each: each.execute(text("UPDATE outbox SET state = 'failed'")), id="another state"),
        pytest.param(lambda each: each.execute(text("DELETE FROM outbox WHERE account_id = 'B'")), id="a row is gone"),
    ],
)
def test_what_is_not_as_the_record_says_is_named(world: World, lie: Callable[[Any], object]) -> None:
    """Law 14: an entry that is missing, a word that is another, a reminder of which the record knows nothing."""
    with world.engine.begin() as connection:
        lie(connection)
    with pytest.raises(LawBrokenError, match="law 14"):
        _look(world, _witness(world))


def test_an_act_that_nobody_did_is_named(world: World) -> None:
    """Law 14: neither more nor less than was done stands on record."""
    with world.engine.begin() as connection:
        holds.add(connection, kind=HoldKind.DISPUTE, reason="x", who="nobody", at=world.at, account_id="A")
    with pytest.raises(LawBrokenError, match="acts of people"):
        _look(world, _witness(world))


def test_a_decision_by_an_unknown_version_is_named(world: World) -> None:
    """Law 14: each decision names the version of its policy, and the words of that version are on record."""
    witness = _witness(world)
    witness.versions.clear()
    with pytest.raises(LawBrokenError, match="rests on a version"):
        _look(world, witness)


def test_an_end_that_was_cut_off_is_named(world: World) -> None:
    """Law 14: whoever keeps an anchor sees that the end is missing."""
    witness = _witness(world)
    _look(world, witness)
    witness.seal(world.engine, world.at)
    with world.engine.begin() as connection:
        for table in ("record_leaf", "record_block", "record"):
            connection.execute(text(f"DELETE FROM {table}"))
    with pytest.raises(LawBrokenError, match="not as it was sealed"):
        witness.verify(world.engine)


def test_a_plan_that_reads_the_whole_book_is_named(tmp_path: Path) -> None:
    """Law 12: without the index on due dates a plan costs what is in the book, and the scales show it."""
    with opened(4, tmp_path, accounts=15, elsewhere=False) as year:
        assert "alone" in weigh(year)
        with year.lender.engine.begin() as connection:
            connection.execute(text("DROP INDEX ix_unpaid_due"))
        with pytest.raises(LawBrokenError, match="law 12"):
            weigh(year)
