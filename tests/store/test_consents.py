"""Consents: proof of who agreed to what, when, and of who took it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from reminder.domain.consent import Consent
from reminder.errors import DataError
from reminder.store import consents

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBER, OTHER = "+8613800138000", "+8613900139000"
AGREED = Consent("web form", "ticked box 7, IP kept", AT - DAY, customer_id="c-1", who="li.na")


def given(connection: Connection, at: datetime = AT, **changes: Any) -> int | None:
    """Write down a consent like AGREED."""
    return consents.add(connection, replace(AGREED, **changes), at=at)


def standing(connection: Connection, number: str = NUMBER, customer_id: str = "c-1") -> list[int | None]:
    """Return the ids of the consents that nobody has withdrawn."""
    found = consents.covering(connection, numbers=[number], customer_ids=[customer_id])
    return [entry.consent_id for entry in found]


def test_a_consent_comes_back_as_it_was_given(engine: Engine) -> None:
    """Who, how, when, with which proof and by whose hand: the record that a regulator asks for."""
    with engine.begin() as connection:
        key = given(connection, number=NUMBER, account_id="a-1", channel="sms")
        (found,) = consents.covering(connection, numbers=[NUMBER], customer_ids=[])

    assert found == replace(AGREED, number=NUMBER, account_id="a-1", channel="sms", recorded_at=AT, consent_id=key)


def test_an_equal_consent_is_written_once(engine: Engine) -> None:
    """The same list imported twice proves nothing twice; another proof is another consent."""
    with engine.begin() as connection:
        assert given(connection) is not None
        assert given(connection, at=AT + DAY) is None
        assert given(connection, proof="signed paper, box 12") is not None
        assert given(connection, number=NUMBER) is not None
        assert len(standing(connection)) == 3


@pytest.mark.parametrize(
    ("whose", "left"),
    [
        pytest.param({"customer_id": "c-1"}, ["number"], id="a customer, with every number and debt"),
        pytest.param({"number": NUMBER}, ["customer", "debt", "voice"], id="a number, whoever has it"),
        pytest.param({"customer_id": "c-1", "number": NUMBER}, ["customer", "number", "debt", "voice"], id="both"),
        pytest.param(
            {"customer_id": "c-1", "account_id": "a-1"}, ["customer", "number", "both", "voice"], id="one debt"
        ),
        pytest.param(
            {"customer_id": "c-1", "channel": "voice"}, ["customer", "number", "both", "debt"], id="one channel"
        ),
    ],
)
def test_what_is_withdrawn_is_over_and_stays_on_record(engine: Engine, whose: dict[str, str], left: list[str]) -> None:
    """Law 5: from that instant there is no consent, and how it ended is kept beside how it began."""
    scopes: dict[str, dict[str, Any]] = {
        "customer": {}, "number": {"customer_id": None, "number": NUMBER}, "both": {"number": NUMBER},
        "debt": {"account_id": "a-1"}, "voice": {"channel": "voice"},
    }  # fmt: skip
    with engine.begin() as connection:
        ids = {name: given(connection, **scope) for name, scope in scopes.items()}
        ended = consents.withdraw(connection, who="wang", reason=" letter of 2 March ", at=AT + DAY, **whose)

        assert standing(connection) == [ids[name] for name in scopes if name in left]
        assert ended == len(scopes) - len(left)
        over = [entry for entry in consents.listing(connection, active_only=False, limit=9) if entry.withdrawn_at]
        assert {(entry.withdrawn_at, entry.withdrawn_by, entry.withdrawn_because) for entry in over} == {
            (AT + DAY, "wang", "letter of 2 March")
        }
        assert consents.withdraw(connection, who="wang", reason="again", at=AT + DAY, **whose) == 0


def test_an_old_list_does_not_bring_back_what_was_withdrawn(engine: Engine) -> None:
    """Whoever took consent back must give it anew: a row that is older than that is refused, a newer one is not."""
    with engine.begin() as connection:
        given(connection)
        consents.withdraw(connection, customer_id="c-1", who="wang", reason="letter", at=AT)
        for older in ({}, {"number": NUMBER}, {"account_id": "a-1"}, {"proof": "another"}, {"channel": "*"}):
            with pytest.raises(DataError, match=r"found one of 2026-02-28 09:00 UTC: ask again"):
                given(connection, at=AT + DAY, **older)
        assert standing(connection) == []
        assert given(connection, at=AT + DAY, given_at=AT + DAY) is not None
        assert given(connection, at=AT + DAY, customer_id="c-2") is not None


def test_a_withdrawal_for_one_thing_is_not_one_for_another(engine: Engine) -> None:
    """Taking back one debt, number or channel leaves consents for others as they are."""
    with engine.begin() as connection:
        given(connection, number=NUMBER, account_id="a-1")
        consents.withdraw(connection, customer_id="c-1", who="wang", reason="letter", at=AT)

        assert given(connection, number=OTHER) is not None
        assert given(connection, number=NUMBER, account_id="a-2") is not None
        assert given(connection, number=NUMBER, channel="voice") is not None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"customer_id": None}, "expected a customer, a number or both", id="nobody"),
        pytest.param({"source": " "}, "expected a source", id="no source"),
        pytest.param({"proof": ""}, "expected a proof", id="no proof"),
        pytest.param({"proof": "x" * 301}, "at most 300 characters", id="proof too long"),
        pytest.param({"given_at": AT + DAY}, "given by now, found 2026-03-02 09:00 UTC", id="in the future"),
    ],
)
def test_a_consent_that_proves_nothing_is_refused(sqlite_engine: Engine, wrong: dict[str, Any], message: str) -> None:
    """A record that would not stand before a regulator is not written."""
    with sqlite_engine.begin() as connection:
        with pytest.raises(DataError, match=message):
            given(connection, **wrong)
        assert consents.listing(connection, active_only=False, limit=9) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [({}, "expected a customer or a number"), ({"customer_id": "c-1", "reason": " "}, "expected how it was withdrawn")],
    ids=["nobody", "no reason"],
)
def test_nobody_withdraws_for_nobody(sqlite_engine: Engine, how: dict[str, str], message: str) -> None:
    """A slip would take everybody's consent away, or leave nobody to ask why."""
    with sqlite_engine.begin() as connection, pytest.raises(DataError, match=message):
        consents.withdraw(connection, **({"who": "wang", "reason": "letter", "at": AT} | how))  # type: ignore[arg-type]


def stopped(connection: Connection, at: datetime) -> int:
    """Let the number's owner, last texted as customer c-1, say STOP to `twilio`."""
    return consents.withdraw_stopped(connection, NUMBER, "c-1", who="twilio", reason="STOP by text", at=at)


def renewed(connection: Connection, at: datetime) -> int:
    """Let the same say START."""
    return consents.renew(connection, NUMBER, "c-1", source="START by text", proof="inbound 2", who="twilio", at=at)


def test_a_stop_takes_consent_to_texts_back_and_a_start_gives_it_again(engine: Engine) -> None:
    """Both are on record: what was agreed, that it was taken back, and the text by which it was given again."""
    with engine.begin() as connection:
        given(connection)
        elsewhere = given(connection, number=OTHER)
        given(connection, number=NUMBER, account_id="a-1")
        by_voice = given(connection, number=NUMBER, channel="voice")

        assert stopped(connection, AT + DAY) == 2
        assert standing(connection) == [elsewhere, by_voice]
        assert stopped(connection, AT + DAY) == 0
        assert renewed(connection, AT + 2 * DAY) == 2
        assert renewed(connection, AT + 2 * DAY) == 0
        found = consents.covering(connection, numbers=[NUMBER], customer_ids=["c-1"])

    new = [(entry.number, entry.account_id, entry.source, entry.given_at) for entry in found[2:]]
    assert sorted(new, key=repr) == sorted(
        [(None, None, "START by text", AT + 2 * DAY), (NUMBER, "a-1", "START by text", AT + 2 * DAY)], key=repr
    )


def test_a_start_makes_up_no_consent(engine: Engine) -> None:
    """Who never agreed has not agreed by START, and what a person took back since is not given back by it."""
    with engine.begin() as connection:
        assert renewed(connection, AT) == 0
        given(connection)
        stopped(connection, AT + DAY)
        renewed(connection, AT + 2 * DAY)
        consents.withdraw(connection, customer_id="c-1", who="wang", reason="letter", at=AT + 3 * DAY)

        assert stopped(connection, AT + 4 * DAY) == 0
        assert renewed(connection, AT + 5 * DAY) == 0
        assert standing(connection) == []


def test_consents_of_thousands_are_found_in_one_call(engine: Engine) -> None:
    """A batch of any size finds its consents, each once, and nobody else's."""
    numbers = [f"+86138{number:08}" for number in range(700)]
    customers = [f"c-{number}" for number in range(700)]
    with engine.begin() as connection:
        first = given(connection, customer_id="c-0", number=numbers[699])
        second = given(connection, customer_id="c-699")
        given(connection, customer_id="c-stranger")
        found = consents.covering(connection, numbers=numbers, customer_ids=customers)

    assert [entry.consent_id for entry in found] == [first, second]


def test_the_list_is_of_one_customer_or_number_where_asked(engine: Engine) -> None:
    """`consent list` shows the newest first, no more than asked for, and what is over only on request."""
    with engine.begin() as connection:
        first, second = given(connection), given(connection, customer_id="c-2", number=NUMBER)
        consents.withdraw(connection, customer_id="c-1", who="wang", reason="letter", at=AT)

        def listed(**wanted: Any) -> list[int | None]:
            entries = consents.listing(connection, **({"active_only": False, "limit": 9} | wanted))
            return [entry.consent_id for entry in entries]

        assert listed() == [second, first]
        assert listed(active_only=True) == [second]
        assert listed(limit=1) == [second]
        assert listed(customer_id="c-1") == [first]
        assert listed(number=NUMBER) == [second]
