"""Expectations: what the policies are meant to do, from `config/expectations/`. `reminder policy test` asks if they do.

Each says which step an account deserves so many days past due, at an hour of its policy's clock; and, where it is not
to be contacted then, for which reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError, model_validator

from reminder.config.calendars import Day
from reminder.config.fields import ClockTime, Scalar, Slug, StrictModel, WholeNumber, contradict
from reminder.config.wording import problems_of
from reminder.config.yaml_document import Document, Loc, read_document, yaml_files
from reminder.domain.account import Account
from reminder.domain.money import Money, MoneyError
from reminder.domain.verdict import Reason
from reminder.errors import ConfigError, Problem

__all__ = ["Expectation", "ExpectationsModel", "read_expectations"]

_ANY_TUESDAY: Final = date(2026, 3, 10)
_DPD_MAX: Final = 3_660
_TEXTS: Final = ("account_id", "customer_id", "phone", "name", "language", "timezone", "product")

AccountFields = Mapping[str, Scalar]


class ExpectationModel(StrictModel):
    """One account on one day, and the step it deserves."""

    dpd: WholeNumber = Field(ge=-_DPD_MAX, le=_DPD_MAX, description="Days past due; negative before.", examples=[-7, 4])
    step: str | None = Field(
        max_length=80, description="The step deserved on that day; null for none.", examples=["overdue", "weekly.2"]
    )
    reason: Reason | None = Field(
        default=None,
        description="Why the customer is not contacted at that hour; left out: the step is done then.",
        examples=["when", "window"],
    )
    at: ClockTime | None = Field(
        default=None, description="Time of day on the policy's clock; left out: that of the file.", examples=["21:30"]
    )
    policy: Slug | None = Field(default=None, description="The policy that is for it.", examples=["consumer-loan"])
    account: AccountFields = Field(
        default={}, max_length=100, description="What this account has otherwise than `account` of the file.",
        examples=[{"autopay": True}],
    )  # fmt: skip

    @model_validator(mode="after")
    def _agree(self) -> ExpectationModel:
        """Refuse a reason why no step is not done."""
        if self.step is None and self.reason is not None:
            raise contradict("`reason` says why a step is not done, and `step` is null; delete one of them")
        return self


class ExpectationsModel(StrictModel):
    """What the policies are meant to do with an account, day by day."""

    account: AccountFields = Field(
        max_length=100,
        description="The account, as a book has it; what is none of a book's own fields is an attribute.",
        examples=[{"product": "cash-loan", "amount_due": "500.00", "currency": "CNY", "phone": "13800138000"}],
    )
    due_date: Day = Field(default=_ANY_TUESDAY, description="When it is due.", examples=["2026-03-10"])
    at: ClockTime = Field(
        default=time(12), description="Time of day on the policy's clock, for all that name none.", examples=["12:00"]
    )
    expectations: tuple[ExpectationModel, ...] = Field(
        min_length=1, max_length=10_000, description="What is expected, a day each.",
        examples=[[{"dpd": 4, "step": "overdue"}]],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """That an account deserves `step` (None: no step) `dpd` days past its due date; `clock` is in its policy's zone.

    `reason` is why it is not contacted then; None: the step is done.
    """

    document: Document
    loc: Loc
    account: Account
    due_date: date
    dpd: int
    clock: time
    step: str | None
    reason: Reason | None
    policy: str | None

    def problem(self, message: str) -> Problem:
        """Return a problem at its place in the file."""
        return self.document.problem(self.loc, message)


def read_expectations(paths: list[Path] | Path) -> tuple[list[Expectation], list[Problem]]:
    """Return all expectations of these files, or of a folder's, and the problems of the files that can't be read."""
    found: list[Expectation] = []
    problems: list[Problem] = []
    for path in yaml_files(paths) if isinstance(paths, Path) else paths:
        try:
            found += _read(path)
        except ConfigError as error:
            problems += error.problems
    return found, problems


def _read(path: Path) -> list[Expectation]:
    document = read_document(path)
    try:
        model = ExpectationsModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=ExpectationsModel)) from error
    found: list[Expectation] = []
    problems: list[Problem] = []
    for index, each in enumerate(model.expectations):
        loc: Loc = ("expectations", index)
        try:
            account = _account({**model.account, **each.account}, model.due_date)
        except MoneyError as error:
            problems.append(document.problem((*loc, "account", "amount_due"), f"amount_due: {error}"))
            continue
        clock = each.at if each.at is not None else model.at
        found.append(
            Expectation(document, loc, account, model.due_date, each.dpd, clock, each.step, each.reason, each.policy)
        )
    if problems:
        raise ConfigError(problems)
    return found


def _account(given: AccountFields, due_date: date) -> Account:
    """Return the account that the fields describe, as a book would hand it over. Raises MoneyError."""
    fields: dict[str, Any] = {"account_id": "expected", "customer_id": "expected", **given}
    texts: dict[str, Any] = {name: str(fields.pop(name)) for name in _TEXTS if name in fields}
    amount, currency = fields.pop("amount_due", None), fields.pop("currency", None)
    money = Money.of(str(amount), str(currency)) if amount is not None and currency is not None else None
    attributes = {name: str(value) if isinstance(value, Decimal) else value for name, value in fields.items()}
    return Account(**texts, due_date=due_date, amount_due=money, attributes=attributes)
