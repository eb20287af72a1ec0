"""The shape of `agreements` in `config/reminder.yaml`: by which rules promises and plans are judged."""

from __future__ import annotations

from pydantic import Field

from reminder.config.fields import StrictModel, WholeNumber

__all__ = ["AgreementSettings"]


class AgreementSettings(StrictModel):
    """By which rules promises and plans are judged that are made from now on."""

    grace_days: WholeNumber = Field(
        default=2,
        ge=0,
        le=30,
        description="Days after an agreed day in which a payment may still be booked.",
        examples=[2],
    )
    tolerance_percent: WholeNumber = Field(
        default=0,
        ge=0,
        le=20,
        description="How much less than agreed still keeps it, in percent: where interest is added day by day.",
        examples=[1],
    )
