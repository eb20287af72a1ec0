"""Calendars: days off and days worked that this deployment knows better than the library, from `config/calendars/`.

China announces every autumn which weekends are worked next year; until the library has the notice, this is where it
can be written down. What stands here is added to what the library says, and goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, ValidationError

from reminder.config.fields import StrictModel, WholeNumber, parsed_by, refuse
from reminder.config.wording import problems_of
from reminder.config.yaml_document import Document, read_document, yaml_files
from reminder.domain.calendar import NO_CHANGES, CalendarChanges, CalendarError, check_calendar
from reminder.errors import ConfigError, Problem

__all__ = ["NO_CALENDARS", "CalendarModel", "Calendars", "Day", "LoadedCalendars", "changes_for", "load_calendars"]

Calendars = Mapping[str, CalendarChanges]
"""What is known of each calendar beside the library, by its name."""

NO_CALENDARS: Final[Calendars] = MappingProxyType({})

_DAYS_MAX: Final = 2_000


def _parse_day(value: object) -> date:
    text = value.isoformat() if isinstance(value, date) else value
    try:
        return date.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise refuse("a day such as 2027-02-06", "write year, month and day") from None


Day = Annotated[date, *parsed_by(_parse_day, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})]
"""A calendar day."""


class CalendarModel(StrictModel):
    """Public holidays of a country as this deployment knows them: what the library has not, or has wrong."""

    calendar: str = Field(max_length=12, description="ISO 3166 country, or country and part.", examples=["CN", "US-FL"])
    source: str = Field(min_length=1, description="Where the days stand.", examples=["State Council notice for 2027"])
    holidays: tuple[Day, ...] = Field(
        default=(), max_length=_DAYS_MAX, description="Days off that the library lacks.", examples=[["2027-02-06"]]
    )
    extra_workdays: tuple[Day, ...] = Field(
        default=(),
        max_length=_DAYS_MAX,
        description="Days worked, whatever the library says.",
        examples=[["2027-02-20"]],
    )
    official_years: tuple[WholeNumber, ...] = Field(
        default=(), max_length=100, description="Years whose official notice stands here in full.", examples=[[2027]]
    )


@dataclass(frozen=True)
class LoadedCalendars:
    """Calendars by name, and the problems of the files that were left out."""

    calendars: Calendars
    problems: tuple[Problem, ...]


def changes_for(calendar: str | None, calendars: Calendars) -> CalendarChanges:
    """Return what is known of a calendar: its own file's word, or else its country's."""
    name = calendar or ""
    return calendars.get(name) or calendars.get(name.partition("-")[0], NO_CHANGES)


def load_calendars(folder: Path) -> LoadedCalendars:
    """Return every calendar of the folder that can be read, and the problems of those that can't. Never raises."""
    calendars: dict[str, CalendarChanges] = {}
    problems: list[Problem] = []
    for path in yaml_files(folder):
        try:
            model, document = _read(path)
        except ConfigError as error:
            problems += error.problems
            continue
        if model.calendar in calendars:
            message = f"calendar: `{model.calendar}` has another file already; write all of its days into one"
            problems.append(document.problem(("calendar",), message))
            continue
        calendars[model.calendar] = CalendarChanges(
            frozenset(model.holidays), frozenset(model.extra_workdays), frozenset(model.official_years)
        )
    return LoadedCalendars(calendars, tuple(problems))


def _read(path: Path) -> tuple[CalendarModel, Document]:
    document = read_document(path)
    try:
        model = CalendarModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=CalendarModel)) from error
    problems = [
        document.problem(("extra_workdays",), f"extra_workdays: {day} is among `holidays` too; say which it is")
        for day in sorted({*model.holidays} & {*model.extra_workdays})
    ]
    try:
        check_calendar(model.calendar)
    except CalendarError as error:
        problems.insert(0, document.problem(("calendar",), f"calendar: {error}"))
    if problems:
        raise ConfigError(problems)
    return model, document
