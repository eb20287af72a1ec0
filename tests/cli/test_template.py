"""`reminder template` and `reminder sms`: texts before anybody gets them, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[..., Path]
TEXT = "templates/en/grace/due_today.sms.j2"


def test_the_sample_templates_have_nothing_wrong(reminder: Run) -> None:
    """Every text that is shipped passes the lint, at worst-case values."""
    result = reminder("template", "check")

    assert result.exit_code == 0
    assert result.stdout == "24 templates work; 0 errors, 0 warnings.\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("{# segments: 1 #}\n{{ lender.name }} {{ amont }}", "did you mean amount?", id="value"),
        pytest.param("{# segments: 1 #}\n{{ lender.name }} {% for a in b %}", ":2:", id="loop"),
        pytest.param("{# segments: 1 #}\n{{ lender.name }} " + "long " * 60, "shorten the text", id="budget"),
        pytest.param("no budget", ":1:1: expected the budget", id="no budget"),
    ],
)
def test_a_wrong_template_is_an_error_at_its_place(reminder: Run, folder: Path, source: str, said: str) -> None:
    """path:line:column, exit code 3, here and in `policy check`; the others work on (law 9)."""
    path = folder / TEXT
    path.write_text(source, encoding="utf-8")

    own, joined = reminder("template", "check"), reminder("policy", "check")

    assert (own.exit_code, joined.exit_code) == (3, 3)
    for result in (own, joined):
        assert any(line.startswith(f"{path}:") and said in line for line in result.stdout.splitlines()), result.stdout


def test_a_text_that_insists_on_a_check_code_needs_a_key(reminder: Run, folder: Path) -> None:
    """It is said at its place, before such a text would be refused for every customer."""
    path = folder / TEXT
    path.write_text("{# segments: 2 #}\n{{ lender.name }} {{ check_code }}. Reply STOP to opt out", encoding="utf-8")

    without = reminder("template", "check")
    assert reminder("message", "new-key").exit_code == 0
    result = reminder("template", "check")

    assert f"{path}:2:22: expected a key for check codes" in without.stdout
    assert "expected a key for check codes" not in result.stdout


def test_problems_of_templates_come_as_json_too(reminder: Run, folder: Path) -> None:
    """Programs get path, line, column and message apart."""
    (folder / TEXT).write_text("no budget", encoding="utf-8")

    found = json.loads(reminder("template", "check", "--json").stdout)

    assert found["errors"] == len([each for each in found["problems"] if not each["warning"]]) > 0


def test_the_list_says_what_each_needs_at_worst_and_who_uses_it(reminder: Run) -> None:
    """Budget, worst case and users: a text that nobody sends is seen."""
    rows = json.loads(reminder("template", "list", "--json").stdout)
    shown = reminder("template", "list").stdout

    assert all(row["worst"] <= row["budget"] for row in rows)
    assert {row["language"] for row in rows} == {"en", "zh-CN"}
    assert all(row["used_by"] for row in rows)
    assert "consolidated/grace" in shown


def test_a_template_is_rendered_with_sample_values(reminder: Run) -> None:
    """The text as it would arrive, in the language asked for, with its segments on stderr."""
    result = reminder("template", "render", "pre_due/week_ahead", "--language", "en", "--currency", "usd")

    assert result.exit_code == 0
    assert "$1,234.56" in result.stdout
    assert "due in 3 days" in result.stdout
    assert result.stdout.count("\n") == 1
    assert "segments" in result.stderr


def test_a_consolidated_text_lists_two_accounts(reminder: Run) -> None:
    """It speaks of several, so the sample has several."""
    assert "1002" in reminder("template", "render", "consolidated/grace", "--language", "en").stdout


def test_a_hostile_name_is_printed_as_it_is(reminder: Run, folder: Path) -> None:
    """Law 11: a customer named like code is data."""
    (folder / TEXT).write_text("{# segments: 2 #}\n{{ lender.name }} {{ account.name }}", encoding="utf-8")

    text = reminder("template", "render", "grace/due_today", "--language", "en", "--customer-name", "{{ 7*7 }}").stdout

    assert "{{ 7*7 }}" in text
    assert "49" not in text


@pytest.mark.parametrize(
    ("attribute", "shown"),
    [
        pytest.param("x=true", "yes", id="flag"),
        pytest.param("x=7", "yes", id="number"),
        pytest.param("y=1", "no", id="another"),
    ],
)
def test_attributes_can_be_set(reminder: Run, folder: Path, attribute: str, shown: str) -> None:
    """Optional parts of a text can be looked at."""
    source = "{# segments: 2 #}\n{{ lender.name }} {% if account.x %}yes{% else %}no{% endif %}"
    (folder / TEXT).write_text(source, encoding="utf-8")

    result = reminder("template", "render", "grace/due_today", "--language", "en", "--set", attribute, "--json")

    assert json.loads(result.stdout)["text"].endswith(shown)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(["none/such"], 1, "found none", id="no such template"),
        pytest.param(["grace/due_today", "--amount", "much"], 1, "expected", id="no amount"),
        pytest.param(["grace/due_today", "--currency", "XXXX"], 1, "expected", id="no currency"),
        pytest.param(["grace/due_today", "--set", "x"], 2, "NAME=VALUE", id="no value"),
    ],
)
def test_what_cannot_be_rendered_says_why(reminder: Run, args: list[str], code: int, said: str) -> None:
    """Errors in words, never a traceback."""
    result = reminder("template", "render", *args)

    assert result.exit_code == code
    assert said in result.stderr


@pytest.mark.parametrize(
    ("args", "line"),
    [
        pytest.param(["hello"], "1 segment: 5 units of gsm7", id="GSM-7"),
        pytest.param(["a" * 161], "2 segments: 161 units of gsm7", id="one over"),
        pytest.param(["--cn", "a" * 71], "2 segments: 71 units of ucs2", id="mainland China"),
        pytest.param(["x"], "1 segment: 1 unit of gsm7", id="one unit"),
        pytest.param([""], "0 segments: 0 units of gsm7", id="nothing"),
    ],
)
def test_segments_are_counted(reminder: Run, args: list[str], line: str) -> None:
    """Encoding, units and segments, by the rule of the gateway."""
    assert reminder("sms", "count", *args).stdout.splitlines()[0] == line


def test_what_forces_ucs2_is_named_and_what_smoothing_saves(reminder: Run) -> None:
    """Each character with its name; and how the program would send it."""
    lines = reminder("sms", "count", "it’s").stdout.splitlines()

    assert lines[1] == "  not in GSM-7: ’ U+2019 right single quotation mark"
    assert lines[2].endswith("1 segment: 4 units of gsm7")


def test_a_chinese_text_is_not_followed_by_a_list_of_all_its_characters(reminder: Run) -> None:
    """Only the first few are named."""
    lines = reminder("sms", "count", "一二三四五六七八九十").stdout.splitlines()

    assert lines[-1] == "  and 2 more characters that are not in GSM-7"


def test_a_text_can_come_from_standard_input(reminder: Run) -> None:
    """`-` reads it, without the line break at its end; --json reports both forms."""
    found = json.loads(reminder("sms", "count", "-", "--json", stdin="it’s\n").stdout)

    assert found["as_is"] == {"encoding": "ucs2", "units": 4, "segments": 1, "forcing": ["’"]}
    assert found["smoothed"]["encoding"] == "gsm7"
