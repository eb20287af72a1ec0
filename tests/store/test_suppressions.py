"""Suppressions: who has said STOP is left alone until a person says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from reminder.domain.hold import Suppression
from reminder.errors import DataError
from reminder.store import suppressions
from reminder.store.schema import suppression

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = AT + timedelta(days=1)
NUMBER = "+8613800138000"
STOP: dict[str, Any] = {"source": "replied STOP", "who": "twilio", "at": AT}


def test_suppression_comes_back_as_it_was_given(engine: Engine) -> None:
    """Why, since when and by whom a number is left alone can be shown to whoever asks."""
    with engine.begin() as connection:
        entry = suppressions.add(connection, **STOP, number=NUMBER, channel="sms")
        found = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])

    assert found == [
        Suppression(
            source="replied STOP", created_at=AT, channel="sms", number=NUMBER, who="twilio", suppression_id=entry
        )
    ]


def test_equal_suppression_is_written_once(engine: Engine) -> None:
    """A customer who says STOP five times has one entry, the first: that is since when it has counted."""
    with engine.begin() as connection:
        first = suppressions.add(connection, **STOP, number=NUMBER)
        again = suppressions.add(connection, source="replied STOP again", who="twilio", at=LATER, number=NUMBER)

        assert again == first
        assert [entry.created_at for entry in suppressions.listing(connection, active_only=False, limit=9)] == [AT]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"number": NUMBER, "channel": "voice"}, id="another channel"),
        pytest.param({"number": "+8613800138001"}, id="another number"),
        pytest.param({"customer_id": NUMBER}, id="a customer whose id looks the same"),
        pytest.param({"account_id": NUMBER}, id="an account whose id looks the same"),
    ],
)
def test_different_suppression_is_another_one(engine: Engine, other: dict[str, Any]) -> None:
    """Each number, customer and channel is its own: one entry does not swallow another."""
    with engine.begin() as connection:
        first = suppressions.add(connection, **STOP, number=NUMBER)

        assert suppressions.add(connection, **STOP, **other) != first
        assert len(suppressions.listing(connection, active_only=True, limit=9)) == 2


def test_suppressed_again_after_removal(engine: Engine) -> None:
    """STOP after START counts anew; the old entry stays on record as removed."""
    with engine.begin() as connection:
        first = suppressions.add(connection, **STOP, number=NUMBER)
        assert suppressions.remove(connection, number=NUMBER, who="li.na", at=LATER) == 1
        assert suppressions.covering(connection, numbers=[NUMBER], customer_ids=[]) == []
        second = suppressions.add(connection, **STOP, number=NUMBER)

        assert second != first
        everything = suppressions.listing(connection, active_only=False, limit=9)
        assert [entry.suppression_id for entry in everything] == [second, first]


@pytest.mark.parametrize(
    ("channel", "left"),
    [pytest.param("sms", ["*", "voice"], id="one channel"), pytest.param(None, [], id="every entry")],
)
def test_removal_is_of_one_channel_or_of_all(engine: Engine, channel: str | None, left: list[str]) -> None:
    """Allowing texts again does not allow calls again, unless that is what was asked."""
    with engine.begin() as connection:
        for name in ("*", "sms", "voice"):
            suppressions.add(connection, **STOP, number=NUMBER, channel=name)
        suppressions.add(connection, **STOP, number="+8613800138001")

        removed = suppressions.remove(connection, number=NUMBER, channel=channel, who="li.na", at=LATER)

        assert removed == 3 - len(left)
        found = suppressions.covering(connection, numbers=[NUMBER, "+8613800138001"], customer_ids=[])
        assert [entry.channel for entry in found] == [*left, "*"]


def test_removing_what_is_not_there_changes_nothing(engine: Engine) -> None:
    """The second of two removals says that there was nothing left, and does not sign the first one's work."""
    with engine.begin() as connection:
        suppressions.add(connection, **STOP, customer_id="c-1")

        assert suppressions.remove(connection, customer_id="c-1", who="li.na", at=LATER) == 1
        assert suppressions.remove(connection, customer_id="c-1", who="wang", at=LATER) == 0


def test_suppressions_of_thousands_are_found_in_one_call(engine: Engine) -> None:
    """A batch of any size finds its suppressions, by number and by customer, and nobody else's."""
    numbers = [f"+86138{number:08}" for number in range(1_200)]
    customers = [f"c-{number}" for number in range(1_200)]
    with engine.begin() as connection:
        suppressions.add(connection, **STOP, number=numbers[0])
        suppressions.add(connection, **STOP, number=numbers[1_199])
        suppressions.add(connection, **STOP, customer_id=customers[600])
        suppressions.add(connection, **STOP, customer_id="c-stranger")

        found = suppressions.covering(connection, numbers=numbers + numbers, customer_ids=customers)

    assert [entry.number or entry.customer_id for entry in found] == [numbers[0], numbers[1_199], customers[600]]


def test_listing_is_newest_first_and_bounded(engine: Engine) -> None:
    """`suppress list` shows the latest first, no more than was asked for, and removed ones only on request."""
    with engine.begin() as connection:
        ids = [suppressions.add(connection, **STOP, customer_id=f"c-{number}") for number in range(3)]
        suppressions.remove(connection, customer_id="c-1", who="li.na", at=LATER)

        def listed(*, active_only: bool, limit: int) -> list[int | None]:
            """Return the ids that are listed."""
            entries = suppressions.listing(connection, active_only=active_only, limit=limit)
            return [entry.suppression_id for entry in entries]

        assert listed(active_only=False, limit=9) == ids[::-1]
        assert listed(active_only=True, limit=9) == [ids[2], ids[0]]
        assert listed(active_only=False, limit=2) == [ids[2], ids[1]]


def test_long_source_is_cut_rather_than_the_stop_lost(engine: Engine) -> None:
    """A STOP that comes with pages of provider's text is still a STOP, on the strictest database."""
    with engine.begin() as connection:
        suppressions.add(connection, source="x" * 1_000, who="y" * 100, at=AT, number=NUMBER)
        (entry,) = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])

    assert (len(entry.source), len(entry.who)) == (300, 64)


@pytest.mark.parametrize(
    "subject",
    [{}, {"number": NUMBER, "customer_id": "c-1"}, {"customer_id": "c-1", "account_id": "a-1"}],
    ids=["nobody", "number and customer", "customer and account"],
)
def test_suppression_is_of_one_number_customer_or_account(sqlite_engine: Engine, subject: dict[str, Any]) -> None:
    """An entry for nobody, or a removal for everybody, is refused in words that show no number (law 13)."""
    with sqlite_engine.begin() as connection:
        acts: tuple[Callable[[], int], ...] = (
            lambda: suppressions.add(connection, **STOP, **subject),
            lambda: suppressions.remove(connection, who="li.na", at=AT, **subject),
        )
        for act in acts:
            with pytest.raises(DataError, match="give exactly one") as caught:
                act()
            assert NUMBER not in str(caught.value)


def test_overlong_number_is_refused_on_every_database(engine: Engine) -> None:
    """A number longer than E.164 allows is refused alike everywhere, and is not shown (law 13)."""
    with engine.begin() as connection, pytest.raises(DataError, match="at most 20 characters") as caught:
        suppressions.add(connection, **STOP, number=NUMBER * 2)

    assert NUMBER not in str(caught.value)


def test_a_debt_alone_is_suppressed(engine: Engine) -> None:
    """Who contests one debt may still be reminded of another."""
    with engine.begin() as connection:
        suppressions.add(connection, **STOP, account_id="a-1")
        found = suppressions.covering(connection, numbers=[NUMBER], customer_ids=["c-1"], account_ids=["a-1", "a-2"])

    assert [(entry.account_id, entry.number, entry.customer_id) for entry in found] == [("a-1", None, None)]


def test_why_somebody_may_be_contacted_again_is_on_record(engine: Engine) -> None:
    """The reason stands beside who said so and when."""
    with engine.begin() as connection:
        suppressions.add(connection, **STOP, number=NUMBER)
        suppressions.remove(connection, number=NUMBER, who="li.na", at=LATER, reason=" she asked for texts, call 77 ")
        row = connection.execute(select(suppression)).one()

    assert (row.removed_by, row.removed_at, row.removed_because) == ("li.na", LATER, "she asked for texts, call 77")


def test_a_list_adds_what_is_new_and_tells_it(engine: Engine) -> None:
    """A list of any size is written at once: what is in force already, or stands in it twice, is not written again."""
    listed = [Suppression("list of March", AT, "sms", number=f"+86138{number:08}") for number in range(1_100)]
    debts = [Suppression("list of March", AT, customer_id="c-1"), Suppression("list of March", AT, account_id="a-1")]
    with engine.begin() as connection:
        suppressions.add(connection, **STOP, number=listed[7].number, channel="sms")
        suppressions.add(connection, **STOP, number=listed[8].number, channel="voice")
        new = suppressions.add_many(connection, [*listed, *debts, listed[3]])
        again = suppressions.add_many(connection, [*listed, *debts])
        kept = suppressions.listing(connection, active_only=True, limit=5_000)

    assert new == [*listed[:7], *listed[8:], *debts]
    assert again == []
    assert len(kept) == 2 + len(new)
