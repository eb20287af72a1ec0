"""The file of keys: made for its owner only, newest first, and each thing wrong with it is told by line."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from reminder.config.encryption_key import add_encryption_key, read_encryption_keys
from reminder.errors import ConfigError


def test_a_new_key_goes_before_the_old_ones(tmp_path: Path) -> None:
    """The first line seals; what older keys have sealed is read with the others. Nobody else can read the file."""
    path = tmp_path / "encryption.key"
    assert add_encryption_key(path) == 1
    first = read_encryption_keys(path)

    assert add_encryption_key(path) == 2
    newest, *older = read_encryption_keys(path)
    assert (tuple(older), len(newest), newest != first[0]) == (first, 64, True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["encryption.key"]


def test_comments_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    """A person may note when a key was made."""
    path = tmp_path / "k"
    path.write_bytes(b"# of 2026\n\n" + b64encode(b"a" * 64) + b"\n")

    assert read_encryption_keys(path) == (b"a" * 64,)


@pytest.mark.parametrize(
    ("content", "place", "told"),
    [(b"", ":1:1", "found none"), (b"# x\nshort\n", ":2:1", "64 bytes"), (b64encode(b"a" * 32), ":1:1", "64 bytes")],
)
def test_a_file_that_is_none_is_told_by_line(tmp_path: Path, content: bytes, place: str, told: str) -> None:
    """A key file cut short never seals with what is left of it; no message shows a key."""
    path = tmp_path / "k"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_encryption_keys(path)
    assert f"{path}{place}" in str(caught.value.problems[0])
    assert told in str(caught.value.problems[0])
    assert "short" not in str(caught.value.problems[0])


def test_a_missing_file_is_no_reason_to_write_plain_text(tmp_path: Path) -> None:
    """Law 8: the settings name a file, so that its absence is an error and not the end of encryption."""
    with pytest.raises(ConfigError, match="found no file"):
        read_encryption_keys(tmp_path / "gone")
