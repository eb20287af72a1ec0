"""What comes back when holds end: whose pause is over on a day, and what each account would deserve then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from reminder.domain.hold import Hold
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.explain import Explanation, explain
from reminder.pipeline.facts import reading
from reminder.store import holds

__all__ = ["ACCOUNTS_MAX", "Resuming", "resuming"]

ACCOUNTS_MAX = 20
"""How many accounts of one hold are looked at."""


@dataclass(frozen=True, slots=True)
class Resuming:
    """A hold that ends by itself, with its first accounts as they are explained for that instant.

    `more` says that there are further accounts in it. An account may be silent all the same, for another reason.
    """

    hold: Hold
    explanations: tuple[Explanation, ...]
    more: bool


def resuming(deployment: Deployment, since: datetime, until: datetime, *, limit: int) -> list[Resuming]:
    """Return the holds that end in [since, until) (UTC), at most `limit`, and what their accounts deserve by then.

    Each account is explained for the instant at which the hold ends for its customer, by the book as it is now. It is
    the decision of that instant (law 1), as far as nothing changes until then.
    """
    with reading(deployment) as (connection, book):
        found = holds.ending_between(connection, since, until, limit=limit)
        accounts = [(hold, _accounts(deployment, book, hold)) for hold in found]
    return [
        Resuming(hold, tuple(_explained(deployment, hold, each)), len(each) > ACCOUNTS_MAX) for hold, each in accounts
    ]


def _accounts(deployment: Deployment, book: Connection, hold: Hold) -> list[tuple[str, str]]:
    """Return the (account, customer) keys of a hold, one more than are looked at."""
    if hold.account_id is not None:
        found = deployment.book.read(book, [hold.account_id]).get(hold.account_id, [])
    else:
        found = deployment.book.listing(
            book, limit=ACCOUNTS_MAX + 1, selector=hold.selector, customer_id=hold.customer_id, owed_only=True
        )
    return list(dict.fromkeys((account.account_id, account.customer_id) for account in found))


def _explained(deployment: Deployment, hold: Hold, keys: list[tuple[str, str]]) -> Iterator[Explanation]:
    for account_id, customer_id in keys[:ACCOUNTS_MAX]:
        ends = hold.of_customer(customer_id).until
        told = explain(deployment, account_id, ends) if ends is not None else None
        if told is not None:
            yield told
