"""`book check`: does the book keep its side of the contract? Asked before the first run, answered with counts.

======  ========  =====================================================================================
code    severity  what was found
======  ========  =====================================================================================
B001    error     the table or query can't be read (from the mapping)
B002    error     a column is missing (from the mapping)
B003    error     a column can't play its part (from the mapping)
B010    warning   the book is empty
B011    error     one account id on several rows: each such account is refused
B012    error     ids that are missing or too long: these rows are never planned
B013    warning   no customer: these accounts are refused
B020    warning   a part that every account needs is empty; information for a part that it can do without
B021    warning   due dates that can't be read
B022    warning   due dates that are years away: a typing mistake?
B023    warning   amounts that can't be read as numbers
B024    warning   amounts with more decimal places than their currency has
B025    info      amounts below zero: treated as paid
B026    warning   the amount column is binary floating point
B027    warning   currencies that ISO 4217 doesn't know
B028    warning   zones that IANA doesn't know
B029    warning   phone numbers, in a sample, that can't be texted
B030    error     the book is not refreshed as it should be; a warning where it is from the future
======  ========  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, literal, not_, select

from reminder.book.book import Book
from reminder.book.expressions import char_count, without_nul
from reminder.book.fields import ID_CHARS_MAX
from reminder.book.findings import BookReport, Finding, Severity
from reminder.book.kinds import Kind
from reminder.book.mapping import REQUIRED_PARTS
from reminder.book.selectors import priced
from reminder.domain.money import CURRENCIES
from reminder.domain.phone import PhoneError, parse_phone
from reminder.domain.zones import known_zone

__all__ = ["DUE_DAYS_MAX", "EXAMPLES_MAX", "SAMPLE_ACCOUNTS", "check_book"]

SAMPLE_ACCOUNTS = 1_000
"""How many accounts' phone numbers are parsed; all else is counted over the whole book."""

EXAMPLES_MAX = 5
"""How many examples a finding shows."""

DUE_DAYS_MAX = 3_660
"""How many days from today, either way, a due date is believable: ten years."""

_DISTINCT_MAX = 1_000
_OPTIONAL_PARTS = ("phone", "name", "language", "timezone", "product")
_Condition = ColumnElement[bool]


def check_book(
    engine: Engine, book: Book, *, at: datetime, sample: int = SAMPLE_ACCOUNTS, region: str | None = None
) -> BookReport:
    """Return what was found in the book at the instant `at`: counts over all rows, with examples that name no one.

    The phone numbers of `sample` accounts are parsed, those without a country code in `region` (ISO 3166).
    """
    check = _Check(book, at)
    with engine.connect() as connection:
        rows, owed = check.sizes(connection)
        found = [*check.counted(connection, rows), *check.distinct(connection), *check.fresh(connection, rows)]
        found += check.phones(connection, sample, region)
    return BookReport(rows, owed, tuple(sorted(found, key=lambda finding: (finding.code, finding.part))))


class _Check:
    """The questions, each as SQL over the whole book where it can be."""

    def __init__(self, book: Book, at: datetime) -> None:
        self.book = book
        self.at = at
        self.columns = book.columns

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Return how many accounts there are and how many owe something."""
        owed = func.coalesce(func.sum(case((self.book.owed(), 1), else_=0)), 0)
        row = connection.execute(select(func.count(), owed).select_from(self.book.selectable)).one()
        return int(row[0]), int(row[1])

    def counted(self, connection: Connection, rows: int) -> Iterator[Finding]:
        """Yield what is wrong with rows taken one by one: all counted in one pass, examples then looked up."""
        if not rows:
            yield Finding("B010", Severity.WARNING, "book", "expected accounts, found none: is it loaded?")
            return
        questions = [*self._identity(), *self._nulls(), *self._values()]
        sums = [func.sum(case((condition, 1), else_=0)) for *_, condition in questions]
        counts = connection.execute(select(*sums).select_from(self.book.selectable)).one()
        for (code, severity, part, message, condition), count in zip(questions, counts, strict=True):
            if count:
                said = f"{int(count)} of {rows} accounts: {message}"
                yield Finding(code, severity, part, said, int(count), self._examples(connection, condition))
        yield from self._duplicates(connection)
        if self.columns.kind("amount_due") is Kind.FLOAT:
            message = "binary floating point is inexact: cast it to a decimal in a `query`"
            yield Finding("B026", Severity.WARNING, "amount_due", message)

    def _examples(self, connection: Connection, condition: _Condition) -> tuple[str, ...]:
        key = self.columns.account_id
        query = select(key).select_from(self.book.selectable).where(condition, key.is_not(None)).limit(EXAMPLES_MAX)
        return tuple(str(each)[:ID_CHARS_MAX] for each in connection.scalars(query))

    def _identity(self) -> Iterator[tuple[str, Severity, str, str, _Condition]]:
        length = func.coalesce(char_count(self.columns.account_id, self.columns.dialect), 0)
        customer = func.coalesce(char_count(self.columns.customer_id, self.columns.dialect), 0)
        message = f"no id, or one longer than {ID_CHARS_MAX} characters: never planned"
        yield "B012", Severity.ERROR, "account_id", message, not_(length.between(1, ID_CHARS_MAX))
        yield "B012", Severity.ERROR, "customer_id", message, customer > ID_CHARS_MAX
        yield "B013", Severity.WARNING, "customer_id", "no customer: refused", customer == 0
        if self.columns.dialect == "sqlite":
            for part in ("account_id", "customer_id"):
                holds_one = not_(without_nul(func.coalesce(getattr(self.columns, part), "")))
                yield "B012", Severity.ERROR, part, "an id with a NUL in it: never planned", holds_one

    def _nulls(self) -> Iterator[tuple[str, Severity, str, str, _Condition]]:
        for part in REQUIRED_PARTS[2:]:
            yield "B020", Severity.WARNING, part, "empty: refused", self.columns.raw(part).is_(None)
        for part in _OPTIONAL_PARTS:
            if part in self.book.mapping.columns:
                yield "B020", Severity.INFO, part, "empty", getattr(self.columns, part).is_(None)

    def _values(self) -> Iterator[tuple[str, Severity, str, str, _Condition]]:
        due, amount, currency = self.columns.due_date, self.columns.amount_due, self.columns.currency
        has_due, has_amount = (self.columns.raw(part).is_not(None) for part in ("due_date", "amount_due"))
        day, reach = self.at.date(), timedelta(days=DUE_DAYS_MAX)
        far = not_(due.between(literal(day - reach), literal(day + reach)))
        warning = Severity.WARNING
        yield "B021", warning, "due_date", "no day that can be read: refused", and_(has_due, due.is_(None))
        yield "B022", warning, "due_date", "more than ten years from today", and_(due.is_not(None), far)
        yield "B023", warning, "amount_due", "no number that can be read: refused", and_(has_amount, amount.is_(None))
        unfit = and_(amount.is_not(None), currency.in_(sorted(CURRENCIES)), not_(priced(self.columns, CURRENCIES)))
        yield "B024", warning, "amount_due", "more decimal places than its currency has: refused", unfit
        negative = and_(amount.is_not(None), amount < 0)
        yield "B025", Severity.INFO, "amount_due", "below zero: treated as paid", negative

    def _duplicates(self, connection: Connection) -> Iterator[Finding]:
        key = self.columns.account_id
        several = select(key).select_from(self.book.selectable).where(key.is_not(None)).group_by(key)
        several = several.having(func.count() > 1)
        count = connection.scalar(select(func.count()).select_from(several.subquery("several"))) or 0
        if count:
            examples = tuple(str(each) for each in connection.scalars(several.limit(EXAMPLES_MAX)))
            message = f"{count} ids on several rows, of which none is sure to be right: refused"
            yield Finding("B011", Severity.ERROR, "account_id", message, count, examples)

    def distinct(self, connection: Connection) -> Iterator[Finding]:
        """Yield what is wrong with zones and currencies, which are few, whatever the size of the book."""
        currencies = self._unknown(connection, "currency", lambda value: value in CURRENCIES)
        if currencies:
            message = f"{len(currencies)} that ISO 4217 doesn't know: refused"
            yield Finding("B027", Severity.WARNING, "currency", message, len(currencies), currencies[:EXAMPLES_MAX])
        zones = self._unknown(connection, "timezone", lambda value: known_zone(value) is not None)
        if zones:
            message = f"{len(zones)} that IANA doesn't know: texted only when every plausible zone allows it"
            yield Finding("B028", Severity.WARNING, "timezone", message, len(zones), zones[:EXAMPLES_MAX])

    def _unknown(self, connection: Connection, part: str, is_known: Callable[[str], bool]) -> tuple[str, ...]:
        if part not in self.book.mapping.columns:
            return ()
        value = getattr(self.columns, part)
        query = select(value).select_from(self.book.selectable).where(value.is_not(None)).distinct()
        return tuple(sorted(each[:40] for each in connection.scalars(query.limit(_DISTINCT_MAX)) if not is_known(each)))

    def fresh(self, connection: Connection, rows: int) -> Iterator[Finding]:
        """Yield whether the book is older than it may be, or claims to be from the future (law 15)."""
        max_age = self.book.fresh_max_age
        if max_age is None or not rows:
            return
        newest = self.book.newest_load(connection)
        if newest is None:
            message = "expected an instant, found none that can be read: every account is refused"
            yield Finding("B030", Severity.ERROR, "fresh", message)
        elif self.at - newest > max_age:
            message = f"expected to be refreshed within {max_age}, found {newest:%Y-%m-%d %H:%M} UTC: load it again"
            yield Finding("B030", Severity.ERROR, "fresh", message)
        elif newest > self.at:
            message = f"refreshed at {newest:%Y-%m-%d %H:%M} UTC, which is yet to come: is it written in another zone?"
            yield Finding("B030", Severity.WARNING, "fresh", message)

    def phones(self, connection: Connection, sample: int, region: str | None) -> Iterator[Finding]:
        """Yield how many phone numbers of a sample can't be texted, with account ids for examples (law 13)."""
        if "phone" not in self.book.mapping.columns:
            return
        accounts = [each for each in self.book.listing(connection, limit=sample, owed_only=True) if each.phone]
        unusable = [each.account_id for each in accounts if not _can_be_texted(each.phone or "", region)]
        if unusable:
            message = f"{len(unusable)} of a sample of {len(accounts)} can't be texted"
            examples = tuple(unusable[:EXAMPLES_MAX])
            yield Finding("B029", Severity.WARNING, "phone", message, len(unusable), examples)


def _can_be_texted(phone: str, region: str | None) -> bool:
    try:
        parse_phone(phone, region)
    except PhoneError:
        return False
    return True
