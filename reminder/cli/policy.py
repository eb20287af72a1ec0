"""`reminder policy`: the policies, before they are in force and as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_CONFIG, Frame, json_option, pass_frame
from reminder.cli.policy_diff import diff
from reminder.cli.policy_test import test

if TYPE_CHECKING:
    from reminder.domain.policy import BreachRule, Policy, Step
    from reminder.errors import Problem

__all__ = ["policy"]

_SCHEMAS = ("policy", "expectations", "profile", "calendar", "reminder")


@click.group()
def policy() -> None:
    """Check, test, list and show the policies, and compare edits of them."""


policy.add_command(diff)
policy.add_command(test)


@policy.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@pass_frame
def check(frame: Frame, files: tuple[Path, ...], as_json: bool) -> None:
    """Check policies and all they need: profiles, templates, languages, conditions, segments.

    With FILES only these are spoken of, and the calendars that they live by; a file from elsewhere is checked as if it
    were among the policies, in place of the one of its name. Each problem is a line `path:line:column: …`, errors
    first, then warnings. Exit code 3 where there is an error, 0 with nothing but warnings.

    \b
    Examples:
      reminder policy check
      reminder policy check drafts/card.yaml
    """
    from reminder.cli.output import emit_json, emit_problems

    problems = _problems(frame, files)
    errors = sum(not problem.warning for problem in problems)
    if as_json:
        emit_json({"errors": errors, "warnings": len(problems) - errors, "problems": problems})
    else:
        emit_problems(problems, err=False)
        click.echo(_summary(errors, len(problems) - errors))
    if errors:
        click.get_current_context().exit(EXIT_CONFIG)


def _problems(frame: Frame, paths: tuple[Path, ...]) -> list[Problem]:
    from reminder.config.profile_check import missing_notices
    from reminder.pipeline.check import check_installation, with_drafts

    if not paths:
        files, today = frame.files, frame.now().date()
        unofficial = missing_notices(files.profiles, files.policies, files.settings.calendars, today)
        return [*check_installation(files), *unofficial]
    resolved = {str(path.resolve()) for path in paths}
    files, today = with_drafts(frame.files, paths), frame.now().date()
    chosen = tuple(file for file in files.policies.files if str(file.document.path) in resolved)
    named = {name for file in chosen for name in file.model.profiles}
    known = {name: profile for name, profile in files.profiles.profiles.items() if name in named}
    theirs = replace(files.profiles, profiles=known), replace(files.policies, files=chosen)
    unofficial = missing_notices(*theirs, files.settings.calendars, today)
    return [*(problem for problem in check_installation(files) if problem.path in resolved), *unofficial]


def _summary(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "Nothing is wrong."
    return f"{_times(errors, 'error')}, {_times(warnings, 'warning')}."


def _times(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


@policy.command("list")
@json_option
@pass_frame
def list_(frame: Frame, as_json: bool) -> None:
    """List the policies, in the order in which an account tries them.

    \b
    Example:
      reminder policy list
    """
    from reminder.cli.output import emit_json, table

    policies = frame.installation.policies.policies
    if as_json:
        emit_json([_line(each) for each in policies])
        return
    columns = ("policy", "priority", "accounts", "steps", "profile", "route", "state")
    rows = [
        (
            each.name,
            each.priority,
            str(each.selector),
            len(each.steps),
            each.profile.name,
            ", ".join(each.route),
            f"broken: {each.broken}" if each.broken else "in force",
        )
        for each in policies
    ]
    table(columns, rows, right=("priority", "steps"))
    frame.tell_problems()


def _line(each: Policy) -> dict[str, object]:
    return {
        "policy": each.name,
        "description": each.description,
        "priority": each.priority,
        "accounts": str(each.selector),
        "steps": len(each.steps),
        "profile": each.profile.name,
        "route": each.route,
        "version": each.version,
        "broken": each.broken or None,
    }


@policy.command()
@click.argument("name")
@json_option
@pass_frame
def show(frame: Frame, name: str, as_json: bool) -> None:
    """Show one policy as it is understood: its steps with their days, tiers and templates.

    \b
    Example:
      reminder policy show consumer-loan
    """
    from reminder.cli.output import emit_json

    found = _find(frame, name)
    if as_json:
        emit_json(
            _line(found) | _details(found) | _breaches(found) | {"steps": [_step_line(step) for step in found.steps]}
        )
        return
    _show(found)


def _find(frame: Frame, name: str) -> Policy:
    from reminder.config.wording import nearest

    policies = frame.installation.policies.policies
    found = next((each for each in policies if each.name == name), None)
    if found is None:
        names = [each.name for each in policies]
        raise click.BadParameter(
            f"expected the name of a policy, found {name!r}{nearest(name, names)}", param_hint="NAME"
        )
    return found


def _details(found: Policy) -> dict[str, object]:
    return {
        "timezone": found.timezone,
        "grace_days": found.grace_days,
        "windows": _spell_windows(found),
        "places": dict(found.places.names) | {"otherwise": found.places.otherwise} if found.places else None,
        "caps": [str(cap) for cap in found.caps],
        "consolidate": found.consolidated is not None,
    }


def _spell_windows(found: Policy) -> list[str]:
    return [f"{hours} ({hours.source})" for hours in found.layers]


def _step_line(step: Step) -> dict[str, object]:
    return {
        "step": step.key,
        "opens": step.opens,
        "closes": step.closes,
        "tier": step.tier,
        "action": step.action,
        "template": step.template or None,
        "when": step.when,
        "to": step.to,
    }


def _breaches(found: Policy) -> dict[str, BreachRule | None]:
    return {"broken_promise": found.broken_promise, "broken_plan": found.broken_plan}


def _show(found: Policy) -> None:
    from reminder.cli.output import clean, table

    click.echo(f"{found.name} (priority {found.priority}, version {found.version or 'none'})")
    if found.broken:
        click.secho(f"broken: {clean(found.broken)}", fg="red")
        return
    lines = {
        "for": str(found.selector),
        "description": found.description,
        "profile": _spell_profile(found),
        "days past due": f"counted in {found.timezone}; {_times(found.grace_days, 'day')} of grace",
        "texts go out": "; and ".join(_spell_windows(found)),
        "caps": ", ".join(map(str, found.caps)) or "none",
        "route": ", then ".join(found.route),
        "broken promises": _spell_breach(found.broken_promise),
        "broken plans": _spell_breach(found.broken_plan),
        "several accounts": "one text for all of a customer's" if found.consolidated else "a text each",
    }
    for name, text in lines.items():
        click.echo(f"  {name + ':':<18}{clean(text)}")
    click.echo()
    rows = [
        (step.key, _spell_days(step), step.tier, step.template or f"{step.action} to {step.to}", step.when or "")
        for step in found.steps
    ]
    table(("step", "days past due", "tier", "template", "when"), rows)


def _spell_breach(rule: BreachRule | None) -> str:
    return f"{rule.id}: {rule.template}, within {_times(rule.within, 'day')}" if rule else "no text"


def _spell_profile(found: Policy) -> str:
    if found.places is None:
        return f"{found.profile.name}: {found.profile.source}"
    listed = [f"{place}: {' + '.join(names)}" for place, names in found.places.names.items()]
    return f"by {found.places.by}; {'; '.join(listed)}; otherwise: {' + '.join(found.places.otherwise)}"


def _spell_days(step: Step) -> str:
    return str(step.opens) if step.opens == step.closes else f"{step.opens} to {step.closes}"


@policy.command()
@click.argument(
    "kind", type=click.Choice(["policy", "expectations", "profile", "calendar", "reminder"]), default="policy"
)
def schema(kind: str) -> None:
    """Print the JSON Schema of a file, for editors: of policies, expectations, profiles, calendars, or reminder.yaml.

    \b
    Example:
      reminder policy schema > config/schema/policy.schema.json
    """
    from reminder.config.schema import schema_text

    click.echo(schema_text(f"{kind}.schema.json"), nl=False)
