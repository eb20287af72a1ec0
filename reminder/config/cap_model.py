"""The shape of caps in policies and profiles: how often somebody may be contacted."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, model_validator

from reminder.config.fields import Flag, StrictModel, WholeNumber, Zone, contradict, parsed_by, refuse
from reminder.domain.caps import CUSTOMERS_ZONE, Cap, CapPeriod, CapScope, Counts

__all__ = ["CapModel", "CapsModel", "Period", "caps_of"]

_ROLLING: Final = re.compile(r"([1-9][0-9]{0,2}) days?")
_ROLLING_DAYS_MAX: Final = 366

Period = tuple[CapPeriod, int]
"""What a cap counts within, and for a rolling period its days."""


def _parse_period(value: object) -> Period:
    if value in ("day", "week", "month"):
        return CapPeriod(str(value)), 1
    match = _ROLLING.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > _ROLLING_DAYS_MAX:
        raise refuse("a period", f"write day, week, month, or `7 days` (up to {_ROLLING_DAYS_MAX})")
    return CapPeriod.ROLLING, int(match[1])


def _cap_zone(value: object) -> object:
    return value if value == CUSTOMERS_ZONE else TypeAdapter(Zone).validate_python(value)


CapZone = Annotated[str, *parsed_by(_cap_zone, {"type": "string"})]
"""An IANA zone, or CUSTOMERS_ZONE."""


class CapModel(StrictModel):
    """How many contacts a period may hold, on whose calendar, and which contacts count."""

    max: WholeNumber = Field(ge=1, le=1000, description="Most contacts in the period.", examples=[3])
    per: Annotated[
        Period,
        *parsed_by(_parse_period, {"type": "string", "pattern": "^(day|week|month|[1-9][0-9]{0,2} days?)$"}),
    ] = Field(description="The period: day, week, month, or a number of days.", examples=["7 days"])
    counts: Literal["attempts", "accepted", "delivered"] = Field(
        default="accepted",
        description="What counts: every call to a gateway, what one took or may have taken, or what was not lost.",
        examples=["attempts"],
    )
    channels: tuple[Literal["sms", "voice"], ...] = Field(
        default=(),
        max_length=2,
        description="Channels that count and are bound; left out: every one.",
        examples=[["sms"]],
    )
    zone: CapZone | None = Field(
        default=None,
        description="Whose calendar: a zone, or `customer` for wherever the customer may be; left out: the policy's.",
        examples=["Asia/Ho_Chi_Minh", "customer"],
    )
    exempts_notices: Flag = Field(
        default=False,
        description="Whether steps marked as notices, which the law demands, neither count nor wait.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _agree(self) -> CapModel:
        """Refuse a calendar for a period that has none."""
        if self.zone is not None and self.per[0] is CapPeriod.ROLLING:
            raise contradict("`zone` changes nothing where days are counted as 24 hours; delete it, or count by `day`")
        return self


Caps = Annotated[tuple[CapModel, ...], Field(max_length=8)]


class CapsModel(StrictModel):
    """Limits on how often someone is contacted, over all policies."""

    per_customer: Caps = Field(
        default=(), description="For one customer, over all accounts.", examples=[[{"max": 1, "per": "day"}]]
    )
    per_account: Caps = Field(
        default=(), description="For each account of a text.", examples=[[{"max": 3, "per": "week"}]]
    )
    per_claim: Caps = Field(
        default=(),
        description="For each debt of a text; see `claim` of the book. Without it, each account is one.",
        examples=[[{"max": 2, "per": "7 days"}]],
    )
    per_number: Caps = Field(
        default=(), description="For a phone number, whoever uses it.", examples=[[{"max": 2, "per": "day"}]]
    )
    per_number_and_template: Caps = Field(
        default=(),
        description="For texts of one template to a phone number.",
        examples=[[{"max": 50, "per": "1 day"}]],
    )

    def __bool__(self) -> bool:
        """Whether it has any."""
        return any(getattr(self, name) for name in type(self).model_fields)


def caps_of(caps: CapsModel, source: str = "policy") -> tuple[Cap, ...]:
    """Return the domain's form of caps; `source` names the rule they come from."""
    by_scope = {
        CapScope.CUSTOMER: caps.per_customer,
        CapScope.ACCOUNT: caps.per_account,
        CapScope.CLAIM: caps.per_claim,
        CapScope.NUMBER: caps.per_number,
        CapScope.NUMBER_AND_TEMPLATE: caps.per_number_and_template,
    }
    return tuple(_cap(each, scope, source) for scope, listed in by_scope.items() for each in listed)


def _cap(cap: CapModel, scope: CapScope, source: str) -> Cap:
    period, days = cap.per
    return Cap(
        max=cap.max,
        period=period,
        days=days,
        source=source,
        scope=scope,
        counts=Counts(cap.counts),
        channels=frozenset(cap.channels),
        zone=cap.zone,
        exempts_notices=cap.exempts_notices,
    )
