"""The deployment of a year on disk: the shipped policies and templates, two drawn ones, and editors of all of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import yaml

from reminder.app import open_database
from reminder.config.scaffold import write_deployment
from reminder.installation import read_installation
from reminder.store.upgrade import upgrade
from years.pledges import BREACH_DAYS, BREACHES

ENVIRON = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "a-token-for-nobody"}
"""With these the real gateways are configured, so that an edit keeps the one that stands behind their names."""

SETTINGS = """\
database: "DATABASE"
book:
  BOOK_URL
  table: unpaid
  columns: {account_id: loan_no, customer_id: cust_no, phone: mobile, due_date: due_dt, amount_due: unpaid,
            currency: ccy, language: lang, timezone: tz, product: prod}
  attributes: [autopay, incentive, contract]
  claim: contract
  closed: {column: status, values: [settled]}
  fresh: {column: loaded_at, max_age: 26h}
lender:
  name: {zh-CN: 安和消费金融, en: Anhe Credit}
  hotline: "400-000-1234"
  app: {zh-CN: 安和金融App, en: the Anhe app}
languages: {default: zh-CN, fallback: [en]}
default_region: CN
gateways:
  twilio: {from: "+15017122661", RATE price: {per_segment: "0.045", currency: USD}}
  backup: {type: twilio, from: "+15017122662"}
  console: {}
schedule: {timezone: Asia/Shanghai, plan_at: ["08:30", "13:00"], tick_seconds: 5, catch_up_hours: 12}
dispatch: {batch_size: BATCH, in_flight: 8, attempts_max: 3, lease_seconds: 120, recheck_minutes: 30}
guards: {volume_factor: 4, volume_min: VOLUME}
logs: {format: json, level: error}
"""

_PROFILES = ("house-default", "cn-consumer-credit", "us-fl-fccpa")
WHENS = ("not account.autopay", "account.amount_due > 100", "account.currency == 'USD'")
_TEMPLATES = {
    "pre_due": ("pre_due/week_ahead", "pre_due/day_ahead"),
    "grace": ("grace/due_today", "grace/last_day"),
    "escalation": ("escalation/first", "escalation/weekly", "escalation/final"),
}
_ZONES = ("Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe", "Europe/London")
_CAPS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"max": 1, "per": "day"}],
    [{"max": 1, "per": "day"}, {"max": 2, "per": "7 days"}],
    [{"max": 2, "per": "week"}],
)
_OTHER_CAPS: tuple[dict[str, list[dict[str, Any]]], ...] = (
    {"per_account": [{"max": 1, "per": "3 days"}]},
    {"per_claim": [{"max": 2, "per": "7 days"}]},
    {"per_number": [{"max": 1, "per": "day", "zone": "customer"}]},
    {"per_number": [{"max": 2, "per": "week", "counts": "delivered"}]},
    {"per_number_and_template": [{"max": 1, "per": "month", "zone": "Asia/Shanghai"}]},
    {"per_customer": [{"max": 3, "per": "7 days", "counts": "attempts"}]},
)
_WINDOWS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"days": "mon-sun", "from": "09:00", "to": "20:00"},
    {"days": "mon-fri", "from": "10:00", "to": "17:30"},
    {"days": "mon-sun", "from": "10:00", "to": "19:00", "holidays": "skip", "calendar": "CN"},
)


@dataclass
class House:
    """The files. `good` is what each policy's file said when it last was fine; `broken` are files that now are not."""

    folder: Path
    dice: Random

    @property
    def config(self) -> Path:
        """The folder that reminder.yaml lies in."""
        return self.folder / "config"

    @classmethod
    def build(cls, folder: Path, dice: Random, *, database: str, book_url: str | None, volume_min: int) -> House:
        """Write everything, and make our tables."""
        write_deployment(folder)
        house = cls(folder, dice)
        for path in (house.config / "profiles").glob("*.yaml"):
            if path.stem not in _PROFILES:  # they take a while to read, with each edit
                path.unlink()
        rate = dice.choice(("", "", "rate_per_second: 50,"))
        settings = SETTINGS.replace("DATABASE", database).replace("RATE", rate).replace("VOLUME", str(volume_min))
        settings = settings.replace("BOOK_URL", f'url: "{book_url}"' if book_url else "# in the same database")
        settings = settings.replace("BATCH", str(dice.choice((20, 200))))
        (house.config / "reminder.yaml").write_text(settings, encoding="utf-8")
        for name in ("first", "second"):
            house.write(name, house.draw_policy(name))
        with open_database(read_installation(house.config, ENVIRON)) as engine:
            upgrade(engine)
        return house

    def path(self, name: str) -> Path:
        """Return where a policy's file lies."""
        return self.config / "policies" / f"{name}.yaml"

    def write(self, name: str, policy: dict[str, Any]) -> None:
        """Save a policy's file."""
        self.path(name).write_text(yaml.safe_dump(policy, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def read(self) -> dict[str, dict[str, Any]]:
        """Return what all policies' files say, by name; they must be sound."""
        found = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(self.path("x").parent.glob("*")))
        return {each["policy"]: each for each in found}

    def draw_policy(self, product: str) -> dict[str, Any]:
        """Return a policy for one product: steps with holes, conditions, repeats, a hand-over, caps, a window."""
        dice = self.dice
        policy: dict[str, Any] = {
            "policy": product,
            "priority": dice.randint(1, 60),
            "applies_to": {"product": product},
            "profile": dice.choice(_PROFILES),
            "timezone": dice.choice(_ZONES),
            "grace_days": dice.randint(0, 5),
            "caps": self.draw_caps(),
            "route": {"sms": dice.choice((["twilio"], ["twilio", "backup"], ["backup", "twilio", "console"]))},
        }
        window = dice.choice(_WINDOWS)
        if window is not None:
            policy["window"] = window
        if dice.random() < 0.5:
            policy["consolidate"] = "customer"
        if dice.random() < 0.2:
            policy["consent"] = "required"
        for name, breach in BREACHES.items():
            if dice.random() < 0.7:
                template = f"breach/{breach}"
                policy[f"broken_{breach}"] = {"id": name, "template": template, "within": BREACH_DAYS}
        policy["steps"] = self.draw_steps(policy["grace_days"])
        return policy

    def draw_caps(self) -> dict[str, list[dict[str, Any]]]:
        """Return caps for the customer, and now and then for something else, or counted otherwise."""
        drawn = {"per_customer": self.dice.choice(_CAPS)}
        return drawn | self.dice.choice(_OTHER_CAPS) if self.dice.random() < 0.3 else drawn

    def draw_steps(self, grace: int) -> list[dict[str, Any]]:
        """Return steps in order, under ids that later edits use again for other days."""
        dice = self.dice
        opens = sorted(dice.sample(range(-9, 26), dice.randint(2, 5)))
        names = dice.sample("abcdefg", len(opens))
        steps: list[dict[str, Any]] = []
        for index, (name, at) in enumerate(zip(names, opens, strict=True)):
            tier = "pre_due" if at < 0 else "grace" if at <= grace else "escalation"
            step: dict[str, Any] = {"id": name, "at": at, "template": dice.choice(_TEMPLATES[tier])}
            room = (opens[index + 1] if index + 1 < len(opens) else 30) - at
            if dice.random() < 0.25:
                step["when"] = dice.choice(WHENS)
            if dice.random() < 0.2 and room > 1:
                step["until"] = at + dice.randint(0, room - 1)
            elif dice.random() < 0.2 and room > 6 and (at >= 0 or at + 4 < 0):
                step |= {"every": 2, "times": 2}
            steps.append(step)
        if dice.random() < 0.5:
            steps.append({"id": "over", "at": 31, "action": "hand_over", "to": "collections", "until": 50})
        return steps

    def edit(self) -> str:
        """Change one policy's file in a way that an author might; return what was done."""
        dice = self.dice
        name, policy = dice.choice(sorted(self.read().items()))
        steps = policy["steps"]
        step = dice.choice(steps)
        kind = dice.choice(("rename", "remove", "shift", "when", "caps", "window", "consolidate", "steps", "until"))
        if kind == "rename":
            step["id"] = f"{step['id'].split('-x')[0]}-x{dice.randint(1, 99)}"
        elif kind == "remove" and len(steps) > 1:
            steps.remove(step)
        elif kind == "shift":
            step["at"] += dice.choice((-2, -1, 1, 2))
        elif kind == "when" and "template" in step:
            step.pop("when", None) or step.update(when=dice.choice(WHENS))
        elif kind == "caps":
            policy["caps"] = self.draw_caps()
        elif kind == "window":
            policy.pop("window", None)
            policy |= {"window": window} if (window := dice.choice(_WINDOWS)) else {}
        elif kind == "consolidate":
            policy.pop("consolidate", None) or policy.update(consolidate="customer")
        elif kind == "steps":
            policy["steps"] = self.draw_steps(policy["grace_days"])
        elif kind == "until":
            step.pop("until", None)
        self.write(self._file_of(name), policy)
        return f"{kind} in {name}"

    def _file_of(self, name: str) -> str:
        for path in self.path("x").parent.glob("*.yaml"):
            if yaml.safe_load(path.read_text(encoding="utf-8"))["policy"] == name:
                return path.stem
        raise AssertionError(name)

    def spoil(self) -> str:
        """Break a policy's file so that it must not come into force; return how."""
        dice = self.dice
        name, policy = dice.choice(sorted(self.read().items()))
        path = self.path(self._file_of(name))
        kind = dice.choice(("widen", "typo", "syntax", "template"))
        if kind == "syntax":
            path.write_text(path.read_text(encoding="utf-8") + "\n  steps: [", encoding="utf-8")
            return f"syntax of {name}"
        if kind == "widen":
            policy["window"] = {"days": "mon-sun", "from": "00:00", "to": "24:00"}
        elif kind == "typo":
            policy["gracedays"] = policy.pop("grace_days")
        else:
            policy["steps"][0] |= {"template": "pre_due/nowhere", "action": "text"}
            policy["steps"][0].pop("to", None)
        self.write(path.stem, policy)
        return f"{kind} in {name}"

    def keep(self) -> None:
        """Remember the policies' files as they are."""
        shutil.rmtree(self.folder / "kept", ignore_errors=True)
        shutil.copytree(self.config / "policies", self.folder / "kept")

    def mend(self) -> None:
        """Put the policies' files back as they were when they were kept."""
        shutil.rmtree(self.config / "policies")
        shutil.copytree(self.folder / "kept", self.config / "policies")

    def reword(self, at: datetime) -> str:
        """Edit a template: the same words with one more."""
        path = self.dice.choice(sorted((self.folder / "templates" / "en").rglob("*.j2")))
        words = path.read_text(encoding="utf-8").rstrip("\n").rsplit(" (v", 1)[0]
        path.write_text(f"{words} (v{at:%j})\n", encoding="utf-8")
        return f"reworded {path.name}"
