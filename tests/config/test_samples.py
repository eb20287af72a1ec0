"""The sample deployment: it loads without a problem and says what the documentation says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reminder.config.policies import LoadedPolicies, load_policies
from reminder.config.policy_check import check_policies
from reminder.config.profiles import load_profiles
from reminder.config.settings import LoadedSettings, read_settings
from reminder.domain.floor import within
from reminder.domain.policy import Tier

TEMPLATES = {
    "pre_due/week_ahead",
    "pre_due/day_ahead",
    "grace/due_today",
    "grace/last_day",
    "escalation/first",
    "escalation/weekly",
    "escalation/final",
}
BREACHES = {"breach/promise", "breach/plan"}
ATTRIBUTES = ["autopay"]


@pytest.fixture(scope="module")
def settings(repository: Path) -> LoadedSettings:
    """Return the sample's settings, in an environment that is empty."""
    return read_settings(repository / "config", {})


@pytest.fixture(scope="module")
def policies(settings: LoadedSettings) -> LoadedPolicies:
    """Return the sample's policies."""
    return load_policies(settings.policies, load_profiles(settings.profiles).profiles)


def test_the_samples_have_no_problem_and_no_warning(settings: LoadedSettings, policies: LoadedPolicies) -> None:
    """A newcomer who checks the sample sees nothing to mend."""
    assert load_profiles(settings.profiles).problems == ()
    assert policies.problems == ()
    assert check_policies(policies, attributes=ATTRIBUTES, gateways=settings.settings.gateways) == []


def test_the_samples_try_all_tiers(policies: LoadedPolicies) -> None:
    """Each sample goes from pre-due through grace to escalation."""
    assert [policy.name for policy in policies.policies] == ["consumer-loan", "card-statement", "international"]
    for policy in policies.policies:
        assert {step.tier for step in policy.steps} == set(Tier) - {Tier.BREACH}


def test_templates_are_used_in_the_tier_they_are_written_for(policies: LoadedPolicies) -> None:
    """A text that says "overdue" never goes out in grace: the folder of a template is its tier."""
    used = {step.template: step.tier for policy in policies.policies for step in policy.steps if step.template}

    assert set(used) == TEMPLATES
    assert all(template.startswith(f"{tier.value}/") for template, tier in used.items())


def test_the_samples_answer_what_was_agreed_and_not_paid(policies: LoadedPolicies) -> None:
    """Each sample has a step for broken promises and one for broken plans, from the folder of their tier."""
    for policy in policies.policies:
        assert {rule.template for rule in policy.breaches} == BREACHES


def test_texts_that_say_the_last_day_go_out_before_grace_ends(policies: LoadedPolicies) -> None:
    """Law 5: what a template says of its day is true on every day of the step that uses it."""
    for policy in policies.policies:
        for step in policy.steps:
            if step.template == "grace/due_today":
                assert step.opens == 0
            if step.template == "grace/last_day":
                assert 0 < step.opens <= policy.grace_days


def test_the_samples_keep_the_law_of_their_profile(policies: LoadedPolicies) -> None:
    """Law 7: every sample window lies within its profile's."""
    for policy in policies.policies:
        assert policy.window is not None
        assert all(within(policy.window, rule.hours) for rule in policy.profile.rules if rule.hours is not None)


def test_the_sample_needs_no_environment_and_no_secret(settings: LoadedSettings, repository: Path) -> None:
    """It works untouched: SQLite beside it, the console to look at, Twilio waiting for its variables."""
    assert settings.settings.database == f"sqlite:///{repository}/reminder.db"
    assert list(settings.settings.gateways) == ["console", "twilio"]
    assert settings.settings.gateways["twilio"].options == {"from": ""}


def test_the_commented_book_of_the_sample_is_sound(settings: LoadedSettings, repository: Path, tmp_path: Path) -> None:
    """Taking the comment signs away gives a book that loads: documentation that can't rot."""
    text = (repository / "config" / "reminder.yaml").read_text(encoding="utf-8")
    start = text.index("# book:")
    block = "\n".join(line.removeprefix("# ") for line in text[start:].splitlines())
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "reminder.yaml").write_text(text[:start] + block + "\n", encoding="utf-8")

    book = read_settings(folder, {"BOOK_URL": "postgresql://h/loans"}).settings.book

    assert book is not None
    assert (book.table, book.columns.due_date) == ("loan.v_unpaid_instalment", "due_dt")


def test_reading_the_sample_is_cheap(repository: Path) -> None:
    """No command waits for the library of public holidays, which imports every country, only to read the files."""
    reads = f"from pathlib import Path; read_installation(Path({str(repository / 'config')!r}), {{}})"
    asks = (
        f"import sys; from reminder.installation import read_installation; {reads}; sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
