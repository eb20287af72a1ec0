"""The bench runs and reports; how fast this machine is today is no test's business."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import structlog
from bench.books import AT, LAST, fill, world
from bench.databases import Store, places
from bench.measure import Figure, against, missing
from bench.planning import floor_plan
from bench.previewing import bodies, floor_bodies
from bench.report import as_json, save, table
from bench.run import TINY, bench
from bench.sending import floor_dispatch, planned_anew

GOALS = {"plan", "again", "growth", "memory", "elsewhere", "preview", "preview-all", "dispatch", "import", "receipts"}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give other tests the logging and the garbage collector that they know."""
    known, looks = structlog.get_config(), gc.get_threshold()
    yield
    structlog.configure(**known)
    gc.set_threshold(*looks)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A SQLite database with a small book."""
    with places(tmp_path, ["sqlite"], "test") as (made,):
        fill(made, 300, 60)
        yield made


def test_the_bench_measures_every_figure_it_names(tmp_path: Path) -> None:
    """At tiny sizes every figure comes out as a ratio of two times, and the report says so in all its forms."""
    parts = ["plan", "preview", "profile", "dispatch", "elsewhere", "import", "receipts", "growth", "policies", "share"]
    results = bench(TINY, tmp_path, ["sqlite"], only=parts)
    assert not [one.note for one in results.figures if one.failed]
    assert {one.key for one in results.figures if one.bound} == GOALS
    assert all(one.ratio is not None and one.ratio > 0 for one in results.figures if one.bound)
    assert all(one.value is not None and one.value > 0 for one in results.figures if not one.bound)
    assert set(results.profiles) == {"plan, sqlite", "preview, sqlite", "dispatch, sqlite"}
    # A dispatch decides in a thread of its own, which the profile must not overlook.
    assert all(
        "reminder.domain" in results.profiles[path]["places"] for path in ("preview, sqlite", "dispatch, sqlite")
    )
    save(tmp_path / "report", results.figures, results.points, results.profiles)
    assert "| dispatch, sqlite |" in (tmp_path / "report" / "figures.md").read_text("utf-8")
    told = json.loads((tmp_path / "report" / "figures.json").read_text("utf-8"))
    assert {one["key"] for one in told["figures"]} > GOALS
    assert ElementTree.parse(tmp_path / "report" / "growth.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own


def test_the_floor_plans_the_same_accounts(store: Store) -> None:
    """The bare statement is an honest floor: it writes a row for each account that the product plans."""
    planned = world(store).plan()
    with store.engine.connect() as connection:
        keys = set(connection.exec_driver_sql("SELECT account_id, due_date FROM outbox"))
    store.clear("outbox")
    assert floor_plan(store) == planned == 60
    with store.engine.connect() as connection:
        assert set(connection.exec_driver_sql("SELECT account_id, due_date FROM outbox")) == keys


def test_the_floor_writes_the_same_texts(store: Store) -> None:
    """The floor of a preview renders every text to the byte, so that what it leaves out is deciding alone."""
    assert sorted(floor_bodies(store)) == sorted(bodies(world(store).deployment()))


def test_the_floor_sends_what_the_product_sends(store: Store) -> None:
    """The floor of dispatch claims, reserves, sends and records as many texts."""
    here = world(store)
    deployment = here.deployment()
    planned_anew(store, deployment)
    sent = here.dispatch().texts
    planned_anew(store, deployment)
    assert floor_dispatch(store) == sent == 60
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT state FROM outbox").scalars().all() == ["sent"]


def test_a_missed_goal_is_said(tmp_path: Path) -> None:
    """The table marks what is slower than promised, and what could not be measured is named, not left out."""
    slow = Figure("slow", "a slow thing", ratio=9.0, product=9.0, floor=1.0, bound=2.0)
    low = Figure("low", "a low rate", ratio=0.5, bound=0.9, at_most=False)
    good = Figure("good", "a good thing", ratio=1.0, bound=2.0)
    shown = table([slow, low, good, missing("none", "an absent thing", "nothing to measure it with")])
    marks = [line.split("|")[9].strip() for line in shown.splitlines() if line.startswith(("| a ", "| an "))]
    assert marks == ["**no**", "**no**", "yes", ""]
    assert "nothing to measure it with" in shown
    assert json.loads(as_json([slow], {}, {}))["figures"][0]["met"] is False


def test_a_part_that_fails_is_named_and_stops_no_other(tmp_path: Path) -> None:
    """A run of ten minutes is not lost to one part: the report says which broke and why, and has the others."""
    (tmp_path / "idle").write_text("in the way")
    begun: list[str] = []
    results = bench(TINY, tmp_path, ["sqlite"], only=["plan", "idle"], begin=begun.append)

    assert begun == ["plan sqlite", "idle"]
    assert [(one.key, one.failed) for one in results.figures] == [
        ("plan", False), ("again", False), ("idle-failed", True),
    ]  # fmt: skip
    assert "FileExistsError" in table(results.figures)


def test_floor_and_product_take_turns(store: Store) -> None:
    """Each is prepared and measured alternately, after a first round that isn't counted, so that load hits both."""
    done: list[str] = []
    figure = against(
        "x", "x", lambda: done.append("product"), lambda: done.append("floor"), before=lambda: done.append("before"),
        repeats=2,
    )  # fmt: skip
    assert done == ["before", "floor", "before", "product"] * 3
    assert [len(taken) for taken in figure.samples.values()] == [2, 2]


def test_the_book_of_the_bench_is_as_said(store: Store) -> None:
    """As many accounts are inside some step's days as were asked for, and all of them can be texted at that instant."""
    outcomes = world(store).preview()
    assert len(outcomes) == 60
    assert {str(one.verb) for one in outcomes} == {"send"}
    assert AT.date() < LAST
