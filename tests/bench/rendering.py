"""The floor's way to a text: the same templates, compiled once in Jinja2's sandbox, with remembered formats."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bench.books import POLICY, TODAY
from reminder.domain.check_code import make_code
from support.worlds import CHECK_KEY, LENDER, TEMPLATES

__all__ = ["READ", "read_due", "text_of"]

READ = (
    "SELECT a.account_id, a.customer_id, a.name, a.phone, a.due_date, a.amount_due, a.currency, a.language, "
    "a.timezone, a.product, a.closed, a.attributes, a.loaded_at FROM account a "
    "WHERE a.due_date BETWEEN ? AND ? AND a.amount_due > 0 AND NOT a.closed"
)

_STEPS = {dpd: step.key for step in POLICY.steps for dpd in range(step.opens, step.closes + 1)}

_LENDER = {"name": "安和", "hotline": LENDER.hotline[""], "app": LENDER.app[""], "pay": LENDER.pay[""]}


@lru_cache(maxsize=4_096)
def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"


def _money(minor: int) -> str:
    return f"¥{minor // 100:,}.{minor % 100:02d}"


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters.update(mask=lambda text: text[-4:], money=_money, day=_day)
    return environment


@lru_cache(maxsize=1)
def _programs() -> dict[int, Template]:
    """Return the template by DPD."""
    environment = _environment()
    compiled = {
        step.template: environment.from_string((TEMPLATES / f"zh-CN/{step.template}.sms.j2").read_text("utf-8"))
        for step in POLICY.steps
    }
    return {dpd: compiled[step.template] for step in POLICY.steps for dpd in range(step.opens, step.closes + 1)}


def text_of(row: Any) -> str:
    """Return the text for a row of READ."""
    due = row[4] if isinstance(row[4], date) else date.fromisoformat(row[4])
    dpd = (TODAY - due).days
    return (
        _programs()[dpd]
        .render(
            lender=_LENDER,
            account={"id": row[0], "name": row[2], "incentive": ""},
            amount=row[5],
            due_date=due,
            dpd=dpd,
            days_until_due=-dpd,
            days_overdue=dpd,
            grace_ends=due + timedelta(days=POLICY.grace_days),
            check_code=make_code(CHECK_KEY, account_id=row[0], due_date=due, step=_STEPS[dpd], leg="sms"),
        )
        .strip()
    )


def read_due(raw: Any, between: tuple[object, object]) -> list[Any]:
    """Return the rows that are due."""
    raw.begin()
    rows: list[Any] = raw.run(READ, between).fetchall()
    raw.commit()
    return rows
