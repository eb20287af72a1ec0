"""Facts: all that decisions about some reminders need, read from live data in a few queries per batch (law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import Connection

from reminder.domain.account import Account
from reminder.domain.agreement import Agreement, seen_as_agreed
from reminder.domain.caps import CapScope, Contacts, Key
from reminder.domain.case import Case
from reminder.domain.consent import Consent
from reminder.domain.hold import Hold, Suppression
from reminder.domain.phone import PhoneError, PhoneNumber, parse_phone
from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.errors import TemplateError
from reminder.message.expression import Condition
from reminder.message.values import condition_values
from reminder.pipeline.agreed import agreed_on
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.routing import paused_until
from reminder.store import agreements, consents, gateway_states, holds, numbers, suppressions
from reminder.store.contacts import Ask, contacts

__all__ = ["condition_of", "gather", "paused_gateways", "phone_of", "policy_for", "reading"]


_Phone = tuple[PhoneNumber | None, str]
"""An account's number, or None and why it has none that can be texted."""

_NO_PHONE: _Phone = (None, "the book has no number for it")

_Told = TypeVar("_Told", Hold, Suppression, Consent, Agreement)


class _Filed(Generic[_Told]):
    """What was read for a batch, filed by whom it names: each case finds its own without a look at the others'."""

    def __init__(self, entries: Iterable[_Told], *names: str) -> None:
        self._files: dict[str, dict[str, list[_Told]]] = {name: {} for name in names}
        for entry in entries:
            for name, files in self._files.items():
                if (key := getattr(entry, name)) is not None:
                    files.setdefault(key, []).append(entry)
        self._any = any(self._files.values())

    def of(self, **named: str | None) -> tuple[_Told, ...]:
        """Return what names one of these, each entry once."""
        if not self._any:
            return ()
        found = [entry for name, key in named.items() if key for entry in self._files[name].get(key, ())]
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


@dataclass(frozen=True)
class _Batch:
    """What was read for one batch, by key."""

    accounts: Mapping[str, list[Account]]
    phones: Mapping[str, _Phone]
    holds: _Filed[Hold]
    holds_on_selections: Sequence[Hold]
    suppressions: _Filed[Suppression]
    consents: _Filed[Consent]
    bad_numbers: Mapping[str, str]
    contacts: Contacts
    paused_until: Mapping[tuple[str, ...], datetime | None]
    agreements: _Filed[Agreement]


@contextmanager
def reading(deployment: Deployment) -> Iterator[tuple[Connection, Connection]]:
    """Lend a connection to our tables and one to the book; the same one where the database is the same."""
    with deployment.engine.connect() as connection:
        if deployment.book.same_database:
            yield connection, connection
            return
        with deployment.book.engine.connect() as book:
            yield connection, book


def paused_gateways(connection: Connection, at: datetime) -> dict[str, datetime]:
    """Return the gateways that can't send now, and until when."""
    return {name: pause.until for name, pause in gateway_states.paused(connection, at).items()}


def gather(
    connection: Connection, book: Connection, deployment: Deployment, reminders: Sequence[Reminder], at: datetime
) -> list[Case]:
    """Return one case per reminder, in their order. `book` may be the same connection as `connection`."""
    if not reminders:
        return []
    batch = _read(connection, book, deployment, reminders, at)
    return [_case(deployment, batch, reminder, at) for reminder in reminders]


def policy_for(policies: Sequence[Policy], account: Account) -> Policy | None:
    """Return the first policy, by priority, that is for this account."""
    return next((policy for policy in policies if policy.selector.matches(account)), None)


def condition_of(conditions: Mapping[str, Condition], step: Step | None, account: Account | None) -> bool | str:
    """Return the answer of a step's `when` about an account, true where it has none, or the reason for no answer.

    `conditions` are the compiled ones by their source.
    """
    if step is None or step.when is None or account is None:
        return True
    try:
        return conditions[step.when](condition_values(account))
    except TemplateError as error:
        return str(error)


def phone_of(account: Account, region: str | None) -> _Phone:
    """Return an account's number, read in a region (ISO 3166) where it has no country code; or None and the reason."""
    try:
        return parse_phone(account.phone or "", region), ""
    except PhoneError as error:
        return None, str(error)


def _read(
    connection: Connection, book: Connection, deployment: Deployment, reminders: Sequence[Reminder], at: datetime
) -> _Batch:
    account_ids = sorted({reminder.account_id for reminder in reminders})
    accounts = deployment.book.read(book, account_ids)
    # A reminder's customer is the one the book names now; the one it was planned with counts where the book is silent.
    customers = {account.customer_id for rows in accounts.values() for account in rows}
    customer_ids = sorted(customers | {reminder.customer_id for reminder in reminders})
    phones = {key: phone_of(rows[0], deployment.region) for key, rows in accounts.items() if rows}
    e164 = sorted({number.e164 for number, _ in phones.values() if number})
    in_force = holds.in_force(connection, account_ids=account_ids, customer_ids=customer_ids, at=at)
    ask = Ask.of(cap for policy in deployment.policies for cap in policy.caps)
    keys: set[Key] = {(CapScope.CUSTOMER, key) for key in customer_ids} | {(CapScope.NUMBER, number) for number in e164}
    keys |= {(CapScope.ACCOUNT, key) for key in account_ids}
    keys |= {(CapScope.CLAIM, _claim(deployment, account)) for rows in accounts.values() for account in rows}
    return _Batch(
        accounts=accounts,
        phones=phones,
        holds=_Filed(in_force, "account_id", "customer_id"),
        holds_on_selections=holds.selections(connection, at=at),
        suppressions=_Filed(
            suppressions.covering(connection, numbers=e164, customer_ids=customer_ids, account_ids=account_ids),
            "customer_id", "number", "account_id",
        ),
        consents=_Filed(_consents(connection, deployment, e164, customer_ids), "customer_id", "number"),
        bad_numbers=numbers.bad_among(connection, e164),
        contacts=contacts(connection, ask, keys, at=at),
        paused_until=_paused_until(connection, deployment, at),
        agreements=_Filed(agreements.of_accounts(connection, account_ids), "account_id"),
    )  # fmt: skip


def _consents(
    connection: Connection, deployment: Deployment, e164: Sequence[str], customer_ids: Sequence[str]
) -> Sequence[Consent]:
    if not any(policy.may_want_consent for policy in deployment.policies):
        return []
    return consents.covering(connection, numbers=e164, customer_ids=customer_ids)


def _paused_until(
    connection: Connection, deployment: Deployment, at: datetime
) -> dict[tuple[str, ...], datetime | None]:
    """Return by route when its first gateway can send again, None where one can now."""
    paused, recheck = paused_gateways(connection, at), timedelta(minutes=deployment.limits.recheck_minutes)
    return {
        policy.route: paused_until(policy.route, deployment.gateways, paused, at=at, recheck=recheck)
        for policy in deployment.policies
    }


def _on_selection(found: Sequence[Hold], account: Account | None, customer_id: str) -> Iterator[Hold]:
    """Yield the holds whose selection an account, as the book has it, is in; each as it is for its customer."""
    for hold in found:
        if account is not None and hold.selector is not None and hold.selector.matches(account):
            yield hold.of_customer(customer_id)


def _case(deployment: Deployment, batch: _Batch, reminder: Reminder, at: datetime) -> Case:
    rows = batch.accounts.get(reminder.account_id, [])
    account = rows[0] if len(rows) == 1 else None
    customer_id = account.customer_id if account else reminder.customer_id
    phone, phone_problem = batch.phones.get(reminder.account_id, _NO_PHONE)
    policy = policy_for(deployment.policies, account) if account else None
    if policy is not None and account is not None:
        policy = policy.where(account, phone.region if phone else None)
    e164 = phone.e164 if phone else None
    found = batch.agreements.of(account_id=reminder.account_id)
    agreed = agreed_on(found, account, policy, at) if found and account and policy else ()
    if account and agreed:
        account = seen_as_agreed(account, agreed, reminder.due_date)
        rows = [account]
    return Case(
        reminder=reminder,
        accounts=tuple(rows),
        policy=policy,
        phone=phone,
        phone_problem=phone_problem,
        holds=(
            *batch.holds.of(account_id=reminder.account_id, customer_id=customer_id),
            *_on_selection(batch.holds_on_selections, account, customer_id),
        ),
        suppressions=batch.suppressions.of(customer_id=customer_id, number=e164, account_id=reminder.account_id),
        consents=batch.consents.of(customer_id=customer_id, number=e164),
        bad_number=batch.bad_numbers.get(e164) if e164 else None,
        claim_id=_claim(deployment, account) if account else "",
        contacts=batch.contacts,
        condition=condition_of(deployment.conditions, policy.step(reminder.step) if policy else None, account),
        stale_book=_staleness(deployment, account, at),
        paused_until=batch.paused_until[policy.route] if policy else None,
        agreed=agreed,
    )


def _claim(deployment: Deployment, account: Account) -> str:
    """Return the debt that an account is part of: itself, unless the book names another one."""
    named = account.attributes.get(deployment.claim) if deployment.claim is not None else None
    return account.account_id if named is None else str(named)


def _staleness(deployment: Deployment, account: Account | None, at: datetime) -> str:
    """Return why the book's word on this account is too old to act on, or "" where it is not."""
    max_age = deployment.book.fresh_max_age
    if max_age is None or account is None:
        return ""
    if account.loaded_at is None:
        return "the book does not say when this account was last refreshed"
    if at - account.loaded_at > max_age:
        return f"last refreshed on {account.loaded_at:%Y-%m-%d %H:%M} UTC, more than {max_age} ago"
    return ""
