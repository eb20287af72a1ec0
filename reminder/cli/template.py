"""`reminder template`: the texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import EXIT_CONFIG, Frame, json_option, pass_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reminder.domain.account import Account, Scalar
    from reminder.domain.policy import Policy
    from reminder.message.catalogue import Rendered
    from reminder.message.values import TextFacts

__all__ = ["template"]

SAMPLE_GRACE_DAYS = 3
SAMPLE_STEP_DAYS = 3


@click.group()
def template() -> None:
    """Check, list and render the templates."""


@template.command()
@json_option
@pass_frame
def check(frame: Frame, as_json: bool) -> None:
    """Check every template: syntax, values, wording, languages, and segments with the longest values.

    Exit code 3 where there is an error, 0 with nothing but warnings.

    \b
    Example:
      reminder template check
    """
    from reminder.cli.output import emit_json, emit_problems
    from reminder.pipeline.check import check_templates

    problems = check_templates(frame.files)
    errors = sum(not problem.warning for problem in problems)
    if as_json:
        emit_json({"errors": errors, "warnings": len(problems) - errors, "problems": problems})
    else:
        emit_problems(problems, err=False)
        count = len(frame.installation.catalogue.templates())
        click.echo(f"{count} templates work; {errors} errors, {len(problems) - errors} warnings.")
    if errors:
        click.get_current_context().exit(EXIT_CONFIG)


@template.command("list")
@json_option
@pass_frame
def list_(frame: Frame, as_json: bool) -> None:
    """List the templates with their budgets and what they need at worst, in segments.

    \b
    Example:
      reminder template list
    """
    from reminder.cli.output import emit_json, table

    rows = _rows(frame)
    if as_json:
        emit_json(rows)
        return
    table(
        ("template", "language", "budget", "at worst", "encoding", "used by"),
        [(*list(row.values())[:-1], ", ".join(row["used_by"]) or "nobody") for row in rows],
        right=("budget", "at worst"),
    )
    frame.tell_problems()


def _rows(frame: Frame) -> list[dict[str, Any]]:
    from reminder.message.lint import worst_segmentation
    from reminder.pipeline.check import attributes_of

    installation, attributes = frame.installation, attributes_of(frame.files)
    rows = []
    for each in installation.catalogue.templates():
        worst = worst_segmentation(each, attributes)
        users = [policy.name for policy in installation.policies.policies if each.name in _templates(policy)]
        rows.append(
            {
                "template": each.name,
                "language": each.language,
                "budget": each.budget,
                "worst": worst.segments,
                "encoding": worst.encoding,
                "used_by": users,
            }
        )
    return rows


def _templates(policy: Policy) -> set[str]:
    """Return the templates that a policy sends."""
    names = {step.template for step in policy.steps if step.template}
    names |= {rule.template for rule in policy.breaches}
    if policy.consolidated is not None:
        names |= {f"{policy.consolidated}/{step.tier}" for step in policy.steps if step.template}
    return names


@template.command()
@click.argument("name")
@click.option("--language", help="Language of the customer. Default: that of the settings.")
@click.option("--dpd", type=click.IntRange(-365, 3650), help="Days past due. Default: one that suits the template.")
@click.option("--amount", default="1234.56", show_default=True, help="Amount due, in major units.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--customer-name", default=None, help="The customer's name. Default: none.")
@click.option("--set", "attributes", multiple=True, metavar="NAME=VALUE", help="An attribute; can be repeated.")
@json_option
@pass_frame
def render(
    frame: Frame,
    name: str,
    language: str | None,
    dpd: int | None,
    amount: str,
    currency: str,
    customer_name: str | None,
    attributes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the text that a template makes of sample values, and what it costs.

    For the texts of real accounts see `reminder preview` and `reminder explain`.

    \b
    Examples:
      reminder template render pre_due/week_ahead --language en --currency USD
      reminder template render grace/due_today --set autopay=true
    """
    from reminder.cli.output import clean, emit_json
    from reminder.domain.account import Account
    from reminder.domain.money import Money
    from reminder.domain.segments import segment

    at = frame.now().date()
    days = dpd if dpd is not None else _usual_dpd(name)
    account = Account(
        account_id="LN-1001",
        customer_id="C-1001",
        due_date=at - timedelta(days=days),
        amount_due=Money.of(amount, currency.upper()),
        name=customer_name,
        language=language,
        attributes=dict(_attribute(each) for each in attributes),
    )
    rendered = _render(frame, name, account, days)
    packed = segment(rendered.text)
    if as_json:
        emit_json(
            {
                "text": rendered.text,
                "language": rendered.language,
                "encoding": packed.encoding,
                "units": packed.units,
                "segments": packed.segments,
            }
        )
        return
    click.echo(clean(rendered.text))
    click.echo(
        f"({rendered.language}, {packed.segments} segments, {packed.units} units of {packed.encoding})", err=True
    )


def _usual_dpd(name: str) -> int:
    """Return days past due at which a text of this folder is true."""
    tier = name.rpartition("/")[0] if not name.startswith("consolidated/") else name.rpartition("/")[2]
    return {"pre_due": -3, "grace": 1}.get(tier, 9)


def _attribute(text: str) -> tuple[str, Scalar]:
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise click.BadParameter(f"expected NAME=VALUE, found {text!r}", param_hint="--set")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isascii() and value.isdigit() else value


def _render(frame: Frame, name: str, account: Account, dpd: int) -> Rendered:
    from reminder.message.values import text_values

    facts = _facts(account, dpd)
    # A consolidated text speaks of several accounts.
    another = replace(account, account_id="LN-1002", due_date=facts.due_date + timedelta(days=1))
    others = [_facts(another, dpd - 1)] if name.startswith("consolidated/") else []

    def values_for(language: str) -> Mapping[str, object]:
        return text_values(facts, frame.installation.lender, language, others)

    return frame.installation.catalogue.render(name, account.language, values_for)


def _facts(account: Account, dpd: int) -> TextFacts:
    from reminder.domain.policy import Step, tier_of
    from reminder.message.values import Missed, TextFacts

    assert account.due_date is not None  # noqa: S101 - the sample has both
    assert account.amount_due is not None  # noqa: S101
    tier = tier_of(dpd, SAMPLE_GRACE_DAYS)
    return TextFacts(
        account=account,
        amount=account.amount_due,
        due_date=account.due_date,
        dpd=dpd,
        tier=tier,
        step=Step(key="sample", id="sample", number=1, opens=dpd, closes=dpd + SAMPLE_STEP_DAYS, tier=tier),
        grace_ends=account.due_date + timedelta(days=SAMPLE_GRACE_DAYS),
        today=account.due_date + timedelta(days=dpd),
        missed=Missed(account.due_date, account.amount_due, account.amount_due),
    )
