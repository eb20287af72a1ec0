"""A folder of policies: order, broken files beside sound ones, and places found again later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reminder.config.policies import LoadedPolicies, load_policies
from reminder.config.yaml_document import yaml_files

FolderOf = Callable[..., LoadedPolicies]


def _policy(name: str, *, priority: int = 100) -> str:
    return (
        f"policy: {name}\npriority: {priority}\ntimezone: UTC\nroute: {{sms: [console]}}\n"
        "steps:\n"
        "  - {id: due, at: 0, every: 2, times: 2, template: a}\n"
        '  - {id: late, at: 9, template: b, when: "account.x", until: 12}\n'
    )


def test_policies_come_by_priority_and_then_by_name(folder_of: FolderOf) -> None:
    """The order in which an account tries policies doesn't depend on the names of files."""
    loaded = folder_of(
        a=_policy("zebra", priority=5), b=_policy("cat"), c=_policy("ape"), d=_policy("yak", priority=300)
    )

    assert [policy.name for policy in loaded.policies] == ["zebra", "ape", "cat", "yak"]
    assert loaded.problems == ()


def test_one_broken_file_stops_no_other(folder_of: FolderOf) -> None:
    """Law 9: a file that can't be read is left out with its problems; the rest is in force."""
    loaded = folder_of(good=_policy("good"), bad="policy: bad\n\tx: 1\n", worse=_policy("worse").replace("UTC", "Moon"))

    assert [file.policy.name for file in loaded.files] == ["good"]
    assert [(Path(problem.path).name, problem.line) for problem in loaded.problems] == [
        ("bad.yaml", 2),
        ("worse.yaml", 3),
    ]


def test_a_name_can_be_taken_only_once(folder_of: FolderOf) -> None:
    """A policy's name is its identity: the second file is refused, at the name."""
    loaded = folder_of(a=_policy("loans"), b=_policy("loans", priority=1))

    assert [file.policy.priority for file in loaded.files] == [100]
    (problem,) = loaded.problems
    assert (Path(problem.path).name, problem.line, problem.column) == ("b.yaml", 1, 9)
    assert problem.message == "policy: the name `loans` is taken by a.yaml; names are identity, choose another"


def test_a_folder_that_is_not_there_has_no_policies(tmp_path: Path) -> None:
    """Loading never raises; an empty deployment is empty."""
    assert load_policies(tmp_path / "none", {}) == LoadedPolicies((), ())


def test_only_visible_yaml_files_are_policies(tmp_path: Path) -> None:
    """An editor's swap file is nobody's policy."""
    for name in ("b.yaml", "a.yml", ".a.yaml.swp", ".hidden.yaml", "note.md", "a.yaml~"):
        (tmp_path / name).write_text("x: 1", encoding="utf-8")

    assert [path.name for path in yaml_files(tmp_path)] == ["a.yml", "b.yaml"]


def test_a_place_is_found_by_the_name_of_the_policy(folder_of: FolderOf) -> None:
    """What is found wrong later, such as a missing gateway, still points at line and column."""
    loaded = folder_of(loans=_policy("loans"))

    assert loaded.place("loans", ("route", "sms", 0)) == (4, 15)
    assert loaded.place("loans", ("route",), key=True) == (4, 1)
    assert loaded.documents["loans"].path.name == "loans.yaml"
    problem = loaded.problem("loans", ("timezone",), "odd", warning=True)
    assert (problem.line, problem.column, problem.message, problem.warning) == (3, 11, "odd", True)


@pytest.mark.parametrize(
    ("step_id", "field", "place"),
    [
        pytest.param("late", "when", (7, 42), id="condition"),
        pytest.param("due", "template", (6, 52), id="template"),
        pytest.param("due", "when", (6, 5), id="a-field-it-lacks-gives-the-step"),
    ],
)
def test_a_step_is_found_by_its_id(folder_of: FolderOf, step_id: str, field: str, place: tuple[int, int]) -> None:
    """Occurrences of a repeated step share the id, and so the place, of the step in the file."""
    loaded = folder_of(loans=_policy("loans"))

    problem = loaded.step_problem("loans", step_id, field, "no such template")

    assert (problem.line, problem.column) == place
    assert not problem.warning


def test_every_occurrence_leads_back_to_its_step(folder_of: FolderOf) -> None:
    """`due.2` is nowhere in the file, `due` is."""
    loaded = folder_of(loans=_policy("loans"))

    lines = [loaded.step_problem("loans", step.id, "id", "x").line for step in loaded.policies[0].steps]

    assert lines == [6, 6, 7]


def test_an_unknown_policy_has_no_place(folder_of: FolderOf) -> None:
    """Asking for what was never loaded is a mistake of ours, not of the file's."""
    with pytest.raises(KeyError, match="ghost"):
        folder_of(loans=_policy("loans")).place("ghost", ())
