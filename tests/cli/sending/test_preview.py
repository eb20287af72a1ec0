"""`reminder preview` and its page: what would go out, to whom and why not, without a number or a step outside."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from reminder.cli.preview_page import BAR_PIXELS, BARS_MAX, bars, render_page
from reminder.cli.preview_view import collect, cost_in_words
from reminder.domain.verdict import Reason
from reminder.pipeline.preview import Entry, Verb
from support.deployments import add_accounts, row

Run = Callable[..., Result]
AT = datetime(2026, 7, 28, 2, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def book(config: Path) -> Path:
    """A book in which somebody gets each answer."""
    add_accounts(
        config,
        row("A-sent"),
        row("B-overdue", 5),
        row("C-autopay", autopay="true"),
        row("D-nobody", phone="010-65551234"),
        row("E-over", 40),
        row("F-paid", amount_due="0"),
        row("G-later", -30),
    )
    return config


def _preview(run_in: Run, config: Path, *args: str) -> Any:
    result = run_in(config, "preview", "--json", *args)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_account_in_its_days_has_one_answer(book: Path, run_in: Run) -> None:
    """What is sent comes first, then hand-overs, then silence with its reason; the paid are counted."""
    found = _preview(run_in, book)

    answers = [(entry["verb"], entry["accounts"][0], entry["reason"]) for entry in found["entries"]]
    assert answers == [
        ("send", "A-sent", None),
        ("send", "B-overdue", None),
        ("hand_over", "E-over", None),
        ("skip", "C-autopay", "when"),
        ("skip", "D-nobody", "number"),
    ]
    assert found["totals"]["settled"] == 1
    assert found["totals"]["by"]["step"] == {"due": 1, "overdue": 1}


def test_people_read_texts_then_reasons_then_totals(book: Path, run_in: Run) -> None:
    """The screen shows each text as it would arrive, and for the others why they stay silent."""
    said = run_in(book, "preview").stdout

    assert said.index("Anhe Credit: $120.50") < said.index("Stay silent (2)") < said.index("2 texts (5 segments")
    assert "`not account.autopay` is false" in said
    assert "1 more in these days owe nothing" in said
    assert "+121****0123" in said
    assert "555" not in said


def test_a_preview_is_what_a_run_sends(book: Path, run_in: Run, rows: Callable[[Path], list[Any]]) -> None:
    """Law 1: the run sends the accounts that the preview listed, and prints the same texts."""
    listed = _preview(run_in, book)["entries"]
    assert rows(book) == []

    printed = run_in(book, "run").stdout

    sent = [entry for entry in listed if entry["verb"] == "send"]
    assert all(entry["text"] in printed for entry in sent)
    assert [each.account_id for each in rows(book) if each.state == "sent"] == [entry["accounts"][0] for entry in sent]


def test_the_instant_can_be_chosen(book: Path, run_in: Run) -> None:
    """`--at` looks at another day: what was due soon has been handed over long since."""
    found = _preview(run_in, book, "--at", "2199-01-01T10:00")
    assert (found["at"], found["entries"]) == ("2199-01-01T10:00:00Z", [])


@pytest.mark.parametrize(
    ("args", "accounts"),
    [
        pytest.param(["--account", "B-overdue"], ["B-overdue"], id="account"),
        pytest.param(["--policy", "other"], [], id="policy"),
        pytest.param(["--limit", "1"], ["A-sent", "E-over", "C-autopay"], id="limit"),
    ],
)
def test_a_preview_can_be_narrowed(book: Path, run_in: Run, args: list[str], accounts: list[str]) -> None:
    """One account, one policy, or the first few of each kind."""
    assert [entry["accounts"][0] for entry in _preview(run_in, book, *args)["entries"]] == accounts


def test_totals_count_what_a_limit_leaves_out(book: Path, run_in: Run) -> None:
    """A limit shortens the list, never the totals; the screen says that there is more."""
    assert _preview(run_in, book, "--limit", "1")["totals"]["texts"] == 2
    assert "Would be sent (2, the first 1 of them)" in run_in(book, "preview", "--limit", "1").stdout


def test_an_empty_book_says_so(reminder: Run) -> None:
    """Nothing to do is said in words, not by silence."""
    result = reminder("preview")
    assert result.exit_code == 0
    assert "Nobody is inside the days of any step." in result.stdout


def test_costs_are_those_of_the_gateway(stand_in: Path, config: Path, run_in: Run) -> None:
    """A gateway without a price costs an unknown sum, not zero; a stand-in is named with whom it stands in for."""
    add_accounts(stand_in, row("A"))
    found = _preview(run_in, stand_in)
    entry = found["entries"][0]
    assert (entry["gateway"], entry["instead_of"], entry["cost"]) == ("console", "twilio", None)
    assert found["totals"]["cost"] == {}
    assert "no price known" in run_in(stand_in, "preview").stdout
    assert "console in place of twilio" in run_in(stand_in, "preview").stdout


def test_a_page_or_json_but_not_both(reminder: Run, tmp_path: Path) -> None:
    """Two outputs at once are a wrong usage: exit code 2."""
    assert reminder("preview", "--json", "--html", str(tmp_path / "p.html")).exit_code == 2


def test_a_page_that_can_not_be_written_is_an_error(reminder: Run, tmp_path: Path) -> None:
    """The place is named, with exit code 1."""
    result = reminder("preview", "--html", str(tmp_path / "no" / "p.html"))
    assert result.exit_code == 1
    assert "choose another place" in result.stderr


class _Page(HTMLParser):
    """What a page consists of: tags with their attributes, and its text without scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._quiet = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))
        self._quiet = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        """End of a script or style."""
        self._quiet = False

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._quiet:
            self.text.append(data)


def test_the_page_needs_nothing_from_elsewhere(book: Path, run_in: Run, tmp_path: Path) -> None:
    """Law 13: a page that is passed around loads nothing, and may not even try."""
    path = tmp_path / "preview.html"
    assert run_in(book, "preview", "--html", str(path)).exit_code == 0

    html = path.read_text(encoding="utf-8")
    page = _Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "href", "srcset", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|https?://(?!pay\.anhe\.example)", html)


def test_the_page_shows_texts_totals_and_reasons_without_numbers(book: Path, run_in: Run, tmp_path: Path) -> None:
    """A manager reads what would be sent, to which accounts, and why the others are left alone."""
    path = tmp_path / "preview.html"
    run_in(book, "preview", "--html", str(path))

    words = " ".join(" ".join(_Page(path.read_text(encoding="utf-8")).text).split())
    for said in ("Anhe Credit: $120.50", "A-sent", "no usable number", "step's own condition", "to collections"):
        assert said in words
    assert "+121****0123" in words
    assert "2125550123" not in words
    assert "555" not in words.replace(" ", "")


def _entry(verb: Verb = Verb.SEND, **given: Any) -> Entry:
    known: dict[str, Any] = {
        "verb": verb, "accounts": ("A",), "customer_id": "C", "policy": "p", "step": "s", "due_date": date(2026, 7, 28),
        "tier": "grace", "dpd": 0, "language": "en", "gateway": "console", "body": "Hello", "segments": 1,
        "number": "+12125550123",
    }  # fmt: skip
    return Entry(**known | given)


def test_the_page_warns_of_what_it_can_not_know() -> None:
    """What `preview` says of holidays that are not announced stands on the page too, above all figures, as text."""
    collected = collect([_entry()], AT, limit=None)
    collected.warnings = (f"holidays of CN are known until 2026-12-31 only {HOSTILE}",)
    html = render_page(collected, lender="Anhe", zone="UTC")

    assert HOSTILE not in html
    words = " ".join(_Page(html).text)
    assert 0 < words.index("known until 2026-12-31") < words.index("texts would be sent")


@pytest.mark.parametrize("field", ["body", "policy", "step", "gateway", "instead_of", "language", "detail"])
@pytest.mark.parametrize("verb", list(Verb))
def test_nothing_from_the_book_becomes_markup(verb: Verb, field: str) -> None:
    """Law 11: whatever a book or a template holds is text on the page."""
    given: dict[str, Any] = {field: HOSTILE, "reason": Reason.HOLD if verb in (Verb.SKIP, Verb.DEFER) else None}
    collected = collect([_entry(verb, **given)], AT, limit=None)
    html = render_page(collected, lender=HOSTILE, zone="UTC")
    assert "<script>alert" not in html
    assert "alert(1)&lt;/script&gt;" in html


def test_the_page_turns_no_line_around() -> None:
    """Law 11: characters that reverse or hide text are made visible; line feeds stay."""
    collected = collect([_entry(body="one\ntwo \u202ethree\x1b[31m")], AT, limit=None)
    html = render_page(collected, lender="Anhe", zone="UTC")
    assert "one\ntwo \ufffdthree\ufffd[31m" in html
    assert "\u202e" not in html


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_words_on_the_page(reason: Reason) -> None:
    """A reason that is added later can't leave a manager with a page that fails."""
    collected = collect([_entry(Verb.SKIP, reason=reason)], AT, limit=None)
    page = " ".join(_Page(render_page(collected, lender="Anhe", zone="Asia/Shanghai")).text)
    assert "Tue 28 Jul 2026, 10:00" in page
    assert 'class="reason"></span>' not in page


def test_the_page_says_what_it_leaves_out() -> None:
    """A bounded page never passes for the whole."""
    collected = collect([_entry() for _ in range(5)], AT, limit=2)
    page = " ".join(_Page(render_page(collected, lender="Anhe", zone="UTC")).text)
    assert "The first 2 of 5." in page


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 10**9), max_size=40))
def test_charts_count_everything_once(counts: dict[str, int]) -> None:
    """A chart adds up to what it shows: the tail is summed, the longest bar is full, nothing is drawn beyond it."""
    drawn = bars(counts)
    assert sum(bar.count for bar in drawn) == sum(counts.values())
    assert len(drawn) <= BARS_MAX + 1
    assert all(0 <= bar.length <= BAR_PIXELS for bar in drawn)
    kept = [bar.count for bar in drawn[:BARS_MAX]]
    assert kept == sorted(kept, reverse=True)
    if drawn:
        assert max(bar.length for bar in drawn) == BAR_PIXELS


@given(st.lists(st.sampled_from(list(Verb)), max_size=30), st.one_of(st.none(), st.integers(0, 10)))
def test_collecting_keeps_within_its_limit_and_counts_all(verbs: list[Verb], limit: int | None) -> None:
    """Memory is bounded by the limit, and the totals do not depend on it."""
    collected = collect([_entry(verb) for verb in verbs], AT, limit=limit)
    assert collected.totals.verbs == Counter(verbs)
    for verb in Verb:
        most = verbs.count(verb) if limit is None else min(limit, verbs.count(verb))
        assert len(collected.entries[verb]) == most


def test_costs_are_exact_and_by_currency() -> None:
    """Money of two currencies is never added up, and no cost shows a float's tail or an exponent."""
    from decimal import Decimal

    entries = [
        _entry(cost=Decimal("0.045") * 2, cost_currency="USD"),
        _entry(cost=Decimal("10.00"), cost_currency="CNY"),
        _entry(cost=Decimal("90.00"), cost_currency="CNY"),
    ]
    assert cost_in_words(collect(entries, AT, limit=None).totals) == "100 CNY + 0.09 USD"
