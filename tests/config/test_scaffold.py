"""A new deployment, written by `reminder init`."""

from __future__ import annotations

from pathlib import Path

import pytest

import reminder
from reminder.config.policies import load_policies
from reminder.config.profiles import load_profiles
from reminder.config.scaffold import KINDS, bundled, write_deployment
from reminder.config.settings import read_settings
from reminder.errors import ConfigError


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_new_deployment_loads_untouched(tmp_path: Path) -> None:
    """A newcomer's first run is not an error."""
    write_deployment(tmp_path / "shop")

    loaded = read_settings(tmp_path / "shop" / "config", {})
    profiles = load_profiles(loaded.profiles)
    policies = load_policies(loaded.policies, profiles.profiles)

    assert (profiles.problems, policies.problems) == ((), ())
    assert len(policies.policies) >= 2
    assert loaded.root == tmp_path / "shop"


def test_what_is_written_is_told_and_is_the_sample(tmp_path: Path, repository: Path) -> None:
    """Every file is copied byte for byte, and each is named."""
    written = write_deployment(tmp_path)

    assert sorted(written) == written
    assert {str(path.relative_to(tmp_path)) for path in written} == set(_tree(tmp_path))
    copied = _tree(tmp_path)
    assert copied["config/reminder.yaml"] == (repository / "config" / "reminder.yaml").read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An author's work is never lost to a command: it refuses, naming each file, and writes nothing at all."""
    mine = tmp_path / "config" / "policies" / "consumer-loan.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    also = tmp_path / "config" / "reminder.yaml"
    also.write_text("mine too", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        write_deployment(tmp_path)

    assert [problem.path for problem in caught.value.problems] == [str(mine), str(also)]
    assert {problem.message for problem in caught.value.problems} == {
        "is there already; choose an empty folder, or move it away"
    }
    assert len(_tree(tmp_path)) == 2


def test_files_of_no_deployment_may_be_there(tmp_path: Path) -> None:
    """A folder with other things in it is fine as long as nothing is in the way."""
    (tmp_path / "notes.md").write_text("x", encoding="utf-8")

    write_deployment(tmp_path)

    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_of_a_checkout_lie_beside_the_package(repository: Path, kind: str) -> None:
    """Without a wheel, the repository's own folders are the samples."""
    assert bundled(kind) == repository / kind


def test_the_samples_of_a_wheel_lie_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed program needs no checkout; hidden files and caches are left behind."""
    package = tmp_path / "site-packages" / "reminder"
    for name in ("config/reminder.yaml", "templates/en/a.sms.j2", "config/.swp", "config/__pycache__/x.pyc"):
        path = package / "_bundled" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    monkeypatch.setattr(reminder, "__file__", str(package / "__init__.py"))

    written = write_deployment(tmp_path / "shop")

    assert bundled("config") == package / "_bundled" / "config"
    assert [str(path.relative_to(tmp_path / "shop")) for path in written] == [
        "config/reminder.yaml", "templates/en/a.sms.j2",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["reminder", "..", "deploy"])
def test_only_the_two_kinds_are_bundled(kind: str) -> None:
    """Nothing else of the installation is ever handed out."""
    with pytest.raises(ConfigError, match="has no sample"):
        bundled(kind)
