"""What is doubtful in policies that load, as warnings at their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reminder.config.policies import LoadedPolicies
from reminder.config.policy_check import check_policies
from reminder.errors import Problem

FolderOf = Callable[..., LoadedPolicies]
DUE = "  - {id: due, at: 0, template: a, until: 9}\n"


def _policy(steps: str = DUE, *, name: str = "loans", more: str = "priority: 1", grace_days: int = 90) -> str:
    """Return a policy whose steps begin on line 6, and lie in grace unless told otherwise."""
    return (
        f"policy: {name}\ntimezone: UTC\nroute: {{sms: [console]}}\n{more}\nsteps:\n{steps}grace_days: {grace_days}\n"
    )


def _told(problems: list[Problem]) -> list[str]:
    assert all(problem.warning for problem in problems)
    return [f"{Path(problem.path).stem}:{problem.line}:{problem.column}: {problem.message}" for problem in problems]


def test_a_sound_policy_has_no_warning(folder_of: FolderOf) -> None:
    """Silence means that nothing is doubtful."""
    assert check_policies(folder_of(a=_policy()), attributes=[], gateways=["console"]) == []


@pytest.mark.parametrize(
    ("second", "days"),
    [
        pytest.param("  - {id: late, at: 4, template: a, until: 9}\n", "day 3", id="one-day"),
        pytest.param("  - {id: late, at: 9, template: a, until: 9}\n", "days 3 to 8", id="several-days"),
    ],
)
def test_days_between_steps_without_any_are_named(folder_of: FolderOf, second: str, days: str) -> None:
    """A gap may be meant, so it is said kindly, at the `until` that makes it."""
    loaded = folder_of(a=_policy("  - {id: due, at: 0, template: a, until: 2}\n" + second))

    assert _told(check_policies(loaded)) == [
        f"a:6:42: no step is true on {days}, between `due` and `late`; fine if that is meant"
    ]


def test_no_day_outside_the_policy_is_a_gap(folder_of: FolderOf) -> None:
    """Before the first step and after the last, silence is what a policy says."""
    steps = "  - {id: due, at: 0, template: a}\n  - {id: late, at: 30, template: a, until: 40}\n"

    assert check_policies(folder_of(a=_policy(steps))) == []


def test_a_gap_after_a_repeated_step_is_placed_at_its_until(folder_of: FolderOf) -> None:
    """The last occurrence leads back to the step in the file."""
    steps = (
        "  - {id: due, at: 0, every: 3, times: 2, until: 5, template: a}\n"
        "  - {id: late, at: 8, template: a, until: 9}\n"
    )

    (warning,) = _told(check_policies(folder_of(a=_policy(steps))))

    assert warning.startswith("a:6:49: no step is true on days 6 to 7, between `due` and `late`")


def test_a_last_step_without_an_end_is_named(folder_of: FolderOf) -> None:
    """Law 6: how long the last text stays true should be said, not assumed."""
    loaded = folder_of(a=_policy("  - {id: due, at: 0, template: a}\n"))

    assert _told(check_policies(loaded)) == [
        "a:6:5: the last step `due` has no `until`, so it stays true for 14 days, until day 13; say so: `until: 13`"
    ]


def test_a_last_hand_over_needs_no_end(folder_of: FolderOf) -> None:
    """An event is written on its first day; it doesn't grow stale."""
    loaded = folder_of(a=_policy(DUE + "  - {id: over, at: 10, action: hand_over, to: collections}\n"))

    assert check_policies(loaded) == []


@pytest.mark.parametrize(
    ("days", "length", "closed"),
    [
        pytest.param("mon-fri", "1 day", 2, id="a-day-on-a-weekend"),
        pytest.param("mon-fri", "2 days", 2, id="a-whole-weekend"),
        pytest.param("mon", "6 days", 6, id="once-a-week"),
        pytest.param("'tue,thu'", "4 days", 4, id="over-the-turn-of-the-week"),
    ],
)
def test_a_step_that_can_lapse_unsent_is_named(folder_of: FolderOf, days: str, length: str, closed: int) -> None:
    """A step shorter than the days the window stays closed never reaches some accounts."""
    until = int(length[0]) - 1
    window = f"window: {{days: {days}, from: '09:00', to: '20:00'}}"
    loaded = folder_of(a=_policy(f"  - {{id: due, at: 0, template: a, until: {until}}}\n", more=window))

    (warning,) = _told(check_policies(loaded))

    assert warning.startswith(f"a:6:19: step `due` is true for {length} only, and the window (")
    assert warning.endswith(f" 09:00-20:00) can be closed for {closed}; such accounts never get it")


@pytest.mark.parametrize(
    ("days", "until"),
    [
        pytest.param("mon-fri", 2, id="a-weekend-and-a-day"),
        pytest.param("mon", 6, id="a-week"),
        pytest.param("mon-sun", 0, id="every-day"),
    ],
)
def test_a_step_that_outlasts_every_closed_run_is_not(folder_of: FolderOf, days: str, until: int) -> None:
    """No warning where each account meets an open day."""
    window = f"window: {{days: {days}, from: '09:00', to: '20:00'}}"
    loaded = folder_of(a=_policy(f"  - {{id: due, at: 0, template: a, until: {until}}}\n", more=window))

    assert check_policies(loaded) == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(
            "at: -3, until: 0",
            "opens in pre_due and stays true until day 0, which is grace; its text may be wrong by then: "
            "end it by day -1",
            id="into-grace",
        ),
        pytest.param(
            "at: -3, until: 9",
            "opens in pre_due and stays true until day 9, which is escalation; its text may be wrong by then: "
            "end it by day -1",
            id="over-grace",
        ),
        pytest.param(
            "at: 0, until: 5",
            "opens in grace and stays true until day 5, which is escalation; its text may be wrong by then: "
            "end it by day 4",
            id="out-of-grace",
        ),
    ],
)
def test_a_step_that_outlives_its_tier_is_named(folder_of: FolderOf, step: str, expected: str) -> None:
    """Law 5: a text written for one tier must not go out in the next."""
    loaded = folder_of(a=_policy(f"  - {{id: due, template: a, {step}}}\n", grace_days=4))

    assert _told(check_policies(loaded)) == [f"a:6:32: step `due` {expected}"]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("template: a, at: -3, until: -1", id="until-the-eve"),
        pytest.param("template: a, at: 0, until: 4", id="until-the-last-day-of-grace"),
        pytest.param("template: a, at: 5, until: 90", id="escalation-has-no-end"),
        pytest.param("action: hand_over, to: x, at: -3, until: 9", id="an-event-has-no-text"),
    ],
)
def test_a_step_that_ends_with_its_tier_is_not(folder_of: FolderOf, step: str) -> None:
    """No warning where the text can't be of another tier than its day."""
    assert check_policies(folder_of(a=_policy(f"  - {{id: due, {step}}}\n", grace_days=4))) == []


def test_an_event_never_waits_for_a_window(folder_of: FolderOf) -> None:
    """A hand-over sends nothing, so no window can keep it."""
    window = "window: {days: mon, from: '09:00', to: '20:00'}"
    loaded = folder_of(a=_policy("  - {id: over, at: 0, action: hand_over, to: x, until: 0}\n", more=window))

    assert check_policies(loaded) == []


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        pytest.param("no", "write false", id="no"),
        pytest.param("Yes", "write true", id="yes"),
        pytest.param("[a, off]", "write false", id="in-a-list"),
        pytest.param("{not: on}", "write true", id="negated"),
    ],
)
def test_a_word_that_may_mean_true_or_false_is_named(folder_of: FolderOf, value: str, advice: str) -> None:
    """YAML of old read `no` as false; here it is text, and that is said."""
    (warning,) = _told(check_policies(folder_of(a=_policy(more=f"applies_to: {{autopay: {value}}}"))))

    assert warning.startswith("a:4:23: applies_to.autopay: ")
    assert warning.endswith(f"is text here; if the field is true or false, {advice}")


def test_a_field_the_book_lacks_is_named(folder_of: FolderOf) -> None:
    """A selector on a field that doesn't exist matches nobody, silently, were it not for this."""
    loaded = folder_of(a=_policy(more="applies_to: {curency: CNY, risk_band: a, amount_due: {at_least: 1}}"))

    assert _told(check_policies(loaded, attributes=["risk_band"])) == [
        "a:4:14: applies_to.curency: the book has no such field; did you mean `currency`?"
    ]
    assert check_policies(loaded) == []


def test_a_gateway_the_settings_lack_is_an_error(folder_of: FolderOf) -> None:
    """A route through nowhere is no doubt, it is wrong; it is named at its place in the list."""
    loaded = folder_of(a=_policy().replace("[console]", "[console, twillio]"))

    (problem,) = check_policies(loaded, gateways=["console", "twilio"])

    assert (problem.line, problem.column, problem.warning) == (3, 24, False)
    assert problem.message == "route.sms[1]: the settings have no gateway `twillio`; did you mean `twilio`?"


def test_a_policy_that_no_account_reaches_is_named(folder_of: FolderOf) -> None:
    """The first policy that matches takes the account; one that is wholly behind another never does anything."""
    loaded = folder_of(
        wide=_policy(name="wide", more="priority: 1\napplies_to: {product: [a, b]}"),
        narrow=_policy(name="narrow", more="priority: 2\napplies_to: {product: a, currency: CNY}"),
    )

    assert _told(check_policies(loaded)) == [
        (
            "narrow:1:9: no account ever reaches this policy: `wide` comes first and matches all of them; "
            "give this one a lower `priority`"
        )
    ]


def test_two_policies_of_one_priority_that_can_meet_are_named(folder_of: FolderOf) -> None:
    """Which of two policies is in force should be said, not follow from their names."""
    loaded = folder_of(
        one=_policy(name="one", more="priority: 7\napplies_to: {product: a}"),
        two=_policy(name="two", more="priority: 7\napplies_to: {currency: CNY}"),
    )

    assert _told(check_policies(loaded)) == [
        (
            "two:4:11: `one` has the same priority 7 and can match the same accounts; "
            "it goes first because of its name. Give one of them another `priority` than 7"
        )
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("priority: 7\napplies_to: {product: a}", "priority: 7\napplies_to: {product: b}", id="apart"),
        pytest.param("priority: 7\napplies_to: {product: a}", "priority: 8\napplies_to: {currency: CNY}", id="ordered"),
        pytest.param("priority: 7\napplies_to: {product: a}", "priority: 8", id="the-wider-comes-later"),
    ],
)
def test_policies_that_are_apart_or_in_order_are_not(folder_of: FolderOf, first: str, second: str) -> None:
    """No warning where the order is said or doesn't matter."""
    loaded = folder_of(one=_policy(name="one", more=first), two=_policy(name="two", more=second))

    assert check_policies(loaded) == []
