"""Evidence packs: all that is on record about a customer, readable, and proven entry by entry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from reminder.domain.evidence import faults_of

Run = Callable[..., Result]
WICKED = "<script>alert(1)</script> {{ 7*7 }}"


@pytest.fixture
def pack(reminder: Run, tmp_path: Path) -> tuple[dict[str, Any], str]:
    """The export of a customer with holds, in two blocks among others' entries, and the anchor of the second one."""
    for reason in (WICKED, "second"):
        for customer in ("C-1", "C-2", "C-1"):
            reminder("hold", "add", "--customer", customer, "--kind", "dispute", "--reason", reason)
        reminder("audit", "seal")
    reminder("hold", "add", "--customer", "C-1", "--kind", "manual", "--reason", "not sealed")
    result = reminder("audit", "export", "--customer", "C-1", "--out", str(tmp_path / "C-1.json"))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("5 entries written to ")
    anchor = reminder("audit", "anchor").stdout.strip()
    return json.loads((tmp_path / "C-1.json").read_text(encoding="utf-8")), anchor


def test_pack_proves_itself_against_an_anchor(pack: tuple[dict[str, Any], str]) -> None:
    """Law 14: a third party with the file and an anchor finds each sealed entry in its block; the rest is said."""
    found, anchor = pack

    assert list(faults_of(found, anchor)) == []
    assert [item["proof"] is None for item in found["entries"]] == [False] * 4 + [True]
    assert {item["entry"]["customer_id"] for item in found["entries"]} == {"C-1"}
    assert list(faults_of(found, "2:" + "ab" * 32)) != []


def bends(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every text, number and nothing in a value."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from bends(each, (*where, key))
    elif value is not None:
        yield where


def test_no_part_of_a_proof_can_be_bent(pack: tuple[dict[str, Any], str]) -> None:
    """Whatever leaf of the file is changed, in an entry that is proven or in a block, checking says so."""
    found, anchor = pack
    whole = json.dumps(found)
    proven = [where for where in bends(found) if where[0] in ("entries", "blocks")]
    for where in proven:
        bent = json.loads(whole)
        if where[0] == "entries" and (bent["entries"][where[1]]["proof"] is None or where[2] == "salt"):
            continue
        inner = bent
        for key in where[:-1]:
            inner = inner[key]
        last = inner[where[-1]]
        if isinstance(last, int):
            inner[where[-1]] = last + 1
        else:
            inner[where[-1]] = last[:-1] + ("0" if last[-1] != "0" else "1")
        try:
            assert list(faults_of(bent, anchor)), where
        except (KeyError, ValueError):
            continue  # it is no pack any more, and `audit check` says that


def test_check_reads_the_file_without_a_database(
    reminder: Run, pack: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    """`audit check` ends well for a true file, with 1 for a bent one and for what is no export at all."""
    found, anchor = pack
    file = tmp_path / "C-1.json"
    good = reminder("audit", "check", str(file), "--anchor", anchor)
    assert (good.exit_code, good.stdout) == (0, "Entries: 5, as sealed; not sealed when it was made: 1.\n")
    assert json.loads(reminder("audit", "check", str(file), "--json").stdout)["sound"] is True
    found["entries"][0]["entry"]["who"] = "bob"
    file.write_text(json.dumps(found), encoding="utf-8")
    bad = reminder("audit", "check", str(file))
    assert (bad.exit_code, "it is not in block 1" in bad.stdout) == (1, True)
    file.write_text("[]", encoding="utf-8")
    assert "expected an export" in reminder("audit", "check", str(file)).stderr


def test_an_older_anchor_proves_a_pack_made_with_it(reminder: Run, tmp_path: Path) -> None:
    """Law 14: an auditor's anchor from before the customer's first entry proves the file that was made with it."""
    reminder("hold", "add", "--customer", "C-0", "--kind", "manual", "--reason", "before")
    reminder("audit", "seal")
    anchor = reminder("audit", "anchor").stdout.strip()
    reminder("hold", "add", "--customer", "C-1", "--kind", "dispute", "--reason", "then")
    reminder("audit", "seal")
    out = tmp_path / "C-1.json"

    assert reminder("audit", "export", "--customer", "C-1", "--out", str(out)).exit_code == 0
    assert reminder("audit", "check", str(out), "--anchor", anchor).exit_code == 1
    assert reminder("audit", "export", "--customer", "C-1", "--out", str(out), "--anchor", anchor).exit_code == 0
    assert reminder("audit", "check", str(out), "--anchor", anchor).exit_code == 0


@pytest.mark.parametrize("bent", [False, True], ids=["another record's anchor", "a record that was changed"])
def test_nothing_is_exported_against_its_anchor(
    reminder: Run, pack: tuple[dict[str, Any], str], folder: Path, tmp_path: Path, bent: bool
) -> None:
    """Law 14: where the record is not the one of the anchor, no file says that it is."""
    _, anchor = pack
    if bent:
        with sqlite3.connect(folder / "reminder.db") as database:
            database.execute("UPDATE record SET who = 'bob' WHERE customer_id = 'C-1'")
        database.close()
    out = tmp_path / "out.json"
    given = anchor if bent else "2:" + "ab" * 32
    result = reminder("audit", "export", "--customer", "C-1", "--out", str(out), "--anchor", given)

    assert (result.exit_code, out.exists()) == (1, False)
    assert "as it was sealed" in result.stderr


def test_page_shows_data_as_data(reminder: Run, pack: tuple[dict[str, Any], str], tmp_path: Path) -> None:
    """Law 11: a customer's words are words on the page, which loads nothing from anywhere."""
    out = tmp_path / "C-1.html"
    assert pack
    assert reminder("audit", "export", "--customer", "C-1", "--out", str(out)).exit_code == 0
    text = out.read_text(encoding="utf-8")

    assert "<script" not in text
    assert "{{ 7*7 }}" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "http://" not in text
    assert "https://" not in text


def test_export_of_the_erased_still_proves(reminder: Run, pack: tuple[dict[str, Any], str], tmp_path: Path) -> None:
    """Who was erased has a record without words, and each entry of it is proven as before."""
    _, anchor = pack
    assert reminder("customer", "erase", "C-1").exit_code == 0
    out = tmp_path / "erased.json"
    reminder("audit", "export", "--customer", "C-1", "--out", str(out))
    page = tmp_path / "erased.html"
    reminder("audit", "export", "--customer", "C-1", "--out", str(page))

    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(faults_of(found, anchor)) == []
    assert "alert(1)" not in out.read_text(encoding="utf-8")
    assert "erased" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--customer", "nobody", "--out", "x.json"), 1, "found nothing about 'nobody'"),
        (("--customer", "C-1", "--out", "x.pdf"), 2, "expected a file .json or .html"),
    ],
)
def test_export_says_what_it_can_not_do(
    reminder: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], code: int, message: str
) -> None:
    """A customer without a record, or a file of another kind, is told, and no file is made."""
    monkeypatch.chdir(tmp_path)
    result = reminder("audit", "export", *args)

    assert (result.exit_code, message in result.stderr) == (code, True)
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".json", ".pdf")] == []


def test_erase_dry_run_changes_nothing(reminder: Run, folder: Path) -> None:
    """`customer erase --dry-run` counts what would go, and leaves it."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "dispute", "--reason", "words")
    result = reminder("customer", "erase", "C-1", "--dry-run", "--json")

    assert json.loads(result.stdout)["rows"] == {"hold": 1, "record_private": 1}
    with sqlite3.connect(folder / "reminder.db") as database:
        assert database.execute("SELECT reason FROM hold").fetchall() == [("words",)]
    database.close()
