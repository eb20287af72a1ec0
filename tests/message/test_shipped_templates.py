"""The templates that come with the program: what every customer of every new deployment is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from reminder.domain.segments import Encoding, segment
from reminder.message.catalogue import Catalogue, CompiledTemplate
from reminder.message.lint import check_catalogue, worst_segmentation
from reminder.message.values import Lender, TextFacts, text_values

FOLDER = Path(__file__).parents[2] / "templates"
CATALOGUE = Catalogue(FOLDER, default_language="zh-CN", fallback=("en",))
CODE = "K7QM4RXP"
ATTRIBUTES = ("autopay", "incentive")
NAMES = (
    "breach/plan", "breach/promise",
    "consolidated/escalation", "consolidated/grace", "consolidated/pre_due",
    "escalation/final", "escalation/first", "escalation/weekly",
    "grace/due_today", "grace/last_day", "pre_due/day_ahead", "pre_due/week_ahead",
)  # fmt: skip
DAYS = {"pre_due": (-7, -2, -1), "grace": (0, 1, 2, 3), "escalation": (4, 10, 31, 45), "breach": (-3, 2, 9)}
CASES = [
    pytest.param(template, dpd, id=f"{template.language}-{template.name}-{dpd}")
    for template in CATALOGUE.templates()
    for dpd in DAYS[next(tier for tier in DAYS if tier in template.name)]
]

MakeFacts = Callable[..., TextFacts]


def text_of(
    template: CompiledTemplate,
    dpd: int,
    facts: MakeFacts,
    lender: Lender,
    code: str | None = CODE,
    **attributes: str | int | bool,
) -> str:
    """Return the text for an account so many days past due, or for three of them in a consolidated template."""
    others = [facts(dpd), facts(dpd)] if template.name.startswith("consolidated") else []
    return template.render(text_values(facts(dpd, attributes=attributes), lender, template.language, others, code))


def test_the_set_is_complete_in_both_languages() -> None:
    """Promise: every template of the sample policies exists in Chinese and in English."""
    assert CATALOGUE.names() == NAMES
    assert {CATALOGUE.languages(name) for name in NAMES} == {("en", "zh-CN")}


def test_the_lint_has_nothing_to_say() -> None:
    """Promise: our own texts are what we ask of others: signed, stoppable, known values, within budget."""
    assert check_catalogue(CATALOGUE, ATTRIBUTES) == []


@pytest.mark.parametrize("template", CATALOGUE.templates(), ids=lambda one: f"{one.language}-{one.name}")
def test_no_text_is_longer_than_three_segments(template: CompiledTemplate) -> None:
    """Promise: even at the longest values at most three segments."""
    worst = worst_segmentation(template, ATTRIBUTES)

    assert worst.segments <= template.budget <= 3


@pytest.mark.parametrize(("template", "dpd"), [case for case in CASES if re.search("-(pre_due|grace)/", str(case.id))])
def test_a_usual_text_before_default_takes_two_segments(
    template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender
) -> None:
    """Promise: with the sample lender and a usual amount, check code and all, one account takes two segments."""
    assert segment(text_of(template, dpd, facts, lender)).segments <= 2


@pytest.mark.parametrize(("template", "dpd"), CASES)
def test_every_text_can_be_told_from_a_fraudsters(
    template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender
) -> None:
    """Promise: each text carries its check code; in a deployment without a key none speaks of one."""
    with_code = text_of(template, dpd, facts, lender)
    without = text_of(template, dpd, facts, lender, code=None)

    assert CODE in with_code
    assert re.search("防伪码|Verify", without) is None


@pytest.mark.parametrize(("template", "dpd"), CASES)
def test_every_text_says_who_what_how_and_whom_to_call(
    template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender
) -> None:
    """Promise: signature first, then amount, account, how to pay, whom to call, and how to stop."""
    text = text_of(template, dpd, facts, lender)
    chinese = template.language == "zh-CN"

    assert text.startswith("【安和消费金融】" if chinese else "Anhe Credit: ")
    assert ("¥1,500.00" if "consolidated" not in template.name else "¥4,500.00") in text
    assert "8000" in text
    assert ("安和金融App" if chinese else "the Anhe app") in text
    assert "400-000-1234" in text
    assert text.endswith("回复T退订" if chinese else "Reply STOP to opt out")


@pytest.mark.parametrize(("template", "dpd"), CASES)
def test_no_text_shows_more_than_it_must(
    template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender
) -> None:
    """Law 13: neither the name nor the whole account number, for whoever else may see the screen."""
    text = text_of(template, dpd, facts, lender)

    assert "张" not in text
    assert "LN-2026" not in text


@pytest.mark.parametrize(("template", "dpd"), CASES)
def test_texts_are_clean(template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender) -> None:
    """Promise: no double spaces, doubled marks or leftovers of the template, whatever optional parts are there."""
    for attributes in ({}, {"autopay": True}, {"incentive": "Pay on time and save 2%"}, {"autopay": False}):
        text = text_of(template, dpd, facts, lender, **attributes)

        assert re.search(r"  |[{}]|[。，；.,]{2}| [.,]|\n\n|。 | 。", text) is None
        assert text == text.strip()


@pytest.mark.parametrize(("template", "dpd"), [case for case in CASES if str(case.id).startswith("en")])
def test_english_texts_are_gsm(template: CompiledTemplate, dpd: int, facts: MakeFacts, lender: Lender) -> None:
    """Promise: an English text costs what English costs."""
    text = text_of(template, dpd, facts, lender, incentive="Save 2%")

    assert segment(text).encoding is Encoding.GSM7


@pytest.mark.parametrize(
    ("name", "dpd", "chinese", "english"),
    [
        ("pre_due/week_ahead", -7, "将于5月3日（7天后）到期", "is due in 7 days, on 3 May 2026."),
        ("pre_due/week_ahead", -1, "将于5月3日（明天）到期", "is due tomorrow, on 3 May 2026."),
        ("pre_due/day_ahead", -1, "明天（5月3日）到期", "is due tomorrow, 3 May 2026."),
        ("pre_due/day_ahead", -2, "将于5月3日到期", "is due on 3 May 2026."),
        ("grace/due_today", 0, "今天（5月3日）到期", "is due today, 3 May 2026."),
        ("grace/due_today", 2, "已于5月3日到期", "was due on 3 May 2026."),
        ("grace/last_day", 3, "宽限期到今天为止", "Today is the last day to pay"),
        ("grace/last_day", 2, "宽限期到5月6日为止", "6 May is the last day to pay"),
        ("escalation/first", 4, "已逾期4天", "is 4 days overdue."),
        ("escalation/first", 1, "已逾期1天", "is 1 day overdue."),
        ("escalation/weekly", 10, "截至5月13日", "as of 13 May 2026"),
        ("escalation/final", 31, "6月8日（含当日）前", "by 8 Jun 2026."),
    ],
)
def test_a_text_stays_true_on_every_day_of_its_step(
    name: str, dpd: int, chinese: str, english: str, facts: MakeFacts, lender: Lender
) -> None:
    """Law 6: sent a day late, "today" and "tomorrow" are not said of another day."""
    assert chinese in text_of(CATALOGUE.find(name, "zh"), dpd, facts, lender)
    assert english in text_of(CATALOGUE.find(name, "en"), dpd, facts, lender)


@pytest.mark.parametrize("name", ["pre_due/week_ahead", "pre_due/day_ahead"])
@pytest.mark.parametrize(
    ("value", "automatic"), [(True, True), (1, True), (False, False), (0, False), ("N", False), ("true", False)]
)
def test_collecting_automatically_is_said_only_where_it_is_so(
    name: str, value: str | int | bool, automatic: bool, facts: MakeFacts, lender: Lender
) -> None:
    """Law 8: only a clear yes; whatever else the book holds, the customer is asked to pay."""
    for language, words in (("zh", "自动扣款"), ("en", "collect it automatically")):
        text = text_of(CATALOGUE.find(name, language), -1, facts, lender, autopay=value)

        assert (words in text) is automatic


@pytest.mark.parametrize("name", ["pre_due/week_ahead", "pre_due/day_ahead"])
def test_early_texts_carry_the_incentive(name: str, facts: MakeFacts, lender: Lender) -> None:
    """Promise: what the lender offers for paying on time is said where the book has it, and nothing where it hasn't."""
    for language, offer in (("zh", "按时还款返现5元"), ("en", "Pay on time and save 2%")):
        template = CATALOGUE.find(name, language)

        assert offer in text_of(template, -1, facts, lender, incentive=offer)
        assert offer not in text_of(template, -1, facts, lender)


@pytest.mark.parametrize("name", [name for name in NAMES if "escalation" in name])
def test_late_texts_say_how_to_ask_for_a_plan_or_to_dispute(name: str, facts: MakeFacts, lender: Lender) -> None:
    """Promise: polite to the end: whoever can't pay, or contests it, is told whom to call."""
    chinese = text_of(CATALOGUE.find(name, "zh"), 9, facts, lender)
    english = text_of(CATALOGUE.find(name, "en"), 9, facts, lender)

    assert "还款安排" in chinese
    assert "异议" in chinese
    assert "payment plan" in english
    assert "if you think this is wrong" in english.lower()


def test_a_lender_without_grace_can_use_the_same_texts(facts: MakeFacts, lender: Lender) -> None:
    """Promise: with no days of grace the last day to pay is the due date itself, and the text says just that."""
    decided = facts(0)
    without_grace = TextFacts(
        decided.account,
        decided.amount,
        decided.due_date,
        0,
        decided.tier,
        decided.step,
        date(2026, 5, 3),
        date(2026, 5, 3),
    )

    text = CATALOGUE.find("grace/due_today", "en").render(text_values(without_grace, lender, "en"))

    assert "is due today, 3 May 2026. Please pay in the Anhe app by 3 May 2026" in text
