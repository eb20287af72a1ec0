"""Lists from files: every bad row is told with its line, every good one goes in, and twice is once."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from reminder.book.csv_source import ImportFileError
from reminder.cli.exporting import new_file, written
from reminder.domain.consent import Consent
from reminder.domain.hold import Suppression
from reminder.pipeline.lists import SUPPRESSION_COLUMNS, Defaults, ListReport, import_consents, import_suppressions
from reminder.store import consents, suppressions
from reminder.store.engine import open_engine
from reminder.store.schema import metadata

AT = datetime(2026, 5, 9, 8, tzinfo=UTC)
DEFAULTS = Defaults(source="old system", who="ann", region="CN", at=AT)


def suppressed(engine: Engine, text: str, tmp_path: Path, defaults: Defaults = DEFAULTS) -> ListReport:
    """Import a list of suppressions."""
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    with engine.begin() as connection:
        return import_suppressions(connection, file, defaults)


def in_force(engine: Engine) -> list[Suppression]:
    """Return the suppressions in force, without their ids."""
    with engine.connect() as connection:
        return [replace(entry, suppression_id=None) for entry in suppressions.in_force(connection)]


def agreed(engine: Engine, text: str, tmp_path: Path) -> ListReport:
    """Import a list of consents."""
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    with engine.begin() as connection:
        return import_consents(connection, file, DEFAULTS)


def told(report: ListReport) -> list[str]:
    """Return the problems as people read them, without the path."""
    return [str(problem).partition("list.csv:")[2] for problem in report.problems]


def test_a_row_says_what_it_says_and_the_rest_is_as_given(engine: Engine, tmp_path: Path) -> None:
    """A number, a customer or a debt, with its own channel, source, author and time, or else the list's."""
    text = (
        "number,customer_id,account_id,channel,source,who,created_at\n"
        "13800138000,,,sms,letter,bob,2026-05-03T10:00:00+08:00\n"
        ",C-1,,,,,\n"
        ',,LN-1,*,"two\nlines",,\n'
    )
    report = suppressed(engine, text, tmp_path)

    assert (report.read, report.added, report.known, report.refused, report.problems) == (3, 3, 0, 0, ())
    assert in_force(engine) == [
        Suppression("letter", datetime(2026, 5, 3, 2, tzinfo=UTC), "sms", number="+8613800138000", who="bob"),
        Suppression("old system", AT, "*", customer_id="C-1", who="ann"),
        Suppression("two\nlines", AT, "*", account_id="LN-1", who="ann"),
    ]


def test_importing_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    """Whoever is not sure whether the list went in imports it again."""
    text = "number,channel\n" + "".join(f"1380013{number:04},sms\n" for number in range(1_100))
    first, second = suppressed(engine, text, tmp_path), suppressed(engine, text, tmp_path)

    assert (first.added, first.known) == (1_100, 0)
    assert (second.added, second.known) == (0, 1_100)
    assert len(in_force(engine)) == 1_100


def test_bad_rows_are_told_and_stop_no_other(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Law 9: each with its line and cell, and no number in what is printed (law 13)."""
    text = (
        "number,customer_id,account_id,channel,created_at\n"
        "13800138000,,,,\n"
        "021-62345678,,,,\n"
        "+86138****8000,,,,\n"
        "13800138001,C-1,,,\n"
        ",,,,\n"
        ",C-2,,fax,\n"
        ",C-3,,,yesterday\n"
        ",C-4,,,2026-05-03T10:00:00\n"
        ",C-5,,,2999-05-03T10:00:00Z\n"
        f",{'x' * 65},,,\n"
        "one cell\n"
        ",C-9,,,\n"
    )
    report = suppressed(sqlite_engine, text, tmp_path)

    assert (report.read, report.added, report.refused, report.more) == (12, 2, 10, 0)
    assert [entry.number or entry.customer_id for entry in in_force(sqlite_engine)] == ["+8613800138000", "C-9"]
    expected = [
        "3:1: number: expected a mobile number, found one that takes no texts, such as a landline",
        "4:1: number: expected",
        "5:0: expected a number, a customer_id or an account_id, found number and customer_id: a row is for exactly",
        "6:0: expected a number, a customer_id or an account_id, found none of them",
        "7:4: channel: expected * or sms, found 'fax'",
        "8:5: created_at: expected an instant with its zone such as",
        "9:5: created_at: expected an instant with its zone such as",
        "10:5: created_at: expected an instant that is over",
        "11:2: customer_id: expected at most 64 printable characters",
        "12:0: expected 5 cells as in the header, found 1",
    ]
    assert [line.startswith(start) for line, start in zip(told(report), expected, strict=True)] == [True] * 10, told(
        report
    )
    assert not any("138" in line or "6234" in line for line in told(report))


def test_a_long_list_of_faults_is_counted(sqlite_engine: Engine, tmp_path: Path) -> None:
    """The first hundred are told, the others are a number."""
    report = suppressed(sqlite_engine, "number\n" + "1\n" * 250, tmp_path)

    assert (report.refused, len(report.problems), report.more) == (250, 100, 150)


@pytest.mark.parametrize("text", ["", "phone,reason\n13800138000,x\n"], ids=["empty", "other columns"])
def test_a_file_of_something_else_is_refused_as_a_whole(sqlite_engine: Engine, tmp_path: Path, text: str) -> None:
    """Nobody is taken for suppressed by a file that we can't read."""
    with pytest.raises(ImportFileError, match="expected"):
        suppressed(sqlite_engine, text, tmp_path)


def test_who_opted_out_at_the_provider_is_let_in_again_by_the_provider(engine: Engine, tmp_path: Path) -> None:
    """Imported as what a gateway told us, an entry ends with a START through that gateway, and only that one."""
    from reminder.store.inbound import lift_stops

    suppressed(engine, "number,channel\n13800138000,sms\n", tmp_path, replace(DEFAULTS, who="twilio"))
    with engine.begin() as connection:
        assert lift_stops(connection, "+8613800138000", gateway="other", at=AT) == 0
        assert lift_stops(connection, "+8613800138000", gateway="twilio", at=AT) == 1


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(str.strip).filter(bool)
SUBJECTS: list[st.SearchStrategy[dict[str, str]]] = [
    st.fixed_dictionaries({"number": st.integers(0, 9_999).map(lambda tail: f"+861380013{tail:04}")}),
    st.fixed_dictionaries({"customer_id": TEXTS.filter(str.isprintable)}),
    st.fixed_dictionaries({"account_id": TEXTS.filter(str.isprintable)}),
]
ENTRIES = st.builds(
    lambda subject, **told: Suppression(**subject, **told),
    st.one_of(SUBJECTS),
    source=TEXTS | st.sampled_from(["=cmd|'/C calc'!A0", "'=1", "+86", "@x", "a\nb", "{{ 7*7 }}", '"', "a;b,c"]),
    created_at=st.timedeltas(timedelta(), timedelta(days=9_000)).map(lambda ago: AT - ago),
    channel=st.sampled_from(["*", "sms"]),
    who=TEXTS,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(entries=st.lists(ENTRIES, max_size=12))
def test_what_is_exported_comes_back_the_same(entries: Sequence[Suppression], tmp_path: Path) -> None:
    """Law 11: who, on which channel, why, by whom, since when: every word, whatever it looks like to a spreadsheet."""
    here, there = open_engine("sqlite://"), open_engine("sqlite://")
    for engine in (here, there):
        metadata.create_all(engine)
    with here.begin() as connection:
        suppressions.add_many(connection, entries)
        kept = suppressions.in_force(connection)
    file = tmp_path / "export.csv"
    file.unlink(missing_ok=True)
    new_file(file, written(SUPPRESSION_COLUMNS, kept, "csv"))
    with there.begin() as connection:
        report = import_suppressions(connection, file, DEFAULTS)

    assert (report.added, report.refused) == (len(kept), 0), told(report)
    assert in_force(there) == in_force(here)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        assert not any(cell.startswith(("=", "+", "-", "@")) for line in csv.reader(lines) for cell in line)
    here.dispose()
    there.dispose()


CONSENTS = "customer_id,number,account_id,channel,source,proof,given_at\n"


def test_consents_are_kept_with_their_proof(engine: Engine, tmp_path: Path) -> None:
    """Each row is one consent as it was given; the source is the list's where the row has none."""
    text = (
        CONSENTS
        + "C-1,13800138000,LN-1,,contract,page 4,2026-05-03T10:00:00+08:00\nC-2,,,*,,call 77,2026-05-04T00:00Z\n"
    )
    first, second = agreed(engine, text, tmp_path), agreed(engine, text, tmp_path)
    with engine.connect() as connection:
        found = consents.covering(connection, numbers=[], customer_ids=["C-1", "C-2"])

    assert (first.added, second.added, second.known) == (2, 0, 2)
    fields: dict[str, Any] = {"who": "ann", "recorded_at": AT}
    assert [replace(entry, consent_id=None) for entry in found] == [
        Consent(
            "contract", "page 4", datetime(2026, 5, 3, 2, tzinfo=UTC), "sms", "+8613800138000", "C-1", "LN-1", **fields
        ),
        Consent("old system", "call 77", datetime(2026, 5, 4, tzinfo=UTC), "*", None, "C-2", **fields),
    ]


def test_a_consent_that_proves_nothing_is_told(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Without anybody, a proof or a time there is no consent; the rows around it go in."""
    text = CONSENTS + (
        ",,,,x,page 4,2026-05-03T10:00Z\nC-1,,,,x,,2026-05-03T10:00Z\n"
        "C-1,,,,x,page 4,\nC-1,,,,x,page 4,2026-05-03T10:00Z\n"
    )
    report = agreed(sqlite_engine, text, tmp_path)

    assert (report.added, report.refused) == (1, 3)
    assert [line.partition(": ")[2][:26] for line in told(report)] == [
        "expected a customer, a num", "expected a proof of the co", "given_at: expected when it",
    ]  # fmt: skip


def test_an_old_list_of_consents_brings_nothing_back(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Who has withdrawn since stays out, and the row says why."""
    text = CONSENTS + "C-1,,,,x,page 4,2026-05-03T10:00Z\n"
    agreed(sqlite_engine, text, tmp_path)
    with sqlite_engine.begin() as connection:
        consents.withdraw(connection, customer_id="C-1", who="bob", reason="letter", at=AT - timedelta(days=1))
    report = agreed(sqlite_engine, text, tmp_path)

    assert (report.added, report.refused) == (0, 1)
    assert "after the last withdrawal, on 2026-05-08 08:00 UTC" in told(report)[0]


def test_a_list_of_consents_needs_its_times_and_proofs(sqlite_engine: Engine, tmp_path: Path) -> None:
    """A list without these columns is another list."""
    with pytest.raises(ImportFileError, match="expected a column given_at"):
        agreed(sqlite_engine, "customer_id\nC-1\n", tmp_path)
