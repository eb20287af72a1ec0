"""Holds and promises that come from files, row by row: bad rows are told with their line, the others go in.

All of it is one transaction of the caller's, so that a dry run takes the same way and is undone at the end. A row that
says what is in force already is known and changes nothing, so that the same file can be imported again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from reminder.domain.agreement import Agreement, AgreementKind, AgreementState, Part
from reminder.domain.hold import Hold, HoldKind
from reminder.domain.money import Money
from reminder.errors import DataError
from reminder.pipeline.agreements import make
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.lists import CellError, Cells, ListReport, id_in, import_rows
from reminder.store import agreements, holds

__all__ = ["HOLD_COLUMNS", "PROMISE_COLUMNS", "Rules", "end_of", "import_holds", "import_promises"]

HOLD_COLUMNS = ("account_id", "customer_id", "kind", "reason", "until", "days")
PROMISE_COLUMNS = ("account_id", "amount", "by", "note")


@dataclass(frozen=True, slots=True)
class Rules:
    """What all rows of a file have in common: who imports it and when, the zone of days, and the rules of promises."""

    who: str
    at: datetime
    zone: str
    grace_days: int
    tolerance_percent: int


def end_of(day: date, zone: str) -> datetime:
    """Return the instant at which a hold ends that lasts until a day: its first minute in a zone."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def import_holds(connection: Connection, file: Path, rules: Rules) -> ListReport:
    """Put every hold in a CSV file in force; return what became of its rows.

    Each row names an account or a customer, a kind and a reason, and either `until` (a day), `days` or neither. Raises
    ImportFileError where the file can't be read or lacks a column.
    """

    def keep(rows: Sequence[Hold]) -> list[bool | DataError]:
        return [_tried(lambda row=row: _hold(connection, row)) for row in rows]  # type: ignore[misc]

    return import_rows(file, HOLD_COLUMNS, ("kind", "reason"), lambda cells: _read_hold(cells, rules), keep)


def _hold(connection: Connection, row: Hold) -> bool:
    """Write a hold unless the same one is in force: the same cause for the same whom, until the same end."""
    whom = [each for each in (row.account_id,) if each], [each for each in (row.customer_id,) if each]
    known = holds.in_force(connection, account_ids=whom[0], customer_ids=whom[1], at=row.starts_at)
    if any((each.kind, each.reason, each.until) == (row.kind, row.reason, row.until) for each in known):
        return False
    holds.add(
        connection,
        kind=row.kind,
        reason=row.reason,
        who=row.who,
        at=row.starts_at,
        until=row.until,
        account_id=row.account_id,
        customer_id=row.customer_id,
    )
    return True


def _read_hold(cells: Cells, rules: Rules) -> Hold:
    kinds = [kind.value for kind in HoldKind]
    if cells["kind"] not in kinds:
        raise CellError("kind", f"expected one of {', '.join(kinds)}, found {cells['kind'][:24]!r}")
    if cells.get("until") and cells.get("days"):
        raise CellError("days", "expected `until` or `days`, found both: empty one")
    until = None
    if cells.get("until"):
        until = end_of(_day(cells, "until"), rules.zone)
    elif cells.get("days"):
        if not (cells["days"].isdecimal() and 1 <= int(cells["days"]) <= 3650):
            raise CellError("days", f"expected 1 to 3650 days, found {cells['days'][:24]!r}")
        # From the beginning of the day, so that the same file imported again on this day says the same.
        today = rules.at.astimezone(ZoneInfo(rules.zone)).date()
        until = end_of(today + timedelta(days=int(cells["days"]) + 1), rules.zone)
    return Hold(
        kind=HoldKind(cells["kind"]),
        reason=cells["reason"],
        starts_at=rules.at,
        until=until,
        account_id=id_in(cells, "account_id"),
        customer_id=id_in(cells, "customer_id"),
        who=rules.who,
    )


@dataclass(frozen=True, slots=True)
class _Promise:
    account_id: str
    amount: str
    by: date
    note: str


def import_promises(
    deployment: Deployment, connection: Connection, book: Connection, file: Path, rules: Rules
) -> ListReport:
    """Write down every promise in a CSV file; return what became of its rows.

    Each row names an account and the day by which it is promised to be paid; without an `amount` (major units), all
    that is owed. `book` may be the same connection as `connection`. Raises ImportFileError where the file can't be
    read or lacks a column.
    """

    def keep(rows: Sequence[_Promise]) -> list[bool | DataError]:
        return [
            _tried(lambda row=row: _promise(deployment, connection, book, row, rules))  # type: ignore[misc]
            for row in rows
        ]

    return import_rows(file, PROMISE_COLUMNS, ("account_id", "by"), _read_promise, keep)


def _tried(write: Callable[[], bool]) -> bool | DataError:
    try:
        return write()
    except DataError as error:
        return error


def _promise(deployment: Deployment, connection: Connection, book: Connection, row: _Promise, rules: Rules) -> bool:
    """Write a promise unless the same one is open."""

    def parts(owed: Money) -> list[Part]:
        return [Part(row.by, Money.of(row.amount, owed.currency) if row.amount else owed)]

    made = make(
        deployment,
        book,
        kind=AgreementKind.PROMISE,
        account_id=row.account_id,
        parts=parts,
        grace_days=rules.grace_days,
        tolerance_percent=rules.tolerance_percent,
        note=row.note,
        who=rules.who,
        at=rules.at,
    )
    if any(_same(each, made) for each in agreements.of_accounts(connection, [row.account_id])):
        return False
    agreements.add(connection, made)
    return True


def _same(known: Agreement, made: Agreement) -> bool:
    return known.state is AgreementState.OPEN and (known.kind, known.parts) == (made.kind, made.parts)


def _read_promise(cells: Cells) -> _Promise:
    account_id = id_in(cells, "account_id")
    if account_id is None:
        raise CellError("account_id", "expected an account, found an empty cell: fill it in")
    return _Promise(account_id, cells.get("amount", ""), _day(cells, "by"), cells.get("note", ""))


def _day(cells: Cells, name: str) -> date:
    try:
        return date.fromisoformat(cells[name])
    except ValueError:
        raise CellError(name, f"expected a day such as 2026-12-01, found {cells[name][:24]!r}") from None
