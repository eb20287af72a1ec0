"""What the tests of texts share: a lender, decided accounts, and folders of templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from reminder.domain.account import Account, Scalar
from reminder.domain.money import Money
from reminder.domain.policy import Step, tier_of
from reminder.message.catalogue import Catalogue, CompiledTemplate, compile_template
from reminder.message.values import Lender, Missed, TextFacts

DUE = date(2026, 5, 3)
GRACE_DAYS = 3


@pytest.fixture
def lender() -> Lender:
    """A lender with a name and an app in two languages and one hotline for all."""
    return Lender(
        name={"zh-CN": "安和消费金融", "en": "Anhe Credit"},
        hotline={"": "400-000-1234"},
        app={"zh-CN": "安和金融App", "en": "the Anhe app"},
        pay={"": "https://pay.anhe.example"},
    )


@pytest.fixture
def account() -> Callable[..., Account]:
    """Make an account; every field can be given."""

    def make(attributes: Mapping[str, Scalar] | None = None, **fields: object) -> Account:
        known: dict[str, object] = {
            "account_id": "LN-2026-8000",
            "customer_id": "C-1",
            "due_date": DUE,
            "amount_due": Money(150_000, "CNY"),
            "name": "张三丰",
            "product": "cash-loan",
            "attributes": attributes or {},
        }
        return Account(**(known | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def facts(account: Callable[..., Account]) -> Callable[..., TextFacts]:
    """Make the facts of an account that is `dpd` days past due; three days of grace."""

    def make(dpd: int, amount: Money | None = None, **fields: object) -> TextFacts:
        tier = tier_of(dpd, GRACE_DAYS)
        owed = amount or Money(150_000, "CNY")
        return TextFacts(
            account=account(**fields),
            amount=owed,
            due_date=DUE,
            dpd=dpd,
            tier=tier,
            step=Step(key="step.2", id="step", number=2, opens=dpd, closes=dpd + 5, tier=tier),
            grace_ends=DUE + timedelta(days=GRACE_DAYS),
            today=DUE + timedelta(days=dpd),
            missed=Missed(DUE, owed, owed),
        )

    return make


@pytest.fixture
def compiled() -> Callable[..., CompiledTemplate]:
    """Compile a template from its body; the budget is put in front."""

    def make(body: str, language: str = "en", budget: int = 6) -> CompiledTemplate:
        source = f"{{# segments: {budget} #}}\n{body}"
        return compile_template(source, name="test", language=language, path="test.sms.j2")

    return make


@pytest.fixture
def catalogue(tmp_path: Path) -> Callable[..., Catalogue]:
    """Write template files (`en/a` → its whole source) and open their catalogue."""

    def make(files: Mapping[str, str | bytes], default: str = "en", fallback: tuple[str, ...] = ()) -> Catalogue:
        for name, source in files.items():
            path = tmp_path / f"{name}.sms.j2"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return Catalogue(tmp_path, default_language=default, fallback=fallback)

    return make
