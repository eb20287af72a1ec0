"""The made-up book of the demo: some three hundred accounts around a day, the same ones for the same day and seed.

About a tenth deserve a text in the morning of that day. The others show why most of a book stays silent: paid, not due
yet, on hold, suppressed, a number that is none, a morning that has not come where the customer lives.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

from reminder.cli.demo_people import AMERICA, BRITAIN, CHINA, EAST, EXPATS, LOS_ANGELES, Place, name_in
from reminder.domain.hold import HoldKind

__all__ = ["COLUMNS", "DemoBook", "DemoHold", "make_book", "write_csv"]

COLUMNS = (
    "account_id",
    "customer_id",
    "name",
    "phone",
    "due_date",
    "amount_due",
    "currency",
    "language",
    "timezone",
    "product",
    "closed",
    "autopay",
    "incentive",
    "branch",
)
"""Columns of the file. The last three are attributes of this lender."""

ACCOUNTS = 300
FAULTY_ROWS = 3
_BRANCHES = ("上海", "杭州", "深圳", "online")
_INCENTIVES = {"zh-CN": "按期还款可得10元话费券", "en": "Pay on time and get 1% cash back"}


@dataclass(frozen=True, slots=True)
class DemoHold:
    """A pause to put on an account or a customer, and for how many days; None: until somebody releases it."""

    kind: HoldKind
    reason: str
    days: int | None = None
    account_id: str | None = None
    customer_id: str | None = None


@dataclass
class DemoBook:
    """The rows of the file, with the holds and suppressed customers that go with them. Rows may be faulty."""

    rows: list[dict[str, str]] = field(default_factory=list)
    holds: list[DemoHold] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)


def make_book(today: date, *, seed: int = 7) -> DemoBook:
    """Return the book as it stands on this day: its accounts are due from some weeks before to some weeks after."""
    writer = _Writer(today, random.Random(seed))  # noqa: S311 - made-up amounts, not secrets
    for part in (_texted, _asleep, _silent, _paused, _oddities, _faulty):
        part(writer)
    _settled_and_later(writer)
    return writer.book


def write_csv(book: DemoBook, path: Path) -> None:
    """Write the file as a core system would export it: UTF-8 with a byte order mark, CRLF, amounts in major units."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(book.rows)


class _Person(TypedDict):
    customer_id: str
    name: str
    phone: str


class _Writer:
    """Adds accounts one by one, and gives each its number, its customer and its amount."""

    def __init__(self, today: date, rng: random.Random) -> None:
        self.today = today
        self.rng = rng
        self.book = DemoBook()

    def add(self, product: str, dpd: int, place: Place = CHINA, **given: str) -> dict[str, str]:
        """Add an account that is `dpd` days past due today and return its row; `given` replaces what is made up."""
        count = len(self.book.rows) + 1
        due_date = self.today - timedelta(days=dpd)
        row = dict.fromkeys(COLUMNS, "") | {
            "account_id": f"{product[:2].upper()}{20_260_000 + count * 37}",
            "customer_id": f"C{1_000 + count}",
            "name": name_in(place.language, count),
            "phone": place.number(count),
            "due_date": due_date.isoformat(),
            "amount_due": self._amount(place),
            "currency": place.currency,
            "language": place.language,
            "timezone": place.timezone,
            "product": product,
            "autopay": "false",
            "branch": _BRANCHES[count % len(_BRANCHES)],
        }
        self.book.rows.append(row | given)
        return self.book.rows[-1]

    def _amount(self, place: Place) -> str:
        low, high = place.amounts
        if place.currency == "JPY":
            return str(self.rng.randrange(low, high, 100))
        return str(Decimal(self.rng.randrange(low * 100, high * 100)).scaleb(-2))


def _texted(writer: _Writer) -> None:
    """Add those who get a text this morning: every step of every policy, in both languages."""
    for dpd in (-6, -1, -1, 0, 0, 1, 3, 4, 7, 10, 17, 24, 33):
        writer.add("cash-loan" if dpd % 2 else "instalment", dpd)
    writer.add("instalment", -4, incentive=_INCENTIVES["zh-CN"])
    writer.add("cash-loan", -7, autopay="true")
    writer.add("cash-loan", -5, EXPATS, incentive=_INCENTIVES["en"])
    for dpd in (0, 5, 31):
        writer.add("instalment", dpd, EXPATS)
    for dpd in (-3, 0, 2, 6, 19):
        writer.add("card", dpd)
    for place, dpd in zip(EAST, (-2, 0, 4, 8), strict=True):
        writer.add("loan", dpd, place)
    _three_loans(writer)


def _three_loans(writer: _Writer) -> None:
    """Add the customer with three loans: one text speaks of all."""
    who = writer.add("cash-loan", 4, amount_due="1286.40")
    for dpd, amount in ((0, "500.00"), (-2, "2340.00")):
        writer.add("instalment", dpd, amount_due=amount, **_same_customer(who))


def _same_customer(row: dict[str, str]) -> _Person:
    return _Person(customer_id=row["customer_id"], name=row["name"], phone=row["phone"])


def _asleep(writer: _Writer) -> None:
    """Add those whose morning has not come yet, and one who was about to hear twice in one day."""
    for place, days in ((AMERICA, (-6, 0, 4, 13)), (LOS_ANGELES, (-2, 0, 21)), (BRITAIN, (-7, 0, 9, 28))):
        for dpd in days:
            writer.add("loan", dpd, place)
    # No zone in the book: the number's own zones count, and contact must be allowed in each of them.
    writer.add("loan", 1, AMERICA, timezone="")
    who = writer.add("cash-loan", 12)
    writer.add("card", 0, **_same_customer(who))


def _silent(writer: _Writer) -> None:
    """Add those whom the rules keep silent: numbers that are none, automatic payment, suppressed customers."""
    for dpd, phone in ((-6, ""), (0, "010-6555 1234"), (5, "1380013"), (11, "ask branch")):
        writer.add("cash-loan", dpd, phone=phone)
    for dpd in (-1, -1):
        writer.add("instalment", dpd, autopay="true")
    writer.add("card", 0, autopay="true")
    for dpd in (-3, 8):
        writer.book.suppressed.append(writer.add("cash-loan", dpd)["customer_id"])
    for dpd in (47, 52):
        writer.add("cash-loan", dpd)  # handed over to collections: an event, not a text


def _paused(writer: _Writer) -> None:
    """Add those who are on hold, each for a reason of its own."""
    holds = writer.book.holds
    dispute = writer.add("cash-loan", 6)["account_id"]
    holds.append(DemoHold(HoldKind.DISPUTE, "says the instalment was paid at the branch", account_id=dispute))
    promise = writer.add("instalment", 5)["customer_id"]
    holds.append(DemoHold(HoldKind.PROMISE, "promised to pay after payday", days=5, customer_id=promise))
    hardship = writer.add("cash-loan", 18)["customer_id"]
    holds.append(DemoHold(HoldKind.HARDSHIP, "flood in the district", days=30, customer_id=hardship))
    deceased = writer.add("instalment", 22)["customer_id"]
    holds.append(DemoHold(HoldKind.DECEASED, "told by the family", customer_id=deceased))


def _oddities(writer: _Writer) -> None:
    """Add what a real book holds too: names that look like code, a zone that is none, a language left out."""
    writer.add("instalment", -3, name="{{ 7*7 }}")
    writer.add("cash-loan", 2, name="=cmd|' /C calc'!A0")
    writer.add("cash-loan", -6, timezone="Mars/Olympus")
    writer.add("instalment", 4, language="")


def _faulty(writer: _Writer) -> None:
    """Add rows that the import must refuse, with line and reason, without refusing the rest."""
    writer.add("cash-loan", 0, due_date="31/02/2026")
    writer.add("cash-loan", 0, amount_due="about 300")
    writer.add("cash-loan", 0, currency="RMB")


def _settled_and_later(writer: _Writer) -> None:
    """Fill the book with those who need nothing: paid, closed, or due in some weeks."""
    for number, (product, place) in enumerate(_ordinary(ACCOUNTS + FAULTY_ROWS - len(writer.book.rows))):
        if number % 5 < 2:
            writer.add(product, writer.rng.randint(-6, 40), place, amount_due="0")
        elif number % 20 == 2:
            writer.add(product, writer.rng.randint(20, 90), place, closed="true")
        else:
            writer.add(product, -writer.rng.randint(8, 45), place)


def _ordinary(count: int) -> Iterator[tuple[str, Place]]:
    mix = (("cash-loan", CHINA), ("instalment", CHINA), ("card", CHINA), ("cash-loan", EXPATS), ("loan", AMERICA),
           ("instalment", CHINA), ("loan", BRITAIN), ("card", CHINA), ("loan", EAST[0]), ("loan", EAST[2]))  # fmt: skip
    return (mix[number % len(mix)] for number in range(count))
