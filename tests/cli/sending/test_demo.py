"""`reminder demo`: the first thing a newcomer sees. It must work at any hour of any day, and reach nobody."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from reminder.app import open_deployment
from reminder.cli import main
from reminder.cli.demo import ZONE, DemoFrame, furnish, morning
from reminder.cli.demo_book import ACCOUNTS, COLUMNS, FAULTY_ROWS, make_book, write_csv
from reminder.cli.preview import collect_preview
from reminder.domain.phone import PhoneError, parse_phone
from reminder.domain.verdict import Reason
from reminder.pipeline.preview import Verb

Run = Callable[..., Result]
DAY = date(2026, 7, 28)
days = st.dates(date(2024, 1, 1), date(2032, 1, 1))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder and the output of a demo that was run once."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    return folder, CliRunner().invoke(main, ["demo", str(folder)])


def test_it_shows_the_whole_way(shown: tuple[Path, Result]) -> None:
    """One command: files, import with its wrong rows, what would go out and why not, texts, report, what next."""
    _, result = shown

    assert result.exit_code == 0, result.output
    parts = (
        "Importing", "300 added", "3 refused", "Would be sent", "Wait (", "Stay silent", "Sending through the console",
        "Planned ", "printed", "What next", "policy check", "gateway test twilio",
    )  # fmt: skip
    places = [result.stdout.index(part) for part in parts]
    assert places == sorted(places)
    assert "accounts.csv:" in result.stderr


def test_again_it_sends_nothing(shown: tuple[Path, Result], tmp_path: Path) -> None:
    """Law 2: run again at once, it finds nothing left to send, and keeps the accounts as they are."""
    folder = tmp_path / "demo"
    shutil.copytree(shown[0], folder)
    moved = folder / "config" / "reminder.yaml"
    assert moved.is_file()

    result = CliRunner().invoke(main, ["demo", str(folder)])

    assert result.exit_code == 0, result.output
    assert "are kept as they are" in result.stdout
    assert "Nothing is left to send now." in result.stdout
    assert "回复T退订" not in result.stdout
    assert "STOP" not in result.stdout.replace("replied STOP", "")


def test_the_commands_it_ends_with_work(shown: tuple[Path, Result]) -> None:
    """What a newcomer copies from the screen works as it stands there."""
    folder, result = shown
    said = result.stdout[result.stdout.index("What next") :]
    for verb in ("policy check", "preview", "explain"):
        line = next(line for line in said.splitlines() if re.search(rf"reminder --config .* {verb}", line))
        words = line[line.index("reminder --config") :].split()[1:]
        again = CliRunner().invoke(main, words)
        assert again.exit_code == 0, again.output
    assert (folder / "config" / "policies" / "consumer-loan.yaml").is_file()


def test_every_kind_of_silence_is_there(shown: tuple[Path, Result]) -> None:
    """Holds, suppressions, numbers, conditions and payments: why most of a book stays silent."""
    frame = DemoFrame(shown[0] / "config")
    with open_deployment(frame.installation, read_only=True) as deployment:
        collected = collect_preview(deployment, morning(frame.now()), limit=None)
    silent = {
        Reason.HOLD, Reason.NEVER_CONTACT, Reason.SUPPRESSED, Reason.NUMBER, Reason.WHEN,
    }  # fmt: skip
    assert silent <= set(collected.totals.silent)
    assert collected.settled > 50


def test_numbers_stay_masked(shown: tuple[Path, Result]) -> None:
    """Law 13: not even made-up numbers are printed."""
    with (shown[0] / "accounts.csv").open(encoding="utf-8-sig") as file:
        numbers = {line["phone"] for line in csv.DictReader(file)}
    for number in numbers:
        digits = re.sub(r"\D", "", number)
        assert len(digits) < 9 or digits not in re.sub(r"[ -]", "", shown[1].output)


def test_it_reaches_nothing_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 13: with a real database and a real provider in the environment, the demo still uses neither."""
    monkeypatch.setenv("REMINDER_DATABASE", "postgresql://nobody@127.0.0.1:1/real")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "0" * 32)
    monkeypatch.setenv("TWILIO_FROM", "+12125550100")

    result = CliRunner().invoke(main, ["demo", str(tmp_path / "demo")])

    assert result.exit_code == 0, result.output
    assert (tmp_path / "demo" / "reminder.db").is_file()
    assert "only printed: the console stood in" in result.stdout


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2026, 7, 28), id="Tuesday"),
        pytest.param(date(2026, 7, 26), id="Sunday"),
        pytest.param(date(2026, 10, 1), id="public-holiday"),
        pytest.param(date(2028, 2, 29), id="leap-day"),
        pytest.param(date(2026, 12, 31), id="new-year"),
    ],
)
def test_the_screen_stays_readable_on_every_day(tmp_path: Path, day: date) -> None:
    """A few dozen texts, in both languages, whatever day it is; one of them speaks of three loans."""
    frame = DemoFrame(tmp_path / "demo" / "config")
    at = datetime.combine(day, time(10), ZoneInfo(ZONE)).astimezone(UTC)
    furnish(frame, tmp_path / "demo", at)
    with frame.deployment() as real:
        collected = collect_preview(replace(real, clock=lambda: at), at, limit=None)

    texts = collected.entries[Verb.SEND]
    assert 20 <= len(texts) <= 40
    assert {entry.language for entry in texts} == {"zh-CN", "en"}
    assert max(len(entry.accounts) for entry in texts) == 3
    assert all(entry.segments <= 4 for entry in texts)
    assert collected.totals.verbs[Verb.DEFER] >= 10
    assert collected.totals.verbs[Verb.HAND_OVER] == 2


@given(st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_the_morning_is_that_of_the_same_day(now: datetime) -> None:
    """The demo looks at ten o'clock of the day that it is there, at any hour: the same all day long."""
    at = morning(now)
    here = at.astimezone(ZoneInfo(ZONE))
    assert here.date() == now.astimezone(ZoneInfo(ZONE)).date()
    assert (here.hour, here.minute, here.second) == (10, 0, 0)
    assert abs(at - now) < timedelta(days=1)


@given(days)
def test_the_book_is_the_same_for_the_same_day(day: date) -> None:
    """Deterministic: two people who compare their screens on the same day see the same accounts."""
    assert make_book(day) == make_book(day)


@given(days)
def test_accounts_are_distinct_and_complete(day: date) -> None:
    """Three hundred accounts with keys of their own, and three wrong rows; nothing is missing from any row."""
    rows = make_book(day).rows
    assert len({row["account_id"] for row in rows}) == len(rows) == ACCOUNTS + FAULTY_ROWS
    assert all(tuple(row) == COLUMNS for row in rows)
    assert {row["currency"] for row in rows} >= {"CNY", "USD", "GBP", "JPY", "HKD", "SGD", "AUD"}


def test_numbers_are_kept_for_fiction_or_are_none() -> None:
    """No number of the demo is a person's: fiction ranges, message centres, and placeholders; some are none at all."""
    kept = (
        r"\+1(212|415)55501\d\d", r"\+61491570\d{3}", r"\+8613800\d{3}500", r"\+447400123456", r"\+447400123457",
        r"\+81[89]012345678", r"\+65[89]1234567", r"\+852[59]1234567",
    )  # fmt: skip
    kinds: Counter[str] = Counter()
    for row in make_book(DAY).rows:
        try:
            number = parse_phone(row["phone"], "CN").e164
        except PhoneError:
            kinds["none"] += 1
            continue
        assert any(re.fullmatch(shape, number) for shape in kept), number
        kinds["number"] += 1
    assert kinds["none"] == 4
    assert kinds["number"] == ACCOUNTS + FAULTY_ROWS - 4


def test_the_file_is_what_a_core_system_exports(tmp_path: Path) -> None:
    """Byte order mark, CRLF, and hostile names untouched: the importer meets what it meets in earnest."""
    write_csv(make_book(DAY), tmp_path / "a.csv")
    raw = (tmp_path / "a.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfaccount_id,")
    assert raw.count(b"\r\n") == ACCOUNTS + FAULTY_ROWS + 1
    assert b"{{ 7*7 }}" in raw
