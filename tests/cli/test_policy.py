"""`reminder policy`: every problem at its place, exit codes, and policies as they are understood."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from reminder.config.schema import SCHEMAS

Run = Callable[..., Result]
Edit = Callable[..., Path]
LOAN = "config/policies/consumer-loan.yaml"


def test_the_sample_has_nothing_wrong(reminder: Run) -> None:
    """A new deployment passes its own check: all it may be warned of is a year whose holidays nobody has announced."""
    result = reminder("policy", "check")

    said = [line for line in result.stdout.splitlines() if "the official holidays of CN for 20" not in line]
    assert result.exit_code == 0
    assert said in (["Nothing is wrong."], ["0 errors, 1 warning."])


def test_every_error_of_every_file_comes_at_once(reminder: Run, edit: Edit) -> None:
    """Errors first, then warnings, each as path:line:column; exit code 3."""
    loan = edit(LOAN, "route: {sms: [twilio, console]}", "rout: {sms: [twilio, console]}")
    card = edit("config/policies/card-statement.yaml", "priority: 20", "priority: 10")
    edit("config/policies/international.yaml", "policy: international", "policy: [")

    result = reminder("policy", "check")
    lines = result.stdout.splitlines()

    assert result.exit_code == 3
    assert any(line.startswith(f"{loan}:") and "did you mean `route`" in line for line in lines)
    assert any("international.yaml:" in line and "is not YAML" in line for line in lines)
    assert lines[-1].split(",")[0].endswith("errors")
    warnings = ["warning:" in line for line in lines[:-1]]
    assert warnings == sorted(warnings)
    assert card.is_file()


def test_a_single_file_is_warned_of_holidays_too(reminder: Run, folder: Path) -> None:
    """What `plan`, `preview` and `doctor` say of days off that nobody has announced, `policy check FILE` says as well.

    Which years those are depends on the day of this test: each file is told what all files together are told of it.
    """
    policies = folder / "config/policies"
    told = {
        name: [line for line in reminder("policy", "check", *files).stdout.splitlines() if "official holidays" in line]
        for name, files in {
            "all": (),
            "card": (str(policies / "card-statement.yaml"),),
            "abroad": (str(policies / "international.yaml"),),
        }.items()
    }

    assert told["card"] == [line for line in told["all"] if "holidays of CN " in line]
    assert told["abroad"] == []


@pytest.mark.parametrize(
    ("old", "new", "said", "code"),
    [
        pytest.param("pre_due/day_ahead", "pre_due/day_ahed", "did you mean `pre_due/day_ahead`?", 3, id="template"),
        pytest.param("not account.autopay", "not account.", "when: ", 3, id="condition that is no expression"),
        pytest.param("not account.autopay", "account.customer.x == 1", "when: ", 3, id="condition on what isn't there"),
        pytest.param("sms: [twilio, console]", "sms: [twilo, console]", "did you mean `twilio`?", 3, id="gateway"),
        pytest.param('to: "20:00"', 'to: "23:00"', "is too wide: profile", 3, id="hours outside the law"),
        pytest.param("until: 45", "until: 40", "no step is true", 0, id="gap is a warning"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(reminder: Run, edit: Edit, old: str, new: str, said: str, code: int) -> None:
    """What lies between two rooms is checked too; warnings alone are no failure."""
    path = edit(LOAN, old, new)
    number = next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if new in line)

    result = reminder("policy", "check")

    assert result.exit_code == code
    assert any(said in line and line.startswith(f"{path}:") for line in result.stdout.splitlines()), result.stdout
    if code:
        assert f"{path}:{number}:" in result.stdout


def test_a_consolidated_text_that_is_missing_is_named(reminder: Run, folder: Path) -> None:
    """`consolidate` needs a template for each tier of its steps."""
    for language in ("en", "zh-CN"):
        (folder / f"templates/{language}/consolidated/grace.sms.j2").unlink()

    result = reminder("policy", "check")

    assert result.exit_code == 3
    assert "consolidated/grace.sms.j2, found none" in result.stdout


def test_a_template_that_one_language_lacks_is_a_warning(reminder: Run, folder: Path) -> None:
    """Its customers get the other language; that may be meant."""
    (folder / "templates/en/escalation/final.sms.j2").unlink()

    result = reminder("policy", "check")

    assert result.exit_code == 0
    assert "template escalation/final is not there in en" in result.stdout


def test_a_language_without_any_template_is_a_warning(reminder: Run, edit: Edit) -> None:
    """A fallback that nobody wrote for is pointed at in the settings."""
    path = edit("config/reminder.yaml", "fallback: [en]", "fallback: [en, fr]")

    assert f"{path}:" in (result := reminder("policy", "check")).stdout
    assert "no template is written in fr" in result.stdout


def test_a_mapped_book_knows_its_attributes(reminder: Run, edit: Edit, folder: Path) -> None:
    """With a mapping, a condition on an attribute that it doesn't list is wrong; our own table takes any."""
    with (folder / "config/reminder.yaml").open("a", encoding="utf-8") as settings:
        columns = "account_id: a, customer_id: b, phone: c, due_date: d, amount_due: e, currency: f"
        settings.write(f"\nbook: {{table: loans, columns: {{{columns}}}, attributes: [vip]}}\n")

    result = reminder("policy", "check")

    assert result.exit_code == 3
    assert "account.autopay" in result.stdout


def test_a_draft_is_checked_as_if_it_were_in_force(reminder: Run, folder: Path, tmp_path: Path) -> None:
    """Only the files that are given are spoken of; a draft takes the place of the policy of its name."""
    draft = tmp_path / "draft.yaml"
    text = (folder / LOAN).read_text(encoding="utf-8")
    draft.write_text(text.replace("grace/due_today", "grace/none"), encoding="utf-8")
    (folder / "config/policies/card-statement.yaml").write_text("broken: [", encoding="utf-8")

    sound, wrong = reminder("policy", "check", str(folder / LOAN)), reminder("policy", "check", str(draft))

    assert (sound.exit_code, sound.stdout) == (0, "Nothing is wrong.\n")
    assert wrong.exit_code == 3
    assert wrong.stdout.startswith(f"{draft.resolve()}:")
    assert "card-statement" not in wrong.stdout


def test_a_draft_that_is_broken_says_so(reminder: Run, tmp_path: Path) -> None:
    """A draft that can't be read gives its own problems."""
    draft = tmp_path / "draft.yaml"
    draft.write_text("policy: x\n", encoding="utf-8")

    result = reminder("policy", "check", str(draft))

    assert result.exit_code == 3
    assert "steps" in result.stdout


def test_problems_come_as_json_too(reminder: Run, edit: Edit) -> None:
    """Programs get path, line, column and message apart."""
    path = edit(LOAN, "until: 45", "until: 40")

    found = json.loads(reminder("policy", "check", "--json").stdout)

    (problem,) = [each for each in found["problems"] if "official holidays" not in each["message"]]
    assert (found["errors"], found["warnings"]) == (0, len(found["problems"]))
    assert (problem["path"], problem["warning"]) == (str(path), True)
    assert problem["line"] > 1


def test_the_list_shows_a_broken_file_in_its_place(reminder: Run, edit: Edit) -> None:
    """Law 9, loudly: the policy is listed as broken, with its place, and stderr says so again."""
    edit(LOAN, "timezone: Asia/Shanghai", "timezone: Asia/Shanghia")

    result = reminder("policy", "list")
    listed = json.loads(reminder("policy", "list", "--json").stdout)

    assert result.exit_code == 0
    assert "broken: policies/consumer-loan.yaml:8:" in result.stdout
    assert "consumer-loan.yaml:8:" in result.stderr
    assert [(each["policy"], bool(each["broken"])) for each in listed] == [
        ("consumer-loan", True),
        ("card-statement", False),
        ("international", False),
    ]


def test_a_policy_is_shown_as_it_is_understood(reminder: Run) -> None:
    """Steps with their days and tiers, repeated ones apart; whom it is for; when texts go out."""
    shown = reminder("policy", "show", "consumer-loan").stdout
    data = json.loads(reminder("policy", "show", "consumer-loan", "--json").stdout)

    assert "product is cash-loan or instalment and currency is CNY" in shown
    assert "17 to 23" in shown
    assert "mon-sun 09:00-20:00 (policy)" in shown
    assert [step["step"] for step in data["steps"]][5:8] == ["weekly", "weekly.2", "weekly.3"]
    assert data["steps"][-1]["to"] == "collections"


def test_a_selector_is_spelt_for_people(reminder: Run, edit: Edit) -> None:
    """A range, a negation and a policy for everybody."""
    edit(
        LOAN,
        "{product: [cash-loan, instalment], currency: CNY}",
        "{amount_due: {at_least: 5, at_most: 9}, a: {not: x}}",
    )
    edit("config/policies/international.yaml", "applies_to: {currency: {not: CNY}}", "")

    shown = reminder("policy", "list").stdout

    assert "5 <= amount_due <= 9 and a is not x" in shown
    assert "every account" in shown


def test_a_broken_policy_is_shown_as_broken(reminder: Run, edit: Edit) -> None:
    """Nothing is shown of it that is not in force."""
    edit(LOAN, "timezone: Asia/Shanghai", "timezone: Asia/Shanghia")

    assert "broken: policies/consumer-loan.yaml:8:" in reminder("policy", "show", "consumer-loan").stdout


def test_a_wrong_name_is_answered_with_the_nearest(reminder: Run) -> None:
    """Usage error, exit code 2."""
    result = reminder("policy", "show", "consumer-laon")

    assert result.exit_code == 2
    assert "did you mean `consumer-loan`?" in result.stderr


@pytest.mark.parametrize("kind", ["policy", "profile", "reminder"])
def test_the_schema_is_printed_byte_for_byte(reminder: Run, folder: Path, kind: str) -> None:
    """What an editor reads is what is committed."""
    name = f"{kind}.schema.json"

    assert name in SCHEMAS
    assert reminder("policy", "schema", kind).stdout == (folder / "config/schema" / name).read_text(encoding="utf-8")


def test_the_sample_does_what_is_expected_of_it(reminder: Run) -> None:
    """The shipped policies are held to the shipped expectations."""
    result = reminder("policy", "test")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "14 of 14 expectations are met."


def test_an_edit_that_breaks_an_expectation_is_told_where_it_stands(reminder: Run, edit: Edit) -> None:
    """The effect of an edit is known before it is in force: what was expected, what is found, exit code 1."""
    edit(LOAN, "{id: overdue,     at: 4,", "{id: overdue,     at: 5,")
    expected = edit("config/expectations/consumer-loan.yaml", 'at: "12:00"  ', 'at: "12:01"  ')

    result = reminder("policy", "test")
    told = json.loads(reminder("policy", "test", "--json").stdout)

    line = next(n for n, text in enumerate(expected.read_text("utf-8").splitlines(), 1) if "{dpd: 4,  step" in text)
    assert result.exit_code == 1
    assert f"{expected}:{line}:" in result.stdout
    assert "expected `overdue` on day 4 at 12:01, found `grace-ends` of consumer-loan" in result.stdout
    assert (told["expectations"], len(told["unmet"]), told["problems"]) == (14, 3, [])


def test_an_expectation_that_cannot_be_read_is_no_success(reminder: Run, edit: Edit) -> None:
    """Doubt fails closed (law 8): a file that can't be read ends with exit code 3, the others are held to."""
    edit("config/expectations/consumer-loan.yaml", "step: week-ahead", "stepp: week-ahead")

    result = reminder("policy", "test")

    assert result.exit_code == 3
    assert "did you mean `step`" in result.stdout
