"""Make the first tables.

The types are spelled out here rather than taken from `reminder.store.types`: a revision must go on making what it made
on the day it was released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None

_REASON = sa.String(300)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make every table; the ones that others point at come first."""
    _make_book()
    _make_attempts()
    _make_outbox()
    _make_silence()
    _make_gateway_tables()
    _make_dispatch_memory()
    _make_schedule()
    _make_daemon_memory()
    _make_returns()


def _make(name: str, *items: SchemaItem, comment: str) -> None:
    """Make one table, on MariaDB with transactions, every character, and keys that differ in case kept apart."""
    op.create_table(
        name,
        *items,
        comment=comment,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )


def _index(table: str, *columns: str) -> None:
    """Make the index of these columns."""
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _make_book() -> None:
    """Make the book for lenders who have none of their own."""
    _make(
        "account",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("phone", sa.String(64)),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("amount_due", sa.BigInteger(), nullable=False, comment="minor units of currency"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("language", sa.String(35)),
        sa.Column("timezone", sa.String(64)),
        sa.Column("product", sa.String(64)),
        sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column(
            "attributes",
            sa.JSON(),
            nullable=False,
            comment="name -> text; true/false and whole numbers are read as such",
        ),
        sa.Column("loaded_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_account"),
        comment="The book, where the lender has none of its own: filled by `reminder accounts import`.",
    )
    _index("account", "customer_id")
    _index("account", "due_date", "timezone")


def _make_attempts() -> None:
    """Make the calls to gateways."""
    _make(
        "attempt",
        sa.Column("reference", sa.String(64), nullable=False, comment="our name for it, echoed by the provider"),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("number", sa.String(20), nullable=False, comment="E.164"),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("policy_version", sa.String(16), nullable=False),
        sa.Column("template", sa.String(200), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("segments", sa.SmallInteger(), nullable=False),
        sa.Column(
            "counted",
            sa.Boolean(),
            nullable=False,
            comment="whether it counts against caps; false once proven not taken",
        ),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("valid_until", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.Column(
            "outcome",
            sa.String(16),
            nullable=False,
            server_default="",
            comment="accepted, printed, refused, unknown; or open",
        ),
        sa.Column("provider_id", sa.String(128)),
        sa.Column("code", sa.String(64)),
        sa.Column("detail", _REASON),
        sa.PrimaryKeyConstraint("reference", name="pk_attempt"),
        comment="One call to one gateway with one text, for one reminder or for several of one customer.",
    )
    _index("attempt", "customer_id", "started_at")
    _index("attempt", "started_at", "counted")
    _index("attempt", "number", "started_at")
    _index("attempt", "provider_id")


def _make_outbox() -> None:
    """Make the reminders, which point to the calls they went into, and the row that is locked to count these."""
    _make(
        "outbox",
        sa.Column("reminder_id", _ID, autoincrement=True, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("leg", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", _REASON, nullable=False, server_default=""),
        sa.Column("not_before", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", _INSTANT),
        sa.Column("reference", sa.String(64), comment="the text it went into"),
        sa.Column("planned_at", _INSTANT, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["reference"], ["attempt.reference"], name="fk_outbox_reference_attempt"),
        sa.PrimaryKeyConstraint("reminder_id", name="pk_outbox"),
        sa.UniqueConstraint("account_id", "due_date", "step", "leg", name="uq_outbox_account_id_due_date_step_leg"),
        comment="One row per reminder: one step for one cycle. The unique key is what makes `once` true.",
    )
    _index("outbox", "customer_id", "state")
    _index("outbox", "planned_at")
    _index("outbox", "reference")
    _index("outbox", "state", "not_before")
    _make(
        "customer_lock",
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_customer_lock"),
        comment="A row to lock while a customer's contacts are counted and one more is added (caps under concurrency).",
    )


def _make_silence() -> None:
    """Make what keeps somebody from being contacted: holds and suppressions."""
    _make(
        "hold",
        sa.Column("hold_id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(64)),
        sa.Column("customer_id", sa.String(64)),
        sa.Column("reason", _REASON, nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("until", _INSTANT),
        sa.Column("released_at", _INSTANT),
        sa.Column("released_by", sa.String(64)),
        sa.PrimaryKeyConstraint("hold_id", name="pk_hold"),
        comment="Dated pauses. They end by themselves at `until`, or when a person releases them.",
    )
    _index("hold", "account_id")
    _index("hold", "customer_id")
    _make(
        "suppression",
        sa.Column("suppression_id", _ID, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(20), comment="E.164"),
        sa.Column("customer_id", sa.String(64)),
        sa.Column("channel", sa.String(16), nullable=False, comment="* is every channel"),
        sa.Column("source", _REASON, nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("removed_at", _INSTANT),
        sa.Column("removed_by", sa.String(64)),
        sa.PrimaryKeyConstraint("suppression_id", name="pk_suppression"),
        comment="Numbers and customers that must not be contacted.",
    )
    _index("suppression", "customer_id")
    _index("suppression", "number")


def _make_gateway_tables() -> None:
    """Make what gateways have taught us: numbers that can't be reached, and gateways that are paused."""
    _make(
        "bad_number",
        sa.Column("number", sa.String(20), nullable=False, comment="E.164"),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("marked_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_bad_number"),
        comment="Numbers that a provider says can never be reached. Another number for the customer is another number.",
    )
    _make(
        "gateway_state",
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("paused_until", _INSTANT, nullable=False),
        sa.Column("reason", _REASON, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("gateway", name="pk_gateway_state"),
        comment="Gateways that can't send as things stand. All processes see it.",
    )


def _make_dispatch_memory() -> None:
    """Make what dispatch keeps in mind: texts in doubt, gateways that don't answer, and how fast each is used."""
    _make(
        "doubt",
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("asks", sa.SmallInteger(), nullable=False, comment="how often its provider was asked"),
        sa.Column(
            "misses", sa.SmallInteger(), nullable=False, comment="how often in a row the provider did not have it"
        ),
        sa.Column("missed_since", _INSTANT),
        sa.Column("ask_at", _INSTANT, nullable=False, comment="when it is asked next, while it is in doubt"),
        sa.Column("note", _REASON, nullable=False, server_default="", comment="what the last answer was"),
        sa.ForeignKeyConstraint(["reference"], ["attempt.reference"], name="fk_doubt_reference_attempt"),
        sa.PrimaryKeyConstraint("reference", name="pk_doubt"),
        comment="What providers were asked about texts whose answer was lost.",
    )
    _make(
        "breaker",
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False, comment="calls in a row that got no answer"),
        sa.Column("failing_since", _INSTANT),
        sa.Column("trips", sa.SmallInteger(), nullable=False, comment="how often in a row it opened; 0 is closed"),
        sa.Column("probe_until", _INSTANT, comment="until when nobody else may try whether it answers again"),
        sa.PrimaryKeyConstraint("gateway", name="pk_breaker"),
        comment="Gateways that do not answer. While one is open, its pause stands in gateway_state.",
    )
    _make(
        "rate",
        sa.Column("key", sa.String(64), nullable=False, comment="the gateway"),
        sa.Column(
            "tat",
            sa.Double(),
            nullable=False,
            comment="seconds since 1970 at which all that was let through is paid for",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_rate"),
        comment="How fast gateways are used by all processes together.",
    )


def _make_schedule() -> None:
    """Make the memory of the scheduler, and the events that other systems pick up."""
    _make(
        "plan_run",
        sa.Column("plan_run_id", _ID, autoincrement=True, nullable=False),
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.Column("slot_date", sa.Date(), nullable=False, comment="the local date of the slot"),
        sa.Column("slot_no", sa.SmallInteger(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.Column("planned", sa.Integer()),
        sa.PrimaryKeyConstraint("plan_run_id", name="pk_plan_run"),
        sa.UniqueConstraint("schedule", "slot_date", "slot_no", name="uq_plan_run_schedule_slot_date_slot_no"),
        comment="Which slots of the schedule have been planned: the only memory the scheduler has.",
    )
    _make(
        "event",
        sa.Column("event_id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("addressee", sa.String(64), nullable=False, comment="who is to pick it up, e.g. collections"),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("reminder_id", _ID, nullable=False),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["reminder_id"], ["outbox.reminder_id"], name="fk_event_reminder_id_outbox"),
        sa.PrimaryKeyConstraint("event_id", name="pk_event"),
        comment="What other systems pick up, in order of event_id: accounts handed over.",
    )
    _index("event", "addressee", "event_id")


def _make_daemon_memory() -> None:
    """Make what stops a daemon, and what it could not take over from its files."""
    _make(
        "pause",
        sa.Column("pause_id", _ID, autoincrement=True, nullable=False),
        sa.Column("guard", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the day, in the zone of the schedule, that it is about"),
        sa.Column("reason", _REASON, nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False, comment="the process whose guard it was"),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("lifted_at", _INSTANT, comment="when its cause was gone by itself"),
        sa.Column("approved_at", _INSTANT),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approval", _REASON, comment="why it may go on"),
        sa.PrimaryKeyConstraint("pause_id", name="pk_pause"),
        sa.UniqueConstraint("guard", "day", name="uq_pause_guard_day"),
        comment="Runs that a guard stopped. Nothing is sent while one is neither lifted nor approved.",
    )
    _make(
        "config_refusal",
        sa.Column("owner", sa.String(64), nullable=False, comment="the daemon that goes on with its last good files"),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False, comment="when the daemon last said so"),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_config_refusal"),
        comment="Daemons whose files are wrong as they stand now. A daemon takes its row back when they are mended.",
    )


def _make_returns() -> None:
    """Make what comes back: receipts of texts, and texts from customers."""
    _make(
        "receipt",
        sa.Column("receipt_id", _ID, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(128), nullable=False),
        sa.Column("reference", sa.String(64), comment="as the provider echoes it: need not be one of ours"),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("effect", sa.String(32), nullable=False, comment="what it did when it first came"),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_receipt"),
        sa.UniqueConstraint("gateway", "provider_id", "status", name="uq_receipt_gateway_provider_id_status"),
        comment="Every delivery receipt, once, also those of texts that are none of ours.",
    )
    _index("receipt", "reference")
    _make(
        "inbound",
        sa.Column("inbound_id", _ID, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(128), nullable=False),
        sa.Column(
            "number", sa.String(64), nullable=False, comment="the sender, as the provider writes it; E.164 as a rule"
        ),
        sa.Column("addressee", sa.String(64), nullable=False, comment="our number"),
        sa.Column("customer_id", sa.String(64), comment="whom that number was last texted for"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("meaning", sa.String(32), nullable=False),
        sa.Column("acted", _REASON, nullable=False, comment="what was done about it at once"),
        sa.Column("waits", sa.Boolean(), nullable=False, comment="whether a person must still look at it"),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column(
            "reply_reference", sa.String(64), comment="our answer's; written before it is sent, and it is sent once"
        ),
        sa.Column("reply_outcome", _REASON),
        sa.Column("done_at", _INSTANT),
        sa.Column("done_by", sa.String(64)),
        sa.Column("note", _REASON),
        sa.PrimaryKeyConstraint("inbound_id", name="pk_inbound"),
        sa.UniqueConstraint("gateway", "provider_id", name="uq_inbound_gateway_provider_id"),
        comment="Every text that customers sent us, what it was taken for, and who has dealt with it.",
    )
    _index("inbound", "customer_id")
    _index("inbound", "reply_reference")
    _index("inbound", "waits", "inbound_id")
