"""The lender's own system: accounts, payments, due dates. It knows what is true, whatever its table shows meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import Engine, text

TABLE = "unpaid"
_COLUMNS = {
    "loan_no": "VARCHAR(64)", "cust_no": "VARCHAR(64)", "mobile": "VARCHAR(64)", "due_dt": "DATE",
    "unpaid": "NUMERIC(14,2)", "ccy": "VARCHAR(8)", "lang": "VARCHAR(16)", "tz": "VARCHAR(64)", "prod": "VARCHAR(32)",
    "autopay": "BOOLEAN", "incentive": "VARCHAR(64)", "contract": "VARCHAR(64)", "status": "VARCHAR(16)",
    "loaded_at": "TIMESTAMP",
}  # fmt: skip

HOSTILE = "{{ 7*7 }}"
"""What a lender's clerk once typed into a free field: it must be printed as it stands (law 11)."""

_PLACES = (
    # (zone in the book, how its numbers begin, how many digits follow, currency, language)
    ("Asia/Shanghai", "138", 8, "CNY", "zh-CN"),
    ("Asia/Shanghai", "+86139", 8, "CNY", "zh-CN"),
    (None, "0086 137", 8, "CNY", None),
    ("America/New_York", "+12125", 6, "USD", "en"),
    (None, "+18505", 6, "USD", "en"),
    ("Mars/Olympus", "+6421", 7, "USD", "en"),
    ("Europe/London", "+447700", 6, "USD", "fr"),
    ("Australia/Lord_Howe", "+61412", 6, "JPY", "en"),
)
_WRONG_NUMBERS = ("12345", "not a number", "+86 10 8888 8888", "", None)
PRODUCTS = ("cash-loan", "instalment", "card", "first", "second", "orphan")


@dataclass
class Loan:
    """One account as the lender knows it. `shown` is how many rows its table has for it: 0 is lost, 2 is a mistake."""

    loan_no: str
    cust_no: str
    mobile: str | None
    due: date
    minor: int
    currency: str
    language: str | None
    zone: str | None
    product: str
    autopay: bool
    incentive: str | None
    contract: str | None = None
    settled: bool = False
    shown: int = 1

    @property
    def owed(self) -> bool:
        """Whether anything is still to be paid."""
        return not self.settled and self.minor > 0

    @property
    def amount(self) -> str:
        """The amount as the currency writes it, without thousands."""
        return str(self.minor) if self.currency == "JPY" else f"{self.minor // 100}.{self.minor % 100:02}"


@dataclass
class Lender:
    """All accounts, and the table that shows them."""

    engine: Engine
    dice: Random
    loans: dict[str, Loan] = field(default_factory=dict)
    loaded_at: dict[str, datetime] = field(default_factory=dict)
    empty: bool = False
    stale_until: datetime | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Make the table."""
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        self._run(f"DROP TABLE IF EXISTS {TABLE}")
        self._run(f"CREATE TABLE {TABLE} ({columns})")
        self._run(f"CREATE INDEX ix_{TABLE}_no ON {TABLE} (loan_no)")
        self._run(f"CREATE INDEX ix_{TABLE}_due ON {TABLE} (due_dt, tz)")

    def lend(self, due: date, at: datetime) -> Loan:
        """Open an account, for somebody new or for a customer who has one."""
        index = next(self.numbers)
        known = self.dice.random() < 0.3 and self.loans
        other = self.dice.choice(list(self.loans.values())) if known else None
        zone, head, digits, currency, language = self.dice.choices(_PLACES, (9, 4, 2, 3, 2, 1, 1, 2))[0]
        if other is not None:
            zone, currency, language = other.zone, other.currency, other.language
        loan = Loan(
            loan_no=f"L{index:06}",
            cust_no=other.cust_no if other else f"C{index:06}",
            mobile=other.mobile if other else self.new_number(head, digits),
            due=due,
            minor=self.dice.choice((1, 99, 12_345, 100_000, 9_876_543, self.dice.randint(100, 5_000_000))),
            currency=currency,
            language=language,
            zone=zone,
            product=self.dice.choice(PRODUCTS),
            autopay=self.dice.random() < 0.2,
            incentive=HOSTILE if self.dice.random() < 0.1 else None,
            contract=f"D-{other.cust_no if other else index}" if self.dice.random() < 0.5 else None,
        )
        self.loans[loan.loan_no] = loan
        self.loaded_at[loan.loan_no] = at
        self.show(loan)
        return loan

    def new_number(self, head: str, digits: int) -> str:
        """Return a number nobody has had before, or now and then something that is none."""
        if self.dice.random() < 0.04:
            return self.dice.choice(_WRONG_NUMBERS) or ""
        return f"{head}{next(self.numbers) % 10**digits:0{digits}}"

    def change_number(self, loan: Loan) -> None:
        """Give the customer another number, in all accounts."""
        _, head, digits, _, _ = self.dice.choice(_PLACES)
        number = self.new_number(head, digits)
        for each in self.loans.values():
            if each.cust_no == loan.cust_no:
                each.mobile = number
                self.show(each)

    def pay(self, loan: Loan) -> None:
        """Take the whole payment, in one of the ways in which systems show that."""
        way = self.dice.randint(0, 3)
        if way == 0:
            loan.minor = 0
        elif way == 1:
            loan.settled = True
        else:  # the next instalment is shown in its place
            loan.due += timedelta(days=30)
            loan.minor = max(1, loan.minor + self.dice.randint(-50, 50))
        self.show(loan)

    def show(self, loan: Loan) -> None:
        """Write the account into the table, as often as the table has it."""
        self._run(f"DELETE FROM {TABLE} WHERE loan_no = :no", no=loan.loan_no)
        if not self.empty and loan.shown:
            self._insert([self._row(loan)] * loan.shown)

    def refresh(self, at: datetime) -> None:
        """Load the whole table anew, as every night; nothing happens while the nightly job is broken."""
        if self.empty or (self.stale_until is not None and at < self.stale_until):
            return
        self.stale_until = None
        self.loaded_at = dict.fromkeys(self.loans, at)
        self._run(f"UPDATE {TABLE} SET loaded_at = :at", at=_stamp(at))

    def vanish(self) -> None:
        """Empty the table, as a load does before it fills it."""
        self.empty = True
        self._run(f"DELETE FROM {TABLE}")

    def come_back(self, at: datetime) -> None:
        """Fill the table again."""
        self.empty = False
        self.loaded_at = dict.fromkeys(self.loans, at)
        self._insert([self._row(loan) for loan in self.loans.values() for _ in range(loan.shown)])

    @contextmanager
    def crowded(self, accounts: int, at: datetime) -> Iterator[None]:
        """Let the table hold so many more for a while, due half a year ago or in half a year, to no policy's step."""
        far = [at.date() + timedelta(days=way * (180 + number % 30)) for number in range(accounts) for way in (1, -1)]
        some = [
            Loan(f"X{number:06}", f"XC{number:06}", "13800000000", due, 100, "CNY", "zh-CN", "Asia/Shanghai",
                 PRODUCTS[number % len(PRODUCTS)], False, None)
            for number, due in enumerate(far[:accounts])
        ]  # fmt: skip
        rows = [self._row(loan, at) for loan in some]
        self._insert(rows)
        try:
            yield
        finally:
            self._run(f"DELETE FROM {TABLE} WHERE loan_no LIKE 'X%'")

    def rows_of(self, loan_no: str) -> int:
        """Return how many rows the table has for an account now."""
        loan = self.loans.get(loan_no)
        return 0 if self.empty or loan is None else loan.shown

    def _row(self, loan: Loan, loaded_at: datetime | None = None) -> dict[str, Any]:
        return {
            "loan_no": loan.loan_no, "cust_no": loan.cust_no, "mobile": loan.mobile, "due_dt": loan.due.isoformat(),
            "unpaid": loan.amount, "ccy": loan.currency, "lang": loan.language, "tz": loan.zone, "prod": loan.product,
            "autopay": loan.autopay, "incentive": loan.incentive,
            "contract": loan.contract, "status": "settled" if loan.settled else "open",
            "loaded_at": _stamp(loaded_at or self.loaded_at[loan.loan_no]),
        }  # fmt: skip

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            values = ", ".join(f":{name}" for name in _COLUMNS)
            with self.engine.begin() as connection:
                connection.execute(text(f"INSERT INTO {TABLE} ({', '.join(_COLUMNS)}) VALUES ({values})"), rows)

    def _run(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
