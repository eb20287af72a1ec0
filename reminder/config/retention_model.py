"""The shape of `retention` in `config/reminder.yaml`: how long what is personal is kept."""

from __future__ import annotations

from pydantic import Field, model_validator

from reminder.config.fields import Duration, StrictModel, contradict
from reminder.domain.retention import FLOORS

__all__ = ["RetentionSettings"]


class RetentionSettings(StrictModel):
    """How long what is personal is kept. What is left out is kept for good."""

    texts: Duration | None = Field(
        default=None,
        description="Numbers and words of texts, and what the gates said of people; at least 400d.",
        examples=["1095d"],
    )
    replies: Duration | None = Field(
        default=None, description="Numbers and words of what customers wrote; at least 30d.", examples=["1095d"]
    )
    receipts: Duration | None = Field(default=None, description="Delivery receipts; at least 30d.", examples=["400d"])
    words: Duration | None = Field(
        default=None,
        description="What people wrote about holds, promises and plans, counted from their end; at least 30d.",
        examples=["1825d"],
    )

    @model_validator(mode="after")
    def _not_in_use(self) -> RetentionSettings:
        """Refuse an age at which this program still works with what would go."""
        for matter, least in FLOORS.items():
            age = getattr(self, matter.value)
            if age is not None and age < least:
                raise contradict(
                    f"`{matter.value}` is less than {least.days}d, and until then it is worked with; "
                    f"write {least.days}d or more, or erase single customers by `reminder customer erase`"
                )
        return self
