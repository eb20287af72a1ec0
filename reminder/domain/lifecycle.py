"""The life of a reminder: its states, the events that move it, and the one table of what may follow what.

The table is the truth: the store's compare-and-swap asks it, the diagram in `reminder/README.md` is drawn from it, and
a test enumerates every pair. What it does not list is refused.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import MappingProxyType

from reminder.errors import StoreError

__all__ = ["FINAL", "OPEN", "TRANSITIONS", "Event", "IllegalTransitionError", "State", "advance", "sources", "target"]


class State(StrEnum):
    """Where a reminder is. Each sentence says what it means and who moves it on."""

    PLANNED = "planned"  #: Deserved, not sent. Dispatch moves it on once its window opens.
    SENDING = "sending"  #: Committed before the call to the gateway. The call's answer moves it on, or its loss does.
    IN_DOUBT = "in_doubt"  #: The call's answer was lost. Only the provider's word or a person moves it on (law 3).
    SENT = "sent"  #: The gateway accepted it. A receipt may move it on; if none comes, this is the end.
    DELIVERED = "delivered"  #: The carrier says that it arrived. The end.
    UNDELIVERED = "undelivered"  #: The carrier says that it did not arrive. The end, unless a late receipt says better.
    FAILED = "failed"  #: Refused for good, or refused too often. The end, unless a person plans it again.
    CANCELLED = "cancelled"  #: No longer deserved: paid, moved, held to its end, policy changed. The end.
    SUPPRESSED = "suppressed"  #: Must not be contacted. The end.
    SUPERSEDED = "superseded"  #: A later step took its place. The end.
    EXPIRED = "expired"  #: Its days were over before it could be sent. The end.
    PRINTED = "printed"  #: The console stood in for a gateway: not sent. The end, unless a person plans it again.
    HANDED_OVER = "handed_over"  #: Its event was written for another system. The end.


class Event(StrEnum):
    """What happens to a reminder."""

    RESERVE = "reserve"  #: Dispatch is about to call a gateway.
    CANCEL = "cancel"  #: The decision says it is no longer deserved.
    SUPPRESS = "suppress"  #: The decision says it must not be sent.
    SUPERSEDE = "supersede"  #: The decision says a later step is deserved.
    EXPIRE = "expire"  #: The decision says its days are over.
    HAND_OVER = "hand_over"  #: Its event was written.
    ACCEPT = "accept"  #: The gateway took it.
    PRINT = "print"  #: The console printed it in place of a gateway.
    POSTPONE = "postpone"  #: The gateway refused for now, before taking it.
    REFUSE = "refuse"  #: The gateway refused for good, or too often.
    LOSE = "lose"  #: The answer was lost, or the process died during the call.
    DELIVER = "deliver"  #: A receipt says that it arrived.
    MISCARRY = "miscarry"  #: A receipt says that it did not arrive.
    CONFIRM = "confirm"  #: The provider or a person says that a doubtful one was taken.
    DISPROVE = "disprove"  #: The provider or a person says that a doubtful one was never taken.
    ABANDON = "abandon"  #: A person gives a doubtful one up.
    REPLAN = "replan"  #: A person wants a failed or merely printed one sent.


TRANSITIONS: MappingProxyType[tuple[State, Event], State] = MappingProxyType(
    {
        (State.PLANNED, Event.RESERVE): State.SENDING,
        (State.PLANNED, Event.CANCEL): State.CANCELLED,
        (State.PLANNED, Event.SUPPRESS): State.SUPPRESSED,
        (State.PLANNED, Event.SUPERSEDE): State.SUPERSEDED,
        (State.PLANNED, Event.EXPIRE): State.EXPIRED,
        (State.PLANNED, Event.HAND_OVER): State.HANDED_OVER,
        (State.SENDING, Event.ACCEPT): State.SENT,
        (State.SENDING, Event.PRINT): State.PRINTED,
        (State.SENDING, Event.POSTPONE): State.PLANNED,
        (State.SENDING, Event.REFUSE): State.FAILED,
        (State.SENDING, Event.LOSE): State.IN_DOUBT,
        # The call's own answer, come late: the process had been taken for dead.
        (State.IN_DOUBT, Event.ACCEPT): State.SENT,
        (State.IN_DOUBT, Event.PRINT): State.PRINTED,
        (State.IN_DOUBT, Event.POSTPONE): State.PLANNED,
        (State.IN_DOUBT, Event.REFUSE): State.FAILED,
        (State.IN_DOUBT, Event.CONFIRM): State.SENT,
        (State.IN_DOUBT, Event.DISPROVE): State.PLANNED,
        (State.IN_DOUBT, Event.ABANDON): State.FAILED,
        (State.SENT, Event.DELIVER): State.DELIVERED,
        (State.SENT, Event.MISCARRY): State.UNDELIVERED,
        (State.UNDELIVERED, Event.DELIVER): State.DELIVERED,
        (State.FAILED, Event.REPLAN): State.PLANNED,
        (State.PRINTED, Event.REPLAN): State.PLANNED,
    },
)

OPEN = frozenset({State.PLANNED, State.SENDING, State.IN_DOUBT})
"""States in which something is still owed to the reminder."""

FINAL = frozenset(State) - OPEN
"""States that end a reminder's life. Open + final = planned, always (law 4)."""


class IllegalTransitionError(StoreError):
    """This state and event don't go together; nothing was changed."""

    def __init__(self, state: State, event: Event) -> None:
        legal = ", ".join(sorted(sources(event)))
        super().__init__(f"a reminder that is {state} can't {event}: that takes one that is {legal}")
        self.state = state
        self.event = event


def advance(state: State, event: Event) -> State:
    """Return the state that follows, or raise IllegalTransitionError."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None


@cache
def sources(event: Event) -> frozenset[State]:
    """Return the states in which this event may happen."""
    return frozenset(state for state, happening in TRANSITIONS if happening is event)


@cache
def target(event: Event) -> State:
    """Return the state to which this event leads; every event leads to one."""
    (state,) = {after for (_, happening), after in TRANSITIONS.items() if happening is event}
    return state
