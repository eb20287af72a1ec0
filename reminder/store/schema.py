"""Our tables. Migrations in `migrations/` make them; a test holds the two together.

Texts of unbounded origin have bounded columns; instants are UTC; money is integer minor units beside its currency.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from reminder.store.types import MYSQL_TABLE, BigId, UtcDateTime

__all__ = [
    "REASON_CHARS_MAX",
    "account",
    "attempt",
    "bad_number",
    "breaker",
    "config_refusal",
    "customer_lock",
    "doubt",
    "event",
    "gateway_state",
    "hold",
    "inbound",
    "metadata",
    "outbox",
    "pause",
    "plan_run",
    "rate",
    "receipt",
    "suppression",
]

REASON_CHARS_MAX = 300

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)

account = Table(
    "account",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("customer_id", String(64), nullable=False, index=True),
    Column("name", String(200)),
    Column("phone", String(64)),
    Column("due_date", Date, nullable=False),
    Column("amount_due", BigInteger, nullable=False, comment="minor units of currency"),
    Column("currency", String(3), nullable=False),
    Column("language", String(35)),
    Column("timezone", String(64)),
    Column("product", String(64)),
    Column("closed", Boolean, nullable=False, server_default=false()),
    Column("attributes", JSON, nullable=False, comment="name -> text; true/false and whole numbers are read as such"),
    Column("loaded_at", UtcDateTime, nullable=False),
    # Planning asks for a range of due dates, and for the zones in it: the index answers the second by itself.
    Index("ix_account_due_date_timezone", "due_date", "timezone"),
    comment="The book, where the lender has none of its own: filled by `reminder accounts import`.",
    **MYSQL_TABLE,
)

outbox = Table(
    "outbox",
    metadata,
    Column("reminder_id", BigId, primary_key=True, autoincrement=True),
    Column("account_id", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("due_date", Date, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("step", String(80), nullable=False),
    Column("leg", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(REASON_CHARS_MAX), nullable=False, server_default=""),
    Column("not_before", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("reference", String(64), ForeignKey("attempt.reference"), index=True, comment="the text it went into"),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("account_id", "due_date", "step", "leg"),
    Index("ix_outbox_state_not_before", "state", "not_before"),
    Index("ix_outbox_customer_id_state", "customer_id", "state"),
    Index("ix_outbox_planned_at", "planned_at"),
    comment="One row per reminder: one step for one cycle. The unique key is what makes `once` true.",
    **MYSQL_TABLE,
)

attempt = Table(
    "attempt",
    metadata,
    Column("reference", String(64), primary_key=True, comment="our name for it, echoed by the provider"),
    Column("gateway", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("number", String(20), nullable=False, comment="E.164"),
    Column("policy", String(64), nullable=False),
    Column("policy_version", String(16), nullable=False),
    Column("template", String(200), nullable=False),
    Column("language", String(35), nullable=False),
    Column("body", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("counted", Boolean, nullable=False, comment="whether it counts against caps; false once proven not taken"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column(
        "outcome", String(16), nullable=False, server_default="", comment="accepted, printed, refused, unknown; or open"
    ),
    Column("provider_id", String(128), index=True),
    Column("code", String(64)),
    Column("detail", String(REASON_CHARS_MAX)),
    Index("ix_attempt_customer_id_started_at", "customer_id", "started_at"),
    Index("ix_attempt_started_at_counted", "started_at", "counted"),
    Index("ix_attempt_number_started_at", "number", "started_at"),
    comment="One call to one gateway with one text, for one reminder or for several of one customer.",
    **MYSQL_TABLE,
)

doubt = Table(
    "doubt",
    metadata,
    Column("reference", String(64), ForeignKey("attempt.reference"), primary_key=True),
    Column("asks", SmallInteger, nullable=False, comment="how often its provider was asked"),
    Column("misses", SmallInteger, nullable=False, comment="how often in a row the provider did not have it"),
    Column("missed_since", UtcDateTime),
    Column("ask_at", UtcDateTime, nullable=False, comment="when it is asked next, while it is in doubt"),
    Column("note", String(REASON_CHARS_MAX), nullable=False, server_default="", comment="what the last answer was"),
    comment="What providers were asked about texts whose answer was lost.",
    **MYSQL_TABLE,
)

customer_lock = Table(
    "customer_lock",
    metadata,
    Column("customer_id", String(64), primary_key=True),
    comment="A row to lock while a customer's contacts are counted and one more is added (caps under concurrency).",
    **MYSQL_TABLE,
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", String(64), index=True),
    Column("customer_id", String(64), index=True),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("who", String(64), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("released_at", UtcDateTime),
    Column("released_by", String(64)),
    comment="Dated pauses. They end by themselves at `until`, or when a person releases them.",
    **MYSQL_TABLE,
)

suppression = Table(
    "suppression",
    metadata,
    Column("suppression_id", BigId, primary_key=True, autoincrement=True),
    Column("number", String(20), index=True, comment="E.164"),
    Column("customer_id", String(64), index=True),
    Column("channel", String(16), nullable=False, comment="* is every channel"),
    Column("source", String(REASON_CHARS_MAX), nullable=False),
    Column("who", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", String(64)),
    comment="Numbers and customers that must not be contacted.",
    **MYSQL_TABLE,
)

bad_number = Table(
    "bad_number",
    metadata,
    Column("number", String(20), primary_key=True, comment="E.164"),
    Column("gateway", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("marked_at", UtcDateTime, nullable=False),
    comment="Numbers that a provider says can never be reached. Another number for the customer is another number.",
    **MYSQL_TABLE,
)

gateway_state = Table(
    "gateway_state",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("paused_until", UtcDateTime, nullable=False),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    comment="Gateways that can't send as things stand. All processes see it.",
    **MYSQL_TABLE,
)

breaker = Table(
    "breaker",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("failures", SmallInteger, nullable=False, comment="calls in a row that got no answer"),
    Column("failing_since", UtcDateTime),
    Column("trips", SmallInteger, nullable=False, comment="how often in a row it opened; 0 is closed"),
    Column("probe_until", UtcDateTime, comment="until when nobody else may try whether it answers again"),
    comment="Gateways that do not answer. While one is open, its pause stands in gateway_state.",
    **MYSQL_TABLE,
)

rate = Table(
    "rate",
    metadata,
    Column("key", String(64), primary_key=True, comment="the gateway"),
    Column("tat", Double, nullable=False, comment="seconds since 1970 at which all that was let through is paid for"),
    comment="How fast gateways are used by all processes together.",
    **MYSQL_TABLE,
)

plan_run = Table(
    "plan_run",
    metadata,
    Column("plan_run_id", BigId, primary_key=True, autoincrement=True),
    Column("schedule", String(64), nullable=False),
    Column("slot_date", Date, nullable=False, comment="the local date of the slot"),
    Column("slot_no", SmallInteger, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("planned", Integer),
    UniqueConstraint("schedule", "slot_date", "slot_no"),
    comment="Which slots of the schedule have been planned: the only memory the scheduler has.",
    **MYSQL_TABLE,
)

pause = Table(
    "pause",
    metadata,
    Column("pause_id", BigId, primary_key=True, autoincrement=True),
    Column("guard", String(32), nullable=False),
    Column("day", Date, nullable=False, comment="the day, in the zone of the schedule, that it is about"),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("figures", JSON, nullable=False),
    Column("owner", String(64), nullable=False, comment="the process whose guard it was"),
    Column("since", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime, comment="when its cause was gone by itself"),
    Column("approved_at", UtcDateTime),
    Column("approved_by", String(64)),
    Column("approval", String(REASON_CHARS_MAX), comment="why it may go on"),
    UniqueConstraint("guard", "day"),
    comment="Runs that a guard stopped. Nothing is sent while one is neither lifted nor approved.",
    **MYSQL_TABLE,
)

config_refusal = Table(
    "config_refusal",
    metadata,
    Column("owner", String(64), primary_key=True, comment="the daemon that goes on with its last good files"),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="when the daemon last said so"),
    Column("problems", JSON, nullable=False),
    comment="Daemons whose files are wrong as they stand now. A daemon takes its row back when they are mended.",
    **MYSQL_TABLE,
)

event = Table(
    "event",
    metadata,
    Column("event_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("addressee", String(64), nullable=False, comment="who is to pick it up, e.g. collections"),
    Column("account_id", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("reminder_id", BigId, ForeignKey("outbox.reminder_id"), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index("ix_event_addressee_event_id", "addressee", "event_id"),
    comment="What other systems pick up, in order of event_id: accounts handed over.",
    **MYSQL_TABLE,
)

receipt = Table(
    "receipt",
    metadata,
    Column("receipt_id", BigId, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_id", String(128), nullable=False),
    Column("reference", String(64), index=True, comment="as the provider echoes it: need not be one of ours"),
    Column("status", String(32), nullable=False),
    Column("code", String(64)),
    Column("effect", String(32), nullable=False, comment="what it did when it first came"),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("gateway", "provider_id", "status"),
    comment="Every delivery receipt, once, also those of texts that are none of ours.",
    **MYSQL_TABLE,
)

inbound = Table(
    "inbound",
    metadata,
    Column("inbound_id", BigId, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_id", String(128), nullable=False),
    Column("number", String(64), nullable=False, comment="the sender, as the provider writes it; E.164 as a rule"),
    Column("addressee", String(64), nullable=False, comment="our number"),
    Column("customer_id", String(64), index=True, comment="whom that number was last texted for"),
    Column("body", Text, nullable=False),
    Column("meaning", String(32), nullable=False),
    Column("acted", String(REASON_CHARS_MAX), nullable=False, comment="what was done about it at once"),
    Column("waits", Boolean, nullable=False, comment="whether a person must still look at it"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("reply_reference", String(64), comment="our answer's; written before it is sent, and it is sent once"),
    Column("reply_outcome", String(REASON_CHARS_MAX)),
    Column("done_at", UtcDateTime),
    Column("done_by", String(64)),
    Column("note", String(REASON_CHARS_MAX)),
    UniqueConstraint("gateway", "provider_id"),
    Index("ix_inbound_waits_inbound_id", "waits", "inbound_id"),
    Index("ix_inbound_reply_reference", "reply_reference"),
    comment="Every text that customers sent us, what it was taken for, and who has dealt with it.",
    **MYSQL_TABLE,
)
