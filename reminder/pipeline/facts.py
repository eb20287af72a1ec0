"""Facts: all that decisions about some reminders need, read from live data in a few queries per batch (law 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from reminder.domain.account import Account
from reminder.domain.agreement import Agreement, seen_as_agreed
from reminder.domain.caps import CapScope, Contacts, Key
from reminder.domain.case import Case
from reminder.domain.consent import Consent
from reminder.domain.hold import Hold, Suppression
from reminder.domain.phone import PhoneError, PhoneNumber, parse_phone
from reminder.domain.policy import Policy
from reminder.domain.reminder import Reminder
from reminder.errors import TemplateError
from reminder.message.values import condition_values
from reminder.pipeline.agreed import agreed_on
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.routing import paused_until
from reminder.store import agreements, consents, gateway_states, holds, numbers, suppressions
from reminder.store.contacts import Ask, contacts

__all__ = ["gather", "paused_gateways", "policy_for", "reading"]


@dataclass(frozen=True, slots=True)
class _Phone:
    number: PhoneNumber | None
    problem: str


@dataclass(frozen=True)
class _Batch:
    """What was read for one batch, by key."""

    accounts: Mapping[str, list[Account]]
    phones: Mapping[str, _Phone]
    holds_by_account: Mapping[str, list[Hold]]
    holds_by_customer: Mapping[str, list[Hold]]
    holds_on_selections: Sequence[Hold]
    suppressions: Sequence[Suppression]
    consents: Sequence[Consent]
    bad_numbers: Mapping[str, str]
    contacts: Contacts
    paused: Mapping[str, datetime]
    agreements: Mapping[str, list[Agreement]]


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


def _read(
    connection: Connection, book: Connection, deployment: Deployment, reminders: Sequence[Reminder], at: datetime
) -> _Batch:
    account_ids = sorted({reminder.account_id for reminder in reminders})
    accounts = deployment.book.read(book, account_ids)
    # A reminder's customer is the one the book names now; the one it was planned with counts where the book is silent.
    customers = {account.customer_id for rows in accounts.values() for account in rows}
    customer_ids = sorted(customers | {reminder.customer_id for reminder in reminders})
    phones = {key: _phone(rows[0], deployment.region) for key, rows in accounts.items() if rows}
    e164 = sorted({phone.number.e164 for phone in phones.values() if phone.number})
    in_force = holds.in_force(connection, account_ids=account_ids, customer_ids=customer_ids, at=at)
    ask = Ask.of(cap for policy in deployment.policies for cap in policy.caps)
    keys: set[Key] = {(CapScope.CUSTOMER, key) for key in customer_ids} | {(CapScope.NUMBER, number) for number in e164}
    keys |= {(CapScope.ACCOUNT, key) for key in account_ids}
    keys |= {(CapScope.CLAIM, _claim(deployment, account)) for rows in accounts.values() for account in rows}
    return _Batch(
        accounts=accounts,
        phones=phones,
        holds_by_account=_by([hold for hold in in_force if hold.account_id], "account_id"),
        holds_by_customer=_by([hold for hold in in_force if hold.customer_id], "customer_id"),
        holds_on_selections=holds.selections(connection, at=at),
        suppressions=suppressions.covering(
            connection, numbers=e164, customer_ids=customer_ids, account_ids=account_ids
        ),
        consents=consents.covering(connection, numbers=e164, customer_ids=customer_ids)
        if any(policy.may_want_consent for policy in deployment.policies)
        else [],
        bad_numbers=numbers.bad_among(connection, e164),
        contacts=contacts(connection, ask, keys, at=at),
        paused=paused_gateways(connection, at),
        agreements=_by_account(agreements.of_accounts(connection, account_ids)),
    )


def _on_selection(found: Sequence[Hold], account: Account | None, customer_id: str) -> Iterator[Hold]:
    """Yield the holds whose selection an account, as the book has it, is in; each as it is for its customer."""
    for hold in found:
        if account is not None and hold.selector is not None and hold.selector.matches(account):
            yield hold.of_customer(customer_id)


def _by_account(found: Sequence[Agreement]) -> dict[str, list[Agreement]]:
    grouped: dict[str, list[Agreement]] = {}
    for agreement in found:
        grouped.setdefault(agreement.account_id, []).append(agreement)
    return grouped


def _by(found: Sequence[Hold], key: str) -> dict[str, list[Hold]]:
    grouped: dict[str, list[Hold]] = {}
    for hold in found:
        grouped.setdefault(getattr(hold, key), []).append(hold)
    return grouped


def _phone(account: Account, region: str | None) -> _Phone:
    try:
        return _Phone(parse_phone(account.phone or "", region), "")
    except PhoneError as error:
        return _Phone(None, str(error))


def _case(deployment: Deployment, batch: _Batch, reminder: Reminder, at: datetime) -> Case:
    rows = batch.accounts.get(reminder.account_id, [])
    account = rows[0] if len(rows) == 1 else None
    customer_id = account.customer_id if account else reminder.customer_id
    phone = batch.phones.get(reminder.account_id, _Phone(None, "the book has no number for it"))
    policy = policy_for(deployment.policies, account) if account else None
    if policy is not None and account is not None:
        policy = policy.where(account, phone.number.region if phone.number else None)
    e164 = phone.number.e164 if phone.number else None
    found = batch.agreements.get(reminder.account_id, ())
    agreed = agreed_on(found, account, policy, at) if found and account and policy else ()
    on_selections = tuple(_on_selection(batch.holds_on_selections, account, customer_id))
    if account and agreed:
        account = seen_as_agreed(account, agreed, reminder.due_date)
        rows = [account]
    return Case(
        reminder=reminder,
        accounts=tuple(rows),
        policy=policy,
        phone=phone.number,
        phone_problem=phone.problem,
        holds=(
            *batch.holds_by_account.get(reminder.account_id, ()),
            *batch.holds_by_customer.get(customer_id, ()),
            *on_selections,
        ),
        suppressions=tuple(
            entry
            for entry in batch.suppressions
            if entry.customer_id == customer_id
            or (entry.number is not None and entry.number == e164)
            or entry.account_id == reminder.account_id
        ),
        consents=tuple(entry for entry in batch.consents if entry.customer_id == customer_id or entry.number == e164),
        bad_number=batch.bad_numbers.get(e164) if e164 else None,
        claim_id=_claim(deployment, account) if account else "",
        contacts=batch.contacts,
        condition=_condition(deployment, policy, reminder, account),
        stale_book=_staleness(deployment, account, at),
        paused_until=_paused_until(deployment, policy, batch, at) if policy else None,
        agreed=agreed,
    )


def _claim(deployment: Deployment, account: Account) -> str:
    """Return the debt that an account is part of: itself, unless the book names another one."""
    named = account.attributes.get(deployment.claim) if deployment.claim is not None else None
    return account.account_id if named is None else str(named)


def _paused_until(deployment: Deployment, policy: Policy, batch: _Batch, at: datetime) -> datetime | None:
    recheck = timedelta(minutes=deployment.limits.recheck_minutes)
    return paused_until(policy.route, deployment.gateways, batch.paused, at=at, recheck=recheck)


def _condition(
    deployment: Deployment, policy: Policy | None, reminder: Reminder, account: Account | None
) -> bool | str:
    step = policy.step(reminder.step) if policy else None
    if step is None or step.when is None or account is None:
        return True
    try:
        return deployment.conditions[step.when](condition_values(account))
    except TemplateError as error:
        return str(error)


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
