"""Receiving what customers write: STOP is in force before we answer, and whatever needs a person waits for one.

The text, and what follows from it, are one transaction. A STOP is confirmed once at most: the reference of our answer
is committed before it is sent, and whatever becomes of it, no other is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from reminder.domain.hold import HoldKind
from reminder.domain.message import Accepted, Message, Outcome, Refused, Unknown
from reminder.domain.phone import PhoneError, mask_phone, parse_phone
from reminder.domain.receipt import Inbound, Meaning
from reminder.domain.record import Actor
from reminder.message.keywords import Keywords, Understood
from reminder.pipeline.deployment import Deployment
from reminder.store import consents, holds, inbound, numbers, suppressions
from reminder.store.deadlocks import in_transaction
from reminder.store.inbound import STOP_SOURCE

__all__ = ["CONFIRM_SECONDS", "Reception", "Reply", "confirm", "receive_inbound"]

CONFIRM_SECONDS = 300
"""How long after a STOP its confirmation may arrive: 47 CFR 64.1200(a)(12) gives five minutes."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_MARKS = frozenset({Meaning.DECEASED, Meaning.REPRESENTED, Meaning.INSOLVENT, Meaning.FRAUD_VICTIM})
"""What opens a hold of the kind of the same name, which means never to contact the customer until a person looked."""

log = structlog.get_logger("reminder.inbound")


@dataclass(frozen=True)
class Reception:
    """How customers' texts are understood, and for how many days one who says it is paid is left alone."""

    keywords: Keywords
    paid_hold_days: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is to be sent now, once, to the text with this id."""

    inbound_id: int
    gateway: str
    message: Message


@dataclass(frozen=True, slots=True)
class _Case:
    """A text with all that is known about it. `number` is its sender in E.164, or None where it is no number."""

    gateway: str
    text: Inbound
    understood: Understood
    number: str | None
    customer_id: str | None
    language: str
    inbound_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done about a text, whether a person must look, and whether it is a STOP that was not in force yet."""

    acted: str
    waits: bool
    new_stop: bool = False


def receive_inbound(
    deployment: Deployment, reception: Reception, gateway: str, texts: Sequence[Inbound], *, confirms_stop: bool
) -> list[Reply]:
    """Keep these texts and let them have their effect; return the answers that are to be sent by `confirm`.

    A text that has come before has no effect and gets no answer.
    """
    replies = []
    for text in texts:
        try:
            reply = _receive(deployment, reception, gateway, text, confirms_stop)
        except IntegrityError:
            # The same text, told twice in the same instant: the other process acts on it.
            log.info("reminder.inbound.repeated", gateway=gateway)
            continue
        replies += [reply] if reply else []
    return replies


def _receive(
    deployment: Deployment, reception: Reception, gateway: str, text: Inbound, confirms_stop: bool
) -> Reply | None:
    at = deployment.clock()
    understood = _understood(reception.keywords, text)

    def write(connection: Connection) -> tuple[_Case, _Done, Reply | None] | None:
        if inbound.known(connection, gateway, text.provider_id):
            return None
        case = _case(connection, gateway, text, understood, at)
        done = _act(connection, reception, case)
        wanted = confirms_stop and done.new_stop and text.told is None
        reply = _confirmation(deployment, reception, case) if wanted else None
        inbound.settle(
            connection,
            case.inbound_id,
            acted=done.acted,
            waits=done.waits,
            reply_reference=reply.message.reference if reply else None,
        )
        return case, done, reply

    taken = in_transaction(deployment.engine, write)
    if taken is None:
        log.info("reminder.inbound.repeated", gateway=gateway)
        return None
    case, done, reply = taken
    log.info(
        "reminder.inbound.received",
        gateway=gateway,
        inbound=case.inbound_id,
        sender=mask_phone(text.sender),
        meaning=understood.meaning.value,
        acted=done.acted,
        waits=done.waits,
    )
    return reply


def _understood(keywords: Keywords, text: Inbound) -> Understood:
    """Return what a text means. What the provider took it for goes first: it has acted on that already.

    Only a STOP that we see and the provider doesn't counts all the same: doubt about a STOP is a STOP.
    """
    own = keywords.understand(text.body)
    return own if own.meaning is Meaning.STOP or text.told in (None, own.meaning) else Understood(text.told)


def _case(connection: Connection, gateway: str, text: Inbound, understood: Understood, at: datetime) -> _Case:
    number = _e164(text.sender)
    last = inbound.last_attempt(connection, number) if number else None
    customer_id = last.customer_id if last is not None else None
    inbound_id = inbound.write(connection, gateway, text, meaning=understood.meaning, customer_id=customer_id, at=at)
    language = last.language if last is not None else understood.language
    return _Case(gateway, text, understood, number, customer_id, language, inbound_id, at)


def _e164(sender: str) -> str | None:
    """Return a sender's number, or None for a short code or a name.

    What is E.164 is taken as it is: a STOP must not depend on whether we know the range its number lies in.
    """
    if _E164.fullmatch(sender):
        return sender
    try:
        return parse_phone(sender, None).e164
    except PhoneError:
        return None


def _act(connection: Connection, reception: Reception, case: _Case) -> _Done:
    """Do what a text asks for, as far as that needs nobody."""
    meaning = case.understood.meaning
    if meaning is Meaning.STOP:
        return _stop(connection, reception, case)
    if meaning is Meaning.START:
        return _start(connection, case)
    if meaning in _MARKS:
        return _Done(_hold(connection, case, HoldKind(meaning.value), "told by text"), waits=True)
    if meaning is Meaning.WRONG_PERSON:
        return _wrong_person(connection, case)
    if meaning is Meaning.DISPUTE:
        return _Done(_hold(connection, case, HoldKind.DISPUTE, "disputes the debt"), waits=True)
    if meaning is Meaning.PAID:
        until = case.at + timedelta(days=reception.paid_hold_days)
        return _Done(_hold(connection, case, HoldKind.MANUAL, "says that it is paid", until), waits=True)
    return _Done("kept", waits=True)


def _stop(connection: Connection, reception: Reception, case: _Case) -> _Done:
    """Silence the number; where the same text says that the customer has died or the like, the customer as well."""
    also = sorted(_MARKS & reception.keywords.meanings(case.text.body))
    held = "".join(f", {_hold(connection, case, HoldKind(mark.value), 'told by text')}" for mark in also)
    if case.number is None:
        return _Done(f"no number to suppress{held}", waits=True)
    before = suppressions.covering(connection, numbers=[case.number], customer_ids=[])
    source = f"{STOP_SOURCE} by text ({case.understood.found or 'told by the gateway'}), inbound {case.inbound_id}"
    suppressions.add(
        connection, number=case.number, channel="sms", source=source, who=case.gateway, actor=Actor.PROVIDER, at=case.at
    )
    consents.withdraw_stopped(connection, case.number, case.customer_id, who=case.gateway, reason=source, at=case.at)
    silent = any(entry.covers(channel="sms", number=case.number, customer_id="") for entry in before)
    done = "suppressed already" if silent else "suppressed"
    return _Done(done + held, waits=bool(also), new_stop=not silent)


def _start(connection: Connection, case: _Case) -> _Done:
    lifted = inbound.lift_stops(connection, case.number, gateway=case.gateway, at=case.at) if case.number else 0
    if lifted and case.number:
        source, proof = (
            f"START by text ({case.understood.found or 'told by the gateway'})",
            f"inbound {case.inbound_id}",
        )
        consents.renew(
            connection, case.number, case.customer_id, source=source, proof=proof, who=case.gateway, at=case.at
        )
        return _Done(f"lifted {lifted} suppression{'s' if lifted > 1 else ''}", waits=False)
    return _Done("nothing to lift", waits=True)


def _wrong_person(connection: Connection, case: _Case) -> _Done:
    """Never text this number again, whoever is booked under it; another number of the customer's is another one."""
    if case.number is None:
        return _Done("no number to mark", waits=True)
    numbers.mark_bad(connection, case.number, gateway=case.gateway, code=numbers.WRONG_PERSON, at=case.at)
    return _Done("number marked", waits=True)


def _hold(connection: Connection, case: _Case, kind: HoldKind, why: str, until: datetime | None = None) -> str:
    """Hold the customer whom the number was last texted for, unless one like it is in force; return what was done."""
    if case.customer_id is None:
        return "no customer was texted at this number"
    in_force = holds.in_force(connection, account_ids=[], customer_ids=[case.customer_id], at=case.at)
    if any(hold.kind is kind and hold.who == case.gateway for hold in in_force):
        return f"on hold already ({kind})"
    reason = f"{why}: inbound {case.inbound_id}"
    hold_id = holds.add(
        connection, kind=kind, reason=reason, who=case.gateway, actor=Actor.PROVIDER, at=case.at, until=until,
        customer_id=case.customer_id,
    )  # fmt: skip
    return f"hold {hold_id} ({kind})"


def _confirmation(deployment: Deployment, reception: Reception, case: _Case) -> Reply | None:
    """Return the one answer to a STOP, in the language we last wrote in, or None where no language has one."""
    if case.number is None:
        return None
    language = case.understood.language or case.language
    text = reception.keywords.confirmation(language, case.language)
    if not text:
        return None
    name = str(deployment.lender.in_language(language or "en").get("name", ""))
    body = text.replace("{lender}", name).strip(" :")
    message = Message(deployment.new_reference(), case.number, body, CONFIRM_SECONDS)
    return Reply(case.inbound_id, case.gateway, message)


async def confirm(deployment: Deployment, replies: Sequence[Reply]) -> None:
    """Send these answers, each once, and write down what became of each. Never raises for what a gateway does."""
    for reply in replies:
        outcome = await _send(deployment, reply)
        words = _spelt(outcome)
        answered = partial(inbound.answered, inbound_id=reply.inbound_id, outcome=words, at=deployment.clock())
        in_transaction(deployment.engine, answered)
        log.info("reminder.inbound.confirmed", gateway=reply.gateway, inbound=reply.inbound_id, outcome=words)


async def _send(deployment: Deployment, reply: Reply) -> Outcome:
    try:
        return await deployment.gateways[reply.gateway].send(reply.message)
    except Exception as error:
        log.exception("reminder.gateway.error", gateway=reply.gateway)
        return Unknown(f"the gateway failed with {type(error).__name__}")


def _spelt(outcome: Outcome) -> str:
    if isinstance(outcome, Accepted):
        return f"accepted as {outcome.provider_id}"
    if isinstance(outcome, Refused):
        return f"refused: {outcome.code} {outcome.detail}".strip()
    return f"unknown: {outcome.detail}"
