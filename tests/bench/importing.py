"""Importing a CSV file of accounts against `csv` and a bulk insert with the same checks on the hot columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from bench.books import AT, TODAY
from bench.databases import Raw, Store
from bench.measure import Figure, against
from bench.planning import instant
from reminder.book.importer import import_accounts
from reminder.store.schema import account

__all__ = ["import_csv"]

_HEAD = (
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
)
_COLUMNS = f"{', '.join(_HEAD)}, closed, attributes, loaded_at"
_MOBILE = re.compile(r"1[35789]\d{9}", re.ASCII)
_ID_CHARS_MAX = 64
_CHUNK_ROWS = 5_000


def write(file: Path, accounts: int) -> None:
    """Write a file of accounts as a lender exports it."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(_HEAD)
        for i in range(accounts):
            due = TODAY - timedelta(days=i % 60 - 10)
            writer.writerow(
                (
                    f"A{i:09}",
                    f"C{i:09}",
                    "王小明",
                    f"138{i % 10**8:08}",
                    due,
                    f"{i % 5000}.45",
                    "CNY",
                    "zh-CN",
                    "Asia/Shanghai",
                    "cash-loan",
                )
            )


def floor_import(store: Store, file: Path) -> int:
    """Read, check and insert in chunks; return how many rows were refused."""
    raw, refused = Raw(store.engine), 0
    at = instant(raw)
    marks = ", ".join("?" * (len(_HEAD) + 3))
    with file.open(encoding="utf-8", newline="") as handle:
        rows = csv.reader(handle)
        next(rows)
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            good = list(_checked(chunk, raw.is_sqlite))
            refused += len(chunk) - len(good)
            raw.begin()
            whole = [(*row, False, "{}", at) for row in good]
            if raw.is_sqlite:
                raw.many(f"INSERT INTO account ({_COLUMNS}) VALUES ({marks})", whole)
            else:
                with raw.cursor.copy(f"COPY account ({_COLUMNS}) FROM STDIN") as copy:
                    for row in whole:
                        copy.write_row(row)
            raw.commit()
    raw.close()
    return refused


def _checked(rows: list[list[str]], as_text: bool) -> Iterator[tuple[object, ...]]:
    for key, customer, name, phone, due, amount, currency, *others in rows:
        if not (0 < len(key) <= _ID_CHARS_MAX and 0 < len(customer) <= _ID_CHARS_MAX and _MOBILE.fullmatch(phone)):
            continue
        try:
            day, minor = date.fromisoformat(due), Decimal(amount) * 100
        except (ValueError, ArithmeticError):
            continue
        if minor == int(minor) and len(currency) == 3:
            yield key, customer, name, phone, due if as_text else day, int(minor), currency, *others


def import_csv(store: Store, folder: Path, accounts: int, repeats: int) -> Figure:
    """Import a file into an empty book."""
    file = folder / "accounts.csv"
    write(file, accounts)
    figure = against(
        "import",
        "import accounts from CSV",
        lambda: import_accounts(store.engine, account, file, at=AT, region="CN"),
        lambda: floor_import(store, file),
        before=lambda: store.clear("account"),
        repeats=repeats,
        rows=accounts,
        bound=2.0,
        where=store.name,
        size=f"{accounts:,} accounts",
    )
    file.unlink()
    return figure
