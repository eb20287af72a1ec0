"""The shape of `config/reminder.yaml`, as pydantic models with every default and bound."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from reminder.config.agreement_model import AgreementSettings
from reminder.config.book_model import BookSettings
from reminder.config.check_key import CHECK_KEY_FILE
from reminder.config.fields import (
    ClockTime,
    Currency,
    Price,
    Region,
    Slug,
    StrictModel,
    WholeNumber,
    Zone,
    contradict,
    parsed_by,
    refuse,
)
from reminder.config.retention_model import RetentionSettings
from reminder.config.text_model import LanguageSettings, LenderSettings, TextSettings
from reminder.config.watching_model import AlertSettings, WebSettings

__all__ = [
    "DispatchSettings",
    "GatewaySettings",
    "GuardSettings",
    "LogSettings",
    "PriceSettings",
    "ScheduleSettings",
    "Settings",
]


class PriceSettings(StrictModel):
    """What one segment costs, for forecasts."""

    per_segment: Price = Field(description="Price of one segment, in major units.", examples=["0.045"])
    currency: Currency = Field(description="ISO 4217 code.", examples=["CNY"])


class GatewaySettings(BaseModel):
    """One gateway. Keys that are not listed here are its own options and are checked by its own model."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Slug = Field(default="", description="Kind of gateway; left out: its name.", examples=["twilio"])
    price: PriceSettings | None = Field(
        default=None,
        description="What it costs, for forecasts.",
        examples=[{"per_segment": "0.045", "currency": "CNY"}],
    )
    rate_per_second: float | None = Field(
        default=None, gt=0, le=10_000, description="Texts a second, by all processes together.", examples=[10]
    )
    burst: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Texts at once after a rest; left out: a second's worth.",
        examples=[10],
    )

    @model_validator(mode="after")
    def _agree(self) -> GatewaySettings:
        """Refuse a burst of a gateway whose rate has no bound."""
        if self.burst is not None and self.rate_per_second is None:
            raise contradict("`burst` bounds nothing without `rate_per_second`; add it or leave `burst` out")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Return the gateway's own options, as they stand in the file."""
        return dict(self.model_extra or {})


class ScheduleSettings(StrictModel):
    """When the daemon plans."""

    timezone: Zone = Field(default="UTC", description="Zone of `plan_at`.", examples=["Asia/Shanghai"])
    plan_at: tuple[ClockTime, ...] = Field(
        default_factory=lambda: (time(8, 30), time(13)),
        min_length=1,
        max_length=48,
        description="Times of the day at which reminders are planned.",
        examples=[["08:30", "13:00"]],
    )
    tick_seconds: WholeNumber = Field(default=5, ge=1, le=300, description="Seconds between two looks.", examples=[5])
    lead_seconds: WholeNumber = Field(
        default=15, ge=2, le=300, description="After so many seconds of silence another daemon plans.", examples=[15]
    )
    catch_up_hours: WholeNumber = Field(
        default=12, ge=0, le=168, description="How late a missed slot is still planned, in hours.", examples=[12]
    )


class DispatchSettings(StrictModel):
    """How reminders are handed to gateways."""

    batch_size: WholeNumber = Field(
        default=200, ge=1, le=1000, description="Reminders claimed at once.", examples=[200]
    )
    in_flight: WholeNumber = Field(
        default=32, ge=1, le=1024, description="Calls to gateways at the same time.", examples=[32]
    )
    attempts_max: WholeNumber = Field(default=5, ge=1, le=20, description="Attempts for one reminder.", examples=[5])
    lease_seconds: WholeNumber = Field(
        default=120,
        ge=10,
        le=3600,
        description="Seconds after which a claim of a process that died is free.",
        examples=[120],
    )
    retry_base_seconds: WholeNumber = Field(
        default=30, ge=1, le=3600, description="Wait before the second attempt; doubles each time.", examples=[30]
    )
    retry_max_seconds: WholeNumber = Field(
        default=1800, ge=1, le=86_400, description="Longest wait between attempts.", examples=[1800]
    )
    recheck_minutes: WholeNumber = Field(
        default=30, ge=1, le=1440, description="When a skipped reminder is asked again, in minutes.", examples=[30]
    )

    @model_validator(mode="after")
    def _ordered(self) -> DispatchSettings:
        """Refuse a longest wait that is shorter than the first one."""
        if self.retry_max_seconds < self.retry_base_seconds:
            raise contradict("`retry_max_seconds` is less than `retry_base_seconds`; raise the one or lower the other")
        return self


class GuardSettings(StrictModel):
    """What counts as abnormal: a run that would send more pauses until a person approves it."""

    volume_factor: WholeNumber = Field(
        default=4,
        ge=2,
        le=100,
        description="How many times the usual number of texts for the day of the week is too many.",
        examples=[4],
    )
    volume_min: WholeNumber = Field(
        default=200, ge=0, le=10_000_000, description="So many texts a day are never too many.", examples=[200]
    )
    unknown_texts: WholeNumber = Field(
        default=3,
        ge=0,
        le=1000,
        description="Texts that only a provider knows before a run pauses; 0: unasked.",
        examples=[3],
    )


class LogSettings(StrictModel):
    """How the daemon logs."""

    format: Literal["console", "json"] = Field(
        default="console", description="For people or machines.", examples=["json"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is written.", examples=["info"]
    )


def _database(value: object) -> str:
    if isinstance(value, str) and "://" in value:
        return value
    raise refuse("a database URL such as sqlite:///reminder.db")


DatabaseUrl = Annotated[str, PlainValidator(_database), WithJsonSchema({"type": "string"})]


def _public_url(value: object) -> str:
    if isinstance(value, str) and value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        return value.rstrip("/")
    raise refuse("an https address such as https://reminders.example.com")


PublicUrl = Annotated[str, *parsed_by(_public_url, {"type": "string"})]


class Settings(StrictModel):
    """Settings of a deployment. `${VAR}` and `${VAR:-default}` are taken from the environment."""

    database: DatabaseUrl = Field(
        default="sqlite:///reminder.db",
        description="Our tables; a relative SQLite file lies in the deployment's folder.",
        examples=["${DATABASE_URL}"],
    )
    book: BookSettings | None = Field(
        default=None,
        description="Your own table of accounts; left out: our `accounts` table.",
        examples=[{"table": "loans"}],
    )
    default_region: Region | None = Field(
        default=None, description="Country of phone numbers written without one (ISO 3166).", examples=["CN"]
    )
    languages: LanguageSettings = Field(
        default_factory=LanguageSettings,
        description="Languages of texts.",
        examples=[{"default": "zh-CN", "fallback": ["en"]}],
    )
    lender: LenderSettings = Field(description="Who the texts come from.", examples=[{"name": "Acme Credit"}])
    texts: TextSettings = Field(
        default_factory=TextSettings, description="Where texts may lead.", examples=[{"links": ["pay.acme.example"]}]
    )
    gateways: dict[Slug, GatewaySettings] = Field(
        default_factory=lambda: {"console": GatewaySettings(type="console")},
        description="Gateways by the name that routes use.",
        examples=[{"console": {}}],
    )
    public_url: PublicUrl | None = Field(
        default=None, description="Where providers reach us for receipts.", examples=["https://reminders.example.com"]
    )
    web: WebSettings = Field(
        default_factory=WebSettings, description="How receipts and replies are taken.", examples=[{"port": 8080}]
    )
    alerts: AlertSettings = Field(
        default_factory=AlertSettings,
        description="Whom to wake, and for what.",
        examples=[{"urls": "${REMINDER_ALERT_URLS:-}"}],
    )
    schedule: ScheduleSettings = Field(
        default_factory=ScheduleSettings, description="When to plan.", examples=[{"timezone": "Asia/Shanghai"}]
    )
    dispatch: DispatchSettings = Field(
        default_factory=DispatchSettings, description="How to hand over to gateways.", examples=[{"in_flight": 32}]
    )
    agreements: AgreementSettings = Field(
        default_factory=AgreementSettings, description="How promises are judged.", examples=[{"grace_days": 2}]
    )
    guards: GuardSettings = Field(
        default_factory=GuardSettings, description="When a run pauses and asks.", examples=[{"volume_factor": 4}]
    )
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings,
        description="How long what is personal is kept.",
        examples=[{"texts": "1095d"}],
    )
    logs: LogSettings = Field(default_factory=LogSettings, description="How to log.", examples=[{"format": "json"}])
    templates: str = Field(
        default="../templates", description="Folder of templates, seen from this file.", examples=["../templates"]
    )

    check_key_file: str = Field(
        default=CHECK_KEY_FILE,
        min_length=1,
        description="File with the key of check codes, seen from the deployment's folder.",
        examples=["/run/secrets/check_key"],
    )
    encryption_key_file: str | None = Field(
        default=None,
        min_length=1,
        description="File with the keys that numbers and texts are sealed with in the database, seen from the "
        "deployment's folder. Left out, they are kept as plain text.",
        examples=["/run/secrets/encryption_key"],
    )

    @model_validator(mode="before")
    @classmethod
    def _name_types(cls, data: object) -> object:
        """Let a gateway without a type be of the type it is named after, and an empty one have no options."""
        gateways = data.get("gateways") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(gateways, dict):
            return data
        named = {
            name: {"type": name} | (section or {}) if isinstance(section, dict | None) else section
            for name, section in gateways.items()
        }
        return data | {"gateways": named}
