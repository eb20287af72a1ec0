"""Texts that break the law they are sent under: each is refused, with the rule's name and its source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from reminder.config.profiles import load_profiles
from reminder.config.scaffold import bundled
from reminder.config.wording_file import load_wording

Run = Callable[..., Result]

WORDING = load_wording(bundled("config") / "wording")
PROFILES = load_profiles(bundled("config") / "profiles", bundled("config") / "calendars")
FORBIDDEN = [
    pytest.param(model.language, rule, phrase, id=f"{model.language}-{rule.rule}-{phrase}")
    for model in WORDING.models
    for rule in model.forbidden
    for phrase in (rule.phrases[0], rule.phrases[-1])
]
WANTED = [
    pytest.param(profile.name, rule, requirement, id=f"{profile.name}-{rule.name}-{requirement}")
    for profile in PROFILES.profiles.values()
    for rule in profile.rules
    for requirement in rule.wording
]
POLICY = """\
policy: wicked
description: A policy of its own for one template
priority: 1
applies_to: {product: wicked}
profile: PROFILE
timezone: Asia/Shanghai
grace_days: 0
window: {days: mon-fri, from: "10:00", to: "12:00"}
caps: {per_customer: [{max: 1, per: 30 days}]}
route: {sms: [console]}
steps:
  - {id: only, at: 5, template: wicked/text, until: 9}
"""


def _write(folder: Path, language: str, body: str) -> Path:
    path = folder / "templates" / language / "wicked" / "text.sms.j2"
    path.parent.mkdir(parents=True)
    path.write_text("{# segments: 3 #}\n" + body, encoding="utf-8")
    return path


@pytest.mark.parametrize(("language", "rule", "phrase"), FORBIDDEN)
def test_a_text_with_a_forbidden_phrase_is_refused(
    reminder: Run, folder: Path, language: str, rule: object, phrase: str
) -> None:
    """Every rule of every shipped list: the phrase is an error at its place, which names rule and source."""
    said = phrase.replace("*", "s")
    path = _write(folder, language, f"【{{{{ lender.name }}}}】 {said} 回复T退订 Reply STOP to opt out")

    result = reminder("template", "check")

    assert result.exit_code == 3
    (line,) = [each for each in result.stdout.splitlines() if each.startswith(f"{path}:2:21: expected ")]
    assert f"(rule {rule.rule}: {rule.source})" in line  # type: ignore[attr-defined]


@pytest.mark.parametrize(("profile", "rule", "requirement"), WANTED)
def test_a_text_without_what_its_profile_wants_is_refused(
    reminder: Run, folder: Path, profile: str, rule: object, requirement: str
) -> None:
    """Law 7: what a place wants every text to say is missing; the error names the profile, the rule and its source."""
    path = _write(folder, "en", "Please pay {{ amount|money }} by {{ due_date|date }}.")
    (folder / "config" / "policies" / "wicked.yaml").write_text(POLICY.replace("PROFILE", profile), encoding="utf-8")

    result = reminder("policy", "check")

    assert result.exit_code == 3
    expected = f"expected {requirement}, such as "
    lines = [each for each in result.stdout.splitlines() if each.startswith(f"{path}:1:1: {expected}")]
    assert any(f"{profile}, rule {rule.name} ({rule.source}) wants it" in each for each in lines)  # type: ignore[attr-defined]


def test_a_language_whose_words_nobody_has_listed_is_doubted(reminder: Run, folder: Path) -> None:
    """Law 8: a requirement that can't be checked is not taken for met: a person is told to look."""
    path = _write(folder, "de", "{{ lender.name }}: bitte {{ amount|money }} zahlen.")
    policy = POLICY.replace("PROFILE", "us-regf")
    (folder / "config" / "policies" / "wicked.yaml").write_text(policy, encoding="utf-8")

    stdout = reminder("policy", "check").stdout

    assert f"{path}:1:1: warning: us-regf, rule opt-out" in stdout
    assert "nobody has listed how that is said in de" in stdout


def test_a_collectors_text_that_says_all_passes(reminder: Run, folder: Path) -> None:
    """Promise: a text that keeps Regulation F's wording has nothing to be told."""
    path = _write(
        folder,
        "en",
        "{{ lender.name }}, a debt collector: {{ amount|money }} was due on {{ due_date|date }}. Reply STOP to opt out",
    )
    policy = POLICY.replace("PROFILE", "us-regf")
    (folder / "config" / "policies" / "wicked.yaml").write_text(policy, encoding="utf-8")

    assert [line for line in reminder("policy", "check").stdout.splitlines() if line.startswith(f"{path}:")] == []


def test_a_broken_list_is_replaced_by_the_programs_own(reminder: Run, folder: Path) -> None:
    """Law 8: a slip in a list lets no threat through; the slip is an error at its place."""
    path = folder / "config" / "wording" / "en.yaml"
    path.write_text("language: en\nforbiden: []\n", encoding="utf-8")
    text = _write(folder, "en", "{{ lender.name }}: jail awaits. Reply STOP to opt out")

    stdout = reminder("template", "check").stdout

    assert f"{path}:2:1: unknown key `forbiden`" in stdout
    assert f"{text}:2:20: expected no threat" in stdout


def test_a_lender_may_strike_a_word(reminder: Run, folder: Path, edit: Callable[..., Path]) -> None:
    """Promise: the lists are data; what counsel allows is taken out, and passes."""
    edit("config/wording/en.yaml", "prosecut*, criminal*, legal action", "prosecut*, criminal*")
    _write(folder, "en", "{{ lender.name }}: legal action may follow. Reply STOP to opt out")

    assert "legal action" not in reminder("template", "check").stdout
