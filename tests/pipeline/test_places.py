"""Texts under a policy by place: each waits for the law of where its customer may be, and says which (laws 7, 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.places import Places
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile, Rule, combined
from reminder.domain.window import ContactWindow, Hours
from reminder.pipeline.explain import explain
from support.worlds import World, account_row, policy

SHANGHAI = ZoneInfo("Asia/Shanghai")


def profile(name: str, opens: int, *caps: Cap) -> Profile:
    """Return a profile whose hours begin then and end at nine."""
    hours = Hours((ContactWindow(frozenset(range(7)), time(opens), time(21)),), f"{name} (Act of {name})")
    return Profile(name, "", name, "2026", "H", (Rule("hours", name, hours, caps),))


def by_place() -> Policy:
    """Return a policy for early and late places."""
    named = {"early": profile("early", 8), "late": profile("late", 14, Cap(1, CapPeriod.DAY, source="late"))}
    places = Places("place", {"CN": ("early",), "IE": ("late",)}, ("early", "late"), named)
    strictest = combined(list(named.values()))
    return policy(profile=strictest, window=None, caps=strictest.caps, places=places)


def test_each_text_waits_for_the_law_of_its_place(world: World, due: date) -> None:
    """At ten one place's law allows contact and the other's does not; who may be in either waits for both."""
    world.policies = (by_place(),)
    world.at = datetime.combine(due, time(10), SHANGHAI)
    world.add_accounts(
        account_row("here", due, attributes={"place": "CN"}),
        account_row("by number", due),
        account_row("there, it says", due, attributes={"place": "IE"}),
        account_row("elsewhere", due, attributes={"place": "FR"}),
    )
    foreseen = {entry.accounts[0]: entry.verb.value for entry in world.preview()}
    world.run()

    states = {account: state for (account, _), state in world.states().items()}
    assert states == {"here": "sent", "by number": "sent", "there, it says": "planned", "elsewhere": "planned"}
    assert foreseen == {"here": "send", "by number": "send", "there, it says": "defer", "elsewhere": "defer"}

    world.later(hours=4)
    world.dispatch()
    assert {row.state for row in world.rows()} == {"sent"}


def test_a_denial_names_the_rule_of_the_place_and_when_contact_is_allowed(world: World, due: date) -> None:
    """Whoever asks why is told whose law it was, and from when it allows contact."""
    world.policies = (by_place(),)
    world.at = datetime.combine(due, time(10), SHANGHAI)
    world.add_accounts(account_row("there", due, attributes={"place": "IE"}))

    explanation = explain(world.deployment(), "there", world.at)

    assert explanation is not None
    (window,) = (gate for gate in explanation.gates if gate.gate == "window")
    assert window.detail == (
        f"contact in Asia/Shanghai is allowed again from {due} 06:00 UTC; late (Act of late) allows mon-sun 14:00-21:00"
    )


def test_caps_of_a_place_bind_there_only(world: World, due: date) -> None:
    """Two accounts of one customer: one place has room for one text a day, the other for both."""
    world.policies = (by_place(),)
    for customer, place in (("C", "CN"), ("D", "IE")):
        phone = {"phone": "+353851234567", "timezone": "Europe/Dublin"} if place == "IE" else {}
        world.add_accounts(
            *(
                account_row(f"{customer}{n}", due, customer_id=customer, attributes={"place": place}, **phone)
                for n in "12"
            )
        )
    for hour in (15, 23):  # when the one place has afternoon, and when the other has
        world.at = datetime.combine(due, time(hour), SHANGHAI)
        world.run()

    assert [row.account_id for row in world.rows() if row.state == "sent"] == ["C1", "C2", "D1"]


def test_consolidation_keeps_places_apart(world: World, due: date) -> None:
    """One text can't keep two laws at once: accounts of different places get texts of their own."""
    world.policies = (replace(by_place(), consolidated="consolidated"),)
    world.at = datetime.combine(due + timedelta(days=1), time(15), SHANGHAI)
    world.add_accounts(
        *(account_row(f"A{n}", due, customer_id="C", attributes={"place": "CN"}) for n in "12"),
        account_row("B", due, customer_id="C", attributes={"place": "IE"}),
    )
    world.run()

    assert [len(world.recorder.taken), {row.state for row in world.rows() if row.account_id != "B"}] == [1, {"sent"}]
