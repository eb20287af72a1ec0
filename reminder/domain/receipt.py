"""What comes back from a provider: receipts that say what became of a text, and texts that customers write to us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reminder.domain.lifecycle import Event, State
from reminder.domain.message import Refusal

__all__ = ["Inbound", "Meaning", "Progress", "Receipt", "event_for"]


class Progress(StrEnum):
    """How far a text has come, as a receipt tells it."""

    TAKEN = "taken"  #: The provider has it, and it is on its way.
    MISCARRIED = "miscarried"  #: It did not arrive.
    ARRIVED = "arrived"  #: It arrived. Nothing that is said later takes that back.
    UNCLEAR = "unclear"  #: A word that we don't know. It is kept and moves nothing.


class Meaning(StrEnum):
    """What a customer's text means to us."""

    STOP = "stop"  #: No more texts to this number. In force at once.
    START = "start"  #: Texts are welcome again: what a STOP forbade is allowed.
    DECEASED = "deceased"  #: Somebody writes that the customer has died.
    REPRESENTED = "represented"  #: A lawyer or adviser speaks for the customer.
    INSOLVENT = "insolvent"  #: The customer is in insolvency proceedings.
    FRAUD_VICTIM = "fraud_victim"  #: Somebody else borrowed in the customer's name.
    WRONG_PERSON = "wrong_person"  #: The number belongs to somebody else.
    DISPUTE = "dispute"  #: The debt is contested.
    PAID = "paid"  #: The customer says that it is paid.
    HELP = "help"  #: A question for whoever looks after customers.
    OTHER = "other"  #: Anything else.


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery receipt. `status` and `code` are the provider's own words.

    `reference` is our name for the attempt, where the provider echoes it. `refusal` is what a code of a text that did
    not arrive teaches about its number.
    """

    provider_id: str
    status: str
    progress: Progress
    reference: str | None = None
    code: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """One text from a customer. `sender` and `addressee` are numbers as the provider writes them.

    `told` is what the provider itself took it for and has answered already, or None where it left that to us.
    """

    provider_id: str
    sender: str
    addressee: str
    body: str
    told: Meaning | None = None


def event_for(state: State, progress: Progress) -> Event | None:
    """Return what a receipt does next to a reminder that is `state`, or None where it does nothing (any more).

    It is to be asked again after each step: one receipt that a text arrived takes a doubtful reminder to `sent` and
    on to `delivered`. Whatever the order of receipts, the best one decides.
    """
    if progress is Progress.UNCLEAR:
        return None
    if state is State.SENDING:
        return Event.ACCEPT
    if state is State.IN_DOUBT:
        return Event.CONFIRM
    if progress is Progress.ARRIVED:
        # One that was given back for another try would be sent twice.
        late = {State.SENT: Event.DELIVER, State.UNDELIVERED: Event.DELIVER, State.PLANNED: Event.CANCEL}
        return late.get(state)
    return Event.MISCARRY if progress is Progress.MISCARRIED and state is State.SENT else None
