"""The shape of a policy file (who it is for, when, what it sends), as pydantic models.

Only shapes are checked here, one value at a time; what one value means beside another is checked by `policy_steps` and
`policy_file`. The models are also the source of `config/schema/policy.schema.json`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from reminder.config.cap_model import CapsModel
from reminder.config.fields import (
    AttributeName,
    ClockTime,
    ClosingTime,
    Flag,
    OneOrMore,
    Scalar,
    Slug,
    StrictModel,
    TemplatePath,
    WeekDays,
    WholeNumber,
    Zone,
    listed,
)
from reminder.config.places_model import PlacesModel, Profiles

__all__ = [
    "BreachModel",
    "ConditionModel",
    "PolicyModel",
    "RouteModel",
    "StepModel",
    "WindowModel",
]


_ONE: Final = {"type": ["string", "number", "boolean"]}


class ConditionModel(StrictModel):
    """What a field must not be, or the range an amount must be in."""

    not_: Annotated[
        tuple[Scalar, ...],
        BeforeValidator(listed),
        WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "minItems": 1}]}),
    ] = Field(
        default=(),
        alias="not",
        description="The field must not be this, or none of these.",
        examples=[["closed", "legal"]],
    )
    at_least: Decimal | None = Field(default=None, description="Least amount, in major units.", examples=[100])
    at_most: Decimal | None = Field(default=None, description="Largest amount, in major units.", examples=[50000])


def _shape(value: object) -> str:
    if isinstance(value, dict | BaseModel):
        return "condition"
    return "list" if isinstance(value, list | tuple) else "value"


Wanted = Annotated[
    Annotated[Scalar, Tag("value")]
    | Annotated[tuple[Scalar, ...], Field(min_length=1), Tag("list")]
    | Annotated[ConditionModel, Tag("condition")],
    Discriminator(_shape),
]
"""What an account's field must be: one value, one of several, or a condition."""


class WindowModel(StrictModel):
    """Days and hours in which texts may go out, in the customer's zone."""

    days: WeekDays = Field(description="Days of the week.", examples=["mon-sun"])
    opens: ClockTime = Field(alias="from", description="First minute of the day.", examples=["09:00"])
    closes: ClosingTime = Field(
        alias="to", description="The minute from which it is closed; 24:00 is the end of the day.", examples=["20:00"]
    )
    to_included: Flag = Field(
        default=False,
        description="Whether the whole minute `to` is still open, as where a rule forbids contact after it.",
        examples=[True],
    )
    holidays: Literal["allow", "skip"] = Field(
        default="allow", description="What a public holiday does: nothing, or no contact on it.", examples=["skip"]
    )
    calendar: str | None = Field(
        default=None,
        description="Whose public holidays: ISO 3166 country, country and part, or * for all its parts.",
        examples=["CN", "US-FL", "AU-*"],
        max_length=12,
    )


class RouteModel(StrictModel):
    """Gateways in the order they are tried, by channel."""

    sms: tuple[Slug, ...] = Field(
        min_length=1, max_length=8, description="Gateways for texts, first choice first.", examples=[["twilio"]]
    )


class StepModel(StrictModel):
    """One rung: the day on which it opens and what it does."""

    id: Slug = Field(description="Identity of the step; renaming it sends it again.", examples=["day-ahead"])
    at: WholeNumber = Field(
        ge=-365,
        le=3650,
        description="Days past due on which the step opens; negative before the due date.",
        examples=[-1],
    )
    until: WholeNumber | None = Field(
        default=None, ge=-365, le=3650, description="Last day past due on which it is still true.", examples=[45]
    )
    every: WholeNumber | None = Field(
        default=None, ge=1, le=365, description="Repeat after so many days.", examples=[7]
    )
    times: WholeNumber | None = Field(
        default=None, ge=1, le=100, description="How often in all, when it repeats.", examples=[3]
    )
    action: Literal["text", "hand_over"] = Field(
        default="text",
        description="Send a text, or write an event for another system to pick up.",
        examples=["hand_over"],
    )
    template: TemplatePath | None = Field(
        default=None, description="Template of the text.", examples=["pre_due/day_ahead"]
    )
    when: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="Condition over the account, asked when it is about to be sent.",
        examples=["not account.autopay"],
    )
    to: Slug | None = Field(default=None, description="Who a hand_over goes to.", examples=["collections"])
    notice: Flag = Field(
        default=False,
        description="Whether the law demands this text of you, so that caps which exempt notices don't count it.",
        examples=[True],
    )


class BreachModel(StrictModel):
    """What a broken promise or plan deserves: a text of its own, once for each, in place of the policy's own steps."""

    id: Slug = Field(description="Identity of the step, unlike that of any other.", examples=["promise-broken"])
    template: TemplatePath = Field(description="Template of the text.", examples=["breach/promise"])
    within: WholeNumber = Field(
        default=3,
        ge=1,
        le=30,
        description="Days for which it is true, from the first day after those in which a payment may be booked.",
        examples=[3],
    )


class PolicyModel(StrictModel):
    """Reminder policy: which accounts it is for, its windows and caps, and its steps from pre-due to escalation."""

    policy: Slug = Field(description="Name of the policy.", examples=["consumer-loan"])
    description: str = Field(default="", max_length=500, description="For people.", examples=["Instalment loans"])
    priority: WholeNumber = Field(
        default=100,
        ge=0,
        le=10_000,
        description="An account takes the first policy that matches, lowest first.",
        examples=[50],
    )
    applies_to: dict[AttributeName, Wanted] = Field(
        default_factory=dict,
        description="Fields an account must have, all of them; left out: every account.",
        examples=[{"product": ["cash-loan"], "currency": "CNY"}],
    )
    profile: Profiles = Field(
        default=("house-default",),
        description="Contact rules of a jurisdiction, the floor; with several, all of them hold; or by place.",
        examples=["cn-consumer-credit", ["us-regf", "us-ma-agency"], {"by": "place", "places": {"CN": "cn-gbt45251"}}],
    )
    timezone: Zone = Field(
        description="Zone whose calendar the days past due are counted in.", examples=["Asia/Shanghai"]
    )
    grace_days: WholeNumber = Field(
        default=0, ge=0, le=365, description="Days after the due date that are still grace.", examples=[3]
    )
    window: Annotated[tuple[WindowModel, ...], OneOrMore()] = Field(
        default=(),
        max_length=14,
        description="When texts may go out, in any one of these; left out: whenever the profile allows.",
        examples=[{"days": "mon-sun", "from": "09:00", "to": "20:00"}],
    )
    caps: CapsModel = Field(
        default=CapsModel(), description="How often a customer may be contacted.", examples=[{"per_customer": []}]
    )
    consent: Literal["required"] | None = Field(
        default=None,
        description="No text without the customer's consent on record; a profile may ask for it all the same.",
        examples=["required"],
    )
    consolidate: Literal["customer"] | None = Field(
        default=None,
        description="One text for all accounts of a customer that are due a step now.",
        examples=["customer"],
    )
    route: RouteModel = Field(
        description="Gateways, in the order they are tried.", examples=[{"sms": ["twilio", "console"]}]
    )
    broken_promise: BreachModel | None = Field(
        default=None,
        description="Text for a promise to pay that the book shows to be broken; left out: none.",
        examples=[{"id": "promise-broken", "template": "breach/promise", "within": 3}],
    )
    broken_plan: BreachModel | None = Field(
        default=None,
        description="Text for a repayment plan that a missed part has ended; left out: none.",
        examples=[{"id": "plan-broken", "template": "breach/plan", "within": 3}],
    )
    steps: tuple[StepModel, ...] = Field(
        min_length=1,
        max_length=200,
        description="The steps, earliest first.",
        examples=[[{"id": "due-today", "at": 0, "template": "grace/due_today"}]],
    )

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that is named, once."""
        names = self.profile.profiles if isinstance(self.profile, PlacesModel) else self.profile
        return tuple(dict.fromkeys(names))
