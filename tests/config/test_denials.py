"""A denial by hours or caps of any shipped profiles says when contact is next allowed, and is right (laws 7 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.profiles import load_profiles
from reminder.domain.account import Account
from reminder.domain.caps import CapScope, Contact, Contacts, Counts, Key
from reminder.domain.case import Case
from reminder.domain.decide import decide
from reminder.domain.money import Money
from reminder.domain.phone import PhoneNumber
from reminder.domain.policy import Step, Tier
from reminder.domain.profile import Profile, combined
from reminder.domain.reminder import Reminder
from reminder.domain.verdict import Defer, Reason, Send
from support.worlds import policy

CONFIG = Path(__file__).resolve().parents[2] / "config"
MINUTE = timedelta(minutes=1)
NUMBER = "+639171234567"
ME: dict[CapScope, str] = {
    CapScope.CUSTOMER: "c",
    CapScope.ACCOUNT: "a",
    CapScope.CLAIM: "loan",
    CapScope.NUMBER: NUMBER,
}
STEP = Step("s", "s", 1, -100, 400, Tier.ESCALATION, template="escalation/first")
ZONES = ("America/New_York", "Europe/Dublin", "Asia/Kamchatka", "Australia/Sydney", "Asia/Manila", "America/Bogota")


@cache
def shipped() -> Mapping[str, Profile]:
    """Return the profiles that come with the program, read once."""
    return load_profiles(CONFIG / "profiles", CONFIG / "calendars").profiles


def case_of(stack: list[str], zones: frozenset[str], due: date, made: Contacts, at: datetime, **given: Any) -> Case:
    """Return a reminder, sound in all else, under these profiles, of somebody who may be in any of these zones."""
    profile = combined([shipped()[name] for name in stack])
    profile = replace(profile, rules=tuple(replace(rule, consent="") for rule in profile.rules))
    rules = policy(profile=profile, window=None, caps=profile.caps, timezone="Asia/Manila", steps=(STEP,))
    end = rules.closes_at(STEP, due)
    return Case(
        reminder=Reminder("a", "c", due, rules.name, "s", "sms", not_before=at - timedelta(days=9), expires_at=end),
        accounts=(Account("a", "c", due, Money(12345, "PHP"), language="en"),),
        policy=rules,
        phone=PhoneNumber(NUMBER, "PH", zones),
        claim_id="loan",
        contacts=made,
        **given,
    )


names = st.sampled_from(sorted(shipped()))
stacks = st.lists(names, min_size=1, max_size=3)
places = st.frozensets(st.sampled_from(ZONES), min_size=1, max_size=2)
moments = st.timedeltas(timedelta(), timedelta(days=700)).map(lambda since: datetime(2025, 2, 1, tzinfo=UTC) + since)
days_past = st.integers(-60, 90)
told = st.builds(
    Contact,
    at=st.timedeltas(timedelta(), timedelta(days=40)).map(lambda age: datetime(2000, 1, 1, tzinfo=UTC) - age),
    reached=st.sampled_from(Counts),
    template=st.just("t"),
    channel=st.sampled_from(["sms", "sms", "voice"]),
)
histories = st.dictionaries(st.sampled_from(sorted(ME.items())), st.lists(told, max_size=9), max_size=4)


def at_that_time(history: Mapping[Key, list[Contact]], at: datetime) -> Contacts:
    """Return contacts whose ages were drawn, as of an instant."""
    zero = datetime(2000, 1, 1, tzinfo=UTC)
    return {key: [replace(one, at=at - (zero - one.at)) for one in made] for key, made in history.items()}


@given(stacks, places, days_past, moments, histories)
@settings(deadline=None, max_examples=150)
def test_the_next_allowed_instant_is_allowed_and_the_minute_before_is_not(
    stack: list[str], zones: frozenset[str], dpd: int, at: datetime, history: dict[Key, list[Contact]]
) -> None:
    """Whoever is told "again from then" can send then, and not a minute sooner, whatever hours and caps there are."""
    due, made = at.date() - timedelta(days=dpd), at_that_time(history, at)
    case = case_of(stack, zones, due, made, at)
    verdict = decide(case, at).verdict
    if isinstance(verdict, Send):
        return

    assert isinstance(verdict, Defer)
    assert verdict.reason in (Reason.WINDOW, Reason.CAP)
    assert isinstance(decide(case, verdict.until).verdict, Send)
    before = decide(case, max(at, verdict.until - MINUTE)).verdict
    assert isinstance(before, Defer)
    assert before.until == verdict.until


@given(stacks, names, places, days_past, moments, histories)
@settings(deadline=None, max_examples=150)
def test_a_profile_more_never_allows_what_was_denied(
    stack: list[str], more: str, zones: frozenset[str], dpd: int, at: datetime, history: dict[Key, list[Contact]]
) -> None:
    """Law 7: profiles combine as an intersection, of caps as well: one more only ever makes contact later."""
    due, made = at.date() - timedelta(days=dpd), at_that_time(history, at)
    few = decide(case_of(stack, zones, due, made, at), at).verdict
    many = decide(case_of([*stack, more], zones, due, made, at), at).verdict

    if isinstance(few, Defer):
        assert isinstance(many, Defer)
        assert many.until >= few.until
