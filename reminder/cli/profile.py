"""`reminder profile`: what the law of each place allows, with its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_CONFIG, Frame, json_option, pass_frame

if TYPE_CHECKING:
    from reminder.domain.profile import Profile, Rule

__all__ = ["profile"]


@click.group()
def profile() -> None:
    """Check, list and show the profiles of contact law."""


@profile.command("list")
@json_option
@pass_frame
def list_(frame: Frame, as_json: bool) -> None:
    """List the profiles: hours, caps, how sure their sources are.

    \b
    Example:
      reminder profile list
    """
    from reminder.cli.output import emit_json, table

    profiles = _profiles(frame)
    if as_json:
        emit_json([_data(each) for each in profiles])
        return
    rows = [(each.name, _spell_hours(each), _spell_caps(each), each.confidence, each.as_of) for each in profiles]
    table(("profile", "hours", "caps", "confidence", "as of"), rows)
    frame.tell_problems()


@profile.command()
@click.argument("name")
@json_option
@pass_frame
def show(frame: Frame, name: str, as_json: bool) -> None:
    """Show one profile: each rule with its source, and what it leaves to the lender.

    \b
    Example:
      reminder profile show us-regf
    """
    from reminder.cli.output import emit_json

    found = _find(frame, name)
    if as_json:
        emit_json(_data(found))
        return
    _show(found)


@profile.command()
@json_option
@pass_frame
def check(frame: Frame, as_json: bool) -> None:
    """Check profiles and calendars: files, hours, sources, and years whose official holidays are not known.

    Exit code 3 where there is an error, 0 with nothing but warnings.

    \b
    Example:
      reminder profile check
    """
    from reminder.cli.output import emit_json, emit_problems
    from reminder.config.profile_check import check_profiles

    files = frame.installation
    problems = check_profiles(files.profiles, files.policies, files.loaded.calendars, frame.now().date())
    errors = sum(not problem.warning for problem in problems)
    if as_json:
        emit_json({"errors": errors, "warnings": len(problems) - errors, "problems": problems})
    else:
        emit_problems(problems, err=False)
        click.echo(f"{len(files.profiles.profiles)} profiles: {errors} errors, {len(problems) - errors} warnings.")
    if errors:
        click.get_current_context().exit(EXIT_CONFIG)


def _profiles(frame: Frame) -> list[Profile]:
    found = frame.installation.profiles.profiles
    return [found[name] for name in sorted(found)]


def _find(frame: Frame, name: str) -> Profile:
    from reminder.config.wording import nearest

    profiles = frame.installation.profiles.profiles
    if name not in profiles:
        raise click.BadParameter(
            f"expected the name of a profile, found {name!r}{nearest(name, profiles)}", param_hint="NAME"
        )
    return profiles[name]


def _data(found: Profile) -> dict[str, object]:
    return {
        "profile": found.name,
        "description": found.description,
        "source": found.source,
        "as_of": found.as_of,
        "confidence": found.confidence,
        "rules": [_rule_data(rule) for rule in found.rules],
        "holds": list(found.holds),
        "leaves_to_lender": list(found.leaves_to_lender),
    }


def _rule_data(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
        "hours": str(rule.hours) if rule.hours is not None else None,
        "caps": [str(cap) for cap in rule.caps],
        "consent": "required" if rule.consent else None,
        "from_dpd": rule.from_dpd,
        "until_dpd": rule.until_dpd,
        "binds": sorted(rule.binds),
        "source": rule.source,
        "as_of": rule.as_of,
        "confidence": rule.confidence,
    }


def _spell_hours(found: Profile) -> str:
    spelt = [f"{rule.hours}{_spell_days(rule)}" for rule in found.rules if rule.hours is not None]
    return "; and ".join(spelt) or "none: a policy must say its own"


def _spell_days(rule: Rule) -> str:
    """Return on which days past due a rule's hours bind, where it isn't on all."""
    first = f" from day {rule.from_dpd}" if rule.from_dpd is not None else ""
    return first + (f" until day {rule.until_dpd}" if rule.until_dpd is not None else "")


def _spell_caps(found: Profile) -> str:
    return ", ".join(map(str, found.caps)) or "none"


def _show(found: Profile) -> None:
    from reminder.cli.output import clean

    click.echo(f"{found.name} (as of {found.as_of}, confidence {found.confidence})")
    click.echo(f"  {clean(found.description)}")
    click.echo(f"  {clean(found.source)}")
    for rule in found.rules:
        click.echo()
        click.echo(f"  {rule.name}: binds {' and '.join(sorted(rule.binds, reverse=True))}")
        if rule.hours is not None:
            click.echo(f"    contact {rule.hours}{_spell_days(rule)}")
        if rule.caps:
            click.echo(f"    at most {', '.join(map(str, rule.caps))}")
        if rule.consent:
            click.echo(f"    texts only with a consent on record{_spell_days(rule)}")
        click.echo(f"    {clean(rule.source)} (as of {rule.as_of}, confidence {rule.confidence})")
    for term in found.holds:
        lasts = f"{term.days} days" if term.days is not None else "until released"
        click.echo(f"\n  {term.name}: a hold of kind {term.kind}, {lasts}")
        click.echo(f"    {clean(term.description)}")
        click.echo(f"    {clean(term.source)} (as of {term.as_of}, confidence {term.confidence})")
    if found.leaves_to_lender:
        click.echo("\n  Left to the lender:")
    for sentence in found.leaves_to_lender:
        click.echo(f"    - {clean(sentence)}")
