"""Imports against whatever comes: garbage of every kind, sequences of files, two at the same time, and large ones."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from reminder.book.csv_source import ImportFileError
from reminder.book.importer import ImportReport, import_accounts
from reminder.store.schema import account

HEADER = "account_id,customer_id,name,phone,due_date,amount_due,currency,language,timezone,product,closed,autopay\n"
GOOD = "A-1,C-1,王小明,13800138000,2026-11-25,1234.50,CNY,zh-CN,Asia/Shanghai,cash-loan,false,true\n"
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

garbage = st.lists(st.sampled_from([*"\",;\t\r\n\0 'AB=12.-王\u2028\ufffd😀", "2026-11-25", "CNY"]), max_size=40).map(
    "".join
)
cells = st.one_of(st.sampled_from(["A", "B", "C-1", "2026-11-25", "12.50", "CNY", "JPY", "", "true"]), garbage)
tables = st.lists(st.lists(cells, min_size=1, max_size=14), max_size=6)


def adds_up(report: ImportReport) -> None:
    """Assert that every row read had exactly one end, and that a refusal has a reason."""
    assert report.read == report.added + report.changed + report.unchanged + report.refused
    assert bool(report.problems) is bool(report.refused)


def stored(engine: Engine) -> dict[str, Any]:
    """Return the rows of our own table by account id."""
    with engine.connect() as connection:
        return {row.account_id: row for row in connection.execute(select(account))}


def imported(engine: Engine, path: Path, content: bytes, at: datetime) -> ImportReport:
    """Empty the table, import these bytes, and return the report."""
    with engine.begin() as connection:
        connection.execute(delete(account))
    path.write_bytes(content)
    return import_accounts(engine, account, path, at=at, region="CN", chunk=3)


@FUZZ
@given(lines=tables)
@example(lines=[["A", "C", "", "", "2026-11-25", "1", "CNY", "", "", "", "", "=1"]] * 2)
@example(lines=[["\0"] * 12])
def test_no_table_of_cells_is_too_odd(
    sqlite_engine: Engine, tmp_path: Path, at: datetime, lines: list[list[str]]
) -> None:
    """Whatever is in the cells, nothing raises, every row is counted once, and the second import adds nothing."""
    body = io.StringIO()
    csv.writer(body).writerows(lines)
    path = tmp_path / "fuzz.csv"
    first = imported(sqlite_engine, path, (HEADER + body.getvalue()).encode(), at)
    adds_up(first)
    assert first.added == len(stored(sqlite_engine))
    again = import_accounts(sqlite_engine, account, path, at=at, region="CN")
    assert (again.added, again.changed, again.unchanged) == (0, 0, first.added)


@FUZZ
@given(content=st.binary(max_size=300) | garbage.map(str.encode))
def test_no_bytes_are_too_odd(sqlite_engine: Engine, tmp_path: Path, at: datetime, content: bytes) -> None:
    """Whatever bytes follow the header, nothing raises, and every row is counted once (law 9)."""
    adds_up(imported(sqlite_engine, tmp_path / "fuzz.csv", HEADER.encode() + GOOD.encode() + content, at))


@settings(FUZZ, max_examples=60)
@given(content=st.binary(max_size=200))
@example(content=b"\xff\xfeA")
@example(content=b'"')
def test_no_file_is_too_odd(sqlite_engine: Engine, tmp_path: Path, at: datetime, content: bytes) -> None:
    """A file that is no CSV at all is refused in words, or is imported; there is no third way."""
    try:
        added = imported(sqlite_engine, tmp_path / "fuzz.csv", content, at).added
    except ImportFileError:
        added = 0
    assert len(stored(sqlite_engine)) == added


@settings(FUZZ, max_examples=40)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=30), attribute=garbage)
def test_any_text_survives_or_is_cleaned(
    engine: Engine, tmp_path: Path, at: datetime, name: str, attribute: str
) -> None:
    """Any text a cell can hold is stored on every database as one printable line of the same words (laws 9 and 11)."""
    body = io.StringIO()
    columns = ["account_id", "customer_id", "due_date", "amount_due", "currency", "name", "note"]
    csv.writer(body).writerows([columns, ["A", "C", "2026-11-25", "1", "CNY", name, attribute]])
    report = imported(engine, tmp_path / "fuzz.csv", body.getvalue().encode(), at)
    adds_up(report)
    if "\ufffd" in name + attribute:
        assert report.refused == 1
        return
    row = stored(engine)["A"]
    kept = (row.name or "") + row.attributes.get("note", "")
    assert not any(ord(character) < 32 or character in "\x7f\u2028\u2029" for character in kept)
    printable = [each for each in name if each.isprintable() and not each.isspace()]
    assert [each for each in row.name or "" if each.isprintable() and not each.isspace()] == printable


model_rows = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(["A", "a", "B", "C"]),
        "amount_due": st.sampled_from(["1.00", "2.50", "0"]),
        "due_date": st.sampled_from(["2026-11-25", "2026-12-25"]),
    },
    optional={
        "name": st.sampled_from(["", "王", "O'Neil"]),
        "phone": st.sampled_from(["", "13800138000"]),
        "closed": st.sampled_from(["", "true"]),
        "autopay": st.sampled_from(["", "true"]),
        "band": st.sampled_from(["", "B"]),
    },
)
files = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["name", "phone", "closed", "autopay", "band"]), unique=True),
        st.lists(model_rows, max_size=5, unique_by=lambda row: row["account_id"]),
    ),
    max_size=4,
)


@settings(FUZZ, max_examples=40)
@given(sequence=files)
def test_any_sequence_of_files_is_as_a_dictionary_would_have_it(
    engine: Engine, tmp_path: Path, at: datetime, sequence: Sequence[tuple[list[str], list[dict[str, str]]]]
) -> None:
    """After any files, each field is what the last file that had its column said; counts say what changed."""
    with engine.begin() as connection:
        connection.execute(delete(account))
    model: dict[str, dict[str, str]] = {}
    for optional, lines in sequence:
        columns = ["account_id", "customer_id", "due_date", "amount_due", "currency", *optional]
        path = tmp_path / "model.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows({"customer_id": "C", "currency": "CNY", **line} for line in lines)
        report = import_accounts(engine, account, path, at=at, region="CN", chunk=2)
        before = {key: dict(row) for key, row in model.items()}
        for line in lines:
            told = {name: line.get(name, "") for name in ("account_id", "due_date", "amount_due", *optional)}
            model[line["account_id"]] = {**model.get(line["account_id"], {}), **told}
        keys = {line["account_id"] for line in lines}
        assert report.added == len(keys - set(before))
        assert report.unchanged == sum(_same(before.get(key), model[key]) for key in keys)
    assert {key: _shown(row) for key, row in stored(engine).items()} == {key: _meant(row) for key, row in model.items()}


def _meant(row: Mapping[str, str]) -> tuple[object, ...]:
    """Return what a row of the model means."""
    attributes = {name: row[name] for name in ("autopay", "band") if row.get(name)}
    amount = int(Decimal(row["amount_due"]) * 100)
    closed = row.get("closed", "") == "true"
    return row["due_date"], amount, row.get("name") or None, row.get("phone") or None, closed, attributes


def _shown(row: Any) -> tuple[object, ...]:
    """Return the same of a stored row."""
    return str(row.due_date), row.amount_due, row.name, row.phone, row.closed, row.attributes


def _same(before: Mapping[str, str] | None, after: Mapping[str, str]) -> bool:
    return before is not None and _meant(before) == _meant(after)


def test_two_imports_at_once_do_not_harm_each_other(engine: Engine, tmp_path: Path, at: datetime) -> None:
    """Two people importing the same accounts in opposite order both succeed, and each account is there once."""
    paths = []
    for place, numbers in enumerate((range(300), reversed(range(300)))):
        path = tmp_path / f"{place}.csv"
        lines = "".join(f"A-{number:03},C-{place},2026-11-25,{place + 1},CNY\n" for number in numbers)
        path.write_text("account_id,customer_id,due_date,amount_due,currency\n" + lines)
        paths.append(path)
    with ThreadPoolExecutor(2) as pool:
        reports = list(
            pool.map(lambda path: import_accounts(engine, account, path, at=at, region=None, chunk=50), paths)
        )
    for report in reports:
        adds_up(report)
        assert report.refused == 0
    rows = stored(engine)
    assert len(rows) == 300
    assert all(row.customer_id == f"C-{row.amount_due // 100 - 1}" for row in rows.values())


def test_memory_does_not_grow_with_the_file(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Eight times the rows take no more memory: a million is only a matter of time (law 12)."""
    peaks = []
    for count in (2_500, 20_000):
        path = tmp_path / f"{count}.csv"
        with path.open("w") as file:
            file.write("account_id,customer_id,due_date,amount_due,currency\n")
            file.writelines(f"A-{number:09},C,{date(2026, 11, 25)},{number}.25,CNY\n" for number in range(count))
        tracemalloc.start()
        report = import_accounts(
            sqlite_engine, account, path, at=datetime(2026, 11, 22, tzinfo=UTC), region="CN", chunk=500
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.read == count
    assert peaks[1] < 1.3 * peaks[0]
