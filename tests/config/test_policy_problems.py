"""Every way in which a policy file can be wrong, at its exact line and column.

The head takes lines 1 to 4, so the text of a case begins on line 5.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

Complaints = Callable[..., list[str]]

ONE = "steps:\n  - {id: due, at: 0, template: a}\n"


def _steps(*lines: str) -> str:
    return "steps:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("tiemzone: x\n" + ONE, "5:1: unknown key `tiemzone`; did you mean `timezone`?", id="unknown-key"),
        pytest.param(
            _steps("id: due, at: 0, templat: a, template: a"),
            "6:22: unknown key `steps[0].templat`; did you mean `template`?",
            id="unknown-key-of-a-step",
        ),
        pytest.param(
            "caps: {per_customer: [{max: 1, zzz: day, per: day}]}\n" + ONE,
            "5:32: unknown key `caps.per_customer[0].zzz`; one of `channels`, `counts`, "
            "`exempts_notices`, `max`, `per`, `zone`",
            id="unknown-key-like-no-other",
        ),
        pytest.param(
            "description: 5\n" + ONE,
            "5:14: description: expected text, found the number 5; put it in quotes",
            id="number-for-text",
        ),
        pytest.param(
            "description: 0.5\n" + ONE,
            "5:14: description: expected text, found the number 0.5; put it in quotes",
            id="decimal-for-text",
        ),
        pytest.param("description: [a]\n" + ONE, "5:14: description: expected text, found a list", id="list-for-text"),
        pytest.param(
            "priority: high\n" + ONE, "5:11: priority: expected a whole number, found 'high'", id="text-for-number"
        ),
        pytest.param(
            "priority: 1.5\n" + ONE, "5:11: priority: expected a whole number, found the number 1.5", id="half"
        ),
        pytest.param(
            "priority: true\n" + ONE, "5:11: priority: expected a whole number, found true", id="flag-as-number"
        ),
        pytest.param("priority: -1\n" + ONE, "5:11: priority: expected at least 0, found the number -1", id="too-low"),
        pytest.param(
            "priority: 99999\n" + ONE, "5:11: priority: expected at most 10000, found the number 99999", id="too-high"
        ),
        pytest.param(
            "profile: house-defalt\n" + ONE,
            "5:10: profile: expected the name of a profile, found 'house-defalt'; did you mean `house-default`?",
            id="unknown-profile",
        ),
        pytest.param(
            "consolidate: yes\n" + ONE, "5:14: consolidate: expected 'customer', found 'yes'", id="consolidate-whom"
        ),
        pytest.param(
            "window: {days: mon-sum, from: '09:00', to: '20:00'}\n" + ONE,
            "5:16: window.days: expected days of the week, found 'mon-sum'; "
            "write mon-fri, or [mon, wed], or mon-fri,sun",
            id="unknown-day",
        ),
        pytest.param(
            "window: {days: mon, from: 9, to: '20:00'}\n" + ONE,
            '5:27: window.from: expected a time such as "09:00", found the number 9; '
            "write hours and minutes of the 24-hour clock in quotes",
            id="hour-without-minutes",
        ),
        pytest.param(
            "window: {days: mon, from: '24:00', to: '20:00'}\n" + ONE,
            "5:27: window.from: expected a time such as \"09:00\", found '24:00'; "
            "write hours and minutes of the 24-hour clock in quotes",
            id="opens-at-24",
        ),
        pytest.param(
            "window: {days: mon, from: '09:00', to: '09:00'}\n" + ONE,
            "5:40: window: opens and closes at the same minute, so it is never open; "
            "for the whole day write 00:00 to 24:00",
            id="never-open",
        ),
        pytest.param(
            "window: {days: mon, from: '09:00', to: '20:00', holidays: skip}\n" + ONE,
            "5:59: window: `holidays: skip` needs to know whose; add `calendar`, such as `calendar: CN`",
            id="whose-holidays",
        ),
        pytest.param(
            "window: {days: mon, from: '07:59', to: '20:00'}\n" + ONE,
            "5:9: window: mon 07:59-20:00 is too wide: profile `house-default` allows mon-sun 08:00-21:00 and no more "
            "(House rule; the common part of the hours that many jurisdictions allow); narrow it",
            id="law-7-opens-early",
        ),
        pytest.param(
            "window: {days: mon, from: '09:00', to: '21:01'}\n" + ONE,
            "5:9: window: mon 09:00-21:01 is too wide: profile `house-default` allows mon-sun 08:00-21:00 and no more "
            "(House rule; the common part of the hours that many jurisdictions allow); narrow it",
            id="law-7-closes-late",
        ),
        pytest.param(
            "caps: {per_customer: [{max: 1, per: fortnight}]}\n" + ONE,
            "5:37: caps.per_customer[0].per: expected a period, found 'fortnight'; "
            "write day, week, month, or `7 days` (up to 366)",
            id="unknown-period",
        ),
        pytest.param(
            "caps: {per_customer: [{max: 1, per: 367 days}]}\n" + ONE,
            "5:37: caps.per_customer[0].per: expected a period, found '367 days'; "
            "write day, week, month, or `7 days` (up to 366)",
            id="period-too-long",
        ),
        pytest.param(
            "caps: {per_customer: [{max: 0, per: day}]}\n" + ONE,
            "5:29: caps.per_customer[0].max: expected at least 1, found the number 0",
            id="cap-of-nothing",
        ),
        pytest.param(
            "caps: {per_customer: [3]}\n" + ONE,
            "5:23: caps.per_customer[0]: expected keys and values, found the number 3",
            id="cap-without-period",
        ),
        pytest.param(
            "caps: {per_claim: [{max: 3, per: 7 days, zone: Asia/Seoul}]}\n" + ONE,
            "5:20: caps.per_claim[0]: `zone` changes nothing where days are counted as 24 hours; "
            "delete it, or count by `day`",
            id="cap-with-a-calendar-it-has-not",
        ),
        pytest.param(
            "steps: [{id: a, at: 0, until: 5, template: a, notice: true}]\n",
            "5:55: steps[0].notice: no cap of this policy or its profile exempts notices; delete it",
            id="notice-without-exemption",
        ),
        pytest.param("steps: []\n", "5:8: steps: expected at least 1 of them, found an empty list", id="no-steps"),
        pytest.param("steps: 7\n", "5:8: steps: expected a list, found the number 7", id="steps-not-a-list"),
        pytest.param("steps: {a: b}\n", "5:8: steps: expected a list, found keys and values", id="steps-as-mapping"),
    ],
)
def test_a_wrong_value_is_named_at_its_place(complaints: Complaints, body: str, expected: str) -> None:
    """Each error says where, what was expected, what was found and what to do; and only that one."""
    assert complaints(body) == [expected]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "applies_to: {amount_due: 5}\n",
            "5:26: applies_to.amount_due: expected a range; write {at_least: 100, at_most: 5000}, "
            "either may be left out",
            id="amount-without-range",
        ),
        pytest.param(
            "applies_to: {amount_due: {not: 5}}\n",
            "5:26: applies_to.amount_due: expected a range; write {at_least: 100, at_most: 5000}, "
            "either may be left out",
            id="amount-negated",
        ),
        pytest.param(
            "applies_to: {risk: {at_least: 5}}\n",
            "5:20: applies_to.risk: only `amount_due` takes a range; list the values, or write {not: [...]}",
            id="range-of-another-field",
        ),
        pytest.param(
            "applies_to: {amount_due: {at_least: 5, at_most: 4}}\n",
            "5:26: applies_to.amount_due: `at_least` 5 is more than `at_most` 4; no account can match",
            id="empty-range",
        ),
        pytest.param(
            "applies_to: {product: {}}\n",
            "5:23: applies_to.product: expected `not`, `at_least` or `at_most`, found none of them",
            id="empty-condition",
        ),
        pytest.param(
            "applies_to: {product: }\n",
            "5:23: applies_to.product: expected text, a number, true or false, found nothing",
            id="no-value",
        ),
        pytest.param(
            "applies_to: {product: []}\n",
            "5:23: applies_to.product: expected at least 1 of them, found an empty list",
            id="empty-list",
        ),
        pytest.param(
            "applies_to: {product: [a, [b]]}\n",
            "5:27: applies_to.product[1]: expected text, a number, true or false, found a list",
            id="list-in-a-list",
        ),
        pytest.param(
            "applies_to: {product: {nott: a}}\n",
            "5:24: unknown key `applies_to.product.nott`; did you mean `not`?",
            id="unknown-condition",
        ),
        pytest.param(
            "applies_to: {amount_due: {at_least: much}}\n",
            "5:37: applies_to.amount_due.at_least: expected a number, found 'much'",
            id="bound-is-no-number",
        ),
        pytest.param("applies_to: loans\n", "5:13: applies_to: expected keys and values, found 'loans'", id="text"),
    ],
)
def test_a_wrong_selector_is_named_at_its_place(complaints: Complaints, body: str, expected: str) -> None:
    """A selector that could not mean anything never reaches the book."""
    assert expected in complaints(body + ONE)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param(
            ["id: Due, at: 0, template: a"],
            "6:10: steps[0].id: expected a name of small letters, digits and hyphens, beginning with a letter, "
            "found 'Due'",
            id="id-shape",
        ),
        pytest.param(
            ["id: due.2, at: 0, template: a"],
            "6:10: steps[0].id: expected a name of small letters, digits and hyphens, beginning with a letter, "
            "found 'due.2'",
            id="id-with-a-point-could-be-a-repetition",
        ),
        pytest.param(
            ["id: due, at: 0, template: a/../b"],
            "6:32: steps[0].template: expected a template such as pre_due/week_ahead (small letters, no file ending), "
            "found 'a/../b'",
            id="template-outside-its-folder",
        ),
        pytest.param(
            ["id: due, at: 0"],
            "6:5: steps[0]: step `due` sends a text, but has no `template`; name one, such as grace/due_today",
            id="text-without-template",
        ),
        pytest.param(
            ["id: due, at: 0, template: a, to: b"],
            "6:39: steps[0].to: expected only with `action: hand_over`; a text goes to the customer. Delete it",
            id="text-to-somebody",
        ),
        pytest.param(
            ["id: due, at: 0, action: hand_over"],
            "6:5: steps[0]: step `due` hands over, but not to whom; add `to`, such as `to: collections`",
            id="hand-over-to-nobody",
        ),
        pytest.param(
            ["id: due, at: 0, action: hand_over, to: b, template: a"],
            "6:58: steps[0].template: a hand_over sends no text; delete the template, or make it a step of its own",
            id="hand-over-with-template",
        ),
        pytest.param(
            ["id: due, at: 0, action: call, template: a"],
            "6:30: steps[0].action: expected 'text' or 'hand_over', found 'call'",
            id="unknown-action",
        ),
        pytest.param(
            ["id: due, at: 0, every: 7, template: a"],
            "6:29: steps[0].every: expected `times` beside it; say how often the step comes in all",
            id="every-without-times",
        ),
        pytest.param(
            ["id: due, at: 0, times: 2, template: a"],
            "6:29: steps[0].times: expected `every` beside it; say after how many days the step comes again",
            id="times-without-every",
        ),
        pytest.param(
            ["id: due, at: 5, until: 4, template: a"],
            "6:29: steps[0].until: day 4 is before the step opens, on day 5; `until` is its last day",
            id="until-before-at",
        ),
        pytest.param(
            ["id: due, at: 0, every: 7, times: 3, until: 13, template: a"],
            "6:49: steps[0].until: day 13 is before the last of 3 repetitions opens, on day 14",
            id="until-before-the-last-repetition",
        ),
        pytest.param(
            ["id: due, at: 0, until: 3, template: a", "id: late, at: 3, template: a"],
            "6:29: steps[0].until: day 3 overlaps `late`, which opens on day 3; end it by day 2",
            id="until-overlaps",
        ),
        pytest.param(
            ["id: due, at: 0, every: 7, times: 3, template: a", "id: late, at: 14, template: a"],
            "6:39: steps[0].times: 3 repetitions run into the next step: the last would open on day 14, "
            "but `late` opens on day 14; repeat less often",
            id="repetitions-overlap",
        ),
        pytest.param(
            ["id: due, at: 0, template: a", "id: due, at: 3, template: a"],
            "7:10: steps[1].id: step id `due` is taken by steps[0]; ids are identity, choose another",
            id="id-twice",
        ),
        pytest.param(
            ["id: due, at: 0, template: a", "id: late, at: 0, template: a"],
            "7:20: steps[1].at: day 0 is taken by `due`; on any day only one step can open",
            id="same-day",
        ),
        pytest.param(
            ["id: due, at: 0, template: a", "id: early, at: -3, template: a"],
            "7:21: steps[1].at: day -3 comes before day 0 of `due`; put the steps in order of `at`",
            id="not-in-order",
        ),
        pytest.param(
            ["id: due, at: 0, when: true, template: a"],
            "6:28: steps[0].when: expected text, found true; put it in quotes",
            id="when-is-no-text",
        ),
        pytest.param(
            ["id: due, at: 3651, template: a"],
            "6:19: steps[0].at: expected at most 3650, found the number 3651",
            id="ten-years-late",
        ),
        pytest.param(
            ["at: 3, template: a"],
            "6:5: `steps[0].id` is missing: Identity of the step; renaming it sends it again. "
            "Example: `id: day-ahead`.",
            id="no-id",
        ),
        pytest.param(
            ["id: due, at: 0, template: a, due day: 5"],
            "6:35: unknown key `steps[0].due day`; "
            "one of `action`, `at`, `every`, `id`, `notice`, `template`, `times`, `to`, `until`, `when`",
            id="foreign-key",
        ),
    ],
)
def test_a_wrong_step_is_named_at_its_place(complaints: Complaints, steps: list[str], expected: str) -> None:
    """Steps that would leave two deserved on a day, or none, or send nothing, never load."""
    assert expected in complaints(_steps(*steps))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(
            "policy: Loans\ntimezone: UTC\nroute: {sms: [console]}\n\n",
            "1:9: policy: expected a name of small letters, digits and hyphens, beginning with a letter, found 'Loans'",
            id="name-shape",
        ),
        pytest.param(
            "policy: loans\ntimezone: Asia/Peking\nroute: {sms: [console]}\n\n",
            "2:11: timezone: expected an IANA time zone such as Asia/Shanghai, found 'Asia/Peking'; "
            "look it up in the tz database",
            id="unknown-zone",
        ),
        pytest.param(
            "policy: loans\ntimezone: ../../etc/passwd\nroute: {sms: [console]}\n\n",
            "2:11: timezone: expected an IANA time zone such as Asia/Shanghai, found '../../etc/passwd'; "
            "look it up in the tz database",
            id="zone-as-a-path",
        ),
        pytest.param(
            "policy: loans\nroute: {sms: [console]}\n\n\n",
            "1:1: `timezone` is missing: Zone whose calendar the days past due are counted in. "
            "Example: `timezone: Asia/Shanghai`.",
            id="no-zone",
        ),
        pytest.param(
            "policy: loans\ntimezone: UTC\n\n\n",
            "1:1: `route` is missing: Gateways, in the order they are tried. "
            "Example: `route: {sms: [twilio, console]}`.",
            id="no-route",
        ),
        pytest.param(
            "policy: loans\ntimezone: UTC\nroute: {sms: []}\n\n",
            "3:14: route.sms: expected at least 1 of them, found an empty list",
            id="route-to-nowhere",
        ),
        pytest.param(
            "policy: loans\ntimezone: UTC\nroute: {voice: [x], sms: [console]}\n\n",
            "3:9: unknown key `route.voice`; one of `sms`",
            id="unknown-channel",
        ),
    ],
)
def test_a_wrong_head_is_named_at_its_place(complaints: Complaints, head: str, expected: str) -> None:
    """Who, where and through what: each is checked where it stands."""
    assert complaints(ONE, head) == [expected]


def test_an_unknown_calendar_is_named_at_its_place(complaints: Complaints) -> None:
    """Law 8: a calendar nobody knows can't be skipped by guessing."""
    window = "window: {days: mon, from: '09:00', to: '20:00', holidays: skip, calendar: ZZ}\n"

    (problem,) = complaints(window + ONE)

    assert problem.startswith("5:75: window.calendar: expected a calendar of public holidays")


def test_a_file_that_is_no_mapping_says_so(complaints: Complaints) -> None:
    """The root, too, is told what it should be."""
    assert complaints("- a\n- b\n", head="") == ["1:1: expected keys and values, found a list"]


def test_shape_and_logic_are_reported_together_in_file_order(complaints: Complaints) -> None:
    """All errors of a file come at once: a slip in one step doesn't hide what is wrong with the others."""
    problems = complaints(
        "profile: house-defalt\n"
        "applies_to: {amount_due: 5}\n"
        "window: {days: mon, from: '09:00', to: '20:00', holidays: skip}\n"
        "priority: high\n"
        + _steps("id: due, at: 0", "id: due, at: zero, template: a", "id: late, at: -1, template: a, to: b")
    )

    assert [problem.split(": ")[0] + ": " + problem.split(": ")[1] for problem in problems] == [
        "5:10: profile",
        "6:26: applies_to.amount_due",
        "7:59: window",
        "8:11: priority",
        "10:5: steps[0]",
        "11:19: steps[1].at",
        "12:20: steps[2].at",
        "12:41: steps[2].to",
    ]


def test_a_slip_in_every_step_is_not_called_a_missing_step(complaints: Complaints) -> None:
    """An error says what is wrong, not what follows from it."""
    assert complaints(_steps("id: A, at: 0, template: a")) == [
        "6:10: steps[0].id: expected a name of small letters, digits and hyphens, beginning with a letter, found 'A'"
    ]


def test_a_long_value_is_shortened_in_its_message(complaints: Complaints) -> None:
    """A message stays a line, whatever stood in the file."""
    (problem,) = complaints(f"consolidate: {'x' * 500}\n" + ONE)

    assert problem == f"5:14: consolidate: expected 'customer', found '{'x' * 39}…'"


def test_braces_in_a_value_are_only_quoted(complaints: Complaints) -> None:
    """Law 11: what a file holds is never a template of ours."""
    (problem,) = complaints("consolidate: '{expected} {0} {{ 7*7 }}'\n" + ONE)

    assert problem == "5:14: consolidate: expected 'customer', found '{expected} {0} {{ 7*7 }}'"
