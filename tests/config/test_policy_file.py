"""A policy file and what it means to the domain."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.policy_file import read_policy
from reminder.config.policy_steps import LAST_STEP_DAYS
from reminder.domain.caps import CUSTOMERS_ZONE, Cap, CapPeriod, CapScope, Counts
from reminder.domain.policy import Action, Policy, Tier
from reminder.domain.profile import Profile, Rule
from reminder.domain.selector import Term
from reminder.domain.window import ContactWindow, HolidayRule, Hours

PolicyOf = Callable[..., Policy]
EVERY_DAY = frozenset(range(7))


def _windows(policy: Policy) -> list[tuple[str, int, int, str]]:
    return [(step.key, step.opens, step.closes, step.tier.value) for step in policy.steps]


def test_the_policy_of_the_design_means_what_it_says(policy_of: PolicyOf) -> None:
    """Tier, days and repetitions follow from `at`, `grace_days`, `every` and `until` alone."""
    policy = policy_of(
        "steps:\n"
        "  - {id: week-ahead,  at: -7, template: pre_due/week_ahead}\n"
        '  - {id: day-ahead,   at: -1, template: pre_due/day_ahead, when: "not account.autopay"}\n'
        "  - {id: due-today,   at: 0,  template: grace/due_today}\n"
        "  - {id: grace-ends,  at: 3,  template: grace/last_day}\n"
        "  - {id: overdue,     at: 4,  template: escalation/first}\n"
        "  - {id: weekly,      at: 10, every: 7, times: 3, template: escalation/weekly}\n"
        "  - {id: final,       at: 31, template: escalation/final, until: 45}\n"
        "  - {id: hand-over,   at: 46, action: hand_over, to: collections}\n"
    )

    assert _windows(policy) == [
        ("week-ahead", -7, -2, "pre_due"),
        ("day-ahead", -1, -1, "pre_due"),
        ("due-today", 0, 2, "grace"),
        ("grace-ends", 3, 3, "grace"),
        ("overdue", 4, 9, "escalation"),
        ("weekly", 10, 16, "escalation"),
        ("weekly.2", 17, 23, "escalation"),
        ("weekly.3", 24, 30, "escalation"),
        ("final", 31, 45, "escalation"),
        ("hand-over", 46, 46 + LAST_STEP_DAYS - 1, "escalation"),
    ]
    assert policy.steps[1].when == "not account.autopay"
    assert [step.number for step in policy.steps if step.id == "weekly"] == [1, 2, 3]
    assert (policy.steps[-1].action, policy.steps[-1].to, policy.steps[-1].leg) == (
        Action.HAND_OVER,
        "collections",
        "event",
    )


def test_what_is_left_out_has_its_default(policy_of: PolicyOf, profiles: Mapping[str, Profile]) -> None:
    """A short policy is a whole one, and its window is what the profile allows."""
    policy = policy_of()

    assert (policy.priority, policy.description, policy.caps, policy.consolidated) == (100, "", (), None)
    assert policy.selector.terms == ()
    assert policy.profile == profiles["house-default"]
    assert policy.window is None
    assert policy.layers == tuple(rule.hours for rule in profiles["house-default"].rules)
    assert policy.route == ("console",)


def test_the_version_is_that_of_the_file(write: Callable[..., Path], profiles: Mapping[str, Profile]) -> None:
    """Law 14: a record can name the very bytes a decision was taken by."""
    text = "policy: loans\ntimezone: UTC\nroute: {sms: [console]}\nsteps: [{id: a, at: 0, template: a}]\n"
    first = read_policy(write(text), profiles).policy.version
    second = read_policy(write(text + "# said so\n"), profiles).policy.version

    assert first == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert first != second


def test_a_step_before_a_gap_keeps_its_until(policy_of: PolicyOf) -> None:
    """`until` ends a step early; the days after it deserve nothing."""
    policy = policy_of("steps:\n  - {id: a, at: 0, template: a, until: 2}\n  - {id: b, at: 6, template: b, until: 6}\n")

    assert [policy.step_on(day) and policy.step_on(day).key for day in range(-1, 8)] == [  # type: ignore[union-attr]
        None, "a", "a", "a", None, None, None, "b", None,
    ]  # fmt: skip


def test_the_last_repetition_lasts_until_the_next_step(policy_of: PolicyOf) -> None:
    """A step is true until the day before the next one, repeated or not."""
    policy = policy_of(
        "steps:\n  - {id: a, at: 1, every: 3, times: 2, template: a}\n  - {id: b, at: 20, template: b, until: 21}\n"
    )

    assert [(step.key, step.opens, step.closes) for step in policy.steps] == [
        ("a", 1, 3),
        ("a.2", 4, 19),
        ("b", 20, 21),
    ]


@pytest.mark.parametrize(
    ("grace_days", "tiers"),
    [
        pytest.param(0, [Tier.PRE_DUE, Tier.GRACE, Tier.ESCALATION, Tier.ESCALATION], id="no-grace"),
        pytest.param(1, [Tier.PRE_DUE, Tier.GRACE, Tier.GRACE, Tier.ESCALATION], id="one-day"),
        pytest.param(2, [Tier.PRE_DUE, Tier.GRACE, Tier.GRACE, Tier.GRACE], id="two-days"),
    ],
)
def test_the_tier_follows_from_the_days_of_grace(policy_of: PolicyOf, grace_days: int, tiers: list[Tier]) -> None:
    """No step says its tier: it can't be wrong about it."""
    head = f"policy: loans\ntimezone: UTC\ngrace_days: {grace_days}\nroute: {{sms: [console]}}\n"
    steps = "".join(f"  - {{id: s{day + 1}, at: {day}, template: a}}\n" for day in range(-1, 3))

    assert [step.tier for step in policy_of(f"steps:\n{steps}", head).steps] == tiers


@pytest.mark.parametrize(
    ("written", "cap"),
    [
        pytest.param("{max: 1, per: day}", Cap(1, CapPeriod.DAY), id="day"),
        pytest.param("{max: 2, per: week}", Cap(2, CapPeriod.WEEK), id="week"),
        pytest.param("{max: 9, per: month}", Cap(9, CapPeriod.MONTH), id="month"),
        pytest.param("{max: 3, per: 7 days}", Cap(3, CapPeriod.ROLLING, 7), id="seven-days"),
        pytest.param("{max: 1, per: 1 day}", Cap(1, CapPeriod.ROLLING, 1), id="one-rolling-day"),
        pytest.param("{max: 1, per: 366 days}", Cap(1, CapPeriod.ROLLING, 366), id="longest"),
        pytest.param(
            "{max: 1, per: day, zone: customer}", Cap(1, CapPeriod.DAY, zone=CUSTOMERS_ZONE), id="wherever-they-are"
        ),
        pytest.param(
            "{max: 3, per: month, zone: Europe/Dublin, counts: delivered}",
            Cap(3, CapPeriod.MONTH, zone="Europe/Dublin", counts=Counts.DELIVERED),
            id="what-arrived-in-a-month-there",
        ),
        pytest.param(
            "{max: 6, per: day, counts: attempts, channels: [voice], exempts_notices: true}",
            Cap(6, CapPeriod.DAY, counts=Counts.ATTEMPTS, channels=frozenset({"voice"}), exempts_notices=True),
            id="dials",
        ),
    ],
)
def test_a_cap_is_read_as_it_is_spelt(policy_of: PolicyOf, written: str, cap: Cap) -> None:
    """A calendar day and the last 24 hours are two periods and two spellings."""
    policy = policy_of(f"caps: {{per_customer: [{written}]}}\nsteps: [{{id: a, at: 0, template: a}}]\n")

    assert policy.caps == (cap,)


def test_a_cap_counts_for_whom_its_list_is(policy_of: PolicyOf) -> None:
    """`per_account` and its siblings say whose contacts are counted."""
    scopes = ("customer", "account", "claim", "number", "number_and_template")
    caps = ", ".join(f"per_{scope}: [{{max: 1, per: day}}]" for scope in scopes)

    policy = policy_of(f"caps: {{{caps}}}\nsteps: [{{id: a, at: 0, template: a}}]\n")

    assert [cap.scope for cap in policy.caps] == list(CapScope)


def test_a_notice_is_one_where_a_cap_exempts_it(policy_of: PolicyOf) -> None:
    """Law 7: only the rule that sets a cap can say what it does not count; here Korea's does."""
    policy = policy_of("profile: kr-pdpa\nsteps: [{id: a, at: 0, template: a, notice: true, until: 5}]\n")

    assert [step.notice for step in policy.steps] == [True]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        pytest.param("mon-sun", EVERY_DAY, id="all"),
        pytest.param("mon-fri", frozenset(range(5)), id="range"),
        pytest.param("sat", frozenset({5}), id="one"),
        pytest.param("[mon, tue]", frozenset({0, 1}), id="list"),
        pytest.param("[mon-wed, sun]", frozenset({0, 1, 2, 6}), id="list-of-ranges"),
        pytest.param("'mon-fri,sun'", frozenset({0, 1, 2, 3, 4, 6}), id="range-and-day"),
        pytest.param("'mon , sun'", frozenset({0, 6}), id="with-spaces"),
        pytest.param("sat-mon", frozenset({5, 6, 0}), id="over-the-turn-of-the-week"),
        pytest.param("MON-Tue", frozenset({0, 1}), id="any-case"),
    ],
)
def test_days_are_read_as_they_are_spelt(policy_of: PolicyOf, written: str, days: frozenset[int]) -> None:
    """Monday is 0 to the domain."""
    policy = policy_of(
        f"window: {{days: {written}, from: '09:00', to: '20:00'}}\nsteps: [{{id: a, at: 0, template: a}}]\n"
    )

    assert policy.window is not None
    assert policy.window.days == days


def test_a_window_is_read_with_its_holidays(policy_of: PolicyOf) -> None:
    """Hours are local wall time; holidays are those of the calendar named."""
    policy = policy_of(
        "window: {days: mon-fri, from: 9:30, to: 18:00, holidays: skip, calendar: US-FL}\n"
        "steps: [{id: a, at: 0, template: a, until: 9}]\n"
    )

    assert policy.window == Hours(
        (ContactWindow(frozenset(range(5)), time(9, 30), time(18), HolidayRule.SKIP, "US-FL"),), "policy"
    )


def test_the_end_of_the_day_is_written_24(write: Callable[..., Path], profiles: Mapping[str, Profile]) -> None:
    """`to: "24:00"` is midnight at the end of the day, which the domain calls time(0)."""
    whole_day = Hours((ContactWindow(EVERY_DAY, time(0), time(0)),), "open")
    free = Profile("open", "", "", "2026", "U", (Rule("hours", "", whole_day),))
    text = (
        "policy: loans\ntimezone: UTC\nprofile: open\nroute: {sms: [console]}\n"
        "window: {days: mon-sun, from: '00:00', to: '24:00'}\nsteps: [{id: a, at: 0, template: a}]\n"
    )

    policy = read_policy(write(text), {"open": free}).policy

    assert policy.window == Hours(whole_day.windows)


@pytest.mark.parametrize(
    ("written", "terms"),
    [
        pytest.param("{product: card}", (Term("product", frozenset({"card"})),), id="one"),
        pytest.param("{product: [a, b]}", (Term("product", frozenset({"a", "b"})),), id="several"),
        pytest.param("{autopay: false}", (Term("autopay", frozenset({"false"})),), id="flag"),
        pytest.param("{times: [1, 2]}", (Term("times", frozenset({"1", "2"})),), id="numbers"),
        pytest.param("{rate: 1.50}", (Term("rate", frozenset({"1.5"})),), id="decimal-in-its-one-form"),
        pytest.param("{currency: {not: CNY}}", (Term("currency", frozenset({"CNY"}), negated=True),), id="not"),
        pytest.param("{a: {not: [x, 1]}}", (Term("a", frozenset({"x", "1"}), negated=True),), id="not-several"),
        pytest.param(
            "{amount_due: {at_least: 100, at_most: 5000.50}}",
            (Term("amount_due", at_least=Decimal(100), at_most=Decimal("5000.50")),),
            id="range",
        ),
        pytest.param("{amount_due: {at_most: 0}}", (Term("amount_due", at_most=Decimal(0)),), id="only-above"),
        pytest.param(
            "{product: a, currency: CNY}",
            (Term("product", frozenset({"a"})), Term("currency", frozenset({"CNY"}))),
            id="two-fields",
        ),
        pytest.param("{}", (), id="everything"),
    ],
)
def test_a_selector_is_read_as_terms(policy_of: PolicyOf, written: str, terms: tuple[Term, ...]) -> None:
    """`applies_to` becomes data of the domain, every value in its one text form."""
    assert policy_of(f"applies_to: {written}\nsteps: [{{id: a, at: 0, template: a}}]\n").selector.terms == terms


def test_consolidation_names_its_folder_of_templates(policy_of: PolicyOf) -> None:
    """`consolidate: customer` sends one text from the folder `consolidated`."""
    assert policy_of("consolidate: customer\nsteps: [{id: a, at: 0, template: a}]\n").consolidated == "consolidated"


STEP = st.fixed_dictionaries(
    {"gap": st.integers(1, 30)},
    optional={"repeat": st.tuples(st.integers(1, 9), st.integers(1, 5)), "tail": st.integers(0, 20)},
)


@settings(deadline=None)
@given(shapes=st.lists(STEP, min_size=1, max_size=8), first=st.integers(-60, 30), grace_days=st.integers(0, 30))
def test_on_any_day_at_most_one_step_is_deserved(
    profiles: Mapping[str, Profile], shapes: list[dict[str, object]], first: int, grace_days: int
) -> None:
    """Law 6: the windows of a policy never overlap, lie in order, and begin on the days the file says."""
    steps, day = [], first
    for index, shape in enumerate(shapes):
        step: dict[str, object] = {"id": f"s{index}", "at": day, "template": "a"}
        last = day
        if "repeat" in shape:
            step["every"], step["times"] = shape["repeat"]  # type: ignore[misc]
            last = day + step["every"] * (step["times"] - 1)  # type: ignore[operator]
        if "tail" in shape:
            step["until"] = last + shape["tail"]  # type: ignore[operator]
            last = step["until"]  # type: ignore[assignment]
        steps.append(step)
        day = last + shape["gap"]  # type: ignore[operator]
    data = {"policy": "p", "timezone": "UTC", "grace_days": grace_days, "route": {"sms": ["console"]}, "steps": steps}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.yaml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")

        policy = read_policy(path, profiles).policy

    true_on = [step for step in policy.steps for _ in range(step.opens, step.closes + 1)]
    days = [day for step in policy.steps for day in range(step.opens, step.closes + 1)]
    assert days == sorted(set(days))
    assert [policy.step_on(day) for day in days] == true_on
    assert [step.opens for step in policy.steps if step.number == 1] == [step["at"] for step in steps]
    assert len({step.key for step in policy.steps}) == len(policy.steps)
    assert len(policy.steps) == sum(step.get("times", 1) for step in steps)  # type: ignore[misc]
