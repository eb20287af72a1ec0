"""Our tables, a file for each thought. Migrations in `migrations/` make them; a test holds the two together.

Texts of unbounded origin have bounded columns; instants are UTC; money is integer minor units beside its currency.
"""

from reminder.store.schema.agreements import agreement
from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.schema.book import account
from reminder.store.schema.gateways import breaker, gateway_state, rate
from reminder.store.schema.people import bad_number, consent, hold, suppression
from reminder.store.schema.record import in_force, record, record_block, record_leaf, record_private, secret
from reminder.store.schema.reminders import attempt, attempt_account, cap_lock, customer_lock, doubt, outbox
from reminder.store.schema.returns import event, inbound, receipt
from reminder.store.schema.runs import config_refusal, lease, pause, plan_run
from reminder.store.schema.watching import alert, daemon

__all__ = [
    "REASON_CHARS_MAX",
    "account",
    "agreement",
    "alert",
    "attempt",
    "attempt_account",
    "bad_number",
    "breaker",
    "cap_lock",
    "config_refusal",
    "consent",
    "customer_lock",
    "daemon",
    "doubt",
    "event",
    "gateway_state",
    "hold",
    "in_force",
    "inbound",
    "lease",
    "metadata",
    "outbox",
    "pause",
    "plan_run",
    "rate",
    "receipt",
    "record",
    "record_block",
    "record_leaf",
    "record_private",
    "secret",
    "suppression",
]
