"""The lint: what would go wrong with a template later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from reminder.domain.segments import Encoding
from reminder.errors import Problem, TemplateError
from reminder.message.catalogue import Catalogue, CompiledTemplate
from reminder.message.lint import HouseRules, check_catalogue, check_condition, check_template, worst_segmentation
from reminder.message.values import TEXT_MAX_CHARS, Lender
from reminder.message.wording import Forbidden, LanguageWords, Words
from reminder.message.worst_case import plain_case, worst_cases, worst_lender

Compile = Callable[..., CompiledTemplate]
END = " Reply STOP to opt out"
SIGNED = "{{ lender.name }}: "


def check(compiled: Compile, body: str, attributes: tuple[str, ...] = (), **options: object) -> list[Problem]:
    """Return the problems of a template that is signed and can be stopped."""
    return check_template(compiled(SIGNED + body + END, **options), attributes)


def test_a_good_template_has_no_problem(compiled: Compile) -> None:
    """Promise: the lint is silent when there is nothing to say."""
    assert check(compiled, "{{ amount|money }} is due on {{ due_date|date }}.") == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{{ amout|money }}", "did you mean amount?"),
        ("{{ account.nmae }}", "did you mean account.name?"),
        ("{{ account['prodct'] }}", "did you mean account.product?"),
        ("{{ account.riskband }}", "did you mean account.risk_band?"),
        ("{{ lender.hotlin }}", "did you mean lender.hotline?"),
        ("{{ accounts.totl }}", "did you mean accounts.total?"),
        ("{{ account }}", "name one of account."),
        ("{{ xyzzy_plugh }}", "there are account.customer_id"),
        ("{{ amount.currency }}", "found 'amount.currency'"),
        ("{% if account.risk_bnad == 'A' %}x{% endif %}", "did you mean account.risk_band?"),
    ],
)
def test_a_value_that_does_not_exist_is_an_error(body: str, message: str, compiled: Compile) -> None:
    """Law 8: found before anybody's text is refused for it; the nearest name is suggested."""
    (problem,) = check(compiled, body, ("risk_band",))

    assert message in problem.message
    assert problem.line == 2
    assert not problem.warning


def test_an_attribute_that_is_asked_for_first_is_only_doubted(compiled: Compile) -> None:
    """Promise: a text may be ready for an attribute that this book doesn't have; it costs nothing."""
    body = "{% if account.incentive %}{{ account.incentive }}{% endif %}"

    assert {problem.warning for problem in check(compiled, body)} == {True}
    assert check(compiled, body, ("incentive",)) == []


@pytest.mark.parametrize(
    ("body", "budget", "fits"),
    [
        pytest.param("x" * 100, 1, True, id="one-segment"),
        pytest.param("x" * 116, 1, True, id="just-fits"),
        pytest.param("x" * 117, 1, False, id="one-too-many"),
        pytest.param("x" * 117, 2, True, id="larger-budget"),
        pytest.param("{% if account.note %}" + "x" * 160 + "{% endif %}", 1, False, id="optional-part-counts"),
        pytest.param("{% if not account.note %}" + "x" * 160 + "{% endif %}", 1, False, id="absence-counts"),
        pytest.param("{% if account.note == true %}" + "x" * 160 + "{% endif %}", 1, False, id="yes-counts"),
        pytest.param("{% if account.note > 9 %}" + "x" * 160 + "{% endif %}", 1, False, id="number-counts"),
        pytest.param("{% if tier == 'escalation' %}" + "x" * 160 + "{% endif %}", 1, False, id="late-counts"),
        pytest.param("{% if days_until_due == 1 %}" + "x" * 160 + "{% endif %}", 1, False, id="day-before-counts"),
        pytest.param("{% if today == grace_ends %}" + "x" * 160 + "{% endif %}", 1, False, id="last-day-counts"),
        pytest.param("{% if grace_ends > due_date %}" + "x" * 160 + "{% endif %}", 1, False, id="grace-counts"),
        pytest.param("{{ account.note }}{{ account.name }}{{ account.product }}", 1, False, id="long-values"),
    ],
)
def test_the_budget_holds_at_the_longest_values(body: str, budget: int, fits: bool, compiled: Compile) -> None:
    """Promise: no combination of values makes a text cost more segments than its author said."""
    problems = check(compiled, body, ("note",), budget=budget)

    assert [f"at most {budget} segments" in problem.message for problem in problems] == ([] if fits else [True])


def test_the_deployment_s_own_lender_is_measured_where_it_is_known(compiled: Compile) -> None:
    """Promise: a lender with a very long name learns that its texts are too long before it pays for them."""
    template = compiled(SIGNED + "x" * 110 + END, budget=1)

    assert check_template(template, (), Lender(name={"": "A"})) == []
    assert len(check_template(template, (), Lender(name={"": "A" * 60}))) == 1


def test_a_lender_without_what_a_text_prints_is_found(compiled: Compile) -> None:
    """Law 8: a text that can never be made, because no hotline is configured, is said before the first refusal."""
    template = compiled(SIGNED + "{{ lender.hotline }}" + END)

    (problem,) = check_template(template, (), Lender(name={"": "A"}))

    assert "no text can be made" in problem.message
    assert "lender.hotline has no value" in problem.message


def test_a_text_that_can_never_be_made_is_an_error(compiled: Compile) -> None:
    """Law 9: a template that fails whatever the values is found by trying it."""
    (problem,) = check(compiled, "{{ amount|date }}")

    assert "no text can be made" in problem.message
    with pytest.raises(TemplateError, match="whatever the values"):
        worst_segmentation(compiled("{{ amount|date }}"), ())


def test_a_text_for_one_tier_only_is_measured_in_that_tier(compiled: Compile) -> None:
    """Promise: a text that prints days overdue is not blamed for having none before the due date."""
    assert check(compiled, "{{ days_overdue }} days overdue") == []
    assert check(compiled, "due in {{ days_until_due }} days") == []


@pytest.mark.parametrize(
    ("body", "language", "character"),
    [("Pay ✓ now", "en", "✓"), ("Zahlen Sie 5 ‰", "de", "‰"), ("one ☎ or two ✓", "en", "☎ ✓")],
)
def test_a_character_that_makes_a_text_dear_is_pointed_at(
    body: str, language: str, character: str, compiled: Compile
) -> None:
    """Promise: one tick mark more than halves what a segment holds; the author sees which and where."""
    (problem,) = check(compiled, body, language=language)

    assert problem.warning
    assert f"found {character}:" in problem.message
    assert problem.column == len(SIGNED) + body.index(character[0]) + 1


@pytest.mark.parametrize(
    ("body", "language"), [("请尽快还款，谢谢，回复T退订", "zh-CN"), ("Пожалуйста, оплатите", "ru"), ("Pay £5", "en")]
)
def test_a_language_that_needs_ucs2_is_left_alone(body: str, language: str, compiled: Compile) -> None:
    """Promise: Chinese and Russian authors aren't told that their letters cost more."""
    assert check(compiled, body, language=language) == []


def test_an_unsigned_text_is_doubted(compiled: Compile) -> None:
    """Promise: who sends it must be in the text; an unsigned one looks like fraud."""
    (problem,) = check_template(compiled("Pay {{ amount|money }}." + END), ())

    assert problem.warning
    assert "who sends it" in problem.message


def test_wording_is_reported_with_line_and_column(compiled: Compile) -> None:
    """Promise: an error of wording reads `path:line:column` like any other."""
    rules = HouseRules(Words([LanguageWords("en", (Forbidden("secret", "house", "no codes", ("pin",)),))]))

    (problem,) = check_template(compiled(SIGNED + "Hello.\nSend your PIN.\n" + END), (), rules=rules)

    assert (problem.line, problem.column, problem.warning) == (3, 11, False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Pay at evil.com now.", "found 'evil.com'; take it out, or allow its host in `texts.links`"),
        ("Pay at bit.ly/x now.", "a shortener hides where it leads"),
        ("Call +44 20 7946 0958.", "which is not the lender's"),
    ],
)
def test_strangers_are_errors(compiled: Compile, body: str, said: str) -> None:
    """Promise: a text leads to the lender and to nobody else."""
    (problem,) = check_template(compiled(SIGNED + body + END), ())

    assert said in problem.message
    assert not problem.warning


def test_allowed_hosts_and_numbers_pass(compiled: Compile) -> None:
    """Promise: what the settings name as the lender's own may be written out."""
    rules = HouseRules(hosts=frozenset({"acme.example"}), phones=("+44 20 7946 0958",))

    assert check_template(compiled(SIGNED + "acme.example, 020 7946 0958." + END), (), rules=rules) == []


def test_problems_come_in_order_of_lines(compiled: Compile) -> None:
    """Promise: an author reads them from top to bottom."""
    problems = check(compiled, "\n{{ amout }}\nwww.a.org\n{{ dpdd }}")

    assert [problem.line for problem in problems] == [3, 4, 5]


def test_a_catalogue_is_checked_whole(catalogue: Callable[..., Catalogue]) -> None:
    """Law 9: broken files, doubtful ones and missing languages are all reported; good ones aren't."""
    good = f"{{# segments: 1 #}}{SIGNED}hello.{END}"
    opened = catalogue(
        {"en/good": good, "zh/good": f"{{# segments: 1 #}}{SIGNED}好，回复T退订", "en/only": good, "en/broken": "{{"}
    )

    problems = check_catalogue(opened, ())

    broken, missing = problems
    assert broken.path.endswith("en/broken.sms.j2")
    assert missing.path.endswith("zh")
    assert "expected only in zh too, found it only in en" in missing.message
    assert (broken.warning, missing.warning) == (False, True)


def test_another_region_of_a_language_is_not_missing(catalogue: Callable[..., Catalogue]) -> None:
    """Promise: zh-TW may have a few texts of its own and take the rest from zh-CN."""
    source = f"{{# segments: 2 #}}{SIGNED}好，回复T退订"

    assert check_catalogue(catalogue({"zh-CN/a": source, "zh-CN/b": source, "zh-TW/a": source}), ()) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("not account.autopay", []),
        ("account.amount_due > 100 and account.currency == 'CNY'", []),
        ("not account.autpay", ["did you mean account.autopay?"]),
        ("amount > 3", ["did you mean account"]),
        ("account.x and account.y", ["account.x", "account.y"]),
        ("account.autopay +", ["column 1: "]),
        ("account.delete()", ["column 1: expected a value, a filter or an if, found a call"]),
        ("account", ["name one of account.amount_due"]),
    ],
)
def test_conditions_are_checked_for_values_that_do_not_exist(source: str, expected: list[str]) -> None:
    """Promise: `policy check` can say that a `when` asks for what no account has."""
    problems = check_condition(source, ("autopay",))

    assert len(problems) == len(expected)
    assert all(text in problem for text, problem in zip(expected, problems, strict=True))


@pytest.mark.parametrize("language", ["en", "zh-CN", "ja", "de"])
def test_worst_cases_are_as_long_as_what_is_let_through(language: str) -> None:
    """Promise: names, products and texts of attributes are tried at the cap that `clean` lets through."""
    cases: list[Mapping[str, object]] = list(worst_cases(language, ("note",)))
    accounts = [case["account"] for case in cases]

    assert {len(str(account["name"])) for account in accounts} == {TEXT_MAX_CHARS}  # type: ignore[index]
    notes = {str(account.get("note")) for account in accounts}  # type: ignore[attr-defined]
    assert {len(note) for note in notes if note not in ("None", "True", "99999")} == {TEXT_MAX_CHARS}
    assert {"None", "True", "99999"} < notes


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_worst_lender_has_everything(language: str) -> None:
    """Promise: no template fails the budget check only because the sample lender lacks something."""
    assert set(worst_lender(language).in_language(language)) == {"name", "hotline", "app", "pay"}


def test_plain_values_force_nothing(compiled: Compile) -> None:
    """Promise: what is pointed at as costing UCS-2 is the template's own character, never the sample's."""
    template = compiled("{{ lender.name }} {{ account.name }} {{ account.note }} {{ amount }} {{ accounts.list }}")
    text = template.render(plain_case("en", ("note",), 0))

    assert text.isascii()
    assert worst_segmentation(template, ("note",)).encoding is Encoding.GSM7
