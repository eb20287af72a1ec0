"""Files that commands write for people and programs to take away: as data, and for nobody else to read."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reminder.book.csv_cells import armoured
from reminder.errors import DataError

__all__ = ["new_file", "written"]


def written(columns: Sequence[str], rows: Iterable[object], form: str) -> str:
    """Return these attributes of every row as `csv` or `json`; instants are ISO 8601 in UTC, None is empty.

    In CSV no cell is a formula (law 11).
    """
    plain = [{name: _plain(getattr(row, name)) for name in columns} for row in rows]
    if form == "json":
        return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")  # as RFC 4180 has it
    lines.writerow(columns)
    lines.writerows([armoured(value or "") for value in row.values()] for row in plain)
    return text.getvalue()


def _plain(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if value is None else str(value)


def new_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read or write; raise DataError where there is one, or none can be made.

    A mark of UTF-8 stands in front of CSV, without which spreadsheets guess.
    """
    encoding = "utf-8-sig" if path.suffix.lower() == ".csv" else "utf-8"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding=encoding, newline="", errors="replace") as file:
            file.write(text)
    except FileExistsError:
        raise DataError(f"expected a new file, found one at {path}: choose another name, or remove it first") from None
    except OSError as error:
        raise DataError(f"expected to write {path}, found: {error.strerror}: choose another place") from error
