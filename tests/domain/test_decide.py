"""The decision: each gate stops what it is for, and nothing else; the first that stops decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account
from reminder.domain.agreement import Agreed, Agreement, AgreementKind, AgreementState, Part, Standing
from reminder.domain.caps import Cap, CapPeriod, CapScope, Contact, Contacts
from reminder.domain.case import Case
from reminder.domain.consent import Consent
from reminder.domain.decide import answers, decide, ending
from reminder.domain.gates import CONTACT
from reminder.domain.hold import NEVER_CONTACT, Hold, HoldKind, Suppression
from reminder.domain.lifecycle import Event, State, target
from reminder.domain.money import Money
from reminder.domain.phone import PhoneNumber
from reminder.domain.policy import Action, Policy, Step, Tier
from reminder.domain.profile import Profile, Rule
from reminder.domain.reminder import Reminder
from reminder.domain.selector import Selector
from reminder.domain.standing import STANDING
from reminder.domain.verdict import Defer, Reason, Send, Skip
from reminder.domain.window import ContactWindow, Hours

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Shanghai
DUE = date(2026, 11, 22)
ALL_WEEK = frozenset(range(7))
STEP = Step("due", "due", 1, 0, 3, Tier.GRACE, template="grace/due_today")
LATER = Step("late", "late", 1, 4, 9, Tier.ESCALATION, template="escalation/first")
OVER = Step("over", "over", 1, 10, 20, Tier.ESCALATION, action=Action.HAND_OVER, to="collections")


def told(*instants: datetime) -> Contacts:
    """Return the contacts of a customer who had texts at these instants."""
    return {(CapScope.CUSTOMER, "c1"): [Contact(at) for at in instants]}


def hours(opens: int, closes: int) -> Hours:
    """Return hours of every day, from one full hour to another."""
    return Hours((ContactWindow(ALL_WEEK, time(opens), time(closes)),))


POLICY = Policy(
    name="loan",
    description="",
    priority=1,
    selector=Selector(),
    profile=Profile("house", "", "test", "2026", "H", (Rule("hours", "test", hours(8, 21)),)),
    timezone="Asia/Shanghai",
    grace_days=3,
    window=hours(9, 20),
    caps=(Cap(1, CapPeriod.DAY),),
    route=("recorder",),
    steps=(STEP, LATER, OVER),
)
ACCOUNT = Account("a1", "c1", DUE, Money(12345, "CNY"), phone="13800138000", language="zh-CN", timezone="Asia/Shanghai")
REMINDER = Reminder("a1", "c1", DUE, "loan", "due", "sms", AT - timedelta(hours=1), POLICY.closes_at(STEP, DUE))
SOUND = Case(
    reminder=REMINDER,
    accounts=(ACCOUNT,),
    policy=POLICY,
    phone=PhoneNumber("+8613800138000", "CN", frozenset({"Asia/Shanghai"})),
)
HOUR = timedelta(hours=1)
AGREED = Consent("web form", "ticked box 7", AT - timedelta(days=9), number="+8613800138000", customer_id="c1")
WANTS_CONSENT = replace(
    POLICY,
    profile=replace(POLICY.profile, rules=(*POLICY.profile.rules, Rule("consent", "Act 2", consent="moon (Act 2)"))),
)


def hold(kind: HoldKind, *, ended: bool = False) -> Hold:
    """Return a hold that began a day ago and either has just ended or goes on."""
    return Hold(kind, "because", AT - timedelta(days=1), until=AT if ended else None)


def agreed(state: AgreementState) -> Agreed:
    """Return a promise that stands like this, whose breach would deserve a step from the due date on."""
    part = Part(DUE, Money(100, "CNY"))
    promise = Agreement(AgreementKind.PROMISE, "a1", "c1", DUE, Money(100, "CNY"), (part,), AT - timedelta(days=2))
    breach = Step("broken.0", "broken", 1, 0, 3, Tier.BREACH, template="breach/promise")
    return Agreed(promise, Standing(state, "test", part, part.amount), breach)


STOPS: dict[str, tuple[dict[str, Any], Reason]] = {
    "gone from the book": ({"accounts": ()}, Reason.GONE),
    "twice in the book": ({"accounts": (ACCOUNT, ACCOUNT)}, Reason.AMBIGUOUS),
    "paid": ({"accounts": (replace(ACCOUNT, amount_due=Money(0, "CNY")),)}, Reason.PAID),
    "overpaid": ({"accounts": (replace(ACCOUNT, amount_due=Money(-1, "CNY")),)}, Reason.PAID),
    "closed": ({"accounts": (replace(ACCOUNT, closed=True),)}, Reason.PAID),
    "due date moved": ({"accounts": (replace(ACCOUNT, due_date=DUE + timedelta(days=30)),)}, Reason.MOVED),
    "due date unreadable": ({"accounts": (replace(ACCOUNT, due_date=None),)}, Reason.INCOMPLETE),
    "no policy any more": ({"policy": None}, Reason.POLICY),
    "another policy now": ({"policy": replace(POLICY, name="other")}, Reason.POLICY),
    "step removed": ({"policy": replace(POLICY, steps=(LATER,))}, Reason.POLICY),
    "step became another leg": (
        {"policy": replace(POLICY, steps=(replace(STEP, action=Action.HAND_OVER, to="x"),))},
        Reason.POLICY,
    ),
    **{f"{kind}": ({"holds": (hold(kind),)}, Reason.NEVER_CONTACT) for kind in sorted(NEVER_CONTACT)},
    **{f"{kind}": ({"holds": (hold(kind),)}, Reason.HOLD) for kind in sorted(set(HoldKind) - NEVER_CONTACT)},
    "promise is open": ({"agreed": (agreed(AgreementState.OPEN),)}, Reason.HOLD),
    "promise broken, its own step is true": (
        {"agreed": (agreed(AgreementState.BROKEN),)},
        Reason.HOLD,
    ),
    "marked by the book": ({"accounts": (replace(ACCOUNT, never_contact="minor"),)}, Reason.NEVER_CONTACT),
    "number suppressed": ({"suppressions": (Suppression("STOP", AT, "sms", "+8613800138000"),)}, Reason.SUPPRESSED),
    "customer suppressed": ({"suppressions": (Suppression("STOP", AT, "*", None, "c1"),)}, Reason.SUPPRESSED),
    "account suppressed": ({"suppressions": (Suppression("letter", AT, "sms", account_id="a1"),)}, Reason.SUPPRESSED),
    "no consent where the profile wants one": ({"policy": WANTS_CONSENT}, Reason.CONSENT),
    "no consent where the policy wants one": ({"policy": replace(POLICY, consent=True)}, Reason.CONSENT),
    "consent withdrawn": (
        {"policy": WANTS_CONSENT, "consents": (replace(AGREED, withdrawn_at=AT),)},
        Reason.CONSENT,
    ),
    "consent for another number": (
        {"policy": WANTS_CONSENT, "consents": (replace(AGREED, number="+8613900139000"),)},
        Reason.CONSENT,
    ),
    "amount unreadable": ({"accounts": (replace(ACCOUNT, amount_due=None),)}, Reason.INCOMPLETE),
    "garbled row": ({"accounts": (replace(ACCOUNT, problems=("currency: ???",)),)}, Reason.INCOMPLETE),
    "no number": ({"phone": None, "phone_problem": "none"}, Reason.NUMBER),
    "number is dead": ({"bad_number": "21211"}, Reason.NUMBER),
    "condition is false": (
        {"condition": False, "policy": replace(POLICY, steps=(replace(STEP, when="not account.autopay"),))},
        Reason.WHEN,
    ),
    "condition has no answer": (
        {"condition": "account.autopay is missing", "policy": replace(POLICY, steps=(replace(STEP, when="x"),))},
        Reason.WHEN,
    ),
    "book is stale": ({"stale_book": "loaded two days ago"}, Reason.STALE_BOOK),
    "not opened yet": ({"policy": replace(POLICY, steps=(replace(STEP, opens=2),))}, Reason.NOT_YET),
    "over, another is deserved": (
        {"policy": replace(POLICY, steps=(replace(STEP, closes=0), replace(LATER, opens=1)))},
        Reason.SUPERSEDED,
    ),
    "over, nothing is deserved": ({"policy": replace(POLICY, steps=(replace(STEP, closes=0),))}, Reason.EXPIRED),
    "waiting": ({"reminder": replace(REMINDER, not_before=AT + HOUR)}, Reason.NOT_YET),
    "outside the policy's window": (
        {"policy": replace(POLICY, window=hours(9, 12))},
        Reason.WINDOW,
    ),
    "outside the profile's window": (
        {"policy": replace(POLICY, profile=replace(POLICY.profile, rules=(Rule("hours", "test", hours(13, 21)),)))},
        Reason.WINDOW,
    ),
    "night where the customer is": ({"accounts": (replace(ACCOUNT, timezone="America/New_York"),)}, Reason.WINDOW),
    "night where the customer may be": (
        {
            "accounts": (replace(ACCOUNT, timezone="Mars/Olympus"),),
            "phone": PhoneNumber("+12125550123", "US", frozenset({"America/New_York", "Asia/Shanghai"})),
        },
        Reason.WINDOW,
    ),
    "contacted today": ({"contacts": told(AT - HOUR)}, Reason.CAP),
    "no gateway can send": ({"paused_until": AT + HOUR}, Reason.PAUSED),
}


def test_a_sound_case_is_sent() -> None:
    """Law 5: with nothing against it, a reminder is sent, and must arrive before its window closes."""
    decision = decide(SOUND, AT)

    assert decision.verdict == Send(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))  # 20:00 in Shanghai
    assert [answer.stops for answer in answers(SOUND, AT)] == [None] * (len(STANDING) + len(CONTACT))


@pytest.mark.parametrize(("changes", "reason"), STOPS.values(), ids=STOPS)
def test_each_gate_stops_what_it_is_for(changes: dict[str, Any], reason: Reason) -> None:
    """Laws 5, 6, 8: one thing against an otherwise sound reminder keeps it from being sent, and is the reason."""
    verdict = decide(replace(SOUND, **changes), AT).verdict

    assert not isinstance(verdict, Send)
    assert verdict.reason is reason
    assert verdict.detail


def test_every_gate_is_stopped_by_some_case() -> None:
    """Nothing is a gate for show: each of them decides at least one of the cases above."""
    deciding = set()
    for changes, _ in STOPS.values():
        deciding.add(next(answer.gate for answer in answers(replace(SOUND, **changes), AT) if answer.stops))

    assert deciding == {name for name, _ in STANDING} | {gate.name for gate in CONTACT}


PASSES: dict[str, dict[str, Any]] = {
    "a hold that has ended": {"holds": (hold(HoldKind.DISPUTE, ended=True),)},
    "a hold that begins later": {"holds": (Hold(HoldKind.PROMISE, "soon", AT + HOUR),)},
    "a suppression of another channel": {"suppressions": (Suppression("STOP", AT, "voice", "+8613800138000"),)},
    "a suppression of another number": {"suppressions": (Suppression("STOP", AT, "sms", "+8613900139000"),)},
    "a suppression of another account": {"suppressions": (Suppression("letter", AT, "sms", account_id="a2"),)},
    "a consent that was given": {"policy": WANTS_CONSENT, "consents": (AGREED,)},
    "a consent given as it is sent": {"policy": WANTS_CONSENT, "consents": (replace(AGREED, given_at=AT),)},
    "a rule for other days that wants consent": {
        "policy": replace(
            POLICY,
            profile=replace(
                POLICY.profile,
                rules=(*POLICY.profile.rules, Rule("consent", "Act 2", from_dpd=2, consent="moon (Act 2)")),
            ),
        ),
    },
    "a contact yesterday": {"contacts": told(AT - timedelta(days=1))},
    "a pause that is over": {"paused_until": AT},
    "its time has just come": {"reminder": replace(REMINDER, not_before=AT)},
    "a condition of no step": {"condition": False},
}


@pytest.mark.parametrize("changes", PASSES.values(), ids=PASSES)
def test_what_is_not_against_it_lets_it_pass(changes: dict[str, Any]) -> None:
    """A gate stops no more than it is for: the same things just over, or about somebody else, let the text go."""
    assert isinstance(decide(replace(SOUND, **changes), AT).verdict, Send)


FINAL_REASONS = {Reason.PAID, Reason.MOVED, Reason.POLICY, Reason.SUPERSEDED, Reason.EXPIRED}


@pytest.mark.parametrize(("changes", "reason"), STOPS.values(), ids=STOPS)
def test_silence_is_final_only_where_nothing_can_end_it(changes: dict[str, Any], reason: Reason) -> None:
    """Law 4: a cause that can end while the step is still true is asked again, any other ends the reminder."""
    verdict = decide(replace(SOUND, **changes), AT).verdict

    if isinstance(verdict, Skip):
        assert verdict.final is (reason in FINAL_REASONS)
    else:
        assert isinstance(verdict, Defer)
        assert AT < verdict.until <= SOUND.reminder.expires_at + timedelta(days=1)


AFTER = POLICY.closes_at(STEP, DUE)


@pytest.mark.parametrize("name", sorted(STOPS))
def test_at_the_end_of_its_days_everything_is_final(name: str) -> None:
    """Law 4: at the very instant a step stops being true, no verdict leaves its reminder open."""
    changes, _ = STOPS[name]
    verdict = decide(replace(SOUND, **changes), AFTER).verdict

    assert isinstance(verdict, Skip)
    assert verdict.final
    assert target(ending(verdict)) not in (State.PLANNED, State.SENDING)


def test_the_last_moment_of_its_days_still_counts() -> None:
    """Law 6: a step is true up to the end of its last day in the policy's zone, and not a microsecond longer."""
    night = hours(0, 0)
    policy = replace(POLICY, window=night, profile=replace(POLICY.profile, rules=(Rule("hours", "test", night),)))
    case = replace(SOUND, policy=policy)

    assert decide(case, AFTER - timedelta(microseconds=1)).verdict == Send(AFTER)
    assert isinstance(decide(case, AFTER).verdict, Skip)


def test_a_hand_over_needs_no_number_and_no_window() -> None:
    """A step that sends nothing is not kept back by what is only about texts; holds and payment still stop it."""
    night = datetime(2026, 12, 4, 16, 0, tzinfo=UTC)
    reminder = replace(REMINDER, step="over", leg="event", expires_at=POLICY.closes_at(OVER, DUE))
    case = replace(SOUND, reminder=reminder, phone=None, contacts=told(night), paused_until=night + HOUR)

    assert decide(case, night).verdict == Send(POLICY.closes_at(OVER, DUE))
    assert decide(replace(case, holds=(hold(HoldKind.LEGAL),)), night).verdict != decide(case, night).verdict
    assert [answer.gate for answer in answers(case, night) if "sends nothing" in answer.detail] == [
        gate.name for gate in CONTACT if gate.texts_only
    ]


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        (Reason.SUPPRESSED, Event.SUPPRESS),
        (Reason.SUPERSEDED, Event.SUPERSEDE),
        (Reason.EXPIRED, Event.EXPIRE),
        (Reason.PAID, Event.CANCEL),
        (Reason.HOLD, Event.CANCEL),
    ],
)
def test_how_a_silence_ends(reason: Reason, event: Event) -> None:
    """Law 4: each final silence leads to the state that its reason names."""
    assert ending(Skip(reason, "", final=True)) is event


def test_what_it_waited_for_is_told_at_its_end() -> None:
    """Every end has its reason: a reminder that expired says what it had been waiting for."""
    case = replace(SOUND, reminder=replace(REMINDER, reason="cap: 1 per day is the most"))

    verdict = decide(case, AFTER).verdict

    assert isinstance(verdict, Skip)
    assert "it had waited: cap: 1 per day is the most" in verdict.detail


@given(st.lists(st.sampled_from(sorted(STOPS)), min_size=2, max_size=6, unique=True))
def test_the_first_gate_that_stops_decides(names: list[str]) -> None:
    """Several things against one reminder: the verdict is that of the first gate in order, and explain agrees."""
    changes: dict[str, Any] = {}
    for name in names:
        changes |= {key: value for key, value in STOPS[name][0].items() if key not in changes}
    case = replace(SOUND, **changes)

    stopped = [answer.stops for answer in answers(case, AT) if answer.stops is not None]

    assert decide(case, AT).verdict == stopped[0]
    assert decide(case, AT) == decide(case, AT)


def test_a_denial_names_the_rule_its_source_and_the_next_allowed_instant() -> None:
    """Whoever asks why nothing was sent can look the rule up, and knows when to look again."""
    rules = (
        Rule("hours", "x", replace(hours(8, 21), source="moon (Moon Act 1)")),
        Rule("late", "y", replace(hours(13, 21), source="moon (Moon Act 2)")),
    )
    policy = replace(POLICY, window=None, profile=replace(POLICY.profile, rules=rules))
    morning = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai

    (answer,) = (each for each in answers(replace(SOUND, policy=policy), morning) if each.gate == "window")

    assert answer.detail == (
        "contact in Asia/Shanghai is allowed again from 2026-11-23 05:00 UTC; "
        "moon (Moon Act 2) allows mon-sun 13:00-21:00"
    )


def test_a_cap_names_the_rule_that_set_it() -> None:
    """A text that waits because the customer had enough says whose limit that is."""
    policy = replace(POLICY, caps=(Cap(1, CapPeriod.DAY, source="moon (Moon Act 3)"),))

    (answer,) = (
        each for each in answers(replace(SOUND, policy=policy, contacts=told(AT)), AT + HOUR) if each.gate == "cap"
    )

    assert answer.detail.startswith(
        "1 per day for a customer is the most by moon (Moon Act 3); contact is allowed again from "
    )


def test_a_missing_consent_names_every_rule_that_wants_one() -> None:
    """Law 7: who reads the denial can look it up; the policy's own wish stands beside the law's, and lifts nothing."""
    verdict = decide(replace(SOUND, policy=replace(WANTS_CONSENT, consent=True)), AT).verdict

    assert isinstance(verdict, Skip)
    assert verdict.detail == "none on record for sms; wanted by moon (Act 2), the policy"
