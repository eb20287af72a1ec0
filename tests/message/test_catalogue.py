"""The catalogue: reading, compiling and choosing templates."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from reminder.errors import TemplateError
from reminder.message.catalogue import BUDGET_MAX_SEGMENTS, Catalogue, CompiledTemplate, compile_template
from reminder.message.sandbox import BrokenTemplateError
from reminder.message.values import Lender, TextFacts, text_values

Make = Callable[..., Catalogue]
GOOD = "{# segments: 1 #}\nHello {{ amount|money }}\n"


def test_a_text_is_made_from_file_and_values(catalogue: Make, facts: Callable[..., TextFacts], lender: Lender) -> None:
    """Promise: what is rendered says which template, language and version it came from."""
    source = "{# segments: 1 #}\n{{ lender.name }}: {{ amount|money }} due {{ due_date|day }}\n"
    opened = catalogue({"en/pre_due/week_ahead": source})

    rendered = opened.render("pre_due/week_ahead", "en", lambda language: text_values(facts(-7), lender, language))

    assert rendered.text == "Anhe Credit: CN¥1,500.00 due 3 May"
    assert (rendered.template, rendered.language) == ("pre_due/week_ahead", "en")
    assert rendered.version_hash == sha256(source.encode()).hexdigest()[:12]


def test_the_header_is_not_part_of_the_text(catalogue: Make) -> None:
    """Promise: the budget is for the author; the customer never sees it, nor an empty line in its place."""
    rendered = catalogue({"en/a": "{# segments: 2 #}\nOne\nTwo\n"}).render("a", "en", lambda _: {})

    assert rendered.text == "One\nTwo"


def test_the_version_changes_with_the_source(catalogue: Make) -> None:
    """Law 14: the record can tell which wording a customer was sent."""
    opened = catalogue({"en/a": "{# segments: 1 #}x", "en/b": "{# segments: 1 #}y", "zh/a": "{# segments: 1 #}x"})
    versions = {(one.name, one.language): one.version_hash for one in opened.templates()}

    assert versions["a", "en"] == versions["a", "zh"] != versions["b", "en"]


def test_values_are_asked_for_in_the_language_that_was_chosen(catalogue: Make) -> None:
    """Promise: the lender's name is in the language of the text, also where that is not the customer's own."""
    asked: list[str] = []

    def values_for(language: str) -> dict[str, object]:
        asked.append(language)
        return {"a": 1}

    catalogue({"zh-CN/a": "{# segments: 1 #}{{ a }}"}, "zh-CN").render("a", "fr", values_for)

    assert asked == ["zh-CN"]


@pytest.mark.parametrize(
    ("language", "expected"),
    [("zh-Hant-TW", "zh-Hant"), ("zh_CN", "zh"), ("EN-us", "en"), ("de", "en"), (None, "en"), ("garbage!!", "en")],
)
def test_a_customer_gets_the_nearest_language(language: str | None, expected: str, catalogue: Make) -> None:
    """Promise: zh-Hant-TW → zh-Hant → zh → default, whatever the spelling."""
    files = {f"{tag}/a": f"{{# segments: 1 #}}{tag}" for tag in ("zh-Hant", "zh", "en")}
    rendered = catalogue(files).render("a", language, lambda _: {})

    assert (rendered.text, rendered.language) == (expected, expected)


def test_fallback_languages_are_tried_after_the_default(catalogue: Make) -> None:
    """Promise: each of `fallback` in its order, when the default has no such template either."""
    files = {"fr/a": "{# segments: 1 #}fr", "de/a": "{# segments: 1 #}de"}

    assert catalogue(files, "en", ("it", "de", "fr")).render("a", "zh", lambda _: {}).language == "de"


def test_a_template_that_nobody_wrote_is_refused(catalogue: Make) -> None:
    """Law 8: no template in any language means no text, and the error says which file to write."""
    opened = catalogue({"fr/a": "{# segments: 1 #}fr"}, "en")

    with pytest.raises(TemplateError, match=r"<language>/a\.sms\.j2 in one of the languages zh, en"):
        opened.render("a", "zh", lambda _: {})
    with pytest.raises(TemplateError, match="found none; write it"):
        opened.render("b", None, lambda _: {})


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        pytest.param("Hello", 1, "{# segments: 2 #}", id="no-budget"),
        pytest.param("\n{# segments: 2 #}\nHello", 1, "found none", id="budget-not-first"),
        pytest.param("{# segments: two #}\nHello", 1, "found none", id="budget-in-words"),
        pytest.param("{# segments: 0 #}\nHello", 1, "found 0", id="budget-of-nothing"),
        pytest.param(
            f"{{# segments: {BUDGET_MAX_SEGMENTS + 1} #}}\nx", 1, f"found {BUDGET_MAX_SEGMENTS + 1}", id="large"
        ),
        pytest.param("{# segments: 1 #}\n\n{{ amount|moeny }}", 3, "did you mean money", id="misspelt-filter"),
        pytest.param("{# segments: 1 #}\n{% for x in y %}{% endfor %}", 2, "a loop", id="loop"),
        pytest.param("{# segments: 1 #}\n{{ amount", 2, "can't be read", id="unclosed"),
        pytest.param("{# segments: 1 #}\n" + "x" * 5000, 1, "at most 4000", id="too-long"),
        pytest.param(b"{# segments: 1 #}\n\xff\xfe", 0, "UTF-8", id="not-utf-8"),
    ],
)
def test_a_broken_template_harms_no_other(source: str | bytes, line: int, message: str, catalogue: Make) -> None:
    """Law 9: every broken file is a problem with its place, and the ones beside it work."""
    opened = catalogue({"en/good": GOOD, "en/broken": source, "zh/good": GOOD})

    problem = opened.problems[0]
    assert problem.path.endswith("en/broken.sms.j2")
    assert problem.line == line
    assert message in problem.message
    assert not problem.warning
    assert opened.languages("good") == ("en", "zh")
    assert opened.languages("broken") == ()
    assert opened.names() == ("good",)


def test_nobody_gets_another_language_because_theirs_is_broken(catalogue: Make) -> None:
    """Law 8: a broken Chinese template refuses, saying why; an English text doesn't stand in for it."""
    opened = catalogue({"zh/a": "{{ broken", "en/a": "{# segments: 1 #}english"})

    with pytest.raises(TemplateError, match=r"zh/a\.sms\.j2:1:1: "):
        opened.render("a", "zh", lambda _: {})
    assert opened.render("a", "en", lambda _: {}).text == "english"


def test_all_problems_of_all_files_are_reported_at_once(catalogue: Make) -> None:
    """Promise: in order of files and lines, so that an author corrects all in one go."""
    opened = catalogue({"en/b": "{# segments: 1 #}\n{{ x|a }}\n{{ y() }}", "en/a": "no budget", "xx-nope/c": GOOD})

    places = [(Path(problem.path).name, problem.line) for problem in opened.problems]
    assert places == [("a.sms.j2", 1), ("b.sms.j2", 2), ("b.sms.j2", 3), ("c.sms.j2", 0)]


def test_a_folder_that_is_no_language_is_reported(catalogue: Make) -> None:
    """Promise: a misspelt language folder doesn't lie there unused and unnoticed."""
    opened = catalogue({"en/a": GOOD, "english/a": GOOD})

    assert ["language tag" in problem.message for problem in opened.problems] == [True]
    assert opened.languages("a") == ("en",)


def test_a_file_with_a_misleading_name_is_reported(catalogue: Make, tmp_path: Path) -> None:
    """Promise: `week_ahead.j2` would never be sent; the author is told so."""
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "week_ahead.j2").write_text(GOOD)

    opened = catalogue({"en/a": GOOD})

    assert [(problem.warning, Path(problem.path).name) for problem in opened.problems] == [(True, "week_ahead.j2")]


def test_other_files_are_left_alone(catalogue: Make, tmp_path: Path) -> None:
    """Promise: a README or an editor's backup among the templates is nobody's problem."""
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / "top.sms.j2").write_text("in no language")

    assert catalogue({"en/a": GOOD}).problems == ()


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """Promise: a wrong path is said once, in words, and nothing crashes."""
    opened = Catalogue(tmp_path / "nowhere", default_language="en")

    assert [problem.message.startswith("expected a folder") for problem in opened.problems] == [True]
    assert opened.names() == ()


def test_typography_is_made_plain(catalogue: Make) -> None:
    """Promise: curly quotes and the long dash of a word processor don't turn an English text into UCS-2."""
    opened = catalogue({"en/a": "{# segments: 1 #}“Pay” – it’s due…"})

    assert opened.render("a", "en", lambda _: {}).text == '"Pay" - it\'s due...'


def test_the_same_values_give_the_same_bytes(catalogue: Make, facts: Callable[..., TextFacts], lender: Lender) -> None:
    """Law 1: what a preview shows is what a run sends, byte for byte, also from a catalogue opened again."""
    files = {"en/a": "{# segments: 2 #}{{ lender.name }} {{ accounts.list }} {{ due_date }} {{ account.name }}"}
    values = text_values(facts(0), lender, "en", [facts(1), facts(2)])

    first, second = (catalogue(files).render("a", "en", lambda _: values) for _ in range(2))

    assert first == second
    assert "张三丰" in first.text


def test_what_a_template_asks_for_is_known() -> None:
    """Promise: checks can see every value with its place, and whether the text can do without it."""
    source = (
        "{# segments: 1 #}\n{{ amount|money }}"
        "{% if account.name and not account.vip %} {{ account['name'] }}{% endif %}"
        "{{ account.branch if account.branch is defined else tier }}"
    )

    template = compile_template(source, name="a", language="en", path="a")

    assert {(use.path, use.optional) for use in template.uses} == {
        ("amount", False),
        ("account.name", True),
        ("account.vip", True),
        ("account.branch", True),
        ("tier", False),
    }
    assert {(use.line, use.column) for use in template.uses if use.path == "amount"} == {(2, 4)}


def test_compiling_one_template_raises_its_problems() -> None:
    """Promise: an editor or a command can check one source without a folder."""
    with pytest.raises(BrokenTemplateError) as broken:
        compile_template("Hello", name="a", language="en", path="en/a.sms.j2")

    assert str(broken.value).startswith("en/a.sms.j2:1:1: expected the budget")


def test_a_compiled_template_renders_by_itself(compiled: Callable[..., CompiledTemplate]) -> None:
    """Promise: rendering is the compiled template's own affair; nothing is read again."""
    assert compiled("Hello {{ a }}").render({"a": "you"}) == "Hello you"
