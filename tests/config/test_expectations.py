"""Files of expectations: what can be read becomes accounts on days, what can't is named at its place."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

from reminder.config.expectations import read_expectations
from reminder.domain.money import Money
from reminder.domain.verdict import Reason

SOUND = """account: {product: cash-loan, amount_due: "500.00", currency: CNY, autopay: false, rate: 1.5}
due_date: 2026-03-10
at: "12:00"
expectations:
  - {dpd: -7, step: week-ahead}
  - {dpd: 4, step: overdue, at: "21:30", reason: window, account: {amount_due: "9.90", autopay: true}}
"""


def test_an_expectation_is_an_account_on_a_day(tmp_path: Path) -> None:
    """A file's account is every expectation's, but for what one says otherwise; unknown fields are attributes."""
    path = tmp_path / "loan.yaml"
    path.write_text(SOUND, encoding="utf-8")

    (first, second), problems = read_expectations(tmp_path)

    assert problems == []
    assert (first.dpd, first.step, first.reason, first.clock) == (-7, "week-ahead", None, time(12))
    assert first.account.amount_due == Money(50_000, "CNY")
    assert first.account.attributes == {"autopay": False, "rate": "1.5"}
    assert first.account.due_date == date(2026, 3, 10)
    assert (second.reason, second.clock) == (Reason.WINDOW, time(21, 30))
    assert second.account.amount_due == Money(990, "CNY")
    assert second.account.attributes["autopay"] is True
    assert str(second.problem("!")).startswith(f"{path}:6:")


def test_what_cannot_be_read_is_named_and_the_other_files_count(tmp_path: Path) -> None:
    """Law 9: a slip in one file is a problem at its line, with the nearest word; the other file is read."""
    (tmp_path / "sound.yaml").write_text(SOUND, encoding="utf-8")
    slips = {
        "reason: windo": "window",
        "stepp: overdue": "did you mean `step`",
        "step: null, reason: paid": "delete one of them",
        'step: overdue, account: {amount_due: "1.234"}': "amount_due",
    }
    for number, slip in enumerate(slips):
        extra = slip if "step:" in slip or "stepp:" in slip else f"step: overdue, {slip}"
        text = SOUND + f"  - {{dpd: 4, {extra}}}\n"
        (tmp_path / f"wrong-{number}.yaml").write_text(text, encoding="utf-8")

    found, problems = read_expectations(tmp_path)

    assert len(found) == 2
    for number, said in enumerate(slips.values()):
        assert any(f"wrong-{number}.yaml:7:" in str(problem) and said in str(problem) for problem in problems), said
