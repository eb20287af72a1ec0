"""The preview as a page: one file without anything from elsewhere, for people who will never open a terminal.

Everything on it is data (law 11): the template escapes all it prints, and the page forbids itself to load anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unicodedata import category
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reminder.cli.preview_view import Collected, cost_in_words
from reminder.domain.phone import mask_phone
from reminder.domain.verdict import Reason
from reminder.pipeline.preview import Entry, Verb

__all__ = ["Bar", "Chart", "bars", "render_page"]

BARS_MAX = 12
"""How many bars one chart shows; the rest are added up in a last one."""

BAR_PIXELS = 100
"""The longest bar, in units of the chart's own drawing."""

_PAGES = Path(__file__).parent / "pages"
_TITLES = {
    "policy": "Policy", "tier": "Tier", "step": "Step", "language": "Language", "gateway": "Gateway"
}  # fmt: skip
_REASONS = {
    Reason.PAID: "paid",
    Reason.GONE: "no longer in the book",
    Reason.AMBIGUOUS: "in the book twice",
    Reason.MOVED: "due on another day now",
    Reason.POLICY: "no such step any more",
    Reason.NEVER_CONTACT: "never contact",
    Reason.CONSENT: "no consent",
    Reason.HOLD: "on hold",
    Reason.SUPPRESSED: "must not be texted",
    Reason.INCOMPLETE: "book incomplete",
    Reason.NUMBER: "no usable number",
    Reason.WHEN: "step's own condition",
    Reason.STALE_BOOK: "book out of date",
    Reason.SUPERSEDED: "a later step instead",
    Reason.EXPIRED: "its days are over",
    Reason.NOT_YET: "not its time yet",
    Reason.WINDOW: "outside contact hours",
    Reason.CAP: "contacted enough",
    Reason.PAUSED: "gateway paused",
    Reason.RATE: "gateway at its limit",
    Reason.TEMPLATE: "text can't be made",
    Reason.ATTEMPTS: "refused too often",
    Reason.REFUSED: "refused for good",
    Reason.OPERATOR: "a person decided",
}
_TIERS = {"pre_due": "due soon", "grace": "in grace", "escalation": "overdue"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it counts, how many, and how long it is drawn (0 to BAR_PIXELS)."""

    label: str
    count: int
    length: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a title, the longest first."""

    title: str
    bars: tuple[Bar, ...]


def render_page(collected: Collected, *, lender: str, zone: str) -> str:
    """Return the page for a preview, with its instants in `zone`. `lender` is whose name stands at the top."""
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "masked": lambda number: mask_phone(number) if number else "",
        "local": lambda at: _local(at, zone),
        "shown": _shown,
        "tier": lambda tier: _TIERS.get(tier, tier),
        "reason": lambda reason: _REASONS[reason],
    }
    return environment.get_template("preview.html.j2").render(
        at=collected.at,
        zone=zone,
        lender=lender,
        settled=collected.settled,
        warnings=collected.warnings,
        totals=collected.totals,
        verbs=collected.totals.verbs,
        cost=cost_in_words(collected.totals),
        charts=_charts(collected),
        waiting=_why(collected, Verb.DEFER),
        silent=_why(collected, Verb.SKIP),
        sends=_pages_of(collected, Verb.SEND),
        hand_overs=_pages_of(collected, Verb.HAND_OVER),
        defers=_pages_of(collected, Verb.DEFER),
        skips=_pages_of(collected, Verb.SKIP),
    )


def bars(counts: Mapping[str, int]) -> tuple[Bar, ...]:
    """Return one bar for each count, the longest first; those after the first BARS_MAX are added up as `others`."""
    ranked = sorted(((label, count) for label, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    kept, rest = ranked[:BARS_MAX], ranked[BARS_MAX:]
    if rest:
        kept.append(("others", sum(count for _, count in rest)))
    longest = max((count for _, count in kept), default=1)
    return tuple(Bar(label, count, round(BAR_PIXELS * count / longest, 2)) for label, count in kept)


def _charts(collected: Collected) -> list[Chart]:
    by = collected.totals.by
    charts = [Chart(title, bars(_named(key, by.get(key, {})))) for key, title in _TITLES.items()]
    return [chart for chart in charts if chart.bars]


def _named(heading: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {_TIERS.get(label, label) if heading == "tier" else label: count for label, count in counts.items()}


def _why(collected: Collected, verb: Verb) -> tuple[Bar, ...]:
    return bars({_REASONS[reason]: count for reason, count in collected.reasons[verb].items()})


def _pages_of(collected: Collected, verb: Verb) -> Sequence[Entry]:
    return collected.entries[verb]


def _local(at: datetime | None, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M}" if at else ""


def _shown(text: object) -> str:
    """Return a text with line feeds kept and everything else that is not seen, or turns lines around, made visible."""
    hiding = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(
        "\ufffd" if category(character) in hiding and character not in "\n\u200d" else character
        for character in str(text)
    )
