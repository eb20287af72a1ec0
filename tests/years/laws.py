"""The judge: every text that a provider took, and every reminder there is, held to the laws as they are worded."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from reminder.domain.policy import Policy
from reminder.store.schema import attempt, inbound, outbox
from support.clocks import shows_open_hour
from years.contacts import Contacts
from years.lender import HOSTILE, Lender, Loan
from years.memory import Rule, Silence, broken, e164, holds_true, zones_of
from years.pledges import BREACHES, Consented, Pledge
from years.provider import Taken

LEASE = timedelta(seconds=120)
FRESH = timedelta(hours=26)
HOME = ZoneInfo("Asia/Shanghai")
"""The zone of the schedule: whose days the usual volume is counted in."""


def _on_its_days(rule: Rule, row: Any, loan: Loan, at: datetime, name: str) -> None:
    """Raise where a reminder's step is none of its policy, or not on this day of its cycle, or not for this account."""
    rung = rule.by_key.get(row.step)
    dpd = (at.astimezone(rule.zone).date() - row.due_date).days
    if rung is None or not rung.opens <= dpd <= rung.closes:
        raise broken(6, f"{name}: not a step of its policy on day {dpd}")
    if rung.when is not None and not holds_true(rung.when, loan):
        raise broken(5, f"{name}: `{rung.when}` is false")


@dataclass
class Judge:
    """All that has gone out so far, and the notes that it is judged by."""

    lender: Lender
    rules: dict[str, Rule] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    pledges: list[Pledge] = field(default_factory=list)
    consents: list[Consented] = field(default_factory=list)
    edits: int = 0
    volume_min: int = 200
    approved_days: set[Any] = field(default_factory=set)
    clock_is_wrong: bool = False
    sent: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    days: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    contacts: Contacts = field(default_factory=Contacts)
    texts_on: Counter[Any] = field(default_factory=Counter)
    texted: dict[str, str] = field(default_factory=dict)
    segments: int = 0

    def rule_for(self, loan: Loan) -> Rule | None:
        """Return the first policy, by priority, that is for an account."""
        return next((self.rules[name] for name in self.order if self.rules[name].takes(loan)), None)

    def follow(self, at: datetime) -> None:
        """Take note of what the book shows of everything that was agreed, before somebody acts by it."""
        for pledge in self.pledges:
            loan = self.lender.loans[pledge.account]
            rule = self.rule_for(loan)
            if rule is not None and pledge.certain():
                pledge.follow(loan, at.astimezone(rule.zone).date())

    def judge(self, connection: Connection, taken: Sequence[Taken], called: Sequence[str] = ()) -> None:
        """Judge the texts that were taken in one tick; nothing else has happened since.

        `called` are the references of all calls that were made in it, whatever the provider said.
        """
        references = [*dict.fromkeys([*called, *(each.message.reference for each in taken)])]
        found = connection.execute(select(attempt).where(attempt.c.reference.in_(references)))
        attempts = {row.reference: row for row in found}
        members: dict[str, list[Any]] = defaultdict(list)
        query = select(outbox).where(outbox.c.reference.in_(references)).order_by(outbox.c.due_date)
        for member in connection.execute(query):
            members[member.reference].append(member)
        of_provider = {each.message.reference: each for each in taken}
        refused = (attempts[one] for one in references if one in attempts and one not in of_provider)
        for one in refused:
            self.contacts.note(one, one.started_at, taken=False)
        for each in sorted(taken, key=lambda one: one.true_at):
            row = attempts.get(each.message.reference)
            if row is None:
                self._answer(connection, each)
            elif not members[row.reference]:
                raise broken(4, f"text {row.reference} was sent for no reminder")
            else:
                self._text(each, row, members[row.reference])
        self._volume(attempts[one] for one in of_provider if one in attempts)

    def _answer(self, connection: Connection, each: Taken) -> None:
        """A text that is no reminder is the one answer to one STOP, reserved before it was sent."""
        ours = inbound.c.reply_reference == each.message.reference
        if len(connection.execute(select(inbound.c.meaning).where(ours, inbound.c.meaning == "stop")).all()) != 1:
            raise broken(3, f"a text went out that nobody had reserved: {each.message.reference}")

    def _text(self, each: Taken, row: Any, members: list[Any]) -> None:
        at = row.started_at
        if self.clock_is_wrong:
            raise broken(15, "a text went out while the clock was wrong")
        if not timedelta() <= each.at - at <= LEASE:
            raise broken(3, f"a call began {each.at - at} after it was reserved, when others took it for dead")
        asked = [self._member(member, at) for member in members]
        loans = [loan for loan, _ in asked]
        lead = loans[0]
        rule = self.rule_for(lead)
        assert rule is not None
        self._hours(rule, lead, at)
        self.contacts.judge(rule, row, loans, at)
        self._words(each, row, asked)
        self.contacts.note(row, at, taken=True, loans=loans)
        self.texted[each.message.to] = lead.cust_no
        self.texts_on[at.astimezone(HOME).date()] += 1
        self.segments += row.segments

    def _member(self, row: Any, at: datetime) -> tuple[Loan, int]:
        """Judge one reminder of a text by the book and the notes of that moment; return what it must ask for."""
        name = f"{row.account_id} {row.due_date} {row.step}"
        loan = self.lender.loans.get(row.account_id)
        if loan is None or self.lender.rows_of(row.account_id) != 1:
            raise broken(5, f"{name}: the book did not have it exactly once")
        asks = self._asks(row, loan, at, name)
        if at - self.lender.loaded_at[loan.loan_no] > FRESH + timedelta(seconds=1):
            raise broken(15, f"{name}: the book was stale, of {self.lender.loaded_at[loan.loan_no]}")
        self.alone(loan, at, "sms", name)
        rule = self.rule_for(loan)
        if rule is None or rule.said["policy"] != row.policy:
            raise broken(5, f"{name}: {row.policy} is not the policy that is for it")
        number = e164(loan.mobile)
        if rule.said.get("consent") and not any(one.covers(loan, number, at) for one in self.consents):
            raise broken(5, f"{name}: nobody has agreed to be texted")
        if row.step.partition(".")[0] not in BREACHES:
            _on_its_days(rule, row, loan, at, name)
        key = (row.account_id, row.due_date, row.step, row.leg)
        self.sent[key] += 1
        if self.sent[key] > 1:
            raise broken(2, f"{name}: sent twice")
        day = at.astimezone(rule.zone).date()
        self.days[row.account_id, row.due_date, day, self.edits] += 1
        if self.days[row.account_id, row.due_date, day, self.edits] > 1:
            raise broken(6, f"{name}: two texts about one cycle on one day")
        return loan, asks

    def _asks(self, row: Any, loan: Loan, at: datetime, name: str) -> int:
        """Return what a text about this reminder must ask for; raise where it is paid, moved, or agreed otherwise."""
        mine = [pledge for pledge in self.pledges if pledge.account == loan.loan_no]
        step, _, number = row.step.partition(".")
        if step in BREACHES:
            return self._breach(next(one for one in mine if one.number == int(number)), row, loan, at, name)
        for pledge in mine:
            if (wanted := pledge.wants(loan, row.due_date)) is not None:
                return wanted
        if any(pledge.certain() for pledge in mine):
            raise broken(5, f"{name}: a promise or a plan is in force")
        if not loan.owed or loan.due != row.due_date:
            raise broken(5, f"{name}: reminded of what is paid or due on {loan.due}")
        return loan.minor

    def _breach(self, pledge: Pledge, row: Any, loan: Loan, at: datetime, name: str) -> int:
        zone = ZoneInfo(self.rules[row.policy].said["timezone"])
        seen_on = self.lender.loaded_at[loan.loan_no].astimezone(zone).date()
        wrong = pledge.breach(loan, at.astimezone(zone).date(), seen_on)
        if wrong or loan.due != row.due_date:
            raise broken(5, f"{name}: {wrong or f'it is due on {loan.due}'}")
        part = pledge.open_part(loan)
        assert part is not None
        return part[1]

    def alone(self, loan: Loan, at: datetime, leg: str, name: str) -> None:
        """Raise where somebody is contacted who is to be left alone."""
        number = e164(loan.mobile)
        for silence in self.silences:
            if silence.covers(loan, number, at, leg):
                raise broken(5, f"{name}: to be left alone ({silence.why}, since {silence.since})")

    def _hours(self, rule: Rule, loan: Loan, at: datetime) -> None:
        policy = self.policies[rule.said["policy"]]
        zones = zones_of(loan, rule.said["timezone"])
        if not shows_open_hour(policy.layers_on(rule.dpd(loan, at)), zones, at):
            raise broken(8, f"{loan.loan_no}: texted at {at}, outside the hours of {sorted(zones)}")

    def _words(self, each: Taken, row: Any, asked: list[tuple[Loan, int]]) -> None:
        loans = [loan for loan, _ in asked]
        if each.message.to != e164(loans[0].mobile) or each.message.body != row.body:
            raise broken(5, f"{row.reference}: not to the number of the book, or not the text on record")
        plain = re.sub(r"[,\s]", "", row.body)
        totals: Counter[str] = Counter()
        for loan, asks in asked:
            totals[loan.currency] += asks
        for currency, minor in totals.items():
            amount = str(minor) if currency == "JPY" else f"{minor // 100}.{minor % 100:02}"
            if not re.search(rf"(?<![\d.]){re.escape(amount)}(?!\d)", plain):
                raise broken(5, f"{row.reference}: the text does not say {amount} {currency}: {row.body}")
        printed = len(loans) == 1 and row.language == "en" and row.template.startswith("pre_due/")
        if printed and loans[0].incentive and HOSTILE not in row.body:
            raise broken(11, f"{row.reference}: {HOSTILE} was read as code: {row.body}")

    def _volume(self, attempts: Iterable[Any]) -> None:
        for day in {row.started_at.astimezone(HOME).date() for row in attempts}:
            before = [self.texts_on[day - timedelta(weeks=back)] for back in range(1, 9)]
            usual = [count for count in before if count]
            if len(usual) < 3 or day in self.approved_days:
                continue
            most = max(self.volume_min, 4 * median(usual))
            if self.texts_on[day] > most:
                raise broken(15, f"{self.texts_on[day]} texts on {day}, {most} is the most, and nobody was asked")

    def planned(self, connection: Connection, at: datetime) -> None:
        """After a plan: exactly those have a reminder who deserve one by the book of that moment (laws 2 and 4)."""
        wanted = set()
        for loan in self.lender.loans.values():
            rule = self.rule_for(loan)
            rung = rule.deserved(loan, at) if rule else None
            if rung is not None and loan.owed and self.lender.rows_of(loan.loan_no):
                wanted.add((loan.loan_no, loan.due, rung.key, rung.leg))
        columns = (outbox.c.account_id, outbox.c.due_date, outbox.c.step, outbox.c.leg)
        there = set(map(tuple, connection.execute(select(*columns))))
        if wanted - there:
            raise broken(4, f"not planned: {sorted(wanted - there)[:5]}")
        fresh = set(map(tuple, connection.execute(select(*columns).where(outbox.c.planned_at == at))))
        odd = sorted(row for row in fresh - wanted if not self._agreed(*row))
        if odd:
            raise broken(5, f"planned for nothing: {odd[:5]}")

    def _agreed(self, account: str, due: date, step: str, _: str) -> bool:
        """Return whether what was agreed wants such a reminder; the text itself is judged more closely."""
        mine = [pledge for pledge in self.pledges if pledge.account == account and not pledge.cancelled]
        name, _, number = step.partition(".")
        if name in BREACHES:
            return any(pledge.number == int(number) for pledge in mine)
        return any(due == day for pledge in mine if pledge.kind == "plan" for day, _ in pledge.parts)

    def silence(self, why: str, at: datetime, **whom: Any) -> Silence:
        """Write down that somebody is to be left alone from now on."""
        self.silences.append(Silence(why, at.astimezone(UTC), **whom))
        return self.silences[-1]
