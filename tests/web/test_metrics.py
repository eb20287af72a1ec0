"""`/metrics`: Prometheus can read it, it is documented, bounded, true, and whoever asks must be allowed to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from reminder import __version__
from reminder.app import now, open_deployment
from reminder.domain.trouble import CODES
from reminder.installation import read_installation
from reminder.pipeline.run import run_pass
from reminder.pipeline.vitals import LATENCY_BOUNDS_SECONDS, Histogram
from reminder.web.exposition import Family, Metric, exposed
from reminder.web.metrics import METRICS, Metrics
from reminder.web.served import Kept, Standing
from support.deployments import add_accounts, row, write_deployment
from support.outbox_rows import remind


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The folder of settings of a deployment that texts through the console."""
    return write_deployment(tmp_path)


@contextmanager
def opened(config: Path) -> Iterator[Standing]:
    """Lend what is in force."""
    installation = read_installation(config, {})
    with open_deployment(installation) as deployment:
        yield Standing(installation, deployment)


def read(told: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples as Prometheus' own reader finds them, by name."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(told.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), f"{sample.name} {labels} is told twice"
            found[sample.name][labels] = sample.value
    return found


def told_by(standing: Standing) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return what is told now."""
    return read(Metrics(standing)())


def test_what_happened_is_told(config: Path) -> None:
    """One text sent, one silent for its reason, one that waits: each is in its metric."""
    add_accounts(config, row("A"), row("B", autopay="true"))
    with opened(config) as standing:
        asyncio.run(run_pass(standing.deployment))
        with standing.deployment.engine.begin() as connection:
            remind(connection, "doubtful", state="in_doubt")
        found = told_by(standing)

    assert found["reminder_info"] == {(("version", __version__),): 1}
    assert found["reminder_database_up"] == {(): 1}
    assert found["reminder_open"][("state", "planned"),] == 1
    assert found["reminder_waiting"] == {(("reason", "when"),): 1}
    assert found["reminder_today_planned"] == {(): 2}
    assert found["reminder_today_ended"][("state", "sent"),] == 1
    assert found["reminder_today_texts"] == {(("gateway", "console"), ("outcome", "accepted")): 1}
    assert found["reminder_gateway_call_seconds_count"] == {(("gateway", "console"), ("outcome", "accepted")): 1}
    assert found["reminder_gateway_configured"] == {(("gateway", "console"),): 1, (("gateway", "twilio"),): 0}
    assert found["reminder_doubt_age_seconds"][()] > 86_400
    assert found["reminder_trouble"][("code", "RM-W073"),] == 1
    assert sum(found["reminder_trouble"].values()) == 1


def test_labels_are_bounded_and_name_no_customer(config: Path) -> None:
    """Law 13: neither a number, nor an account, nor a text is in a label, whatever stands in the outbox."""
    add_accounts(config, row("ACCOUNT-4711"))
    with opened(config) as standing:
        asyncio.run(run_pass(standing.deployment))
        with standing.deployment.engine.begin() as connection:
            remind(connection, "X", reason="ACCOUNT-4711: said something", planned_at=now())
        told = Metrics(standing)().decode()

    assert "ACCOUNT" not in told
    assert "5550123" not in told
    names = set(re.findall(r'(\w+)="', told))
    assert names <= {"version", "code", "state", "reason", "gateway", "outcome", "guard", "le"}


def test_a_scrape_tells_what_is_defined_and_nothing_else(config: Path) -> None:
    """Names, kinds, labels and help are those of METRICS, which the documents, rules and dashboard are held to."""
    add_accounts(config, row("A"))
    with opened(config) as standing:
        asyncio.run(run_pass(standing.deployment))
        families = list(text_string_to_metric_families(Metrics(standing)().decode()))

    assert {family.name for family in families} <= set(METRICS)
    for family in families:
        metric = METRICS[family.name]
        assert (family.documentation, family.type) == (metric.says, metric.kind)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert [family.name for family in families] == [name for name in METRICS if name in {f.name for f in families}]


def test_an_empty_deployment_tells_zeros(config: Path) -> None:
    """What is 0 is told as 0, so that a rule can compare it; what nobody can know is absent."""
    with opened(config) as standing:
        found = told_by(standing)

    assert {name: found[name][()] for name in ("reminder_backlog", "reminder_runs_missed", "reminder_daemons")} == {
        "reminder_backlog": 0,
        "reminder_runs_missed": 0,
        "reminder_daemons": 0,
    }
    assert found["reminder_trouble"] == {(("code", code),): 0 for code in CODES.values()}
    assert not {"reminder_tick_age_seconds", "reminder_plan_age_seconds", "reminder_book_age_seconds"} & set(found)


def test_a_database_that_is_away_is_told_not_raised(config: Path) -> None:
    """Who watches learns that the database is away from the very metrics that need it."""
    with opened(config) as standing:
        with standing.deployment.engine.begin() as connection:
            connection.execute(text("ALTER TABLE outbox RENAME TO away"))
        found = told_by(standing)

    assert found["reminder_database_up"] == {(): 0}
    assert "reminder_info" in found
    assert "reminder_open" not in found


def test_the_books_age_is_told_where_it_says_it(config: Path) -> None:
    """Law 15: how old the lender's table is, beside how old it may be."""
    add_accounts(config, row("A"))
    path = config / "reminder.yaml"
    columns = ", ".join(
        f"{name}: {name}" for name in ("account_id", "customer_id", "phone", "due_date", "amount_due", "currency")
    )
    book = f"book: {{table: account, columns: {{{columns}}}, fresh: {{column: loaded_at, max_age: 26h}}}}\n"
    path.write_text(path.read_text("utf-8") + book, "utf-8")
    with opened(config) as standing:
        found = told_by(standing)

    assert found["reminder_book_age_max_seconds"] == {(): 26 * 3600}
    assert 0 <= found["reminder_book_age_seconds"][()] < 600


def test_awkward_names_are_escaped() -> None:
    """Whatever a label holds, Prometheus reads the same back."""
    metric = Metric("m", 'says "a\\b"\nmore', ("label",))
    told = read(exposed([Family(metric, {('quote " slash \\ line \n end',): 0.1 + 0.2})]))

    assert told == {"m": {(("label", 'quote " slash \\ line \n end'),): 0.1 + 0.2}}


def test_buckets_add_up() -> None:
    """A bucket has all that took as long or less, as Prometheus wants it; the last has all."""
    histogram = Histogram()
    for seconds in (0.01, 0.2, 0.3, 99.0):
        histogram.add(seconds)
    metric = Metric("m", "how long", ("gateway",), "histogram")
    told = read(exposed([Family(metric, {("g",): histogram})]))

    by_bound = {dict(labels)["le"]: count for labels, count in told["m_bucket"].items()}
    assert [by_bound[str(bound)] for bound in LATENCY_BOUNDS_SECONDS] == [1, 1, 2, 3, 3, 3, 3, 3, 3]
    assert by_bound["+Inf"] == told["m_count"][(("gateway", "g"),)] == 4
    assert told["m_sum"][(("gateway", "g"),)] == pytest.approx(99.51)


def test_an_answer_is_kept_for_a_while() -> None:
    """However many scrape, the database is asked once in that time; a clock that goes back asks again."""
    moments = iter([0.0, 1.0, 9.9, 10.0, 3.0])
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    kept = Kept(ask, 10.0, elapsed=lambda: next(moments))

    assert [kept() for _ in range(5)] == [1, 1, 1, 2, 3]
