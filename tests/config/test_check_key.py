"""The key of check codes is a file of its own: made once, read by its owner, never replaced unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from reminder.config.check_key import read_check_key, write_check_key
from reminder.domain.check_code import KEY_CHARS_MIN
from reminder.errors import ConfigError


def test_a_new_key_is_long_and_its_owners(tmp_path: Path) -> None:
    """Nobody else on the machine can read it, and nobody can guess it."""
    path = tmp_path / "check.key"
    write_check_key(path)

    key = read_check_key(path)

    assert key is not None
    assert len(key) >= KEY_CHARS_MIN
    assert path.stat().st_mode & 0o077 == 0


def test_two_keys_differ(tmp_path: Path) -> None:
    """It is drawn anew for each deployment."""
    for name in ("a", "b"):
        write_check_key(tmp_path / name)

    assert read_check_key(tmp_path / "a") != read_check_key(tmp_path / "b")


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    """Codes of the key that is there are in texts by now."""
    path = tmp_path / "check.key"
    write_check_key(path)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="is there already"):
        write_check_key(path)

    assert path.read_bytes() == before


def test_no_file_is_no_key(tmp_path: Path) -> None:
    """Defaults work untouched: without a file texts carry no code."""
    assert read_check_key(tmp_path / "check.key") is None


def test_a_short_key_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """A key that could be guessed is an error that says what to do, and does not show the key."""
    path = tmp_path / "check.key"
    path.write_text("hunter2\n")

    with pytest.raises(ConfigError, match=r"at least 32 characters, found 7.*new-key") as caught:
        read_check_key(path)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """What stands in the way is named."""
    with pytest.raises(ConfigError, match="expected a key that can be read"):
        read_check_key(tmp_path)
