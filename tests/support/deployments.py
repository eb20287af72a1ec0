"""Deployments on disk for the faces: one policy that may text at any hour, the sample templates, a SQLite book."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from reminder.app import now, open_database
from reminder.book.importer import ImportReport, import_accounts
from reminder.config.check_key import CHECK_KEY_FILE, write_check_key
from reminder.config.scaffold import bundled
from reminder.installation import read_installation
from reminder.store.schema import account
from reminder.store.upgrade import upgrade

SETTINGS = """\
lender: {name: Anhe Credit, hotline: "400-000-1234", app: the Anhe app, pay: "https://pay.anhe.example"}
languages: {default: en}
default_region: CN
gateways:
  console: {}
  twilio: {price: {per_segment: "0.045", currency: USD}}
web: {port: 0}
schedule: {timezone: UTC, plan_at: ["00:00", "06:00", "12:00", "18:00"], tick_seconds: 1, catch_up_hours: 12}
logs: {format: json, level: info}
templates: TEMPLATES
"""

PROFILE = """\
profile: open
description: Any hour
source: for tests
as_of: "2026"
confidence: U
rules: [{rule: hours, source: for tests, windows: [{days: mon-sun, from: "00:00", to: "24:00"}]}]
"""

POLICY = """\
policy: loan
description: At any hour
applies_to: {}
profile: open
timezone: UTC
grace_days: 3
route: {sms: [ROUTE]}
steps:
  - {id: ahead, at: -7, template: pre_due/week_ahead}
  - {id: due, at: 0, template: grace/due_today, when: "not account.autopay"}
  - {id: overdue, at: 4, template: escalation/first, until: 30}
  - {id: over, at: 31, action: hand_over, to: collections, until: 60}
"""

PHONE = "+1 212 555 0123"


def write_deployment(folder: Path, *, route: str = "console") -> Path:
    """Write a deployment below `folder`, with its tables made and empty; return its folder of settings."""
    config = folder / "config"
    (config / "policies").mkdir(parents=True)
    (config / "profiles").mkdir()
    settings = SETTINGS.replace("TEMPLATES", str(bundled("templates")))
    (config / "reminder.yaml").write_text(settings, encoding="utf-8")
    (config / "profiles" / "open.yaml").write_text(PROFILE, encoding="utf-8")
    (config / "policies" / "loan.yaml").write_text(POLICY.replace("ROUTE", route), encoding="utf-8")
    write_check_key(folder / CHECK_KEY_FILE)
    with open_database(read_installation(config, {})) as engine:
        upgrade(engine)
    return config


def today() -> date:
    """Return the day it is on the clock of the policy."""
    return now().date()


def row(account_id: str, dpd: int = 0, **given: str) -> dict[str, str]:
    """Return an account that is `dpd` days past due today; `given` replaces its parts."""
    due_date = today() - timedelta(days=dpd)
    known = {
        "account_id": account_id, "customer_id": f"C-{account_id}", "name": "Ann", "phone": PHONE,
        "due_date": due_date.isoformat(), "amount_due": "120.50", "currency": "USD", "language": "en",
        "timezone": "UTC", "product": "loan", "closed": "", "autopay": "false",
    }  # fmt: skip
    return known | given


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write the accounts into a file as `accounts import` takes it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row("")))
        writer.writeheader()
        writer.writerows(rows)
    return path


def add_accounts(config: Path, *rows: Mapping[str, str]) -> ImportReport:
    """Put accounts into the book of a deployment, as an import does."""
    file = write_csv(config.parent / "accounts.csv", rows)
    with open_database(read_installation(config, {})) as engine:
        return import_accounts(engine, account, file, at=now(), region="CN")
