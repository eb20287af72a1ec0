"""What customers write: STOP is law, the rest opens what fits and waits for a person; everything is kept."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reminder.config.keywords import MEANINGS, load_keywords
from reminder.config.scaffold import bundled
from reminder.domain.consent import Consent
from reminder.domain.message import Message, Outcome
from reminder.domain.receipt import Inbound, Meaning
from reminder.message.keywords import Keywords, KeywordSet, Phrases
from reminder.pipeline.receive import receive_receipts
from reminder.pipeline.replies import CONFIRM_SECONDS, Reception, Reply, confirm, receive_inbound
from reminder.store import consents, holds, inbound, numbers, suppressions
from reminder.store.schema import hold, suppression
from reminder.store.schema import inbound as inbound_table
from support.recorder import Recorder
from support.worlds import World, account_row, policy

NUMBER = "+8613800138000"
OURS = "+15017122661"
RECEPTION = Reception(
    Keywords(
        tuple(
            KeywordSet(
                model.language,
                {Meaning(name): Phrases(getattr(model, name).words, getattr(model, name).phrases) for name in MEANINGS},
                model.confirmation,
            )
            for model in load_keywords(bundled("config") / "keywords").models
        )
    ),
    paid_hold_days=3,
)


def write(world: World, body: str, *, confirms_stop: bool = True, **given: Any) -> list[Reply]:
    """Let a customer write this; return the answers that are to be sent."""
    known = {"provider_id": f"I-{len(texts(world))}", "sender": NUMBER, "addressee": OURS, "body": body}
    text = Inbound(**(known | given))
    return receive_inbound(world.deployment(), RECEPTION, "recorder", [text], confirms_stop=confirms_stop)


def texts(world: World) -> list[Any]:
    """Return every text that is kept, in order."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(inbound_table).order_by(inbound_table.c.inbound_id)))


def silenced(world: World) -> bool:
    """Return whether the number must not be texted."""
    with world.engine.connect() as connection:
        found = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])
    return any(entry.covers(channel="sms", number=NUMBER, customer_id="") for entry in found)


def holds_now(world: World) -> list[Any]:
    """Return every hold."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(hold).order_by(hold.c.hold_id)))


@pytest.fixture
def texted(world: World, due: date) -> World:
    """A world in which one customer has had one text."""
    world.add_accounts(account_row("A", due))
    world.run()
    assert len(world.recorder.taken) == 1
    return world


@pytest.mark.parametrize(
    "body",
    [
        "STOP", "stop all", "Unsubscribe", "please stop", "don't text me again", "退订", "TD", "请不要再发短信了",
        "拒收", "BAJA", "no más mensajes por favor", "Arrêt", "ne m'envoyez plus de SMS", "abmelden", "sair",
    ],
)  # fmt: skip
def test_after_a_stop_nothing_is_sent(texted: World, body: str) -> None:
    """Whoever says stop, in whatever language, gets no reminder any more: not this step's, not a later one's."""
    write(texted, body)
    for _ in range(9):
        texted.later(days=4)
        texted.run()

    assert len(texted.recorder.taken) == 1
    assert texted.states()["A", "late"] == "suppressed"
    assert not texts(texted)[0].waits


def test_a_stop_is_in_force_on_every_database(real_world: World) -> None:
    """The suppression names the text that it came by, and who told it."""
    write(real_world, "STOP")
    with real_world.engine.connect() as connection:
        (entry,) = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])
    assert entry.source.startswith("STOP by text (stop), inbound ")
    assert (entry.who, entry.channel) == ("recorder", "sms")
    assert [(row.meaning, row.acted, row.waits) for row in texts(real_world)] == [("stop", "suppressed", False)]


def test_a_stop_is_confirmed_once(texted: World) -> None:
    """One confirmation, in the customer's language, valid for five minutes; a second STOP gets none."""
    (reply,) = write(texted, "STOP")
    asyncio.run(confirm(texted.deployment(), [reply]))

    assert write(texted, "STOP") == []
    sent = texted.recorder.taken[-1]
    assert (sent.to, sent.valid_seconds) == (NUMBER, CONFIRM_SECONDS)
    assert sent.body.startswith("Anhe: ") or sent.body.startswith("【安和】") or sent.body.startswith("安和: ")
    assert texts(texted)[0].reply_outcome == f"accepted as P-{sent.reference}"


def test_a_confirmation_is_outside_of_caps_and_of_suppression(texted: World) -> None:
    """It is the one text that a suppressed number gets, and it counts as no reminder."""
    (reply,) = write(texted, "退订")
    asyncio.run(confirm(texted.deployment(), [reply]))

    assert len(texted.recorder.taken) == 2
    assert texted.recorder.taken[1].body.startswith("【安和】您已退订")
    assert len(texted.rows()) == 1


@pytest.mark.parametrize(
    ("given", "confirms_stop"),
    [
        pytest.param({}, False, id="the-gateway-confirms"),
        pytest.param({"told": Meaning.STOP}, True, id="the-gateway-says-that-it-has"),
        pytest.param({"sender": "Anhe"}, True, id="no-number-to-answer"),
    ],
)
def test_who_is_answered_elsewhere_gets_no_answer_from_us(
    texted: World, given: dict[str, Any], confirms_stop: bool
) -> None:
    """Two confirmations would be one too many."""
    assert write(texted, "STOP", confirms_stop=confirms_stop, **given) == []


def test_what_the_gateway_took_for_a_stop_is_one(texted: World) -> None:
    """The provider has stopped texts already; a word that we don't know must not leave us thinking otherwise."""
    write(texted, "genug jetzt aber", told=Meaning.STOP)
    assert silenced(texted)


class Failing(Recorder):
    """A gateway that breaks."""

    async def send(self, message: Message) -> Outcome:
        """Break."""
        raise RuntimeError(f"no way to {message.to}")


@pytest.mark.parametrize("word", ["retry", "lost", "number", "failing"])
def test_a_confirmation_that_fails_is_not_tried_again(texted: World, word: str) -> None:
    """Law 3: whatever becomes of it, it is written down and no other is sent; the STOP stays in force."""
    (reply,) = write(texted, "STOP")
    gateway = Failing() if word == "failing" else Recorder(script=(word,))
    texted.recorder = gateway
    asyncio.run(confirm(texted.deployment(), [reply]))

    assert texts(texted)[0].reply_outcome.startswith(("refused", "unknown"))
    assert NUMBER not in texts(texted)[0].reply_outcome
    assert write(texted, "STOP") == []
    assert silenced(texted)


def test_a_receipt_of_a_confirmation_is_known(texted: World) -> None:
    """The provider reports on our answer too: that is no stranger's text."""
    from reminder.domain.receipt import Progress, Receipt

    (reply,) = write(texted, "STOP")
    found = Receipt("P-7", "delivered", Progress.ARRIVED, reply.message.reference)
    assert receive_receipts(texted.deployment(), "recorder", [found]) == ["reply"]


def test_a_text_that_comes_twice_acts_once(real_world: World) -> None:
    """Providers repeat their calls: one text, one hold, one answer."""
    assert len(write(real_world, "STOP", provider_id="I")) == 1
    assert write(real_world, "STOP", provider_id="I") == []
    assert len(texts(real_world)) == 1


def test_start_lifts_what_stop_forbade(real_world: World) -> None:
    """Whoever wants texts again gets them; it needs nobody."""
    write(real_world, "STOP")
    write(real_world, "START")

    assert not silenced(real_world)
    assert [(row.acted, row.waits) for row in texts(real_world)][1] == ("lifted 1 suppression", False)


def test_start_lifts_what_the_gateway_had_told(world: World) -> None:
    """A STOP that the provider told by an error code is taken back by the START that it passes on."""
    with world.engine.begin() as connection:
        suppressions.add(connection, number=NUMBER, channel="sms", source="opted out", who="recorder", at=world.at)
    write(world, "恢复")
    assert not silenced(world)


def test_start_lifts_nothing_that_a_person_forbade(world: World) -> None:
    """A letter to the lender is not undone by a text; a person looks at it."""
    world.suppress(number=NUMBER)
    write(world, "START")

    assert silenced(world)
    assert [(row.acted, row.waits) for row in texts(world)] == [("nothing to lift", True)]


def test_a_stop_after_a_start_is_in_force_again(world: World) -> None:
    """The last word counts, and is confirmed again: it is a new one."""
    for word in ("STOP", "START"):
        write(world, word)
    assert len(write(world, "STOP")) == 1
    assert silenced(world)


def test_a_dispute_holds_until_a_person_has_settled_it(texted: World) -> None:
    """No reminder about what is contested."""
    write(texted, "I dispute this!")
    (opened,) = holds_now(texted)

    assert (opened.kind, opened.until, opened.customer_id) == ("dispute", None, "customer of A")
    texted.later(days=5)
    texted.run()
    assert len(texted.recorder.taken) == 1
    assert texts(texted)[0].waits


def test_paid_holds_for_some_days(texted: World) -> None:
    """The book may be late: silence for the days of the settings, then the book's word counts again."""
    write(texted, "我已经还了")
    (opened,) = holds_now(texted)
    assert (opened.kind, opened.until - opened.starts_at) == ("manual", timedelta(days=3))
    assert "says that it is paid: inbound 1" in opened.reason

    texted.later(days=4)
    texted.run()
    assert len(texted.recorder.taken) == 2


def test_a_wrong_persons_number_is_never_tried_again(texted: World) -> None:
    """The number is marked, whoever is booked under it: its owner can't know which of them is meant."""
    write(texted, "wrong number")
    texted.add_accounts(account_row("B", date(2026, 11, 27)))
    for _ in range(5):
        texted.later(days=1)
        texted.run()

    assert len(texted.recorder.taken) == 1
    with texted.engine.connect() as connection:
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "wrong_person"}
    assert texts(texted)[0].waits


def test_a_customer_whose_number_was_wrong_is_reached_at_another(texted: World) -> None:
    """It was the number that was wrong: once the book has another one, reminders go there, and only there."""
    write(texted, "wrong number")
    texted.later(days=4)
    texted.run()
    texted.change_account("A", phone="13900139000")
    texted.later(minutes=30)
    texted.run()

    assert [message.to for message in texted.recorder.taken] == [NUMBER, "+8613900139000"]
    assert holds_now(texted) == []


def test_a_wrong_persons_number_is_not_forgotten_for_a_carriers_word(texted: World) -> None:
    """A late receipt that calls the number dead, and another that says it lives, leave it to a person all the same."""
    from reminder.domain.message import Refusal
    from reminder.domain.receipt import Progress, Receipt

    write(texted, "wrong number")
    dead = Receipt("P", "undelivered", Progress.MISCARRIED, "test:1-1", "30005", Refusal.NUMBER)
    receive_receipts(texted.deployment(), "recorder", [dead])
    receive_receipts(texted.deployment(), "recorder", [Receipt("P", "delivered", Progress.ARRIVED, "test:1-1")])
    with texted.engine.connect() as connection:
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "wrong_person"}


def test_a_wrong_persons_number_is_not_mended_by_a_receipt(texted: World) -> None:
    """That the text arrived is just what was wrong."""
    from reminder.domain.receipt import Progress, Receipt

    write(texted, "wrong number")
    receive_receipts(texted.deployment(), "recorder", [Receipt("P", "delivered", Progress.ARRIVED, "test:1-1")])
    with texted.engine.connect() as connection:
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "wrong_person"}


def test_the_same_twice_opens_one_hold(texted: World) -> None:
    """A customer who insists has one hold, not a pile."""
    write(texted, "already paid")
    write(texted, "I have paid!!")

    assert len(holds_now(texted)) == 1
    assert texts(texted)[1].acted == "on hold already (manual)"


def test_the_customer_is_whom_the_number_was_last_texted_for(texted: World, due: date) -> None:
    """A number may be several customers': the one that the last text was for is meant."""
    texted.later(days=1)
    texted.add_accounts(account_row("B", due + timedelta(days=1)))
    texted.run()
    write(texted, "already paid")

    assert [row.customer_id for row in holds_now(texted)] == ["customer of B"]


@pytest.mark.parametrize("body", ["already paid", "wrong number", "I dispute it", "Hello?", "", "START"])
def test_a_stranger_is_kept_and_waits(world: World, body: str) -> None:
    """Whoever writes without ever having been texted holds nobody, and a person looks at it."""
    write(world, body)
    (found,) = texts(world)

    assert (found.customer_id, found.waits, found.body) == (None, True, body)
    assert holds_now(world) == []


@pytest.mark.parametrize("body", ["When is it due?", "HELP", "👍", "\x00", "x" * 3000, "'; DROP TABLE inbound; --"])
def test_anything_else_waits_for_a_person(real_world: World, body: str) -> None:
    """Everything is kept, word for word, on every database."""
    write(real_world, body)
    assert [(row.body, row.waits) for row in texts(real_world)] == [(body.replace("\x00", "\ufffd"), True)]


def test_a_stop_from_a_number_of_a_range_we_do_not_know_counts(world: World) -> None:
    """Law 8: whether we can read the range a number lies in must not decide whether its owner is heard."""
    write(world, "STOP", sender="+999123456789")
    with world.engine.connect() as connection:
        assert connection.scalars(select(suppression.c.number)).all() == ["+999123456789"]


def test_a_person_closes_a_text_once(world: World) -> None:
    """Who dealt with it, and how, is on record; a second person is told that nothing is left to do."""
    write(world, "Hello?")
    with world.engine.begin() as connection:
        assert inbound.close(connection, 1, who="ann", note="called back", at=world.at)
        assert not inbound.close(connection, 1, who="bob", note="called back", at=world.at)
        assert inbound.listing(connection, waiting_only=True, limit=5) == []
        assert [row.done_by for row in inbound.listing(connection, waiting_only=False, limit=5)] == ["ann"]


def test_a_hold_by_reply_is_released_like_any_other(texted: World) -> None:
    """What a text opened, a person closes."""
    write(texted, "I dispute it")
    with texted.engine.begin() as connection:
        assert holds.release(connection, 1, who="ann", at=texted.at)


def standing(world: World) -> list[str]:
    """Return how the consents in force were given, oldest first."""
    with world.engine.connect() as connection:
        return [
            entry.source for entry in consents.covering(connection, numbers=[NUMBER], customer_ids=["customer of A"])
        ]


def test_a_stop_takes_consent_back_and_a_start_gives_it_again(texted: World) -> None:
    """What was agreed ends with the customer's own word, and begins anew with it: both are proof, by their texts."""
    texted.policies = (policy(consent=True),)
    with texted.engine.begin() as connection:
        agreed = Consent("contract", "page 4", texted.at, customer_id="customer of A")
        consents.add(connection, agreed, at=texted.at)
    write(texted, "STOP")
    assert standing(texted) == []
    texted.later(days=4)
    write(texted, "START")
    assert standing(texted) == ["START by text (start)"]
    texted.run()
    assert len(texted.recorder.taken) == 2

    write(texted, "unsubscribe")
    with texted.engine.connect() as connection:
        newest = consents.listing(connection, active_only=False, limit=1)[0]
    assert (newest.proof, newest.withdrawn_by) == ("inbound 2", "recorder")
    assert str(newest.withdrawn_because).startswith("STOP by text (unsubscribe), inbound 3")


def test_a_start_alone_is_no_consent(texted: World) -> None:
    """Who never agreed has not agreed by a word that nothing had to be lifted for."""
    write(texted, "STOP")
    write(texted, "START")
    assert standing(texted) == []


def test_an_opt_out_told_by_the_gateway_takes_consent_back(texted: World) -> None:
    """A refusal with 21610 is the customer's STOP, said to the provider; its START gives back what it took."""
    with texted.engine.begin() as connection:
        consents.add(connection, Consent("contract", "page 4", texted.at, number=NUMBER), at=texted.at)
    texted.recorder.answer_with("opted_out")
    texted.later(days=4)
    texted.run()
    assert standing(texted) == []
    texted.later(days=1)
    write(texted, "START", told=Meaning.START)
    assert standing(texted) == ["START by text (start)"]


@pytest.mark.parametrize("told", [Meaning.HELP, Meaning.START], ids=["help", "start"])
def test_a_stop_that_the_gateway_takes_for_something_else_is_a_stop(texted: World, told: Meaning) -> None:
    """Law 8: the provider may know fewer words than we do."""
    write(texted, "please stop", told=told)
    assert silenced(texted)


MARKED = [
    ("My husband has died", "deceased"), ("本人已于上月去世", "deceased"), ("est décédée", "deceased"),
    ("Talk to my lawyer", "represented"), ("mi abogado le llamará", "represented"),
    ("I filed for bankruptcy in May", "insolvent"), ("bin in der Privatinsolvenz", "insolvent"),
    ("this is identity theft", "fraud_victim"), ("身份被盗用了", "fraud_victim"),
    ("roubo de identidade", "fraud_victim"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind"), MARKED)
def test_who_must_never_be_contacted_is_marked_at_once(texted: World, body: str, kind: str) -> None:
    """A word from the family is enough for silence, whatever the policy says; a person looks whether it is so."""
    write(texted, body)
    (mark,) = holds_now(texted)
    assert (mark.kind, mark.customer_id, mark.until, texts(texted)[0].waits) == (kind, "customer of A", None, True)

    texted.later(days=5)
    texted.run()
    assert len(texted.recorder.taken) == 1
    assert texted.rows()[-1].reason.startswith(f"never_contact: {kind}")


def test_a_stop_that_tells_of_a_death_is_both(texted: World) -> None:
    """The number is silent, the customer is marked wherever else they could be reached, and a person looks."""
    write(texted, "Stop texting, she passed away.")

    assert silenced(texted)
    assert [mark.kind for mark in holds_now(texted)] == ["deceased"]
    assert texts(texted)[0].waits


@pytest.mark.parametrize("body", ["that is not my loan", "不是我的贷款"])
def test_what_may_be_a_stranger_or_a_dispute_is_a_dispute(texted: World, body: str) -> None:
    """Law 8: whoever it is, the customer is left alone until a person has looked."""
    write(texted, body)
    assert [mark.kind for mark in holds_now(texted)] == ["dispute"]
